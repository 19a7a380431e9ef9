"""The RUN that brings cross compilers asks which machine builds: what it installs on amd64, and on arm64.

Its lines are run up to the installation, with programs that only tell how they were called.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.unit.rewrite.test_rewrite_fixtures import FIXTURES
from xbuild.dockerfile.model import Run
from xbuild.dockerfile.parser import parse
from xbuild.text import Source

ASKING = "native=$(dpkg --print-architecture)"
CASES = sorted(p.parent for p in FIXTURES.rglob("after.Dockerfile") if ASKING in p.read_text("utf-8"))
CROSS = {"amd64": "gcc-x86-64-linux-gnu", "arm64": "gcc-aarch64-linux-gnu"}
_INSTALL = re.compile(r"apt-get install [^;]*;")


def installed(script: str, machine: str, folder: Path) -> list[str]:
    """The packages that are installed on a machine."""
    folder.mkdir()
    for name, line in (("dpkg", f"echo {machine}"), ("apt-get", 'echo "$@"'), ("find", "")):
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    end = _INSTALL.search(script)
    assert end is not None
    told = subprocess.run(
        ["/bin/sh", "-c", script[: end.end()]],
        env={"PATH": str(folder)},
        capture_output=True,
        check=True,
        text=True,
    )
    return told.stdout.split()


def test_there_are_some() -> None:
    assert len(CASES) > 50


@pytest.mark.parametrize("case", CASES, ids=lambda p: p.name)
def test_on_either_machine(case: Path, tmp_path: Path) -> None:
    text = (case / "after.Dockerfile").read_text("utf-8")
    runs = [i for i in parse(Source("Dockerfile", text)).instructions if isinstance(i, Run)]
    scripts = [r.script.text for r in runs if r.script is not None and ASKING in r.script.text]
    for number, script in enumerate(scripts):
        for machine, own in CROSS.items():
            found = installed(script, machine, tmp_path / f"{number}-{machine}")
            assert own not in found, "a compiler for the machine itself is there already"
            others = {name for name in CROSS.values() if name in script} - {own}
            assert others <= set(found)
