"""What may differ in Java's archives between two builds of one Dockerfile: when their members were written.

Member by member all else is compared, that of archives in archives too.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import IO

from xbuild.verify.excuses import Aspect, Excuse, Version

_DEEPEST = 4
_LARGEST = 512 << 20
"""Bytes of all members, unpacked."""
_ARCHIVES = (".jar", ".war", ".ear", ".zip")
_DATED = re.compile(rb"(?m)^#[^\n]*\n")
"""Comments of a file of properties (java.util.Properties.store): the time is one of them."""


class ArchiveError(ValueError):
    """Not an archive, or one that is not looked into."""


def same_members(left: Version, right: Version) -> str | None:
    """APPNOTE 4.4.6: each member has a time; their order is that of the folder in which they lay."""
    try:
        return _difference(left.data, right.data, 0)
    except ArchiveError as error:
        return str(error)


def _difference(left: bytes, right: bytes, depth: int) -> str | None:
    one, two = _opened(left), _opened(right)
    names = [_names(archive) for archive in (one, two)]
    for name in sorted(names[0] ^ names[1]):
        return f"{name} is in one of them alone"
    if _size(one) > _LARGEST or _size(two) > _LARGEST:
        raise ArchiveError(f"more than {_LARGEST >> 20} MiB when unpacked")
    for name in sorted(names[0]):
        found = _member_difference(name, _content(one, name), _content(two, name), depth)
        if found is not None:
            return found
    return None


def _member_difference(name: str, left: bytes, right: bytes, depth: int) -> str | None:
    if left == right:
        return None
    if name.endswith(_ARCHIVES) and depth < _DEEPEST:
        inner = _difference(left, right, depth + 1)
        return None if inner is None else f"{name}!/{inner}"
    is_dated = name.endswith((".properties", "META-INF/MANIFEST.MF")) and b"#" in left[:1] + right[:1]
    if is_dated and _DATED.sub(b"", left) == _DATED.sub(b"", right):
        return None
    return f"{name} differs"


def _opened(data: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise ArchiveError(f"not an archive on both sides: {error}") from None


def _names(archive: zipfile.ZipFile) -> frozenset[str]:
    names = archive.namelist()
    if len(set(names)) != len(names):
        raise ArchiveError("two members of one name")
    return frozenset(names)


def _size(archive: zipfile.ZipFile) -> int:
    return sum(member.file_size for member in archive.infolist())


def _content(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        with archive.open(name) as member:
            return b"".join(_pieces(member))
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ArchiveError(f"{name} cannot be read: {error}") from None


def _pieces(member: IO[bytes]) -> Iterator[bytes]:
    left = _LARGEST
    while piece := member.read(1 << 20):
        left -= len(piece)
        if left < 0:
            raise ArchiveError("larger than it says")
        yield piece


EXCUSES: tuple[Excuse, ...] = tuple(
    Excuse(
        f"/**/*{ending}",
        Aspect.CONTENT,
        "times and order of the members of an archive",
        "APPNOTE 4.4.6; two builds of the same text differ there as well, and in the time that a file of"
        " properties begins with; every member is compared, also of archives in archives",
        same_members,
    )
    for ending in (".jar", ".war", ".ear")
)
