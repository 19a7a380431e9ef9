"""The plugin: what is installed and removed, how docker's words are read, and docker's word to end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.command import Xbuild
from xbuild.cli.plugin import arguments_from_docker, end_with_docker, script
from xbuild.errors import UsageError
from xbuild.solve.engine import docker, hand_on

DOCKER = "/usr/bin/docker"


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND", DOCKER)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    yield
    hand_on(())


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    return tmp_path / "config/cli-plugins/docker-xbuild"


def test_installed_and_removed(xbuild: Xbuild, plugin: Path) -> None:
    assert "would write" in xbuild("plugin", "install", "--dry-run").out
    assert not plugin.parent.exists()
    assert xbuild("plugin", "install").code == 0
    assert xbuild("plugin", "install").code == 0  # again: a newer one over an older
    assert plugin.read_text() == script()
    done = subprocess.run([plugin, "docker-cli-plugin-metadata"], capture_output=True, text=True, check=True)
    assert '"SchemaVersion": "0.1.0"' in done.stdout
    assert xbuild("plugin", "install", "--remove", "--dry-run").out == f"would remove {plugin}\n"
    assert plugin.exists()
    assert xbuild("plugin", "install", "--remove").out == f"{plugin} is removed\n"
    assert not plugin.exists()
    assert xbuild("plugin", "install", "--remove").code == 0


def test_the_caller_s_folder_lends_no_modules(xbuild: Xbuild, plugin: Path, tmp_path: Path) -> None:
    (tmp_path / "here/xbuild").mkdir(parents=True)
    for name in ("xbuild/__init__.py", "gc.py", "json.py"):
        (tmp_path / "here" / name).write_text("raise SystemExit('taken from here')")
    xbuild("plugin", "install")
    done = subprocess.run(
        [plugin, "xbuild", "--version"], cwd=tmp_path / "here", capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("kind", ["file", "link", "folder", "dangling"])
def test_what_others_put_there_stays(kind: str, xbuild: Xbuild, plugin: Path, tmp_path: Path) -> None:
    plugin.parent.mkdir(parents=True)
    theirs = tmp_path / "theirs"
    if kind == "file":
        plugin.write_text("#!/bin/sh\n")
    elif kind == "folder":
        plugin.mkdir()
    else:
        plugin.symlink_to(theirs)
    if kind == "link":
        theirs.write_text(script())  # ours, but the link is not
    before = plugin.lstat()
    for words in (("install",), ("install", "--dry-run"), ("install", "--remove")):
        assert xbuild("plugin", *words).code == 2
    assert plugin.lstat() == before
    assert theirs.exists() is (kind == "link")


@pytest.mark.parametrize("words", [(), ("remove",), ("install", "--force"), ("install", "x")])
def test_what_is_not_known(words: tuple[str, ...], xbuild: Xbuild, plugin: Path) -> None:
    assert xbuild("plugin", *words).code == 2
    assert not plugin.exists()


@pytest.mark.parametrize(
    ("argv", "words", "flags"),
    [
        ("xbuild build .", "build .", ""),
        ("xbuild", "", ""),
        ("plan .", "plan .", ""),
        ("--context far xbuild plan", "plan", "--context far"),
        ("--context xbuild xbuild plan", "plan", "--context xbuild"),
        ("-c=far xbuild plan", "plan", "--context far"),
        ("-cfar -Dl debug xbuild plan", "plan", "--context far --debug --log-level debug"),
        ("-H tcp://x --tls --tlscacert=/ca xbuild plan", "plan", "--host tcp://x --tls --tlscacert /ca"),
        (
            "--tlsverify=false --tlscert c --tlskey k xbuild x",
            "x",
            "--tlsverify=false --tlscert c --tlskey k",
        ),
        ("--config /c xbuild build -D .", "build -D .", ""),
        ("help xbuild", "--help", ""),
        ("-D help xbuild plan", "plan --help", "--debug"),
        ("__complete xbuild build --pu", "__complete build --pu", ""),
        ("__completeNoDesc xbuild b", "__completeNoDesc b", ""),
        ("xbuild help", "help", ""),
    ],
)
def test_docker_s_words(argv: str, words: str, flags: str) -> None:
    assert arguments_from_docker(argv.split()) == words.split()
    assert docker() == (DOCKER, *flags.split())


def test_another_configuration_folder() -> None:
    arguments_from_docker(["--config=/other", "xbuild"])
    assert os.environ["DOCKER_CONFIG"] == "/other"


def test_an_option_of_docker_s_that_is_not_known() -> None:
    with pytest.raises(UsageError, match="--new-thing"):
        arguments_from_docker(["--new-thing", "x", "xbuild", "build"])


def test_an_engine_of_its_own_takes_the_place_of_the_one_handed_on() -> None:
    arguments_from_docker(["--tls=true", "-D", "-c", "far", "xbuild"])
    assert docker("--host", "tcp://y") == (DOCKER, "--debug", "--host", "tcp://y")


@pytest.mark.parametrize("is_abstract", [True, False])
@pytest.mark.parametrize("is_late", [True, False])
def test_docker_s_word_to_end(
    is_abstract: bool, is_late: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"docker_cli_{tmp_path.name}" if is_abstract else str(tmp_path / "s")
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"\0{name}" if is_abstract else name)
    server.listen()
    monkeypatch.setenv("DOCKER_CLI_PLUGIN_SOCKET", f"@{name}" if is_abstract else name)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler), signal.getsignal(signal.SIGIO)
    try:
        if is_late:
            end_with_docker()
            connection = server.accept()[0]
            connection.send(b"x")  # not the end
            with pytest.raises(KeyboardInterrupt):
                _close_and_wait(connection)
        else:
            server.close()
            end_with_docker()  # nobody is there: nothing to wait for
        assert "DOCKER_CLI_PLUGIN_SOCKET" not in os.environ
    finally:
        server.close()
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGIO, before[1])


def _close_and_wait(connection: socket.socket) -> None:
    connection.close()
    signal.sigtimedwait([signal.SIGUSR1], 5)


def test_without_docker_s_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_CLI_PLUGIN_SOCKET", raising=False)
    before = signal.getsignal(signal.SIGIO)
    end_with_docker()
    assert signal.getsignal(signal.SIGIO) == before


def test_it_is_this_python() -> None:
    assert sys.executable in script()
