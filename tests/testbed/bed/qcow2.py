"""The disk of a virtual machine, as qcow2 keeps it, turned into the bytes of the disk.

The format is described in QEMU's `docs/interop/qcow2.rst`: a table of tables of clusters, each of them
absent, plain, or packed with deflate.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from . import files
from .process import BedError

HEADER = struct.Struct(">4sIQIIQIIQ")
OFFSET = 0x00FFFFFFFFFFFE00
PACKED, ZERO = 1 << 62, 1
SECTOR = 512
# A window of 4 KiB, without the header that zlib would put in front.
WINDOW = -12


def to_raw(image: Path, raw: Path) -> None:
    """Write the disk; clusters that are absent stay holes. An image on top of another is a BedError."""
    with image.open("rb") as source, files.draft(raw.parent) as made:
        magic, _, backing, _, bits, size, encrypted, entries, table = HEADER.unpack(source.read(HEADER.size))
        if magic != b"QFI\xfb" or backing or encrypted:
            raise BedError(f"{image.name} is no disk of qcow2 that stands by itself")
        with made.open("wb") as target:
            for number, entry in _entries(source, table, entries, bits):
                target.seek(number << bits)
                target.write(_cluster(source, entry, bits))
            target.truncate(size)
        files.keep(made, raw)


def _entries(source: IO[bytes], table: int, entries: int, bits: int) -> Iterator[tuple[int, int]]:
    """Number and entry of each cluster that holds something."""
    count = 1 << (bits - 3)
    for upper, folder in enumerate(_numbers(source, table, entries)):
        if folder & OFFSET:
            for lower, entry in enumerate(_numbers(source, folder & OFFSET, count)):
                if entry & PACKED or (entry & OFFSET and not entry & ZERO):
                    yield upper * count + lower, entry


def _numbers(source: IO[bytes], offset: int, count: int) -> tuple[int, ...]:
    source.seek(offset)
    return struct.unpack(f">{count}Q", source.read(8 * count))


def _cluster(source: IO[bytes], entry: int, bits: int) -> bytes:
    if not entry & PACKED:
        source.seek(entry & OFFSET)
        return source.read(1 << bits)
    shift = 62 - (bits - 8)
    offset = entry & ((1 << shift) - 1)
    sectors = ((entry >> shift) & ((1 << (bits - 8)) - 1)) + 1
    source.seek(offset)
    packed = source.read(sectors * SECTOR - offset % SECTOR)
    return zlib.decompressobj(WINDOW).decompress(packed, 1 << bits)
