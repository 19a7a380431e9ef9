"""Here-documents: which words of a line open one, and what their bodies are.

Facts: moby/buildkit `frontend/dockerfile/parser/parser.go` (`heredocsFromLine`, `heredocFromMatch`) and
`frontend/dockerfile/shell/lex.go`. BuildKit lexes the line with its own small shell lexer, always with a
backslash as escape character; whatever that lexer refuses silently turns heredocs off for the line.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from xbuild.dockerfile.words import SPACE, to_runes
from xbuild.text import expression

_WORD = expression(r"([0-9]*)<<(-?)[\t\n\f\r ]*([^<]*)\Z")
LEADING_TABS = expression(r"^\t+", re.MULTILINE)
_SPECIAL = "@*#?-$!0"
_BLANK = "\t\r "


class Opening(NamedTuple):
    """`<<NAME` as a command line opens it."""

    name: str
    fd: int
    expand: bool
    chomp: bool


class LexError(ValueError):
    """BuildKit's shell lexer refuses the text."""


def find_openings(line: str) -> list[Opening]:
    """Heredocs that a logical line opens. Raises LexError where BuildKit refuses the file."""
    try:
        words = Lexer(line, raw_quotes=True, raw_escapes=True).split()
    except LexError:
        return []
    return [opening for word in words if (opening := parse_opening(word)) is not None]


def parse_opening(word: str) -> Opening | None:
    """The heredoc that `word` opens, if `word` is nothing but `<<NAME`. Raises LexError."""
    found = _WORD.match(word)
    if found is None or not found[3]:
        return None
    words = Lexer(found[3]).split()
    if len(words) != 1:
        return None
    raw = Lexer(found[3], raw_quotes=True).split()
    if len(raw) != 1:
        raise LexError(f"cannot tell the name of the heredoc {word}")
    expand = _quotes(words[0]) == _quotes(raw[0])
    return Opening(words[0], int(found[1][:18] or 0), expand, bool(found[2]))


def chomp_tabs(text: str) -> str:
    """`text` without the tabs at the start of its lines, as `<<-` has it."""
    return LEADING_TABS.sub("", text)


def _quotes(word: str) -> int:
    return word.count("'") + word.count('"')


class Lexer:
    """BuildKit's shell lexer with no variable set and unset ones left as they stand."""

    def __init__(
        self, text: str, *, escape: str = "\\", raw_quotes: bool = False, raw_escapes: bool = False
    ) -> None:
        # Go's text/scanner drops a byte order mark in front.
        self.text = to_runes(text).removeprefix("\ufeff")
        self.at = 0
        self.escape = escape
        self.raw_quotes = raw_quotes
        self.raw_escapes = raw_escapes
        # One buffer for all nesting levels, as in BuildKit: `${a:-b}` inside a word forgets what came before.
        self.buffer: list[str] = []

    def split(self) -> list[str]:
        """The words of the text. Raises LexError."""
        return self._until("", self.raw_escapes)[1]

    def join(self) -> str:
        """The text as one word. Raises LexError."""
        return self._until("", self.raw_escapes)[0]

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _next(self) -> str:
        character = self.text[self.at : self.at + 1]
        self.at += 1
        return character

    def _until(self, stop: str, raw_escapes: bool) -> tuple[str, list[str]]:
        outer = self.raw_escapes
        self.raw_escapes = raw_escapes
        self.buffer.clear()
        words = _Words(self.buffer)
        result: list[str] = []
        try:
            while character := self._peek():
                if character == stop:
                    self.at += 1
                    return "".join(result), words.finish()
                self._step(character, words, result)
        finally:
            self.raw_escapes = outer
        if stop:
            raise LexError(f"no {stop} before the end of the line")
        return "".join(result), words.finish()

    def _step(self, character: str, words: _Words, result: list[str]) -> None:
        if character == "$":
            piece = self._dollar()
            result.append(piece)
            words.add(piece)
        elif character in "<'\"":
            piece = {"<": self._less, "'": self._single, '"': self._double}[character]()
            result.append(piece)
            words.add_raw(piece)
        elif character == self.escape:
            self.at += 1
            escaped = self._next()
            piece = character + escaped if self.raw_escapes else escaped
            result.append(piece)
            if piece:
                words.add_raw(piece)
        else:
            self.at += 1
            result.append(character)
            words.add(character)

    def _less(self) -> str:
        self.at += 1
        if self._peek() != "<":
            return "<"
        self.at += 1
        start = self.at
        while (character := self._peek()) and character in _BLANK:
            self.at += 1
        return "<<" + self.text[start : self.at]

    def _single(self) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise LexError("no closing single quote")
        start, self.at = self.at, end + 1
        return self.text[start : end + 1] if self.raw_quotes else self.text[start + 1 : end]

    def _double(self) -> str:
        self.at += 1
        quote = '"' if self.raw_quotes else ""
        result = [quote]
        while (character := self._peek()) != '"':
            if not character:
                raise LexError("no closing double quote")
            if character == "$":
                result.append(self._dollar())
                continue
            self.at += 1
            if character == self.escape:
                if self.raw_escapes:
                    result.append(character)
                following = self._peek()
                if not following:
                    continue
                if following in ('"', "$", self.escape):
                    character = self._next()
            result.append(character)
        self.at += 1
        result.append(quote)
        return "".join(result)

    def _dollar(self) -> str:
        self.at += 1
        if self._peek() != "{":
            return "$" + self._name()
        self.at += 1
        if self._peek() in ("", "{", "}", ":"):
            raise LexError("bad substitution")
        name = self._name()
        operator = self._next()
        if operator == "}":
            return f"${{{name}}}"
        if operator == "/":
            return self._replacement(name)
        kind = operator
        if operator == ":":
            kind = self._next()
            operator += kind
            if kind in ("#", "%"):
                raise LexError(f"unsupported modifier {operator}")
        elif kind == "" or kind not in "+-?#%":
            raise LexError(f"unsupported modifier {operator}")
        word, _ = self._until("}", kind in ("#", "%"))
        return f"${{{name}{operator}{word}}}"

    def _replacement(self, name: str) -> str:
        # With the variable unset BuildKit gives `//` back as `/`; only the words matter here.
        if self._peek() == "/":
            self.at += 1
        pattern, _ = self._until("/", True)
        replacement, _ = self._until("}", True)
        return f"${{{name}/{pattern}/{replacement}}}"

    def _name(self) -> str:
        start = self.at
        first = self._peek()
        if first.isdecimal():
            while self._peek().isdecimal():
                self.at += 1
        elif first and first in _SPECIAL:
            self.at += 1
        else:
            while (character := self._peek()) == "_" or character.isalpha() or character.isdecimal():
                self.at += 1
        return self.text[start : self.at]


class _Words:
    """Collects words in a buffer that it shares with other nesting levels."""

    def __init__(self, buffer: list[str]) -> None:
        self.buffer = buffer
        self.words: list[str] = []
        self.is_inside = False

    def add(self, text: str) -> None:
        for character in text:
            if character not in SPACE:
                self.add_raw(character)
            elif self.is_inside and any(self.buffer):
                self.words.append("".join(self.buffer))
                self.buffer.clear()
                self.is_inside = False

    def add_raw(self, text: str) -> None:
        self.buffer.append(text)
        self.is_inside = True

    def finish(self) -> list[str]:
        if any(self.buffer):
            self.words.append("".join(self.buffer))
        self.buffer.clear()
        self.is_inside = False
        return self.words
