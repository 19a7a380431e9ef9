"""Commands on a git context: what was planned is what buildx is told to build."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.command import GO, Xbuild
from tests.unit.cli.standin import Docker
from tests.unit.solve.gitserver import commit, publish, repository, serving

TOKEN = "t0k3n-of-a-friend"


def test_plan_rewrite_and_build(xbuild: Xbuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = repository(tmp_path / "work")
    files = {"go.mod": "module x\n", "cmd/app/main.go": "package main\nfunc main() {}\n"}
    wanted = commit(work, {"p/Dockerfile": GO, **{f"p/{name}": text for name, text in files.items()}})
    docker = Docker(tmp_path / "docker", monkeypatch)
    monkeypatch.setenv("GIT_AUTH_TOKEN", TOKEN)
    with serving(tmp_path / "served", TOKEN) as server:
        publish(work, server, "r.git")
        url = f"{server.url}/r.git"
        planned = xbuild("plan", "--offline", f"{url}#main:p")
        assert "cross" in planned.out
        assert "--platform=$BUILDPLATFORM" in xbuild("rewrite", "--offline", f"{url}#main:p").out
        built = xbuild("build", "--dry-run", "--platform", "linux/arm64", "-t", "x", f"{url}#main:p")
        as_it_is = xbuild("build", "--dry-run", "--no-rewrite", "--platform", "linux/arm64", f"{url}#main:p")
    assert built.code == 0, built.err
    *_, command = built.out.strip().splitlines()
    assert command.endswith(f"'{url}#{wanted}:p'") or command.endswith(f"{url}#{wanted}:p")
    assert "--secret id=GIT_AUTH_TOKEN,env=GIT_AUTH_TOKEN" in command
    assert "/dockerfile/Dockerfile" in command
    assert "--file" not in as_it_is.out
    assert f"{url}#{wanted}:p" in as_it_is.out
    assert TOKEN not in (tmp_path / "docker/calls").read_text() + planned.out + built.out + built.err
    assert docker.calls("buildx", "inspect")
