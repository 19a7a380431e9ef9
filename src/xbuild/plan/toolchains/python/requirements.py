"""Requirement files: every line a typed item, nothing dropped.

`requirements` reads a file and those that it includes; what a line means for an installer, `pip.py` and
`uv.py` decide. `as_lock` makes a lock of it, where every line names a package of an index. What an item
keeps of its line is without users, passwords and queries of addresses.

Sources: pip "Requirements File Format" and `_internal/req/req_file.py` (comments, joined lines, options,
variables, paths beside the including file); uv `crates/uv-requirements-txt`, which reads the same but for
fewer options; PEP 508.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from xbuild.plan.toolchains.python.fitting import normalised
from xbuild.plan.toolchains.python.lockfiles.texts import LARGEST, masked
from xbuild.plan.toolchains.python.locks import Dependency, Lock, LockedPackage, Read, Root, Sourcing, Unread
from xbuild.text import expression, value

DEEPEST = 16
"""Files that include each other."""
MOST_FILES = 200
LONGEST_LINE = 256 * 1024
"""A requirement with the hashes of three thousand files."""


@value()
class Line:
    """Where something stands: `text` is the line as it may be shown, `variables` what it asks for."""

    file: str
    number: int
    text: str
    variables: tuple[str, ...] = ()
    is_constraint: bool = False


@value()
class Named:
    """A package of an index: `versions` is a specifier (`==1.2`), empty for any."""

    line: Line
    name: str
    extras: tuple[str, ...]
    versions: str
    marker: str
    hashes: tuple[str, ...]
    settings: tuple[str, ...] = ()
    """Options for building it alone, such as `--config-settings`."""

    @property
    def pinned(self) -> str | None:
        """The one version that it may have, if it is so."""
        match = re.fullmatch(r"===?\s*([^\s,*;]+)", self.versions)
        return match[1] if match else None


@value()
class Address:
    """A package from an address, a repository or a path; `name` where the line tells it."""

    line: Line
    sourcing: Sourcing
    place: str
    name: str | None = None
    extras: tuple[str, ...] = ()
    marker: str = ""
    hashes: tuple[str, ...] = ()
    is_editable: bool = False


@value()
class FileOption:
    """An option that is for the whole file, in its long form; `value` is empty for a flag."""

    line: Line
    option: str
    value: str


@value()
class Strange:
    """A line that is not understood, and why."""

    line: Line
    reason: str


Item = Named | Address | FileOption | Strange

# Option → its long form, and whether a value follows.
_OPTIONS = {
    "-i": ("--index-url", True),
    "--index-url": ("--index-url", True),
    "--pypi-url": ("--index-url", True),
    "--extra-index-url": ("--extra-index-url", True),
    "--no-index": ("--no-index", False),
    "-f": ("--find-links", True),
    "--find-links": ("--find-links", True),
    "--no-binary": ("--no-binary", True),
    "--only-binary": ("--only-binary", True),
    "--prefer-binary": ("--prefer-binary", False),
    "--require-hashes": ("--require-hashes", False),
    "--pre": ("--pre", False),
    "--trusted-host": ("--trusted-host", True),
    "--use-feature": ("--use-feature", True),
}
_INCLUDES = {"-r": False, "--requirement": False, "-c": True, "--constraint": True}
_EDITABLE = ("-e", "--editable")
_OF_ONE = {
    "--hash": True,
    "--config-settings": True,
    "--config-setting": True,
    "--global-option": True,
    "-C": True,
}
_COMMENT = expression(r"(?:^|(?<=\s))#.*$")
_VARIABLE = expression(r"\$\{([A-Z0-9_]+)\}")
_NAMED = expression(r"[A-Za-z0-9][\w.-]*\s*(\[[^\]]*\]\s*)?@")
_ARCHIVE = expression(r"\.(whl|zip|tar(\.\w+)?|t[gbx]z2?|tbz|tlz)$", re.IGNORECASE)
_SCHEME = expression(r"(?:(git|hg|svn|bzr)\+)?([a-z][a-z+.-]*):(?://)?", re.IGNORECASE)


def requirements(path: str, read: Read) -> tuple[Item, ...] | Unread:
    """All items of a file and of what it includes, in order; `read` gets paths as they are to be opened."""
    try:
        return tuple(_Reader(read).items(path, (), is_constraint=False))
    except _FileError as error:
        return Unread(str(error))


class _FileError(Exception):
    """Why a file cannot be read, as a sentence."""


class _Reader:
    def __init__(self, read: Read) -> None:
        self.read = read
        self.files = 0

    def items(self, path: str, above: tuple[str, ...], *, is_constraint: bool) -> Iterator[Item]:
        shown = masked(path)
        if path in above:
            raise _FileError(f"{shown} includes itself")
        self.files += 1
        if len(above) >= DEEPEST or self.files > MOST_FILES:
            raise _FileError(f"{above[0]} includes too many files")
        text = None if "://" in path else self.read(path)
        if text is None:
            by = f", which {above[-1]} includes," if above else ""
            raise _FileError(f"{shown}{by} cannot be read")
        if len(text) > LARGEST:
            raise _FileError(f"{shown} is larger than {LARGEST // 1024**2} MiB")
        for number, logical in _lines(text):
            variables = tuple(dict.fromkeys(_VARIABLE.findall(logical)))
            line = Line(shown, number, _shown(logical[:LONGEST_LINE]), variables, is_constraint)
            if len(logical) > LONGEST_LINE:
                yield Strange(line, "it is too long")
            else:
                yield from self._of_line(line, logical, path, above)

    def _of_line(self, line: Line, text: str, path: str, above: tuple[str, ...]) -> Iterator[Item]:
        first, _, rest = (
            text.replace("=", " ", 1).partition(" ") if text.startswith("--") else text.partition(" ")
        )
        if first not in _INCLUDES and first[:2] in ("-r", "-c") and not first.startswith("--"):
            first, rest = first[:2], f"{first[2:]} {rest}"  # attached
        if first not in _INCLUDES:
            yield from _item(line, text)
            return
        other = _unquoted(rest)
        if other is None or line.variables:
            yield Strange(line, "which file is included is not known")
        elif "://" in other:
            yield Strange(line, "what is at an address is not looked into")
        else:
            is_constraint = line.is_constraint or _INCLUDES[first]
            yield from self.items(_beside(path, other), (*above, path), is_constraint=is_constraint)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Joined where one ends with a backslash, without comments; with each, the number of its first."""
    parts: list[str] = []
    start = 1
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        start = start if parts else number
        is_comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not is_comment:
            parts.append(line[:-1])
            continue
        parts.append(f" {line}" if is_comment else line)
        told = _COMMENT.sub("", "".join(parts)).strip()
        parts = []
        if told:
            yield start, told
    told = _COMMENT.sub("", "".join(parts)).strip()
    if told:
        yield start, told


