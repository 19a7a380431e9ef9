"""A tar stream, read once from front to back: one member at a time, contents only where they are asked for.

The standard library's `tarfile` spends more time per member than zlib does on its bytes; layers of tens of
thousands of small files need less. Formats: POSIX ustar and pax (IEEE Std 1003.1, `pax`), GNU long names and
sparse files (GNU tar manual, "Basic Tar Format"). Anything else is an ImageError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from xbuild.errors import ImageError

BLOCK = 512
_CHECKSUM_AT = slice(148, 156)
_MAX_EXTENSION = 8 << 20
"""Pax records and long names above this are hostile: real ones stay below some KB (xattrs: 64 KB each)."""

_MAX_SEGMENTS = 1 << 19
"""Parts of a sparse file; as many fit into a pax record of the greatest size."""

_SPARSE_SEGMENTS = ("GNU.sparse.offset", "GNU.sparse.numbytes")

_ATTRIBUTE = "SCHILY.xattr."
_DEVICES = (b"3", b"4")

_KINDS = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "char",
    b"4": "block",
    b"5": "dir",
    b"6": "fifo",
    b"S": "file",
}


class Member(NamedTuple):
    """One member of a tar: `name` as written; `size` bytes of content, of a sparse file with its holes."""

    name: str
    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    link: str
    sparse: bool = False


class Details(NamedTuple):
    """What else a tar says of a member; `mtime` in seconds, `device` as major and minor number."""

    mtime: int
    device: tuple[int, int]
    attributes: tuple[tuple[str, str], ...]
    """Extended attributes, sorted: pax records `SCHILY.xattr.NAME` (containerd `archive/tar.go`)."""


class Stream:
    """Bytes that come in blocks from `read_block` (an empty block is the end), taken or skipped in order."""

    def __init__(self, read_block: Callable[[], bytes], name: str) -> None:
        self._read_block = read_block
        self._block = b""
        self._at = 0
        self.name = name
        self.position = 0

    def take(self, size: int) -> bytes:
        """Exactly `size` bytes; ImageError when the stream ends before."""
        found = self.take_up_to(size)
        if len(found) < size:
            raise ImageError(f"the tar breaks off at byte {self.position}", file=self.name)
        return found

    def take_up_to(self, size: int) -> bytes:
        """`size` bytes, fewer only at the end of the stream."""
        end = self._at + size
        if end <= len(self._block):
            found = self._block[self._at : end]
            self._at = end
            self.position += size
            return found
        parts = [self._block[self._at :]]
        missing = size - len(parts[0])
        while missing and self._fill():
            parts.append(self._block[:missing])
            self._at = len(parts[-1])
            missing -= self._at
        found = b"".join(parts)
        self.position += len(found)
        return found

    def skip(self, size: int) -> None:
        """Pass over `size` bytes; ImageError when the stream ends before."""
        self.position += size
        while self._at + size > len(self._block):
            size -= len(self._block) - self._at
            if not self._fill():
                raise ImageError(
                    f"the tar breaks off {size} bytes before byte {self.position}", file=self.name
                )
        self._at += size

    def drain(self) -> None:
        """Read what is left, so that digests cover the whole stream."""
        while self._fill():
            self.position += len(self._block)

    def _fill(self) -> bool:
        self._block = self._read_block()
        self._at = 0
        return bool(self._block)


class TarReader:
    """Iterates members; `content` hands out the current one's bytes, what is left of them is skipped."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._left = 0
        self._padding = 0
        self._sparse: _Sparse | None = None
        self._global: dict[str, str] = {}
        self._header = bytes(BLOCK)
        self._records: Mapping[str, str] = {}

    def __iter__(self) -> Iterator[Member]:
        while (member := self._next()) is not None:
            yield member
            self._stream.skip(self._left + self._padding)
            self._left = self._padding = 0
        self._stream.drain()

    @property
    def offset(self) -> int:
        """Where the rest of the current member's content begins in the stream."""
        return self._stream.position

    @property
    def records(self) -> Mapping[str, str]:
        """The pax records that hold for the current member."""
        return self._records

    def details(self) -> Details:
        """What else the header of the current member says."""
        records, header = self._records, self._header
        mtime = records.get("mtime")
        attributes = (
            (key.removeprefix(_ATTRIBUTE), value)
            for key, value in records.items()
            if key.startswith(_ATTRIBUTE)
        )
        return Details(
            # One before 1970 has a sign; no file of an image needs more of it than that it is no other.
            self._number(header[136:148]) if mtime is None else self._size(mtime.removeprefix("-")),
            (self._number(header[329:337]), self._number(header[337:345]))
            if header[156:157] in _DEVICES
            else (0, 0),
            tuple(sorted(attributes)),
        )

    def content(self, size: int) -> bytes:
        """The next `size` bytes of the current member, fewer at its end; holes are zeros."""
        if self._sparse is None:
            return self._stored(size)
        return b"".join(
            self._stored(length) if is_data else bytes(length) for length, is_data in self._sparse.take(size)
        )

    def _stored(self, size: int) -> bytes:
        size = min(size, self._left)
        found = self._stream.take(size)
        self._left -= size
        return found

    def _next(self) -> Member | None:
        records = dict(self._global)
        long_name = long_link = None
        while True:
            header = self._stream.take_up_to(BLOCK)
            if len(header) < BLOCK or not header.strip(b"\0"):
                if header.strip(b"\0"):
                    raise ImageError("the tar breaks off within a header", file=self._stream.name)
                return None
            kind = header[156:157]
            if kind == b"x":
                records.update(self._pax(header))
            elif kind == b"g":
                self._global.update(self._pax(header))
                records = {**self._global, **records}
            elif kind == b"L":
                long_name = self._extension(header).split(b"\0", 1)[0]
            elif kind == b"K":
                long_link = self._extension(header).split(b"\0", 1)[0]
            else:
                return self._member(header, records, long_name, long_link)

    def _member(
        self, header: bytes, records: dict[str, str], long_name: bytes | None, long_link: bytes | None
    ) -> Member:
        self._check(header)
        self._header, self._records = header, records
        kind = _KINDS.get(header[156:157])
        size = self._size(records["size"]) if "size" in records else self._number(header[124:136])
        stored = size if kind in ("file", None) else 0
        self._left, self._padding = stored, -stored % BLOCK
        self._sparse = None
        name = _text(long_name if long_name is not None else _ustar_name(header))
        link = _text(long_link if long_link is not None else header[157:257].split(b"\0", 1)[0])
        if records:
            name = records.get("path", name)
            link = records.get("linkpath", link)
        if header[156:157] == b"S":
            self._sparse = self._old_sparse(header)
        elif kind == "file" and (version := _sparse_version(records)):
            name = records.get("GNU.sparse.name", name)
            self._sparse = self._pax_sparse(records, version)
        if kind == "file" and name.endswith("/"):
            kind = "dir"  # as written before POSIX.1-1988
        return Member(
            name,
            kind or "other",
            self._number(header[100:108]) & 0o7777,
            self._size(records["uid"]) if "uid" in records else self._number(header[108:116]),
            self._size(records["gid"]) if "gid" in records else self._number(header[116:124]),
            stored if self._sparse is None else self._sparse.size,
            link,
            self._sparse is not None,
        )

    def _old_sparse(self, header: bytes) -> _Sparse:
        """The map in the header: four entries and, as long as a byte says so, 21 more in a block."""
        numbers: list[int] = []
        table, more = header[386:482], header[482:483]
        while True:
            for at in range(0, len(table), 24):
                if table[at] == 0:
                    break
                numbers += (self._number(table[at : at + 12]), self._number(table[at + 12 : at + 24]))
            if more == b"\0" or len(numbers) > 2 * _MAX_SEGMENTS:
                break
            block = self._stream.take(BLOCK)
            table, more = block[:504], block[504:505]
        return self._sparse_of(numbers, self._number(header[483:495]))

    def _pax_sparse(self, records: dict[str, str], version: str) -> _Sparse:
        if version == "1.0":
            numbers = self._map_in_content()
        else:
            numbers = [self._size(text) for text in records.get("GNU.sparse.map", "").split(",") if text]
        size = records.get("GNU.sparse.size") or records.get("GNU.sparse.realsize")
        return self._sparse_of(numbers, self._left if size is None else self._size(size))

    def _map_in_content(self) -> list[int]:
        """Version 1.0: decimal lines before the data, their number first, filled up to a block."""
        lines: list[bytes] = []
        rest = b""
        while not lines or len(lines) <= 2 * self._size(_text(lines[0])):
            block = self._stored(BLOCK)
            if len(block) < BLOCK or len(rest) > BLOCK or len(lines) > 2 * _MAX_SEGMENTS:
                raise self._bad_map()
            *found, rest = (rest + block).split(b"\n")
            lines += found
        count = 2 * self._size(_text(lines[0]))
        return [self._size(_text(line)) for line in lines[1 : count + 1]]

    def _sparse_of(self, numbers: list[int], size: int) -> _Sparse:
        """ImageError unless the segments follow one another, lie in the file, and are what is stored."""
        segments = list(zip(numbers[::2], numbers[1::2], strict=False))
        ends = [offset + length for offset, length in segments]
        starts = [*(offset for offset, _ in segments[1:]), size]
        if (
            len(numbers) % 2
            or len(segments) > _MAX_SEGMENTS
            or sum(length for _, length in segments) != self._left
            or any(end > start for end, start in zip(ends, starts, strict=False))
        ):
            raise self._bad_map()
        return _Sparse(segments, size)

    def _bad_map(self) -> ImageError:
        return ImageError(
            f"a sparse file's map that cannot be read, before byte {self._stream.position}",
            file=self._stream.name,
        )

    def _check(self, header: bytes) -> None:
        """The checksum: the sum of all bytes, its own taken as blanks; old tars summed signed chars."""
        expected = self._number(header[_CHECKSUM_AT])
        total = sum(header) - sum(header[_CHECKSUM_AT]) + 8 * 32
        if total != expected:
            high = sum(1 for byte in header if byte > 127) - sum(1 for b in header[_CHECKSUM_AT] if b > 127)
            if total - 256 * high != expected:
                raise ImageError(
                    f"no tar header where one should be, before byte {self._stream.position}",
                    file=self._stream.name,
                )

    def _extension(self, header: bytes) -> bytes:
        self._check(header)
        size = self._number(header[124:136])
        if size > _MAX_EXTENSION:
            raise ImageError(f"a tar header extension of {size} bytes", file=self._stream.name)
        found = self._stream.take(size)
        self._stream.skip(-size % BLOCK)
        return found

    def _pax(self, header: bytes) -> dict[str, str]:
        """Records `length key=value\\n`; the length counts itself."""
        block = self._extension(header)
        records: dict[str, str] = {}
        segments: list[str] = []
        at = 0
        while at < len(block) and block[at : at + 1] != b"\0":
            blank = block.find(b" ", at, at + 20)
            digits = block[at:blank] if blank > at else b""
            end = at + int(digits) if digits.isdigit() else 0
            key, equals, value = block[blank + 1 : max(end - 1, 0)].partition(b"=")
            if not equals or end > len(block):
                raise ImageError("a pax record that cannot be read", file=self._stream.name)
            name, at = _text(key), end
            if name in _SPARSE_SEGMENTS:  # version 0.0 repeats them, one pair for each segment
                segments.append(_text(value))
            else:
                records[name] = _text(value)
        if segments:
            records["GNU.sparse.map"] = ",".join(segments)
        return records

    def _size(self, text: str) -> int:
        number = text.partition(".")[0]
        if not number.isascii() or not number.isdigit() or len(number) > 18:
            raise ImageError(f"a pax record holds {text[:40]!r} for a number", file=self._stream.name)
        return int(number)

    def _number(self, field: bytes) -> int:
        """Octal text, or GNU's base 256 when the first bit is set."""
        if field[0] & 0x80:
            value = int.from_bytes(field, "big") & ((1 << (8 * len(field) - 1)) - 1)
            if field[0] == 0xFF or value >= 1 << 62:
                raise ImageError("a tar header with an impossible number", file=self._stream.name)
            return value
        digits = field.rstrip(b"\0 ")
        try:
            value = int(digits, 8) if digits else 0
        except ValueError:
            digits = field.split(b"\0", 1)[0].strip()
            value = (
                int(digits, 8) if digits.isdigit() and not digits.strip(b"01234567") else -1 if digits else 0
            )
        if value < 0:
            raise ImageError(f"a tar header holds {field!r} for a number", file=self._stream.name)
        return value


