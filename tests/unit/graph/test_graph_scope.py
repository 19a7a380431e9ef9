"""What names mean where, one small Dockerfile per fact. `tests/integration` compares with BuildKit."""

from __future__ import annotations

from typing import Any

import pytest

from xbuild.dockerfile.parser import parse
from xbuild.graph.build import build_graph
from xbuild.graph.model import ImageFacts, Options, StageGraph, Value
from xbuild.graph.platform import platform_values
from xbuild.graph.scope import (
    DEFAULT_PATH,
    Scope,
    environment,
    lookup,
    shell,
    user,
    workdir,
)
from xbuild.platforms import Platform
from xbuild.text import Source

GOLANG = ImageFacts(workdir="/go", env={"GOPATH": "/go", "GOTOOLCHAIN": "local", "PATH": "/go/bin"})


def graph_of(text: str, **options: Any) -> StageGraph:
    return build_graph(parse(Source("Dockerfile", text)), Options(**options))


def at_end(graph: StageGraph, name: str, stage: int = -1) -> Value | None:
    last = graph.stages[stage]
    return lookup(graph, last.index, len(last.instructions), name)


def text_at_end(text: str, name: str, **options: Any) -> str | None:
    value = at_end(graph_of(text, **options), name)
    return None if value is None else value.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM scratch\nARG X=1\n", "1"),
        ("FROM scratch\nARG X=1\nENV X=2\n", "2"),
        # Not what the reference says of ENV and ARG, but what BuildKit does: the later one wins.
        ("FROM scratch\nENV X=2\nARG X=1\n", "1"),
        ("FROM scratch\nENV X=2\nARG X\n", "2"),
        ("ARG X=g\nFROM scratch\nARG X\n", "g"),
        ("ARG X=g\nFROM scratch\nARG X=s\n", "s"),
        ("ARG X=g\nFROM scratch\nENV X=2\nARG X\n", "g"),
        ("FROM scratch\nARG A=1 X=$A\n", "1"),
        ("FROM scratch\nENV A=1\nENV A=2 X=$A\n", "1"),
        ("FROM scratch\nENV A=1\nARG X=${A}0\n", "10"),
        ("ARG A=1\nFROM scratch\nARG X=${A:-none}\n", "none"),
        ("FROM scratch\nENV K=X\nENV $K=1\n", "1"),
        ("FROM scratch\nENV X a  b\n", "a  b"),
        ("FROM scratch\nENV X='$A' A=1\n", "$A"),
        ("FROM scratch AS a\nARG X=1\nFROM a\n", "1"),
        ("FROM scratch AS a\nENV X=1\nFROM a\n", "1"),
        # An ARG that hid an ENV does so in its own stage only.
        ("FROM scratch AS a\nENV X=1\nARG X=2\nFROM a\n", "1"),
        ("FROM scratch AS a\nONBUILD ENV X=1\nFROM a\n", "1"),
        ("FROM scratch AS a\nONBUILD ENV X=1\nFROM a AS b\nFROM scratch\n", None),
        ("FROM scratch AS a\nONBUILD ENV X=1\n", None),
    ],
)
def test_which_value_wins(text: str, expected: str | None) -> None:
    assert text_at_end(text, "X") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM scratch\nARG X=1\n", "b"),
        ("FROM scratch\nARG X\n", "b"),
        ("ARG X=g\nFROM scratch\nARG X=s\n", "b"),
        ("ARG X=g\nARG Y=$X\nFROM scratch\nARG Y\nENV X=$Y\n", "b"),
        ("FROM scratch\nENV X=1\nARG X\n", "b"),
        ("FROM scratch\nARG X\nENV X=1\n", "1"),
    ],
)
def test_a_build_argument_beats_defaults_but_not_a_later_env(text: str, expected: str) -> None:
    assert text_at_end(text, "X", build_args={"X": "b"}) == expected


def test_a_build_argument_without_arg_is_not_set() -> None:
    assert text_at_end("FROM scratch\n", "X", build_args={"X": "b"}) is None


def test_an_arg_counts_from_its_instruction_on() -> None:
    graph = graph_of("FROM scratch\nRUN a\nARG X=1\nRUN b\n")
    assert lookup(graph, 0, 1, "X") is None
    assert lookup(graph, 0, 2, "X") is None
    assert lookup(graph, 0, 3, "X") == Value("1", "arg", 2, raw="1", stage=0)


