"""Layers → facts about every file.

A layer's tar is read once; of each file only what the judgement needs is kept: its kind by the first bytes,
the facts of an ELF file, the interpreter line of a script, the text of the few files that tell the dynamic
loader where to look, and what a language notes of its own files. Facts depend on nothing but the layer's
bytes, so they are shared between platforms and kept between runs in the user's cache by digest. Whiteouts:
OCI image spec, `layer.md`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

from xbuild.errors import ImageError
from xbuild.verify.blobs import decompressed
from xbuild.verify.built import Built, Note
from xbuild.verify.elf import Data, ElfFacts, Unreadable, facts_of, is_elf, open_elf
from xbuild.verify.languages import from_json as built_from_json
from xbuild.verify.languages import read_built, read_note, wanted, wanted_by_beginning
from xbuild.verify.languages import to_json as built_to_json
from xbuild.verify.oci import ImageIndex
from xbuild.verify.spec import Descriptor
from xbuild.verify.tar import Member, Stream, TarReader

SCANNER_VERSION = 8
"""Part of the cache key: raise it whenever a fact is added or read differently."""

GLIBC_PREFIXES = ("usr/glibc-compat/",)
"""Folders that a glibc was configured for: it looks for its `etc/ld.so.conf` and its libraries there (the
glibc package that is made for Alpine)."""

_HEAD = 256
_BLOCK = 1 << 20
_IN_MEMORY = 64 << 20
_LARGEST = 512 << 20
_LARGEST_TEXT = 64 << 10
_LARGEST_NOTES = 2 << 30
"""Bytes of one layer that notes are taken of: archives are read whole, all else has some MB."""
_WORTH_KEEPING = 0.05
"""Seconds of scanning above which facts go to the cache."""
_CACHED_LAYERS = 400

_LONGEST_PATH = 8 << 10
"""Linux takes 4096 (PATH_MAX); nothing longer can be unpacked."""

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"

# Mach-O in both byte orders and widths, and universal files (which share their magic with Java classes:
# a class file has its version, 45 or more, where a universal file has its number of architectures).
_MACH_O = (b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe")
_MACH_O_UNIVERSAL = b"\xca\xfe\xba\xbe"


class Content(NamedTuple):
    """What the bytes of a regular file are; `format` is elf, script, pe, macho, ar, text or noted."""

    format: str
    elf: ElfFacts | Unreadable | None = None
    built: Built | None = None
    text: str = ""
    """The interpreter line of a script without `#!`, or the whole text of a loader configuration file."""
    note: Note | None = None


class Exact(NamedTuple):
    """All else that a layer (`layer` is its digest) says of an entry, for comparing it with another."""

    mtime: int = 0
    device: tuple[int, int] = (0, 0)
    attributes: tuple[tuple[str, str], ...] = ()
    digest: bytes = b""
    layer: str = ""


class Entry(NamedTuple):
    """One file, directory or link as its layer has it; `content` is None for what needs no judgement."""

    path: str
    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    link: str = ""
    content: Content | None = None
    exact: Exact | None = None


@dataclass(frozen=True, slots=True)
class LayerScan:
    """The facts of one layer: entries in order, paths it removes from lower layers, folders it empties."""

    digest: str
    entries: tuple[Entry, ...]
    whiteouts: tuple[str, ...] = ()
    opaque: tuple[str, ...] = ()
    bytes: int = 0


def normal_path(name: str) -> str:
    """A member's name as a path inside the root, without a leading slash; `..` cannot leave the root."""
    if name and name[0] not in "./" and "//" not in name and "/." not in name and name[-1] != "/":
        return name
    parts: list[str] = []
    for part in name.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def removed_path(path: str) -> str | None:
    """What a whiteout at this path removes from lower layers; None for all else."""
    folder, _, name = path.rpartition("/")
    if not name.startswith(_WHITEOUT) or name.startswith(_WHITEOUT * 2):
        return None
    return f"{folder}/{name[4:]}" if folder else name[4:]


def scan_layer(image: ImageIndex, layer: Descriptor, *, is_exact: bool = False) -> LayerScan:
    """Read one layer, digest checked."""
    where = f"{image.blobs.name}: layer {layer.digest}"
    with image.open_layer(layer) as source:
        scan = scan_tar(Stream(decompressed(source, where), where), layer.digest, is_exact=is_exact)
        source.finish()
    return scan


