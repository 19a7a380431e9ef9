"""Keyword and flags in front of an instruction's arguments.

Facts: moby/buildkit `frontend/dockerfile/parser/split_command.go`. BuildKit reads flags byte by byte: a byte
of a longer UTF-8 sequence counts as a character of its own, and 0x85 and 0xA0 as spaces.
"""

from __future__ import annotations

from typing import NamedTuple

from xbuild.dockerfile.model import Flag, Logical
from xbuild.dockerfile.words import GAP, KEYWORDS, SPACE
from xbuild.text import Span, expression

_BYTE_SPACE = "\t\n\v\f\r \x85\xa0"
_PLAIN_FLAG = expression(
    r"""(--[^\t\n\v\f\r \x85\xa0'"\\`=]+)(=[^\t\n\v\f\r \x85\xa0'"\\`]*)?(?=[\t\n\v\f\r \x85\xa0]|\Z)"""
)


class Head(NamedTuple):
    """An instruction taken apart: keyword in upper case, flags, and the stripped arguments."""

    keyword: str
    keyword_span: Span
    logical: Logical
    flags: tuple[Flag, ...]
    arguments: Logical


class _Word(NamedTuple):
    text: str
    start: int
    end: int
    equals: int


def split_head(line: Logical, escape: str) -> Head:
    """Split a logical line; `line` may have spaces around it."""
    text = line.text
    if text[:1] in SPACE:
        line = line.slice(Span(len(text) - len(text.lstrip(SPACE)), len(text)))
        text = line.text
    body = text.rstrip(SPACE)
    offsets = line.offsets
    gap = GAP.search(body)
    if gap is None:
        nothing = line.slice(Span(len(body), len(body)))
        return Head(_upper(body), line.to_source(Span(0, len(body))), line, (), nothing)
    start, at = gap.span()
    keyword_span = Span(offsets[0], offsets[start - 1] + 1)
    rest = body[at:]
    flags: tuple[Flag, ...] = ()
    if rest[0] == "-" or rest[0] > "\x7f":
        flags, taken = _read_flags(rest, line, at, escape)
        rest = rest[taken:].lstrip(SPACE)
        at = len(body) - len(rest)
    arguments = Logical(rest, offsets[at : at + len(rest) + 1])
    return Head(_upper(body[:start]), keyword_span, line, flags, arguments)


def _upper(keyword: str) -> str:
    """`keyword` in upper case, so that it equals a known one exactly when BuildKit takes it for that."""
    upper = keyword.upper()
    if upper.isascii() and keyword.isascii():
        return upper
    # Go lowers U+0130 to a plain i and U+212A to a k before it looks a keyword up; it keeps U+0131 and
    # U+017F.
    folded = keyword.replace("\u0130", "i").lower()
    if folded.isascii():
        return folded.upper() if folded.upper() in KEYWORDS else upper
    return keyword if upper in KEYWORDS else upper


def _read_flags(rest: str, line: Logical, at: int, escape: str) -> tuple[tuple[Flag, ...], int]:
    """Flags at the start of `rest`, which stands at `at` in `line`, and how many characters they take."""
    if rest.isascii():
        words, taken = _split_flags(rest, escape)
        return tuple(_flag(word, line, at) for word in words), taken
    characters: list[int] = []
    for index, character in enumerate(rest):
        characters.extend([index] * len(character.encode("utf-8", "surrogateescape")))
    characters.append(len(rest))
    words, taken = _split_flags(rest.encode("utf-8", "surrogateescape").decode("latin-1"), escape)
    moved = (
        word._replace(
            start=characters[word.start],
            end=characters[word.end],
            equals=characters[word.equals] if word.equals >= 0 else -1,
        )
        for word in words
    )
    return tuple(_flag(word, line, at) for word in moved), characters[taken]


def _flag(word: _Word, line: Logical, at: int) -> Flag:
    name, equals, value = word.text[2:].partition("=")
    span = line.to_source(Span(at + word.start, at + word.end))
    if not equals:
        return Flag(name, None, span, None)
    return Flag(name, value, span, line.to_source(Span(at + word.equals + 1, at + word.end)))


def _split_flags(rest: str, escape: str) -> tuple[list[_Word], int]:
    """Flag words of `rest`, one character per byte, and where the arguments begin."""
    words: list[_Word] = []
    at = 0
    size = len(rest)
    while at < size:
        if rest[at] in _BYTE_SPACE:
            at += 1
            continue
        if not rest.startswith("--", at):
            return words, at
        plain = _PLAIN_FLAG.match(rest, at)
        if plain:
            word = _Word(plain[0], at, plain.end(), plain.start(2) if plain[2] else -1)
        else:
            word = _read_word(rest, at, escape)
        at = word.end
        if word.text == "--":
            return words, at
        words.append(word)
    return words, size


def _read_word(rest: str, start: int, escape: str) -> _Word:
    """One flag word from `start`, with quotes and escapes removed; `equals` is where its first `=` stands."""
    out: list[str] = []
    equals = -1
    quote = ""
    at = start
    size = len(rest)
    while at < size:
        character = rest[at]
        if quote == character:
            quote = ""
        elif not quote and character in _BYTE_SPACE:
            break
        elif not quote and character in "'\"":
            quote = character
        else:
            if character == escape:
                at += 1
                if at == size:
                    break
                character = rest[at]
            if character == "=" and equals < 0:
                equals = at
            out.append(character)
        at += 1
    return _Word("".join(out), start, at, equals)
