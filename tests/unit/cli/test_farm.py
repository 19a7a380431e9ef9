"""A builder with several nodes: one solve per platform."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.command import Xbuild, project
from tests.unit.cli.standin import Docker
from xbuild.errors import Exit

BOTH = ("--platform", "linux/amd64,linux/arm64")


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _apart: None) -> Docker:
    found = Docker(tmp_path / "docker", monkeypatch)
    found.builder("linux/amd64", "linux/arm64*, linux/arm/v7")
    for platform in ("linux/amd64", "linux/arm64"):
        found.image(platform, {platform: [{"a": b"1"}]})
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return project(tmp_path / "p", "FROM scratch\nCOPY a /a\n", a="1")


@pytest.mark.parametrize("broken", ["linux/amd64", "linux/arm64"])
def test_the_solve_that_failed_is_told_not_the_one_that_was_interrupted(
    broken: str, docker: Docker, folder: Path, xbuild: Xbuild
) -> None:
    docker.fail(
        (broken, 0.3, 1, "ERROR: failed to build: failed to solve: the real reason"), ("*", 20, 0, "")
    )
    done = xbuild("build", *BOTH, folder)
    assert done.code == Exit.FAILED
    assert "the real reason" in done.err
    assert "canceled" not in done.err


def test_a_cache_is_exported_once(docker: Docker, folder: Path, xbuild: Xbuild) -> None:
    caches = ("--cache-to", "type=registry,ref=r.example/c", "--cache-to", "type=inline")
    done = xbuild("build", *BOTH, *caches, folder)
    assert done.code == 0, done.err
    first, second = docker.calls("buildx", "build")
    if "linux/arm64" in first:
        first, second = second, first
    assert [word for word in first if word.startswith("type=")][:2] == [caches[1], caches[3]]
    assert caches[1] not in second
    assert caches[3] in second
    assert "warning: --cache-to exported the steps for linux/amd64 only" in done.err
    assert "--cache-to" not in xbuild("build", *BOTH, "--cache-to", "type=inline", folder).err
