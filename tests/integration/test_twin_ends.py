"""Ends of a step with native twins that nobody wants (an interrupt, a kill, a full disk): as without."""

from __future__ import annotations

import gzip
import os
import re
import signal
import subprocess
import sys
import time
import uuid
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration.commands import xbuild
from tests.integration.solving import BUILDERS, CONTAINER_BUILDER, REGISTRY, engine, served_digest
from tests.integration.test_twins import member, package

from xbuild.errors import Exit
from xbuild.plan.twins.twin import MOUNT

BASE = "debian:bookworm"
WORDS = ("--platform", "linux/arm64", "--baseline", "none", "--progress", "plain")
ENDED = re.compile(r'process "[^\n]*" did not complete successfully: (exit code: \d+)')


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine()
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TMPDIR", str(temporary))


def programs(text: str) -> dict[int, str]:
    """By number the program of each process that has a text in its words, as its root names it."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) not in (os.getpid(), os.getppid()):
            try:
                words, program = (folder / "cmdline").read_bytes(), str((folder / "exe").readlink())
            except OSError:
                continue
            if text.encode() in words:
                found[int(folder.name)] = program
    return found


@dataclass(frozen=True)
class Hanging:
    """A build that installs a package whose script does not end; its processes have `mark` in their words."""

    process: subprocess.Popen[str]
    mark: str
    tags: tuple[str, str]

    def begin(self) -> set[str]:
        """The programs that run once the script does. What is said until then is read."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if f"waits {self.mark}" in line:
                break
        return set(programs(f"x{self.mark}.deb").values())

    def end(self) -> tuple[int, str]:
        """The exit code and the last line."""
        assert self.process.stderr is not None
        rest = self.process.stderr.read()
        return self.process.wait(), rest.splitlines()[-1] if rest else ""

    def left(self) -> dict[int, str]:
        """Processes of the step and of the client, once they had the time to end."""
        last = time.monotonic() + 20
        while (found := programs(self.mark)) and time.monotonic() < last:
            time.sleep(0.2)
        return found


def hanging(folder: Path, *words: str, seconds: int = 0, then: str = "") -> Hanging:
    """A build whose step does not end by itself, or only after so many seconds."""
    mark = f"7{uuid.uuid4().int % 10**8}"
    context = folder / f"context-{mark}"
    context.mkdir()
    waiting = package(f"x{mark}", postinst=f"#!/bin/sh\necho waits {mark}\nexec sleep {seconds or mark}\n")
    (context / f"x{mark}.deb").write_bytes(waiting)
    text = f"FROM {BASE}\nCOPY x{mark}.deb /\nRUN apt-get install -y /x{mark}.deb{then}\n"
    (context / "Dockerfile").write_text(text)
    tags = (f"{REGISTRY}/ends-{mark}:1", f"{REGISTRY}/ends-{mark}:2")
    flags = ("-t", tags[0], "-t", tags[1], "--push", *words, *WORDS, str(context))
    command = [sys.executable, "-m", "xbuild", "build", *flags]
    return Hanging(subprocess.Popen(command, stderr=subprocess.PIPE, text=True), mark, tags)


def test_a_twin_that_dies(tmp_path: Path) -> None:
    """Its step fails although its text goes on behind the failure, and the stage is built without twins."""
    hang = hanging(tmp_path, "--assist=auto", seconds=15, then=" || true")
    with hang.process:
        hang.begin()
        native = [
            n for n, p in programs(f"x{hang.mark}.deb").items() if p.startswith(f"{MOUNT}/apt/own/apt-get")
        ]
        assert native
        for number in native:
            os.kill(number, signal.SIGSEGV)
        assert hang.process.stderr is not None
        said = hang.process.stderr.read()
        assert hang.process.wait() == 0, said
    assert "built again without native twins: the twin of apt: ended by signal 11" in said
    assert None not in [served_digest(tag) for tag in hang.tags]


@pytest.mark.parametrize(
    ("assist", "number", "builder"),
    [
        *(("auto", signal.SIGINT, builder) for builder in BUILDERS),
        ("auto", signal.SIGTERM, "default"),
        ("auto", signal.SIGKILL, CONTAINER_BUILDER),
        ("off", signal.SIGINT, "default"),
        ("off", signal.SIGKILL, CONTAINER_BUILDER),
    ],
)
def test_a_build_that_is_interrupted(assist: str, number: int, builder: str, tmp_path: Path) -> None:
    """In the middle of what a native apt does: with and without twins one end, and nothing is left."""
    hang = hanging(tmp_path, f"--assist={assist}", "--builder", builder)
    with hang.process:
        assert any(program.startswith(f"{MOUNT}/") for program in hang.begin()) is (assist == "auto")
        hang.process.send_signal(number)
        code, said = hang.end()
    if number == signal.SIGKILL:
        assert code == -number
    else:
        assert (code, said) == (Exit.CANCELLED, "xbuild: cancelled")
        assert list(Path(os.environ["TMPDIR"]).iterdir()) == []
    assert hang.left() == {}
    assert [served_digest(tag) for tag in hang.tags] == [None, None]


