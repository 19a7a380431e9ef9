"""`# xbuild …` comments: one reader for all of them.

    # xbuild ignore=RULE,RULE reason       above an instruction, or inside a continued RUN: just that one;
                                           above a FROM: its stage
    # xbuild global ignore=RULE reason     before the first FROM: the whole file
    # xbuild assist=off                    above an instruction or a FROM (docs/explanation/native-twins.md)

"Above" is directly above: nothing but other comments between. BuildKit's own `# check=skip=NAME` counts where
a rule has a twin there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xbuild.dockerfile.model import Dockerfile, From, Instruction, Trivia
from xbuild.text import Span, expression, value

_COMMENT = expression(r"[ \t]*#[ \t]*xbuild(?:[ \t]+(?P<words>.*?))?[ \t]*\r?", 2)
_IGNORE = expression(r"(?P<scope>global[ \t]+)?ignore=(?P<rules>[\w.,-]+)(?:[ \t]+(?P<reason>.*))?")
_ASSIST = expression(r"assist=(?:off|auto)")
_SKIP = expression(r"(?:^|;)\s*skip=([^;]*)")
WORDS = ("ignore=", "global ignore=", "assist=off", "assist=auto")


@value()
class Comment:
    """One `# xbuild` comment: `span` is that of its text from `#` on. `rules` are the names it ignores, in
    `lines` (first and last, from 1; None: the whole file). `problem` says why it is not understood.
    """

    span: Span
    line: int
    rules: tuple[str, ...] = ()
    reason: str = ""
    lines: tuple[int, int] | None = None
    is_ignore: bool = False
    problem: str = ""


def read_comments(dockerfile: Dockerfile) -> tuple[Comment, ...]:
    """All `# xbuild` comments of a file, in order."""
    if "xbuild" not in dockerfile.source.text:
        return ()
    first = next((n for n, i in enumerate(dockerfile.instructions) if isinstance(i, From)), None)
    begins = dockerfile.instructions[first].first_line if first is not None else 1 << 30
    return tuple(
        _comment(dockerfile, line, covered, is_in_front=line < begins)
        for line, covered in _lines(dockerfile)
        if _COMMENT.fullmatch(dockerfile.source.line_text(line)) is not None
    )


def skipped(dockerfile: Dockerfile) -> frozenset[str]:
    """The names of BuildKit's checks that `# check=skip=…` leaves out ("all" among them)."""
    told = (d.value for d in dockerfile.directives if d.name == "check")
    names = (name.strip() for text in told for found in _SKIP.findall(text) for name in found.split(","))
    return frozenset(name for name in names if name)


def _lines(dockerfile: Dockerfile) -> Iterator[tuple[int, Instruction | None]]:
    """The lines that are comments, each with the instruction that it stands in or directly above."""
    source = dockerfile.source
    above: list[int] = []
    for node in dockerfile.nodes:
        if isinstance(node, Trivia):
            for line in range(node.first_line, node.last_line + 1):
                if source.line_text(line).strip():
                    above.append(line)
                else:
                    yield from ((n, None) for n in above)
                    above = []
        elif isinstance(node, Instruction):
            yield from ((line, node) for line in above)
            above = []
            bodies = [h.content_span for h in node.heredocs]
            for line in range(node.first_line + 1, node.last_line + 1):
                start = source.line_starts[line - 1]
                if source.line_text(line).lstrip().startswith("#") and not any(
                    body.start <= start < body.end for body in bodies
                ):
                    yield line, node
    yield from ((line, None) for line in above)


def _comment(dockerfile: Dockerfile, line: int, covered: Instruction | None, *, is_in_front: bool) -> Comment:
    text = dockerfile.source.line_text(line)
    start = dockerfile.source.line_starts[line - 1]
    span = Span(start + text.index("#"), start + len(text.rstrip()))
    found = _COMMENT.fullmatch(text)
    words = (found["words"] or "").strip() if found is not None else ""
    ignore = _IGNORE.fullmatch(words)
    if ignore is None:
        problem = "" if _ASSIST.fullmatch(words) else f"`{words}` is not known"
        return Comment(span, line, problem=problem)
    names = tuple(name for name in ignore["rules"].split(",") if name)
    comment = Comment(span, line, names, (ignore["reason"] or "").strip(), is_ignore=True)
    if ignore["scope"]:
        return (
            comment
            if is_in_front
            else _with(comment, problem="`global` counts in front of the first FROM alone")
        )
    if covered is None:
        return _with(comment, problem="it stands above no instruction")
    return _with(comment, lines=_covered(dockerfile, covered))


def _with(comment: Comment, *, problem: str = "", lines: tuple[int, int] | None = None) -> Comment:
    return Comment(
        comment.span, comment.line, comment.rules, comment.reason, lines, comment.is_ignore, problem
    )


def _covered(dockerfile: Dockerfile, instruction: Instruction) -> tuple[int, int]:
    if not isinstance(instruction, From):
        return instruction.first_line, instruction.last_line
    rest = _behind(dockerfile.instructions, instruction)
    end = next((i.first_line - 1 for i in rest if isinstance(i, From)), len(dockerfile.source.line_starts))
    return instruction.first_line, end


def _behind(instructions: Sequence[Instruction], instruction: Instruction) -> Iterator[Instruction]:
    return (i for i in instructions if i.first_line > instruction.first_line)
