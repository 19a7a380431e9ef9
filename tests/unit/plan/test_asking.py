"""Plan, ask, plan again."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.rewrite.test_rewrite_fixtures import Case, read
from xbuild.graph.model import Options
from xbuild.library import plan as library_plan
from xbuild.plan.asking import ROUNDS, settle
from xbuild.plan.deciding.planner import make_plan
from xbuild.plan.model import Inspection, Knowledge, LookUp, Plan, Question
from xbuild.platforms import parse_platforms

CASE = Case.read("cgo-answered-yes")
BEFORE = read(CASE.folder / "before.Dockerfile")
PLATFORMS = parse_platforms(("linux/amd64", "linux/arm64"))


def made(known: Knowledge) -> Plan:
    return make_plan(BEFORE, Options(), PLATFORMS, CASE.context, None, known)


def test_answers_settle_the_plan() -> None:
    seen: list[tuple[str, ...]] = []

    def ask(_plan: Plan, questions: tuple[Question, ...]) -> dict[str, str]:
        seen.append(tuple(q.key for q in questions))
        return {q.key: CASE.options["answer"] for q in questions}

    plan = settle(made, ask)
    assert [len(keys) for keys in seen] == [1]
    assert plan == made(Knowledge({seen[0][0]: CASE.options["answer"]}))
    text = BEFORE.source.to_bytes()
    assert library_plan(text, platforms=("amd64", "arm64"), ask=ask).stages == plan.stages


def test_without_an_answer_nothing_is_asked_twice() -> None:
    seen: list[int] = []

    def ask(_plan: Plan, questions: tuple[Question, ...]) -> dict[str, str]:
        seen.append(len(questions))
        return {}

    assert settle(made, ask) == made(Knowledge())
    assert seen == [1]


def test_there_is_an_end_to_asking() -> None:
    rounds: list[tuple[str, ...]] = []

    def endless(known: Knowledge) -> Plan:
        plan = made(known)
        question = Question(0, 0, "", "", LookUp(f"https://example.com/{len(known.answers)}"))
        return replace(plan, stages=(replace(plan.stages[0], questions=(question,)), *plan.stages[1:]))

    def ask(_plan: Plan, questions: tuple[Question, ...]) -> dict[str, str]:
        rounds.append(tuple(q.key for q in questions))
        return dict.fromkeys(rounds[-1], "")

    settle(endless, ask)
    assert rounds == [(f"https://example.com/{n}",) for n in range(ROUNDS)]


def test_keys() -> None:
    assert Question(0, 1, "", "", Inspection("debian:12")).key == "debian:12"
    assert len({q.key for q in made(Knowledge()).questions}) == 1