def _shown(text: str) -> str:
    return masked(text)[:200]


def _unquoted(text: str) -> str | None:
    try:
        found = shlex.split(text.lstrip("="))
    except ValueError:
        return None
    return found[0] if len(found) == 1 else None


def _beside(path: str, other: str) -> str:
    """A path beside the including file, as it is written, without `.` and `..` where they can be left out."""
    folder = path.rpartition("/")[0]
    joined = other if other.startswith("/") or not folder else f"{folder}/{other}"
    parts: list[str] = []
    for part in joined.split("/"):
        if part == ".." and parts and parts[-1] not in ("", ".."):
            parts.pop()
        elif part != "." and (part or not parts):
            parts.append(part)
    return "/".join(parts)


# -- one line


def _item(line: Line, text: str) -> Iterator[Item]:
    if not text.startswith("-"):
        yield _requirement(line, text)
        return
    try:
        tokens = shlex.split(text)
    except ValueError:
        yield Strange(line, "its quotes do not end")
        return
    while tokens:
        token = tokens.pop(0)
        name, equals, given = (
            token.partition("=") if token.startswith("--") else (token[:2], token[2:], token[2:])
        )
        if name in _EDITABLE:
            place = given if equals else " ".join(tokens)
            yield _address(line, place.strip().strip("'\""), (), is_editable=True)
            return
        long, takes = _OPTIONS.get(name, ("", False))
        if not long or (takes and not equals and not tokens) or (equals and not takes):
            yield Strange(line, f"`{_shown(name)}` is not known")
            return
        found = (given if equals else tokens.pop(0)) if takes else ""
        yield FileOption(line, long, _shown(found))


def _requirement(line: Line, text: str) -> Item:
    if line.variables:
        return Strange(line, f"${{{line.variables[0]}}} is not known")
    told = re.split(r"(?<=\s)(?=-)", text, maxsplit=1)
    hashes: list[str] = []
    settings: list[str] = []
    if len(told) > 1:
        for name, given in _own_options(told[1]):
            if name not in _OF_ONE:
                return Strange(line, f"`{_shown(name)}` is not known")
            (hashes if name == "--hash" else settings).append(given)
    if _NAMED.match(told[0]) is None and _is_place(told[0]):
        if settings:
            return Strange(line, "options for building what is at an address")
        return _address(line, told[0], tuple(hashes), is_editable=False)
    return _named(line, told[0], tuple(hashes), tuple(settings))


