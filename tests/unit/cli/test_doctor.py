"""`xbuild doctor`: its codes are those of monitoring plugins; repairs go through the client."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.command import Xbuild
from tests.unit.cli.standin import Docker
from xbuild.cli.screen.live import Screen
from xbuild.errors import EngineError, Exit
from xbuild.pipeline.checkup import _host, repair
from xbuild.solve.builders import create_builder
from xbuild.views.findings import Diagnosed, State

DOCKER = """\
#!/bin/sh
echo "$@" >> {log}
case "$*" in
"buildx create"*) {create} ;;
"buildx ls"*) echo '{{"Name": "far", "Driver": "docker-container", "Nodes": []}}' ;;
"buildx inspect"*) printf 'Name: far\\nDriver: docker-container\\nNodes:\\nName: far0\\nStatus: stopped\\n' ;;
"buildx version") echo "buildx v0.38.0 abc" ;;
"info"*) echo '{{"ServerVersion": "29.0"}}' ;;
esac
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a docker that knows one stopped builder writes what it is called with."""
    return docker(tmp_path, monkeypatch, create="echo far")


def docker(folder: Path, monkeypatch: pytest.MonkeyPatch, create: str) -> Path:
    program, written = folder / "docker", folder / "calls"
    program.write_text(DOCKER.format(log=written, create=create))
    program.chmod(0o755)
    monkeypatch.setenv("DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND", str(program))
    return written


@pytest.mark.parametrize("argv", [("--check", "nope"), ("--platform", "linux/foo"), ("--frob",), ("a", "b")])
def test_usage_errors_are_unknown_and_not_critical(argv: tuple[str, ...], xbuild: Xbuild) -> None:
    result = xbuild("doctor", *argv)
    assert result.code == State.UNKNOWN
    assert result.err.startswith("xbuild: ")


@pytest.mark.parametrize("name", ["disk", "login", "engine", "builder"])
def test_one_check_is_one_line(
    name: str, xbuild: Xbuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Docker(tmp_path / "docker", monkeypatch)
    result = xbuild("doctor", "--check", name, "--registry", "a.example", "--registry", "b.example")
    assert result.out.count("\n") == 1
    assert re.match(rf"(ok|warning|critical|unknown) {name}: ", result.out)
    assert result.err == ""


def test_a_fault_is_unknown_too(xbuild: Xbuild, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("oh")

    monkeypatch.setattr("xbuild.cli.doctor.examine", broken)
    assert xbuild("doctor").code == State.UNKNOWN


def test_no_docker_is_critical(xbuild: Xbuild) -> None:
    assert xbuild("doctor", "--check", "client").code == State.CRITICAL


PODMAN = """\
#!/bin/sh
case "$*" in
"buildx version") echo "buildah 1.38.1" ;;
"buildx inspect"*) printf 'Name: default\\nDriver: podman\\nNodes:\\nName: default0\\nStatus: running\\n' ;;
"version"*) echo 5.4.2 ;;
"info"*) echo '{"host": {"arch": "amd64"}}' ;;
esac
"""


@pytest.fixture
def podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "docker"
    program.write_text(PODMAN)
    program.chmod(0o755)
    monkeypatch.setenv("DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND", str(program))


@pytest.mark.usefixtures("podman")
def test_podman_under_docker_s_name_is_the_one_finding(xbuild: Xbuild) -> None:
    result = xbuild("doctor")
    assert result.code == State.CRITICAL
    found, do = result.out.splitlines()
    assert re.match(r"critical  client  docker is Podman here, .*: buildah 1\.38\.1$", found)
    assert "do: install docker-cli and docker-buildx" in do
    (check,) = json.loads(xbuild("doctor", "--json").out)["checks"]
    assert (check["name"], check["state"]) == ("client", "critical")
    assert xbuild("doctor", "--check", "store").out.startswith("critical store: docker is Podman here")
    assert xbuild("doctor", "--check", "login").code == State.OK


@pytest.mark.usefixtures("podman")
def test_podman_is_told_before_a_build(xbuild: Xbuild, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    result = xbuild("build", "--platform", "linux/amd64,linux/arm64", tmp_path)
    assert result.code == Exit.ENGINE
    assert result.err.startswith("xbuild: docker is Podman here, ")


def test_a_stopped_builder_is_started(log: Path, xbuild: Xbuild) -> None:
    result = xbuild("doctor", "--check", "builder", "--fix")
    assert "xbuild: starting builder far\n" in result.err
    assert "buildx inspect far --bootstrap" in log.read_text().splitlines()
    assert log.read_text().count("--bootstrap") == 1
    assert result.code == State.WARNING  # this one stays stopped whatever is done


def test_without_fix_nothing_is_started(log: Path, xbuild: Xbuild) -> None:
    result = xbuild("doctor", "--platform", "linux/s390x")
    assert "stopped; the next build has to start it" in result.out
    assert "emulation linux/s390x" in result.out
    assert "cannot be looked at while the builder is not running" in result.out
    assert xbuild("doctor", "--platform", "linux/s390x", "--check", "emulation").code == State.UNKNOWN
    calls = log.read_text().splitlines()
    assert not [call for call in calls if "bootstrap" in call or call.startswith(("buildx build", "run"))]


def test_a_builder_is_created_and_started(log: Path) -> None:
    create_builder("far")
    assert log.read_text().splitlines()[0] == (
        "buildx create --bootstrap --driver docker-container --name far"
    )


def test_a_listing_that_cannot_be_read_is_a_typed_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker(tmp_path, monkeypatch, create="echo another")
    with pytest.raises(EngineError, match="builder another "):
        create_builder("another")


def test_a_repair_that_fails_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    docker(tmp_path, monkeypatch, create="echo no space left on device >&2; exit 1")
    repair([Diagnosed("store", State.WARNING, "t", "h", "create xbuild")], Screen())
    said = capsys.readouterr().err
    assert "that failed: the disk is full" in said
    assert "is there" not in said


@pytest.mark.parametrize("text", ['{"auths": 5}', '{"credHelpers": ["a"]}', "[]", "{", "", "\xff"])
def test_a_configuration_of_docker_s_that_is_none(
    text: str, xbuild: Xbuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text(text, "latin-1")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    result = xbuild("doctor", "--check", "login", "--registry", "registry.example")
    assert (result.code, result.err) == (1, "")


def test_the_library_for_builders_is_imported_only_for_repairs() -> None:
    code = "import sys, xbuild.cli.doctor; print('python_on_whales' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("name", ["docker.io", "https://index.docker.io/v1/"])
def test_a_login_for_the_hub_has_docker_own_name(
    name: str, xbuild: Xbuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"auths": {name: {}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert _host(name) == "docker.io"
    assert "login found" in xbuild("doctor", "--check", "login", "--registry", "docker.io").out
