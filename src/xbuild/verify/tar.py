"""A tar stream, read once from front to back: one member at a time, contents only where they are asked for.

The standard library's `tarfile` spends more time per member than zlib does on its bytes; layers of tens of
thousands of small files need less. Formats: POSIX ustar and pax (IEEE Std 1003.1, `pax`), GNU long names and
sparse files (GNU tar manual, "Basic Tar Format"). Anything else is an ImageError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from xbuild.errors import ImageError

BLOCK = 512
_CHECKSUM_AT = slice(148, 156)
_MAX_EXTENSION = 8 << 20
"""Pax records and long names above this are hostile: real ones stay below some KB (xattrs: 64 KB each)."""

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
    """One member of a tar: `name` as written; `size` bytes of content follow it in the stream."""

    name: str
    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    link: str
    sparse: bool = False


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
        self._global: dict[str, str] = {}

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

    def content(self, size: int) -> bytes:
        """The next `size` bytes of the current member, fewer at its end."""
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
        kind = _KINDS.get(header[156:157])
        size = self._size(records["size"]) if "size" in records else self._number(header[124:136])
        stored = size if kind in ("file", None) else 0
        self._left, self._padding = stored, -stored % BLOCK
        name = _text(long_name if long_name is not None else _ustar_name(header))
        link = _text(long_link if long_link is not None else header[157:257].split(b"\0", 1)[0])
        sparse = header[156:157] == b"S" or "GNU.sparse.major" in records or "GNU.sparse.map" in records
        if header[156:157] == b"S":
            self._skip_sparse_map(header)
        if records:
            name = records.get("GNU.sparse.name", records.get("path", name))
            link = records.get("linkpath", link)
        if kind == "file" and name.endswith("/"):
            kind = "dir"  # as written before POSIX.1-1988
        return Member(
            name,
            kind or "other",
            self._number(header[100:108]) & 0o7777,
            self._size(records["uid"]) if "uid" in records else self._number(header[108:116]),
            self._size(records["gid"]) if "gid" in records else self._number(header[116:124]),
            stored,
            link,
            sparse,
        )

    def _skip_sparse_map(self, header: bytes) -> None:
        more = header[482:483] not in (b"\0", b"")
        while more:
            more = self._stream.take(BLOCK)[504:505] != b"\0"

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
        at = 0
        while at < len(block) and block[at : at + 1] != b"\0":
            blank = block.find(b" ", at, at + 20)
            digits = block[at:blank] if blank > at else b""
            length = int(digits) if digits.isdigit() else 0
            key, equals, value = block[blank + 1 : at + length - 1].partition(b"=")
            if not equals or at + length > len(block):
                raise ImageError("a pax record that cannot be read", file=self._stream.name)
            records[_text(key)] = _text(value)
            at += length
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
