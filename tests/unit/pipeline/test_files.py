"""Temporary folders, and files that are there whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from xbuild.pipeline.files import Workspace, write_whole


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
