"""Text → Dockerfile: physical lines, parser directives, continuations, heredocs, then typed instructions.

`parse` accepts and refuses exactly what BuildKit's `parser.Parse` does (moby/buildkit
`frontend/dockerfile/parser/parser.go`, `directives.go`); `check.check` adds what `instructions.Parse`
refuses.
"""

from __future__ import annotations

from xbuild.dockerfile.flags import Head, split_head
from xbuild.dockerfile.heredoc import LexError, Opening, chomp_tabs, find_openings
from xbuild.dockerfile.model import Directive, Dockerfile, Heredoc, Instruction, Logical, Node, Trivia
from xbuild.dockerfile.offsets import Offsets
from xbuild.dockerfile.typed import HEREDOC_KEYWORDS, JSON_KEYWORDS, LineContext, MalformedError, build
from xbuild.dockerfile.words import SPACE, NotStringsError, parse_strings, split_health
from xbuild.errors import DockerfileSyntaxError
from xbuild.text import Source, Span, expression

# Go's bufio.MaxScanTokenSize, line endings not counted.
_LINE_LIMIT = 64 * 1024
_DIRECTIVE = expression(r"([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*(.+?)[\t\n\f\r ]*\Z")
_DIRECTIVE_NAMES = frozenset({"syntax", "escape", "check"})
_BOM = "\ufeff"


def parse(source: Source) -> Dockerfile:
    """The tree of `source`. Raises DockerfileSyntaxError where BuildKit's parser would refuse the file."""
    return _Parser(source).parse()


