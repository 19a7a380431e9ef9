"""The action as GitHub would run it, on a real engine and registry; and digests merged to one image."""

from __future__ import annotations

import json
import os
import re
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.action.runner import Runner
from tests.integration.commands import go_project, xbuild
from tests.integration.solving import (
    AUTH_REGISTRY,
    BOTH,
    CONTAINER_BUILDER,
    REGISTRY,
    docker,
    engine,
    own_configuration,
    served_digest,
    with_login,
)
from tests.unit.solve.gitserver import commit, publish, repository, serving

from xbuild.solve.emulation import tiny_elf

FOREIGN = """\
FROM --platform=$BUILDPLATFORM busybox AS builder
FROM busybox
COPY --from=builder /bin/busybox /usr/bin/app
"""


@pytest.fixture(autouse=True)
def _engine() -> None:
    engine(CONTAINER_BUILDER)


@pytest.fixture
def runner(tmp_path: Path, tools: Path) -> Runner:
    return Runner(tmp_path / "runner", tools=tools)


@pytest.fixture
def tag() -> Iterator[str]:
    reference = f"{REGISTRY}/action-{uuid.uuid4().hex[:8]}:1"
    yield reference
    docker("image", "rm", "--force", reference, check=False)


def test_a_build_for_two_platforms(runner: Runner, tag: str) -> None:
    go_project(runner.workspace)
    ran = runner.run(
        {"context": ".", "builder": CONTAINER_BUILDER, "platforms": BOTH[1], "tags": tag, "push": "true"}
    )
    assert ran.code == 0, ran.log
    assert ran.outputs["digest"] == served_digest(tag)
    assert "--platform=$BUILDPLATFORM" in Path(ran.outputs["rewritten"]).read_text()
    report = json.loads(Path(ran.outputs["report"]).read_text())
    assert {each["platform"]: each["ok"] for each in report["verified"]} == {
        "linux/amd64": True,
        "linux/arm64": True,
    }
    assert "QEMU was not set up" in ran.summary
    assert "the step that sets it up is superfluous" in ran.summary  # the test bed's engine has it
    assert ran.summary.count("```mermaid") == 2
    assert [each.kind for each in ran.annotations if each.kind == "error"] == []


def test_a_binary_for_another_machine_is_not_pushed(runner: Runner, tag: str) -> None:
    go_project(runner.workspace, FOREIGN)
    ran = runner.run({
        "context": ".", "builder": CONTAINER_BUILDER, "platforms": "linux/arm64", "tags": tag, "push": "true",
    })  # fmt: skip
    assert ran.code == 7, ran.log
    (error,) = [each for each in ran.annotations if each.kind == "error"]
    assert (error.properties["file"], error.properties["line"]) == ("Dockerfile", "3")
    assert served_digest(tag) is None


def test_the_event_s_commit(runner: Runner, tag: str, tmp_path: Path) -> None:
    """Fetched here with the workflow's token, and by BuildKit at that commit; the workspace is another."""
    work = repository(tmp_path / "work")
    go_project(work / "app")
    wanted = commit(work, {})
    runner.workspace.mkdir(parents=True)
    (runner.workspace / "Dockerfile").write_text("FROM wrong\n")
    with serving(tmp_path / "served", "gh-t0k3n", host=_own_address()) as server:
        publish(work, server, "o/r.git")
        commit(work, {"app/main.go": "package broken"})
        publish(work, server, "o/r.git")
        runner.environment |= {
            "GITHUB_SERVER_URL": server.url, "GITHUB_REPOSITORY": "o/r", "GITHUB_SHA": wanted,
            "GITHUB_REF": "refs/heads/main",
        }  # fmt: skip
        ran = runner.run({
            "context": "{{defaultContext}}:app", "builder": CONTAINER_BUILDER, "tags": tag, "push": "true",
            "platforms": "linux/amd64,linux/arm64",
        })  # fmt: skip
    assert ran.code == 0, ran.log
    assert ran.outputs["digest"] == served_digest(tag)
    assert "--platform=$BUILDPLATFORM" in Path(ran.outputs["rewritten"]).read_text()
    assert "gh-t0k3n" not in ran.unmasked
    assert wanted in ran.outputs["metadata"]


PROGRAMS = 'FROM scratch\nARG TARGETARCH\nCOPY app-$TARGETARCH /app\nENTRYPOINT ["/app"]\n'


def _programs(folder: Path, text: str = PROGRAMS) -> None:
    """A program for each platform, without a system around it: an engine without a network can build that."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Dockerfile").write_text(text)
    for name in ("amd64", "arm64"):
        (folder / f"app-{name}").write_bytes(tiny_elf(name))
        (folder / f"app-{name}").chmod(0o755)


@pytest.fixture
def classic(monkeypatch: pytest.MonkeyPatch) -> None:
    """docker is that of an engine with the classic image store, as GitHub's runners have it."""
    address = os.environ.get("XBUILD_TESTBED_CLASSIC")
    if not address:
        pytest.skip("XBUILD_TESTBED_CLASSIC names no engine with the classic store")
    monkeypatch.setenv("DOCKER_HOST", address)


