"""Stages, bases, edges and what is refused, one small Dockerfile per fact."""

from __future__ import annotations

from typing import Any

import pytest

from xbuild.dockerfile.parser import parse
from xbuild.errors import DockerfileError, StageError
from xbuild.graph.build import build_graph
from xbuild.graph.model import (
    ContextBase,
    Edge,
    ImageBase,
    ImageFacts,
    Options,
    ScratchBase,
    StageBase,
    StageGraph,
)
from xbuild.text import Source


def graph_of(text: str, **options: Any) -> StageGraph:
    return build_graph(parse(Source("Dockerfile", text)), Options(**options))


def only_copy(graph: StageGraph) -> Edge:
    (edge,) = (edge for edge in graph.edges if edge.kind == "copy")
    return edge


def image(reference: str | None, raw: str | None = None) -> ImageBase:
    return ImageBase(reference, raw if raw is not None else reference or "")


# Bases


def test_stages_and_their_bases() -> None:
    graph = graph_of("FROM golang:1.22 AS build\nRUN a\nFROM build\nRUN b\nFROM scratch AS Last\n")
    assert [stage.base for stage in graph.stages] == [image("golang:1.22"), StageBase(0), ScratchBase()]
    assert [stage.label for stage in graph.stages] == ["build", "stage 1", "last"]
    assert [stage.position for stage in graph.stages] == [0, 2, 4]
    assert graph.target == 2


def test_a_stage_name_shadows_an_image_only_from_then_on() -> None:
    graph = graph_of("FROM debian AS debian\nFROM debian AS b\n")
    assert [stage.base for stage in graph.stages] == [image("debian"), StageBase(0)]


def test_a_name_given_twice_means_the_later_stage() -> None:
    text = "FROM a AS s\nFROM s AS x\nFROM b AS s\nFROM s AS y\nCOPY --from=s /f /f\n"
    graph = graph_of(text)
    assert graph.stages[1].base == StageBase(0)
    assert graph.stages[3].base == StageBase(2)
    assert only_copy(graph).source == StageBase(2)


def test_from_does_not_take_a_stage_number() -> None:
    graph = graph_of("FROM a\nFROM 0\n")
    assert graph.stages[1].base == image("0")


def test_from_wants_the_stage_name_in_lower_case() -> None:
    with pytest.raises(DockerfileError, match="Builder") as caught:
        graph_of("FROM a AS Builder\nFROM Builder\n")
    assert caught.value.hint == "write the stage's name in lower case: builder"
    assert caught.value.line == 2


def test_args_in_from_take_default_then_build_argument() -> None:
    text = "ARG V=1\nARG TAG=${V}-alpine\nFROM golang:$TAG\n"
    assert graph_of(text).stages[0].base == image("golang:1-alpine", "golang:$TAG")
    graph = graph_of(text, build_args={"V": "2"})
    assert graph.stages[0].base == image("golang:2-alpine", "golang:$TAG")


def test_an_arg_of_a_stage_is_not_seen_in_from() -> None:
    with pytest.raises(DockerfileError, match="FROM golang:"):
        graph_of("FROM a\nARG V=1\nFROM golang:$V\n")


@pytest.mark.parametrize("image_name", ["$BASE", "golang:$BASE", "${BASE:?which}"])
def test_a_base_from_an_arg_without_value_is_unknown_not_wrong(image_name: str) -> None:
    graph = graph_of(f"ARG BASE\nFROM {image_name}\n")
    assert graph.stages[0].base == image(None, image_name)
    graph = graph_of(f"ARG BASE\nFROM {image_name}\n", build_args={"BASE": "debian"})
    assert graph.stages[0].base != image(None, image_name)


def test_an_arg_without_value_that_leaves_a_sound_name() -> None:
    graph = graph_of("ARG REGISTRY\nFROM ${REGISTRY}debian:12\n")
    assert graph.stages[0].base == image("debian:12", "${REGISTRY}debian:12")


def test_a_base_chosen_by_platform_lists_the_stages_it_may_be() -> None:
    text = (
        "FROM a AS base-amd64\nFROM b AS base-arm64\nFROM c AS other\nFROM base-${TARGETARCH}\n"
        "FROM base-arm${TARGETVARIANT:+64} AS last\n"
    )
    graph = graph_of(text)
    assert graph.stages[3].base == ImageBase(None, "base-${TARGETARCH}", (0, 1), True)
    assert graph.derived_from(0) == (3,)
    assert graph.edges_out_of(1) != ()
    assert graph.chain_of(3) == (3,)


def test_the_graph_of_one_platform_knows_the_stage() -> None:
    text = "FROM a AS base-amd64\nFROM b AS base-arm64\nFROM base-${TARGETARCH}\n"
    assert graph_of(text, platform_values={"TARGETARCH": "arm64"}).stages[2].base == StageBase(1)


