"""Where a stage runs, who needs whom."""

from __future__ import annotations

from typing import Any

import pytest

from xbuild.dockerfile.parser import parse
from xbuild.graph.build import build_graph
from xbuild.graph.model import Options, StageGraph
from xbuild.graph.platform import platform_values, runs_on, source_platform
from xbuild.graph.reach import consumers, leaves, reachable, takes
from xbuild.platforms import Platform
from xbuild.text import Source


def graph_of(text: str, **options: Any) -> StageGraph:
    return build_graph(parse(Source("Dockerfile", text)), Options(**options))


@pytest.mark.parametrize(
    ("pin", "expected"),
    [
        ("", "target"),
        ("--platform=$BUILDPLATFORM", "build"),
        ("--platform=${BUILDPLATFORM}", "build"),
        ("--platform=${BUILDPLATFORM:-linux/amd64}", "build"),
        ('--platform="$BUILDPLATFORM"', "build"),
        ("--platform=$BUILDOS/$BUILDARCH", "build"),
        ("--platform=linux/$BUILDARCH", "build"),
        ("--platform=$TARGETPLATFORM", "target"),
        ("--platform=linux/${TARGETARCH}", "target"),
        ("--platform=${TARGETPLATFORM:-$BUILDPLATFORM}", "target"),
        ("--platform=linux/amd64", "linux/amd64"),
        ("--platform=linux/x86_64", "linux/amd64"),
        ("--platform=windows/amd64", "windows/amd64"),
        ("--platform=linux/arm64${NONE}", "linux/arm64"),
        ("--platform=linux/$TARGETARCH/$TARGETVARIANT", None),
        ("--platform=${TARGETPLATFORM/arm64/amd64}", None),
    ],
)
def test_the_pin_in_any_spelling(pin: str, expected: str | None) -> None:
    assert runs_on(graph_of(f"FROM {pin} golang\n"), 0) == expected


@pytest.mark.parametrize(
    ("arg", "expected"),
    [
        ("ARG BUILDPLATFORM", "build"),
        ("ARG BUILDPLATFORM=linux/amd64", "linux/amd64"),
        ("ARG BUILDPLATFORM=${BUILDPLATFORM:-linux/amd64}", "build"),
        ("ARG BUILDPLATFORM=$TARGETPLATFORM", "target"),
    ],
)
def test_a_default_in_front_of_from_hides_the_build_platform(arg: str, expected: str) -> None:
    assert runs_on(graph_of(f"{arg}\nFROM --platform=$BUILDPLATFORM golang\n"), 0) == expected


def test_a_build_argument_hides_the_build_platform() -> None:
    graph = graph_of("FROM --platform=$BUILDPLATFORM a\n", build_args={"BUILDPLATFORM": "linux/s390x"})
    assert runs_on(graph, 0) == "linux/s390x"


def test_an_arg_with_a_pin_of_its_own_name() -> None:
    text = "ARG BUILDER=$BUILDPLATFORM\nFROM --platform=$BUILDER golang\n"
    assert runs_on(graph_of(text), 0) == "build"
    assert runs_on(graph_of(text, build_args={"BUILDER": "linux/arm64"}), 0) == "linux/arm64"
    assert runs_on(graph_of("ARG P\nFROM --platform=$P golang\n"), 0) is None


def test_a_pin_on_a_stage_that_derives_from_another_is_ignored() -> None:
    graph = graph_of("FROM node AS base\nFROM --platform=$BUILDPLATFORM base AS build\nFROM base\n")
    assert [runs_on(graph, stage) for stage in range(3)] == ["target", "target", "target"]


def test_a_pin_on_the_root_goes_down_the_chain() -> None:
    graph = graph_of(
        "FROM --platform=$BUILDPLATFORM node AS a\nFROM a AS b\nFROM --platform=$TARGETPLATFORM b\n"
    )
    assert [runs_on(graph, stage) for stage in range(3)] == ["build", "build", "build"]


def test_scratch_is_for_the_target_whatever_its_pin() -> None:
    assert runs_on(graph_of("FROM --platform=$BUILDPLATFORM scratch\n"), 0) == "target"


def test_a_base_chosen_by_platform() -> None:
    text = "FROM {} a AS b-amd64\nFROM {} a AS b-arm64\nFROM b-${{BUILDARCH}}\n"
    pinned = "--platform=$BUILDPLATFORM"
    assert runs_on(graph_of(text.format("", "")), 2) == "target"
    # Other build machines have no such stage: there the name means an image.
    assert runs_on(graph_of(text.format(pinned, pinned)), 2) is None
    assert runs_on(graph_of(text.format(pinned, "")), 2) is None


def test_what_is_copied_from_an_image_is_for_the_target() -> None:
    text = "FROM --platform=$BUILDPLATFORM a AS b\nCOPY --from=nginx /x /x\nFROM c\nCOPY --from=b /x /x\n"
    graph = graph_of(text)
    assert [source_platform(graph, edge) for edge in graph.edges] == ["build", "target", "target", "build"]


def test_automatic_values() -> None:
    values = platform_values(Platform.parse("linux/arm64"), Platform.parse("linux/amd64/v3"))
    assert values == {
        "BUILDPLATFORM": "linux/arm64",
        "BUILDOS": "linux",
        "BUILDARCH": "arm64",
        "BUILDVARIANT": "",
        "TARGETPLATFORM": "linux/amd64/v3",
        "TARGETOS": "linux",
        "TARGETARCH": "amd64",
        "TARGETVARIANT": "v3",
    }


TREE = """\
FROM a AS deps
FROM deps AS build
RUN x
FROM build AS test
RUN y
FROM c AS tools
FROM d AS final
COPY --from=build /out /out
RUN --mount=from=tools,target=/t /t/x
FROM build AS debug
FROM final
"""


def test_reachable_and_leaves() -> None:
    graph = graph_of(TREE)
    assert reachable(graph) == {0, 1, 3, 4, 6}
    assert reachable(graph, 2) == {0, 1, 2}
    assert leaves(graph) == (2, 5, 6)


def test_consumers_follow_the_from_chain_down() -> None:
    graph = graph_of(TREE)
    assert [(e.consumer, e.kind) for e in consumers(graph, 0)] == [(4, "copy")]
    assert [(e.consumer, e.kind) for e in consumers(graph, 3)] == [(4, "mount")]
    assert consumers(graph, 2) == ()
    assert graph.derived_from(0) == (1, 2, 5)
    assert [e.paths for e in takes(graph, 4, 1)] == [("/out",)]


def test_stages_that_may_be_meant_count_as_needed() -> None:
    graph = graph_of("FROM a AS b-amd64\nFROM a AS b-arm64\nFROM a AS other\nFROM b-$TARGETARCH\n")
    assert reachable(graph) == {0, 1, 3}
    assert leaves(graph) == (2, 3)


def test_a_stage_replaced_by_a_context_is_no_leaf() -> None:
    graph = graph_of("FROM a AS b\nFROM b\n", build_contexts={"b": "./x"})
    assert leaves(graph) == (1,)
    assert reachable(graph) == {1}


def test_a_context_has_the_platform_of_the_stage_it_stands_in_for() -> None:
    text = (
        "FROM --platform=$BUILDPLATFORM a AS b\nFROM b\nFROM --platform=$BUILDPLATFORM c\n"
        "COPY --from=b /x /x\n"
    )
    graph = graph_of(text, build_contexts={"b": "docker-image://d", "c": "docker-image://d"})
    assert [runs_on(graph, stage) for stage in range(3)] == ["build", "build", "build"]
    assert [source_platform(graph, edge) for edge in takes(graph, 2, 1)] == ["build"]
