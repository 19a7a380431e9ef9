"""`xbuild lint --with-buildkit-checks` and `--online` on an engine."""

from __future__ import annotations

import json
from pathlib import Path

from tests.integration.commands import xbuild
from tests.integration.solving import REGISTRY

TEXT = "FROM --platform=$TARGETPLATFORM debian:bookworm-slim AS Two\nRUN apt-get update\n"


def test_buildkit_checks_beside_ours(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(TEXT)
    done = xbuild("lint", "--with-buildkit-checks", "--format", "json", cwd=tmp_path)
    (file,) = json.loads(done.out)["files"]
    found = {f["rule"]: f["message"] for f in file["findings"]}
    assert found.keys() == {"redundant-target-platform", "buildkit:StageNameCasing"}
    assert "(BuildKit: RedundantTargetPlatform)" in found["redundant-target-platform"]
    assert done.err == ""


def test_registries_are_asked(tmp_path: Path) -> None:
    text = f"FROM {REGISTRY}/library/debian:bookworm-slim\nRUN apt-get update\n"
    (tmp_path / "Dockerfile").write_text(text)
    asked = ("--online", "--platform", "linux/amd64,linux/loong64", "--format", "json")
    done = xbuild("lint", *asked, cwd=tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"))
    (file,) = json.loads(done.out)["files"]
    assert [f["rule"] for f in file["findings"]] == ["base-without-platform"]
    assert "is not there for linux/loong64" in file["findings"][0]["message"]
