"""Plan, ask, plan again, until nothing new is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xbuild.plan.model import Knowledge, Plan, Question

ROUNDS = 4
Ask = Callable[[Plan, tuple[Question, ...]], Mapping[str, str]]
"""From a plan and those of its questions that are new to raw answers by key, as far as there are any."""


def settle(make: Callable[[Knowledge], Plan], ask: Ask, first: Plan | None = None) -> Plan:
    """The plan that rests on all answers; `first` is `make(Knowledge(may_ask=True))`, if that is done."""
    answers: dict[str, str] = {}
    asked: set[str] = set()
    plan = first or make(Knowledge(may_ask=True))
    for _ in range(ROUNDS):
        questions = tuple(q for q in plan.questions if q.key not in asked)
        if not questions:
            break
        asked |= {q.key for q in questions}
        answers.update(ask(plan, questions))
        plan = make(Knowledge(dict(answers), may_ask=True))
    # What nobody answered is settled by what can be told without.
    return make(Knowledge(answers)) if plan.questions else plan
