"""Temporary folders, and files that are there whole or not at all."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import IO

import pytest

from xbuild.pipeline.files import Workspace, write_whole
from xbuild.solve.deliver import _to_file


def test_a_workspace_is_made_when_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Workspace() as one, Workspace() as two, Workspace():
        paths = Path(one), Path(one), Path(two)
        assert paths[0] == paths[1] != paths[2]
        assert sorted(tmp_path.iterdir()) == sorted({*paths})
    assert not list(tmp_path.iterdir())


def test_a_private_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    write_whole(tmp_path / "key", b"1", private=True)
    write_whole(tmp_path / "open", b"1")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) & 0o044


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_whole(tmp_path / "folder", b"1")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def write_two(stream: IO[bytes]) -> None:
    stream.write(b"2")


def test_what_is_no_regular_file_stays_what_it_is(tmp_path: Path) -> None:
    """A rename would put a file in the place of /dev/null, for everybody."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, b"1")
        assert os.read(reader, 9) == b"1"
        _to_file(str(pipe), write_two, io.BytesIO())
        assert os.read(reader, 9) == b"2"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
