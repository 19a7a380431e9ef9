"""Does a text that must not outlive a build stand in what the build made?

Looked at are the layers that do not belong to the base image: names (those of whiteouts too), link targets,
extended attributes, contents, and what files hold (`unpacking`), down to a depth. What was not looked into is
said, and never passed in silence. What stood in a lower layer at the same path, byte for byte, is no leak.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from xbuild.errors import UsageError
from xbuild.platforms import Platform
from xbuild.verify.blobs import Readable, decompressed
from xbuild.verify.checks import Layer
from xbuild.verify.image import BaseLayers, image_layers
from xbuild.verify.oci import ImageIndex, open_image
from xbuild.verify.scan import check_layer_count, normal_path, removed_path
from xbuild.verify.spec import Descriptor, Manifest
from xbuild.verify.tar import Member, Stream, TarReader
from xbuild.verify.unpacking import DAMAGE, HEAD, Format, Inner, format_of, is_damage
from xbuild.verify.variants import read_platform

_BLOCK = 1 << 20
_MEMBERS_TOLD = 20
"""How many members of one file are named."""


class Where(StrEnum):
    """What of a file holds the text."""

    PATH = "path"
    LINK = "link"
    XATTR = "xattr"
    CONTENT = "content"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Leak:
    """A place that holds the text; `member` is the way to it inside of a file: `data.tar.xz > (xz) > x`."""

    platform: Platform
    layer: Layer
    path: str
    where: Where
    member: str = ""


@dataclass(frozen=True, slots=True)
class Unseen:
    """What was not looked into, and why; its bytes as they are stored were."""

    platform: Platform
    layer: Layer
    path: str
    reason: str
    member: str = ""


@dataclass(frozen=True, slots=True)
class LeakScan:
    """All leaks, all that was not looked into, and how much was. `clean` are the digests of layers in which
    there was neither.
    """

    leaks: tuple[Leak, ...]
    unseen: tuple[Unseen, ...] = ()
    clean: tuple[str, ...] = ()
    files: int = 0
    bytes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Depths:
    """How far files are looked into: one in the other, and how many bytes come out of one of a layer's files.

    These may be `ratio` times the file's size, but always `least` and never more than `most`.
    """

    levels: int = 8
    ratio: int = 100
    least: int = 256 << 20
    most: int = 8 << 30

    def bytes_of(self, size: int) -> int:
        return min(max(self.least, size * self.ratio), self.most)


def find_leaks(
    layout: str | Path,
    needle: bytes,
    base_layers: BaseLayers = None,
    *,
    platforms: Sequence[Platform] | None = None,
    depths: Depths | None = None,
    known: Set[str] = frozenset(),
) -> LeakScan:
    """Look for `needle` in the images of an OCI layout or archive, above their base images.

    `base_layers` as `verify_layout` takes it; layers of `known` digests were found clean before. Raises
    ImageError when the image cannot be read.
    """
    if not needle:
        raise UsageError("an empty text is everywhere", expected="the text to look for")
    start = time.monotonic()
    with open_image(Path(layout)) as image:
        chosen = [
            _Chosen(platform, manifest, image_layers(platform, manifest, base_layers))
            for manifest in image.manifests
            if (platform := read_platform(manifest.platform)) is not None
            and (platforms is None or platform in platforms)
        ]
        for each in chosen:
            check_layer_count(each.manifest.layers, each.manifest.config.diff_ids, image.blobs.name)
        added = (d for each in chosen for _, d in each.added if d.digest not in known)
        found = _search_layers(image, added, needle, depths)
        told = [_told(image, each, found) for each in chosen]
    return LeakScan(
        tuple(leak for leaks, _ in told for leak in leaks),
        tuple(each for _, unseen in told for each in unseen),
        tuple(digest for digest, hits in found.items() if not hits.found),
        sum(hits.files for hits in found.values()),
        sum(hits.bytes for hits in found.values()),
        time.monotonic() - start,
    )


@dataclass(frozen=True)
class _Chosen:
    """One platform, its manifest, and its layers."""

    platform: Platform
    manifest: Manifest
    layers: tuple[Layer, ...]

    @property
    def added(self) -> Iterator[tuple[Layer, Descriptor]]:
        pairs = zip(self.layers, self.manifest.layers, strict=True)
        return (pair for pair in pairs if pair[0].added)


class _Hit(NamedTuple):
    """Something about a path of a layer: it holds the needle, or, with a reason, was not looked into."""

    path: str
    where: Where
    member: str = ""
    reason: str = ""


@dataclass
class _LayerHits:
    """What was found in one layer."""

    found: list[_Hit] = field(default_factory=list)
    files: int = 0
    bytes: int = 0


def _search_layers(
    image: ImageIndex, layers: Iterable[Descriptor], needle: bytes, depths: Depths | None
) -> Mapping[str, _LayerHits]:
    """By digest; each layer once."""
    distinct = sorted({layer.digest: layer for layer in layers}.values(), key=lambda layer: -layer.size)
    search = _Search(needle, depths or Depths())
    workers = max(1, min(4, os.cpu_count() or 1, len(distinct)))
    with ThreadPoolExecutor(workers) as pool:
        hits = pool.map(lambda layer: search.layer(image, layer), distinct)
        return dict(zip((layer.digest for layer in distinct), hits, strict=True))


class _EnoughError(Exception):
    """A file of a layer gave out as many bytes as it may."""


class _Searched:
    """A stream that is searched while it is read, whoever reads it, in pieces of any size."""

    def __init__(self, source: Readable, needle: bytes, allowance: _Allowance | None = None) -> None:
        self._source: Readable | None = source
        self._needle = needle
        self._allowance = allowance
        self._ahead = b""
        self._tail = b""
        self.found = False

    def head(self) -> bytes:
        """The first bytes, which will be read all the same."""
        self._ahead = self._next(_BLOCK)
        while len(self._ahead) < HEAD and (more := self._next(_BLOCK)):
            self._ahead += more
        return self._ahead

    def read(self, size: int = -1, /) -> bytes:
        if not self._ahead:
            return self._next(_BLOCK if size < 0 else size)
        size = len(self._ahead) if size < 0 else size
        found, self._ahead = self._ahead[:size], self._ahead[size:]
        return found

    def drain(self) -> None:
        self._ahead = b""
        while self._next(_BLOCK):
            pass

    def _next(self, size: int) -> bytes:
        if self._source is None:
            return b""
        try:
            found = self._source.read(size)
        except DAMAGE:
            self._source = None  # said once, by whoever reads; afterwards this is the end
            raise
        if self._allowance is not None:
            self._allowance.take(len(found))
        if not self.found:
            self._search(found)
        return found

    def _search(self, block: bytes) -> None:
        needle, keep = self._needle, len(self._needle) - 1
        seam = self._tail + block[:keep]
        self.found = needle in block or needle in seam
        self._tail = (block if len(block) >= keep else seam)[-keep:] if keep else b""


@dataclass
class _Allowance:
    """What may still come out of a file of the layer."""

    left: int
    whole: int = 0

    def __post_init__(self) -> None:
        self.whole = self.left

    def take(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise _EnoughError


@dataclass(frozen=True)
class _Search:
    """The needle, as bytes and in names."""

    needle: bytes
    depths: Depths

    @property
    def text(self) -> str:
        return self.needle.decode("utf-8", "surrogateescape")

    def layer(self, image: ImageIndex, layer: Descriptor) -> _LayerHits:
        where = f"{image.blobs.name}: layer {layer.digest}"
        hits = _LayerHits()
        with image.open_layer(layer) as source:
            stream = Stream(decompressed(source, where), where)
            reader = TarReader(stream)
            for member in reader:
                hits.files += 1
                self._member(reader, member, hits.found)
            source.finish()
        hits.bytes = stream.position
        return hits

    def _member(self, reader: TarReader, member: Member, hits: list[_Hit]) -> None:
        path = normal_path(member.name)
        text = self.text
        if text in f"/{member.name}" or text in f"/{removed_path(path) or path}":
            hits.append(_Hit(path, Where.PATH))
        if member.link and text in f"/{member.link}":
            hits.append(_Hit(path, Where.LINK))
        if reader.records and any(text in attribute for attribute in _attributes(reader)):
            hits.append(_Hit(path, Where.XATTR))
        if member.kind == "file" and member.size:
            _File(self, path, _Allowance(self.depths.bytes_of(member.size)), hits).look(
                _Searched(_MemberContent(reader), self.needle)
            )


def _attributes(reader: TarReader) -> Iterator[str]:
    """All pax records but the names, which are looked at by themselves."""
    return (f"{key}={value}" for key, value in reader.records.items() if key not in ("path", "linkpath"))


class _MemberContent:
    """The content of a layer's current member."""

    def __init__(self, reader: TarReader) -> None:
        self._reader = reader

    def read(self, size: int = -1, /) -> bytes:
        return self._reader.content(_BLOCK if size < 0 else size)


