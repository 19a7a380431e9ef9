"""ELF bytes → facts: machine, class, byte order, ABI flags, interpreter, needed libraries.

Pure and total: whatever the bytes, the answer is `ElfFacts` or `Unreadable`, never an exception. Layouts
follow the System V gABI (ELF header, program headers, dynamic section), the psABI supplements named at each
constant, and "Addenda to, and Errata in, the ABI for the Arm Architecture" for `.ARM.attributes`.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from xbuild.platforms import MACHINES

MAGIC = b"\x7fELF"

Data = bytes | bytearray | memoryview | mmap.mmap
"""What can be sliced; a large file comes as a memory map."""

# e_type (gABI)
ET_REL, ET_EXEC, ET_DYN, ET_CORE = 1, 2, 3, 4

# p_type, p_flags (gABI; PT_GNU_PROPERTY: Linux ABI extensions)
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE = 1, 2, 3, 4
PT_GNU_PROPERTY = 0x6474E553
PF_X, PF_W = 1, 2

# sh_type (gABI; ARM ELF supplement)
SHT_NOBITS = 8
SHT_ARM_ATTRIBUTES = 0x70000003

# d_tag (gABI)
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_STRSZ = 0, 1, 5, 10
_DT_SONAME, _DT_RPATH, _DT_RUNPATH = 14, 15, 29

# d_tag (Linux Standard Base, "Symbol Versioning"), with the layouts of Elfxx_Verneed and Elfxx_Vernaux,
# which are the same for both classes
_DT_VERNEED, _DT_VERNEEDNUM = 0x6FFFFFFE, 0x6FFFFFFF
_VERNEED, _VERNAUX = "HHIII", "IHHII"

# e_machine whose attributes are read below
_EM_ARM = MACHINES["arm"].number
_EM_X86 = (MACHINES["386"].number, MACHINES["amd64"].number)

# Linux Extensions to gABI: NT_GNU_PROPERTY_TYPE_0 and GNU_PROPERTY_X86_ISA_1_NEEDED
_NT_GNU_PROPERTY = 5
_X86_ISA_NEEDED = 0xC0008002

# Bounds against hostile files: no real file comes near them.
_MAX_HEADERS = 4096
_MAX_DYNAMIC = 8192
_MAX_VERSIONS = 4096
_MAX_STRING = 4096
_MAX_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An ELF file that breaks off, or contradicts itself, before its machine is known."""

    reason: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One program header."""

    type: int
    flags: int
    offset: int
    address: int
    file_size: int


@dataclass(frozen=True, slots=True)
class Section:
    """One section header; `name` is an offset in the table of names."""

    name: int
    type: int
    address: int
    offset: int
    size: int
    flags: int = 0


@dataclass(frozen=True, slots=True)
class ElfFacts:
    """What one ELF file says about itself."""

    bits: int
    little_endian: bool
    type: int
    machine: int
    osabi: int
    flags: int
    interpreter: str | None = None
    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    soname: str | None = None
    versions: tuple[str, ...] = ()
    """Versions of symbols that it wants, `libc.so.6 GLIBC_2.34`, sorted."""
    dynamic: bool = False
    arm_arch: int | None = None
    """`Tag_CPU_arch` of `.ARM.attributes`: 4 is v5TE, 6 v6, 10 v7, 14 v8."""
    arm_hard_float: bool | None = None
    """From `Tag_ABI_VFP_args` (1: VFP registers), else from e_flags; None when neither says."""
    x86_level: int = 0
    """x86-64-vN that the file needs by its GNU property note; 0 when it has none."""
    problem: str | None = None
    """What could not be read beyond the header."""


@dataclass(frozen=True)
class ElfFile:
    """The header of an ELF file, its segments and its sections."""

    data: Data
    bits: int
    little_endian: bool
    type: int
    machine: int
    osabi: int
    flags: int
    segments: tuple[Segment, ...]
    sections: tuple[Section, ...]
    names: bytes
    """The names of the sections."""
    problem: str | None = None

    @property
    def order(self) -> str:
        """Byte order mark for `struct`."""
        return "<" if self.little_endian else ">"

    def read(self, offset: int, size: int) -> bytes:
        """At most `size` bytes of the file from `offset`."""
        if offset < 0 or size <= 0:
            return b""
        return bytes(self.data[offset : offset + size])

    def section(self, name: str) -> Section | None:
        """The section of a name that has bytes in the file."""
        at = self.names.find(name.encode() + b"\0")
        return next((s for s in self.sections if s.name == at and s.type != SHT_NOBITS), None)

    def offset_of(self, address: int) -> int | None:
        """File offset of a virtual address, through the loaded segments."""
        for segment in self.segments:
            if segment.type == PT_LOAD and 0 <= address - segment.address < segment.file_size:
                return segment.offset + address - segment.address
        return None


def is_elf(head: bytes) -> bool:
    """Whether a file that begins with `head` is an ELF file."""
    return head[:4] == MAGIC


def open_elf(data: Data) -> ElfFile | Unreadable:
    """The headers of an ELF file; sections and segments beyond the end of the file are left out."""
    ident = bytes(data[:16])
    if not is_elf(ident):
        return Unreadable("no ELF magic")
    if len(ident) < 16:
        return Unreadable("the ELF header breaks off")
    if ident[4] not in (1, 2) or ident[5] not in (1, 2):
        return Unreadable(f"class {ident[4]}, byte order {ident[5]}: neither is defined")
    wide, order = ident[4] == 2, "<" if ident[5] == 1 else ">"
    layout = struct.Struct(order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"))
    raw = bytes(data[16 : 16 + layout.size])
    if len(raw) < layout.size:
        return Unreadable("the ELF header breaks off")
    (kind, machine, _, _, phoff, shoff, flags, _, phsize, phnum, shsize, shnum, names) = layout.unpack(raw)
    problems: list[str] = []
    segments = tuple(_segments(data, wide, order, phoff, phsize, phnum, problems))
    sections, names_of_sections = _sections(data, wide, order, (shoff, shsize, shnum, names), problems)
    return ElfFile(
        data,
        64 if wide else 32,
        order == "<",
        kind,
        machine,
        ident[7],
        flags,
        segments,
        sections,
        names_of_sections,
        problems[0] if problems else None,
    )


def _segments(
    data: Data, wide: bool, order: str, offset: int, size: int, count: int, problems: list[str]
) -> Iterator[Segment]:
    layout = struct.Struct(order + ("IIQQQQQQ" if wide else "IIIIIIII"))
    if count and size < layout.size:
        problems.append("program headers of an impossible size")
        return
    for index in range(min(count, _MAX_HEADERS)):
        raw = bytes(data[offset + index * size : offset + index * size + layout.size])
        if len(raw) < layout.size:
            problems.append("the program headers break off")
            return
        if wide:
            kind, flags, at, address, _, file_size, _, _ = layout.unpack(raw)
        else:
            kind, at, address, _, file_size, _, flags, _ = layout.unpack(raw)
        yield Segment(kind, flags, at, address, file_size)


def _sections(
    data: Data, wide: bool, order: str, table: tuple[int, int, int, int], problems: list[str]
) -> tuple[tuple[Section, ...], bytes]:
    offset, size, count, names_index = table
    layout = struct.Struct(order + ("IIQQQQ" if wide else "IIIIII"))
    whole = 64 if wide else 40
    if not offset or not count:
        return (), b""
    if size < whole:
        problems.append("section headers of an impossible size")
        return (), b""
    # Some tools leave a table that lies outside the file (UPX); the kernel does not read section headers.
    raw = bytes(data[offset : offset + size * min(count, _MAX_HEADERS)])
    rows = [layout.unpack_from(raw, start) for start in range(0, len(raw) - whole + 1, size)]
    sections = tuple(
        Section(name, kind, address, at, length, flags) for name, kind, flags, address, at, length in rows
    )
    if names_index >= len(sections):
        return sections, b""
    named = sections[names_index]
    return sections, bytes(data[named.offset : named.offset + min(named.size, _MAX_BLOCK)])


def _string(table: bytes, offset: int) -> str:
    end = table.find(b"\0", offset, offset + _MAX_STRING)
    if end < 0:
        end = min(len(table), offset + _MAX_STRING)
    return table[offset:end].decode("utf-8", "surrogateescape")


def facts_of(elf: ElfFile) -> ElfFacts:
    """The facts of an opened ELF file."""
    linked = _linking(elf)
    arch, hard_float = _arm(elf)
    return ElfFacts(
        bits=elf.bits,
        little_endian=elf.little_endian,
        type=elf.type,
        machine=elf.machine,
        osabi=elf.osabi,
        flags=elf.flags,
        interpreter=_interpreter(elf),
        needed=linked.needed,
        rpath=linked.rpath,
        runpath=linked.runpath,
        soname=linked.soname,
        versions=linked.versions,
        dynamic=linked.present,
        arm_arch=arch,
        arm_hard_float=hard_float,
        x86_level=_x86_level(elf),
        problem=elf.problem or linked.problem,
    )


def _interpreter(elf: ElfFile) -> str | None:
    for segment in elf.segments:
        if segment.type == PT_INTERP:
            raw = elf.read(segment.offset, min(segment.file_size, _MAX_STRING))
            return raw.split(b"\0", 1)[0].decode("utf-8", "surrogateescape") or None
    return None


@dataclass(frozen=True, slots=True)
class _Linking:
    """The dynamic section: what the file wants linked."""

    present: bool = False
    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    soname: str | None = None
    versions: tuple[str, ...] = ()
    problem: str | None = None


def _linking(elf: ElfFile) -> _Linking:
    segment = next((s for s in elf.segments if s.type == PT_DYNAMIC), None)
    if segment is None:
        return _Linking()
    layout = struct.Struct(elf.order + ("QQ" if elf.bits == 64 else "II"))
    raw = elf.read(segment.offset, min(segment.file_size, _MAX_DYNAMIC * layout.size))
    raw = raw[: len(raw) - len(raw) % layout.size]
    entries: list[tuple[int, int]] = []
    for tag, value in layout.iter_unpack(raw):
        if tag == _DT_NULL:
            break
        entries.append((tag, value))
    values = dict(entries)
    start = elf.offset_of(values[_DT_STRTAB]) if _DT_STRTAB in values else None
    if start is None:
        problem = "the dynamic section has no string table" if entries else None
        return _Linking(present=True, problem=problem)
    size = min(values.get(_DT_STRSZ, _MAX_BLOCK), 64 * _MAX_BLOCK)

    def text(offset: int) -> str:
        room = min(_MAX_STRING, size - offset)
        return _string(elf.read(start + offset, room), 0) if 0 <= offset < size else ""

    def paths(tag: int) -> tuple[str, ...]:
        found = text(values[tag]) if tag in values else ""
        return tuple(part for part in found.split(":") if part)

    needed = tuple(name for tag, value in entries if tag == _DT_NEEDED and (name := text(value)))
    soname = text(values[_DT_SONAME]) or None if _DT_SONAME in values else None
    versions = _versions(elf, values.get(_DT_VERNEED, 0), values.get(_DT_VERNEEDNUM, 0), text)
    return _Linking(True, needed, paths(_DT_RPATH), paths(_DT_RUNPATH), soname, tuple(sorted(versions)))


def _versions(elf: ElfFile, address: int, count: int, text: Callable[[int], str]) -> Iterator[str]:
    """Library and version of each entry; a chain that leaves the file ends there."""
    at = elf.offset_of(address) if address else None
    left = _MAX_VERSIONS
    for _ in range(min(count, _MAX_VERSIONS)):
        if at is None or (head := _unpacked(elf, _VERNEED, at)) is None:
            return
        _, entries, file, aux, following = head
        name, entry = text(file), at + aux
        for _ in range(min(entries, left)):
            if (version := _unpacked(elf, _VERNAUX, entry)) is None:
                return
            yield f"{name} {text(version[3])}"
            entry += version[4]
        left -= min(entries, left)
        at += following


def _unpacked(elf: ElfFile, form: str, at: int) -> tuple[int, ...] | None:
    layout = struct.Struct(elf.order + form)
    raw = elf.read(at, layout.size)
    return layout.unpack(raw) if len(raw) == layout.size else None


def _x86_level(elf: ElfFile) -> int:
    """Highest bit of GNU_PROPERTY_X86_ISA_1_NEEDED (x86-64 psABI: 0 baseline, 1 v2, 2 v3, 3 v4), from 1."""
    if elf.machine not in _EM_X86:
        return 0
    for segment in elf.segments:
        if segment.type in (PT_NOTE, PT_GNU_PROPERTY):
            block = elf.read(segment.offset, min(segment.file_size, _MAX_BLOCK))
            for level in _property_levels(elf, block):
                return level
    return 0


def _property_levels(elf: ElfFile, block: bytes) -> Iterator[int]:
    align = 8 if elf.bits == 64 else 4
    at = 0
    while at + 12 <= len(block):
        name_size, size, kind = struct.unpack_from(elf.order + "III", block, at)
        name = block[at + 12 : at + 12 + name_size]
        start = at + 12 + (name_size + 3 & ~3)
        if kind == _NT_GNU_PROPERTY and name == b"GNU\0":
            yield from _isa_needed(elf.order, block[start : start + size], align)
            at = start + (size + align - 1 & ~(align - 1))
        else:
            at = start + (size + 3 & ~3)


def _isa_needed(order: str, properties: bytes, align: int) -> Iterator[int]:
    at = 0
    while at + 8 <= len(properties):
        kind, size = struct.unpack_from(order + "II", properties, at)
        if kind == _X86_ISA_NEEDED and size >= 4 and at + 12 <= len(properties):
            (bits,) = struct.unpack_from(order + "I", properties, at + 8)
            yield (bits & 0xF).bit_length()
        at += 8 + (size + align - 1 & ~(align - 1))


# ARM ELF supplement: EF_ARM_ABI_FLOAT_SOFT, EF_ARM_ABI_FLOAT_HARD (EABI version 5)
_EF_ARM_SOFT, _EF_ARM_HARD = 0x200, 0x400
_TAG_CPU_ARCH, _TAG_VFP_ARGS = 6, 28


def _arm(elf: ElfFile) -> tuple[int | None, bool | None]:
    """`Tag_CPU_arch` and whether floats are passed in VFP registers."""
    if elf.machine != _EM_ARM:
        return None, None
    tags: dict[int, int] = {}
    for section in elf.sections:
        if section.type == SHT_ARM_ATTRIBUTES:
            tags = _attributes(elf.order, elf.read(section.offset, min(section.size, _MAX_BLOCK)))
    hard: bool | None = None
    if elf.flags & _EF_ARM_HARD:
        hard = True
    elif elf.flags & _EF_ARM_SOFT:
        hard = False
    elif elf.flags >> 24 == 5 and _TAG_VFP_ARGS in tags:
        hard = tags[_TAG_VFP_ARGS] == 1
    return tags.get(_TAG_CPU_ARCH), hard


def _attributes(order: str, block: bytes) -> dict[int, int]:
    """Numeric file-scope tags of the `aeabi` vendor in a build attributes section."""
    tags: dict[int, int] = {}
    if block[:1] != b"A":
        return tags
    at = 1
    while at + 4 <= len(block):
        (size,) = struct.unpack_from(order + "I", block, at)
        if size < 4:
            break
        vendor, _, body = block[at + 4 : at + size].partition(b"\0")
        if vendor == b"aeabi":
            for tag, value in _subsections(order, body):
                tags.setdefault(tag, value)
        at += size
    return tags


def _subsections(order: str, body: bytes) -> Iterator[tuple[int, int]]:
    at = 0
    while at + 5 <= len(body):
        (size,) = struct.unpack_from(order + "I", body, at + 1)
        if size < 5:
            return
        if body[at] == 1:  # Tag_File; sections and symbols of their own do not matter here
            yield from _tags(body[at + 5 : at + size])
        at += size


def _tags(block: bytes) -> Iterator[tuple[int, int]]:
    at = 0
    while at < len(block):
        tag, at = _uleb128(block, at)
        if tag == 32:  # Tag_compatibility: a number and a string
            _, at = _uleb128(block, at)
            at = _after_string(block, at)
        elif tag in (4, 5) or (tag > 32 and tag % 2):
            at = _after_string(block, at)
        else:
            value, at = _uleb128(block, at)
            yield tag, value


def _after_string(block: bytes, at: int) -> int:
    end = block.find(b"\0", at)
    return len(block) if end < 0 else end + 1


def _uleb128(block: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(block) and shift < 64:
        byte = block[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return value, at
