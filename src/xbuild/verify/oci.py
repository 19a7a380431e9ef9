"""Images on disk: OCI layouts and archives, and what `docker save` writes; every blob read is checked.

Names follow the OCI image spec (`image-layout.md`, `image-index.md`, `manifest.md`, `config.md`,
`descriptor.md`); the Docker media types are those of distribution's `manifest-v2-2.md`, the older archive
form that of moby `image/tarexport`. BuildKit marks attestation manifests with `vnd.docker.reference.type`
(moby/buildkit `docs/attestations/attestation-storage.md`).
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self, TypeVar, cast

from xbuild.errors import ImageError, PlatformError
from xbuild.platforms import Platform
from xbuild.verify.tar import Stream, TarReader

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    import zstandard

_T = TypeVar("_T")

_INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_CONFIG_TYPES = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
_REFERENCE_TYPE = "vnd.docker.reference.type"
_DIGEST = re.compile(r"(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})")

_JSON_LIMIT = 32 << 20
"""Registries refuse manifests above 4 MiB; configs are smaller still."""
_READ = 1 << 18
_BLOCK = 1 << 20
_MAX_DEPTH = 8

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = tuple(bytes([0x50 + n, 0x2A, 0x4D, 0x18]) for n in range(16))
GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What points at a blob: media type, digest, size; in an index also the platform it is for."""

    media_type: str
    digest: str
    size: int
    platform: str = ""
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def is_index(self) -> bool:
        return self.media_type in _INDEX_TYPES

    @property
    def is_attestation(self) -> bool:
        return any(key == _REFERENCE_TYPE for key, _ in self.annotations)


@dataclass(frozen=True, slots=True)
class History:
    """One line of an image's history; an empty layer changed the config only."""

    created_by: str = ""
    comment: str = ""
    created: str = ""
    empty_layer: bool = False


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """The config of one platform's image."""

    platform: str
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    user: str = ""
    working_dir: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    exposed_ports: tuple[str, ...] = ()
    history: tuple[History, ...] = ()
    diff_ids: tuple[str, ...] = ()

    def variable(self, name: str) -> str | None:
        """An environment variable of the image."""
        found = [entry.partition("=")[2] for entry in self.env if entry.partition("=")[0] == name]
        return found[-1] if found else None

    def layer_history(self) -> tuple[History, ...]:
        """The history entries that have a layer, in the order of the layers."""
        return tuple(entry for entry in self.history if not entry.empty_layer)


@dataclass(frozen=True, slots=True)
class Manifest:
    """One platform's image: its config and layers."""

    descriptor: Descriptor
    config: ImageConfig
    layers: tuple[Descriptor, ...]

    @property
    def platform(self) -> str:
        """The platform that the index names, else that of the config."""
        return self.descriptor.platform or self.config.platform


@dataclass(frozen=True, slots=True)
class Skipped:
    """A manifest that is not an image for a platform known here, and why."""

    digest: str
    what: str


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


def decompressed(source: Digester, where: str) -> Callable[[], bytes]:
    """A function that returns the next uncompressed block, empty at the end.

    The form is told by the first bytes, not by the media type: gzip (also of several members, as pigz and
    eStargz write it), zstd (also with skippable frames, as zstd:chunked has them), or plain.
    """
    first = source.read(_READ)
    if first[:2] == GZIP_MAGIC:
        return _gunzip(source, first, where)
    if first[:4] == ZSTD_MAGIC or first[:4] in _ZSTD_SKIPPABLE:
        return _unzstd(source, first, where)
    pending = [first]

    def plain() -> bytes:
        return pending.pop() if pending else source.read(_BLOCK)

    return plain


def _gunzip(source: Digester, first: bytes, where: str) -> Callable[[], bytes]:
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
                    raise ImageError("a gzip layer breaks off", file=where)
            try:
                found = member.decompress(pending, _BLOCK)
            except zlib.error as error:
                raise ImageError(f"a gzip layer cannot be read: {error}", file=where) from error
            pending = member.unconsumed_tail
            if found:
                return found

    return block


class _Joined:
    """The bytes already read, then the rest of the source, as a file object for the zstd readers."""

    def __init__(self, first: bytes, source: Digester) -> None:
        self._first = first
        self._source = source

    def read(self, size: int = -1) -> bytes:
        if self._first:
            wanted = len(self._first) if size < 0 else size
            found, self._first = self._first[:wanted], self._first[wanted:]
            return found
        return self._source.read(size)


def _unzstd(source: Digester, first: bytes, where: str) -> Callable[[], bytes]:
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
            raise ImageError(f"a zstd layer cannot be read: {error}", file=where) from error
        total += len(found)
        if not total:
            # zstandard takes a frame that breaks off for the end; later breaks show in the tar.
            raise ImageError("a zstd layer breaks off", file=where)
        return found

    return block


