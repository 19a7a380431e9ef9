"""Word expansion as BuildKit does it in Dockerfiles, with values that may be unknown.

Follows `frontend/dockerfile/shell/lex.go` of moby/buildkit: `$X`, `${X}`, the operators `:-` `-` `:+` `+`
`:?` `?` `#` `##` `%` `%%` `/` and `//`, quotes and the escape character. What it says there in code is
repeated here in comments only where it surprises.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from xbuild.errors import DockerfileError
from xbuild.graph.model import Value
from xbuild.text import expression, value

Lookup = Callable[[str], Value | None]

_SPECIAL_PARAMETERS = frozenset("@*#?-$!0")
_MAXIMUM_DEPTH = 64
_RUN = expression(r"[^\\`$'\"/}]+")


class ExpansionError(DockerfileError):
    """A word that BuildKit would refuse to expand."""


class RequiredError(ExpansionError):
    """`${X:?message}`, and X has no value: well formed, but a build needs `--build-arg X=…`."""


@value()
class Expanded:
    """What a word comes to; `text` is None when it depends on something unknown.

    `names` are all variables in it, `depends_on` the platform ARGs behind their values, `missing` those that
    hold nothing and so left an empty string behind.
    """

    text: str | None
    names: frozenset[str] = frozenset()
    depends_on: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()


def expand(text: str, lookup: Lookup, escape: str = "\\") -> Expanded:
    """`text` with variables replaced and quotes removed.

    `lookup` gives None for a name that is not set, a Value without text for one that is set to something
    unknown. Raises ExpansionError where BuildKit refuses: bad substitution, unbalanced quote, `${X:?message}`
    without X.
    """
    if not any(special in text for special in ("$", "'", '"', escape)):
        return Expanded(text)
    reader = _Expander(text, lookup, escape)
    result = reader.read_until(None, raw_escapes=False)
    return Expanded(result, frozenset(reader.names), frozenset(reader.depends_on), frozenset(reader.missing))


def expand_known(text: str, lookup: Lookup, escape: str = "\\") -> Expanded:
    """`expand`, but a value that is required and not given makes the result unknown instead of an error.

    Whoever builds will give it; a Dockerfile can be read without.
    """
    try:
        return expand(text, lookup, escape)
    except RequiredError:
        return Expanded(None)


class _Expander:
    """One pass over a word. Methods return the text they made, or None when it is unknown."""

    __slots__ = ("at", "depends_on", "depth", "escape", "lookup", "missing", "names", "raw_escapes", "text")

    def __init__(self, text: str, lookup: Lookup, escape: str) -> None:
        self.text = text
        self.lookup = lookup
        self.escape = escape
        self.at = 0
        self.depth = 0
        self.raw_escapes = False
        self.names: set[str] = set()
        self.depends_on: set[str] = set()
        self.missing: set[str] = set()

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def next(self) -> str:
        character = self.text[self.at : self.at + 1]
        self.at += len(character)
        return character

    def fail(self, message: str) -> ExpansionError:
        return ExpansionError(
            f"cannot expand {self.text!r}: {message}",
            expected="$NAME, ${NAME} or an operator that Dockerfiles know, quotes closed",
            hint="correct the word or quote it",
        )

    def read_until(self, stop: str | None, *, raw_escapes: bool) -> str | None:
        """Up to the unquoted character `stop`, which is consumed, or to the end."""
        self.depth += 1
        if self.depth > _MAXIMUM_DEPTH:
            raise self.fail(f"more than {_MAXIMUM_DEPTH} substitutions inside each other")
        outer, self.raw_escapes = self.raw_escapes, raw_escapes
        pieces: list[str | None] = []
        while (character := self.peek()) and character != stop:
            pieces.append(self.read_piece(character))
        if stop is not None and not character:
            raise self.fail(f"{stop!r} is missing at the end")
        self.at += len(character)
        self.raw_escapes = outer
        self.depth -= 1
        return _join(pieces)

    def read_piece(self, character: str) -> str | None:
        if character == "$":
            return self.read_dollar()
        if character == "'":
            return self.read_single_quotes()
        if character == '"':
            return self.read_double_quotes()
        self.at += 1
        if character != self.escape:
            return character + self.read_run()
        kept = character if self.raw_escapes else ""
        return kept + self.next()

    def read_run(self) -> str:
        """Characters that are never special, at once rather than one by one."""
        found = _RUN.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[0]

    def read_single_quotes(self) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise self.fail("a single quote is not closed")
        inside = self.text[self.at + 1 : end]
        self.at = end + 1
        return inside

    def read_double_quotes(self) -> str | None:
        self.at += 1
        pieces: list[str | None] = []
        while True:
            character = self.peek()
            if not character:
                raise self.fail("a double quote is not closed")
            if character == '"':
                self.at += 1
                return _join(pieces)
            if character == "$":
                pieces.append(self.read_dollar())
                continue
            self.at += 1
            pieces.append(self.read_escaped_in_quotes() if character == self.escape else character)

    def read_escaped_in_quotes(self) -> str:
        kept = self.escape if self.raw_escapes else ""
        following = self.peek()
        if not following:
            return kept
        if following in ('"', "$", self.escape):
            self.at += 1
            return kept + following
        return kept + self.escape

    def read_name(self) -> str:
        """A name, a run of digits, or one special parameter; possibly nothing."""
        start = self.at
        first = self.peek()
        if first and first.isdecimal():
            while self.peek().isdecimal():
                self.at += 1
        elif first in _SPECIAL_PARAMETERS:
            self.at += len(first)
        else:
            while (character := self.peek()) and _is_name_character(character):
                self.at += 1
        return self.text[start : self.at]

    def read_dollar(self) -> str | None:
        self.at += 1
        if self.peek() != "{":
            name = self.read_name()
            return self.plain(name) if name else "$"
        self.at += 1
        if self.peek() in ("", "{", "}", ":"):
            raise self.fail("bad substitution")
        name = self.read_name()
        operator = self.next()
        if operator == "}":
            return self.plain(name)
        if operator == "/":
            return self.replace(name)
        null_is_unset = operator == ":"
        if null_is_unset:
            operator = self.next()
        if operator in ("#", "%") and not null_is_unset:
            return self.trim(name, operator)
        if operator not in ("-", "+", "?") or not operator:
            raise self.fail(f"unsupported modifier {operator!r} after ${{{name}")
        word = self.read_until("}", raw_escapes=False)
        return self.choose(name, operator, word, null_is_unset=null_is_unset)

    def value_of(self, name: str) -> Value | None:
        """The value of `name`, noted as used; None when it is not set."""
        self.names.add(name)
        value = self.lookup(name)
        if value is None:
            return None
        self.depends_on |= value.depends_on
        return None if value.is_unset else value

    def plain(self, name: str) -> str | None:
        value = self.value_of(name)
        if value is None:
            self.missing.add(name)
            return ""
        return value.text

    def choose(self, name: str, operator: str, word: str | None, *, null_is_unset: bool) -> str | None:
        value = self.value_of(name)
        has_value = _has_value(name, value, null_is_unset=null_is_unset)
        if operator == "+":
            return {True: word, False: "", None: None}[has_value]
        if has_value is False:
            if operator == "-":
                return word
            raise RequiredError(f"{name}: {word or 'is not set'}", hint=f"pass --build-arg {name}=…")
        return value.text if value is not None else None

    def trim(self, name: str, operator: str) -> str | None:
        pattern = self.read_until("}", raw_escapes=True)
        text = self.plain(name)
        if pattern is None or text is None:
            return None
        is_greedy = pattern.startswith(operator)
        pattern = pattern[is_greedy:]
        if operator == "#":
            return self.trim_prefix(pattern, text, is_greedy=is_greedy)
        # A regular expression cannot look for the shortest suffix, so both are turned round.
        reverse = "".join(reversed(_tokens(pattern)))
        return self.trim_prefix(reverse, text[::-1], is_greedy=is_greedy)[::-1]

    def trim_prefix(self, pattern: str, text: str, *, is_greedy: bool) -> str:
        found = self.compile(pattern, is_greedy=is_greedy).match(text)
        return text[found.end() :] if found else text

    def replace(self, name: str) -> str | None:
        is_global = self.peek() == "/"
        self.at += is_global
        pattern = self.read_until("/", raw_escapes=True)
        replacement = self.read_until("}", raw_escapes=True)
        text = self.plain(name)
        if pattern is None or replacement is None or text is None:
            return None
        compiled = self.compile(pattern, is_greedy=True)
        if is_global:
            return _replace_all(compiled, text, replacement)
        found = compiled.search(text)
        return text if found is None else text[: found.start()] + replacement + text[found.end() :]

    def compile(self, pattern: str, *, is_greedy: bool) -> re.Pattern[str]:
        try:
            return re.compile(_to_regex(pattern, is_greedy))
        except ValueError as error:
            raise self.fail(f"invalid pattern {pattern!r}") from error


def _is_name_character(character: str) -> bool:
    return character == "_" or character.isalpha() or character.isdecimal()


def _join(pieces: list[str | None]) -> str | None:
    known = [piece for piece in pieces if piece is not None]
    return "".join(known) if len(known) == len(pieces) else None


def _has_value(name: str, value: Value | None, *, null_is_unset: bool) -> bool | None:
    """Whether the variable counts as having a value; None when that is unknown."""
    if value is None:
        return False
    if value.text is not None:
        return bool(value.text) or not null_is_unset
    if value.kind != "platform":
        return None
    # Of the automatic platform ARGs only the variants are empty for some platforms.
    return None if null_is_unset and name.endswith("VARIANT") else True


def _tokens(pattern: str) -> list[str]:
    """Characters of a shell pattern, an escape together with what it escapes."""
    return re.findall(r"\\.|.", pattern, re.DOTALL)


@lru_cache(maxsize=256)
def _to_regex(pattern: str, is_greedy: bool) -> str:
    """A shell pattern (only `*` and `?` are special) as a regular expression."""
    pieces = []
    for token in _tokens(pattern):
        if token == "*":
            pieces.append(".*" if is_greedy else ".*?")
        elif token == "?":
            pieces.append(".")
        elif len(token) == 1 and token != "\\":
            pieces.append(re.escape(token))
        elif token in ("\\}", "\\/"):
            pieces.append(re.escape(token[1]))
        elif token in ("\\*", "\\?", "\\\\"):
            pieces.append(token)
        else:
            raise ValueError(pattern)
    return "".join(pieces)


def _replace_all(pattern: re.Pattern[str], text: str, replacement: str) -> str:
    """Go's `ReplaceAllString`: no empty match right after a match, `$0` and the like in the replacement
    expand.
    """
    template = re.sub(
        r"\$(?:(\$)|\{(\w+)\}|(\w+))",
        lambda found: "$" if found[1] else ("\0" if (found[2] or found[3]) == "0" else ""),
        replacement,
    )
    pieces: list[str] = []
    end = 0
    is_first = True
    for found in pattern.finditer(text):
        if found.end() > end or (is_first and found.start() == 0):
            pieces.append(text[end : found.start()])
            pieces.append(template.replace("\0", found[0]))
            end = found.end()
        is_first = False
    pieces.append(text[end:])
    return "".join(pieces)
