"""Plan → new text: apply the edits, then read the result again and check that it is exactly what was meant."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xbuild.dockerfile.model import Dockerfile, Instruction, Run
from xbuild.dockerfile.parser import parse
from xbuild.errors import EditError
from xbuild.plan.model import Change, Plan
from xbuild.rewrite.edits import Edits, collect
from xbuild.text import Edit, Source, apply_edits


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The new text. `line_map` takes a line of it to the line of the original that it stands for."""

    text: Source
    line_map: Callable[[int], int]
    changed: bool


def rewrite(dockerfile: Dockerfile, plan: Plan, *, conditional: bool = False) -> Rewritten:
    """`dockerfile` with the plan's changes; with `conditional` those of conditional verdicts too.

    Raises EditError when the result is not exactly what was meant; nothing is written then.
    """
    return apply_changes(dockerfile, plan.changes(conditional=conditional))


def apply_changes(dockerfile: Dockerfile, changes: Sequence[Change]) -> Rewritten:
    """The same for a list of changes."""
    original = dockerfile.source
    made = collect(dockerfile, changes)
    text = Source(original.path, apply_edits(original.text, made.edits))
    _check(dockerfile, parse(text), made)
    return Rewritten(text, _line_map(original, text, made.edits), text.text != original.text)


def _check(old: Dockerfile, new: Dockerfile, made: Edits) -> None:
    """Instruction by instruction: new ones where they were put, gone ones gone, edited scripts exact, the rest the same."""
    following = iter(new.instructions)
    for number, instruction in enumerate(old.instructions):
        for keyword in made.inserted.get(number, ()):
            found = next(following, None)
            if found is None or found.keyword != keyword:
                raise _surprise(old, instruction)
        if number in made.removed:
            continue
        found = next(following, None)
        if found is None or not _is_as_meant(old, new, number, found, made):
            raise _surprise(old, instruction)
    if next(following, None) is not None:
        raise EditError("the rewritten file has more instructions than were meant", file=old.source.path)


def _is_as_meant(old: Dockerfile, new: Dockerfile, number: int, found: Instruction, made: Edits) -> bool:
    instruction = old.instructions[number]
    if found.keyword != instruction.keyword:
        return False
    if number not in made.touched:
        return old.source[instruction.span] == new.source[found.span]
    if isinstance(instruction, Run):
        expected = instruction.script.text if instruction.script else None
        if number in made.scripts and expected is not None:
            expected = apply_edits(expected, made.scripts[number])
        actual = found.script.text if isinstance(found, Run) and found.script else None
        return expected == actual
    return True


def _surprise(old: Dockerfile, instruction: Instruction) -> EditError:
    return EditError(
        "the edit did not have exactly the intended effect, so nothing was changed",
        file=old.source.path,
        line=instruction.first_line,
        hint="use --no-rewrite for this file, and report it",
    )


def _line_map(original: Source, new: Source, edits: Sequence[Edit]) -> Callable[[int], int]:
    """For a line of the new text the line of the original that its first unedited or replaced text stands on."""
    ordered = sorted(edits, key=lambda e: (e.span.start, e.span.end))
    new_starts: list[int] = [0]
    old_starts: list[int] = [0]
    shift = 0
    for edit in ordered:
        start = edit.span.start + shift
        new_starts.append(start)
        old_starts.append(edit.span.start)
        shift += len(edit.replacement) - len(edit.span)
        new_starts.append(start + len(edit.replacement))
        old_starts.append(edit.span.end)
    insides = [False] + [flag for _ in ordered for flag in (True, False)]

    def find(line: int) -> int:
        if not 1 <= line <= len(new.line_starts):
            return original.line_of(len(original.text))
        offset = new.line_starts[line - 1]
        at = bisect_right(new_starts, offset) - 1
        inside = insides[at]
        return original.line_of(old_starts[at] if inside else old_starts[at] + offset - new_starts[at])

    return find
