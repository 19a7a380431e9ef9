"""What a stage's filesystem holds, as far as it matters: who wrote which path, and is that right for the
target?
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from xbuild.plan.model import Place


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
    no libraries.
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


# Where packages and tools live: a Go build reads nothing of this (cgo is looked at by itself).
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
    "/usr/local/go",
    "/etc",
    "/var",
    "/root/.cache",
    "/root/.local",
    "/root/.npm",
    "/root/.config",
)

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

_OTHER_FOLDERS = ("/dev", "/go/bin", "/go/src", "/home", "/mnt", "/proc", "/run", "/srv", "/sys", "/tmp")

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
    "/usr/local/go/lib/time",
    "/usr/local/share/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/share/zoneinfo",
)


def is_within(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or below it."""
    return path.startswith((folder + "/").replace("//", "/")) or path == (folder.rstrip("/") or "/")


def through_links(writes: Sequence[Write], made: Write) -> tuple[Write, ...]:
    """`made`, and where it lands as well when its path leads through symbolic links."""
    found = [made]
    for link in writes:
        if link.link is not None and link.path is not None:
            found += [n for one in found if (n := _through(link.path, link.link, one)) is not None]
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


def absolute(path: str, directory: str | None) -> str | None:
    """`path` made absolute and clean, or None when `directory` is needed and not known."""
    if not path.startswith("/"):
        if directory is None:
            return None
        path = posixpath.join(directory, path)
    clean = posixpath.normpath(path)
    return "/" + clean.lstrip("/")


def without_glob(path: str) -> str:
    """The folder in which a pattern looks, or the path itself when it is none."""
    parts = path.split("/")
    for at, part in enumerate(parts):
        if any(c in part for c in "*?["):
            return "/".join(parts[:at]) or "/"
    return path


def offenders(
    writes: Sequence[Write], path: str, empty_base: Sequence[str] = (), *, is_base_plain: bool = True
) -> tuple[Write, ...]:
    """The writes that keep `path` from being right for the target, and the base image's content as one of
    them.

    `empty_base` names folders that the base image leaves empty; `is_base_plain` tells that it has nothing
    of its own outside the folders of a distribution.
    """
    path = without_glob(path)
    overwritten = _overwritten(writes, path)
    seen = [w for w in writes[max(overwritten, 0) :] if w.path is None or overlaps(w.path, path)]
    if any(is_within(path, p) for p in PORTABLE_PATHS):
        return tuple(w for w in seen if not w.kind.is_right and not w.is_package)
    bad = tuple(w for w in seen if not w.kind.is_right)
    if overwritten < 0 and _has_base_content(path, seen, empty_base, is_base_plain):
        bad = (*bad, Write(path, Kind.BUILD, Place(0), "the base image"))
    return bad


def _overwritten(writes: Sequence[Write], path: str) -> int:
    """Index of the last write that left nothing of what was at `path` before, or -1.

    A path that was ever a folder may get a file inside it by what looks like a write to itself.
    """
    if any(w.path is not None and w.path != path and is_within(w.path, path) for w in writes):
        return -1
    found = -1
    for number, made in enumerate(writes):
        if made.path != path:
            continue
        if not made.is_file:
            return -1
        found = number
    return found


def may_be_folder(writes: Sequence[Write], path: str, kind: Kind = Kind.PORTABLE) -> bool:
    """Whether `path` may be a folder with something wrong in it, so that `cp FILE path` leaves that there.

    `kind` is that of the file, which stays there too when another comes.
    """
    if any(is_within(folder, path) for folder in (*TOOL_FOLDERS, *BASE_FOLDERS, *_OTHER_FOLDERS)):
        return True
    wrong = (w for w in writes if not w.kind.is_right)
    if kind.is_right and not any(w.path is None or overlaps(w.path, path) for w in wrong):
        return False
    for made in reversed(writes):
        if made.path == path:
            return not made.is_file
        if not made.is_package and (made.path is None or is_within(path, made.path)):
            return True
    return False


def _has_base_content(
    path: str, seen: Sequence[Write], empty_base: Sequence[str], is_base_plain: bool
) -> bool:
    if is_in_any(path, empty_base):
        return False
    known = [w.path for w in seen if w.path is not None]
    if path == "/" or is_in_any(path, BASE_FOLDERS):
        outside = (*BASE_FOLDERS, "/")
        return not any(
            is_within(path, p) and p not in outside and not is_in_any(p, TOOL_FOLDERS) for p in known
        )
    if not is_base_plain:
        return True
    return not known


def kind_of(writes: Sequence[Write], path: str | None, empty_base: Sequence[str] = ()) -> Kind:
    """The kind of what stands at `path`; an unknown path may be anything that was written or was there
    before.
    """
    if path is None:
        return Kind.UNKNOWN
    bad = offenders(writes, path, empty_base)
    if bad:
        return join(w.kind for w in bad)
    path = without_glob(path)
    if any(is_within(path, p) for p in PORTABLE_PATHS):
        return Kind.PORTABLE
    return join(w.kind for w in writes if w.path is not None and overlaps(w.path, path))
