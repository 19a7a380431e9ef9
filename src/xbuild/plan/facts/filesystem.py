"""What a stage's filesystem holds, as far as it matters: who wrote which path, and is that right for the
target?
"""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from fnmatch import fnmatchcase
from functools import lru_cache, partial
from itertools import islice, takewhile
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
    FIXED = 1  # the same bytes, fetched for one machine by its name: on another they do not run
    CROSS = 2  # compiled for the target by an edited command
    TARGET = 3  # chosen for the target: the same as the unpinned stage would have
    BUILD = 4  # for the build platform, or depends on it
    UNKNOWN = 5  # may be anything

    @property
    def is_right(self) -> bool:
        """Whether an image for the target may hold it."""
        return self <= Kind.TARGET


FOR_ANOTHER = (Kind.FIXED, Kind.CROSS, Kind.TARGET)
"""What may be a program that the build machine does not run."""


def join(kinds: Iterable[Kind]) -> Kind:
    """The kind of what is made from all of these."""
    return max(kinds, default=Kind.PORTABLE)


_MANY_LINKS = 16
_MANY_PLACES = 64


ANY = "*"
"""In `Write.brought`: every name that a file of the build context has."""
EVERY = "**"
"""Every name: what is in a folder is not known."""


@dataclass(frozen=True, slots=True)
class Write:
    """Something written to `path` (a file, or anywhere below a folder); None means anywhere at all.

    `is_file` tells that exactly this file was written, whole and for sure. `is_package`: by a package
    manager, which leaves text such as certificates the same on every platform. `is_context`: it came from
    the build context. `link` is what a symbolic link at `path` holds; "/" if that is not known. `is_static`:
    a program that needs no libraries. `is_empty`: a folder or file with nothing in it; `is_change`: what was
    there is removed, or its mode or owner changed; `adds`: what was in the folder before stays as it was;
    `is_listed`: what is put into it has writes of its own; `is_unseen`: it is a folder whose symbolic links,
    if it has any, are not known. `is_aside`: further files may lie in the folder, made on the build machine,
    and what has a write of its own is none of them, nor are those `spared`. `copy_of` are the places that a
    command copied it from, `brought` names that files of the project may have in what came as a whole: from
    another stage, an archive of the context, a repository. `by` is the instruction that wrote it and, for a
    RUN, the first words of the command. `text` is for readers alone.
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
    is_unseen: bool = False
    is_aside: bool = False
    spared: frozenset[str] = frozenset()
    copy_of: tuple[str, ...] = ()
    brought: frozenset[str] = frozenset()
    by: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        """Where a symbolic link leads; "/" if that cannot be told."""
        return _target(self.path or "/", self.link or "/")


@lru_cache(maxsize=4096)
def _target(path: str, link: str) -> str:
    """`..` behind a name leads out of what that name is a link to."""
    names = [part for part in link.split("/") if part not in ("", ".")]
    ups = len(list(takewhile(lambda name: name == "..", names)))
    if ".." in names[ups:]:
        return "/"
    return absolute(link, posixpath.dirname(path)) or "/"


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

# In these no name is that of the machine (as `/lib64` and `/usr/bin/x86_64` are).
SAME_NAMES = ("/root", "/usr/src", *(f"/var/{f}" for f in ("cache", "lib/apt/lists", "log", "tmp")))

_OTHER_FOLDERS = ("/dev", "/home", "/mnt", "/proc", "/run", "/srv", "/sys", "/tmp")

# Symbolic links in the base images of most distributions.
BASE_LINKS = (
    *((f"/{f}", f"usr/{f}") for f in ("bin", "sbin", "lib", "lib32", "lib64")),
    ("/var/lock", "/run/lock"),
    ("/var/run", "/run"),
)

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
    """`made`, and where it lands or is seen as well, through symbolic links.

    Links that cannot be looked at are taken to lead nowhere out of the folder that they came with: what is
    wrong for the target, and lands in there, may land anywhere in there.
    """
    links = [writes[n] for n in writes.links(made.path)]
    if made.is_package:  # told by all names that links of the base image give
        links = [w for w in links if not w.is_empty]
    is_told = made.kind.is_right or made.is_package
    if not links and (is_told or not writes.unseen(made.path)):
        return (made,)
    is_behind = any(_is_below(made.path or "/", w.path or "/") and not w.is_empty for w in links)
    found = [(replace(made, is_file=False) if is_behind else made, -1)]
    for one, by in found:
        numbers = [n for n in writes.links(one.path) if n != by]
        more = [(n, *landed) for n in numbers for landed in _through(writes[n], one)]
        more += [(n, writes[n].path, None) for n in (() if is_told else writes.unseen(one.path))]
        for number, path, link in more:
            if not any(_covers(other, path, link) for other, _ in found):
                found.append((replace(made, path=path, link=link, is_file=False), number))
        if len(found) > _MANY_LINKS:
            return made, replace(made, path=None, is_file=False, link=None)
    return tuple(write for write, _ in found)


def _through(link: Write, made: Write) -> Iterator[tuple[str | None, str | None]]:
    """Where it is as well, and what link that is: what is written behind a link lands at its target; what is
    written there is seen at the link; and a folder written over another may go through any link in it.
    """
    path, target = link.path or "/", link.target
    if made.path is None or (made.path == path and made.link is not None):
        return
    if is_within(made.path, path):
        yield target + made.path[len(path) :] if target != "/" else None, made.link
    elif target != "/" and is_within(made.path, target) and not is_within(path, target):
        yield path + made.path[len(target) :], None
    elif overlaps(made.path, target):
        yield path, None
    if _is_below(path, made.path) and _goes_below(made):
        yield target if target != "/" else None, None


def _goes_below(made: Write) -> bool:
    """Whether a write to a folder may follow links in it: what COPY finds in its way it replaces."""
    is_run = made.by[:1] not in (("COPY",), ("ADD",))
    return is_run and made.link is None and not (made.is_file or made.is_change or made.is_empty)


def _covers(made: Write, path: str | None, link: str | None) -> bool:
    """Whether a write of the same command tells all that one to `path` would tell."""
    if made.path == path:
        return link is None or made.link == link
    if made.path is None or path is None:
        return made.path is None
    return link is None and not made.is_file and is_within(path, made.path)


def reached(writes: Writes, path: str, *, follows: bool) -> Iterator[str | None]:
    """Where what is read at `path` may lie: there, behind symbolic links on the way to it and, if the reader
    `follows` them, behind those below it. None is anywhere.
    """
    pending = [path.rstrip("/") or "/"]
    for here in pending:
        yield here
        for where in _led(writes, here, follows=follows):
            if where is None or len(pending) > _MANY_PLACES:
                yield None
                return
            if where not in pending:
                pending.append(where)


def resolved(writes: Writes, path: str) -> str | None:
    """Where `path` leads through symbolic links on the way; None if that cannot be told."""
    for _ in range(_MANY_LINKS):
        found = {*_led(writes, path, follows=False)}
        if not found:
            return path
        where = found.pop()
        if where is None or found:
            return None
        path = where
    return None


def seen_from(writes: Writes, path: str, directory: str | None) -> str | None:
    """`path` as a program in `directory` sees it: `..` leads out of what a symbolic link leads to."""
    found = absolute(path, directory)
    if ".." not in path.split("/") or found is None:
        return found
    here: str | None = "/"
    for name in posixpath.join(directory or "/", path).split("/"):
        if name == ".." and here is not None:
            here = posixpath.dirname(resolved(writes, here) or "")
        elif name not in ("", "."):
            here = posixpath.join(here or "", name)
    return here if (here or "").startswith("/") else None


def _led(writes: Writes, path: str, *, follows: bool) -> Iterator[str | None]:
    """One step of that. A file written whole since is no link any more, or what the link led to."""
    numbers = writes.links_around(path, follows=follows)
    start = _overwritten(writes, path) if numbers else 0
    for link in (writes[n] for n in numbers if n >= start):
        if is_within(path, link.path or "/"):
            yield link.target + path[len(link.path or "/") :] if link.target != "/" else None
        elif link.target == "/":
            yield None
        elif not is_within(link.target, path) and _is_there(writes, link.target):
            yield link.target


@dataclass(frozen=True, slots=True)
class Links:
    """The symbolic links in a folder: by path below it, what they hold; and whether these are all."""

    held: tuple[tuple[str, str], ...] = ()
    are_all: bool = True


def links_taken(writes: Writes, path: str | None, *, kept: int = 0) -> Links:
    """The symbolic links that a COPY of `path` brings, by path below its destination. Of a pattern the last
    `kept` names stay.
    """
    plain = without_glob(path) if path is not None else "/"
    places = tuple(reached(writes, plain, follows=plain != path) if path is not None else (None,))
    found: list[tuple[str, str]] = []
    for place in (p for p in places if p is not None):
        for link in (writes[n] for n in writes.links_around(place, follows=True)):
            names = (link.path or "/")[len(place) :].strip("/").split("/")
            # A pattern stands for as many names as it has.
            depth = len(ancestors(path or "/")) - len(ancestors(plain)) - kept if place == plain else 0
            if _is_below(link.path or "/", place) and names[depth:]:
                found.append(("/".join(names[depth:]), link.link or "/"))
    return Links(tuple(found), all(p is not None and not writes.unseen(p, below=True) for p in places))


def _is_there(writes: Writes, path: str) -> bool:
    """Whether anything may stand at `path`: in a plain base image nothing does outside its folders."""
    own = (*BASE_FOLDERS, *writes.image.own_folders)
    return not writes.image.is_plain or any(overlaps(path, f) for f in own) or writes.touch(path)


def _is_below(path: str, folder: str) -> bool:
    return is_within(path, folder) and path != folder


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
    """The first write that keeps `path` from being right for the target, or the base image's content.

    It is asked for what a COPY takes: links in a folder stay links, and those that a pattern names do not.
    """
    plain = without_glob(path)
    places = reached(writes, plain, follows=plain != path)
    found = (_offender(writes, place, path if place == plain else "") for place in places)
    return next((made for made in found if made is not None), None) or left_aside(writes, plain)


def left_aside(writes: Writes, path: str) -> Write | None:
    """What may have left files of the build machine in what is taken as a folder, or as something that no
    command is known to have made.
    """
    found = (w for w in writes.where(_is_aside) if w.path is not None and overlaps(w.path, path))
    made = next((w for w in found if not _is_spared(writes, w, path)), None)
    return replace(made, kind=Kind.BUILD) if made is not None else None


def _is_aside(made: Write) -> bool:
    return made.is_aside


def _is_spared(writes: Writes, aside: Write, path: str) -> bool:
    folder = aside.path or "/"
    if is_within(folder, path):
        return False
    return path in aside.spared or any(
        _makes(made, path, folder)
        for made in writes.where(_is_told)
        if made.path is not None and overlaps(made.path, path)
    )


def _is_told(made: Write) -> bool:
    return not (made.is_aside or made.is_empty or made.is_change or made.is_package)


def _makes(made: Write, path: str, folder: str) -> bool:
    """Whether this is what stands at `path`, and no more than that, as far as `folder` goes."""
    if made.is_context:
        return made.path == path and made.is_file
    if is_within(made.path or "/", path):
        return True
    return made.kind is Kind.CROSS and is_within(made.path or "/", folder)


def _offender(writes: Writes, path: str | None, pattern: str = "") -> Write | None:
    if path is None:
        return Write(None, Kind.UNKNOWN, Place(0), "a symbolic link")
    overwritten = _overwritten(writes, path)
    is_portable = is_any(path, _PORTABLE)
    number = _first_wrong(writes, path, max(overwritten, 0), pattern, packages=not is_portable)
    if number is not None:
        return writes[number]
    if overwritten < 0 and not is_portable and _has_base_content(writes, path):
        return Write(path, Kind.BUILD, Place(0), "the base image")
    return None


def _first_wrong(
    writes: Writes,
    path: str,
    start: int,
    pattern: str,
    kinds: Sequence[Kind] | None = None,
    *,
    packages: bool,
) -> int | None:
    """The number of the first write that is not right, of those that a pattern takes, if there is one."""
    while True:
        number = first(writes.near(path, kinds or _WRONG, packages=packages), start)
        if number is None:
            return None
        made = writes[number]
        is_named = made.is_listed and pattern != "" and _is_named_in(writes, made, pattern)
        if not is_named and not _is_beside(made.path, path, pattern):
            return number
        start = number + 1


def _is_named_in(writes: Writes, folder: Write, pattern: str) -> bool:
    """Whether a pattern, whose last name is written out, stands for nothing but programs for the target in a
    folder that a compiler fills, and whose programs have writes of their own.
    """
    name = posixpath.basename(pattern)
    if not folder.is_listed or folder.adds or folder.path is None or not name or _GLOB.search(name):
        return False
    if "**" in pattern or not is_within(without_glob(pattern), folder.path):
        return False
    named = (w.path or "" for w in writes.called(name) if w.is_file and w.kind in (Kind.CROSS, Kind.TARGET))
    return any(_stands_for(pattern, path) for path in named)


def _stands_for(pattern: str, path: str) -> bool:
    names, parts = pattern.split("/"), path.split("/")
    return len(names) == len(parts) and all(map(fnmatchcase, parts, names))


def _is_beside(made: str | None, folder: str, pattern: str) -> bool:
    """Whether what was written below a folder is none of what a pattern in it stands for, in which no `*`
    stands for a slash (Dockerfile reference, "COPY"). `**` is an ARG, which may have one.
    """
    if made is None or pattern in ("", folder) or "**" in pattern or any(c in pattern for c in "[\\"):
        return False
    if not _is_below(made, folder):
        return False
    names, parts = (p[len(folder) :].strip("/").split("/") for p in (pattern, made))
    return any(not fnmatchcase(part, name) for part, name in zip(parts, names, strict=False))


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


def kind_of(
    writes: Writes,
    path: str | None,
    *,
    is_name: bool = False,
    keeps_links: bool = False,
    is_taken: bool = False,
    is_pattern: bool = False,
) -> Kind:
    """The kind of what stands at `path`; an unknown path may be anything that was written or was there
    before. `is_name` asks for the names alone, which a plain base image has alike for every platform in
    most folders; `keeps_links` for what is taken with symbolic links in it left as they are; `is_taken`
    for what a COPY takes: that too, and of a pattern no more than it stands for. `is_pattern` tells that
    a path is one as it stands in a script, with nothing filled in: of that no more counts either.
    """
    if path is None:
        return Kind.UNKNOWN
    plain = without_glob(path)
    pattern = path if is_taken or is_pattern else ""
    if is_name:
        return _kind_at(writes, plain, pattern, is_name=True)
    places = reached(writes, plain, follows=not (keeps_links or is_taken) or plain != path)
    if is_taken and left_aside(writes, plain) is not None:
        return join((Kind.BUILD, kind_of(writes, path, keeps_links=True)))
    return join(
        Kind.UNKNOWN if place is None else _kind_at(writes, place, pattern if place == plain else "")
        for place in places
    )


def holds_fixed(writes: Writes, path: str | None) -> bool:
    """Whether what stands at `path` may be a program for one machine alone, whatever else it is."""
    plain = without_glob(path) if path is not None else "/"
    start = max(_overwritten(writes, plain), 0)
    return first(writes.named(plain, (Kind.FIXED,)), start) is not None


def _kind_at(writes: Writes, path: str, pattern: str = "", *, is_name: bool = False) -> Kind:
    overwritten = _overwritten(writes, path)
    start = max(overwritten, 0)
    is_portable = is_any(path, _PORTABLE)
    wrong = partial(_first_wrong, writes, path, start, pattern, packages=not is_portable)
    if wrong() is not None:
        return Kind.UNKNOWN if wrong((Kind.UNKNOWN,)) is not None else Kind.BUILD
    if is_portable:
        return Kind.PORTABLE
    is_alike = is_name and writes.image.is_plain and _has_same_names(path)
    if overwritten < 0 and not is_alike and _has_base_content(writes, path):
        return Kind.BUILD
    right = (k for k in _KINDS if k.is_right and first(writes.named(path, (k,)), start) is not None)
    return next(right, Kind.PORTABLE)


def _has_same_names(path: str) -> bool:
    """Whether a base image has files of the same names in a folder for every platform, if it has any."""
    return is_any(path, _SAME_NAMES) or not (path == "/" or is_any(path, _OWN_NAMES))


_KINDS = tuple(sorted(Kind, reverse=True))
_WRONG = tuple(kind for kind in _KINDS if not kind.is_right)
_BASE, _TOOLS, _PORTABLE = frozenset(BASE_FOLDERS), frozenset(TOOL_FOLDERS), frozenset(PORTABLE_PATHS)
_OWN_NAMES, _SAME_NAMES = frozenset((*BASE_FOLDERS, "/dev", "/proc", "/sys")), frozenset(SAME_NAMES)
_FOLDERS = frozenset(a for f in (*TOOL_FOLDERS, *BASE_FOLDERS, *_OTHER_FOLDERS) for a in ancestors(f))


class _Log:
    """Writes from number `start` on; those before it are those of `below`, up to there."""

    __slots__ = (
        "below",
        "by_kind",
        "by_name",
        "links",
        "made",
        "parts",
        "selected",
        "start",
        "targets",
        "unseen",
    )

    def __init__(self, below: _Log | None, start: int) -> None:
        self.below, self.start = below, start
        self.made: list[Write] = []
        self.by_kind: dict[tuple[Kind, bool], PathIndex] = {}
        self.by_name: dict[str, list[int]] = {}
        self.parts, self.links, self.targets, self.unseen = (PathIndex() for _ in range(4))
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
            self.targets.add(made.target, number)
        if made.is_unseen:
            self.unseen.add(made.path, number)

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
        """Numbers of the symbolic links that lead from or to `path`, or stand below it."""
        if path is None:
            return []
        to = self._numbers((i.targets.overlapping(path), stop) for i, stop in self._logs() if i.links.at)
        return sorted(to.union(self.links_around(path, follows=True)))

    def links_around(self, path: str, *, follows: bool) -> list[int]:
        """Numbers of the symbolic links on the way to `path` and, with `follows`, below it."""
        logs = ((log.links, stop) for log, stop in self._logs() if log.links.at)
        return sorted(
            self._numbers((i.overlapping(path) if follows else i.covering(path), stop) for i, stop in logs)
        )

    def unseen(self, path: str | None, *, below: bool = False) -> list[int]:
        """Numbers of the writes around `path`, or `below` it, whose symbolic links are not known."""
        if path is None:
            return []
        logs = [(log.unseen, stop) for log, stop in self._logs()]
        around = self._numbers((i.overlapping(path) if below else i.covering(path), stop) for i, stop in logs)
        return sorted(around.union(self._numbers(((i.anywhere,), stop) for i, stop in logs)))

    @staticmethod
    def _numbers(found: Iterable[tuple[Iterable[Sequence[int]], int]]) -> set[int]:
        return {n for lists, stop in found for positions in lists for n in _until(positions, stop)}

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