class _Parser:
    """Walks over the physical lines once; `index` is the next line, from 0, and `offset` where it starts."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.lines = self.text.split("\n")
        if not self.lines[-1]:
            self.lines.pop()
        self.starts = source.line_starts
        self.index = 0
        self.escape = "\\"
        self.context = LineContext(self.text, self.escape)
        self.directives: list[Directive] = []

    def parse(self) -> Dockerfile:
        self._refuse_long_lines()
        nodes: list[Node] = []
        instructions: list[Instruction] = []
        is_top = True
        lines = self.lines
        count = len(lines)
        while self.index < count:
            line = lines[self.index]
            if self.index == 0:
                line = line.removeprefix(_BOM)
            stripped = line.rstrip("\r").lstrip(SPACE)
            if is_top:
                directive = self._read_directive(stripped)
                if directive is not None:
                    nodes.append(directive)
                    continue
                is_top = False
            if not stripped or stripped[0] == "#":
                nodes.append(self._trivia())
                continue
            instruction = self._read_instruction(stripped)
            nodes.append(instruction)
            instructions.append(instruction)
        if not instructions:
            raise self._error(
                "file with no instructions",
                max(1, count),
                "at least one instruction, such as FROM",
                "is this the right file?",
            )
        return Dockerfile(self.source, tuple(nodes), tuple(instructions), tuple(self.directives), self.escape)

    def _error(
        self, message: str, line: int, expected: str, hint: str | None = None
    ) -> DockerfileSyntaxError:
        return DockerfileSyntaxError(message, file=self.source.path, line=line, expected=expected, hint=hint)

    def _refuse_long_lines(self) -> None:
        if len(self.text) < _LINE_LIMIT // 4:
            return
        for number, line in enumerate(self.lines, 1):
            if len(line) < _LINE_LIMIT // 4:
                continue
            size = len(line.encode("utf-8", "surrogateescape"))
            if size >= _LINE_LIMIT:
                raise self._error(
                    f"a line of {size} bytes",
                    number,
                    f"lines shorter than {_LINE_LIMIT} bytes",
                    "break it with a continuation",
                )

    def _end_of(self, index: int) -> int:
        """Offset behind the line ending of line `index`."""
        return self.starts[index + 1] if index + 1 < len(self.starts) else len(self.text)

    def _trivia(self) -> Trivia:
        index = self.index
        self.index = index + 1
        return Trivia(
            span=Span(self.starts[index], self._end_of(index)), first_line=index + 1, last_line=index + 1
        )

    def _read_directive(self, stripped: str) -> Directive | None:
        """The parser directive on the next line, if it is one; the first other line ends them."""
        if stripped[:1] != "#":
            return None
        body = stripped[1:].lstrip(SPACE)
        found = _DIRECTIVE.match(body)
        if found is None or found[1].lower() not in _DIRECTIVE_NAMES:
            return None
        name, value = found[1].lower(), found[2]
        number = self.index + 1
        if any(directive.name == name for directive in self.directives):
            raise self._error(
                f"a second `# {name}=` directive", number, "each parser directive once", "remove one of them"
            )
        if name == "escape":
            if value not in ("\\", "`"):
                raise self._error(
                    f"invalid escape character {value!r}", number, "`# escape=\\` or `# escape=``"
                )
            self.escape = value
            self.context = LineContext(self.text, value)
        start, end = self.starts[self.index], self._end_of(self.index)
        at = self.text.index(body, start) + found.start(2)
        directive = Directive(
            span=Span(start, end),
            first_line=number,
            last_line=number,
            name=name,
            value=value,
            value_span=Span(at, at + len(value)),
        )
        self.directives.append(directive)
        self.index += 1
        return directive

    def _cut_continuation(self, line: str) -> str | None:
        """`line` without its continuation character, or None if it does not continue."""
        cut = line.rstrip(" \t")
        escape = self.escape
        if cut[-1:] != escape or cut[-2:-1] == escape:
            return None
        return cut[:-1]

    def _read_instruction(self, stripped: str) -> Instruction:
        first = self.index
        line = self._read_line(stripped)
        number = first + 1
        try:
            return self._instruction(line, first)
        except NotStringsError:
            raise self._error(
                "a JSON array holds something other than strings",
                number,
                'an array of strings, such as ["a", "b"]',
            ) from None
        except MalformedError as error:
            raise self._error(error.message, number, error.expected) from None
        except LexError as error:
            raise self._error(str(error), number, "a heredoc such as <<EOF") from None

    def _read_line(self, stripped: str) -> Logical:
        """The logical line that starts at the next physical one, whose stripped text is given."""
        start = self.text.index(stripped, self.starts[self.index])
        self.index += 1
        cut = self._cut_continuation(stripped)
        if cut is None:
            return Logical(stripped, range(start, start + len(stripped) + 1))
        pieces = [cut]
        size = len(cut)
        joined = [0]
        sources = [start]
        lines, starts = self.lines, self.starts
        while cut is not None and self.index < len(lines):
            line = lines[self.index].rstrip("\r")
            start = starts[self.index]
            self.index += 1
            bare = line.lstrip(SPACE)
            if not bare or bare[0] == "#":
                continue
            cut = self._cut_continuation(line)
            piece = line if cut is None else cut
            pieces.append(piece)
            joined.append(size)
            sources.append(start)
            size += len(piece)
        return Logical("".join(pieces), Offsets(joined, sources, 0, size + 1))

    def _instruction(self, line: Logical, first: int) -> Instruction:
        last = split_head(line, self.escape)
        heads = [last]
        while last.keyword == "ONBUILD" and last.arguments.text:
            last = split_head(last.arguments, self.escape)
            heads.append(last)
        words = _strings(last)
        heredocs: tuple[Heredoc, ...] = ()
        if "<<" in line.text and len(heads) < 3 and words is None and last.keyword in HEREDOC_KEYWORDS:
            heredocs = self._read_heredocs(find_openings(line.text), first)
        span = Span(self.starts[first], self._end_of(self.index - 1))
        made: Instruction | None = None
        while heads:
            head = heads.pop()
            common = {
                "span": span,
                "first_line": first + 1,
                "last_line": self.index,
                "keyword": head.keyword,
                "keyword_span": head.keyword_span,
                "logical": head.logical,
                "flags": head.flags,
                "arguments": head.arguments,
                "words": words,
                "heredocs": heredocs,
            }
            made = build(head, common, self.context, made)
            words = None
        assert made is not None
        return made

    def _read_heredocs(self, openings: list[Opening], first: int) -> tuple[Heredoc, ...]:
        return tuple(self._read_heredoc(opening, first) for opening in openings)

    def _read_heredoc(self, opening: Opening, first: int) -> Heredoc:
        """Body and terminator of a heredoc, from the next line on."""
        start = self.starts[self.index] if self.index < len(self.lines) else len(self.text)
        for index in range(self.index, len(self.lines)):
            line = self.lines[index].rstrip("\r")
            name = line.lstrip("\t") if opening.chomp else line
            if name != opening.name:
                continue
            at = self.starts[index] + len(line) - len(name)
            content = self.text[start : self.starts[index]]
            self.index = index + 1
            return Heredoc(
                opening.name,
                opening.fd,
                opening.expand,
                opening.chomp,
                chomp_tabs(content) if opening.chomp else content,
                Span(start, self.starts[index]),
                Span(at, at + len(name)),
            )
        raise self._error(
            f"heredoc {opening.name} is not terminated", first + 1, f"a line that is exactly {opening.name}"
        )


def _strings(head: Head) -> tuple[str, ...] | None:
    """The exec form, for instructions that have one. Raises NotStringsError."""
    text = head.arguments.text
    if text[-1:] != "]":
        return None
    if head.keyword == "HEALTHCHECK":
        text = split_health(text)[1]
    elif head.keyword not in JSON_KEYWORDS:
        return None
    return parse_strings(text) if text else None
