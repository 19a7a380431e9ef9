"""From the parts of a line to a typed instruction.

Facts: moby/buildkit `frontend/dockerfile/parser/line_parsers.go` and `instructions/parse.go`. What only the
latter refuses becomes `Other` here and is reported by `check.check`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from xbuild.dockerfile.flags import Head
from xbuild.dockerfile.heredoc import LEADING_TABS, Lexer, LexError, parse_opening
from xbuild.dockerfile.model import (
    Arg,
    Copy,
    Env,
    Flag,
    From,
    Heredoc,
    ImageCommand,
    Instruction,
    Label,
    Logical,
    Mount,
    Onbuild,
    Other,
    Pair,
    Run,
    Shell,
    User,
    Workdir,
)
from xbuild.dockerfile.words import GAP, Piece, split_gaps, split_quoted
from xbuild.text import Span, expression

# Keywords whose arguments may be a JSON array.
JSON_KEYWORDS = frozenset({"ADD", "CMD", "COPY", "ENTRYPOINT", "RUN", "SHELL", "VOLUME"})
HEREDOC_KEYWORDS = frozenset({"ADD", "COPY", "RUN"})

_STAGE_NAME = expression(r"[a-z][a-z0-9_.-]*")
_TRIGGERS_REFUSED = frozenset({"ONBUILD", "FROM", "MAINTAINER"})
_POSIX_SHEBANG = expression(
    r"#![ \t]*(?:\S*/)?(?:env[ \t]+(?:-S[ \t]+)?(?:\S*/)?)?(?:busybox[ \t]+)?(?:ba|da|a|k|mk)?sh(?=\s|\Z)"
)
_ALIASES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly", "rw": "readwrite"}


class LineContext(NamedTuple):
    """What a line alone does not tell: the whole text and the active escape character."""

    text: str
    escape: str


class MalformedError(ValueError):
    """Arguments that BuildKit's parser refuses: what is wrong, what was expected."""

    def __init__(self, message: str, expected: str) -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected


def build(head: Head, common: dict[str, Any], context: LineContext, inner: Instruction | None) -> Instruction:
    """The typed instruction for `head`; `common` holds the fields of `Instruction`. Raises MalformedError."""
    maker = _MAKERS.get(head.keyword)
    if maker is not None:
        made = maker(head, common, context)
        if made is not None:
            return made
    elif inner is not None and inner.keyword not in _TRIGGERS_REFUSED:
        return Onbuild(**common, inner=inner)
    return Other(**common)


def _from(head: Head, common: dict[str, Any], _context: LineContext) -> Instruction | None:
    arguments = head.arguments
    pieces = split_gaps(arguments.text)
    if len(pieces) == 1:
        return From(**common, image=pieces[0].value, image_span=_source(arguments, pieces[0]))
    if len(pieces) != 3 or pieces[1].value.casefold() != "as":
        return None
    name = pieces[2].value.lower()
    if not _STAGE_NAME.fullmatch(name):
        return None
    return From(
        **common,
        image=pieces[0].value,
        image_span=_source(arguments, pieces[0]),
        name=name,
        name_span=_source(arguments, pieces[2]),
    )


def _arg(head: Head, common: dict[str, Any], context: LineContext) -> Instruction | None:
    pieces = split_quoted(head.arguments.text, context.escape)
    pairs = tuple(_pair(head.arguments, piece) for piece in pieces)
    if not pairs or not all(pair.key for pair in pairs):
        return None
    return Arg(**common, pairs=pairs)


def _env(head: Head, common: dict[str, Any], context: LineContext) -> Instruction | None:
    pairs, legacy = _name_values(head.arguments, context.escape, "ENV")
    if not pairs or not all(pair.key for pair in pairs):
        return None
    return Env(**common, pairs=pairs, legacy=legacy)


def _label(head: Head, common: dict[str, Any], context: LineContext) -> Instruction | None:
    pairs, _ = _name_values(head.arguments, context.escape, "LABEL")
    if not pairs or not all(pair.key for pair in pairs):
        return None
    return Label(**common, pairs=pairs)


def _name_values(arguments: Logical, escape: str, keyword: str) -> tuple[tuple[Pair, ...], bool]:
    """Pairs of ENV or LABEL, and whether they are one pair in the form `key value`."""
    text = arguments.text
    pieces = split_quoted(text, escape)
    if not pieces:
        return (), False
    if "=" not in pieces[0].value:
        gap = GAP.search(text)
        if gap is None:
            raise MalformedError(f"{keyword} {text} has no value", f"{keyword} name=value")
        value = Span(gap.end(), len(text))
        whole = arguments.to_source(Span(0, len(text)))
        return (Pair(text[: gap.start()], text[gap.end() :], whole, arguments.to_source(value)),), True
    for piece in pieces:
        if "=" not in piece.value:
            raise MalformedError(
                f"{keyword} has {piece.value!r} without a `=`", f"{keyword} name=value, quoted where needed"
            )
    return tuple(_pair(arguments, piece) for piece in pieces), False


def _pair(arguments: Logical, piece: Piece) -> Pair:
    key, equals, value = piece.value.partition("=")
    span = _source(arguments, piece)
    if not equals:
        return Pair(key, None, span, None)
    return Pair(key, value, span, arguments.to_source(Span(piece.start + len(key) + 1, piece.end)))


