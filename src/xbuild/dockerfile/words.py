"""Words and spaces of one logical line, split as BuildKit splits them.

Facts: moby/buildkit `frontend/dockerfile/parser/{split_command,line_parsers}.go`.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import NamedTuple

from xbuild.text import expression

# What Go's unicode.IsSpace accepts; Python's str.strip() would take \x1c to \x1f as well.
SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
GAP = expression(r"[\t\v\f\r ]+")
KEYWORDS = frozenset(
    {"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK"}
    | {"LABEL", "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}
)
_HEALTH = re.compile(rb"([^\t\n\v\f\r \x85\xa0]*)[\t\n\v\f\r \x85\xa0]*(.*)", re.DOTALL)
_SURROGATE = expression("[\ud800-\udfff]")


class Piece(NamedTuple):
    """A word and where it stands in the text that was split."""

    value: str
    start: int
    end: int


class NotStringsError(ValueError):
    """A JSON array that holds something other than strings."""


def to_runes(text: str) -> str:
    """`text` as Go reads it rune by rune: each byte that is not UTF-8 becomes U+FFFD."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def split_gaps(text: str) -> list[Piece]:
    """`text`, stripped, split at ASCII blanks alone: FROM, COPY, ADD, VOLUME and EXPOSE."""
    pieces = []
    at = 0
    for gap in GAP.finditer(text):
        pieces.append(Piece(text[at : gap.start()], at, gap.start()))
        at = gap.end()
    if text:
        pieces.append(Piece(text[at:], at, len(text)))
    return pieces


@lru_cache(maxsize=4)
def _word_pattern(escape: str) -> re.Pattern[str]:
    """One word of ARG, ENV or LABEL: quotes and escapes kept; an open quote runs to the end of the line."""
    token = re.escape(escape)
    return re.compile(
        rf"""(?:[^{SPACE}'"{token}]++|{token}.|'[^']*+(?:'|\Z)|"(?:[^"{token}]++|{token}.)*+(?:"|(?={token}?\Z)))*+"""
        rf"({token}\Z)?",
        re.DOTALL,
    )


def split_quoted(text: str, escape: str) -> list[Piece]:
    """`text` split at Unicode spaces outside quotes; a lone escape character at the very end is dropped."""
    pattern = _word_pattern(escape)
    pieces = []
    at = 0
    size = len(text)
    while at < size:
        if text[at] in SPACE:
            at += 1
            continue
        found = pattern.match(text, at)
        assert found is not None
        end = found.end()
        value = text[at : end - 1] if found[1] else text[at:end]
        if value:
            pieces.append(Piece(value, at, at + len(value)))
        at = end
    return pieces


def split_health(text: str) -> tuple[str, str]:
    """CMD or NONE after HEALTHCHECK, in upper case, and the rest; BuildKit splits them byte by byte."""
    found = _HEALTH.match(text.encode("utf-8", "surrogateescape"))
    assert found is not None
    kind, rest = (part.decode("utf-8", "surrogateescape") for part in found.groups())
    return kind.upper(), rest


def parse_strings(text: str) -> tuple[str, ...] | None:
    """The words of a JSON array of strings, or None where BuildKit falls back to shell form.

    Raises NotStringsError for a valid array that holds anything else.
    """
    if text[:1] != "[" or text[-1] != "]":
        return None
    try:
        values = _DECODER.decode(text)
    except RecursionError:
        raise NotStringsError from None
    except ValueError:
        return None
    if not all(isinstance(value, str) for value in values):
        raise NotStringsError
    return tuple(map(to_runes, values))


def _number(text: str) -> float:
    # Go cannot store a number beyond float64 and so calls the whole array invalid.
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return value


def _constant(text: str) -> float:
    raise ValueError(text)


_DECODER = json.JSONDecoder(parse_float=_number, parse_int=_number, parse_constant=_constant)
