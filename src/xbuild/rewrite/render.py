"""Plan → new text: apply the edits, then read the result again and check that it is exactly what was
meant.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from xbuild.dockerfile.edit import assert_edited
from xbuild.dockerfile.model import Dockerfile
from xbuild.plan.model import Change, Plan
from xbuild.rewrite.edits import Edits, collect
from xbuild.text import Edit, Source, apply_edits


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The new text. `line_map` takes a line of it to the line of the original that it stands for; `added` are
    its lines that are instructions of our own, which stand for the place that they were put at. `edits` are
    what makes it out of the original.
    """

    text: Source
    line_map: Callable[[int], int]
    changed: bool
    added: frozenset[int] = frozenset()
    edits: tuple[Edit, ...] = ()


def rewrite(
    dockerfile: Dockerfile,
    plan: Plan,
    *,
    conditional: bool = False,
    twins: Mapping[str, str] | None = None,
) -> Rewritten:
    """`dockerfile` with the plan's changes; with `conditional` those of conditional verdicts too; with
    `twins` (the files of their rooms, by name) those for native twins.

    Raises EditError when the result is not exactly what was meant; nothing is written then.
    """
    changes = plan.changes(conditional=conditional, assist=twins is not None)
    return apply_changes(dockerfile, changes, twins)


def apply_changes(
    dockerfile: Dockerfile, changes: Sequence[Change], twins: Mapping[str, str] | None = None
) -> Rewritten:
    """The same for a list of changes."""
    made = collect(dockerfile, changes, twins)
    flags = {n: [*new, *_flags(dockerfile, n, made.values.get(n, {}))] for n, new in made.flags.items()}
    return apply_made(dockerfile, made, flags)


def apply_made(dockerfile: Dockerfile, made: Edits, flags: Mapping[int, Sequence[str]]) -> Rewritten:
    """The same for edits, with all flags of the RUNs that have others then."""
    original = dockerfile.source
    text = Source(original.path, apply_edits(original.text, made.edits))
    assert_edited(
        dockerfile,
        text,
        made.expected,
        replaced=made.replaced,
        inserted=made.inserted,
        flags=flags,
        words=made.words,
        removed=made.removed,
    )
    line_map, added = _origins(original, text, made)
    return Rewritten(text, line_map, text.text != original.text, added, tuple(made.edits))


def _flags(dockerfile: Dockerfile, number: int, values: Mapping[int, str]) -> list[str]:
    """The flags of an instruction, with the values that they have now."""
    found = dockerfile.instructions[number].flags
    told = ((f.name, values.get(at, f.value)) for at, f in enumerate(found))
    return [f"--{name}" if value is None else f"--{name}={value}" for name, value in told]


def _origins(original: Source, new: Source, made: Edits) -> tuple[Callable[[int], int], frozenset[int]]:
    """For a line of the new text the line of the original that it stands for, and the lines that are new.

    A copied line stands for the one it was copied from, any other line inside an edit for the place of the
    edit.
    """
    ordered = sorted(made.edits, key=lambda e: (e.span.start, e.span.end))
    copied = {id(edit): span for edit, span in made.copied}
    is_added = {id(edit) for edit in made.added}
    starts: list[int] = [0]
    edits: list[Edit | None] = [None]
    shifts: list[int] = [0]
    added: set[int] = set()
    for edit in ordered:
        start = edit.span.start + shifts[-1]
        end = start + len(edit.replacement)
        starts += (start, end)
        edits += (edit, None)
        shifts += (shifts[-1], end - edit.span.end)
        if id(edit) in is_added:
            added |= set(range(new.line_of(start), new.line_of(end)))

    def find(line: int) -> int:
        if not 1 <= line <= len(new.line_starts):
            return original.line_of(len(original.text))
        offset = new.line_starts[line - 1]
        at = bisect_right(starts, offset) - 1
        edit = edits[at]
        if edit is None:
            return original.line_of(offset - shifts[at])
        if id(edit) in copied:
            # The copy begins on the line behind the one that it is put at.
            return original.line_of(copied[id(edit)].start) + max(0, line - new.line_of(starts[at]) - 1)
        return original.line_of(edit.span.start)

    return find, frozenset(added)