def test_a_platform_arg_needs_its_declaration() -> None:
    assert at_end(graph_of("FROM golang\n"), "TARGETARCH") is None
    value = at_end(graph_of("FROM golang\nARG TARGETARCH\n"), "TARGETARCH")
    assert value == Value(None, "platform", 1, frozenset({"TARGETARCH"}), stage=0)


@pytest.mark.parametrize(
    "text",
    ["FROM a\nARG TARGETARCH=amd64\n", "ARG TARGETARCH=amd64\nFROM a\nARG TARGETARCH\n"],
)
def test_a_default_on_a_platform_arg_hides_its_value(text: str) -> None:
    value = at_end(graph_of(text), "TARGETARCH")
    assert value is not None
    assert (value.text, value.kind, value.depends_on) == ("amd64", "arg", frozenset())


def test_a_platform_arg_declared_in_front_of_from_keeps_its_value() -> None:
    value = at_end(graph_of("ARG TARGETARCH\nFROM a\nARG TARGETARCH\n"), "TARGETARCH")
    assert value is not None
    assert value.kind == "platform"


@pytest.mark.parametrize("text", ["FROM a\nARG TARGETARCH\n", "FROM a\nARG TARGETARCH=arm\n"])
def test_a_build_argument_replaces_a_platform_arg(text: str) -> None:
    value = at_end(graph_of(text, build_args={"TARGETARCH": "s390x"}), "TARGETARCH")
    assert value is not None
    assert (value.text, value.kind) == ("s390x", "arg")


def test_dependencies_on_platform_args_go_through_any_number_of_steps() -> None:
    text = "ARG P=${TARGETOS}\nFROM a AS x\nARG P\nARG TARGETARCH\nENV A=$TARGETARCH\nARG B=$A-$P\n"
    text += "FROM x\nENV C=${B:-1}\n"
    value = at_end(graph_of(text), "C")
    assert value is not None
    assert value.depends_on == {"TARGETARCH", "TARGETOS"}
    assert (value.text, value.kind, value.instruction, value.stage) == (None, "env", 1, 1)


def test_an_inherited_value_names_the_stage_it_is_from() -> None:
    value = at_end(graph_of("FROM scratch AS a\nENV X=1\nFROM a\nRUN x\n"), "X")
    assert value == Value("1", "env", None, raw="1", stage=0)


def test_an_arg_without_value_is_declared_but_unset() -> None:
    value = at_end(graph_of("FROM scratch\nARG X\n"), "X")
    assert value is not None
    assert value.is_unset
    assert text_at_end("FROM scratch\nARG X\nENV Y=${X:-d}$X\n", "Y") == "d"


def test_an_unknown_base_may_set_anything_but_platform_args() -> None:
    graph = graph_of("FROM golang\nENV A=$GOPATH/x\n")
    assert at_end(graph, "GOPATH") == Value(None, "env")
    assert text_at_end("FROM golang\nENV A=$GOPATH/x\n", "A") is None
    assert not Scope(graph, 0, 2).is_base_known


def test_an_inherited_arg_may_give_way_to_an_env_of_an_unknown_image() -> None:
    text = "FROM node AS a\nARG NODE_VERSION=18\nARG TARGETARCH=arm\nFROM a\n"
    assert text_at_end(text, "NODE_VERSION") is None
    assert text_at_end(text, "TARGETARCH") == "arm"
    facts = ImageFacts(env={"NODE_VERSION": "22"})
    assert text_at_end(text, "NODE_VERSION", image_facts=lambda _: facts) == "22"
    assert text_at_end(text, "NODE_VERSION", image_facts=lambda _: ImageFacts()) == "18"


def test_a_base_that_may_be_a_stage_may_declare_platform_args() -> None:
    graph = graph_of("FROM a AS b-amd64\nARG TARGETOS\nFROM b-$TARGETARCH\n")
    assert at_end(graph, "TARGETOS") == Value(None, "env")


def test_facts_about_the_base_image() -> None:
    asked: list[str] = []

    def facts(reference: str) -> ImageFacts:
        asked.append(reference)
        return GOLANG

    text = "ARG V=1\nFROM golang:$V AS a\nENV A=$GOPATH/x PATH=$PATH:/y\nFROM a\n"
    graph = graph_of(text, image_facts=facts)
    assert at_end(graph, "A") == Value("/go/x", "env", None, raw="$GOPATH/x", stage=0)
    assert text_at_end(text, "PATH", image_facts=facts) == "/go/bin:/y"
    assert at_end(graph, "CGO_ENABLED") is None
    assert workdir(graph, 1, 1) == "/go"
    assert asked[0] == "golang:1"


