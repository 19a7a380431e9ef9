"""The hand-made executables, run for real where this machine can."""

from __future__ import annotations

import errno
import struct
import subprocess
from pathlib import Path

import pytest

from xbuild.platforms import MACHINES, Platform
from xbuild.solve.emulation import _EXIT, _judge, local_handler, tiny_elf
from xbuild.solve.run import Completed


@pytest.mark.parametrize("architecture", sorted(_EXIT))
def test_a_tiny_executable_ends_with_zero(architecture: str, tmp_path: Path) -> None:
    program = tmp_path / architecture
    program.write_bytes(tiny_elf(architecture))
    program.chmod(0o755)
    code: int | None
    try:
        code = subprocess.run([program], check=False).returncode
    except OSError as error:
        code = error.errno
    if code == errno.ENOEXEC:
        pytest.skip(f"this machine does not run {architecture}")
    assert code == 0


@pytest.mark.parametrize("architecture", sorted(_EXIT))
def test_its_header_names_the_machine(architecture: str) -> None:
    data = tiny_elf(architecture)
    machine = MACHINES[architecture]
    order = "<" if machine.little_endian else ">"
    assert data[4] == (2 if machine.bits == 64 else 1)
    assert struct.unpack_from(f"{order}H", data, 18)[0] == machine.number


def test_an_answer_is_judged() -> None:
    def answer(text: str, code: int = 1) -> Completed:
        return Completed((), code, b"", text.encode(), 1.0)

    assert _judge(answer("", 0)).ok
    error = _judge(
        answer('{"vertexes":[{"digest":"d","name":"n","error":"exec /probe: exec format error"}]}')
    )
    assert not error.ok
    assert "no emulator" in error.reason
    assert _judge(answer("ERROR: failed to build: boom")).reason == "ERROR: failed to build: boom"
    assert "no answer" in _judge(Completed((), -9, b"", b"", 1.0, timed_out=True)).reason


def test_a_platform_without_a_handler_has_none() -> None:
    assert local_handler(Platform("linux", "no-such-machine")) is None
