"""Files that hold files: what is compressed, archives, compressed sections of ELF files.

A format is a row: how its files begin, and a function that hands out what they hold, one after the other.
What comes next is read only when the one before was, and from a stream: only formats whose table of contents
stands elsewhere (zip, ELF) are held, in memory or, when large, in a temporary file.

Formats: RFC 1952 (gzip), RFC 8878 (zstd), "The .xz File Format" 1.2.1, PKWARE APPNOTE 6.3.10 (zip; wheels and
jars are zips), ar(5) of the GNU C library's manual pages and deb(5) (a deb is an ar), System V gABI, "Section
compression".
"""

from __future__ import annotations

import bz2
import io
import lzma
import mmap
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, NamedTuple, Protocol

from xbuild.errors import ImageError
from xbuild.verify.blobs import Readable, decompressed
from xbuild.verify.elf import Data, ElfFile, Section, open_elf
from xbuild.verify.tar import Stream, TarReader

_READ = 1 << 18
_BLOCK = 1 << 20
_IN_MEMORY = 64 << 20
_LARGEST = 4 << 30
"""What is held at most of a file whose table of contents stands at its end."""
_DECODER_MEMORY = 256 << 20
"""Enough for `xz -9` (65 MiB), and for what zstd takes without being asked for more (128 MiB)."""

HEAD = 512
"""As many bytes of a file tell its format."""

_AR_HEADER = 60
_MOST_SECTIONS = 4096  # what `elf` reads of them
_SHF_COMPRESSED = 0x800
_CH_ZLIB, _CH_ZSTD = 1, 2

DAMAGE = (
    ImageError, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, zipfile.BadZipFile, RuntimeError,
    struct.error,
)  # fmt: skip
"""What reading a file that is damaged, encrypted or in an unknown variant raises (zipfile: also RuntimeError,
and its subclass NotImplementedError)."""


class Inner(NamedTuple):
    """Something held by a file: its name there, its bytes, what else is said of it (links, attributes)."""

    name: str
    source: Readable
    texts: tuple[str, ...] = ()


class Format(NamedTuple):
    """A kind of file that holds others; nobody here opens those without `open`."""

    name: str
    open: Callable[[Readable], Iterator[Inner]] | None


class Blocks:
    """Bytes that come in blocks (an empty one is the end), read in pieces of any size."""

    def __init__(self, block: Callable[[], bytes]) -> None:
        self._block = block
        self._rest = memoryview(b"")

    def read(self, size: int = -1, /) -> bytes:
        if not self._rest:
            self._rest = memoryview(self._block())
        size = len(self._rest) if size < 0 else size
        found, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return found


class _Slice:
    """A range of data in memory, or in a memory map."""

    def __init__(self, data: Data, start: int, size: int) -> None:
        self._data, self._at = data, start
        self._end = min(start + size, len(data))

    def read(self, size: int = -1, /) -> bytes:
        until = self._end if size < 0 else min(self._at + size, self._end)
        found = bytes(self._data[self._at : until])
        self._at = max(until, self._at)
        return found


class _Current:
    """The content of a tar's current member."""

    def __init__(self, reader: TarReader) -> None:
        self._reader = reader

    def read(self, size: int = -1, /) -> bytes:
        return self._reader.content(_BLOCK if size < 0 else size)


