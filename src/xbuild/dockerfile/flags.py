"""Keyword and flags in front of an instruction's arguments.

Facts: moby/buildkit `frontend/dockerfile/parser/split_command.go`. BuildKit reads flags byte by byte: a byte of a
longer UTF-8 sequence counts as a character of its own, and 0x85 and 0xA0 as spaces.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from xbuild.dockerfile.model import Flag, Logical
from xbuild.dockerfile.words import GAP, SPACE
from xbuild.text import Span

_BYTE_SPACE = "\t\n\v\f\r \x85\xa0"
_PLAIN_FLAG = re.compile(
    r"""(--[^\t\n\v\f\r \x85\xa0'"\\`=]+)(=[^\t\n\v\f\r \x85\xa0'"\\`]*)?(?=[\t\n\v\f\r \x85\xa0]|\Z)"""
)


class Head(NamedTuple):
    """An instruction taken apart: keyword as written, flags, and the stripped arguments."""

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
    start = len(text) - len(text.lstrip(SPACE))
    end = max(start, len(text.rstrip(SPACE)))
    gap = GAP.search(text, start, end)
    keyword_end = gap.start() if gap else end
    offsets = line.offsets
    rest = text[gap.end() : end] if gap else ""
    rest_at = gap.end() if gap else end
    flags: tuple[Flag, ...] = ()
    if rest.startswith("--") or (rest and rest[0] > "\x7f"):
        flags, taken = _read_flags(rest, line, rest_at, escape)
        rest_at += taken
        rest = rest[taken:]
    stripped = rest.strip(SPACE)
    if stripped:
        rest_at += rest.index(stripped[0])
    else:
        rest_at = end
    return Head(
        text[start:keyword_end],
        line.to_source(Span(start, keyword_end)),
        Logical(text[start:], offsets[start:]) if start else line,
        flags,
        Logical(stripped, offsets[rest_at : rest_at + len(stripped) + 1]),
    )


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
