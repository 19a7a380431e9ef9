"""Which platforms the engine's machine can run: natively, through QEMU, or not at all.

What counts is the kernel of the *engine's* machine. When that is ours, /proc/sys/fs/binfmt_misc tells;
otherwise, and when nothing is registered there (BuildKit brings emulators of its own), a solve does:
`FROM scratch`, a static ELF file of a few instructions for that platform, and a RUN of it. It needs no
image and takes 1 to 2.5 s; several platforms are probed at the same time. Results are kept for this
process.
"""

from __future__ import annotations

import os
import re
import shlex
import struct
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xbuild.architectures import ARCHITECTURES
from xbuild.errors import EngineError
from xbuild.platforms import MACHINES, Platform
from xbuild.solve.engine import Engine, docker
from xbuild.solve.progress import read
from xbuild.solve.run import Completed, Invocation, run, run_all

_BINFMT = Path("/proc/sys/fs/binfmt_misc")
_TIMEOUT = 120.0
_INSTALL = 300.0

# The instructions of `exit(0)`, in the byte order of the machine; system call numbers from the kernel's
# tables.
_EXIT: dict[str, bytes] = {
    "amd64": bytes.fromhex("b83c000000 31ff 0f05"),  # mov eax,60; xor edi,edi; syscall
    "386": bytes.fromhex("b801000000 31db cd80"),  # mov eax,1; xor ebx,ebx; int 0x80
    "arm": struct.pack("<3I", 0xE3A00000, 0xE3A07001, 0xEF000000),  # mov r0,#0; mov r7,#1; svc 0
    "arm64": struct.pack("<3I", 0xD2800000, 0xD2800BA8, 0xD4000001),  # mov x0,#0; mov x8,#93; svc 0
    "ppc64le": struct.pack("<3I", 0x38000001, 0x38600000, 0x44000002),  # li r0,1; li r3,0; sc
    "s390x": bytes.fromhex("a7290000 0a01"),  # lghi r2,0; svc 1
    "riscv64": struct.pack("<3I", 0x00000513, 0x05D00893, 0x00000073),  # li a0,0; li a7,93; ecall
    "loong64": struct.pack("<3I", 0x02800004, 0x0281740B, 0x002B0000),  # li a0,0; li a7,93; syscall 0
    "mips64le": struct.pack("<3I", 0x240213C2, 0x24040000, 0x0000000C),  # li v0,5058; li a0,0; syscall
}

# e_flags: EABI 5; ELFv2; double-float calling convention; MIPS64 release 2
_FLAGS = {"arm": 0x05000000, "ppc64le": 2, "riscv64": 4, "loong64": 0x43, "mips64le": 0x80000000}

_ADDRESS = 0x400000
_ALIGNMENT = 0x10000

# Names of handlers as qemu-user-static and tonistiigi/binfmt register them.
_QEMU_NAMES = {row.architecture: row.qemu for row in ARCHITECTURES}


@dataclass(frozen=True, slots=True)
class EmulationProbe:
    """Whether programs for a platform run; `reason` says why not, `handler` what runs them."""

    ok: bool
    native: bool = False
    reason: str = ""
    handler: str = ""


_known: dict[tuple[str, str], EmulationProbe] = {}


def probe_platforms(
    engine: Engine, platforms: Sequence[Platform], *, may_solve: bool = True
) -> dict[Platform, EmulationProbe]:
    """An answer for each platform; without solves only those that are known. Raises CancelledError."""
    found = {platform: _without_solve(engine, platform) for platform in platforms}
    if not may_solve:
        return {platform: probe for platform, probe in found.items() if probe is not None}
    unknown = {p.architecture: p for p, probe in found.items() if probe is None}
    for architecture, probe in _ask(engine, tuple(unknown.values())).items():
        _known[engine.key, architecture] = probe
    return {p: probe or _known[engine.key, p.architecture] for p, probe in found.items()}


def install_handlers(image: str, platforms: Sequence[Platform]) -> None:
    """Register QEMU on the engine's machine with an image of tonistiigi's binfmt. Raises EngineError."""
    names = ",".join(dict.fromkeys(platform.architecture for platform in platforms))
    argv = (*docker(), "run", "--privileged", "--rm", image, "--install", names)
    answer = run(argv, timeout=_INSTALL)
    if not answer.ok:
        said = " ".join((answer.error_text or answer.text or "no answer in time").split())
        raise EngineError(
            f"QEMU could not be set up: {said[:400]}",
            expected=f"`{shlex.join(argv)}` to succeed",
            hint="set QEMU up by other means, or build for platforms and with Dockerfiles that need none",
        )
    _known.clear()