class _Sparse:
    """The content of a sparse file, from front to back: segments of data, holes between them."""

    def __init__(self, segments: list[tuple[int, int]], size: int) -> None:
        self.size = size
        self._segments = segments[::-1]
        self._at = 0

    def take(self, size: int) -> Iterator[tuple[int, bool]]:
        """The next `size` bytes as lengths, and whether they are data."""
        end = min(self._at + size, self.size)
        while self._at < end:
            offset, length = self._segments[-1] if self._segments else (end, 0)
            if self._at >= offset + length and self._segments:
                self._segments.pop()
                continue
            is_data = self._at >= offset
            until = min(end, offset + length if is_data else offset)
            yield until - self._at, is_data
            self._at = until


def _sparse_version(records: dict[str, str]) -> str:
    """The version of GNU's pax form that containerd's reader takes it for; empty when it is none."""
    version = f"{records.get('GNU.sparse.major', '')}.{records.get('GNU.sparse.minor', '')}"
    if version == ".":
        return "0.1" if records.get("GNU.sparse.map") else ""
    return version if version in ("0.0", "0.1", "1.0") else ""


def _ustar_name(header: bytes) -> bytes:
    name = header[:100].split(b"\0", 1)[0]
    # The prefix field is POSIX ustar's only; GNU tar's old format keeps times there.
    if header[257:263] == b"ustar\0":
        prefix = header[345:500].split(b"\0", 1)[0]
        if prefix:
            return prefix + b"/" + name
    return name


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