@pytest.mark.parametrize(
    ("context", "name"),
    [("golang", "golang:latest"), ("docker.io/library/golang", "golang"), ("ghcr.io/a/b:1", "ghcr.io/a/b:1")],
)
def test_a_named_context_replaces_an_image(context: str, name: str) -> None:
    graph = graph_of(f"FROM {name}\nCOPY --from={name} /a /b\n", build_contexts={context: "./x"})
    assert graph.stages[0].base == ContextBase(context, "./x")
    assert only_copy(graph).source == ContextBase(context, "./x")


def test_a_named_context_replaces_a_stage() -> None:
    text = "FROM a AS build\nCOPY --from=other /x /x\nFROM build\nCOPY --from=Build /out /out\n"
    graph = graph_of(text, build_contexts={"build": "docker-image://b"})
    assert graph.stages[0].is_replaced
    context = ContextBase("build", "docker-image://b")
    assert [stage.base for stage in graph.stages] == [context, context]
    assert only_copy(graph).source == context


def test_scratch_cannot_be_replaced() -> None:
    assert graph_of("FROM scratch\n", build_contexts={"scratch": "./x"}).stages[0].base == ScratchBase()


# Edges


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("build", StageBase(0)),
        ("BUILD", StageBase(0)),
        ("0", StageBase(0)),
        ("1", StageBase(1)),
        ("nginx:1", image("nginx:1")),
        ("scratch", ScratchBase()),
    ],
)
def test_copy_from_by_name_number_or_image(name: str, source: object) -> None:
    graph = graph_of(f"FROM a AS build\nFROM b\nFROM c\nCOPY --from={name} /f /f\n")
    assert only_copy(graph).source == source


@pytest.mark.parametrize(
    ("copy", "paths", "destination"),
    [
        ("/out/app /app", ("/out/app",), "/app"),
        ("out/app .", ("/out/app",), "/srv/"),
        ("/out/* bin/", ("/out/*",), "/srv/bin/"),
        ("/a ../b /c/", ("/a", "/b"), "/c/"),
        ("$D/x/ ./y", ("/data/x",), "/srv/y"),
        ("'/$D' /", ("/$D",), "/"),
        ('["/a b", "c d"]', ("/a b",), "/srv/c d"),
        ("/$TARGETARCH/x /x", ("/**/x",), "/x"),
        ("/${TARGETARCH%64}/x /x", (None,), "/x"),
        ("--parents /a/./b/c /x/", ("/a/b/c",), "/x/"),
        ("--chown=1:1 --link /a ''", ("/a",), "/srv/"),
        ("/x /x/.", ("/x",), "/x/"),
    ],
)
def test_copy_paths_are_absolute(copy: str, paths: tuple[str, ...], destination: str) -> None:
    flags, _, rest = copy.rpartition("--")
    flag, _, rest = rest.partition(" ") if flags or copy.startswith("--") else ("", "", copy)
    flags = (flags + "--" + flag) if flag else ""
    text = "FROM a AS build\nFROM b\nARG TARGETARCH\nENV D=/data\nWORKDIR /srv\n"
    text += f"COPY --from=build {flags} {rest}\n"
    edge = only_copy(graph_of(text))
    assert (edge.paths, edge.destination) == (paths, destination)


def test_a_relative_destination_needs_the_working_directory_of_the_base() -> None:
    text = "FROM a AS build\nFROM golang\nCOPY --from=build /x y\n"
    assert only_copy(graph_of(text)).destination is None
    facts = ImageFacts(workdir="/go")
    assert only_copy(graph_of(text, image_facts=lambda _: facts)).destination == "/go/y"


def test_mounts_take_paths_too() -> None:
    text = (
        "FROM a AS build\nFROM b\nWORKDIR /w\nRUN --mount=from=build,src=out,dst=in "
        "--mount=type=cache,target=/c --mount=type=cache,from=nginx,source=/s,target=/t "
        "--mount=type=tmpfs,from=build,target=/tmp --mount=target=/ctx true\n"
    )
    edges = [edge for edge in graph_of(text).edges if edge.kind == "mount"]
    assert [(e.source, e.paths, e.destination) for e in edges] == [
        (StageBase(0), ("/out",), "/w/in"),
        (image("nginx"), ("/s",), "/t"),
    ]


def test_a_mount_takes_no_stage_number() -> None:
    text = "FROM a AS build\nFROM b\nRUN --mount=from=0,target=/x true\n"
    (edge,) = (edge for edge in graph_of(text).edges if edge.kind == "mount")
    assert edge.source == image("0")