def _without_solve(engine: Engine, platform: Platform) -> EmulationProbe | None:
    if engine.is_native(platform):
        return EmulationProbe(True, native=True, handler="native")
    known = _known.get((engine.key, platform.architecture))
    if known is not None:
        return known
    # A builder that is no container of this engine's may be anywhere, with handlers of its own or none.
    is_here = engine.is_local and engine.builder.driver in ("docker", "docker-container")
    handler = local_handler(platform) if is_here else None
    return EmulationProbe(True, handler=handler) if handler else None


def local_handler(platform: Platform) -> str | None:
    """The interpreter registered on this machine, when it also works inside containers (flag F)."""
    name = _QEMU_NAMES.get(platform.architecture)
    try:
        text = (_BINFMT / f"qemu-{name}").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    interpreter = re.search(r"^interpreter (\S+)", text, re.MULTILINE)
    fixed = re.search(r"^flags: \S*F", text, re.MULTILINE)
    return interpreter[1] if interpreter and fixed and text.startswith("enabled") else None


def qemu_version(engine: Engine) -> str | None:
    """`7.2.15`, when the engine is local and its interpreter is a file here."""
    if not engine.is_local:
        return None
    for name in _QEMU_NAMES:
        handler = local_handler(Platform("linux", name))
        # Debian registers `aarch64-binfmt-P`, a link under whose name QEMU only serves the kernel
        interpreter = os.path.realpath(handler) if handler else ""
        if os.access(interpreter, os.X_OK):
            said = re.search(r"version (\d+(?:\.\d+)+)", run((interpreter, "--version"), timeout=10).text)
            return said[1] if said else None
    return None


def _ask(engine: Engine, platforms: Sequence[Platform]) -> dict[str, EmulationProbe]:
    if not platforms:
        return {}
    with tempfile.TemporaryDirectory(prefix="xbuild-probe-") as name:
        commands = [_command(engine, platform, Path(name)) for platform in platforms]
        answers = run_all(commands, timeout=_TIMEOUT)
    return {p.architecture: _judge(answer) for p, answer in zip(platforms, answers, strict=True)}


def _command(engine: Engine, platform: Platform, folder: Path) -> Invocation:
    """A solve without cache: an answer from before a handler was removed would be wrong."""
    context = folder / platform.architecture
    context.mkdir()
    (context / "probe").write_bytes(tiny_elf(platform.architecture))
    dockerfile = context / "Dockerfile"
    dockerfile.write_text('FROM scratch\nCOPY --chmod=0755 probe /probe\nRUN ["/probe"]\n', encoding="ascii")
    (context / "probe").chmod(0o755)
    argv = (
        *docker(), "buildx", "build", "--builder", engine.builder.name, "--platform", str(platform),
        "--no-cache", "--progress", "rawjson", "--output", "type=cacheonly", "--file", str(dockerfile),
        str(context),
    )  # fmt: skip
    return Invocation(argv)


def _judge(answer: Completed) -> EmulationProbe:
    if answer.ok:
        return EmulationProbe(True, handler="the engine's")
    if answer.timed_out:
        return EmulationProbe(False, reason=f"no answer within {_TIMEOUT:.0f} s")
    progress = read(answer.error_text.splitlines())
    failed = progress.failed
    log = failed.log.decode("utf-8", "replace") if failed else ""
    text = "\n".join([*progress.text, failed.error if failed else "", log])
    if "exec format error" in text:
        return EmulationProbe(
            False, reason="exec format error: no emulator is registered on the engine's machine"
        )
    errors = [line for line in text.splitlines() if line.strip()]
    return EmulationProbe(
        False, reason=next((e for e in errors if e.startswith("ERROR")), (errors or ["unknown"])[-1])
    )


def tiny_elf(architecture: str) -> bytes:
    """A static executable that does `exit(0)`: header, one program header, code (ELF gABI)."""
    machine = MACHINES[architecture]
    code = _EXIT[architecture]
    order = "<" if machine.little_endian else ">"
    wide = machine.bits == 64
    header_size, program_size = (64, 56) if wide else (52, 32)
    start = header_size + program_size
    size = start + len(code)
    identity = b"\x7fELF" + bytes([2 if wide else 1, 1 if machine.little_endian else 2, 1]) + bytes(9)
    word = "Q" if wide else "I"
    header = struct.pack(
        f"{order}HHI{word}{word}{word}IHHHHHH",
        2, machine.number, 1, _ADDRESS + start, header_size, 0, _FLAGS.get(architecture, 0),
        header_size, program_size, 1, 0, 0, 0,
    )  # fmt: skip
    where = (0, _ADDRESS, _ADDRESS, size, size)
    load, readable_and_executable = 1, 5
    program = (
        struct.pack(f"{order}II6Q", load, readable_and_executable, *where, _ALIGNMENT)
        if wide
        else struct.pack(f"{order}8I", load, *where, readable_and_executable, _ALIGNMENT)
    )
    return identity + header + program + code
