"""Java's own files: bytes → notes. Pure and total: whatever the bytes, a note or None, never an exception.

- Jars, wars and ears are zips (JAR file specification), and frameworks put jars into jars. What is noted of
  one is each native library and program in it: where it lies, and for which machine or system it is.
- Archives of class data and AOT caches (HotSpot `cds/filemap.cpp`, `cdsConstants.hpp`: a magic number, and
  the identity of the virtual machine that made them, `… for linux-amd64 JRE …`).
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from xbuild.verify.built import Language, Note
from xbuild.verify.elf import ET_REL, Data, ElfFacts, Unreadable, facts_of, is_elf, open_elf
from xbuild.verify.unpacking import DAMAGE


class ArchiveNote(StrEnum):
    """What a note is of, and after the dash what its values are."""

    NATIVES = "java-natives"
    """The group that it says it is of, then each native as `Native.to_text` has it."""
    UNOPENED = "java-unopened"
    """Why, after the name of the inner archive where it is one."""
    CLASS_DATA = "java-class-data"
    """The architecture of the virtual machine that made it, as HotSpot calls it."""


_MIB = 1 << 20
LARGEST = 256 * _MIB
"""Of an archive, and of one in it."""
_LARGEST_MEMBER = 256 * _MIB
_MOST_READ = 1024 * _MIB
"""Bytes that are unpacked of all that one archive holds."""
_MOST_MEMBERS = 200_000
_MOST_NATIVES = 2_000
_DEEPEST = 3
_HEAD = 64

# Plugins of Jenkins (hpi, jpi) and of NiFi (nar) are jars by another name, with jars in them.
_ARCHIVES = (".jar", ".war", ".ear", ".hpi", ".jpi", ".nar")
_CLASS_DATA = (".jsa", ".aot", ".cds")
_MAGIC = (0xF00BABA2, 0xF00BABA8)
_BEGINNINGS = frozenset(number.to_bytes(4, order) for number in _MAGIC for order in ("little", "big"))
# Behind the architecture: how floating point is called, and the C library unless it is glibc.
_MADE_BY = re.compile(rb" for linux-([a-z0-9]+)(?:-[a-z0-9-]+)? JRE ")
# Endings of what is no native, whatever it is; the rest is looked at.
_TEXT = re.compile(
    r"\.(?:class|java|kt|kotlin_\w+|scala|tasty|groovy|clj\w*|xml|xsd|dtd|properties|json|ya?ml|txt|md|html?|css|js|map|"
    r"mf|sf|rsa|dsa|ec|png|gif|jpe?g|svg|ico|ttf|woff2?|sql|proto|factories|imports|list|index|idx|ftl|vm)$",
    re.IGNORECASE,
)
_GROUP = re.compile(r"META-INF/maven/([^/]+)/[^/]+/pom\.properties")
_MACH_O = (
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
)


_FACTS = (
    "bits",
    "little_endian",
    "type",
    "machine",
    "osabi",
    "flags",
    "arm_arch",
    "arm_hard_float",
    "dynamic",
)
_SWITCHES = ("little_endian", "arm_hard_float", "dynamic")


class Native(NamedTuple):
    """A native library or program: the archive in which it lies (`a.jar!/b.jar`, "" for the outermost), the
    group that this says it is of, its path there, and its facts; None for one of another system.
    """

    archive: str
    group: str
    path: str
    elf: ElfFacts | None

    def to_text(self) -> str:
        """It in one line; `from_text` is the inverse."""
        values = () if self.elf is None else (getattr(self.elf, name) for name in _FACTS)
        facts = " ".join(str(int(value)) if value is not None else "-" for value in values)
        archive, group = (text.replace("\t", " ") for text in (self.archive, self.group))
        return "\t".join((facts, archive, group, self.path))

    @classmethod
    def from_text(cls, text: str) -> Native:
        facts, archive, group, path = text.split("\t", 3)
        if not facts:
            return cls(archive, group, path, None)
        given: dict[str, Any] = {
            name: None if each == "-" else bool(int(each)) if name in _SWITCHES else int(each)
            for name, each in zip(_FACTS, facts.split(" "), strict=True)
        }
        return cls(archive, group, path, ElfFacts(**given))


def wants(path: str) -> int:
    """How many bytes of the file at a path it takes; 0 when it is none of Java's."""
    if path.endswith(_ARCHIVES):
        return LARGEST
    return 4096 if path.endswith(_CLASS_DATA) else 0