def test_every_stage_has_a_from_edge_and_edges_stand_in_order() -> None:
    graph = graph_of("FROM a AS x\nFROM x\nCOPY --from=nginx /1 /\nCOPY --from=x /2 /\n")
    assert [(e.consumer, e.instruction, e.kind) for e in graph.edges] == [
        (0, 0, "from"),
        (1, 0, "from"),
        (1, 1, "copy"),
        (1, 2, "copy"),
    ]


def test_onbuild_runs_in_the_stage_below_and_not_further() -> None:
    text = "FROM a AS tools\nFROM b AS base\nONBUILD COPY --from=tools /t /t\nFROM base AS c\nFROM c AS d\n"
    graph = graph_of(text)
    edge = only_copy(graph)
    assert (edge.consumer, edge.instruction, edge.source, edge.is_onbuild) == (2, 0, StageBase(0), True)
    assert [i.keyword for i in graph.onbuild(2)] == ["COPY"]
    assert graph.onbuild(3) == ()


# Targets


@pytest.mark.parametrize(("target", "index"), [("build", 0), ("BUILD", 0), ("last", 2), (None, 2), ("", 2)])
def test_target_by_name_in_any_case(target: str | None, index: int) -> None:
    graph = graph_of("FROM a AS build\nFROM b\nFROM c AS last\n", target=target)
    assert graph.target == index


@pytest.mark.parametrize("target", ["0", "biuld"])
def test_unknown_target_lists_the_stages(target: str) -> None:
    """BuildKit takes no number for --target either."""
    with pytest.raises(StageError) as caught:
        graph_of("FROM a AS build\nFROM b AS last\n", target=target)
    assert "build, last" in (caught.value.expected or "")
    assert caught.value.file == "Dockerfile"


# Refused


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("ARG A=1\n", None, "no FROM"),
        ("ARG A=1\nRUN x\nFROM a\n", 2, "RUN stands before"),
        ("FROM $NONE\n", 1, "empty name"),
        ("FROM Debian\n", 1, "not an image reference"),
        ("FROM a:b:c\n", 1, "not an image reference"),
        ("FROM ${A\n", 1, "cannot expand"),
        ("ARG A=${B\nFROM a\n", 1, "cannot expand"),
        ("FROM a AS 1x\n", 1, "cannot be read"),
        ("FROM a b\n", 1, "cannot be read"),
        ("FROM --platform=$NONE a\n", 1, "comes to nothing"),
        ("FROM --platform=linux/a/b/c a\n", 1, "not a platform"),
        ("FROM --platform=linus a\n", 1, "not a platform"),
        ("FROM a\nCOPY --from=7 /x /x\n", 2, "does not exist"),
        ("FROM a\nCOPY --from=-1 /x /x\n", 2, "does not exist"),
        ("FROM a AS s\nCOPY --from=s /x /x\n", 2, "itself"),
        ("FROM a AS s\nCOPY --from=0 /x /x\nFROM b\n", 2, "itself"),
        ("FROM a AS s\nRUN --mount=from=t,target=/t x\nFROM b AS t\nCOPY --from=s /x /x\n", 2, "circle"),
        ("FROM a AS s\nCOPY --from=t /x /x\nFROM s AS t\n", 2, "before it is defined"),
        ("ARG S=b\nFROM a AS b\nFROM c\nCOPY --from=$S /x /x\n", 4, "does not expand"),
        ('FROM a AS b\nFROM c\nCOPY --from="b" /x /x\n', None, None),
        ("FROM a\nRUN --mount=from=$S,target=/x true\n", 2, "does not expand"),
        ("FROM a\nCOPY --from=No /x /x\n", 2, "neither a stage nor"),
        ("FROM a\nADD --from=b /x /x\n", 2, "ADD has no --from"),
        ("FROM a\nENV A=${B\n", 2, "cannot expand"),
        ("FROM a AS s\nFROM b\nCOPY --from=s ${ /x\n", 3, "cannot expand"),
    ],
)
def test_refused_with_place_and_way_out(text: str, line: int | None, words: str | None) -> None:
    if words is None:
        graph_of(text)
        return
    with pytest.raises(DockerfileError, match=words) as caught:
        graph_of(text)
    error = caught.value
    assert (error.file, error.line) == ("Dockerfile", line)
    assert error.expected
    assert error.hint


def test_errors_in_a_stage_that_the_target_does_not_need_are_let_be() -> None:
    text = "FROM a AS s\nENV A=${B\nCOPY --from=t ${ /x\nFROM b AS t\n"
    graph = graph_of(text)
    assert only_copy(graph).paths == (None,)
    with pytest.raises(DockerfileError):
        graph_of(text, target="s")


def test_a_misspelt_stage_is_pointed_out() -> None:
    with pytest.raises(StageError) as caught:
        graph_of("FROM a AS builder\nFROM b\nCOPY --from=Bu!lder /x /x\n")
    assert caught.value.hint == "did you mean builder?"
