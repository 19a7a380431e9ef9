"""What make says in the image of each target platform: when that is asked, and what the answers decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.unit.rewrite.test_rewrite_fixtures import Case, read, tree
from xbuild.dockerfile.model import Run
from xbuild.dockerfile.parser import parse
from xbuild.errors import SolveError
from xbuild.pipeline.questions import _Answerer
from xbuild.plan.asking import settle
from xbuild.plan.model import IMAGE, NATIVE, Knowledge, Plan, Probe, Question, sections
from xbuild.platforms import Platform
from xbuild.rewrite.probe import probe_dockerfile
from xbuild.text import Source

ALIKE = Case.read("make-that-asks-a-compiler-that-says-the-same-elsewhere")
DIFFERENT = Case.read("make-that-asks-the-machine-which-differs-elsewhere")
BEFORE = read(ALIKE.folder / "before.Dockerfile").source.text
HEAD = "FROM golang:1.22-alpine AS build\n"
PLAIN = "0:3:0:make build, elsewhere"
WITH_GOARCH = "0:3:0:GOOS=$TARGETOS GOARCH=$TARGETARCH make build, elsewhere"


def asked(text: str, case: Case = ALIKE) -> tuple[Plan, set[Question]]:
    """The plan, and the questions to images; what is asked natively is answered as in the case, wherever."""
    found: set[Question] = set()

    def ask(_plan: Plan, questions: tuple[Question, ...]) -> dict[str, str]:
        found.update(q for q in questions if isinstance(q.how, Probe) and q.how.images)
        return {q.key: case.answers[f"0:3:0:{q.name}"] for q in questions if q not in found}

    return settle(lambda known: case.plan_with(tree(Source("Dockerfile", text)), known), ask), found


STAGE = "FROM {}debian:12 AS other\nRUN touch /a\n"
COPIED = BEFORE.replace("RUN make", "COPY --from=other /a /a\nRUN make")


@pytest.mark.parametrize(
    ("text", "is_asked"),
    [
        (BEFORE, True),
        (BEFORE.replace("RUN make", "RUN set -e; cd . && make"), True),
        (BEFORE.replace("make build\n", "make build\nRUN touch /a\n"), True),
        (BEFORE.replace("FROM golang", "FROM --platform=$BUILDPLATFORM golang"), True),
        (BEFORE.replace("RUN make", "RUN touch /a\nRUN make"), False),
        (BEFORE.replace("RUN make", "RUN touch /a && make"), False),
        (BEFORE.replace("RUN make", "RUN A=$(mktemp) && make"), False),
        (BEFORE.replace(HEAD, HEAD.replace("build", "base") + "RUN touch /a\nFROM base AS build\n"), False),
        (STAGE.format("") + COPIED, False),
        (STAGE.format("--platform=$BUILDPLATFORM ") + COPIED, True),
        ("FROM debian:12 AS other\nCOPY a /a\n" + COPIED, True),
    ],
)
def test_images_are_asked_where_nothing_else_is_emulated_for_it(text: str, is_asked: bool) -> None:
    plan, found = asked(text)
    assert bool(found) == is_asked
    assert all(isinstance(q.how, Probe) and q.how.images == ("linux/amd64", "linux/arm64") for q in found)
    build = next(v for v in plan.stages if v.name == "build")
    assert any("what `gcc -dumpversion` says goes into it, and depends" in r.text for r in build.reasons)


@pytest.mark.parametrize("said", ["nproc", "uname -r", "cat /proc/cpuinfo", "frob", "cp /bin/ls b"])
def test_the_kernel_and_what_may_write_is_not_asked_about(said: str) -> None:
    answers = {key: text.replace("gcc -dumpversion", said) for key, text in ALIKE.answers.items()}
    keys, plan = decided(answers)
    assert str(plan.stages[0].word) == "unsure"
    assert not any("elsewhere" in key for key in keys)


def decided(answers: Mapping[str, str]) -> tuple[set[str], Plan]:
    """The keys of what is asked, and the plan by these answers."""
    seen: set[str] = set()

    def ask(_plan: Plan, questions: tuple[Question, ...]) -> dict[str, str]:
        seen.update(q.key for q in questions)
        return {q.key: answers[q.key] for q in questions if q.key in answers}

    before = read(ALIKE.folder / "before.Dockerfile")
    return seen, settle(lambda known: ALIKE.plan_with(before, known), ask)


def without_arm(answer: str) -> str:
    return answer.partition(f"{IMAGE}linux/arm64")[0]


def all_native(_answer: str) -> str:
    return f"{IMAGE}linux/amd64\n{NATIVE}\n{IMAGE}linux/arm64\n{NATIVE}\n"


def failing(answer: str) -> str:
    return answer.replace("xbuild-told", "xbuild-fails")


def otherwise(answer: str) -> str:
    return answer.replace("-o bin/app", "-o bin/other")


def with_a_variable(answer: str) -> str:
    return answer.replace("xbuild-runs\n", "xbuild-runs\nexport A='1'\n")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (without_arm, "what that is in the image for linux/arm64 could not be had"),
        (all_native, "depends on the machine, or cannot be told"),
        (with_a_variable, "in the image for linux/arm64 it would run `export A=1`, and here `cd /src`"),
        (otherwise, "in the image for linux/arm64 it would run `CGO_ENABLED=0 go build"),
        (failing, "in the image for linux/arm64 it cannot be told: for linux/amd64 it fails"),
    ],
)
def test_what_is_not_the_same_in_all_images_is_unsure(change: Callable[[str], str], why: str) -> None:
    changed = {key: change(text) if IMAGE in text else text for key, text in ALIKE.answers.items()}
    build = decided(changed)[1].stages[0]
    assert str(build.word) == "unsure"
    assert any(why in reason.text for reason in build.reasons)


@pytest.mark.parametrize("key", [PLAIN, WITH_GOARCH])
def test_with_and_without_what_is_set_for_it(key: str) -> None:
    assert str(decided(ALIKE.answers)[1].stages[0].word) == "cross"
    answers = {**ALIKE.answers, key: otherwise(ALIKE.answers[key])}
    assert str(decided(answers)[1].stages[0].word) == "unsure"


def test_the_probe_is_the_file_without_pins() -> None:
    text = BEFORE.replace("FROM golang", "FROM --platform=$BUILDPLATFORM golang")
    _, found = asked(text)
    probe = probe_dockerfile(tree(Source("Dockerfile", text)), None, tuple(found))
    assert probe is not None
    assert probe.text.startswith("FROM  golang:1.22-alpine AS build\nWORKDIR /src\nCOPY . .\nRUN { ( echo")
    assert len([i for i in parse(probe).instructions if isinstance(i, Run)]) == 1
    assert "--platform" not in probe.text


class _Engine:
    native = Platform.parse("linux/amd64")


def test_an_image_that_does_not_answer_is_left_out() -> None:
    solved: list[Platform | None] = []

    class Answerer(_Answerer):
        def probe(
            self, plan: Plan | None, questions: tuple[Question, ...], platform: Platform | None = None
        ) -> dict[str, str]:
            assert plan is None or not questions
            solved.append(platform)
            if str(platform) == "linux/arm/v7":
                raise SolveError("exec format error")
            return {q.key: f"said for {platform}" for q in questions}

    how = Probe("true", ("linux/amd64",), images=("linux/amd64", "linux/arm64", "linux/arm/v7"))
    question = Question(0, 1, "make", "", how)
    answerer = Answerer(None, lambda: _Engine(), Path(), None, online=False)  # type: ignore[arg-type, return-value]
    answers = answerer.ask(Plan("", None, None, ()), (question,))
    told = {name: text.strip() for name, text in sections(answers[question.key], IMAGE).items()}
    assert told == {"linux/amd64": NATIVE, "linux/arm64": "said for linux/arm64"}
    assert list(map(str, solved[1:])) == ["linux/arm64", "linux/arm/v7"]
    assert answerer.problems == []


def test_without_an_engine_images_are_not_asked() -> None:
    plan = DIFFERENT.plan_with(read(DIFFERENT.folder / "before.Dockerfile"), Knowledge())
    assert not any(isinstance(q.how, Probe) and q.how.images for q in plan.questions)