def scan_tar(stream: Stream, digest: str, *, is_exact: bool = False) -> LayerScan:
    """The facts of the layer whose uncompressed tar comes from `stream`.

    `is_exact`: what a comparison needs, the digest of every content, instead of what the contents are.
    """
    entries: list[Entry] = []
    whiteouts: list[str] = []
    opaque: list[str] = []
    reader = TarReader(stream)
    for_notes = _LARGEST_NOTES
    for member in reader:
        path = normal_path(member.name)
        if len(path) > _LONGEST_PATH:
            raise ImageError(f"a path of {len(path)} characters", file=stream.name)
        folder, _, name = path.rpartition("/")
        if name.startswith(_WHITEOUT):
            removed = removed_path(path)
            if name == _OPAQUE:
                opaque.append(folder)
            elif removed is not None:
                whiteouts.append(removed)
            continue
        has_content = member.kind == "file" and member.size > 0
        content = _content(reader, member, path, for_notes) if has_content and not is_exact else None
        if content is not None and content.note is not None:
            for_notes -= min(member.size, wanted(path))
        exact = _exact(reader, digest) if is_exact else None
        link = normal_path(member.link) if member.kind == "hardlink" else member.link
        entries.append(Entry(path, member.kind, *member[2:6], link, content, exact))
    return LayerScan(digest, tuple(entries), tuple(whiteouts), tuple(opaque), stream.position)


def _exact(reader: TarReader, layer: str) -> Exact:
    digest = hashlib.sha256()
    while block := reader.content(_BLOCK):
        digest.update(block)
    return Exact(*reader.details(), digest.digest(), layer)


def _content(reader: TarReader, member: Member, path: str, for_notes: int) -> Content | None:
    head = reader.content(_HEAD)
    if is_elf(head):
        return _elf(reader, head, member.size, path)
    if head[:2] == b"#!":
        text = head[2:].split(b"\n", 1)[0].decode("utf-8", "replace").strip()
        limit = min(wanted(path), for_notes)
        noted = _noted(reader, head, member.size, path, limit) if limit > len(head) else None
        return Content("script", text=text, note=noted.note if noted is not None else None)
    if head[:2] == b"MZ":
        return Content("pe")
    if head[:4] in _MACH_O or (head[:4] == _MACH_O_UNIVERSAL and int.from_bytes(head[4:8], "big") < 40):
        return Content("macho")
    if head[:8] in (b"!<arch>\n", b"!<thin>\n"):
        return Content("ar")
    if _tells_the_loader(path) and member.size <= _LARGEST_TEXT:
        return Content("text", text=(head + reader.content(member.size)).decode("utf-8", "replace"))
    limit = wanted(path) or wanted_by_beginning(head[:64], member.size)
    return _noted(reader, head, member.size, path, min(limit, for_notes)) if limit else None


def _noted(reader: TarReader, head: bytes, size: int, path: str, limit: int) -> Content | None:
    note = read_note(path, (head + reader.content(max(0, limit - len(head))))[: max(0, limit)], size)
    return None if note is None else Content("noted", note=note)


def _tells_the_loader(path: str) -> bool:
    """glibc's `ldconfig(8)` configuration, also in a folder of its own, and musl's `ld-musl-<arch>.path`."""
    return "etc/ld" in path and path.startswith(
        ("etc/ld.so.conf", "etc/ld-musl-", *(f"{prefix}etc/ld.so.conf" for prefix in GLIBC_PREFIXES))
    )