def _made() -> list[str]:
    """Builders of the action's, and their containers and volumes."""
    shown = docker("buildx", "ls", "--format", "{{.Name}}").stdout
    shown += docker("ps", "--all", "--format", "{{.Names}}").stdout
    shown += docker("volume", "ls", "--format", "{{.Name}}").stdout
    return [name for name in shown.split() if re.search(r"xbuild-[0-9a-f]{12}", name)]


@pytest.mark.usefixtures("classic")
def test_a_builder_where_the_engine_s_own_cannot_do_it(runner: Runner, tag: str) -> None:
    """The docker driver with the classic store holds one platform: a container is made, and is gone after."""
    before = _made()
    _programs(runner.workspace)
    ran = runner.run({"context": ".", "platforms": BOTH[1], "tags": tag, "push": "true"})
    assert ran.code == 0, ran.log
    name = ran.states["builder"]
    assert f"xbuild: creating builder {name}\n" in ran.log
    assert f"builder {name} was made for this step, and is removed after the job" in ran.summary
    assert ran.outputs["digest"] == served_digest(tag)
    assert _made() == before


@pytest.mark.usefixtures("classic")
def test_the_builder_is_removed_after_a_cancel(runner: Runner) -> None:
    """The runner interrupts `main`, and starts `post` all the same."""
    before = _made()
    _programs(runner.workspace, f'{PROGRAMS}COPY wait /wait\nRUN ["/wait"]\n')
    (runner.workspace / "wait").write_bytes(_endless())
    (runner.workspace / "wait").chmod(0o755)
    ran = runner.run(
        {"context": ".", "platforms": "linux/amd64", "no-cache": "true"},
        until=lambda: bool(set(_made()) - set(before)),
    )
    assert ran.code == 130, ran.log
    assert ran.states["builder"]
    assert _made() == before


def _endless() -> bytes:
    """A static program for this machine's kind that never ends: `exit(0)`, replaced by a jump to itself."""
    program = bytearray(tiny_elf("amd64"))
    program[120:122] = b"\xeb\xfe"
    return bytes(program)


def test_a_push_without_a_login(runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_configuration(tmp_path, monkeypatch)
    _programs(runner.workspace)
    given = {"context": ".", "builder": CONTAINER_BUILDER, "platforms": BOTH[1], "push": "true"}
    ran = runner.run({**given, "tags": f"{AUTH_REGISTRY}/action-{uuid.uuid4().hex[:8]}:1"})
    assert ran.code not in (0, 1), ran.log
    (error,) = [each for each in ran.annotations if each.kind == "error"]
    assert "docker login" in error.message
    assert "digest" not in ran.outputs


def test_a_login_is_used_as_it_is(runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As docker/login-action leaves it in docker's configuration."""
    if not AUTH_REGISTRY:
        pytest.skip("XBUILD_TESTBED_AUTH_REGISTRY names no registry that wants a login")
    with_login(tmp_path, monkeypatch)
    _programs(runner.workspace)
    given = {"context": ".", "builder": CONTAINER_BUILDER, "platforms": BOTH[1], "push": "true"}
    ran = runner.run({**given, "tags": f"{AUTH_REGISTRY}/action-{uuid.uuid4().hex[:8]}:1"})
    assert ran.code == 0, ran.log
    assert os.environ["XBUILD_TESTBED_AUTH_PASSWORD"] not in ran.unmasked + ran.summary


def _own_address() -> str:
    """An address of this machine that the engine reaches, wherever that runs."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


def test_merge(tmp_path: Path, tag: str) -> None:
    """As `examples/native-runners.yml` does it: each platform by digest, then one image."""
    folder = go_project(tmp_path / "p")
    repository_name = tag.rpartition(":")[0]
    digests = []
    for platform in BOTH[1].split(","):
        file = tmp_path / f"{platform.rpartition('/')[2]}.json"
        done = xbuild(
            "build", "--builder", CONTAINER_BUILDER, "--platform", platform, "--metadata-file", file,
            "--annotation", "index:org.example.note=kept", "--attest", "type=provenance,mode=max",
            "--output", f"type=image,name={repository_name},push-by-digest=true,push=true", folder,
        )  # fmt: skip
        assert done.code == 0, done.err
        digests.append(json.loads(file.read_text())["containerimage.digest"])
    assert served_digest(tag) is None
    done = xbuild("merge", "--tag", tag, "--json", "--builder", CONTAINER_BUILDER, *digests)
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["digest"] == served_digest(tag)
    assert (told["platforms"], told["attestations"]) == (["linux/amd64", "linux/arm64"], 2)
    raw: dict[str, Any] = json.loads(docker("buildx", "imagetools", "inspect", "--raw", tag).stdout)
    assert raw["annotations"] == {"org.example.note": "kept"}
    assert len(raw["manifests"]) == 4
    for platform in BOTH[1].split(","):
        docker("pull", "--quiet", "--platform", platform, tag)
    assert xbuild("verify", tag).code == 0
    again = xbuild("merge", "--tag", tag, digests[0], digests[0])
    assert again.code == 2
