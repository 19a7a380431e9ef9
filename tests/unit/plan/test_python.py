"""pip told of the target: what the helper makes of a Python that runs it, and what it refuses."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from xbuild.architectures import ARCHITECTURES
from xbuild.plan.toolchains.python.told import MACHINES, RUNNER
from xbuild.solve.marks import refusal_in

WHEELS = {row.docker: row.wheel for row in ARCHITECTURES if row.docker in MACHINES}


def run(folder: Path, text: str, *words: str, target: str = "s390x") -> subprocess.CompletedProcess[str]:
    """The helper with a module `pip` in the current folder, or a script of that name on PATH."""
    (folder / "helper.py").write_text(RUNNER)
    (folder / "pip.py").write_text(text)
    script = folder / "pip"
    script.write_text(f"#!/opt/python\nimport runpy, sys\nsys.path.insert(0, {str(folder)!r})\nimport pip\n")
    script.chmod(0o755)
    environment = {**os.environ, "TARGETARCH": target, "PATH": f"{folder}:{os.environ['PATH']}"}
    return subprocess.run(
        [sys.executable, str(folder / "helper.py"), *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


ASKED = """\
import os, platform, sysconfig
print(os.uname().machine, platform.machine(), sysconfig.get_platform())
"""


@pytest.mark.parametrize("target", MACHINES)
@pytest.mark.parametrize("words", [("pip",), ("-m", "pip")])
def test_the_machine_is_the_target(tmp_path: Path, target: str, words: tuple[str, ...]) -> None:
    name = WHEELS[target]
    assert run(tmp_path, ASKED, *words, target=target).stdout.split() == [name, name, f"linux-{name}"]


def test_pip_is_called_as_it_would_be(tmp_path: Path) -> None:
    text = "import sys\nprint(sys.executable, sys.argv)"
    told = run(tmp_path, text, "pip", "install", "-t", "/deps").stdout
    assert told == f"/opt/python {[str(tmp_path / 'pip'), 'install', '-t', '/deps']}\n"
    told = run(tmp_path, text, "-m", "pip", "install").stdout
    assert told == f"{sys.executable} {[str(tmp_path / 'pip.py'), 'install']}\n"


@pytest.mark.parametrize(
    "start",
    [
        "subprocess.run([sys.executable, '-c', ''])",
        "subprocess.run('true', shell=True)",
        "os.system('true')",
        "os.execv('/bin/true', ['true'])",
        "os.posix_spawn('/bin/true', ['true'], {})",
    ],
)
def test_nothing_is_started(tmp_path: Path, start: str) -> None:
    text = f"import os, subprocess, sys\ntry:\n    {start}\nexcept BaseException:\n    pass\nprint('started')"
    done = run(tmp_path, text, "pip")
    assert done.returncode == 125
    assert "is not started: nothing is built for s390x here" in done.stdout
    assert "would have built something for s390x" in (refusal_in(done.stdout.encode()) or "")
    assert "started\n" not in done.stdout.replace("not started", "")


@pytest.mark.parametrize("name", ["uname", "lsb_release", "rustc"])
def test_what_pip_asks_for_its_name_is_not_there(tmp_path: Path, name: str) -> None:
    text = f"import subprocess\ntry: subprocess.run(['{name}'])\nexcept FileNotFoundError: print('none')"
    assert run(tmp_path, text, "pip").stdout == "none\n"


def test_another_target_is_an_error(tmp_path: Path) -> None:
    assert run(tmp_path, ASKED, "pip", target="arm").returncode == 1


def test_the_shell_writes_it_as_it_is() -> None:
    for line in RUNNER.splitlines():
        assert shlex.split(f"'{line}'") == [line]