@dataclass
class _File:
    """One file of a layer, and all that it holds."""

    search: _Search
    path: str
    allowance: _Allowance
    hits: list[_Hit]
    members: int = 0

    def look(self, stream: _Searched) -> None:
        try:
            self._into(stream, ())
        except _EnoughError:
            size = self.allowance.whole
            self._unseen((), f"more than {size >> 20} MiB come out of it")
            stream.drain()
        if stream.found and not self.members:
            self.hits.append(_Hit(self.path, Where.CONTENT))

    def _into(self, stream: _Searched, trail: tuple[str, ...]) -> None:
        form = format_of(stream.head())
        if form is not None and form.open is None:
            self._unseen(trail, f"{form.name} is not opened")
        elif form is not None and len(trail) >= self.search.depths.levels + (form.name == "program"):
            self._unseen(trail, f"{form.name} within {len(trail)} others")
        elif form is not None:
            try:
                self._members(form, stream, trail)
            except DAMAGE as error:
                if not is_damage(error):
                    raise
                self._unseen(trail, f"{form.name}: {_message(error)}")
        stream.drain()

    def _members(self, form: Format, stream: _Searched, trail: tuple[str, ...]) -> None:
        assert form.open is not None
        for inner in form.open(stream):
            self._member(inner, (*trail, inner.name))

    def _member(self, inner: Inner, trail: tuple[str, ...]) -> None:
        """Of several that hold one another, the innermost is told."""
        text, before = self.search.text, self.members
        content = _Searched(inner.source, self.search.needle, self.allowance)
        try:
            self._into(content, trail)
        finally:
            said = text in f"/{inner.name}" or any(text in f"/{each}" for each in inner.texts)
            if said or (content.found and self.members == before):
                self.members += 1
                if self.members <= _MEMBERS_TOLD:
                    self.hits.append(_Hit(self.path, Where.MEMBER, " > ".join(trail)))

    def _unseen(self, trail: tuple[str, ...], reason: str) -> None:
        self.hits.append(_Hit(self.path, Where.MEMBER, " > ".join(trail), reason))


