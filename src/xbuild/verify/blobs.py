"""Blobs on disk, in a folder or a tar, read with their digest checked and their compression undone."""

from __future__ import annotations

import hashlib
import sys
import tempfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, Self, cast

from xbuild.errors import ImageError
from xbuild.verify.spec import Descriptor
from xbuild.verify.tar import Stream, TarReader

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    import zstandard

_READ = 1 << 18
_BLOCK = 1 << 20

_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = tuple(bytes([0x50 + n, 0x2A, 0x4D, 0x18]) for n in range(16))


class Readable(Protocol):
    """What bytes are read from, in order."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; none at the end."""


class Blobs(Protocol):
    """Where blobs come from."""

    @property
    def name(self) -> str:
        """What messages call it."""

    def open(self, digest: str) -> IO[bytes] | None:
        """The bytes of a blob, or None when it is not there."""


@dataclass(frozen=True)
class Directory:
    """Blobs of an OCI layout directory."""

    root: Path

    @property
    def name(self) -> str:
        return str(self.root)

    def open(self, digest: str) -> IO[bytes] | None:
        algorithm, _, value = digest.partition(":")
        try:
            return (self.root / "blobs" / algorithm / value).open("rb")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise ImageError(f"blob {digest}: {error.strerror}", file=self.name) from error


class _Part:
    """A byte range of an open file, readable on its own."""

    def __init__(self, path: Path, start: int, size: int) -> None:
        self._file = path.open("rb")
        self._file.seek(start)
        self._left = size

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        found = self._file.read(wanted)
        self._left -= len(found)
        return found

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True)
class Archive:
    """Members of a tar file by name, and blobs by digest: `blobs/sha256/…` or by the names given."""

    path: Path
    name: str
    members: Mapping[str, tuple[int, int]]
    names: Mapping[str, str]

    def open(self, digest: str) -> IO[bytes] | None:
        member = self.names.get(digest, "blobs/" + digest.replace(":", "/", 1))
        return self.open_member(member)

    def open_member(self, member: str) -> IO[bytes] | None:
        """A member's content, or None when the archive has none by that name."""
        place = self.members.get(member)
        # _Part has what is used of a file: read, close, context.
        return cast(IO[bytes], _Part(self.path, *place)) if place is not None else None


class Digester:
    """Reads a blob while computing its digest, which `finish` compares; closes the file at the end."""

    def __init__(self, file: IO[bytes], descriptor: Descriptor, where: str) -> None:
        self._file = file
        self._descriptor = descriptor
        self._where = where
        self._hash = hashlib.new(descriptor.digest.partition(":")[0])
        self._size = 0

    def read(self, size: int = -1) -> bytes:
        try:
            found = self._file.read(size)
        except OSError as error:
            raise ImageError(f"blob {self._descriptor.digest}: {error.strerror}", file=self._where) from error
        self._hash.update(found)
        self._size += len(found)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def finish(self) -> None:
        """Read the rest; ImageError when the blob is not the one that was named."""
        while self.read(_BLOCK):
            pass
        wanted = self._descriptor
        found = f"{wanted.digest.partition(':')[0]}:{self._hash.hexdigest()}"
        if found != wanted.digest:
            raise ImageError(
                f"blob {wanted.digest} has the digest {found}",
                file=self._where,
                expected="every blob to have the digest it is named by",
                hint="build or pull the image again; the copy on disk is damaged",
            )
        if wanted.size >= 0 and self._size != wanted.size:
            raise ImageError(
                f"blob {wanted.digest} has {self._size} bytes, not {wanted.size}", file=self._where
            )


def decompressed(source: Readable, where: str) -> Callable[[], bytes]:
    """A function that returns the next uncompressed block, empty at the end.

    The form is told by the first bytes, not by the media type: gzip (also of several members, as pigz and
    eStargz write it), zstd (also with skippable frames, as zstd:chunked has them), or plain.
    """
    first = source.read(_READ)
    if first[:2] == _GZIP_MAGIC:
        return _gunzip(source, first, where)
    if first[:4] == _ZSTD_MAGIC or first[:4] in _ZSTD_SKIPPABLE:
        return _unzstd(source, first, where)
    pending = [first]

    def plain() -> bytes:
        return pending.pop() if pending else source.read(_BLOCK)

    return plain


def _gunzip(source: Readable, first: bytes, where: str) -> Callable[[], bytes]:
    pending = first
    member = zlib.decompressobj(31)

    def block() -> bytes:
        nonlocal pending, member
        while True:
            if member.eof:
                pending = (member.unused_data or source.read(_READ)).lstrip(b"\0")
                if not pending:
                    return b""
                member = zlib.decompressobj(31)
            if not pending:
                pending = source.read(_READ)
                if not pending:
                    raise ImageError("the gzip data breaks off", file=where)
            try:
                found = member.decompress(pending, _BLOCK)
            except zlib.error as error:
                raise ImageError(f"the gzip data cannot be read: {error}", file=where) from error
            pending = member.unconsumed_tail
            if found:
                return found

    return block


