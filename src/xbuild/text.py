"""Source text, spans and edits: the one place where text changes.

Text is UTF-8 decoded with `surrogateescape`, so that any bytes survive a round trip; offsets are
character offsets into that text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, TypeVar, cast, dataclass_transform

from xbuild.errors import EditError

AnyType = TypeVar("AnyType")


@dataclass_transform(frozen_default=True)
def value(*, order: bool = False, kw_only: bool = False) -> Callable[[type[AnyType]], type[AnyType]]:
    """A dataclass that is frozen for the type checker alone.

    A Dockerfile gives hundreds of spans and words, and a class frozen at run time takes three times as long
    to make: with this, files are parsed 1.4 times as fast. What an order needs apart, its methods are
    compiled when they are first used: each costs a third of a millisecond, and there are a hundred classes.
    """
    if order:
        return dataclass(slots=True, unsafe_hash=True, order=True, kw_only=kw_only)

    def made(described: type[AnyType]) -> type[AnyType]:
        cls = dataclass(slots=True, eq=False, repr=False, kw_only=kw_only)(described)
        for name in ("__eq__", "__hash__", "__repr__"):
            setattr(cls, name, vars(_Methods)[name])
        return cls

    return made


class _Methods:
    def __eq__(self, other: object) -> bool:
        _compile_methods(type(self))
        return self == other

    def __hash__(self) -> int:
        _compile_methods(type(self))
        return hash(self)

    def __repr__(self) -> str:
        content = ", ".join(f"{name}={getattr(self, name)!r}" for name in _names(type(self)))
        return f"{self.__class__.__qualname__}({content})"


def _compile_methods(cls: Any) -> None:
    mine, others = ("".join(f"{owner}.{name}, " for name in _names(cls)) for owner in ("self", "other"))
    text = f"""
def __eq__(self, other):
    return ({mine}) == ({others}) if other.__class__ is self.__class__ else NotImplemented
def __hash__(self):
    return hash(({mine}))
"""
    methods: dict[str, Any] = {}
    exec(text, methods)
    cls.__eq__, cls.__hash__ = methods["__eq__"], methods["__hash__"]


def _names(cls: Any) -> list[str]:
    return [field.name for field in fields(cls)]


def expression(text: str, flags: int = 0) -> re.Pattern[str]:
    """A regular expression that is compiled when it is first used: of some 150, a plan uses a quarter."""
    return cast("re.Pattern[str]", _Uncompiled(text, flags))


def glob_pattern(path: str) -> re.Pattern[str]:
    """`*` and `?` stay within one folder, `**` crosses folders; a path without a leading slash gets one."""
    return name_pattern(path if path.startswith(("/", "**")) else "/" + path)


def name_pattern(name: str) -> re.Pattern[str]:
    """The same for what has no path."""
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", name)
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(wild.get(piece, re.escape(piece)) for piece in pieces), re.DOTALL)


class _Compiled:
    """What a compiled expression has, as attributes."""


class _Uncompiled(_Compiled):
    def __init__(self, text: str, flags: int) -> None:
        self._arguments = text, flags

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(*self._arguments)
        vars(self).update({name: getattr(compiled, name) for name in dir(compiled) if name[0] != "_"})
        self.__class__ = _Compiled  # type: ignore[assignment]  # attributes are found fast where none may be missing
        return getattr(compiled, name)


@value(order=True)
class Span:
    """Half-open range of character offsets."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    def __contains__(self, other: Span) -> bool:
        return self.start <= other.start and other.end <= self.end

    def shift(self, by: int) -> Span:
        """The same range, `by` characters further on."""
        return Span(self.start + by, self.end + by)


@dataclass(frozen=True)
class Source:
    """A text file by name and content; `path` is only for messages."""

    path: str
    text: str

    @classmethod
    def from_bytes(cls, path: str, data: bytes) -> Source:
        return cls(path, data.decode("utf-8", "surrogateescape"))

    def to_bytes(self) -> bytes:
        return self.text.encode("utf-8", "surrogateescape")

    @cached_property
    def line_starts(self) -> tuple[int, ...]:
        starts = [0]
        find = self.text.find
        at = find("\n")
        while at != -1:
            starts.append(at + 1)
            at = find("\n", at + 1)
        return tuple(starts)

    def line_of(self, offset: int) -> int:
        """Line number, from 1, of a character offset."""
        return bisect_right(self.line_starts, offset)

    def line_text(self, line: int) -> str:
        """Text of line `line` (from 1) without its line ending."""
        start = self.line_starts[line - 1]
        end = self.line_starts[line] if line < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")

    @cached_property
    def newline(self) -> str:
        """The line ending of the first line, or `\\n`."""
        at = self.text.find("\n")
        return "\r\n" if at > 0 and self.text[at - 1] == "\r" else "\n"

    def __getitem__(self, span: Span) -> str:
        return self.text[span.start : span.end]


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace `span` by `replacement`; an empty span inserts, an empty replacement deletes."""

    span: Span
    replacement: str

    @classmethod
    def insert(cls, at: int, text: str) -> Edit:
        return cls(Span(at, at), text)

    @classmethod
    def delete(cls, span: Span) -> Edit:
        return cls(span, "")


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """`text` with all edits applied.

    Insertions at one place keep the order in which they were given. Raises EditError when two edits overlap.
    """
    ordered = sorted(enumerate(edits), key=lambda pair: (pair[1].span.start, pair[1].span.end, pair[0]))
    pieces: list[str] = []
    done = 0
    for _, edit in ordered:
        if edit.span.start < done or edit.span.end > len(text):
            raise EditError(f"two edits overlap at offset {edit.span.start}")
        pieces.append(text[done : edit.span.start])
        pieces.append(edit.replacement)
        done = edit.span.end
    pieces.append(text[done:])
    return "".join(pieces)
