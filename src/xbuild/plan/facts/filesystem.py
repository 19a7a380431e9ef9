"""What a stage's filesystem holds, as far as it matters: who wrote which path, and is that right for the
target?
"""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import overload

from xbuild.plan.facts.images import Image
from xbuild.plan.facts.positions import Found, PathIndex, ancestors, first, last
from xbuild.plan.model import Place
from xbuild.text import expression


class Kind(IntEnum):
    """How content made in a pinned stage compares with what the same stage makes on the target platform.

    The order is that of trust; what is made from several things is of the greatest kind among them.
    """

    PORTABLE = 0  # the same bytes on every platform
    CROSS = 1  # compiled for the target by an edited command
    TARGET = 2  # chosen for the target: the same as the unpinned stage would have
    BUILD = 3  # for the build platform, or depends on it
    UNKNOWN = 4  # may be anything

    @property
    def is_right(self) -> bool:
        """Whether an image for the target may hold it."""
        return self <= Kind.TARGET


def join(kinds: Iterable[Kind]) -> Kind:
    """The kind of what is made from all of these."""
    return max(kinds, default=Kind.PORTABLE)


_MANY_LINKS = 16


@dataclass(frozen=True, slots=True)
class Write:
    """Something written to `path` (a file, or anywhere below a folder); None means anywhere at all.

    `is_file` tells that exactly this file was written, whole and for sure. `is_package`: by a package
    manager, which leaves text such as certificates the same on every platform. `is_context`: it came from
    the build context. `link` is what a symbolic link at `path` points to. `is_static`: a program that needs
    no libraries. `is_empty`: a folder or file with nothing in it; `is_change`: what was there is removed, or
    its mode or owner changed; `adds`: what was in the folder before stays as it was;
    `is_listed`: what is put into it has writes of its own. `by` is the instruction
    that wrote it and, for a RUN, the first words of the command. `text` is for readers alone.
    """

    path: str | None
    kind: Kind
    place: Place
    text: str
    is_file: bool = False
    is_package: bool = False
    is_context: bool = False
    link: str | None = None
    is_static: bool = False
    is_empty: bool = False
    is_change: bool = False
    adds: bool = False
    is_listed: bool = False
    by: tuple[str, ...] = ()


# Where packages and tools live: what compilers read of it they are known to read.
TOOL_FOLDERS = (
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/include",
    "/usr/share",
    "/usr/games",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/local/lib",
    "/usr/local/include",
    "/usr/local/share",
    "/usr/local/etc",
    "/etc",
    "/var",
    "/root/.cache",
    "/root/.local",
    "/root/.npm",
    "/root/.config",
)

# Where programs lie, and nothing that a compiler reads.
PROGRAM_FOLDERS = tuple(f for f in TOOL_FOLDERS if f.endswith("bin"))

# What a package manager writes.
PACKAGE_FOLDERS = (
    *(f for f in TOOL_FOLDERS if not f.startswith(("/root", "/usr/local", "/var"))),
    *(
        f"/var/{f}"
        for f in ("backups", "cache", "lib", "local", "log", "mail", "opt", "run", "spool", "tmp", "www")
    ),
)

# Folders in which a base image has content of its own (Filesystem Hierarchy Standard 3.0, section 3).
BASE_FOLDERS = (
    "/bin",
    "/boot",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libexec",
    "/opt",
    "/root",
    "/sbin",
    "/usr",
    "/var",
)

_OTHER_FOLDERS = ("/dev", "/home", "/mnt", "/proc", "/run", "/srv", "/sys", "/tmp")

# The same on every platform in every distribution: text and data tables.
PORTABLE_PATHS = (
    "/etc/ca-certificates",
    "/etc/ca-certificates.conf",
    "/etc/group",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/pki",
    "/etc/protocols",
    "/etc/services",
    "/etc/shadow",
    "/etc/ssl",
    "/etc/timezone",
    "/usr/lib/os-release",
    "/usr/local/share/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/share/zoneinfo",
)


