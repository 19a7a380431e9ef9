"""The plugin with docker's real client; a stand-in for buildx notes how it is called. No engine is needed."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

DOCKER = shutil.which("docker")
SOURCE = Path(__file__).parents[2] / "src"
pytestmark = pytest.mark.skipif(DOCKER is None, reason="no docker client here")

_BUILDX = """\
#!{python} -IS
import json, os, sys, time
words = sys.argv[1:]
if words == ["docker-cli-plugin-metadata"]:
    print(json.dumps(dict(SchemaVersion="0.1.0", Vendor="test", Version="v0.38.2")))
    sys.exit()
noted = dict(words=words, socket=os.environ.get("DOCKER_CLI_PLUGIN_SOCKET"), ended="")
def note():
    with open({notes!r}, "a") as file:
        file.write(json.dumps(noted) + "\\n")
if "version" in words:
    print("github.com/docker/buildx v0.38.2 x")
elif "inspect" in words:
    print("Name: b\\nDriver: docker-container\\n\\nNodes:\\nName: n\\nEndpoint: e\\nStatus: running")
    print("BuildKit version: v0.34.0\\nPlatforms: linux/amd64, linux/arm64")
elif "build" in words:
    import signal
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    note()
    try:
        time.sleep(30)
    except KeyboardInterrupt:
        noted["ended"] = "interrupted"
        note()
        sys.exit(130)
note()
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration folder of docker's with the plugin, installed by its own command."""
    folder = tmp_path / "config"
    for name, value in {
        "DOCKER_CONFIG": folder,
        "PYTHONPATH": SOURCE,
        "XDG_STATE_HOME": tmp_path / "state",
        "OUR_SOCKET_IS_NOT": "handed on",
    }.items():
        monkeypatch.setenv(name, str(value))
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "BUILDX_BUILDER"):
        monkeypatch.delenv(name, raising=False)
    subprocess.run([sys.executable, "-m", "xbuild", "plugin", "install"], check=True, capture_output=True)
    buildx = folder / "cli-plugins/docker-buildx"
    buildx.write_text(_BUILDX.format(python=sys.executable, notes=str(tmp_path / "notes")))
    buildx.chmod(0o755)
    (tmp_path / "context").mkdir()
    (tmp_path / "context/Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    return folder


def docker(*words: str | Path) -> subprocess.CompletedProcess[str]:
    assert DOCKER is not None
    return subprocess.run([DOCKER, *map(str, words)], capture_output=True, text=True, check=False, timeout=60)


def notes(config: Path) -> list[dict[str, Any]]:
    path = config.parent / "notes"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.usefixtures("config")
def test_docker_knows_it() -> None:
    assert "xbuild*" in docker("--help").stdout
    assert docker("xbuild", "--version").stdout.startswith("xbuild ")


@pytest.mark.usefixtures("config")
def test_help() -> None:
    assert docker("help", "xbuild").stdout.startswith("Usage: xbuild COMMAND")
    assert docker("xbuild").stdout.startswith("Usage: xbuild COMMAND")
    assert docker("help", "xbuild", "plan").stdout.startswith("Usage: xbuild plan")
    assert docker("xbuild", "plan", "--help").stdout.startswith("Usage: xbuild plan")


@pytest.mark.usefixtures("config")
def test_completion() -> None:
    words = docker("__complete", "xbuild", "build", "--baselin").stdout.splitlines()
    assert [words[0].partition("\t")[0], words[-1]] == ["--baseline", ":4"]


@pytest.mark.usefixtures("config")
def test_the_exit_code_comes_through(tmp_path: Path) -> None:
    assert docker("xbuild", "plan", tmp_path / "nowhere").returncode == 4
    assert docker("xbuild", "build").returncode == 2


@pytest.mark.parametrize(
    "flags",
    [
        ["--context", "far"],
        ["--host", "tcp://127.0.0.1:1"],
        ["--host", "tcp://127.0.0.1:1", "--tls", "--tlscacert", "/ca", "--tlscert", "/c", "--tlskey", "/k"],
        ["--debug", "--log-level", "error"],
    ],
)
def test_global_flags_reach_the_docker_that_is_started(
    flags: list[str], config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker("context", "create", "far", "--docker", "host=tcp://127.0.0.1:2")
    # docker itself lets --context win over the variable
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere") if flags[0] == "--context" else None
    done = docker(*flags, "xbuild", "build", "--dry-run", tmp_path / "context")
    assert done.returncode == 0, done.stderr
    inspected = [note["words"] for note in notes(config) if "inspect" in note["words"]]
    assert inspected == [[*flags, "buildx", "inspect"]]


def test_another_configuration_folder(config: Path, tmp_path: Path) -> None:
    other = config.rename(tmp_path / "other")
    assert docker("--config", other, "xbuild", "build", "--dry-run", tmp_path / "context").returncode == 0
    assert [note["words"] for note in notes(config) if "inspect" in note["words"]] == [["buildx", "inspect"]]


def test_docker_s_socket_is_not_handed_on(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each docker makes a socket of its own for its plugin; one from before would end what it must not."""
    seen = tmp_path / "seen"
    plugin = config / "cli-plugins/docker-xbuild"
    first, rest = plugin.read_text().split("\n", 1)
    plugin.write_text(f'{first}\necho "$DOCKER_CLI_PLUGIN_SOCKET" >> {seen}\n{rest}')
    monkeypatch.setenv("DOCKER_CLI_PLUGIN_SOCKET", "/from/before")
    docker("xbuild", "build", "--dry-run", tmp_path / "context")
    ours = set(seen.read_text().split())
    theirs = {note["socket"] for note in notes(config)}
    assert theirs
    assert not ours & theirs


def test_sigterm_to_docker_ends_the_build(config: Path, tmp_path: Path) -> None:
    """Without a terminal docker hands no signal on: it closes the plugin's socket."""
    assert DOCKER is not None
    words = [DOCKER, "xbuild", "build", "--platform", "linux/amd64", str(tmp_path / "context")]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    _wait_for_build(config)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=25)
    assert process.returncode == 130, said
    assert "xbuild: cancelled" in said
    assert [note["ended"] for note in notes(config) if "build" in note["words"]] == ["", "interrupted"]


def test_ctrl_c_on_a_terminal_ends_the_build(config: Path, tmp_path: Path) -> None:
    assert DOCKER is not None
    words = [DOCKER, "xbuild", "build", "--platform", "linux/amd64", str(tmp_path / "context")]
    child, terminal = pty.fork()
    if child == 0:
        os.execv(DOCKER, words)
    _wait_for_build(config)
    os.write(terminal, b"\x03")
    said = _read_all(terminal)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 130, said
    assert [note["ended"] for note in notes(config) if "build" in note["words"]] == ["", "interrupted"]


def _wait_for_build(config: Path) -> None:
    def is_building() -> bool:
        return any("--metadata-file" in note["words"] for note in notes(config))

    _wait(is_building)


def _wait(condition: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def _read_all(terminal: int) -> bytes:
    said: Sequence[bytes] = []
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:  # the other end is gone
            return b"".join(said)
        said = [*said, data]


def test_removed(config: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "xbuild", "plugin", "install", "--remove"], check=True, capture_output=True
    )
    assert not (config / "cli-plugins/docker-xbuild").exists()
    assert docker("xbuild", "plan").returncode != 0
