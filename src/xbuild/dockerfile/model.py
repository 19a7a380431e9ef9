"""The Dockerfile tree: directives, comments, blank lines and instructions, with spans into the source.

Words are those of the Dockerfile reference; how BuildKit reads them is stated where it is not obvious
(moby/buildkit `frontend/dockerfile/parser` and `instructions`).
"""

from __future__ import annotations

from collections.abc import Sequence

from xbuild.text import Source, Span, value


@value()
class Logical:
    """Text as a later reader sees it (continuations and interleaved comments removed), with a map back.

    `offsets[i]` is the source offset of `text[i]`; it has one more entry than `text`, the end.
    """

    text: str
    offsets: Sequence[int]

    def to_source(self, span: Span) -> Span:
        """Smallest source span that covers `span` of the logical text."""
        if span.start == span.end:
            at = self.offsets[span.start]
            return Span(at, at)
        return Span(self.offsets[span.start], self.offsets[span.end - 1] + 1)

    def slice(self, span: Span) -> Logical:
        """The part of this text inside `span`, still mapped to the same source."""
        return Logical(self.text[span.start : span.end], self.offsets[span.start : span.end + 1])


@value(kw_only=True)
class Node:
    """A run of whole physical lines, line endings included; the nodes of a file tile it exactly."""

    span: Span
    first_line: int
    last_line: int


@value(kw_only=True)
class Directive(Node):
    """Parser directive at the top: `# syntax=…`, `# escape=…`, `# check=…`; `name` is lower case."""

    name: str
    value: str
    value_span: Span


@value(kw_only=True)
class Trivia(Node):
    """Comment or blank line outside any instruction."""


@value()
class Flag:
    """`--name=value` in front of an instruction's arguments; spans are source spans."""

    name: str
    value: str | None
    span: Span
    value_span: Span | None


@value()
class Heredoc:
    """A here-document: `name` without quotes, `expand` false when quoted.

    `content` is the body after chomping tabs for `<<-`; `content_span` the source span of the raw body lines,
    terminator line excluded; `terminator_span` that of the name that ends it, without tabs and line ending.
    """

    name: str
    fd: int
    expand: bool
    chomp: bool
    content: str
    content_span: Span
    terminator_span: Span


@value(kw_only=True)
class Instruction(Node):
    """One instruction; its lines, heredocs included, are those of BuildKit's `StartLine` and `EndLine`.

    `span` begins at the start of its first physical line and ends after its last line ending. `keyword` is
    in upper case. `logical` is the joined line from the keyword on; `arguments` the part after keyword and
    flags, stripped as BuildKit strips it. `words` is the exec (JSON) form, or None in shell form.
    """

    keyword: str
    keyword_span: Span
    logical: Logical
    flags: tuple[Flag, ...] = ()
    arguments: Logical
    words: tuple[str, ...] | None = None
    heredocs: tuple[Heredoc, ...] = ()

    def flag(self, name: str) -> Flag | None:
        """The last flag of that name, as BuildKit takes it."""
        return next((flag for flag in reversed(self.flags) if flag.name == name), None)


@value(kw_only=True)
class From(Instruction):
    """`FROM [--platform=P] image [AS name]`: image and platform unexpanded, `name` in lower case."""

    image: str
    image_span: Span
    name: str | None = None
    name_span: Span | None = None

    @property
    def platform(self) -> Flag | None:
        return self.flag("platform")


@value()
class Pair:
    """`key=value` of ARG, ENV or LABEL. `value` is unexpanded and still quoted; None only for `ARG key`."""

    key: str
    value: str | None
    span: Span
    value_span: Span | None


@value(kw_only=True)
class Arg(Instruction):
    pairs: tuple[Pair, ...]


@value(kw_only=True)
class Env(Instruction):
    """`legacy` is the form `ENV key value`."""

    pairs: tuple[Pair, ...]
    legacy: bool = False


@value(kw_only=True)
class Label(Instruction):
    pairs: tuple[Pair, ...]


@value()
class Mount:
    """`RUN --mount=type=…`; `options` holds the keys as given, lower case, aliases resolved.

    Aliases (BuildKit `instructions/commands_runmount.go`): src→source, dst and destination→target,
    ro→readonly, rw→readwrite. A key without a value has the value "".
    """

    type: str
    options: dict[str, str]
    flag: Flag

    def get(self, key: str) -> str | None:
        return self.options.get(key)


@value(kw_only=True)
class Run(Instruction):
    """`script` is the text that the shell sees, or None in exec form; see `shell.parse_script`.

    `script` is also None when a heredoc has a shebang that names anything but a POSIX shell: BuildKit runs
    it as a file of its own.
    """

    script: Logical | None
    mounts: tuple[Mount, ...] = ()


@value(kw_only=True)
class Copy(Instruction):
    """COPY or ADD (see `keyword`). Paths unexpanded, quotes removed; heredoc sources are not in `sources`."""

    sources: tuple[str, ...]
    destination: str

    @property
    def from_(self) -> str | None:
        flag = self.flag("from")
        return flag.value if flag else None


@value(kw_only=True)
class Workdir(Instruction):
    path: str


@value(kw_only=True)
class User(Instruction):
    user: str


@value(kw_only=True)
class Shell(Instruction):
    """`words` holds the new shell."""


@value(kw_only=True)
class ImageCommand(Instruction):
    """CMD or ENTRYPOINT; exec form in `words`, shell form in `arguments`."""


@value(kw_only=True)
class Onbuild(Instruction):
    """`inner` is the instruction that it defers; it may be any instruction except ONBUILD and FROM."""

    inner: Instruction


@value(kw_only=True)
class Other(Instruction):
    """EXPOSE, VOLUME, STOPSIGNAL, HEALTHCHECK, MAINTAINER; keywords that the parser accepts without knowing;
    known ones with arguments that BuildKit refuses after parsing (see `check.check`).
    """


@value()
class Dockerfile:
    """A parsed file: `nodes` tile the source, `instructions` are those among them, in order.

    `escape` is the active escape character; `syntax` the value of `# syntax=`, or None.
    """

    source: Source
    nodes: tuple[Node, ...]
    instructions: tuple[Instruction, ...] = ()
    directives: tuple[Directive, ...] = ()
    escape: str = "\\"

    @property
    def syntax(self) -> str | None:
        return next((d.value for d in self.directives if d.name == "syntax"), None)