def _elf(reader: TarReader, head: bytes, size: int, path: str) -> Content:
    if size <= _IN_MEMORY:
        return _elf_content(head + reader.content(size), path)
    with tempfile.TemporaryFile(prefix="xbuild-") as spool:
        spool.write(head)
        left = min(size, _LARGEST) - len(head)
        while left > 0 and (block := reader.content(min(left, 1 << 20))):
            spool.write(block)
            left -= len(block)
        spool.flush()
        with mmap.mmap(spool.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _elf_content(data, path)


def _elf_content(data: Data, path: str) -> Content:
    elf = open_elf(data)
    if isinstance(elf, Unreadable):
        return Content("elf", elf)
    return Content("elf", facts_of(elf), read_built(elf), note=read_note(path, data, len(data)))


def scan_layers(image: ImageIndex, layers: Sequence[Descriptor], cache: Path | None) -> dict[str, LayerScan]:
    """Scans by digest; each layer once, or from the cache (its digest is checked anyway)."""
    distinct = list({layer.digest: layer for layer in layers}.values())
    # zlib and hashlib let other threads run; many would compete for the disk and hold memory.
    workers = min(4, os.cpu_count() or 1, len(distinct))
    if workers <= 1:
        return {layer.digest: _scan_or_recall(image, layer, cache) for layer in distinct}
    with ThreadPoolExecutor(workers) as pool:
        largest_first = sorted(distinct, key=lambda layer: -layer.size)
        scans = pool.map(lambda layer: _scan_or_recall(image, layer, cache), largest_first)
        return {scan.digest: scan for scan in scans}


def _scan_or_recall(image: ImageIndex, layer: Descriptor, cache: Path | None) -> LayerScan:
    known = _recall(cache, layer.digest)
    if known is not None:
        with image.open_layer(layer) as source:
            source.finish()
        return known
    start = time.monotonic()
    scan = scan_layer(image, layer)
    if time.monotonic() - start > _WORTH_KEEPING:
        _remember(cache, scan)
    return scan


def cache_directory() -> Path | None:
    """Where facts are kept: `$XDG_CACHE_HOME/xbuild/layers-v<version>`; None for a user without a home."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(home).expanduser() / "xbuild" / f"layers-v{SCANNER_VERSION}"
    except RuntimeError:
        return None


def _cache_file(cache: Path, digest: str) -> Path:
    return cache / (digest.replace(":", "-") + ".json")


def _recall(cache: Path | None, digest: str) -> LayerScan | None:
    if cache is None:
        return None
    file = _cache_file(cache, digest)
    try:
        data = file.read_bytes()
    except OSError:
        return None
    try:
        scan = from_json(json.loads(data))
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return None  # a file from an interrupted or other version; it is scanned and written again
    with contextlib.suppress(OSError):
        os.utime(file)
    return scan if scan.digest == digest else None


def _remember(cache: Path | None, scan: LayerScan) -> None:
    """A cache that cannot be written is no reason to fail."""
    if cache is None:
        return
    with contextlib.suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=cache, suffix=".new", delete=False, encoding="utf-8"
        ) as file:
            file.write(json.dumps(to_json(scan), separators=(",", ":")))
        Path(file.name).replace(_cache_file(cache, scan.digest))
        _prune(cache)


def _prune(cache: Path) -> None:
    files = sorted(cache.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[_CACHED_LAYERS:]:
        file.unlink(missing_ok=True)


def to_json(scan: LayerScan) -> Any:
    """A scan as JSON values; `from_json` is the inverse."""
    return {
        "digest": scan.digest,
        "bytes": scan.bytes,
        "whiteouts": scan.whiteouts,
        "opaque": scan.opaque,
        "entries": [[*entry[:7], _content_to_json(entry.content)] for entry in scan.entries],
    }


def from_json(value: Any) -> LayerScan:
    """The scan that `to_json` made into JSON."""
    return LayerScan(
        value["digest"],
        tuple(Entry._make([*row[:7], _content_from_json(row[7]), None]) for row in value["entries"]),
        tuple(value["whiteouts"]),
        tuple(value["opaque"]),
        value["bytes"],
    )


_ELF_FIELDS = tuple(ElfFacts.__dataclass_fields__)
_ELF_TUPLES = tuple(at for at, field in enumerate(fields(ElfFacts)) if field.default == ())


def _content_to_json(content: Content | None) -> Any:
    if content is None:
        return None
    elf: Any = None
    if isinstance(content.elf, ElfFacts):
        elf = [getattr(content.elf, name) for name in _ELF_FIELDS]
    elif content.elf is not None:
        elf = content.elf.reason
    return [content.format, elf, built_to_json(content.built), content.text, content.note]


def _content_from_json(row: Any) -> Content | None:
    if row is None:
        return None
    form, elf, built, text, note = row
    facts: ElfFacts | Unreadable | None = None
    if isinstance(elf, str):
        facts = Unreadable(elf)
    elif elf is not None:
        for at in _ELF_TUPLES:
            elf[at] = tuple(elf[at])
        facts = ElfFacts(*elf)
    noted = None if note is None else Note(note[0], tuple(note[1]))
    return Content(form, facts, built_from_json(built), text, noted)


def check_layer_count(layers: Sequence[Descriptor], diff_ids: Sequence[str], where: str) -> None:
    """ImageError when a config tells of other layers than its manifest has."""
    if len(layers) != len(diff_ids):
        raise ImageError(f"the manifest has {len(layers)} layers, its config {len(diff_ids)}", file=where)