def is_within(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or below it."""
    return path.startswith((folder + "/").replace("//", "/")) or path == (folder.rstrip("/") or "/")


def through_links(writes: Writes, made: Write) -> tuple[Write, ...]:
    """`made`, and where it lands as well when its path leads through symbolic links."""
    found = [made]
    pending = writes.links(made.path)
    seen = set(pending)
    heapify(pending)
    while pending:
        number = heappop(pending)
        link = writes[number]
        more = [n for one in found if (n := _through(link.path or "/", link.link or "/", one)) is not None]
        for position in (p for one in more for p in writes.links(one.path)):
            if position > number and position not in seen:
                seen.add(position)
                heappush(pending, position)
        found += more
        if len(found) > _MANY_LINKS:
            return (replace(made, path=None),)
    return tuple(found)


def _through(path: str, target: str, made: Write) -> Write | None:
    """What is written behind a link lands at its target; what is written there is seen at the link."""
    if made.path is None or (made.path == path and made.link is not None):
        return None
    if is_within(made.path, path):
        where = target + made.path[len(path) :] if target != "/" else None
        return replace(made, path=where, is_file=False, link=None)
    if overlaps(made.path, target):
        return replace(made, path=path, is_file=False, link=None)
    return None


def overlaps(one: str, other: str) -> bool:
    return is_within(one, other) or is_within(other, one)


def is_in_any(path: str, folders: Iterable[str]) -> bool:
    return any(is_within(path, folder) for folder in folders)


def is_any(path: str, folders: Collection[str]) -> bool:
    """The same for a set of folders, however many."""
    return any(folder in folders for folder in ancestors(path))


def absolute(path: str, directory: str | None) -> str | None:
    """`path` made absolute and clean, or None when `directory` is needed and not known."""
    if not path.startswith("/"):
        if directory is None:
            return None
        path = posixpath.join(directory, path)
    clean = posixpath.normpath(path)
    return "/" + clean.lstrip("/")


_GLOB = expression(r"[*?[]")


def without_glob(path: str) -> str:
    """The folder in which a pattern looks, or the path itself when it is none."""
    glob = _GLOB.search(path)
    return path if glob is None else path[: glob.start()].rpartition("/")[0] or "/"


def offender(writes: Writes, path: str) -> Write | None:
    """The first write that keeps `path` from being right for the target, or the base image's content."""
    path = without_glob(path)
    overwritten = _overwritten(writes, path)
    is_portable = is_any(path, _PORTABLE)
    number = first(writes.near(path, _WRONG, packages=not is_portable), max(overwritten, 0))
    if number is not None:
        return writes[number]
    if overwritten < 0 and not is_portable and _has_base_content(writes, path):
        return Write(path, Kind.BUILD, Place(0), "the base image")
    return None


def _overwritten(writes: Writes, path: str) -> int:
    """Index of the last write that left nothing of what was at `path` before, or -1.

    A path that was ever a folder may get a file inside it by what looks like a write to itself.
    """
    if first(writes.inside(path)) is not None or first(writes.parts(path)) is not None:
        return -1
    return last(writes.at(path))


def may_be_folder(writes: Writes, path: str, kind: Kind = Kind.PORTABLE) -> bool:
    """Whether `path` may be a folder with something wrong in it, so that `cp FILE path` leaves that there.

    `kind` is that of the file, which stays there too when another comes.
    """
    if ancestors(path)[0] in _FOLDERS or any(is_within(f, path) for f in writes.image.own_folders):
        return True
    if kind.is_right and first(writes.near(path, _WRONG)) is None:
        return False
    own = last(writes.at(path))
    if last(writes.around(path, packages=False)) > own:
        return True
    return own >= 0 and not writes[own].is_file


def _has_base_content(writes: Writes, path: str) -> bool:
    """Whether what the base image brings may stand at `path`: anywhere, if nothing is known of the image."""
    if is_in_any(path, writes.image.same_folders) or writes.image.has_no(path):
        return False
    if not writes.image.is_plain:
        return True
    if path == "/" or is_any(path, _BASE):
        own = frozenset((*_TOOLS, *writes.image.own_folders))
        if is_any(path, own) or any(is_within(folder, path) for folder in own):
            return True
        made = (p for p in ancestors(path) if p != "/" and p not in _BASE and not is_any(p, own))
        return all(first(writes.at(p)) is None for p in made)
    return not writes.touch(path)


def kind_of(writes: Writes, path: str | None, *, is_name: bool = False) -> Kind:
    """The kind of what stands at `path`; an unknown path may be anything that was written or was there
    before. `is_name` asks for the names alone, which a plain base image has alike for every platform.
    """
    if path is None:
        return Kind.UNKNOWN
    path = without_glob(path)
    overwritten = _overwritten(writes, path)
    start = max(overwritten, 0)
    is_portable = is_any(path, _PORTABLE)
    if first(writes.near(path, _WRONG, packages=not is_portable), start) is not None:
        is_unknown = first(writes.near(path, (Kind.UNKNOWN,), packages=not is_portable), start) is not None
        return Kind.UNKNOWN if is_unknown else Kind.BUILD
    if is_portable:
        return Kind.PORTABLE
    is_alike = is_name and writes.image.is_plain
    if overwritten < 0 and not is_alike and _has_base_content(writes, path):
        return Kind.BUILD
    right = (k for k in _KINDS if k.is_right and first(writes.named(path, (k,)), start) is not None)
    return next(right, Kind.PORTABLE)


_KINDS = tuple(sorted(Kind, reverse=True))
_WRONG = tuple(kind for kind in _KINDS if not kind.is_right)
_BASE, _TOOLS, _PORTABLE = frozenset(BASE_FOLDERS), frozenset(TOOL_FOLDERS), frozenset(PORTABLE_PATHS)
_FOLDERS = frozenset(a for f in (*TOOL_FOLDERS, *BASE_FOLDERS, *_OTHER_FOLDERS) for a in ancestors(f))


class _Log:
    """Writes from number `start` on; those before it are those of `below`, up to there."""

    __slots__ = ("below", "by_kind", "by_name", "links", "made", "parts", "selected", "start", "targets")

    def __init__(self, below: _Log | None, start: int) -> None:
        self.below, self.start = below, start
        self.made: list[Write] = []
        self.by_kind: dict[tuple[Kind, bool], PathIndex] = {}
        self.by_name: dict[str, list[int]] = {}
        self.parts, self.links, self.targets = PathIndex(), PathIndex(), PathIndex()
        self.selected: dict[Callable[[Write], bool], tuple[int, list[int]]] = {}

    @property
    def stop(self) -> int:
        return self.start + len(self.made)

    def add(self, made: Write) -> None:
        number = self.stop
        self.made.append(made)
        self.by_kind.setdefault((made.kind, made.is_package), PathIndex()).add(made.path, number)
        if made.path is not None:
            self.by_name.setdefault(posixpath.basename(made.path), []).append(number)
        if not made.is_file:
            self.parts.add(made.path, number)
        if made.link is not None and made.path is not None:
            self.links.add(made.path, number)
            self.targets.add(made.link, number)

    def select(self, test: Callable[[Write], bool]) -> list[int]:
        """The numbers of the writes that pass; each write is looked at once."""
        done, found = self.selected.get(test, (self.start, []))
        found += [n for n, w in enumerate(self.made[done - self.start :], done) if test(w)]
        self.selected[test] = (self.stop, found)
        return found


class Writes(Sequence[Write]):
    """What was written so far over a base image, in order: a list that only grows, and tells by path what
    is in it.

    A `snapshot` costs nothing, whoever writes on: it shares what is there.
    """

    __slots__ = ("_length", "_log", "image")

    def __init__(self, image: Image, made: Iterable[Write] = ()) -> None:
        self.image = image
        self._log, self._length = _Log(None, 0), 0
        self.extend(made)

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, at: int) -> Write: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Write]: ...
    def __getitem__(self, at: int | slice) -> Write | Sequence[Write]:
        if isinstance(at, slice):
            return [self[n] for n in range(*at.indices(self._length))]
        number = at if at >= 0 else at + self._length
        if not 0 <= number < self._length:
            raise IndexError(at)
        return next(log.made[number - log.start] for log, _ in self._logs() if number >= log.start)

    def __iter__(self) -> Iterator[Write]:
        for log, stop in reversed(tuple(self._logs())):
            yield from islice(log.made, stop - log.start)

    def __iadd__(self, made: Iterable[Write]) -> Writes:
        self.extend(made)
        return self

    def append(self, made: Write) -> None:
        if self._log.stop != self._length:
            self._log = _Log(self._log, self._length)
        self._log.add(made)
        self._length += 1

    def extend(self, made: Iterable[Write]) -> None:
        for one in made:
            self.append(one)

    def snapshot(self) -> Writes:
        """The same writes; the first of the two that is written to goes on where it is."""
        found = Writes(self.image)
        found._log, found._length = self._log, self._length
        return found

    def fork(self) -> Writes:
        """The same writes, for more that this one will not have."""
        found = self.snapshot()
        found._log = _Log(self._log, self._length)
        return found

    def _logs(self) -> Iterator[tuple[_Log, int]]:
        """The newest first, each with the number at which to stop."""
        log: _Log | None = self._log
        stop = self._length
        while log is not None:
            yield log, stop
            stop = log.start
            log = log.below

    def where(self, test: Callable[[Write], bool]) -> tuple[Write, ...]:
        """Those that pass a test; one that is asked for again and again should be a function of a module."""
        return tuple(self[n] for n in self.numbers(test))

    def numbers(self, test: Callable[[Write], bool]) -> list[int]:
        """The numbers of those that `where` gives."""
        logs = reversed(tuple(self._logs()))
        return [n for log, stop in logs for n in _until(log.select(test), stop)]

    def links(self, path: str | None) -> list[int]:
        """Numbers of the symbolic links that lead from or to `path`."""
        if path is None:
            return []
        found = [(p, stop) for log, stop in self._logs() for p in log.links.covering(path)]
        found += [(p, stop) for log, stop in self._logs() for p in log.targets.overlapping(path)]
        return list({n for positions, stop in found for n in _until(positions, stop)})

    def exactly(self, path: str) -> list[Write]:
        """Those at `path` itself."""
        return self._made(self.at(path))

    def called(self, name: str) -> list[Write]:
        """Those at paths whose last part is `name`."""
        return self._made((log.by_name.get(name, ()), stop) for log, stop in self._logs())

    def covering(self, path: str, start: int = 0) -> list[Write]:
        """Those from number `start` on at `path`, at a folder around it, or anywhere."""
        return self._made(self.around(path, packages=True), start)

    def _made(self, found: Iterable[Found], start: int = 0) -> list[Write]:
        lists = (_until(positions, stop)[bisect_left(positions, start) :] for positions, stop in found)
        return [self[number] for number in sorted({n for numbers in lists for n in numbers})]

    def reach(self, path: str) -> bool:
        """Whether something was written at, above or below `path`, or anywhere."""
        return first(self.near(path, _KINDS)) is not None

    def touch(self, path: str) -> bool:
        """Whether something was written at, above or below `path` by name."""
        return first(self.named(path)) is not None

    # -- numbers, for `first` and `last`

    def at(self, path: str) -> Iterator[Found]:
        key = ancestors(path)[0]
        return ((i.at[key], stop) for i, stop in self._indexes() if key in i.at)

    def parts(self, path: str) -> Iterator[Found]:
        """At `path` exactly, but perhaps not whole, or not for sure."""
        key = ancestors(path)[0]
        return ((log.parts.at[key], stop) for log, stop in self._logs() if key in log.parts.at)

    def inside(self, path: str) -> Iterator[Found]:
        return ((p, stop) for i, stop in self._indexes() for p in i.inside(path))

    def around(self, path: str, *, packages: bool) -> Iterator[Found]:
        """At `path`, at a folder around it, or anywhere."""
        for index, stop in self._indexes(packages=packages):
            yield index.anywhere, stop
            for positions in index.covering(path):
                yield positions, stop

    def named(self, path: str, kinds: Sequence[Kind] = _KINDS) -> Iterator[Found]:
        """At `path`, at a folder around it or below it, of these kinds."""
        return ((p, stop) for i, stop in self._indexes(kinds) for p in i.overlapping(path))

    def near(self, path: str, kinds: Sequence[Kind], *, packages: bool = True) -> Iterator[Found]:
        """The same, and anywhere."""
        for index, stop in self._indexes(kinds, packages=packages):
            yield index.anywhere, stop
            for positions in index.overlapping(path):
                yield positions, stop

    def _indexes(
        self, kinds: Sequence[Kind] = _KINDS, *, packages: bool = True
    ) -> Iterator[tuple[PathIndex, int]]:
        for log, stop in self._logs():
            for (kind, is_package), index in log.by_kind.items():
                if kind in kinds and (packages or not is_package):
                    yield index, stop


def _until(positions: Sequence[int], stop: int) -> Sequence[int]:
    """Ascending positions below `stop`."""
    return positions if not positions or positions[-1] < stop else positions[: bisect_left(positions, stop)]
