"""Source text, spans and edits: the one place where text changes.

Text is UTF-8 decoded with `surrogateescape`, so that any bytes survive a round trip; offsets are
character offsets into that text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, TypeVar, cast, dataclass_transform

from xbuild.errors import EditError

AnyType = TypeVar("AnyType")


class _Fresh:
    """A default that is made anew for each value."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


def fresh(make: Callable[[], AnyType]) -> AnyType:
    """The default of a field of a value: what `make` makes, for each value anew."""
    return cast("AnyType", _Fresh(make))


@dataclass_transform(frozen_default=True)
def value(
    *, order: bool = False, kw_only: bool = False, slots: bool = True
) -> Callable[[type[AnyType]], type[AnyType]]:
    """A dataclass with slots that is frozen for the type checker alone; without `slots` it can have cached
    properties.

    A Dockerfile gives hundreds of spans and words, and a class frozen at run time takes three times as long
    to make: with this, files are parsed 1.4 times as fast. Its methods are compiled when they are first used,
    `__init__` too: that takes most of a millisecond, and there are a hundred classes. `dataclasses` itself
    takes longer to import than Python takes to start, and is asked only by those who ask it.
    """

    def made(described: type[AnyType]) -> type[AnyType]:
        own = tuple(vars(described).get("__annotations__", ()))
        held = dict(vars(described))
        defaults = {name: held.pop(name) for name in own if name in held}
        cls: Any = described
        if slots:
            for name in ("__dict__", "__weakref__"):
                held.pop(name, None)
            cls = _remade(described, {**held, "__slots__": own})
        base: Any = described.__base__
        cls._names = tuple(dict.fromkeys((*getattr(base, "_names", ()), *own)))
        cls._defaults = {**getattr(base, "_defaults", {}), **defaults}
        cls._is_kw_only, cls.__dataclass_fields__ = kw_only, _Fields()
        setattr(cls, "__match_args__", () if kw_only else cls._names)  # noqa: B010
        cls.__init__ = _init_of(cls)
        for name in (*_METHODS, *(_ORDER if order else ()), "__repr__"):
            if held.get(name) is None:
                setattr(cls, name, vars(_Methods)[name])
        return cast("type[AnyType]", cls)

    return made


def _remade(described: type[Any], held: dict[str, Any]) -> Any:
    make: Callable[..., Any] = type(described)
    cls = make(described.__name__, described.__bases__, held)
    cls.__qualname__ = described.__qualname__
    return cls


def replace(one: AnyType, **changes: Any) -> AnyType:
    """The value with other fields, as `dataclasses.replace` makes it."""
    cls: Any = type(one)
    made: AnyType = cls(**{**{name: getattr(one, name) for name in cls._names}, **changes})
    return made


def _init_of(cls: Any) -> Callable[..., None]:
    """An `__init__` that compiles the real one, and puts it in its own place."""

    def __init__(self: Any, *given: Any, **named: Any) -> None:  # noqa: N807
        cls.__init__ = _compile_init(cls)
        cls.__init__(self, *given, **named)

    return __init__


def _compile_init(cls: Any) -> Callable[..., None]:
    held: dict[str, Any] = {"MISSING": object()}
    heads, lines = ["self", *(["*"] if cls._is_kw_only and cls._names else [])], ["pass"]
    for name in cls._names:
        default = cls._defaults.get(name)
        is_fresh = isinstance(default, _Fresh)
        held[f"default_{name}"] = default.make if isinstance(default, _Fresh) else default
        given = "MISSING" if is_fresh else f"default_{name}"
        heads.append(f"{name}={given}" if name in cls._defaults else name)
        lines.append(
            f"self.{name} = {f'default_{name}() if {name} is MISSING else ' if is_fresh else ''}{name}"
        )
    exec(f"def __init__({', '.join(heads)}):\n " + "\n ".join(lines), held)
    init: Callable[..., None] = held["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


class _Fields:
    """What `dataclasses` asks a class for, made when it asks."""

    def __get__(self, instance: object, owner: Any) -> Any:
        from dataclasses import dataclass, field

        defaults = {
            name: field(default_factory=given.make) if isinstance(given, _Fresh) else given
            for name, given in owner._defaults.items()
        }
        held = {"__annotations__": dict.fromkeys(owner._names, Any), **defaults}
        made: Any = dataclass(kw_only=owner._is_kw_only)(type(owner.__name__, (), held))
        owner.__dataclass_fields__ = made.__dataclass_fields__
        return owner.__dataclass_fields__


class _Methods:
    def __eq__(self, other: object) -> bool:
        _compile_methods(type(self))
        return self == other

    def __hash__(self) -> int:
        _compile_methods(type(self))
        return hash(self)

    def __lt__(self, other: Any) -> bool:
        _compile_methods(type(self))
        return bool(self < other)

    def __le__(self, other: Any) -> bool:
        _compile_methods(type(self))
        return bool(self <= other)

    def __gt__(self, other: Any) -> bool:
        _compile_methods(type(self))
        return bool(self > other)

    def __ge__(self, other: Any) -> bool:
        _compile_methods(type(self))
        return bool(self >= other)

    def __repr__(self) -> str:
        cls: Any = type(self)
        content = ", ".join(f"{name}={getattr(self, name)!r}" for name in cls._names)
        return f"{cls.__qualname__}({content})"


_METHODS = ("__eq__", "__hash__")
_ORDER = {"__lt__": "<", "__le__": "<=", "__gt__": ">", "__ge__": ">="}


def _compile_methods(used: Any) -> None:
    """Those of a value's class, which may be used by one that is derived from it."""
    cls: Any = next(c for c in used.__mro__ if "_names" in vars(c))
    mine, others = ("".join(f"{owner}.{name}, " for name in cls._names) for owner in ("self", "other"))
    text = f"def __hash__(self):\n return hash(({mine}))\n" + "".join(
        f"def {name}(self, other):\n"
        f" return ({mine}) {sign} ({others}) if other.__class__ is self.__class__ else NotImplemented\n"
        for name, sign in {"__eq__": "==", **_ORDER}.items()
    )
    methods: dict[str, Any] = {}
    exec(text, methods)
    for name in (*_METHODS, *_ORDER):
        if vars(cls).get(name) is vars(_Methods)[name]:
            setattr(cls, name, methods[name])


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


@value(slots=False)
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


@value(order=True)
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
