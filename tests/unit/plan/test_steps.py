"""The commands of a stage as data, and what kind of work a command does."""

from __future__ import annotations

import pytest

from tests.generator.prediction import predict
from xbuild import plan
from xbuild.dockerfile.parser import parse
from xbuild.plan.deciding.steps import steps_of
from xbuild.plan.deciding.work import WORK, is_compiler, work_in, work_of
from xbuild.plan.model import Plan, StageStep, Written
from xbuild.text import Source
from xbuild.views.report import step_kind


def steps(script: str, *setup: str) -> tuple[StageStep, ...]:
    found = predict(script, setup)
    return steps_of(found.calls, found.effects)


def test_each_command_is_a_step() -> None:
    first, second = steps("mkdir /out && cp /in/p/a /out/a", "COPY . /in/p")
    assert (first.words, first.writes) == (("mkdir", "/out"), (Written("/out", "portable"),))
    assert (second.words, second.reads) == (("cp", "/in/p/a", "/out/a"), ("/in/p/a",))
    assert second.writes == (Written("/out/a", "portable"),)
    assert (second.prints, second.work, second.changes) == ("portable", "", 0)


def test_what_is_not_understood_reads_and_writes_anything() -> None:
    (step,) = steps("frobnicate --now")
    assert (step.words, step.reads, step.prints) == (("frobnicate",), (None,), "unknown")
    assert Written(None, "unknown") in step.writes


def test_output_goes_where_it_is_redirected() -> None:
    (uname,) = steps("uname -m > /out/machine 2>&1 2>/dev/null")
    assert (uname.prints, uname.writes) == ("build", (Written("/out/machine", "build"),))
    (echo,) = steps('echo a > "$PLACE"')
    assert echo.writes == (Written(None, "portable"),)
    (inner,) = steps("(echo a) >> b", "WORKDIR /w")
    assert inner.writes == (Written("/w/b", "portable"),)


def test_no_value_of_a_variable_is_among_the_words() -> None:
    _, step = steps("KEY=$(cat /in/p/key); wget $KEY now", "COPY . /in/p")
    assert step.words == ("wget",)
    (literal,) = steps("mkdir -p $SECRET/x y", "ENV SECRET=hunter2")
    assert literal.words == ("mkdir",)
    (spelled,) = steps("apt-get -qq -y install --no-install-recommends curl")
    assert spelled.words == ("apt-get", "install")


GO = "FROM golang:1.21 AS b\nCOPY . .\nRUN go mod download && go build -o /x .\n"
END = "FROM debian:12\nRUN apt-get install -y curl\nCOPY --from=b /x /x\n"


def test_the_plan_has_the_steps_of_what_it_looked_at() -> None:
    found = plan(GO + END, platforms="linux/amd64,linux/arm64", cgo="off")
    download, build = found.stages[0].steps
    assert (download.words, download.work, download.is_compiler, download.changes) == (
        ("go", "mod", "download"), "go mod download", False, 0,
    )  # fmt: skip
    assert (build.words, build.work, build.is_compiler) == (("go", "build"), "go build", True)
    assert build.changes == 1
    assert (build.instruction, build.place.line) == (2, 3)
    assert Written("/x", "cross") in build.writes
    [install] = found.stages[1].steps
    assert (install.work, install.changes) == ("apt-get install", 0)


def test_an_unsure_stage_has_steps() -> None:
    found: Plan = plan(GO.replace("go build", "./make-it && go build") + END)
    assert [s.words for s in found.stages[0].steps][1] == ("./make-it",)


@pytest.mark.parametrize(
    ("script", "work"),
    [
        ("go build ./...", "go build"),
        ("cd x && CGO_ENABLED=0 go install ./cmd/a", "go build"),
        ("go test -c ./x", "go build"),
        ("go test ./...", "go test"),
        ("go -C cmd/app build", "go build"),
        ("go run ./build", "go generate"),
        ("go mod download", "go mod download"),
        ("go mod download && go build .", "go build"),
        ("xx-go --wrap", "go build"),
        ("/usr/local/go/bin/go vet", "go test"),
        ("apt-get update && apt-get install -y gcc", "apt-get install"),
        ("apt-get -o Dpkg::Use-Pty=0 install gcc", "apt-get install"),
        ("apk add --no-cache curl make", "apt-get install"),
        ("make all", "make"),
        ("./configure && make", "make"),
        ("echo make", None),
        ("# make", None),
        ("chmod +x gradlew", None),
        ("./gradlew build", "java build"),
        ("npm ci && npm run build", "npm install"),
        ("yarn --cwd ui build:docker", "npm build"),
        ("python3.11 -m pip install -r r.txt", "pip install"),
        ("uv pip install x", "pip install"),
        ("gcc-12 a.c", "c compiler"),
        ("sudo -u x make", "make"),
        ("time nice -n 10 make", "make"),
        ("retry.sh --delay 2 -- go mod download", "go mod download"),
        ("$PREFIX cargo build", "cargo build"),
        ("sh -c 'go build'", "go build"),
        ("bash -euxc 'go mod download && go build'", "go build"),
        ("bash <<EOF\ngo build\nEOF\n", "go build"),
        ('eval "go build"', "go build"),
        ("X=$(go build)", "go build"),
        ("adduser app", None),
        ("cargo build --release", "cargo build"),
        ("", None),
        ("go build '", "go build"),
    ],
)
def test_work(script: str, work: str | None) -> None:
    found = work_in(script)
    assert (found.name if found else None) == work


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("RUN go build", "go build"),
        ('RUN ["go", "build"]', "go build"),
        ('RUN ["/bin/sh", "-c", "go build"]', "go build"),
        ("RUN --mount=type=cache,target=/x make", "make"),
        ("RUN <<EOF\ngo build\nEOF", "go build"),
        ("RUN adduser app", "run"),
        ("COPY go build", "copy"),
    ],
)
def test_steps_of_a_report_have_a_kind(line: str, kind: str) -> None:
    assert step_kind(parse(Source("Dockerfile", f"FROM a\n{line}\n")), 2, "") == kind
    assert step_kind(None, None, line.partition("<<")[0]) == ("run" if "<<" in line or "[" in line else kind)


def test_scripts_in_scripts_end() -> None:
    assert work_of(["eval"] * 3 + ["make"]) is work_in("make")
    assert work_of(["eval"] * 5000 + ["make"]) is None


def test_every_row_is_its_own_work() -> None:
    """No row is hidden by another, and no name stands twice."""
    assert len({work.name for work in WORK}) == len(WORK)
    for work in WORK:
        for row in work.commands.split(", "):
            assert work_of(row.split()) is work
    assert is_compiler("go build")
    assert not is_compiler("go mod download")
    assert not is_compiler("run")
