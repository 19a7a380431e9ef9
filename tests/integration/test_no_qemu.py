"""A machine without any handler for foreign programs, and an image for arm64 that needs none.

binfmt_misc belongs to a user namespace since Linux 6.7: a BuildKit in one of its own has an empty list,
and nothing is switched off for others; all of it ends with the namespace, also after a kill.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.action.runner import Runner
from tests.integration.commands import go_project, xbuild
from tests.integration.solving import BOTH, REGISTRY, docker, engine, served_digest

_TOOLS = Path(os.environ.get("XBUILD_TESTBED_ORACLE", "/nowhere/tools/oracle")).parent
_RUNC = _TOOLS.parent / "packages/usr/sbin/runc"
_HANDLERS = Path("/proc/sys/fs/binfmt_misc")
_MAP = "0 0 65536"
# Waits until it is mapped; then an own list of handlers, which is empty.
_START = """\
read _
exec unshare --mount --pid --fork --kill-child --mount-proc sh -c '
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc && ls /proc/sys/fs/binfmt_misc && exec "$@"' sh "$@"
"""


def _is_possible() -> str:
    release = tuple(int(part) for part in os.uname().release.split(".")[:2])
    if os.getuid() != 0 or release < (6, 7):
        return "needs root, and Linux 6.7"
    if not (_TOOLS / "buildkitd").exists() or not _RUNC.exists():
        return "needs the private test bed's BuildKit and runc"
    return "" if shutil.which("unshare") else "needs unshare"


pytestmark = pytest.mark.skipif(bool(_is_possible()), reason=_is_possible() or "-")


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a builder on such a machine."""
    engine()
    folder = tmp_path_factory.mktemp("buildkit")
    config = Path(os.environ["BUILDX_CONFIG"]) / "buildkitd.toml"
    address = f"unix://{folder}/socket"
    words = [
        _TOOLS / "buildkitd", "--root", folder / "root", "--addr", address, "--config", config,
        "--oci-worker-net", "host", "--oci-worker-no-process-sandbox",
        "--oci-worker-rootless", "--oci-worker-snapshotter", "native", "--containerd-worker=false",
    ]  # fmt: skip
    log = folder / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            ["unshare", "--user", "sh", "-c", _START, "sh", *map(str, words)],
            stdin=subprocess.PIPE, stdout=stream, stderr=stream,
            env={**os.environ, "PATH": f"{_RUNC.parent}:{os.environ['PATH']}"},
        )  # fmt: skip
    name = f"no-qemu-{uuid.uuid4().hex[:8]}"
    try:
        _map_users(process.pid)
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.close()
        _wait_for(folder / "socket", log)
        docker("buildx", "create", "--name", name, "--driver", "remote", address)
        yield name
    finally:
        docker("buildx", "rm", "--force", name, check=False)
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


def test_the_action_builds_without_qemu(builder: str, tmp_path: Path) -> None:
    tag = f"{REGISTRY}/no-qemu-{uuid.uuid4().hex[:8]}:1"
    runner = Runner(tmp_path / "runner")
    go_project(runner.workspace)
    given = {"context": ".", "builder": builder, "platforms": BOTH[1], "tags": tag, "push": "true"}
    ran = runner.run({**given, "qemu-image": "none.example/none"})
    assert ran.code == 0, ran.log
    assert "QEMU was not set up, as no step needs it" in ran.summary
    assert ran.outputs["digest"] == served_digest(tag)
