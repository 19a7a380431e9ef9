"""The Dockerfile that asks which packages use cgo, and the reading of its answer."""

from __future__ import annotations

from xbuild.dockerfile.check import check
from xbuild.dockerfile.model import Run
from xbuild.dockerfile.parser import parse
from xbuild.dockerfile.shell import parse_script
from xbuild.graph.build import build_graph
from xbuild.graph.model import Options
from xbuild.plan.context import NoContext
from xbuild.plan.make import make_plan
from xbuild.plan.model import CgoAnswer, Knowledge
from xbuild.platforms import parse_platforms
from xbuild.rewrite.probe import STAGE, probe_dockerfile, read_answers
from xbuild.text import Source

PLATFORMS = parse_platforms(("linux/amd64", "linux/amd64/v3", "linux/arm64"))
TEXT = """FROM golang:1.22 AS build
WORKDIR /src
COPY . .
RUN go mod download
RUN GOFLAGS=-tags=inner go build -o /out/a ./cmd/a && go build -tags 'x y' -o /out/b ./cmd/b
RUN go vet ./...
FROM debian:bookworm
COPY --from=build /out /out
"""


def test_the_probe() -> None:
    dockerfile = parse(Source("Dockerfile", TEXT))
    plan = make_plan(dockerfile, Options(), PLATFORMS, NoContext())
    assert [q.arguments for q in plan.questions] == [("./cmd/a",), ("-tags=x y", "./cmd/b")]
    made = parse(probe_dockerfile(dockerfile, plan, plan.questions, PLATFORMS))
    check(made)
    graph = build_graph(made, Options(target=STAGE))
    assert graph.stages[graph.target].name == STAGE
    text = made.source.text
    assert text.startswith("FROM --platform=$BUILDPLATFORM golang:1.22 AS build\nWORKDIR /src\nCOPY . .\n")
    assert "go vet" not in text
    assert "go build" not in text
    assert "for a in amd64 arm64; do" in text
    assert "GOFLAGS=-tags=inner CGO_ENABLED=1 GOOS=linux GOARCH=$a go list -deps" in text
    assert "'-tags=x y' ./cmd/b" in text
    assert all(
        not parse_script(i.script.text).has_error
        for i in made.instructions
        if isinstance(i, Run) and i.script is not None
    )


def test_the_answers_settle_the_plan() -> None:
    dockerfile = parse(Source("Dockerfile", TEXT))
    questions = make_plan(dockerfile, Options(), PLATFORMS, NoContext()).questions
    output = "# 0\nnet true 0\nruntime/cgo true 0\nnet true 0\n# 1\nexample.com/c false 2\n"
    answers = read_answers(output, questions)
    assert answers[questions[0].key] == CgoAnswer((), ("net",))
    assert answers[questions[1].key] == CgoAnswer(("example.com/c",), (), True)
    plan = make_plan(dockerfile, Options(), PLATFORMS, NoContext(), knowledge=Knowledge(answers))
    assert plan.questions == ()
    assert plan.stages[0].is_proved


def test_no_answer_is_no_answer() -> None:
    dockerfile = parse(Source("Dockerfile", TEXT))
    questions = make_plan(dockerfile, Options(), PLATFORMS, NoContext()).questions
    assert read_answers("", questions) == {}
