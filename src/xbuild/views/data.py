"""Plans and reports as data for JSON; the schemas are in `schemas/`, and a test holds both together. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from xbuild.plan.model import Plan
from xbuild.platforms import Platform
from xbuild.views.baseline import Saved
from xbuild.views.report import FORMAT, Outcome, Step


def plain(value: Any) -> Any:
    """Dataclasses, enums, platforms and tuples as what JSON has."""
    if isinstance(value, Platform):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return value


def plan_data(plan: Plan) -> dict[str, Any]:
    """The whole plan: `rewrite` needs nothing else but the source text."""
    data = plain(plan)
    for stage, verdict in zip(data["stages"], plan.stages, strict=True):
        stage["questions"] = [{**plain(question), "key": question.key} for question in verdict.questions]
    return {"format": FORMAT, "kind": "plan", **data}


def outcome_data(outcome: Outcome) -> dict[str, Any]:
    """The report of a build."""
    data = plain(outcome)
    data["phases"] = [{"name": name, "seconds": round(value, 3)} for name, value in outcome.phases]
    data["verdicts"] = [{"stage": name, "word": word, "line": line} for name, word, line in outcome.verdicts]
    data["split"] = [{"how": how, "seconds": round(value, 3)} for how, value in outcome.split]
    data["steps"] = [_step(step) for step in outcome.steps]
    data["saved"] = saved_data(outcome.saved)
    return {"format": FORMAT, "kind": "report", **data}


def _step(step: Step) -> dict[str, Any]:
    data = plain(step)
    data["intervals"] = [[round(start, 6), round(end, 6)] for start, end in step.intervals]
    return {**data, "executed": step.executed, "seconds": round(step.seconds, 6)}


def saved_data(saved: Saved) -> dict[str, Any]:
    """Time saved, as a range in seconds."""
    return {**plain(saved), "low": saved.low, "high": saved.high}
