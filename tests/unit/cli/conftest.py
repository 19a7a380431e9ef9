"""Fixtures for command lines: no engine, no records of the user's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.command import Xbuild


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Unit tests find no docker, whatever the machine has."""
    for name in ("BUILDX_BUILDER", "BUILDKIT_PROGRESS", "DOCKER_DEFAULT_PLATFORM", "XBUILD_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND", str(tmp_path / "no-such-docker"))


@pytest.fixture
def xbuild(capfd: pytest.CaptureFixture[str]) -> Xbuild:
    return Xbuild(capfd)
