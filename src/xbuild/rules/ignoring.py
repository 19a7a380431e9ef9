"""Comments that ignore what is found today: how a linter comes into an old repository."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from xbuild.dockerfile.model import Dockerfile, From, Instruction
from xbuild.rules.comments import Comment, read_comments
from xbuild.rules.rule import Told
from xbuild.text import Edit, Span


def ignores(dockerfile: Dockerfile, found: Iterable[Told], reason: str = "") -> tuple[Edit, ...]:
    """A comment above each instruction with findings, or one more name in the comment that is there. What
    stands in no instruction is ignored for the whole file; what is found about comments of xbuild never is.
    """
    own = read_comments(dockerfile)
    names: dict[int | None, dict[str, None]] = {}
    for one in found:
        if not any(comment.line == one.line for comment in own):
            names.setdefault(_instruction(dockerfile, one), {})[one.rule.name] = None
    return tuple(
        _edit(dockerfile, own, number, list(rules), reason)
        for number, rules in names.items()
        if number is not None or _first(dockerfile) is not None
    )


def _instruction(dockerfile: Dockerfile, one: Told) -> int | None:
    """The number of the instruction that a finding begins in."""
    at = one.finding.span.start
    return next((n for n, i in enumerate(dockerfile.instructions) if i.span.start <= at < i.span.end), None)


def _first(dockerfile: Dockerfile) -> Instruction | None:
    return next((i for i in dockerfile.instructions if isinstance(i, From)), None)


def _edit(
    dockerfile: Dockerfile, own: Sequence[Comment], number: int | None, rules: Sequence[str], reason: str
) -> Edit:
    source = dockerfile.source
    if number is None:
        instruction, scope, there = _first(dockerfile), "global ", None
        assert instruction is not None
    else:
        instruction, scope = dockerfile.instructions[number], ""
        there = next((c for c in own if c.is_ignore and not c.problem and _is_above(c, instruction)), None)
    if there is not None:
        at = source.text.index("ignore=", there.span.start) + len("ignore=")
        return Edit(Span(at, at + len(",".join(there.rules))), ",".join((*there.rules, *rules)))
    start = instruction.span.start
    start += source.text[start : start + 1] == "\ufeff"
    indent = source.text[start : instruction.keyword_span.start]
    text = f"# xbuild {scope}ignore={','.join(rules)} {reason}".rstrip()
    return Edit.insert(start, f"{indent}{text}{source.newline}")


def _is_above(comment: Comment, instruction: Instruction) -> bool:
    """Whether it covers the instruction from above it."""
    lines = comment.lines
    return lines is not None and comment.line < lines[0] == instruction.first_line
