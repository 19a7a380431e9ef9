"""What V8 and node write for their own machine: bytes → notes. Pure and total.

- A code cache (`vm.Script.createCachedData`, what bytenode ships as `.jsc`) begins with 0xC0DE in its upper
  half (V8 `src/snapshot/serialized-handler.h`, `code-serializer.h`): magic, hashes of version, source and
  flags, length, checksum. It names no machine.
- A start-up snapshot begins with 0x143DA19, a kind in one byte, and texts with their length in eight:
  node's version, its architecture, its platform (node `src/env.cc`, `src/node_snapshotable.cc`).
- What is put into a single executable begins with 0x143DA20 and flags: 2 for a snapshot, 4 for a code cache
  (node `src/node_sea.cc`; "Single executable applications": both are for the platform that made them).
"""

from __future__ import annotations

from enum import StrEnum

from xbuild.verify.built import Language, Note
from xbuild.verify.elf import Data


class MachineFile(StrEnum):
    """What a note is of, and after the dash what its values are."""

    CODE_CACHE = "node-code-cache"
    """Its header, in hexadecimal digits."""
    SNAPSHOT = "node-snapshot"
    """The architecture, as node calls it."""
    EXECUTABLE = "node-executable-blob"
    """Its beginning, in hexadecimal digits."""


_ENDINGS = (".jsc", ".blob", ".cache", ".snapshot", ".bin")
_HEADER = 64
_CACHE = b"\xde\xc0"
_SNAPSHOT = (0x143DA19).to_bytes(4, "little")
_EXECUTABLE = (0x143DA20).to_bytes(4, "little")
_BOUND = 2 | 4
_LONGEST_NAME = 16


def wants(path: str) -> int:
    """How many bytes of the file at a path it takes; 0 where such files are not."""
    return _HEADER if path.endswith(_ENDINGS) else 0


def begins(head: bytes, size: int) -> int:
    """How many bytes it takes of a file that begins so, whatever it is called: of a code cache the length of
    what follows has to be that of the file (in node 20 behind 24 bytes, since node 22 behind 32).
    """
    if head[:4] in (_SNAPSHOT, _EXECUTABLE):
        return _HEADER
    lengths = [int.from_bytes(head[at : at + 4], "little") for at in (16, 20)]
    is_cache = head[2:4] == _CACHE and size in (24 + lengths[0], 32 + lengths[1])
    return _HEADER if is_cache else 0


def note(_path: str, data: Data, size: int) -> Note | None:
    """What is noted of one file; `data` are its first bytes."""
    head = bytes(data[:_HEADER])
    if len(head) >= 32 and head[2:4] == _CACHE and size > _HEADER:
        return Note(MachineFile.CODE_CACHE, (head[:40].hex(),))
    if head[:4] == _SNAPSHOT:
        _, at = _text(head, 5)
        architecture, _ = _text(head, at)
        return Note(MachineFile.SNAPSHOT, (architecture,)) if architecture else None
    if head[:4] == _EXECUTABLE and int.from_bytes(head[4:8], "little") & _BOUND:
        return Note(MachineFile.EXECUTABLE, (head.hex(),))
    return None


def _text(head: bytes, at: int) -> tuple[str, int]:
    """A text with its length in front, and where it ends; an empty one where there is none."""
    length = int.from_bytes(head[at : at + 8], "little")
    found = head[at + 8 : at + 8 + length]
    is_whole = 0 < length <= _LONGEST_NAME and len(found) == length and found.isascii()
    return (found.decode("ascii"), at + 8 + length) if is_whole else ("", len(head))


LANGUAGE = Language("Node", wants=wants, begins=begins, note=note)
