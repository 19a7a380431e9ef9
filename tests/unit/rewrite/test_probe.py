"""The Dockerfile that asks which packages use cgo, and the reading of its answer."""

from __future__ import annotations

import re

import pytest

from xbuild.dockerfile.check import check
from xbuild.dockerfile.model import Run
from xbuild.dockerfile.parser import parse
from xbuild.dockerfile.shell import parse_script
from xbuild.graph.build import build_graph
from xbuild.graph.model import Options
from xbuild.plan.context import NoContext
from xbuild.plan.deciding.planner import make_plan
from xbuild.plan.model import SECTION, Knowledge, Question
from xbuild.plan.toolchains.go.listing import Listing, read_listing
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


def said(answers: list[str]) -> str:
    """What the probe writes for one platform, an answer for each question."""
    return "".join(f"# xbuild-question {n}\n{SECTION}linux/amd64\n{a}" for n, a in enumerate(answers))


def listings(answers: dict[str, str], questions: tuple[Question, ...]) -> list[Listing]:
    return [read_listing(answers[q.key]) for q in questions]


def test_the_probe() -> None:
    dockerfile = parse(Source("Dockerfile", TEXT))
    plan = make_plan(dockerfile, Options(), PLATFORMS, NoContext())
    assert [q.name for q in plan.questions] == ["/src:GOFLAGS=-tags=inner:./cmd/a", "/src::-tags=x y ./cmd/b"]
    probe = probe_dockerfile(dockerfile, plan, plan.questions)
    assert probe is not None
    made = parse(probe)
    check(made)
    graph = build_graph(made, Options(target=STAGE))
    assert graph.stages[graph.target].name == STAGE
    text = made.source.text
    assert text.startswith("FROM --platform=$BUILDPLATFORM golang:1.22 AS build\nWORKDIR /src\nCOPY . .\n")
    assert "go vet" not in text
    assert "; exit 1; } && GOFLAGS=-tags=inner go build -o /out/a ./cmd/a && go build" in text
    assert "for p in linux/amd64 linux/arm64; do" in text
    assert "GOFLAGS=-tags=inner CGO_ENABLED=1 GOOS=linux GOARCH=$TARGETARCH go list -deps" in text
    assert "'-tags=x y' ./cmd/b" in text
    assert all(
        not parse_script(i.script.text).has_error
        for i in made.instructions
        if isinstance(i, Run) and i.script is not None
    )


def test_the_answers_settle_the_plan() -> None:
    dockerfile = parse(Source("Dockerfile", TEXT))
    questions = make_plan(dockerfile, Options(), PLATFORMS, NoContext()).questions
    # `go env GOEXPERIMENT` usually prints nothing.
    told = "toolchain go version go1.22.1 linux/amd64 "
    output = said(
        [f"{told}\nnet true 0\nruntime/cgo true 0\nnet true 0\n", f"{told}\nexample.com/c false 2\n"]
    )
    answers = read_answers(output, questions)
    read = listings(answers, questions)
    assert read[0] == Listing((), ("net",))
    assert read[1] == Listing(("example.com/c",), (), True)
    plan = make_plan(dockerfile, Options(), PLATFORMS, NoContext(), knowledge=Knowledge(answers))
    assert plan.questions == ()
    assert plan.stages[0].is_proved


def test_files_that_only_a_build_tag_takes_in_are_a_use_of_cgo() -> None:
    dockerfile = parse(Source("Dockerfile", TEXT))
    questions = make_plan(dockerfile, Options(), PLATFORMS, NoContext()).questions
    a, b = "files%d example.com/a %s\n", "files%d example.com/b %s\n"
    alike = [a % (1, "a.go,with a blank.go"), a % (0, "a.go,with a blank.go")]
    both = [a % (1, "a.go"), b % (1, "b.go,more.go"), a % (0, "a.go")]
    second = f"{SECTION}linux/arm64\n"
    output = said(
        [
            "".join([*alike, second, *alike]),
            "".join([*both, b % (0, "b.go,more.go"), second, *both, b % (0, "b.go")]),
        ]
    )
    answers = read_answers(output, questions)
    read = listings(answers, questions)
    assert read[0] == Listing()
    assert read[1] == Listing(("example.com/b",))


def test_no_answer_is_no_answer() -> None:
    dockerfile = parse(Source("Dockerfile", TEXT))
    questions = make_plan(dockerfile, Options(), PLATFORMS, NoContext()).questions
    assert read_answers("", questions) == {}


def probe_of(run: str) -> str:
    """The RUN of the probe that stands for `run`, each listing as `ASK n`, with `END` where it ends."""
    head, tail = TEXT.split("RUN go mod download\n")[0], "FROM scratch\nCOPY --from=build /a /\n"
    dockerfile = parse(Source("Dockerfile", f"{head}{run}\n{tail}"))
    plan = make_plan(dockerfile, Options(), PLATFORMS, NoContext())
    probe = probe_dockerfile(dockerfile, plan, plan.questions)
    assert probe is not None
    made = parse(probe)
    check(made)
    runs = [i for i in made.instructions if isinstance(i, Run) and i.script is not None]
    assert not any(parse_script(i.script.text).has_error for i in runs if i.script is not None)
    text = "\n".join(made.source[i.span].rstrip("\n") for i in runs)
    text = re.sub(r"echo '# xbuild-question (\d)'.*?; done", r"ASK \1", text)
    return text.replace("&& exit 0; exit 1; }", "END }").replace("|| exit 1; }", "}")


