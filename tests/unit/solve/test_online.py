"""What is asked online is fetched once a day, and kept whole."""

from __future__ import annotations

import io
import os
import urllib.error
from pathlib import Path
from typing import Any

import pytest

from xbuild.errors import RegistryError
from xbuild.solve import online
from xbuild.solve.run import Completed

PAGE = "https://example.com/releases"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "xbuild" / "answers"


def answering(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    asked: list[str] = []

    def urlopen(url: str, timeout: float) -> Any:
        assert timeout > 0
        asked.append(url)
        return io.BytesIO(answers[len(asked) - 1].encode())

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    return asked


def test_a_page_is_fetched_once_a_day(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, "v1", "v2")
    assert [online.look_up(PAGE), online.look_up(PAGE)] == ["v1", "v1"]
    assert asked == [PAGE]
    (file,) = kept.iterdir()
    os.utime(file, (0, 0))
    assert online.look_up(PAGE) == "v2"


def test_a_folder_that_cannot_be_written(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, "v1", "v2")
    kept.parent.mkdir()
    kept.write_text("a file")
    assert [online.look_up(PAGE), online.look_up(PAGE)] == ["v1", "v2"]


def test_what_cannot_be_read(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def urlopen(_url: str, timeout: float) -> Any:
        raise urllib.error.URLError(f"nothing within {timeout}")

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    with pytest.raises(RegistryError, match="cannot be read"):
        online.look_up(PAGE)
    with pytest.raises(RegistryError, match="no https address"):
        online.look_up("file:///etc/passwd")
    assert not kept.exists()


def test_an_image(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, ...]] = []

    def run(argv: tuple[str, ...], timeout: float) -> Completed:
        assert timeout > 0
        calls.append(argv)
        return Completed(argv, int("gone" in argv), b'{"linux/amd64": {}}', b"ERROR: gone: not found", 0.1)

    monkeypatch.setattr(online, "run", run)
    monkeypatch.setattr(online, "docker", lambda: "docker")
    assert [online.inspect_image("debian:12") for _ in range(2)] == ['{"linux/amd64": {}}'] * 2
    assert len(calls) == 1
    with pytest.raises(RegistryError, match="gone: not found"):
        online.inspect_image("gone")
    assert kept.is_dir()