def begins(head: bytes, _size: int) -> int:
    """How many bytes it takes of a file that begins so: class data may be called anything."""
    return 4096 if head[:4] in _BEGINNINGS else 0


def note(path: str, data: Data, size: int) -> Note | None:
    """What is noted of one file; `data` are its first bytes."""
    if path.endswith(_CLASS_DATA) or begins(bytes(data[:4]), size):
        return _class_data(bytes(data[:4096]))
    if size > len(data):
        return Note(
            ArchiveNote.UNOPENED, (f"it is larger than {LARGEST // _MIB} MiB, or too much was read before",)
        )
    return _Opening().note(bytes(data))


def _class_data(head: bytes) -> Note | None:
    made_by = _MADE_BY.search(head) if head[:4] in _BEGINNINGS else None
    return Note(ArchiveNote.CLASS_DATA, (made_by[1].decode(),)) if made_by is not None else None


class _StopError(Exception):
    """Why no more is read."""


class _Opening:
    """One archive, and those in it."""

    def __init__(self) -> None:
        self.left = _MOST_READ
        self.natives: list[Native] = []
        self.trouble = ""
        self.group = ""

    def note(self, data: bytes) -> Note | None:
        try:
            self.read(io.BytesIO(data), "", _DEEPEST)
        except _StopError as error:
            self.trouble = self.trouble or str(error)
        if self.natives:
            more = (f"\x00{self.trouble}",) if self.trouble else ()
            return Note(ArchiveNote.NATIVES, (self.group, *(each.to_text() for each in self.natives), *more))
        return Note(ArchiveNote.UNOPENED, (self.trouble,)) if self.trouble else None

    def read(self, file: io.BytesIO, name: str, depth: int) -> None:
        """The natives of one archive, then those of the archives in it."""
        try:
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                if len(members) > _MOST_MEMBERS:
                    raise _StopError(f"{name or 'it'} has {len(members)} members")
                groups = {m[1] for each in members if (m := _GROUP.fullmatch(each.filename)) is not None}
                group = groups.pop() if len(groups) == 1 else ""
                self.group = self.group or ("" if name else group)
                for member in members:
                    self.member(archive, member, name, group, depth)
        except DAMAGE as error:
            self.trouble = (
                self.trouble
                or f"{name + ': ' if name else ''}it cannot be read as an archive ({error})"[:200]
            )

    def member(
        self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, group: str, depth: int
    ) -> None:
        path = member.filename
        if member.is_dir() or not member.file_size or _TEXT.search(path):
            return
        inner = f"{name}!/{path}".removeprefix("!/")
        if path.endswith(_ARCHIVES):
            if depth == 0:
                raise _StopError(f"{inner} lies too deep to be opened")
            self.read(io.BytesIO(self.take(archive, member, LARGEST, inner)), inner, depth - 1)
            return
        with archive.open(member) as source:
            head = source.read(_HEAD)
        if is_elf(head):
            elf = open_elf(self.take(archive, member, _LARGEST_MEMBER, inner))
            facts = None if isinstance(elf, Unreadable) else facts_of(elf)
            if facts is not None and facts.type != ET_REL:
                self.add(Native(name, group, path, facts))
        elif head[:2] == b"MZ" or (head[:4] in _MACH_O and not path.endswith(".class")):
            self.add(Native(name, group, path, None))

    def add(self, native: Native) -> None:
        if len(self.natives) >= _MOST_NATIVES:
            raise _StopError(f"it has more than {_MOST_NATIVES} native files")
        self.natives.append(native)

    def take(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, largest: int, inner: str) -> bytes:
        """The bytes of a member, however many its header says."""
        with archive.open(member) as source:
            data = source.read(min(largest, self.left) + 1)
        if len(data) > min(largest, self.left):
            raise _StopError(f"{inner} is larger than is read of it")
        self.left -= len(data)
        return data


def natives_of(noted: Note) -> Iterator[Native]:
    """What a note of `ArchiveNote.NATIVES` names."""
    return (Native.from_text(text) for text in noted.values[1:] if not text.startswith("\x00"))


LANGUAGE = Language("Java", wants=wants, begins=begins, note=note)
