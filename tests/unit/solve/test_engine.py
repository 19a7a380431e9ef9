"""What the client says about builders and engines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xbuild.errors import EngineError
from xbuild.platforms import Platform
from xbuild.solve.engine import (
    Builder,
    BuilderNode,
    Engine,
    check_platforms,
    engine_error,
    parse_builder,
    parse_version,
    read_engine,
    runs_natively,
)
from xbuild.solve.run import Completed

BUILDERS = Path(__file__).parents[2] / "fixtures" / "builders"
CONTAINERD: dict[str, object] = {
    "ServerVersion": "28.5.2",
    "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
}
CLASSIC = {
    "ServerVersion": "26.1.5",
    "DriverStatus": [["Backing Filesystem", "extfs"]],
    "Architecture": "x86_64",
}


def p(*names: str) -> tuple[Platform, ...]:
    return tuple(map(Platform.parse, names))


def completed(text: str = "", error: str = "", code: int = 0) -> Completed:
    return Completed(("docker",), code, text.encode(), error.encode(), 0.1)


def test_the_docker_driver() -> None:
    found = parse_builder((BUILDERS / "docker.txt").read_text())
    assert (found.name, found.driver, len(found.nodes)) == ("default", "docker", 1)
    assert Engine(found, (0, 38, 2), {}).native == Platform.parse("linux/amd64")
    assert found.nodes[0].platforms[-1] == Platform.parse("linux/arm/v6")
    assert found.nodes[0].buildkit_version == ""


def test_the_container_driver() -> None:
    found = parse_builder((BUILDERS / "docker-container.txt").read_text())
    assert (found.name, found.driver) == ("xbuild-container", "docker-container")
    assert found.nodes[0].buildkit_version == "v0.34.2"
    assert found.nodes[0].endpoint == "unix:///var/run/docker.sock"


def test_a_farm_and_a_node_that_is_down() -> None:
    text = (
        "Name:   farm\nDriver: remote\n\nNodes:\nName:      a\nEndpoint:  tcp://a:1\n"
        "Status:    running\nPlatforms: linux/amd64*, linux/386\n\n"
        "Name:      b\nEndpoint:  tcp://b:1\nError:     connection refused\n"
    )
    found = parse_builder(text)
    assert [node.name for node in found.nodes] == ["a", "b"]
    assert found.nodes[0].declared == p("linux/amd64")
    assert found.nodes[1].error == "connection refused"


@pytest.mark.parametrize(
    ("driver", "info", "nodes", "natives"),
    [
        ("docker-container", CLASSIC, ["linux/amd64, linux/386"], "linux/amd64"),
        ("docker-container", CLASSIC, ["linux/arm64*, linux/amd64, linux/amd64/v2"], "linux/amd64"),
        ("docker-container", CLASSIC, ["linux/arm64*, linux/amd64*, linux/386"], "linux/amd64"),
        ("docker-container", {"Architecture": "aarch64"}, ["linux/amd64*, linux/arm64"], "linux/arm64"),
        # The engine that `docker info` is about is not where this one runs.
        ("docker-container", {"Architecture": "s390x"}, ["linux/arm64*, linux/amd64"], "linux/amd64"),
        ("remote", CLASSIC, ["linux/s390x*, linux/arm64, linux/amd64"], "linux/arm64"),
        ("remote", {}, ["linux/amd64*, linux/amd64/v2, linux/386"], "linux/amd64"),
        ("remote", {}, ["linux/amd64*, linux/386"], "linux/amd64"),
        ("remote", {}, ["linux/arm64*, linux/arm/v7, linux/arm/v6"], "linux/arm64"),
        ("remote", {}, ["linux/arm64*"], "linux/arm64"),
        ("remote", CLASSIC, ["linux/amd64", "linux/arm64*, linux/amd64"], "linux/amd64 linux/arm64"),
    ],
)  # fmt: skip
def test_declared_platforms_are_not_taken_for_native(
    driver: str, info: dict[str, object], nodes: list[str], natives: str
) -> None:
    shown = "\n".join(f"Name: n{n}\nPlatforms: {names}\n" for n, names in enumerate(nodes))
    engine = Engine(parse_builder(f"Name: b\nDriver: {driver}\n\nNodes:\n{shown}"), (0, 38, 2), info)
    assert engine.natives == p(*natives.split())
    assert engine.native == engine.natives[0]


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("github.com/docker/buildx v0.38.2 1234", (0, 38, 2)),
        ("github.com/docker/buildx 0.29.1+ds1 0.29.1+ds1-1", (0, 29, 1)),
        ("nonsense", (0, 0, 0)),
    ],
)
def test_versions(text: str, version: tuple[int, int, int]) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("platform", "native", "answer"),
    [
        ("linux/amd64", "linux/amd64", True),
        ("linux/amd64/v3", "linux/amd64", True),
        ("linux/386", "linux/amd64", True),
        ("linux/amd64", "linux/386", False),
        ("linux/arm64", "linux/amd64", False),
        ("linux/arm/v7", "linux/arm64", False),
        ("linux/arm/v6", "linux/arm/v7", True),
    ],
)
def test_what_runs_natively(platform: str, native: str, answer: bool) -> None:
    assert runs_natively(Platform.parse(platform), Platform.parse(native)) is answer


def an_engine(driver: str, info: dict[str, object], version: tuple[int, int, int] = (0, 38, 2)) -> Engine:
    return Engine(
        Builder("b", driver, (BuilderNode("n", platforms=p("linux/amd64", "linux/arm64")),)), version, info
    )


@pytest.mark.parametrize(
    ("driver", "info", "layout"),
    [
        ("docker", CONTAINERD, True),
        ("docker", CLASSIC, False),
        ("docker-container", CLASSIC, True),
        ("remote", {}, True),
    ],
)
def test_who_can_export_a_layout(driver: str, info: dict[str, object], layout: bool) -> None:
    engine = an_engine(driver, info)
    assert engine.can_export_layout is layout
    check_platforms(engine, p("linux/arm64"))
    if not layout:
        with pytest.raises(EngineError, match="classic image store"):
            check_platforms(engine, p("linux/amd64", "linux/arm64"))


def test_from_which_version_a_layout_can_be_pushed() -> None:
    assert an_engine("docker", CONTAINERD, (0, 33, 0)).can_push_layout
    assert not an_engine("docker", CONTAINERD, (0, 32, 1)).can_push_layout


def test_the_key_tells_engines_apart() -> None:
    assert an_engine("docker", CONTAINERD).key == an_engine("docker", CONTAINERD).key
    assert an_engine("docker", CONTAINERD).key != an_engine("remote", CONTAINERD).key


INSPECTED = completed((BUILDERS / "docker.txt").read_text())
VERSION = completed("github.com/docker/buildx v0.38.2 1234")
INFO = completed(json.dumps(CONTAINERD))


def test_an_engine_from_three_answers() -> None:
    engine = read_engine(VERSION, INSPECTED, INFO)
    assert engine.native == Platform.parse("linux/amd64")
    assert engine.containerd_store
    assert engine.is_native(Platform.parse("linux/386"))
    assert not engine.is_native(Platform.parse("linux/arm64"))
    assert engine.free_bytes is None


@pytest.mark.parametrize(
    ("version", "inspected", "info", "message"),
    [
        (
            completed(error="docker: unknown command: docker buildx", code=1),
            INSPECTED,
            INFO,
            "no buildx plugin",
        ),
        (VERSION, completed(error='ERROR: no builder "x" found', code=1), INFO, "no such builder"),
        (
            VERSION,
            completed(error="permission denied while trying to connect to the Docker daemon socket", code=1),
            completed(code=1),
            "may not be used by this user",
        ),
        (
            VERSION,
            INSPECTED,
            completed(error="Cannot connect to the Docker daemon", code=1),
            "no docker engine",
        ),
        (VERSION, Completed((), -9, b"", b"", 90, timed_out=True), INFO, "did not answer"),
        (
            VERSION,
            completed("Name: x\nDriver: remote\n\nNodes:\nName: a\nError: dial tcp: connection refused\n"),
            completed(),
            "no docker engine answers",
        ),
        (VERSION, completed(error="ERROR: something new", code=1), INFO, "something new"),
    ],
)
def test_what_is_wrong_is_said(
    version: Completed, inspected: Completed, info: Completed, message: str
) -> None:
    with pytest.raises(EngineError, match=message) as caught:
        read_engine(version, inspected, info)
    assert caught.value.hint


def test_a_remote_builder_needs_no_engine() -> None:
    inspected = completed((BUILDERS / "docker-container.txt").read_text())
    assert read_engine(VERSION, inspected, completed(code=1)).server_version is None


def test_errors_do_not_swallow_what_docker_said() -> None:
    assert "disk is full" in engine_error("write /x: no space left on device").message