class _Joined:
    """The bytes already read, then the rest of the source, as a file object for the zstd readers."""

    def __init__(self, first: bytes, source: Readable) -> None:
        self._first = first
        self._source = source

    def read(self, size: int = -1) -> bytes:
        if self._first:
            wanted = len(self._first) if size < 0 else size
            found, self._first = self._first[:wanted], self._first[wanted:]
            return found
        return self._source.read(size)


def _unzstd(source: Readable, first: bytes, where: str) -> Callable[[], bytes]:
    joined = cast(IO[bytes], _Joined(first, source))
    if sys.version_info >= (3, 14):
        reader: IO[bytes] = zstd.ZstdFile(joined)
        failures: tuple[type[Exception], ...] = (zstd.ZstdError, EOFError)
    else:
        reader = zstandard.ZstdDecompressor().stream_reader(joined, read_across_frames=True)
        failures = (zstandard.ZstdError,)
    total = 0

    def block() -> bytes:
        nonlocal total
        try:
            found = reader.read(_BLOCK)
        except failures as error:
            raise ImageError(f"the zstd data cannot be read: {error}", file=where) from error
        total += len(found)
        if not total:
            # zstandard takes a frame that breaks off for the end; later breaks show in the tar.
            raise ImageError("the zstd data breaks off", file=where)
        return found

    return block


def open_archive(path: Path, stack: ExitStack) -> Archive:
    """A tar, if need be through a temporary file that `stack` removes."""
    try:
        with path.open("rb") as file:
            head = file.read(_TAR_BLOCK)
            plain = head[:2] != _GZIP_MAGIC and head[:4] != _ZSTD_MAGIC
    except FileNotFoundError as error:
        raise ImageError("there is no such file or directory", file=str(path)) from error
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror}", file=str(path)) from error
    if plain and not _is_tar(head):
        raise ImageError(
            "this is no archive",
            file=str(path),
            expected="a tar that holds an OCI layout, or one that docker save wrote",
            hint="an image of a registry is named without a path: registry.example/name:tag",
        )
    stored = path if plain else _unpacked(path, stack)
    return Archive(stored, str(path), _members(stored, str(path)), {})


_TAR_BLOCK = 512


def _is_tar(head: bytes) -> bool:
    """Whether a file begins with the header of a tar (POSIX pax, "ustar Interchange Format")."""
    if len(head) < _TAR_BLOCK:
        return False
    try:
        told = int(head[148:156].strip(b" \0") or b"0", 8)
    except ValueError:
        return False
    return told == sum(head) - sum(head[148:156]) + 8 * ord(" ")


def _unpacked(path: Path, stack: ExitStack) -> Path:
    """A compressed archive unpacked to a temporary file, as its members are read in any order."""
    target = stack.enter_context(tempfile.NamedTemporaryFile(suffix=".tar"))  # noqa: SIM115
    with path.open("rb") as file:
        nothing = Descriptor("", "sha256:", -1)
        block = decompressed(Digester(file, nothing, str(path)), str(path))
        while data := block():
            target.write(data)
    target.flush()
    return Path(target.name)


def _members(path: Path, name: str) -> dict[str, tuple[int, int]]:
    """Name → offset and size of each member; links (classic archives share layers so) are followed."""
    found: dict[str, tuple[int, int]] = {}
    links: dict[str, str] = {}
    with path.open("rb") as file:
        reader = TarReader(_SeekingStream(file, path.stat().st_size, name))
        for member in reader:
            plain = member.name.removeprefix("./")
            if member.sparse:
                raise ImageError(
                    f"{plain} is a sparse file in it", file=name, hint="pack it without --sparse"
                )
            if member.kind == "file":
                found[plain] = (reader.offset, member.size)
            elif member.kind == "symlink":
                links[plain] = _beside(plain, member.link)
            elif member.kind == "hardlink":
                links[plain] = member.link.removeprefix("./")
    for link, target in links.items():
        if target in found:
            found[link] = found[target]
    return found


def _beside(name: str, target: str) -> str:
    parts = name.split("/")[:-1]
    for part in target.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in (".", ""):
            parts.append(part)
    return "/".join(parts)


class _SeekingStream(Stream):
    """A stream over a file on disk: what is skipped is not read."""

    def __init__(self, file: IO[bytes], size: int, name: str) -> None:
        super().__init__(lambda: b"", name)
        self._file = file
        self._size = size

    def take_up_to(self, size: int) -> bytes:
        found = self._file.read(size)
        self.position += len(found)
        return found

    def skip(self, size: int) -> None:
        if self.position + size > self._size:
            raise ImageError(f"the tar breaks off before byte {self.position + size}", file=self.name)
        self.position += size
        self._file.seek(size, 1)

    def drain(self) -> None:
        pass
