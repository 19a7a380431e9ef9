"""A file without what `xbuild rewrite --assist` has once written into it: the way to bring that up to date.

What is not exactly of the form that was written stays, and `MOUNT` is then still in the text: nobody takes
such a file for the author's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xbuild.dockerfile.edit import edit_script, edited_script
from xbuild.dockerfile.model import Copy, Dockerfile, Flag, From, Instruction, Run, Trivia
from xbuild.plan.deciding.caching import OWN
from xbuild.plan.twins.twin import HELPER, MOUNT, OUT
from xbuild.rewrite.edits import Edits
from xbuild.rewrite.render import Rewritten, apply_made
from xbuild.text import Edit, Span, expression

_HEAD = "# native twins of programs of "
_WORD = expression(r"\$\{xbuild_\w+-\} ")
_CACHE = expression(rf",id={OWN}[^,\s]*$")
_STAGES = 3


def without_twins(dockerfile: Dockerfile) -> Rewritten:
    """The text as it was before twins were written into it. Raises EditError where that cannot be told."""
    made = Edits()
    helpers = list(_helpers(dockerfile))
    for first, last in helpers:
        made.removed |= set(range(first, last + 1))
        made.edits.append(Edit.delete(_whole(dockerfile, first, last)))
    for number, instruction in enumerate(dockerfile.instructions):
        if number in made.removed:
            continue
        if isinstance(instruction, Run):
            _undo_run(dockerfile, number, instruction, made)
        elif isinstance(instruction, Copy):
            _undo_number(dockerfile, number, instruction, [first for first, _ in helpers], made)
    return apply_made(dockerfile, made, made.flags)


# -- helpers


def _helpers(dockerfile: Dockerfile) -> Iterator[tuple[int, int]]:
    """The first and the last instruction of each helper: three stages, which nothing but a helper has so."""
    starts = [n for n, i in enumerate(dockerfile.instructions) if isinstance(i, From)]
    ends = [*starts[1:], len(dockerfile.instructions)]
    stages = [dockerfile.instructions[start:end] for start, end in zip(starts, ends, strict=True)]
    for at in range(len(stages) - _STAGES + 1):
        if _is_helper(stages[at : at + _STAGES]) and _is_headed(
            dockerfile, dockerfile.instructions[starts[at]]
        ):
            yield starts[at], ends[at + _STAGES - 1] - 1


def _is_helper(stages: Sequence[Sequence[Instruction]]) -> bool:
    target, native, twins = stages
    runs = [i for i in native if isinstance(i, Run)]
    name = native[0].name if isinstance(native[0], From) else None
    return (
        len(target) == 1
        and len(runs) == 1
        and runs[0] is native[-1]
        and f"{HELPER}/prepare.sh" in (runs[0].words or ())
        and isinstance(twins[0], From)
        and twins[0].image == "scratch"
        and [(i.from_, i.sources) for i in twins[1:] if isinstance(i, Copy)] == [(name, (f"{OUT}/",))]
        and len(twins) == 2
    )


def _is_headed(dockerfile: Dockerfile, from_: Instruction) -> bool:
    return _line_above(dockerfile, from_).lstrip().startswith(_HEAD)


def _line_above(dockerfile: Dockerfile, instruction: Instruction) -> str:
    """The comment line directly above an instruction, with its line ending; "" for none."""
    at = dockerfile.nodes.index(instruction)
    above = dockerfile.nodes[at - 1] if at else None
    if not isinstance(above, Trivia):
        return ""
    return dockerfile.source[above.span].splitlines(keepends=True)[-1]


def _whole(dockerfile: Dockerfile, first: int, last: int) -> Span:
    """A helper with the comment above it and the empty line below."""
    from_ = dockerfile.instructions[first]
    start = from_.span.start - len(_line_above(dockerfile, from_))
    end, text = dockerfile.instructions[last].span.end, dockerfile.source.text
    empty = next((line for line in ("\r\n", "\n") if text.startswith(line, end)), "")
    return Span(start, end + len(empty))


# -- what uses them


def _undo_run(dockerfile: Dockerfile, number: int, run: Run, made: Edits) -> None:
    mounts = {id(m.flag) for m in run.mounts if m.get("target") == MOUNT and m.type == "bind"}
    kept: list[str] = []
    for flag in run.flags:
        if id(flag) in mounts:
            made.edits.append(Edit.delete(_with_blank(dockerfile, flag)))
            continue
        text = f"--{flag.name}" if flag.value is None else f"--{flag.name}={flag.value}"
        own = _CACHE.search(text) if flag.name == "mount" else None
        if own is not None and flag.value_span is not None:
            end = flag.value_span.end
            made.edits.append(Edit.delete(Span(end - len(own[0]), end)))
            text = text[: own.start()]
        kept.append(text)
    if kept != [f"--{f.name}" if f.value is None else f"--{f.name}={f.value}" for f in run.flags]:
        made.flags[number] = kept
    if mounts:
        _undo_start(dockerfile, number, run, made)


def _with_blank(dockerfile: Dockerfile, flag: Flag) -> Span:
    start = flag.span.start
    return Span(start - 1, flag.span.end) if dockerfile.source.text[start - 1] == " " else flag.span


def _undo_start(dockerfile: Dockerfile, number: int, run: Run, made: Edits) -> None:
    if run.words is not None:
        first = f'"{MOUNT}/exec", '
        begins = run.arguments.text.find(first)
        if begins >= 0 and run.words[0] == f"{MOUNT}/exec":
            span = run.arguments.to_source(Span(begins, begins + len(first)))
            made.edits.append(Edit.delete(span))
            made.words[number] = list(run.words[1:])
        return
    text, first = run.script.text if run.script is not None else "", f". {MOUNT}/env; "
    at = text.index("\n") + 1 if text.startswith("#!") and "\n" in text else 0
    if not text.startswith(first, at):
        return
    edits = [Edit.delete(Span(at, at + len(first)))]
    edits += [Edit.delete(Span(*match.span())) for match in _WORD.finditer(text)]
    made.edits += edit_script(dockerfile, run, edits)
    made.expected[number] = edited_script(run, edits)


def _undo_number(
    dockerfile: Dockerfile, number: int, copy: Copy, helpers: Sequence[int], made: Edits
) -> None:
    flag = copy.flag("from")
    if flag is None or flag.value_span is None or copy.from_ is None or not copy.from_.isdecimal():
        return
    starts = [n for n, i in enumerate(dockerfile.instructions) if isinstance(i, From)]
    named = int(copy.from_)
    moved = sum(first < starts[named] for first in helpers) if named < len(starts) else 0
    if not moved:
        return
    new = str(named - moved * _STAGES)
    made.edits.append(Edit(flag.value_span, new))
    text = copy.logical.text
    made.replaced[number] = text.replace(f"--from={copy.from_}", f"--from={new}", 1)