def test_incomplete_facts_leave_other_names_open() -> None:
    facts = ImageFacts(workdir=None, user=None, env={"A": "1"}, is_complete=False)
    graph = graph_of("FROM x\n", image_facts=lambda _: facts)
    assert at_end(graph, "A") == Value("1", "env")
    assert at_end(graph, "B") == Value(None, "env")
    assert workdir(graph, 0, 1) is None
    assert user(graph, 0, 1) is None


def test_scratch_is_known() -> None:
    graph = graph_of("FROM scratch\n")
    assert environment(graph, 0, 1) == {"PATH": Value(DEFAULT_PATH, "env")}
    assert (workdir(graph, 0, 1), user(graph, 0, 1), shell(graph, 0, 1)) == ("/", "", ("/bin/sh", "-c"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("WORKDIR /a", "/a"),
        ("WORKDIR /a/\nWORKDIR b/../c", "/a/c"),
        ("WORKDIR a", None),
        ("ENV D=/d\nWORKDIR $D/x", "/d/x"),
        ("WORKDIR '/$D'", "/$D"),
        ("ARG TARGETARCH\nWORKDIR /x/$TARGETARCH\nWORKDIR y", None),
        ("ARG TARGETARCH\nWORKDIR /x/$TARGETARCH\nWORKDIR /y", "/y"),
        ("WORKDIR //a//b", "/a/b"),
    ],
)
def test_workdir(text: str, expected: str | None) -> None:
    graph = graph_of(f"FROM debian\n{text}\nRUN x\nWORKDIR /later\n")
    assert workdir(graph, 0, len(graph.stages[0].instructions) - 1) == expected


def test_workdir_user_and_shell_are_inherited() -> None:
    graph = graph_of(
        'FROM a AS b\nWORKDIR /w\nUSER "me:$G"\nSHELL ["/bin/bash", "-ec"]\nFROM b\nRUN x\n',
        image_facts=lambda _: ImageFacts(),
    )
    assert (workdir(graph, 1, 1), user(graph, 1, 1), shell(graph, 1, 1)) == (
        "/w",
        "me:",
        ("/bin/bash", "-ec"),
    )
    assert (workdir(graph, 0, 1), user(graph, 0, 1), shell(graph, 0, 1)) == ("/", "", ("/bin/sh", "-c"))


def test_environment_holds_args_and_proxies_but_nothing_unset() -> None:
    graph = graph_of(
        "FROM scratch\nARG A=1 B\nENV C=2\nRUN x\nENV D=3\n", build_args={"https_proxy": "http://p", "Z": "1"}
    )
    found = {name: value.text for name, value in environment(graph, 0, 3).items()}
    assert found == {
        "PATH": DEFAULT_PATH,
        "A": "1",
        "C": "2",
        "HTTPS_PROXY": "http://p",
        "https_proxy": "http://p",
    }


def test_names_usable_in_from() -> None:
    graph = graph_of("ARG A=1\nFROM x\n")
    values = graph.global_values.get
    assert values("A") == Value("1", "arg", raw="1")
    assert values("TARGETSTAGE") == Value("default", "arg")
    assert values("NONE") is None
    platform = values("BUILDPLATFORM")
    assert platform is not None
    assert platform.kind == "platform"


def test_platform_values_may_be_taken_as_known() -> None:
    values = platform_values(Platform.parse("linux/amd64"), Platform.parse("linux/arm/v7"))
    graph = graph_of(
        "FROM a\nARG TARGETPLATFORM TARGETVARIANT\nENV X=${TARGETVARIANT#v}\n", platform_values=values
    )
    assert Scope(graph, 0, 3).expand("$TARGETPLATFORM $X").text == "linux/arm/v7 7"
    value = at_end(graph, "X")
    assert value is not None
    assert value.depends_on == {"TARGETVARIANT"}


def test_a_long_chain_of_stages() -> None:
    text = "FROM scratch AS s0\nENV X=1\n" + "".join(f"FROM s{i} AS s{i + 1}\n" for i in range(3000))
    assert text_at_end(text, "X") == "1"
