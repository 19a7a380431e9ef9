"""New text from changes: what is written, and which line of the original each line stands for."""

from __future__ import annotations

from xbuild.dockerfile.parser import parse
from xbuild.graph.model import Options
from xbuild.plan.context import NoContext
from xbuild.plan.deciding.planner import make_plan
from xbuild.plan.model import (
    AddMount,
    Change,
    DeclareArg,
    InsertRun,
    PinStage,
    RemoveArg,
    RemoveArgDefault,
    RemoveEnv,
    ReplaceInScript,
    SetEnvironment,
    SplitStages,
)
from xbuild.rewrite.diff import unified
from xbuild.rewrite.render import Rewritten, apply_changes, rewrite
from xbuild.text import Source, Span


def made(text: str, *changes: Change) -> Rewritten:
    return apply_changes(parse(Source("Dockerfile", text)), changes)


def test_nothing_to_do() -> None:
    result = made("FROM alpine\n")
    assert not result.changed
    assert result.text.text == "FROM alpine\n"
    assert [result.line_map(n) for n in (1, 2)] == [1, 2]


def test_pin() -> None:
    assert made("FROM alpine\n", PinStage(0, "")).text.text == "FROM --platform=$BUILDPLATFORM alpine\n"
    text = "FROM --platform=linux/amd64 alpine\n"
    assert made(text, PinStage(0, "")).text.text == "FROM --platform=$BUILDPLATFORM alpine\n"


def test_lines_of_inserted_instructions_are_those_of_what_they_stand_before() -> None:
    text = "FROM alpine\n\n# why\nRUN a\nRUN b\n"
    result = made(text, DeclareArg("TARGETARCH", 1, ""), DeclareArg("TARGETOS", 1, ""), PinStage(0, ""))
    assert result.text.text.splitlines()[2:6] == ["ARG TARGETARCH", "ARG TARGETOS", "# why", "RUN a"]
    assert [result.line_map(n) for n in range(1, 8)] == [1, 2, 3, 3, 3, 4, 5]
    assert result.added == {3, 4}


def test_a_run_of_several_lines_is_added() -> None:
    result = made("FROM alpine\nRUN a\nRUN b\n", InsertRun(2, ("x;", "y"), ""), AddMount(1, "type=cache", ""))
    assert result.text.text.splitlines()[2:5] == ["RUN x; \\", "    y", "RUN b"]
    assert result.added == {3, 4}
    assert [result.line_map(n) for n in range(1, 6)] == [1, 2, 3, 3, 3]


def test_lines_of_copied_stages_are_those_of_the_stages() -> None:
    text = "FROM golang AS base\nRUN a\n\nFROM base AS b\nRUN b\nFROM base\nCOPY --from=b /x /x\n"
    result = made(text, SplitStages((0,), ("base-native",), (2,), ""))
    shown = [(line, result.line_map(n)) for n, line in enumerate(result.text.text.splitlines(), 1)]
    assert shown == [
        ("FROM golang AS base", 1),
        ("RUN a", 2),
        ("", 1),
        ("FROM --platform=$BUILDPLATFORM golang AS base-native", 1),
        ("RUN a", 2),
        ("", 3),
        ("FROM base-native AS b", 4),
        ("RUN b", 5),
        ("FROM base", 6),
        ("COPY --from=b /x /x", 7),
    ]
    assert not result.added


def test_lines_behind_removed_ones() -> None:
    result = made("FROM alpine\nARG A\nRUN a\nRUN b\n", RemoveArg("A", 1, ""))
    assert result.text.text == "FROM alpine\nRUN a\nRUN b\n"
    assert [result.line_map(n) for n in (1, 2, 3)] == [1, 3, 4]


def test_one_pair_of_several_is_removed() -> None:
    text = "FROM alpine\nARG A B=1 C\nENV D=1 \\\n    E=2\n"
    result = made(text, RemoveArg("B", 1, ""), RemoveEnv("D", 2, ""))
    assert result.text.text == "FROM alpine\nARG A C\nENV \\\n    E=2\n"


def test_default_is_removed() -> None:
    result = made("FROM alpine\nARG TARGETARCH=amd64\n", RemoveArgDefault("TARGETARCH", 1, ""))
    assert result.text.text == "FROM alpine\nARG TARGETARCH\n"


def test_inserted_run_spans_lines() -> None:
    result = made("FROM alpine\nRUN b\n", InsertRun(1, ("one;", "two"), ""))
    assert result.text.text == "FROM alpine\nRUN one; \\\n    two\nRUN b\n"
    assert [result.line_map(n) for n in (1, 2, 3, 4)] == [1, 2, 2, 2]


def test_edits_of_a_script() -> None:
    text = "FROM alpine\nRUN A=1 \\\n    go build\n"
    result = made(
        text,
        SetEnvironment(1, 0, (("GOOS", "$TARGETOS"),), ((Span(2, 3), "2"),), ""),
        ReplaceInScript(1, Span(11, 16), "install", ""),
        AddMount(1, "type=cache,target=/c", ""),
    )
    assert (
        result.text.text
        == "FROM alpine\nRUN --mount=type=cache,target=/c GOOS=$TARGETOS A=2 \\\n    go install\n"
    )


SPLIT = """FROM alpine AS base
RUN prepare

FROM base AS build
RUN make

FROM base
COPY --from=build /app /app
"""


def test_split() -> None:
    change = SplitStages((0,), ("base-native",), (2,), "")
    result = made(SPLIT, change)
    assert result.text.text.splitlines()[:8] == [
        "FROM alpine AS base",
        "RUN prepare",
        "",
        "FROM --platform=$BUILDPLATFORM alpine AS base-native",
        "RUN prepare",
        "",
        "FROM base-native AS build",
        "RUN make",
    ]
    assert [result.line_map(n) for n in (1, 2, 6, 7, 8, 10)] == [1, 2, 3, 4, 5, 7]


def test_conditional_changes_are_made_only_when_asked_for() -> None:
    text = "FROM golang:1.22 AS b\nRUN go build -o /app\nFROM scratch\nCOPY --from=b /app /app\n"
    dockerfile = parse(Source("Dockerfile", text))
    plan = make_plan(dockerfile, Options(), None, NoContext())
    assert not rewrite(dockerfile, plan).changed
    assert rewrite(dockerfile, plan, conditional=True).changed


def test_diff() -> None:
    old, new = Source("Dockerfile", "a\nb"), Source("Dockerfile", "a\nc")
    assert unified(old, old) == ""
    assert unified(old, new).endswith("-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n")