@dataclass(frozen=True)
class Image:
    """Everything below one index: the manifests of known platforms, and what was passed over."""

    blobs: Blobs
    digest: str
    manifests: tuple[Manifest, ...]
    skipped: tuple[Skipped, ...]

    def open_layer(self, layer: Descriptor) -> Digester:
        """The layer's blob as stored; ImageError when it is not there."""
        file = self.blobs.open(layer.digest)
        if file is None:
            raise _missing(self.blobs.name, layer, "layer")
        return Digester(file, layer, self.blobs.name)


def _missing(where: str, descriptor: Descriptor, what: str) -> ImageError:
    return ImageError(
        f"{what} {descriptor.digest} is not there",
        file=where,
        expected="a complete image",
        hint="build or pull the image again with all its platforms",
    )


class OpenImage:
    """Context manager around `open_image`: removes the temporary copy of a compressed archive at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack = ExitStack()

    def __enter__(self) -> Image:
        return _open(self._path, self._stack)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def open_image(path: Path) -> OpenImage:
    """The image in an OCI layout directory, an OCI archive or a `docker save` archive."""
    return OpenImage(path)


def _open(path: Path, stack: ExitStack) -> Image:
    if path.is_dir():
        if not (path / "index.json").is_file():
            raise ImageError(
                "not an OCI layout: it has no index.json",
                file=str(path),
                expected="a directory that `docker buildx build --output type=oci,tar=false` wrote",
            )
        return _read_layout(Directory(path), _file_json(path / "index.json"), complete=True)
    archive = _open_archive(path, stack)
    if "index.json" in archive.members:
        # With the containerd store `docker save` lists all platforms but holds only those that were pulled.
        complete = "manifest.json" not in archive.members
        return _read_layout(archive, _member_json(archive, "index.json"), complete=complete)
    if "manifest.json" in archive.members:
        return _read_classic(archive)
    raise ImageError(
        "neither an OCI archive nor a `docker save` archive",
        file=str(path),
        expected="a tar with index.json or manifest.json in it",
    )


def _open_archive(path: Path, stack: ExitStack) -> Archive:
    try:
        with path.open("rb") as file:
            head = file.read(4)
            plain = head[:2] != GZIP_MAGIC and head != ZSTD_MAGIC
    except FileNotFoundError as error:
        raise ImageError("there is no such file or directory", file=str(path)) from error
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror}", file=str(path)) from error
    stored = path if plain else _unpacked(path, stack)
    return Archive(stored, str(path), _members(stored, str(path)), {})


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


def _file_json(path: Path) -> Any:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror}", file=str(path)) from error
    return _json(data, str(path), "index.json")


def _member_json(archive: Archive, member: str) -> Any:
    part = archive.open_member(member)
    if part is None:
        raise ImageError(f"{member} is not there", file=archive.name)
    with part:
        return _json(part.read(_JSON_LIMIT), archive.name, member)


def _json(data: bytes, where: str, what: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ImageError(f"{what} is not JSON: {error}", file=where) from error


def _blob_json(blobs: Blobs, descriptor: Descriptor, what: str) -> Any:
    file = blobs.open(descriptor.digest)
    if file is None:
        raise _missing(blobs.name, descriptor, what)
    with Digester(file, descriptor, blobs.name) as source:
        data = source.read(_JSON_LIMIT)
        source.finish()
    return _json(data, blobs.name, f"{what} {descriptor.digest}")


def _read_layout(blobs: Blobs, index: Any, *, complete: bool) -> Image:
    manifests: list[Manifest] = []
    skipped: list[Skipped] = []
    seen: set[str] = set()
    top = _descriptors(index, blobs.name)
    for descriptor in top:
        _walk(blobs, descriptor, manifests, skipped, seen, complete=complete, depth=0)
    if not manifests and not skipped:
        raise ImageError("the index names no image", file=blobs.name)
    digest = top[0].digest if len({item.digest for item in top}) == 1 else ""
    return Image(blobs, digest, tuple(manifests), tuple(skipped))


def _walk(
    blobs: Blobs,
    descriptor: Descriptor,
    manifests: list[Manifest],
    skipped: list[Skipped],
    seen: set[str],
    *,
    complete: bool,
    depth: int,
) -> None:
    if descriptor.digest in seen:
        return
    seen.add(descriptor.digest)
    if depth > _MAX_DEPTH:
        raise ImageError("indexes are nested too deep", file=blobs.name)
    if descriptor.is_attestation:
        skipped.append(Skipped(descriptor.digest, "attestation"))
        return
    if not complete and not _has(blobs, descriptor):
        skipped.append(Skipped(descriptor.digest, f"{descriptor.platform or 'manifest'}: not in the archive"))
        return
    content = _blob_json(blobs, descriptor, "index" if descriptor.is_index else "manifest")
    if descriptor.is_index or (isinstance(content, dict) and "manifests" in content):
        for child in _descriptors(content, blobs.name):
            _walk(blobs, child, manifests, skipped, seen, complete=complete, depth=depth + 1)
        return
    found = _manifest(blobs, descriptor, content)
    (manifests if isinstance(found, Manifest) else skipped).append(found)  # type: ignore[arg-type]


def _has(blobs: Blobs, descriptor: Descriptor) -> bool:
    file = blobs.open(descriptor.digest)
    if file is not None:
        file.close()
    return file is not None


def _manifest(blobs: Blobs, descriptor: Descriptor, content: Any) -> Manifest | Skipped:
    where = blobs.name
    config_descriptor = _descriptor(_field(content, "config", dict, where), where)
    if config_descriptor.media_type not in _CONFIG_TYPES:
        return Skipped(descriptor.digest, f"not an image: {config_descriptor.media_type or 'no config type'}")
    if content.get("artifactType") and descriptor.platform in ("", "unknown/unknown"):
        return Skipped(descriptor.digest, f"artifact: {content['artifactType']}")
    layers = tuple(_descriptor(item, where) for item in _field(content, "layers", list, where))
    config = parse_config(_blob_json(blobs, config_descriptor, "config"), where)
    manifest = Manifest(descriptor, config, layers)
    try:
        Platform.parse(manifest.platform)
    except PlatformError:
        return Skipped(descriptor.digest, f"platform {manifest.platform or 'unknown'} is not judged")
    return manifest


def _descriptors(index: Any, where: str) -> list[Descriptor]:
    return [_descriptor(item, where) for item in _field(index, "manifests", list, where)]


def _descriptor(item: Any, where: str) -> Descriptor:
    digest = _field(item, "digest", str, where)
    if not _DIGEST.fullmatch(digest):
        raise ImageError(f"digest {digest[:100]!r} cannot be read", file=where, expected="sha256:…")
    size = item.get("size")
    annotations = item.get("annotations")
    return Descriptor(
        str(item.get("mediaType", "")),
        digest,
        size if isinstance(size, int) else -1,
        _platform(item.get("platform")),
        tuple((str(k), str(v)) for k, v in annotations.items()) if isinstance(annotations, dict) else (),
    )


def _platform(item: Any) -> str:
    if not isinstance(item, dict):
        return ""
    parts = (item.get("os"), item.get("architecture"), item.get("variant"))
    return "/".join(part for part in parts if isinstance(part, str) and part)


def _field(item: Any, key: str, kind: type[_T], where: str) -> _T:
    value = item.get(key) if isinstance(item, dict) else None
    if not isinstance(value, kind):
        raise ImageError(f"an index or manifest has no {key!r} that can be read", file=where)
    return value


def parse_config(content: Any, where: str) -> ImageConfig:
    """An image config from its JSON."""
    if not isinstance(content, dict):
        raise ImageError("an image config that is not a JSON object", file=where)
    inner = content.get("config")
    inner = inner if isinstance(inner, dict) else {}
    rootfs = content.get("rootfs")
    labels = inner.get("Labels")
    ports = inner.get("ExposedPorts")
    return ImageConfig(
        platform=_platform(content),
        env=_strings(inner.get("Env")),
        entrypoint=_strings(inner.get("Entrypoint")),
        cmd=_strings(inner.get("Cmd")),
        user=str(inner.get("User") or ""),
        working_dir=str(inner.get("WorkingDir") or ""),
        labels=tuple((str(k), str(v)) for k, v in labels.items()) if isinstance(labels, dict) else (),
        exposed_ports=tuple(str(port) for port in ports) if isinstance(ports, dict) else (),
        history=tuple(_history(content.get("history"))),
        diff_ids=_strings(rootfs.get("diff_ids")) if isinstance(rootfs, dict) else (),
    )


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _history(value: Any) -> Iterator[History]:
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict):
            yield History(
                str(item.get("created_by") or ""),
                str(item.get("comment") or ""),
                str(item.get("created") or ""),
                bool(item.get("empty_layer")),
            )


def _read_classic(archive: Archive) -> Image:
    """The form before engine 25: `manifest.json` names the config and the uncompressed layers by path.

    Layers have no digest of their own there; the config's diff_ids are the digests of the same bytes.
    """
    listed = _member_json(archive, "manifest.json")
    where = archive.name
    manifests: list[Manifest] = []
    names: dict[str, str] = {}
    for item in listed if isinstance(listed, list) else ():
        member = _field(item, "Config", str, where)
        digest = "sha256:" + member.removeprefix("blobs/sha256/").removesuffix(".json")
        if not _DIGEST.fullmatch(digest):
            raise ImageError(f"config {member!r} is not named by its digest", file=where)
        named = Archive(archive.path, where, archive.members, {digest: member})
        config = parse_config(_blob_json(named, Descriptor("", digest, -1), "config"), where)
        paths = _strings(_field(item, "Layers", list, where))
        if len(paths) != len(config.diff_ids):
            raise ImageError(f"{len(paths)} layers, but {len(config.diff_ids)} diff_ids", file=where)
        names.update(zip(config.diff_ids, paths, strict=True))
        layers = tuple(Descriptor("", diff_id, -1) for diff_id in config.diff_ids)
        manifests.append(Manifest(Descriptor("", digest, -1, config.platform), config, layers))
    if not manifests:
        raise ImageError("manifest.json names no image", file=where)
    source = Archive(archive.path, where, archive.members, names)
    return Image(source, manifests[0].descriptor.digest, tuple(manifests), ())
