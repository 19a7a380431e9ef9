"""What a Python of a target takes: wheels by their names, and markers by what is true there.

What cannot be told without the machine (its kernel, the last part of Python's version) is told apart from
what is not so: `holds` and `admits` answer None for it.

Sources: PyPA "Platform compatibility tags" (PEP 425, 513, 571, 599, 600, 656), "Binary distribution format"
and "Dependency specifiers" (PEP 508, and PEP 751 for `extras` and `dependency_groups`); pypa/packaging
`tags.py`, `_manylinux.py` and `_musllinux.py` for the oldest glibc of a platform; `uname(2)` and
`personality(2)` for what a kernel calls itself to programs of 32 bits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from xbuild.architectures import ARCHITECTURES
from xbuild.text import expression, value

Libc = tuple[str, tuple[int, int]]


@value()
class Target:
    """A released CPython for Linux: its version (two parts or more), what `uname -m` says there, its libc.

    The machine is a name in the column `uname` of ARCHITECTURES; of one that is not there, only pure wheels
    fit.
    """

    version: tuple[int, ...]
    machine: str
    libc: Libc


# -- wheels

_LEGACY = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_OLDEST = {"x86_64": (2, 5), "i686": (2, 5)}
_PLATFORM = expression(
    r"(manylinux|musllinux)_(\d{1,4})_(\d{1,4})_(\w+)|(manylinux1|manylinux20\d\d|linux)_(\w+)"
)
_LONGEST_NAME = 1024


@lru_cache(maxsize=16384)
def fits(name: str, target: Target) -> bool:
    """Whether an installer takes the wheel of this file name there; of a name that is none, it does not."""
    return any(
        (interpreter, abi, platform == "any") in _interpreters(target.version[:2])
        and (platform == "any" or _has_platform(platform, target))
        for interpreter, abi, platform in _tags(name)
    )


def is_pure(name: str) -> bool:
    """Whether the wheel says of itself that it is for every machine."""
    return {platform for _, _, platform in _tags(name)} == {"any"}


@lru_cache(maxsize=16384)
def _tags(name: str) -> tuple[tuple[str, str, str], ...]:
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    if len(name) > _LONGEST_NAME or name.count(".") > 64:
        return ()
    try:
        tags = parse_wheel_filename(name)[3]
    except (InvalidWheelFilename, ValueError):
        return ()
    return tuple((tag.interpreter, tag.abi, tag.platform) for tag in tags)


@lru_cache(maxsize=64)
def _interpreters(version: tuple[int, int]) -> frozenset[tuple[str, str, bool]]:
    """(interpreter, ABI, whether for any platform) of all that this Python takes."""
    from packaging.tags import compatible_tags, cpython_tags

    digits = "".join(map(str, version))
    own = f"cp{digits}m" if version < (3, 8) else f"cp{digits}"
    tags = (
        *cpython_tags(version, [own], ["here"]),
        *compatible_tags(version, f"cp{digits}", ["here"]),
    )
    return frozenset((tag.interpreter, tag.abi, tag.platform == "any") for tag in tags)


def _has_platform(platform: str, target: Target) -> bool:
    match = _PLATFORM.fullmatch(platform)
    if match is None:
        return False
    kind, major, minor, machine, legacy, other = match.groups()
    wheel = next((row.wheel for row in ARCHITECTURES if row.uname == target.machine), "")
    if not wheel or (machine or other) != wheel:
        return False
    libc, has = target.libc
    if legacy == "linux":
        return True
    if kind == "musllinux":
        return libc == "musl" and int(major) == has[0] and int(minor) <= has[1]
    needs = (int(major), int(minor)) if kind else _LEGACY.get(legacy)
    oldest = _OLDEST.get(wheel, (2, 17))
    return libc == "glibc" and needs is not None and oldest <= needs <= has


# -- markers

# What a kernel may call itself to a program of 32 bits, beside the machine's own name.
_OTHER_NAMES = {
    "i686": ("x86_64",),
    "armv7l": ("armv8l", "aarch64"),
    "armv6l": ("armv7l", "armv8l", "aarch64"),
    "armv5tel": ("armv6l", "armv7l", "armv8l", "aarch64"),
}
_LONGEST_MARKER = 65536
_DEEPEST = 50
_MARKER_TOKEN = expression(
    r"\s*(?:(?P<text>\"[^\"]*\"|'[^']*')|(?P<operator>===|[<>=!~]=|[<>])|(?P<word>[A-Za-z_][\w.]*)"
    r"|(?P<bracket>[()]))"
)
_SETS = ("extras", "dependency_groups")
_FULL = ("python_full_version", "implementation_version")
_VERSIONS = ("python_version", *_FULL)


def normalised(name: str) -> str:
    """A name of a package, an extra or a group, of whose spellings this is the one (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


@lru_cache(maxsize=64)
def environment(target: Target) -> Mapping[str, tuple[str, ...]]:
    """The variables of markers, with every value that each may have; what is missing may have any."""
    short = ".".join(map(str, target.version[:2]))
    full = (".".join(map(str, target.version[:3])),) if len(target.version) > 2 else ()
    return {
        "os_name": ("posix",),
        "sys_platform": ("linux",),
        "platform_system": ("Linux",),
        "platform_machine": (target.machine, *_OTHER_NAMES.get(target.machine, ())),
        "platform_python_implementation": ("CPython",),
        "implementation_name": ("cpython",),
        "python_version": (short,),
        # Where the last part is not known, the two ends between which it is.
        "python_full_version": full or (f"{short}.0", f"{short}.9999"),
        "implementation_version": full or (f"{short}.0", f"{short}.9999"),
    }


def holds(
    marker: str,
    target: Target,
    extras: tuple[str, ...] | None = (),
    groups: tuple[str, ...] | None = (),
) -> bool | None:
    """Whether a marker is true there, or None where that cannot be told.

    `extras` and `groups` are those that are asked for, normalised; None: it is not known which.
    """
    if not marker.strip():
        return True
    if len(marker) > _LONGEST_MARKER:
        return None
    try:
        return _Marker(marker, target, extras, groups).told()
    except _NoMarkerError:
        return None


def admits(versions: str, target: Target) -> bool | None:
    """Whether Python's version is among these (`>=3.9,<4`), or None where that cannot be told."""
    parts = [part.strip() for part in versions.split(",") if part.strip() not in ("", "*")]
    if len(versions) > _LONGEST_MARKER or any(c in versions for c in "\"'|"):
        return None
    quoted = (re.sub(r"^([<>=!~]*)\s*(.*)$", r"python_full_version \1 '\2'", part) for part in parts)
    answers = {holds(text, target) for text in quoted}
    return False if False in answers else None if None in answers else True


class _NoMarkerError(Exception):
    """That a text is no marker."""


class _Marker:
    """One marker, read and evaluated at once; `or` and `and` know a third value, "cannot be told"."""

    def __init__(
        self, text: str, target: Target, extras: tuple[str, ...] | None, groups: tuple[str, ...] | None
    ) -> None:
        self.target = target
        self.sets = {"extra": extras, "extras": extras, "dependency_groups": groups}
        self.tokens = list(_split(text))
        self.at = 0
        self.depth = 0

    def told(self) -> bool | None:
        answer = self._any()
        if self.at < len(self.tokens):
            raise _NoMarkerError
        return answer

    def _next(self) -> tuple[str, str]:
        self.at += 1
        if self.at > len(self.tokens):
            raise _NoMarkerError
        return self.tokens[self.at - 1]

    def _has(self, kind: str, text: str) -> bool:
        is_there = self.at < len(self.tokens) and self.tokens[self.at] == (kind, text)
        self.at += is_there
        return is_there

    def _any(self) -> bool | None:
        answers = [self._all()]
        while self._has("word", "or"):
            answers.append(self._all())
        return True if True in answers else None if None in answers else False

    def _all(self) -> bool | None:
        answers = [self._one()]
        while self._has("word", "and"):
            answers.append(self._one())
        return False if False in answers else None if None in answers else True

    def _one(self) -> bool | None:
        if not self._has("bracket", "("):
            return self._compared(self._next(), self._operator(), self._next())
        self.depth += 1
        if self.depth > _DEEPEST:
            raise _NoMarkerError
        answer = self._any()
        self.depth -= 1
        if not self._has("bracket", ")"):
            raise _NoMarkerError
        return answer

    def _operator(self) -> str:
        kind, text = self._next()
        if (kind, text) == ("word", "not") and self._has("word", "in"):
            return "not in"
        if kind != "operator" and (kind, text) != ("word", "in"):
            raise _NoMarkerError
        return text

    def _compared(self, left: tuple[str, str], operator: str, right: tuple[str, str]) -> bool | None:
        if {left[0], right[0]} != {"word", "text"}:
            if "text" in (left[0], right[0]) or left[0] == right[0] == "word":
                return None
            raise _NoMarkerError
        name = (left if left[0] == "word" else right)[1].replace(".", "_")
        literal = (left if left[0] == "text" else right)[1]
        if name in self.sets:
            return self._asked(name, operator, normalised(literal), is_literal_first=left[0] == "text")
        if name in _VERSIONS and "in" not in operator and _RELEASE.match(literal) is None:
            return None
        if name in _FULL and len(self.target.version) < 3 and operator not in ("<", "<=", ">", ">="):
            return _among(literal, operator, self.target.version[:2]) if right[0] == "text" else None
        known = environment(self.target).get(name, ())
        sides = [f"'{side[1]}'" if "'" not in side[1] else f'"{side[1]}"' for side in (left, right)]
        sides[left[0] == "text"] = name
        text = f"{sides[0]} {operator} {sides[1]}"
        answers = {_evaluated(text, name, possible) for possible in known}
        return answers.pop() if len(answers) == 1 else None

    def _asked(self, name: str, operator: str, literal: str, *, is_literal_first: bool) -> bool | None:
        """An extra or a group, of those that are asked for."""
        asked = self.sets[name]
        operators = ("in", "not in") if name in _SETS else ("==", "!=")
        if asked is None or operator not in operators or (name in _SETS and not is_literal_first):
            return None
        return (literal in asked) == (operator == operators[0])


def _split(text: str) -> list[tuple[str, str]]:
    tokens, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = _MARKER_TOKEN.match(text, at)
        if match is None:
            raise _NoMarkerError
        kind = match.lastgroup or ""
        found = match[kind]
        tokens.append((kind, found[1:-1] if kind == "text" else found))
        at = match.end()
    return tokens


_RELEASE = expression(r"\s*v?(\d+)(?:\.(\d+))?(\.\*\s*$)?")


def _among(literal: str, operator: str, version: tuple[int, ...]) -> bool | None:
    """How `version.anything` compares, where equality is asked for."""
    match = _RELEASE.match(literal)
    if match is None or operator not in ("==", "!=", "~="):
        return None
    told = tuple(int(part) for part in match.groups()[:2] if part is not None)
    if operator == "~=":
        return _evaluated_between(literal, version)
    is_equal: bool | None = None
    if told != version[: len(told)]:
        is_equal = False
    elif match[3] is not None:
        is_equal = True
    return is_equal if operator == "==" or is_equal is None else not is_equal


def _evaluated_between(literal: str, version: tuple[int, ...]) -> bool | None:
    """`~=` is true for a run of versions, so that what both ends say is true in between."""
    short = ".".join(map(str, version))
    text = f"python_full_version ~= '{literal}'"
    answers = {_evaluated(text, "python_full_version", f"{short}.{last}") for last in (0, 9999)}
    return answers.pop() if len(answers) == 1 else None


@lru_cache(maxsize=4096)
def _evaluated(text: str, name: str, possible: str) -> bool | None:
    """A marker of one comparison, as packaging evaluates it where a variable has this value."""
    from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
    from packaging.version import InvalidVersion

    try:
        return bool(Marker(text).evaluate({name: possible}))
    except (InvalidMarker, InvalidVersion, UndefinedComparison, UndefinedEnvironmentName):
        return None