def _copy(head: Head, common: dict[str, Any], context: LineContext) -> Instruction | None:
    words = common["words"]
    if words is None:
        words = [piece.value for piece in split_gaps(head.arguments.text)]
    if len(words) < 2 or opens_heredoc(words[-1]):
        return None
    paths = [unquote(word, context.escape) for word in words if "<<" not in word or not opens_heredoc(word)]
    return Copy(**common, sources=tuple(paths[:-1]), destination=paths[-1])


def opens_heredoc(word: str) -> bool:
    try:
        return parse_opening(word) is not None
    except LexError:
        return False


def _workdir(head: Head, common: dict[str, Any], context: LineContext) -> Instruction | None:
    text = head.arguments.text
    return Workdir(**common, path=unquote(text, context.escape)) if text else None


def _user(head: Head, common: dict[str, Any], context: LineContext) -> Instruction | None:
    text = head.arguments.text
    return User(**common, user=unquote(text, context.escape)) if text else None


def _shell(_head: Head, common: dict[str, Any], _context: LineContext) -> Instruction | None:
    return Shell(**common) if common["words"] else None


def _command(_head: Head, common: dict[str, Any], _context: LineContext) -> Instruction | None:
    return ImageCommand(**common)


def _run(head: Head, common: dict[str, Any], context: LineContext) -> Instruction | None:
    script = (
        None if common["words"] is not None else _script(head.arguments, common["heredocs"], context.text)
    )
    if not head.flags:
        return Run(**common, script=script)
    mounts = []
    for flag in head.flags:
        if flag.name == "mount":
            mount = _mount(flag)
            if mount is None:
                return None
            mounts.append(mount)
    return Run(**common, script=script, mounts=tuple(mounts))


def _mount(flag: Flag) -> Mount | None:
    fields = split_csv(flag.value or "")
    if fields is None:
        return None
    options = {}
    for field in fields:
        key, _, value = field.partition("=")
        key = key.lower()
        options[_ALIASES.get(key, key)] = value
    return Mount(options.get("type", "bind").lower(), options, flag)


def split_csv(text: str) -> list[str] | None:
    """Fields of one line of comma-separated values, or None where Go's reader refuses it."""
    if not text:
        return None
    if '"' not in text:
        return text.split(",")
    fields = []
    at = 0
    while True:
        found = _CSV_FIELD.match(text, at)
        if found is None:
            return None
        fields.append(found[2] if found[1] is None else found[1].replace('""', '"'))
        at = found.end()
        if at == len(text):
            return fields
        at += 1


_CSV_FIELD = expression(r'(?:"((?:[^"]|"")*)"|([^",]*))(?=,|\Z)')


def _script(arguments: Logical, heredocs: tuple[Heredoc, ...], text: str) -> Logical | None:
    """What the shell gets (moby/buildkit `dockerfile2llb/convert.go`, `dispatchRun`)."""
    if not heredocs:
        return arguments
    if opens_heredoc(arguments.text):
        only = _heredoc_script(heredocs[0], text)
        if only.text.startswith("#!") and not _POSIX_SHEBANG.match(only.text):
            return None
        return only
    pieces = [arguments.text]
    offsets = list(arguments.offsets[:-1])
    for heredoc in heredocs:
        body = heredoc.content_span
        # The newline in front of a body is the one that ends the line before it.
        pieces += ("\n", text[body.start : body.end], heredoc.name)
        offsets.extend(range(body.start - 1, body.end))
        offsets.extend(range(heredoc.terminator_span.start, heredoc.terminator_span.end))
    offsets.append(offsets[-1] + 1)
    return Logical("".join(pieces), tuple(offsets))


def _heredoc_script(heredoc: Heredoc, text: str) -> Logical:
    span = heredoc.content_span
    if not heredoc.chomp:
        return Logical(heredoc.content, range(span.start, span.end + 1))
    offsets: list[int] = []
    at = span.start
    for tabs in LEADING_TABS.finditer(text[span.start : span.end]):
        offsets.extend(range(at, span.start + tabs.start()))
        at = span.start + tabs.end()
    offsets.extend(range(at, span.end + 1))
    return Logical(heredoc.content, tuple(offsets))


def unquote(word: str, escape: str) -> str:
    """`word` without quotes and escapes, variables left alone; itself where BuildKit's lexer refuses it."""
    if not any(character in word for character in ("'", '"', escape)) or f"{escape}$" in word:
        return word
    try:
        return Lexer(word, escape=escape).join()
    except LexError:
        return word


def _source(arguments: Logical, piece: Piece) -> Span:
    return arguments.to_source(Span(piece.start, piece.end))


_MAKERS: dict[str, Callable[[Head, dict[str, Any], LineContext], Instruction | None]] = {
    "ADD": _copy,
    "ARG": _arg,
    "CMD": _command,
    "COPY": _copy,
    "ENTRYPOINT": _command,
    "ENV": _env,
    "FROM": _from,
    "LABEL": _label,
    "RUN": _run,
    "SHELL": _shell,
    "USER": _user,
    "WORKDIR": _workdir,
}
