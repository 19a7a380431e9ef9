"""A plan for readers: verdict, evidence, changes, and what would make it sure, per stage. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from xbuild.plan.model import Assistance, Change, Place, Plan, Reason, StageVerdict, VerdictWord
from xbuild.views.terminal import Terminal, clean, wrap

_COLOURS: dict[VerdictWord, tuple[str, ...]] = {
    VerdictWord.CROSS: ("green", "bold"),
    VerdictWord.PORTABLE: ("green", "bold"),
    VerdictWord.ALREADY: ("green",),
    VerdictWord.ASSISTED: ("green",),
    VerdictWord.EMULATED: ("yellow", "bold"),
    VerdictWord.UNSURE: ("yellow", "bold"),
}
_MEANINGS = {
    VerdictWord.CROSS: "runs on the build platform and compiles for the target",
    VerdictWord.PORTABLE: "runs on the build platform, and compiles nothing for the target",
    VerdictWord.ALREADY: "is set up for every platform already",
    VerdictWord.ASSISTED: "runs on the target platform, with native twins of its heavy programs",
    VerdictWord.EMULATED: "runs on the target platform",
    VerdictWord.UNSURE: "stays as it is",
}


def plan_lines(plan: Plan, terminal: Terminal) -> Iterator[str]:
    """The plan as text."""
    platforms = ", ".join(map(str, plan.platforms)) if plan.platforms else "any platforms"
    target = f", target {plan.target}" if plan.target else ""
    yield terminal.paint(f"{plan.path}: {platforms}{target}", "bold")
    for verdict in plan.stages:
        yield ""
        yield from _stage(verdict, plan, terminal)
    for note in plan.notes:
        yield ""
        yield from _item("note", note, None, plan, terminal)


def _stage(verdict: StageVerdict, plan: Plan, terminal: Terminal) -> Iterator[str]:
    word = terminal.paint(_word(verdict), *_COLOURS[verdict.word])
    doubt = "" if verdict.is_proved else ", on a condition"
    role = " (target stage)" if verdict.is_target else ""
    yield f"{verdict.name}{role}, line {verdict.line}: {word}{doubt}: {_meaning(verdict)}"
    for evidence in verdict.evidence:
        yield from _item("because", evidence.text, evidence.place, plan, terminal)
    for condition in verdict.conditions:
        yield from _item("if", condition, None, plan, terminal)
    for reason in verdict.reasons:
        yield from _reason(reason, plan, terminal)
    for change in verdict.changes:
        yield from _change(change, plan, terminal)
    if verdict.assistance is not None:
        yield from _assistance(verdict.assistance, plan, terminal)
    for note in verdict.notes:
        yield from _item("note", note, None, plan, terminal)


def _assistance(assistance: Assistance, plan: Plan, terminal: Terminal) -> Iterator[str]:
    for line, names in assistance.runs:
        yield from _item("native", ", ".join(names), Place(line), plan, terminal)
    for reason in assistance.left:
        yield from _item("emulated", reason.text, reason.place, plan, terminal)


def _word(verdict: StageVerdict) -> str:
    """The verdict, but for what stays on the target platform and runs nothing: nothing is emulated there."""
    return "as it is" if _is_idle(verdict) else str(verdict.word)


def _meaning(verdict: StageVerdict) -> str:
    return "belongs to the target platform" if _is_idle(verdict) else _MEANINGS[verdict.word]


def _is_idle(verdict: StageVerdict) -> bool:
    return verdict.word is VerdictWord.EMULATED and not verdict.has_run


def _reason(reason: Reason, plan: Plan, terminal: Terminal) -> Iterator[str]:
    path = f" ({reason.path})" if reason.path else ""
    yield from _item("why", reason.text + path, reason.place, plan, terminal)
    if reason.cure:
        yield from _item("to make it sure", reason.cure, None, plan, terminal)


def _item(label: str, text: str, place: Place | None, plan: Plan, terminal: Terminal) -> Iterator[str]:
    where = "" if place is None else f" [{_where(place, plan)}]"
    head = f"  {label}: "
    lines = wrap(clean(text) + where, _narrower(terminal, len(head)))
    yield terminal.paint(head, "dim") + lines[0].lstrip()
    yield from (" " * len(head) + line.lstrip() for line in lines[1:])


def _narrower(terminal: Terminal, by: int) -> Terminal:
    width = None if terminal.width is None else max(terminal.width - by, 20)
    return Terminal(terminal.is_interactive, terminal.has_colour, width)


def _where(place: Place, plan: Plan) -> str:
    return f"{place.file or plan.path}:{place.line}"


def _change(change: Change, plan: Plan, terminal: Terminal) -> Iterator[str]:
    """A change in words, with its reason; a script line by line, as it will stand there."""
    text = f"{_what(change)}: {change.reason}" if change.reason else _what(change)
    yield from _item("change", text, None, plan, terminal)
    for line in getattr(change, "lines", ()):
        yield from (f"    | {part}" for part in wrap(clean(line), _narrower(terminal, 6), "  "))


def _what(change: Change) -> str:
    wording = _WORDINGS.get(change.kind)
    return wording(change) if wording is not None else change.kind


def _named(text: str, field: str = "name") -> Callable[[Change], str]:
    return lambda change: text.format(getattr(change, field, ""))


_WORDINGS: Mapping[str, Callable[[Change], str]] = {
    "pin-stage": lambda _: "pin the stage to $BUILDPLATFORM",
    "split-stages": lambda change: (
        f"copy the shared start of the stages as {', '.join(getattr(change, 'names', ()))}, pinned"
    ),
    "declare-arg": _named("declare ARG {}"),
    "remove-arg": _named("remove ARG {}"),
    "remove-arg-default": _named("drop the default of ARG {}"),
    "remove-env": _named("remove ENV {}"),
    "set-environment": lambda change: ", ".join(_set(change)),
    "replace-in-script": _named("write {!r} in the script", "text"),
    "add-mount": _named("add --mount={}", "mount"),
    "lend-image": _named("add the stage {}, for the build platform"),
    "insert-run": lambda _: "add a RUN",
    "add-twins": lambda _: "add the stages of a helper",
    "assist-run": lambda _: "mount the helper",
    "own-cache": _named("name the cache of a mount {}", "id"),
    "renumber": _named("name stage {}", "number"),
}


def _set(change: Change) -> Iterator[str]:
    """The variables set, and what is written where the author set one."""
    names = [name for name, _ in getattr(change, "assignments", ())]
    if names:
        yield f"set {', '.join(names)}"
    for _, text in getattr(change, "replaced", ()):
        yield f"write {text} in place of a value" if text else "leave a value empty"


def summary(plan: Plan) -> str:
    """One line: `builder cross, tester emulated, runtime as it is`."""
    return ", ".join(f"{verdict.name} {_word(verdict)}" for verdict in plan.stages)
