"""`.dockerignore`: which paths of the context are not sent. Pure.

Follows moby/patternmatcher `patternmatcher.go` (`compile`, `match`, `MatchesUsingParentResults`) and
`ignorefile/ignorefile.go` (`ReadAll`), which BuildKit uses on both ends.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable
from functools import cached_property

from xbuild.text import value

_ESCAPED = ".+()|{}$"
_PLAIN = re.compile(r"[^*?\[\]\\]*")


@value(slots=False)
class Pattern:
    """One line: `text` is cleaned, `is_exception` when it began with `!`."""

    text: str
    is_exception: bool = False

    @cached_property
    def matches(self) -> Callable[[str], bool]:
        """Whether this pattern alone names a path (its parents not considered)."""
        return _compile(self.text)

    def may_name_below(self, folder: str) -> bool:
        """Whether it may name something in a folder: by its text up to the first character of a pattern."""
        start, plain = _PLAIN.match(self.text)[0], f"{folder}/"  # type: ignore[index]
        return start.startswith(plain) or (start != self.text and plain.startswith(start))


def read_patterns(text: str) -> tuple[Pattern, ...]:
    """The patterns of an ignore file. A lone `!` is dropped; BuildKit refuses it by itself."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    # A comment is a line whose first character is #: not one that is indented.
    cleaned = (_clean(line.strip()) for line in lines if not line.startswith("#"))
    return tuple(pattern for pattern in cleaned if pattern is not None)


def _clean(line: str) -> Pattern | None:
    is_exception = line.startswith("!")
    text = line.removeprefix("!").strip() if is_exception else line
    if not text:
        return None
    text = posixpath.normpath(text)
    text = "/" + text.lstrip("/") if text.startswith("//") else text
    return Pattern(text[1:] if len(text) > 1 and text.startswith("/") else text, is_exception)


def _compile(text: str) -> Callable[[str], bool]:
    """`compile` and `match` in one: the four kinds of pattern that Go tells apart."""
    expression, kind = _translate(text)
    if kind == "exact":
        return lambda path: path == text
    if kind == "prefix":
        return lambda path: path.startswith(text[:-2])
    if kind == "suffix":
        suffix = text[2:]
        return lambda path: path.endswith(suffix) or (suffix[:1] == "/" and path == suffix[1:])
    try:
        compiled = re.compile(expression)
    except re.error:
        return lambda _path: False
    return lambda path: compiled.fullmatch(path) is not None


def _translate(text: str) -> tuple[str, str]:
    """Regular expression and kind of pattern."""
    expression, kind, at = "", "exact", 0
    while at < len(text):
        first, char = at == 0, text[at]
        at += 1
        if char == "*" and text[at : at + 1] == "*":
            at += 1
            at += text[at : at + 1] == "/"
            if at < len(text):
                expression, kind = expression + "(.*/)?", "expression"
            elif kind == "exact":
                kind = "prefix"
            else:
                expression, kind = expression + ".*", "expression"
            kind = "suffix" if first else kind
        elif char in "*?":
            expression, kind = expression + ("[^/]*" if char == "*" else "[^/]"), "expression"
        elif char in _ESCAPED:
            expression += "\\" + char
        elif char == "\\" and at < len(text):
            expression, kind, at = f"{expression}\\{text[at]}", "expression", at + 1
        elif char in "[]":
            expression, kind = expression + char, "expression"
        else:
            expression += char
    return expression, kind


@value()
class Match:
    """Whether a path is ignored, and which patterns named it or one of its parents."""

    is_ignored: bool = False
    by_pattern: tuple[bool, ...] = ()


class Ignore:
    """All patterns of a context, in order; later ones win."""

    def __init__(self, patterns: Iterable[Pattern] = ()) -> None:
        self.patterns = tuple(patterns)
        self._exceptions = tuple(pattern for pattern in self.patterns if pattern.is_exception)
        self._folders = {"": Match()}

    def match(self, path: str, parent: Match) -> Match:
        """`path` below a folder whose own match is `parent`."""
        is_ignored, by_pattern = False, []
        for at, pattern in enumerate(self.patterns):
            named = bool(parent.by_pattern) and parent.by_pattern[at]
            # What cannot change the outcome is not looked at, and counts as not named: as in Go.
            if not named and pattern.is_exception == is_ignored:
                named = pattern.matches(path)
            by_pattern.append(named)
            if named:
                is_ignored = not pattern.is_exception
        return Match(is_ignored, tuple(by_pattern))

    def matched(self, path: str) -> Match:
        """A path of which nothing is known, its parents considered; "" is the context itself."""
        parts = path.split("/") if path else []
        match = self._folders[""]
        for end in range(1, len(parts)):
            folder = "/".join(parts[:end])
            if folder not in self._folders:
                self._folders[folder] = self.match(folder, match)
            match = self._folders[folder]
        return self.match(path, match) if path else match

    def is_ignored(self, path: str) -> bool:
        """Whether a path is not sent, its parents considered."""
        return self.matched(path).is_ignored

    def may_except_below(self, folder: str) -> bool:
        """Whether something in a folder that is ignored may be sent nevertheless."""
        return any(pattern.may_name_below(folder) for pattern in self._exceptions)