class _Decoder(Protocol):
    """What `bz2` and `lzma` give."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def _decoded(source: Readable, make: Callable[[], _Decoder]) -> Iterator[bytes]:
    """The uncompressed blocks of one compressed stream or several; zeros between them are padding."""
    data = source.read(_READ)
    while data:
        decoder = make()
        while not decoder.eof:
            more = b""
            if decoder.needs_input:
                more, data = data or source.read(_READ), b""
                if not more:
                    raise EOFError("it breaks off")
            found = decoder.decompress(more, _BLOCK)
            if found:
                yield found
        data = decoder.unused_data.lstrip(b"\0")
        while not data and (more := source.read(_READ)):
            data = more.lstrip(b"\0")


def _from(blocks: Iterator[bytes]) -> Readable:
    return Blocks(lambda: next(blocks, b""))


def _open_gzip(source: Readable) -> Iterator[Inner]:
    yield Inner("(gzip)", Blocks(decompressed(source, "")))


def _open_zstd(source: Readable) -> Iterator[Inner]:
    yield Inner("(zstd)", Blocks(decompressed(source, "")))


def _open_xz(source: Readable) -> Iterator[Inner]:
    blocks = _decoded(source, lambda: lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=_DECODER_MEMORY))
    yield Inner("(xz)", _from(blocks))


def _open_bzip2(source: Readable) -> Iterator[Inner]:
    yield Inner("(bzip2)", _from(_decoded(source, bz2.BZ2Decompressor)))


def _open_tar(source: Readable) -> Iterator[Inner]:
    reader = TarReader(Stream(lambda: source.read(_BLOCK), ""))
    for member in reader:
        texts = (member.link, *(f"{key}={value}" for key, value in reader.records.items()))
        yield Inner(member.name, _Current(reader), texts)


def _open_ar(source: Readable) -> Iterator[Inner]:
    """Names of more than 15 characters stand in a member `//` (GNU), or before the content (BSD)."""
    stream = Stream(lambda: source.read(_BLOCK), "")
    stream.take(8)
    names = b""
    while header := stream.take_up_to(_AR_HEADER):
        if len(header) < _AR_HEADER or header[58:60] != b"`\n":
            raise ValueError("no ar header where one should be")
        size, name = int(header[48:58]), header[:16].rstrip(b" ")
        end = stream.position + size
        if name == b"//":
            names = stream.take(min(size, _BLOCK))
        elif name.startswith(b"#1/"):
            name = stream.take(min(int(name[3:]), size, _BLOCK)).rstrip(b"\0")
        elif name[:1] == b"/" and name[1:].isdigit():
            name = names[int(name[1:]) :].split(b"\n", 1)[0]
        yield Inner(_text(name.removesuffix(b"/")), Blocks(_up_to(stream, end)))
        stream.skip(end - stream.position)
        stream.take_up_to(size % 2)


def _up_to(stream: Stream, end: int) -> Callable[[], bytes]:
    return lambda: stream.take(min(_BLOCK, end - stream.position))


@dataclass(frozen=True)
class _Held:
    """A whole file, to be read anywhere: `file` and `data` are the same bytes."""

    file: IO[bytes]
    data: Data


@contextmanager
def _held(source: Readable) -> Iterator[_Held]:
    memory = io.BytesIO()
    while memory.tell() < _IN_MEMORY and (block := source.read(_BLOCK)):
        memory.write(block)
    if memory.tell() < _IN_MEMORY:
        yield _Held(memory, memory.getvalue())
        return
    with tempfile.TemporaryFile(prefix="xbuild-") as file:
        file.write(memory.getbuffer())
        memory.close()
        while file.tell() <= _LARGEST and (block := source.read(_BLOCK)):
            file.write(block)
        if file.tell() > _LARGEST:
            raise ValueError(f"it is larger than {_LARGEST >> 30} GiB")
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield _Held(file, data)


def _open_zip(source: Readable) -> Iterator[Inner]:
    with _held(source) as held:
        yield from _zip_members(held)


def _zip_members(held: _Held) -> Iterator[Inner]:
    with zipfile.ZipFile(held.file) as archive:
        for info in archive.infolist():
            texts = (_text(info.comment), _text(info.extra))
            if info.is_dir():
                yield Inner(info.filename, io.BytesIO(), texts)
                continue
            with archive.open(info) as member:
                yield Inner(info.filename, member, texts)


def _open_program(source: Readable) -> Iterator[Inner]:
    """A program may have compressed sections, and a zip behind it (Python's `zipapp`, self-extracting)."""
    with _held(source) as held:
        elf = open_elf(held.data)
        if isinstance(elf, ElfFile):
            yield from _sections(elf)
        if zipfile.is_zipfile(held.file):
            yield from _zip_members(held)


def _sections(elf: ElfFile) -> Iterator[Inner]:
    at = 60 if elf.bits == 64 else 48
    count = int.from_bytes(elf.read(at, 2), "little" if elf.little_endian else "big")
    if count > _MOST_SECTIONS or (not count and elf.sections):
        raise ValueError(f"it has {count or 'more than 65279'} sections")
    for section in elf.sections:
        name = _text(elf.names[section.name : section.name + 100].split(b"\0", 1)[0])
        content = _section(elf, section, name)
        if content is not None:
            yield Inner(f"section {name}", content)


def _section(elf: ElfFile, section: Section, name: str) -> Readable | None:
    """What a compressed section holds (`.zdebug_*`: as GNU tools wrote them before the gABI had any)."""
    if section.flags & _SHF_COMPRESSED:
        layout = struct.Struct(elf.order + ("IIQQ" if elf.bits == 64 else "III"))
        kind = layout.unpack(elf.read(section.offset, layout.size))[0]
        stored = _Slice(elf.data, section.offset + layout.size, section.size - layout.size)
        if kind == _CH_ZSTD:
            return Blocks(decompressed(stored, ""))
        if kind != _CH_ZLIB:
            raise ValueError(f"{name} is compressed in a way {kind} that is not known here")
        return _from(_inflated(stored))
    if name.startswith(".zdebug_") and elf.read(section.offset, 4) == b"ZLIB":
        return _from(_inflated(_Slice(elf.data, section.offset + 12, section.size - 12)))
    return None


def _inflated(source: Readable) -> Iterator[bytes]:
    decoder = zlib.decompressobj()
    while not decoder.eof:
        data = decoder.unconsumed_tail or source.read(_READ)
        if not data:
            raise EOFError("it breaks off")
        found = decoder.decompress(data, _BLOCK)
        if found:
            yield found


def is_damage(error: BaseException) -> bool:
    """Whether a file is to blame, and not the machine that reads it."""
    return isinstance(error, DAMAGE) and getattr(error, "errno", None) is None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


_PROGRAM = Format("program", _open_program)
_FORMATS: tuple[tuple[bytes, Format], ...] = (
    (b"\x1f\x8b\x08", Format("gzip", _open_gzip)),
    (b"\xfd7zXZ\x00", Format("xz", _open_xz)),
    (b"BZh", Format("bzip2", _open_bzip2)),
    (b"\x28\xb5\x2f\xfd", Format("zstd", _open_zstd)),
    *((bytes([0x50 + n, 0x2A, 0x4D, 0x18]), Format("zstd", _open_zstd)) for n in range(16)),
    (b"PK\x03\x04", Format("zip", _open_zip)),
    (b"!<arch>\n", Format("ar", _open_ar)),
    (b"\x7fELF", _PROGRAM),
    (b"#!", _PROGRAM),
    (b"MZ", _PROGRAM),
    # Known, and opened by nothing in the standard library.
    (b"7z\xbc\xaf\x27\x1c", Format("7z", None)),
    (b"\x04\x22\x4d\x18", Format("lz4", None)),
    (b"LZIP\x01", Format("lzip", None)),
    (b"\xed\xab\xee\xdb", Format("rpm", None)),
    (b"hsqs", Format("squashfs", None)),
    (b"070701", Format("cpio", None)),
    (b"\x1f\x9d\x90", Format("compress", None)),
)
_BEGINNINGS = tuple(magic for magic, _ in _FORMATS)
_TAR = Format("tar", _open_tar)
_LZMA = Format("lzma", _open_xz)


def format_of(head: bytes) -> Format | None:
    """The format of the file that begins so, if it is one that holds others."""
    if head.startswith(_BEGINNINGS):
        found = next(row for magic, row in _FORMATS if head.startswith(magic))
        is_other = found.name == "bzip2" and head[4:10] not in (b"1AY&SY", b"\x17rE8P\x90")
        return None if is_other else found
    if head[257:262] == b"ustar":
        return _TAR
    # The form before xz has no magic: properties, size of the dictionary, size (mostly unknown).
    return _LZMA if head[:3] == b"\x5d\0\0" and head[5:13] == b"\xff" * 8 else None
