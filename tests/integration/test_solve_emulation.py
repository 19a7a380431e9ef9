"""Probes on real builders: what runs, what does not, and the classic image store."""

from __future__ import annotations

import os
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.commands import NAIVE, go_project, xbuild
from tests.integration.solving import BUILDERS, REGISTRY, build, docker, engine, file_in, project

from xbuild.errors import Exit
from xbuild.platforms import Platform
from xbuild.solve import emulation
from xbuild.solve.deliver import deliver, discard
from xbuild.solve.engine import Engine, inspect_engine

ARM64 = Platform.parse("linux/arm64")
S390X = Platform.parse("linux/s390x")
UNKNOWN = Platform.parse("linux/mips64le")


@pytest.fixture(autouse=True)
def _needs_an_engine() -> None:
    engine()


def elsewhere(found: Engine) -> Engine:
    """The same engine as if it ran on another machine, whose /proc cannot be read."""
    return replace(found, info={**found.info, "Name": "elsewhere"})


@pytest.mark.parametrize("builder", BUILDERS)
def test_a_probe_runs_on_the_engine_s_machine(builder: str) -> None:
    emulation._known.clear()
    found = emulation.probe_platforms(elsewhere(engine(builder)), (engine().native, ARM64, S390X, UNKNOWN))
    assert found[engine().native].native
    assert found[ARM64].ok, found[ARM64].reason
    assert found[S390X].ok, found[S390X].reason
    assert not found[UNKNOWN].ok
    assert "exec format error" in found[UNKNOWN].reason


def test_a_local_engine_needs_no_solve(monkeypatch: pytest.MonkeyPatch) -> None:
    emulation._known.clear()
    monkeypatch.setattr(emulation, "run_all", lambda *_, **__: pytest.fail("a solve"))
    assert engine().is_local
    assert emulation.probe_platforms(engine(), (ARM64,))[ARM64].handler.startswith("/")
    assert emulation.qemu_version(engine())


def test_the_classic_store_by_way_of_docker_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the store were classic: the image is built without a name, looked at, then named."""
    classic = replace(engine(), info={**engine().info, "DriverStatus": []})
    monkeypatch.setattr("tests.integration.solving.engine", lambda _builder: classic)
    context = project(tmp_path / "p")
    name = "solve-classic:1"
    result, options = build(tmp_path / "w", "--platform=linux/arm64", "--no-cache", "-t", name, str(context))
    assert result.image_id
    assert name not in docker("images", "--format", "{{.Repository}}:{{.Tag}}").stdout
    assert file_in(result, "out", "linux/arm64") == "for arm64 on x86_64\n"
    assert deliver(result, options, classic).loaded
    assert docker("run", "--rm", "--platform=linux/arm64", name).stdout == "for arm64 on x86_64\n"
    docker("image", "rm", name)
    discard(result)


def test_a_real_engine_with_the_classic_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = os.environ.get("XBUILD_TESTBED_CLASSIC")
    if not address:
        pytest.skip("XBUILD_TESTBED_CLASSIC names no engine with the classic store")
    context = go_project(tmp_path / "p")
    monkeypatch.setenv("DOCKER_HOST", address)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert not inspect_engine("default").containerd_store
    name = f"classic-{uuid.uuid4().hex[:8]}"
    several = xbuild("build", "--platform", "linux/amd64,linux/arm64", "--load", str(context))
    assert several.code == Exit.ENGINE
    assert "containerd image store" in several.err
    arm64 = ("build", "--platform", "linux/arm64")
    loaded = xbuild(*arm64, "--load", "-t", f"{name}:1", str(context))
    assert loaded.code == 0, loaded.err
    pushed = xbuild(*arm64, "--push", "-t", f"{REGISTRY}/{name}:1", str(context))
    assert pushed.code == 0, pushed.err
    said = docker("run", "--rm", "--network=none", "--platform=linux/arm64", f"{name}:1").stdout
    assert said.startswith("for arm64 on x86_64, ")
    verified = xbuild("verify", f"{REGISTRY}/{name}:1")
    assert verified.code == 0, verified.err
    (context / "tool").write_bytes(Path("/bin/true").read_bytes())
    (context / "Dockerfile").write_text(f"{NAIVE}COPY tool /bin/tool\n")
    wrong = xbuild(*arm64, "--load", "-t", f"{name}:wrong", str(context))
    assert wrong.code == Exit.WRONG_ARCHITECTURE
    assert f"{name}:wrong" not in docker("images", "--format", "{{.Repository}}:{{.Tag}}").stdout
    docker("image", "rm", "--force", f"{name}:1", f"{REGISTRY}/{name}:1", check=False)
