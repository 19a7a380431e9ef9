"""The action as GitHub would run it, on a real engine and registry; and digests merged to one image."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.action.runner import Runner
from tests.integration.commands import go_project, xbuild
from tests.integration.solving import BOTH, CONTAINER_BUILDER, REGISTRY, docker, engine, served_digest
from tests.unit.solve.gitserver import commit, publish, repository, serving

FOREIGN = """\
FROM --platform=$BUILDPLATFORM busybox AS builder
FROM busybox
COPY --from=builder /bin/busybox /usr/bin/app
"""


@pytest.fixture(autouse=True)
def _engine() -> None:
    engine(CONTAINER_BUILDER)


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tools")


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