def packages_index() -> bytes:
    """A package index of 4 MB, packed."""
    entry = (
        "Package: p{0}\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nFilename: p{0}.deb\n"
        "Size: 1\nSHA256: {0:064x}\nDescription: x\n\n"
    )
    return gzip.compress("".join(entry.format(number) for number in range(20_000)).encode(), mtime=0)


BIG = bytes(range(256)) * 2**14
# What its parent, dpkg, was started by.
KILLING = "#!/bin/sh\nread -r _ _ _ apt _ < /proc/$PPID/stat\nkill -9 $apt\n"
SOURCES = """\
RUN rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
COPY own.list /etc/apt/sources.list.d/
COPY Packages.gz /repo/
"""
FULL = {
    "a package": (
        BASE,
        "COPY big.deb /",
        "--mount=type=tmpfs,target=/usr/share/big,size=1m apt-get install -y -oDpkg::Use-Pty=0 /big.deb",
        "failed to write (No space left on device)",
    ),
    "apt's lists": (
        BASE,
        SOURCES,
        "--mount=type=tmpfs,target=/var/lib/apt/lists,size=1m apt-get update",
        "Failed to fetch file:/repo/./Packages",
    ),
    "apt's cache": (
        BASE,
        SOURCES,
        "--mount=type=tmpfs,target=/var/cache/apt,size=1m apt-get update",
        "Write error - write (28: No space left on device)",
    ),
    "a wheel, and /tmp": (
        "python:3.11-slim-bookworm",
        "COPY big-1-py3-none-any.whl /",
        "--mount=type=tmpfs,target=/usr/local/lib/python3.11/site-packages/big,size=1m"
        " --mount=type=tmpfs,target=/tmp,size=64k dd if=/dev/zero of=/tmp/full bs=1M count=1 2>/dev/null;"
        " pip install --no-index /big-1-py3-none-any.whl",
        "[Errno 28] No space left on device",
    ),
    "nothing, but apt is killed": (
        BASE,
        "COPY killing.deb /",
        "apt-get install -y /killing.deb",
        "Killed",
    ),
}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ends")
    big = (member("./usr/share/big/", b"", 0o755), member("./usr/share/big/data", BIG))
    (folder / "big.deb").write_bytes(package("big", *big))
    (folder / "killing.deb").write_bytes(package("killing", postinst=KILLING))
    (folder / "Packages.gz").write_bytes(packages_index())
    (folder / "own.list").write_text("deb [trusted=yes] file:/repo ./\n")
    with zipfile.ZipFile(folder / "big-1-py3-none-any.whl", "w") as wheel:
        about = "big-1.dist-info"
        wheel.writestr("big/data", BIG)
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: big\nVersion: 1\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    return folder


@pytest.mark.parametrize("case", FULL)
def test_a_step_that_ends_badly(case: str, context: Path, tmp_path: Path) -> None:
    """One message and one exit code, with and without twins; no mark, so that it is not built again."""
    base, before, run, message = FULL[case]
    file = tmp_path / "Dockerfile"
    file.write_text(f"FROM {base}\n{before}\nRUN {run} >/dev/null\n")
    said = {}
    for assist in ("auto", "off"):
        output = f"type=oci,dest={tmp_path}/{assist}.tar"
        done = xbuild("build", f"--assist={assist}", *WORDS, "-f", file, "-o", output, context)
        assert done.code == Exit.FAILED, done.err
        assert "built again" not in done.err
        assert done.err.count(" failed\n") == 1
        ended = ENDED.search(done.err)
        assert ended is not None
        lines = [line.removeprefix("  | ") for line in done.err.splitlines() if line.startswith("  | ")]
        assert any("xbuild-twin: " in line for line in lines) is (assist == "auto")
        said[assist] = [ended[1], *(line for line in lines if not line.startswith("xbuild-twin: "))]
        assert not (tmp_path / f"{assist}.tar").exists()
    assert said["auto"] == said["off"]
    assert message in "\n".join(said["off"])
