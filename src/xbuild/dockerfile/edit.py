"""Edits of what the shell sees as edits of the Dockerfile, and the proof that they did nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from xbuild.dockerfile.model import Dockerfile, Instruction, Logical, Onbuild, Run
from xbuild.dockerfile.parser import parse
from xbuild.errors import DockerfileSyntaxError, EditError
from xbuild.text import Edit, Source, Span, apply_edits


def edit_script(dockerfile: Dockerfile, run: Run, edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """`edits` of the text of `run.script` as edits of the source.

    Raises EditError where that cannot be written: no script, a line break outside a heredoc, or a replaced
    span with a comment in its midst.
    """
    if run.script is None:
        raise _error(dockerfile, run, "its command is not a shell script")
    return tuple(_to_source(dockerfile, run, run.script, edit) for edit in edits)


def edited_script(run: Run, edits: Sequence[Edit]) -> str:
    """The script that `edit_script` must lead to."""
    assert run.script is not None
    return apply_edits(run.script.text, edits)


def source_offset(logical: Logical, at: int) -> int:
    """Where to insert in the source so that the text stands at `at` in the logical text.

    Where a continuation lies between two characters, text goes behind a word, but in front of what follows a
    blank. At the start of a line in a heredoc it goes behind tabs that are not part of the text.
    """
    if at == 0:
        return logical.offsets[0]
    before = logical.offsets[at - 1] + 1
    if at == len(logical.text) or logical.text[at - 1] not in " \t\n":
        return before
    return logical.offsets[at]


def _parsed(new: Source) -> Dockerfile:
    try:
        return parse(new)
    except DockerfileSyntaxError as error:
        raise EditError(
            f"the edited file cannot be parsed: {error.message}", file=new.path, line=error.line
        ) from error


def _is_replaced(before: Instruction, found: Instruction, text: str) -> bool:
    return found.logical.text.rstrip() == text.rstrip() and _bodies(before) == _bodies(found)


def assert_edited(
    original: Dockerfile,
    new: Source,
    expected: Mapping[int, str],
    *,
    replaced: Mapping[int, str] | None = None,
    inserted: Mapping[int, Sequence[str]] | None = None,
    flags: Mapping[int, Sequence[str]] | None = None,
    words: Mapping[int, Sequence[str]] | None = None,
    removed: Collection[int] = (),
) -> Dockerfile:
    """The tree of `new`, when it differs from `original` exactly as announced; raises EditError otherwise.

    Keys are indexes into `original.instructions`. `expected` holds the scripts of edited RUNs, `replaced`
    the logical text of other changed instructions, `inserted` the logical texts of new ones in front of an
    index (or of the end), `flags` the flags, such as `--mount=…`, of RUNs that have others than before,
    `words` the words of those in exec form; `removed` are gone.
    """
    tree = _parsed(new)
    if [(d.name, d.value) for d in original.directives] != [(d.name, d.value) for d in tree.directives]:
        raise EditError("an edit changed the parser directives", file=new.path)
    replaced, inserted, flags, words = replaced or {}, inserted or {}, flags or {}, words or {}
    rest = list(reversed(tree.instructions))
    for index in range(len(original.instructions) + 1):
        for text in inserted.get(index, ()):
            found = rest.pop() if rest else None
            if found is None or found.logical.text.rstrip() != text:
                raise EditError(f"expected the new instruction {text!r}", file=new.path, line=_line(found))
        if index == len(original.instructions):
            break
        if index in removed:
            continue
        found = rest.pop() if rest else None
        before = original.instructions[index]
        if found is None:
            raise EditError(f"an edit removed {_name(before)} of line {before.first_line}", file=new.path)
        if index in expected or index in flags:
            same = _is_edited_run(before, found, expected.get(index), flags.get(index), words.get(index))
        elif index in replaced:
            same = _is_replaced(before, found, replaced[index])
        else:
            same = _is_same(original, before, tree, found)
        if not same:
            raise EditError(
                f"{_name(before)} did not come out as intended", file=new.path, line=found.first_line
            )
    if rest:
        raise EditError("an edit added an instruction", file=new.path, line=rest[-1].first_line)
    return tree


def _error(dockerfile: Dockerfile, run: Run, reason: str) -> EditError:
    return EditError(f"cannot edit this RUN: {reason}", file=dockerfile.source.path, line=run.first_line)


def _to_source(dockerfile: Dockerfile, run: Run, script: Logical, edit: Edit) -> Edit:
    span, text = _narrow(script.text, edit)
    if "\n" in text and not _is_in_heredoc(run, script, span.start):
        raise _error(dockerfile, run, "a line break fits only into a heredoc")
    if span.start == span.end:
        return Edit.insert(source_offset(script, span.start), text)
    target = script.to_source(span)
    if len(target) != len(span) and not _is_only_continuations(dockerfile, script, span):
        raise _error(dockerfile, run, "a comment stands inside the text to be replaced")
    return Edit(target, text)


def _narrow(text: str, edit: Edit) -> tuple[Span, str]:
    """`edit` without what it leaves as it is at both ends."""
    start, end = edit.span.start, edit.span.end
    new = edit.replacement
    if start == end:
        return edit.span, new
    head = 0
    while head < min(end - start, len(new)) and text[start + head] == new[head]:
        head += 1
    tail = 0
    while tail < min(end - start, len(new)) - head and text[end - 1 - tail] == new[len(new) - 1 - tail]:
        tail += 1
    return Span(start + head, end - tail), new[head : len(new) - tail]


def _is_in_heredoc(run: Run, script: Logical, at: int) -> bool:
    offset = source_offset(script, at)
    return any(body.content_span.start <= offset <= body.content_span.end for body in run.heredocs)


def _is_only_continuations(dockerfile: Dockerfile, script: Logical, span: Span) -> bool:
    """Whether what lies between the characters of `span` in the source holds nothing worth keeping."""
    offsets = script.offsets
    text = dockerfile.source.text
    return all("#" not in text[offsets[at] + 1 : offsets[at + 1]] for at in range(span.start, span.end - 1))


def _is_edited_run(
    before: Instruction,
    after: Instruction,
    script: str | None,
    flags: Sequence[str] | None,
    words: Sequence[str] | None,
) -> bool:
    if not isinstance(before, Run) or not isinstance(after, Run):
        return False
    old, new = _scripts(before), _scripts(after)
    if new != (old if script is None else script):
        return False
    wanted = [_raw_flag(flag.name, flag.value) for flag in before.flags] if flags is None else list(flags)
    is_same = before.words == after.words if words is None else list(words) == list(after.words or ())
    return is_same and [_raw_flag(flag.name, flag.value) for flag in after.flags] == wanted


def _scripts(run: Run) -> str | None:
    return None if run.script is None else run.script.text


def _raw_flag(name: str, value: str | None) -> str:
    return f"--{name}" if value is None else f"--{name}={value}"


def _bodies(instruction: Instruction) -> list[tuple[str, str]]:
    return [(heredoc.name, heredoc.content) for heredoc in instruction.heredocs]


def _is_same(original: Dockerfile, before: Instruction, tree: Dockerfile, after: Instruction) -> bool:
    """The same bytes (but for a line ending that the last line lacked), read as the same instruction."""
    return (
        original.source[before.span].rstrip("\r\n") == tree.source[after.span].rstrip("\r\n")
        and type(before) is type(after)
        and before.logical.text == after.logical.text
        and _bodies(before) == _bodies(after)
    )


def _line(instruction: Instruction | None) -> int | None:
    return None if instruction is None else instruction.first_line


def _name(instruction: Instruction) -> str:
    if isinstance(instruction, Onbuild):
        return f"ONBUILD {instruction.inner.keyword}"
    return instruction.keyword
