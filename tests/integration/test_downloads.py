"""Downloads by architecture for real, from a release server of the test bed's own: what leaves a stage is for
the target, what only runs in it for the builder.

The released program is busybox of each platform: it says what machine it was made for by running there.
"""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.commands import Done, xbuild
from tests.integration.solving import BOTH, REGISTRY, docker, engine, project

NAMES = {"linux/amd64": ("x86_64", "amd64"), "linux/arm64": ("aarch64", "arm64")}


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with the program under the kernel's and Docker's names, and with sums."""
    engine()
    folder = tmp_path_factory.mktemp("releases")
    for platform, names in NAMES.items():
        made = docker("create", "--platform", platform, "busybox", "true").stdout.strip()
        try:
            docker("cp", f"{made}:/bin/busybox", str(folder / names[0]))
        finally:
            docker("rm", "-f", made)
        for name in names:
            (folder / f"tool-{name}").write_bytes((folder / names[0]).read_bytes())
    (folder / "only-x86_64").write_bytes((folder / "x86_64").read_bytes())
    name = f"releases-{uuid.uuid4().hex[:8]}"
    docker("create", "--name", name, "busybox", "busybox", "httpd", "-f", "-p", "80", "-h", "/www")
    try:
        docker("cp", str(folder), f"{name}:/www")
        docker("start", name)
        (network,) = json.loads(docker("inspect", name).stdout)[0]["NetworkSettings"]["Networks"].values()
        yield f"http://{network['IPAddress']}"
    finally:
        docker("rm", "-f", name)


def built(folder: Path, dockerfile: str) -> tuple[Done, str]:
    reference = f"{REGISTRY}/downloads/{uuid.uuid4().hex[:8]}:1"
    done = xbuild("build", *BOTH, "-t", reference, "--push", project(folder, dockerfile=dockerfile))
    return done, reference


def said(reference: str, *command: str) -> dict[str, str]:
    """What the images say, by platform; that of the other machine runs emulated."""
    found = {}
    for platform in NAMES:
        done = docker("run", "--rm", "--pull", "always", "--platform", platform, reference, *command)
        found[platform] = done.stdout.strip()
    return found


def docker_file(reference: str, platform: str, path: str) -> bytes:
    made = docker("create", "--pull", "always", "--platform", platform, reference).stdout.strip()
    try:
        archive = subprocess.run(["docker", "cp", f"{made}:{path}", "-"], check=True, capture_output=True)
    finally:
        docker("rm", "-f", made)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as read:
        content = read.extractfile(read.getmembers()[0])
        assert content is not None
        return content.read()


TOOL = """
FROM busybox
COPY --from=fetch /out/busybox /out/busybox
COPY --from=fetch /out/other /other
CMD ["/out/busybox", "uname", "-m"]
"""


def test_what_leaves_is_for_the_target(releases: str, tmp_path: Path) -> None:
    """Under the kernel's name, and under Docker's by a `case` of that."""
    text = f"""\
FROM busybox AS fetch
RUN mkdir /out && wget -qO /out/busybox {releases}/tool-$(uname -m) && chmod +x /out/busybox
RUN case "`uname -m`" in x86_64) a=amd64 ;; aarch64) a=arm64 ;; *) exit 1 ;; esac; \\
    wget -qO /out/other {releases}/tool-$a
"""
    done, reference = built(tmp_path, text + TOOL)
    assert done.code == 0, done.err
    assert "still emulated: nothing" in done.out + done.err
    assert said(reference) == {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
    for platform, machine in (("linux/amd64", b"\x3e\x00"), ("linux/arm64", b"\xb7\x00")):
        assert docker_file(reference, platform, "/other")[18:20] == machine


def test_what_only_runs_is_for_the_builder(releases: str, tmp_path: Path) -> None:
    text = f"""\
FROM busybox AS make
ARG TARGETARCH
RUN mkdir -p /out && wget -qO /bin/sha512sum {releases}/tool-$TARGETARCH && chmod +x /bin/sha512sum
COPY main.txt /main.txt
RUN sha512sum /main.txt > /out/sum
FROM busybox
COPY --from=make /out/sum /sum
CMD ["cat", "/sum"]
"""
    done, reference = built(tmp_path, text)
    assert done.code == 0, done.err
    assert "still emulated: nothing" in done.out + done.err
    sums = said(reference)
    assert sums["linux/amd64"] == sums["linux/arm64"]
    assert sums["linux/arm64"].split()[1:] == ["/main.txt"]


def test_an_architecture_that_is_missing(releases: str, tmp_path: Path) -> None:
    """The build fails where the file is not there, and nothing is pushed."""
    text = f"""\
FROM busybox AS fetch
RUN mkdir /out && wget -qO /out/busybox {releases}/tool-$(uname -m)
RUN wget -qO /out/other {releases}/only-$(uname -m)
"""
    done, reference = built(tmp_path, text + TOOL)
    assert done.code == 1
    assert "404" in done.err
    assert docker("pull", reference, check=False).returncode != 0