@pytest.mark.parametrize(
    ("run", "wanted"),
    [
        (
            "RUN cp db.in db.go && go build -o /a . && ls",
            "RUN cp db.in db.go && { ( ASK 0 ) END } && go build -o /a . && ls",
        ),
        (
            "RUN go build -o /a ./a && ls && go build -o /b ./b",
            "RUN { ( ASK 0 && ASK 1 ) END } && go build -o /a ./a && ls && go build -o /b ./b",
        ),
        (
            "RUN go build -o /a ./a && cp x y && go build -o /b ./b",
            "RUN { ( ASK 0 ) } && go build -o /a ./a && cp x y && { ( ASK 1 ) END } && go build -o /b ./b",
        ),
        (
            "RUN if :; then go build -o /a .; else go build -tags b -o /a .; fi",
            "RUN { ( ASK 0 && ASK 1 ) END } && "
            "if :; then go build -o /a .; else go build -tags b -o /a .; fi",
        ),
        ("RUN (cd a && go build -o /a .)", "RUN { ( ASK 0 ) END } && (cd a && go build -o /a .)"),
        ("RUN (cp x y && go build -o /a .)", "RUN (cp x y && { ( ASK 0 ) END } && go build -o /a .)"),
        (
            "RUN go build -o /a ./a\nRUN go build -o /b ./b",
            "RUN { ( ASK 0 ) END } && go build -o /a ./a\nRUN { ( ASK 1 ) END } && go build -o /b ./b",
        ),
        (
            "RUN go build -o /a ./a\nRUN cp x y\nRUN go build -o /b ./b",
            "RUN { ( ASK 0 ) } && go build -o /a ./a\nRUN cp x y\n"
            "RUN { ( ASK 1 ) END } && go build -o /b ./b",
        ),
        (
            "RUN <<-EOF\n\tcp x y\n\tgo build -o /a .\n\tls\n\tEOF",
            "RUN <<-EOF\n\tcp x y\n\t{ ( ASK 0 ) END } && go build -o /a .\n\tls\n\tEOF",
        ),
    ],
)
def test_what_stands_in_front_still_runs(run: str, wanted: str) -> None:
    assert probe_of(run) == wanted


def test_another_go_is_told() -> None:
    dockerfile = parse(Source("Dockerfile", TEXT))
    questions = make_plan(dockerfile, Options(), PLATFORMS, NoContext()).questions
    output = said(
        ["toolchain go version go1.22.3 linux/amd64\n", "toolchain go version go1.18b7 linux/amd64 x\n"]
    )
    answers = read_answers(output, questions)
    read = listings(answers, questions)
    assert [listing.toolchain for listing in read] == ["", "go version go1.18b7 linux/amd64 x"]
    plan = make_plan(dockerfile, Options(), PLATFORMS, NoContext(), knowledge=Knowledge(answers))
    assert plan.stages[0].word == "unsure"


MAKE = """FROM golang:1.22 AS build
WORKDIR /src
COPY . .
RUN --mount=type=secret,id=netrc --mount=type=cache,target=/c --mount=type=bind,target=/b cp x y && make build
RUN --mount=type=secret,id=netrc make pack
FROM debian:bookworm
COPY --from=build /out /out
"""


def test_what_make_would_run_is_asked_right_in_front_of_it_without_secrets() -> None:
    dockerfile = parse(Source("Dockerfile", MAKE))
    plan = make_plan(dockerfile, Options(), PLATFORMS, NoContext())
    assert [q.text for q in plan.questions] == [
        "what `make build` of line 4 would run",
        "what `make build` of line 4 would run",
        "what `make pack` of line 5 would run",
        "what `make pack` of line 5 would run",
    ]
    probe = probe_dockerfile(dockerfile, plan, plan.questions)
    assert probe is not None
    runs = [i for i in parse(probe).instructions if isinstance(i, Run)]
    assert [[m.type for m in run.mounts] for run in runs] == [["bind"], []]
    scripts = [run.script.text for run in runs if run.script is not None]
    assert scripts[0].startswith("cp x y && { ( echo '# xbuild-question 0'")
    assert scripts[0].endswith("; done ) || exit 1; } && make build")
    assert scripts[1].endswith("; done ) && exit 0; exit 1; } && make pack")
    assert "for p in linux/amd64 linux/amd64/v3 linux/arm64; do" in scripts[0]
    assert "env GOOS=$TARGETOS GOARCH=$TARGETARCH make build SHELL=" in scripts[0]


def test_a_question_without_a_place_is_not_asked() -> None:
    run = "RUN f() { make build; } && f"
    text = f"FROM golang:1.22 AS b\n{run}\nFROM scratch\nCOPY --from=b /a /\n"
    dockerfile = parse(Source("Dockerfile", text))
    plan = make_plan(dockerfile, Options(), PLATFORMS, NoContext())
    assert plan.questions
    assert probe_dockerfile(dockerfile, plan, plan.questions) is None
