"""How what a command demands is written where it stands, or in front of the recipe that runs it.

A command states what must be so; this is the one place that decides how a script or a Dockerfile says it.
"""

from __future__ import annotations

from collections.abc import Iterable

from xbuild.plan.model import Change, InsertRun, ReplaceInScript, SetEnvironment
from xbuild.plan.toolchain import Call, Demand, Effect
from xbuild.text import Span


def placed(call: Call, demand: Demand) -> tuple[Change, ...]:
    """The changes that make `demand` hold for `call`. A variable that the command assigns itself gets another
    value there; others are assigned in front of it, by `env` where a word such as `time` stands before.
    """
    changes: list[Change] = [InsertRun(*before) for before in demand.before]
    changes += [ReplaceInScript(call.number, span, text, why) for span, text, why in demand.words]
    if demand.behind is not None:
        text, why = demand.behind
        end = call.command.span.end
        changes.append(ReplaceInScript(call.number, Span(end, end), text, why))
    replaced = assigned(call, demand.environment)
    added = tuple(pair for pair in demand.environment if pair[0] not in call.assignments)
    if not added and not replaced:
        return tuple(changes)
    told = f"{demand.why}: {', '.join(f'{n}={v}' for n, v in added)}" if added else ""
    fixed = (
        f"not a value that is the same for every platform: {', '.join(v for _, v in replaced)}"
        if replaced
        else ""
    )
    changes.append(
        SetEnvironment(
            call.number,
            call.words[0].span.start if call.wrapper is not None else call.command.span.start,
            added,
            replaced,
            "; ".join(r for r in (told, fixed) if r),
            "env" if added and call.wrapper not in (None, "env") else None,
        )
    )
    return tuple(changes)


def assigned(call: Call, environment: Iterable[tuple[str, str]]) -> tuple[tuple[Span, str], ...]:
    """The values that the command itself gives to these variables, and what must stand there instead."""
    return tuple((call.assignments[n][0].span, v) for n, v in environment if n in call.assignments)


def is_plain(call: Call, effect: Effect) -> bool:
    """Whether nothing is demanded but variables around it: no word of its own has to change."""
    demand = effect.demand
    return not demand.words and demand.behind is None and not assigned(call, demand.environment)
