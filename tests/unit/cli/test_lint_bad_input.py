"""Bad input of `xbuild lint`: one clear message each, exit code 2, and the other files are linted."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.command import Xbuild

WRONG = 'FROM --platform=$BUILDPLATFORM debian:bookworm-slim\nRUN make\nCMD ["/app"]\n'
LONG = "x" * (64 * 1024)


def unreadable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "locked").mkdir()
    scan = os.scandir

    def refused(path: Any) -> Any:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refused)


def circle(folder: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "a.Dockerfile").symlink_to("b.Dockerfile")
    (folder / "b.Dockerfile").symlink_to("a.Dockerfile")
    (folder / "round").symlink_to(folder)


def file(name: str, data: bytes) -> Callable[[Path, pytest.MonkeyPatch], None]:
    def make(folder: Path, _: pytest.MonkeyPatch) -> None:
        (folder / name).write_bytes(data)

    return make


BAD = {
    "binary": (file("a.Dockerfile", b"FROM debian\nRUN \0\xff"), "a.Dockerfile: not linted: is no text"),
    "no-from": (
        file("a.Dockerfile", b"# nothing\n"),
        "a.Dockerfile:1: not linted: file with no instructions",
    ),
    "empty": (file("a.Dockerfile", b""), "a.Dockerfile:1: not linted: file with no instructions"),
    "broken": (file("a.Dockerfile", b"FROM debian\nCOPY\n"), "a.Dockerfile:2: not linted: "),
    "huge": (file("a.Dockerfile", b"# x\n" * (1 << 19)), "a.Dockerfile: not linted: is larger than 1 MiB"),
    "unreadable": (unreadable, "locked: not linted: cannot be read: Permission denied"),
    "circle": (circle, "a.Dockerfile: not linted: cannot be read: Too many levels of symbolic links"),
    "settings": (file(".xbuild.yaml", b"lint: 3\n"), ".xbuild.yaml:1: not linted: lint must be keys"),
}


@pytest.mark.parametrize("name", BAD)
def test_in_a_folder(name: str, tmp_path: Path, xbuild: Xbuild, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("bad", "good"):
        (tmp_path / folder).mkdir()
    (tmp_path / "good/Dockerfile").write_text(WRONG)
    make, said = BAD[name]
    make(tmp_path / "bad", monkeypatch)
    if (tmp_path / "bad/.xbuild.yaml").exists():
        (tmp_path / "bad/Dockerfile").write_text(WRONG)
    done = xbuild("lint")
    assert done.code == 2
    assert f"bad/{said}" in done.out
    assert "good/Dockerfile:1:6: error final-stage-pinned" in done.out
    assert done.err == ""
    for format_ in ("json", "sarif", "github", "gitlab", "checkstyle", "junit"):
        assert said.partition(": not linted: ")[2][:20] in xbuild("lint", "--format", format_).out


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("missing", "there is no such file"),
        ("missing/*.Dockerfile", "no file matches"),
        ("x" * 300, "there is no such file"),
        ("Dockerfile/x", "there is no such file"),
    ],
)
def test_a_path(
    path: str, said: str, tmp_path: Path, xbuild: Xbuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Dockerfile").write_text(WRONG)
    done = xbuild("lint", path, "Dockerfile")
    assert done.code == 2
    assert f"{path}: not linted: {said}" in done.out
    assert "Dockerfile:1:6: error final-stage-pinned" in done.out


def test_a_line_of_64_kib(tmp_path: Path, xbuild: Xbuild, monkeypatch: pytest.MonkeyPatch) -> None:
    """BuildKit's scanner refuses a longer one; what it takes is linted, and shown without the line."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Dockerfile").write_text(WRONG.replace("RUN make", f"RUN make # {LONG[:60000]}"))
    done = xbuild("lint")
    assert (done.code, "final-stage-pinned" in done.out, len(done.out) < 1000) == (1, True, True)
    (tmp_path / "Dockerfile").write_text(WRONG.replace("RUN make", f"RUN make # {LONG}"))
    done = xbuild("lint")
    assert (done.code, len(done.out) < 1000) == (2, True)
    assert done.out.startswith("Dockerfile:2: not linted: ")


def test_a_pipe_in_a_folder_is_left_alone(
    tmp_path: Path, xbuild: Xbuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo(tmp_path / "Dockerfile")
    assert xbuild("lint").out == "0 files: nothing found\n"


def test_bytes_that_are_no_utf_8(tmp_path: Path, xbuild: Xbuild, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are linted, shown escaped, and come back as they were."""
    monkeypatch.chdir(tmp_path)
    before = b"FROM --platform=$TARGETPLATFORM debian:bookworm-slim\nLABEL a=\xff\nRUN apt-get update\n"
    (tmp_path / "Dockerfile").write_bytes(before)
    assert json.loads(xbuild("lint", "--format", "json").out)["files"][0]["findings"]
    assert xbuild("lint", "--fix").code == 0
    assert (tmp_path / "Dockerfile").read_bytes() == before.replace(b" --platform=$TARGETPLATFORM", b"")
