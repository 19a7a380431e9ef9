"""A machine without any handler for foreign programs: images that need none, and one that does.

binfmt_misc belongs to a user namespace since Linux 6.7: a BuildKit or an engine in one of its own has an
empty list, and nothing is switched off for others; all of it ends with the namespace, also after a kill.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.action.runner import Runner
from tests.integration.commands import go_project, xbuild
from tests.integration.solving import BOTH, REGISTRY, docker, engine, served_digest

_TOOLS = Path(os.environ.get("XBUILD_TESTBED_ORACLE", "/nowhere/tools/oracle")).parent
_PACKAGES = _TOOLS.parent / "packages/usr"
_RUNC = _PACKAGES / "sbin/runc"
_HANDLERS = Path("/proc/sys/fs/binfmt_misc")
_MAP = "0 0 65536"
_IMAGES = ("busybox", "tonistiigi/binfmt")
# Waits until it is mapped; then an own list of handlers, which is empty, and another name than the machine's.
_START = """\
read _
exec unshare --mount --pid --uts --fork --kill-child --mount-proc sh -c '
hostname elsewhere && mount -t tmpfs none /run
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc && ls /proc/sys/fs/binfmt_misc && exec "$@"' sh "$@"
"""


def why_not() -> str:
    release = tuple(int(part) for part in os.uname().release.split(".")[:2])
    if os.getuid() != 0 or release < (6, 7):
        return "needs root, and Linux 6.7"
    if not (_TOOLS / "buildkitd").exists() or not _RUNC.exists():
        return "needs the private test bed's BuildKit and runc"
    return "" if shutil.which("unshare") else "needs unshare"


pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a builder on such a machine."""
    engine()
    folder = tmp_path_factory.mktemp("buildkit")
    with _machine(_buildkit(folder), folder / "buildkit"), _builder(folder) as name:
        yield name
    # Images and what was built on them: many times what pytest keeps of other tests.
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def builder_and_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same on another such machine, where docker starts containers of `_IMAGES`, without a network."""
    engine()
    with tempfile.TemporaryDirectory(prefix="xbuild-") as name:  # sockets have short paths
        folder = Path(name)
        # What starts containers has to own its network, or its threads do not find back to it.
        start = f'"$@" & exec unshare --net {_PACKAGES}/sbin/dockerd --config-file {_settings(folder)}'
        with _machine(["sh", "-c", start, "sh", *_buildkit(folder)], folder / "docker"):
            _wait_for(folder / "buildkit", folder / "log")
            docker("save", "--output", str(folder / "images"), *_IMAGES)
            monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/docker")
            docker("load", "--input", str(folder / "images"))
            with _builder(folder) as builder:
                yield builder


def _buildkit(folder: Path) -> list[str | Path]:
    return [
        _TOOLS / "buildkitd", "--root", folder / "root", "--addr", f"unix://{folder}/buildkit",
        "--config", Path(os.environ["BUILDX_CONFIG"]) / "buildkitd.toml",
        "--oci-worker-net", "host", "--oci-worker-no-process-sandbox",
        "--oci-worker-rootless", "--containerd-worker=false",
    ]  # fmt: skip


def _settings(folder: Path) -> Path:
    """An engine's, in that folder."""
    settings = {
        "data-root": str(folder / "engine"),
        "exec-root": str(folder / "exec"),
        "pidfile": str(folder / "pid"),
        "hosts": [f"unix://{folder}/docker"],
        "bridge": "none",
        "iptables": False,
        "ip6tables": False,
        "features": {"containerd-snapshotter": True},
        "storage-driver": "native",
    }
    file = folder / "daemon.json"
    file.write_text(json.dumps(settings))
    return file


@contextlib.contextmanager
def _builder(folder: Path) -> Iterator[str]:
    name = f"no-qemu-{uuid.uuid4().hex[:8]}"
    try:
        docker("buildx", "create", "--name", name, "--driver", "remote", f"unix://{folder}/buildkit")
        yield name
    finally:
        docker("buildx", "rm", "--force", name, check=False)


@contextlib.contextmanager
def _machine(words: Sequence[str | Path], socket: Path) -> Iterator[None]:
    """A daemon in namespaces of its own; where it listens."""
    libraries = ":".join(map(str, _PACKAGES.glob("lib/*-linux-gnu")))
    path = f"{_PACKAGES}/bin:{_PACKAGES}/sbin:{os.environ['PATH']}"
    log = socket.with_name("log")
    with log.open("wb") as stream:
        process = subprocess.Popen(
            ["unshare", "--user", "sh", "-c", _START, "sh", *map(str, words)],
            stdin=subprocess.PIPE, stdout=stream, stderr=stream,
            env={**os.environ, "PATH": path, "LD_LIBRARY_PATH": libraries},
        )  # fmt: skip
    try:
        _map_users(process.pid)
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.close()
        _wait_for(socket, log)
        yield
    finally:
        process.kill()  # SIGTERM it ignores while its child runs; that one gets the same signal then
        process.wait(30)