def _message(error: BaseException) -> str:
    text = str(getattr(error, "message", "") or error) or type(error).__name__
    return text.partition("\n")[0]


def _told(
    image: ImageIndex, chosen: _Chosen, found: Mapping[str, _LayerHits]
) -> tuple[list[Leak], list[Unseen]]:
    """What was found, for one platform, less what lower layers had."""
    leaks: list[Leak] = []
    unseen: list[Unseen] = []
    carried = _Carried(image, chosen.manifest.layers, found)
    for layer, descriptor in chosen.added:
        for hit in found[descriptor.digest].found if descriptor.digest in found else ():
            if carried.below(layer.index, hit):
                continue
            if hit.reason:
                unseen.append(Unseen(chosen.platform, layer, hit.path, hit.reason, hit.member))
            else:
                leaks.append(Leak(chosen.platform, layer, hit.path, hit.where, hit.member))
    return leaks, unseen


class _Carried:
    """Whether a path of a layer had in a lower one what was found at it. Layers are read only where asked."""

    def __init__(
        self, image: ImageIndex, layers: Sequence[Descriptor], found: Mapping[str, _LayerHits]
    ) -> None:
        self._image = image
        self._layers = layers
        self._paths = {
            hit.path for layer in layers if layer.digest in found for hit in found[layer.digest].found
        }
        self._known: dict[str, Mapping[str, _Stand]] = {}

    def below(self, index: int, hit: _Hit) -> bool:
        own = self._stands(index).get(hit.path)
        lower = (self._stands(at).get(hit.path) for at in range(index))
        return own is not None and any(
            stand is not None and own.part(hit.where) == stand.part(hit.where) for stand in lower
        )

    def _stands(self, index: int) -> Mapping[str, _Stand]:
        layer = self._layers[index]
        if layer.digest not in self._known:
            stands, targets = _read_stands(self._image, layer, self._paths)
            if targets:
                contents, _ = _read_stands(self._image, layer, targets)
                for path, stand in stands.items():
                    if stand.kind == "hardlink" and stand.link in contents:
                        stands[path] = stand._replace(digest=contents[stand.link].digest)
            self._known[layer.digest] = stands
        return self._known[layer.digest]


class _Stand(NamedTuple):
    """What stands at a path of a layer."""

    kind: str
    link: str
    attributes: tuple[str, ...]
    digest: str

    def part(self, where: Where) -> object:
        parts = {Where.PATH: "", Where.LINK: (self.kind, self.link), Where.XATTR: self.attributes}
        return parts.get(where, self.digest)


def _read_stands(
    image: ImageIndex, layer: Descriptor, paths: Iterable[str]
) -> tuple[dict[str, _Stand], set[str]]:
    """What stands at these paths, and what the hard links among them lead to."""
    wanted = set(paths)
    stands: dict[str, _Stand] = {}
    where = f"{image.blobs.name}: layer {layer.digest}"
    with image.open_layer(layer) as source:
        reader = TarReader(Stream(decompressed(source, where), where))
        for member in reader:
            path = normal_path(member.name)
            if path in wanted:
                link = normal_path(member.link) if member.kind == "hardlink" else member.link
                digest = hashlib.sha256()
                while block := reader.content(_BLOCK):
                    digest.update(block)
                stands[path] = _Stand(
                    member.kind, link, tuple(sorted(_attributes(reader))), digest.hexdigest()
                )
        source.finish()
    return stands, {stand.link for stand in stands.values() if stand.kind == "hardlink"}
