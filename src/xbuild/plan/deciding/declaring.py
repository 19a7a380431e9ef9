"""Where the platform ARGs of a stage have to be declared: late, once, and without a default."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from xbuild.dockerfile.model import Arg, Instruction, Run
from xbuild.graph.model import PLATFORM_ARGS, Stage, StageGraph, Value
from xbuild.graph.scope import Scope
from xbuild.plan.model import Change, DeclareArg, Place, Reason, RemoveArg, RemoveArgDefault
from xbuild.plan.toolchain import Need


def settle(
    graph: StageGraph,
    stage: int,
    needs: Sequence[Need],
    readers: Iterable[int],
    *,
    may_move: bool,
    told: frozenset[int] = frozenset(),
) -> tuple[tuple[Change, ...], tuple[str, ...], tuple[Reason, ...]]:
    """Changes, repair notes and reasons for the ARGs that a stage needs.

    `readers` are RUNs that may read any variable; `may_move` is False for a stage that its author
    pinned. `told` are RUNs in which names of the target are about to be replaced.
    """
    changes: list[Change] = []
    notes: list[str] = []
    reasons: list[Reason] = []
    for name in PLATFORM_ARGS:
        asked = sorted((n for n in needs if n.name == name), key=lambda n: n.instruction)
        if not asked:
            continue
        _settle_one(graph, stage, asked, changes, notes, reasons)
    if may_move:
        changes += _moves(graph.stages[stage], needs, frozenset(readers))
    if may_move and told and not graph.children_of(stage):
        changes += _unused(graph.stages[stage], needs, frozenset(readers), told)
    return tuple(changes), tuple(notes), tuple(reasons)


def _settle_one(
    graph: StageGraph,
    stage: int,
    asked: Sequence[Need],
    changes: list[Change],
    notes: list[str],
    reasons: list[Reason],
) -> None:
    """Every need, at its own instruction: nothing between its ARG and it may hide BuildKit's value."""
    name = asked[0].name
    is_global_automatic = graph.global_values[name].kind == "platform"
    is_declared = False
    done: set[int] = set()
    for need in asked:
        value = Scope(graph, stage, need.instruction).environment().get(name)
        if value is not None and _is_automatic(graph, value, name):
            continue
        at = graph.stages[stage].instructions[need.instruction]
        if value is None and is_global_automatic:
            if is_declared:
                continue
            is_declared = True
            number = graph.stages[stage].position + need.instruction
            changes.append(DeclareArg(name, number, f"{need.reason} needs {name}"))
            notes += _were_empty(graph, stage, need.instruction, name)
            continue
        if value is not None and is_global_automatic and _has_own_default(graph, value, stage, name):
            assert value.instruction is not None
            if value.instruction not in done:
                done.add(value.instruction)
                number = graph.stages[stage].position + value.instruction
                line = graph.stages[stage].instructions[value.instruction].first_line
                changes.append(
                    RemoveArgDefault(name, number, "a default hides the value that BuildKit gives")
                )
                notes.append(f"line {line}: the default of ARG {name} was the same for every platform")
            continue
        reasons.append(
            Reason(
                f"{name} is not BuildKit's own value here (an ENV, a global ARG default or --build-arg "
                "hides it)",
                Place(at.first_line),
                cure=f"declare `ARG {name}` without a default in this stage",
            )
        )
        return


def _were_empty(graph: StageGraph, stage: int, first: int, name: str) -> Iterator[str]:
    """Notes on instructions that name an ARG that was not declared and now is, also in derived stages."""
    for at in (stage, *sorted(graph.derived_from(stage))):
        start = first if at == stage else 0
        for index, instruction in enumerate(graph.stages[at].instructions[start:], start):
            is_set = Scope(graph, at, index).environment().get(name) is not None
            if is_set or isinstance(instruction, Arg):
                break
            texts = (instruction.logical.text, *(h.content for h in instruction.heredocs))
            if any(name in text for text in texts):
                yield (
                    f"line {instruction.first_line}: {name} was empty, for want of `ARG {name}` in this stage"
                )


def _has_own_default(graph: StageGraph, value: Value, stage: int, name: str) -> bool:
    """Whether a default written out in this very stage hides BuildKit's value."""
    return (
        value.kind == "arg"
        and value.instruction is not None
        and value.stage in (stage, None)
        and value.raw is not None
        and "$" not in value.raw
        and name not in graph.options.build_args
    )


def _is_automatic(graph: StageGraph, value: Value, name: str) -> bool:
    """Whether a value is BuildKit's own: of the ARG itself, or of one that only names itself."""
    if value.kind == "platform":
        return True
    names_itself = value.raw is None or value.raw.strip("\"'") in (f"${name}", f"${{{name}}}")
    return (
        value.kind == "arg"
        and value.text is None
        and name in value.depends_on
        and names_itself
        and graph.global_values[name].kind == "platform"
    )


def _moves(stage: Stage, needs: Sequence[Need], readers: frozenset[int]) -> list[Change]:
    """Declarations that stand earlier than anything that needs them, with RUNs between that would run per
    platform.
    """
    changes: list[Change] = []
    for index, instruction in enumerate(stage.instructions):
        if not isinstance(instruction, Arg) or not _is_movable(instruction):
            continue
        names = [p.key for p in instruction.pairs]
        users = [_first_user(stage, index, name, needs) for name in names]
        if any(u is None for u in users):
            continue
        first = min(u for u in users if u is not None)
        between = range(index + 1, first)
        runs = [n for n in between if isinstance(stage.instructions[n], Run)]
        if not runs or any(n in readers for n in runs):
            continue
        reason = "declared later, the RUNs before it run once for all platforms"
        changes += [RemoveArg(name, stage.position + index, reason) for name in names]
        changes += [DeclareArg(name, stage.position + first, reason) for name in names]
    return changes


def _unused(
    stage: Stage, needs: Sequence[Need], readers: frozenset[int], told: frozenset[int]
) -> Iterator[Change]:
    """Declarations that nothing reads once the names in these RUNs are replaced: without them the stage runs
    once for all platforms.
    """
    for index, instruction in enumerate(stage.instructions):
        if not isinstance(instruction, Arg) or not _is_movable(instruction):
            continue
        behind = range(index + 1, len(stage.instructions))
        for name in (p.key for p in instruction.pairs):
            asked = any(n.name == name and n.instruction > index for n in needs)
            named = any(n not in told and _mentions(stage.instructions[n], name) for n in behind)
            if not asked and not named and not any(n in readers for n in behind):
                yield RemoveArg(name, stage.position + index, "nothing reads it any more")


def _is_movable(instruction: Arg) -> bool:
    return all(p.key in PLATFORM_ARGS and p.value is None for p in instruction.pairs)


def _first_user(stage: Stage, index: int, name: str, needs: Sequence[Need]) -> int | None:
    asked = [n.instruction for n in needs if n.name == name and n.instruction > index]
    named = [n for n in range(index + 1, len(stage.instructions)) if _mentions(stage.instructions[n], name)]
    return min((*asked, *named), default=None)


def _mentions(instruction: Instruction, name: str) -> bool:
    """Whether an instruction names the variable, or has tools that read it by themselves (tonistiigi/xx)."""
    texts = (instruction.logical.text, *(h.content for h in instruction.heredocs))
    return any(name in text or re.search(r"\bxx-", text) for text in texts)