def _map_users(process: int) -> None:
    """Once the process is in its own namespace."""
    own = Path("/proc/self/ns/user").readlink()
    until = time.monotonic() + 20
    while Path(f"/proc/{process}/ns/user").readlink() == own:
        assert time.monotonic() < until
        time.sleep(0.05)
    for kind in ("uid", "gid"):
        Path(f"/proc/{process}/{kind}_map").write_text(_MAP)


def _wait_for(socket: Path, log: Path) -> None:
    until = time.monotonic() + 60
    while not socket.exists():
        assert time.monotonic() < until, log.read_text("utf-8", "replace")
        time.sleep(0.1)


@pytest.fixture(autouse=True)
def _others_keep_their_handlers() -> Iterator[None]:
    def seen() -> dict[str, str]:
        return {path.name: path.read_text() for path in _HANDLERS.glob("qemu-*")}

    before = seen()
    yield
    assert seen() == before


def test_control_a_step_for_arm64_does_not_run(builder: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM busybox\nRUN echo {uuid.uuid4().hex}\n")
    words = ("buildx", "build", "--builder", builder, "--progress", "plain", str(tmp_path))
    foreign = docker(*words, "--platform", "linux/arm64", check=False)
    assert foreign.returncode != 0
    assert "exec format error" in foreign.stderr
    assert docker(*words, "--platform", "linux/amd64", check=False).returncode == 0


def test_xbuild_says_it_beforehand(builder: str, tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p")
    done = xbuild("build", "--builder", builder, "--no-rewrite", "--platform", "linux/arm64", folder)
    assert done.code == 5
    assert "exec format error" in done.err


def test_the_action_builds_without_qemu(builder: str, tools: Path, tmp_path: Path) -> None:
    tag = f"{REGISTRY}/no-qemu-{uuid.uuid4().hex[:8]}:1"
    runner = Runner(tmp_path / "runner", tools=tools)
    go_project(runner.workspace)
    given = {"context": ".", "builder": builder, "platforms": BOTH[1], "tags": tag, "push": "true"}
    ran = runner.run({**given, "qemu-image": "none.example/none"})
    assert ran.code == 0, ran.log
    assert "QEMU was not set up, as no step needs it" in ran.summary
    assert ran.outputs["digest"] == served_digest(tag)


def test_the_action_registers_qemu_where_a_step_is_left_to_it(
    builder_and_engine: str, tools: Path, tmp_path: Path
) -> None:
    """By `docker run --privileged --rm IMAGE --install arm64`, with the bed's stand-in for that image."""
    runner = Runner(tmp_path / "runner", tools=tools)
    runner.workspace.mkdir(parents=True)
    (runner.workspace / "Dockerfile").write_text("FROM busybox\nRUN uname -m > /machine\n")
    words = ("buildx", "build", "--builder", builder_and_engine, "--platform", "linux/arm64")
    control = docker(*words, "--progress", "plain", str(runner.workspace), check=False)
    assert control.returncode != 0
    assert "exec format error" in control.stderr
    given = {
        "context": ".", "platforms": "linux/arm64,linux/amd64", "builder": builder_and_engine,
        "outputs": "type=local,dest=out",
    }  # fmt: skip
    none = runner.run({**given, "qemu-image": f"{REGISTRY}/none/none"})
    assert none.code == 5
    (error,) = none.annotations
    assert error.message.startswith("QEMU could not be set up: ")
    assert _handlers() == []
    ran = runner.run({**given, "qemu-image": "tonistiigi/binfmt"})
    assert ran.code == 0, ran.log
    assert "xbuild: setting up QEMU for linux/arm64\n" in ran.log
    assert "QEMU was set up for linux/arm64: steps there are left to it" in ran.summary
    assert (runner.workspace / "out/linux_arm64/machine").read_text() == "aarch64\n"
    assert (runner.workspace / "out/linux_amd64/machine").read_text() == "x86_64\n"
    assert _handlers() == ["qemu-aarch64"]
    assert "QEMU was set up" not in runner.run({**given, "qemu-image": f"{REGISTRY}/none/none"}).summary


def _handlers() -> list[str]:
    """Those that a container of that engine finds."""
    folder = "/proc/sys/fs/binfmt_misc"
    script = f"busybox mount -t binfmt_misc none {folder}; ls {folder}"
    listed = docker("run", "--rm", "--privileged", "busybox", "sh", "-c", script).stdout.split()
    return [name for name in listed if name not in ("register", "status")]