def _own_options(text: str) -> Iterator[tuple[str, str]]:
    try:
        tokens = shlex.split(text)
    except ValueError:
        tokens = [text]
    while tokens:
        name, equals, given = tokens.pop(0).partition("=")
        yield name, given if equals else (tokens.pop(0) if tokens else "")


def _is_place(text: str) -> bool:
    """An address or a path, and no name: pip's rule, which asks the file system too, taken wide."""
    before = text.partition(";")[0].partition("[")[0].strip()
    return (
        _SCHEME.match(text) is not None
        or before.startswith((".", "/", "~"))
        or ("/" in before and "@" not in before)
        or _ARCHIVE.search(before) is not None
    )


def _named(line: Line, text: str, hashes: tuple[str, ...], settings: tuple[str, ...]) -> Item:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        found = Requirement(text)
    except (InvalidRequirement, RecursionError):
        return Strange(line, "it is no requirement")
    extras = tuple(sorted(normalised(extra) for extra in found.extras))
    name, marker = normalised(found.name), str(found.marker or "")
    if found.url is not None:
        return Address(line, _sourcing(found.url), masked(found.url), name, extras, marker, hashes)
    return Named(line, name, extras, str(found.specifier), marker, hashes, settings)


def _sourcing(place: str) -> Sourcing:
    match = _SCHEME.match(place)
    if match is not None and (match[1] is not None or match[2].lower() in ("git", "hg", "svn", "bzr")):
        return Sourcing.GIT
    if match is not None and match[2].lower() != "file":
        return Sourcing.URL
    return Sourcing.PATH if _ARCHIVE.search(re.split(r"[?#]", place)[0]) else Sourcing.DIRECTORY


def _address(line: Line, text: str, hashes: tuple[str, ...], *, is_editable: bool) -> Item:
    """`address#egg=name[extra] ; marker`, or a path with extras."""
    if line.variables:
        return Strange(line, f"${{{line.variables[0]}}} is not known")
    told = re.split(r"(?<=\s);|;(?=\s)", text, maxsplit=1)
    place, marker = told[0].strip(), told[1].strip() if len(told) > 1 else ""
    if not place or " " in place:
        return Strange(line, "it names no one place")
    egg = re.search(r"[#&]egg=([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?", place)
    name, listed = (egg[1], egg[2]) if egg else (None, None)
    extras = re.fullmatch(r"([^\[\]#]+)\[([^\]]*)\]", place)
    if extras is not None:
        place, listed = extras[1], extras[2]
    if name is None and place.partition("#")[0].endswith(".whl"):
        name = place.rpartition("/")[2].partition("-")[0]
    sourcing = _sourcing(place)
    if is_editable and sourcing is Sourcing.DIRECTORY:
        sourcing = Sourcing.EDITABLE
    return Address(
        line,
        sourcing,
        masked(place),
        normalised(name) if name else None,
        tuple(normalised(extra) for extra in (listed or "").split(",") if extra.strip()),
        marker,
        hashes,
        is_editable,
    )


# -- as a lock

_HARMLESS = ("--require-hashes", "--prefer-binary", "--trusted-host", "--index-url", "--extra-index-url")


def as_lock(path: str, read: Read, *, is_whole: bool = False) -> Lock | Unread:
    """A file of pins as a lock, which tells versions and no names of files.

    All that is required has to be in it: so it is where every pin has a hash (pip then takes nothing else),
    or `is_whole` says that nothing else is installed (`--no-deps`, `uv pip sync`). What else stands there
    makes it none.
    """
    found = requirements(path, read)
    if isinstance(found, Unread):
        return found
    pins: list[Named] = []
    for item in found:
        if isinstance(item, FileOption) and item.option in _HARMLESS:
            continue
        if isinstance(item, Named) and item.line.is_constraint:
            continue
        if not isinstance(item, Named) or item.pinned is None or item.settings:
            return _none(item, "is no pin")
        if not (item.hashes or is_whole):
            return _none(item, "has no hash, so that what it requires may not be named")
        pins.append(item)
    packages = {(pin.name, pin.pinned): LockedPackage(pin.name, pin.pinned) for pin in pins}
    roots = (Root(Dependency(pin.name, pin.marker, pin.extras, pin.pinned)) for pin in pins)
    return Lock(path, "requirements.txt", tuple(packages.values()), tuple(roots))


def _none(item: Item, why: str) -> Unread:
    return Unread(f"`{item.line.text[:60]}` in line {item.line.number} of {item.line.file} {why}")
