"""Plan → new text: apply the edits, then read the result again and check that it is exactly what was
meant.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xbuild.dockerfile.edit import assert_edited
from xbuild.dockerfile.model import Dockerfile
from xbuild.plan.model import Change, Plan
from xbuild.rewrite.edits import collect
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
    assert_edited(
        dockerfile,
        text,
        made.expected,
        replaced=made.replaced,
        inserted=made.inserted,
        flags={n: [*new, *_flags(dockerfile, n)] for n, new in made.flags.items()},
        removed=made.removed,
    )
    return Rewritten(text, _line_map(original, text, made.edits), text.text != original.text)


def _flags(dockerfile: Dockerfile, number: int) -> list[str]:
    found = dockerfile.instructions[number].flags
    return [f"--{f.name}" if f.value is None else f"--{f.name}={f.value}" for f in found]


def _line_map(original: Source, new: Source, edits: Sequence[Edit]) -> Callable[[int], int]:
    """For a line of the new text the line of the original that its first unedited or replaced text stands
    on.
    """
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
