"""Images on disk: OCI layouts and archives, and what `docker save` writes; every blob read is checked.

The forms: OCI image spec `image-layout.md`; moby `image/tarexport` for the older `docker save`.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from xbuild.errors import ImageError
from xbuild.verify.blobs import Archive, Blobs, Digester, Directory, open_archive
from xbuild.verify.spec import (
    Descriptor,
    Manifest,
    Skipped,
    field,
    is_digest,
    parse_config,
    parse_descriptor,
    parse_descriptors,
    parse_json,
    strings,
)
from xbuild.verify.variants import read_platform

_CONFIG_TYPES = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)

_JSON_LIMIT = 32 << 20
"""Registries refuse manifests above 4 MiB; configs are smaller still."""
_MAX_DEPTH = 8


@dataclass(frozen=True)
class ImageIndex:
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

    def __enter__(self) -> ImageIndex:
        return _open(self._path, self._stack)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def open_image(path: Path) -> OpenImage:
    """The image in an OCI layout directory, an OCI archive or a `docker save` archive."""
    return OpenImage(path)


def _open(path: Path, stack: ExitStack) -> ImageIndex:
    if path.is_dir():
        if not (path / "index.json").is_file():
            raise ImageError(
                "not an OCI layout: it has no index.json",
                file=str(path),
                expected="a directory that `docker buildx build --output type=oci,tar=false` wrote",
            )
        return _read_layout(Directory(path), _file_json(path / "index.json"), complete=True)
    archive = open_archive(path, stack)
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


def _file_json(path: Path) -> Any:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror}", file=str(path)) from error
    return parse_json(data, str(path), "index.json")


def _member_json(archive: Archive, member: str) -> Any:
    part = archive.open_member(member)
    if part is None:
        raise ImageError(f"{member} is not there", file=archive.name)
    with part:
        return parse_json(part.read(_JSON_LIMIT), archive.name, member)


def _blob_json(blobs: Blobs, descriptor: Descriptor, what: str) -> Any:
    file = blobs.open(descriptor.digest)
    if file is None:
        raise _missing(blobs.name, descriptor, what)
    with Digester(file, descriptor, blobs.name) as source:
        data = source.read(_JSON_LIMIT)
        source.finish()
    return parse_json(data, blobs.name, f"{what} {descriptor.digest}")


def _read_layout(blobs: Blobs, index: Any, *, complete: bool) -> ImageIndex:
    manifests: list[Manifest] = []
    skipped: list[Skipped] = []
    seen: set[tuple[str, str]] = set()
    top = parse_descriptors(index, blobs.name)
    for descriptor in top:
        _walk(blobs, descriptor, manifests, skipped, seen, complete=complete, depth=0)
    if not manifests and not skipped:
        raise ImageError("the index names no image", file=blobs.name)
    digest = top[0].digest if len({item.digest for item in top}) == 1 else ""
    return ImageIndex(blobs, digest, tuple(manifests), tuple(skipped))


def _walk(
    blobs: Blobs,
    descriptor: Descriptor,
    manifests: list[Manifest],
    skipped: list[Skipped],
    seen: set[tuple[str, str]],
    *,
    complete: bool,
    depth: int,
) -> None:
    # One manifest may be listed for several platforms: each of them is a claim of its own.
    if not _is_new(seen, descriptor.digest, descriptor.platform):
        return
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
        if not _is_new(seen, descriptor.digest, "index"):
            return
        for child in parse_descriptors(content, blobs.name):
            _walk(blobs, child, manifests, skipped, seen, complete=complete, depth=depth + 1)
        return
    found = _manifest(blobs, descriptor, content)
    if isinstance(found, Skipped):
        skipped.append(found)
    elif _is_new(seen, descriptor.digest, f"judged as {read_platform(found.platform)}"):
        manifests.append(found)


def _is_new(seen: set[tuple[str, str]], digest: str, what: str) -> bool:
    if (digest, what) in seen:
        return False
    seen.add((digest, what))
    return True


def _has(blobs: Blobs, descriptor: Descriptor) -> bool:
    file = blobs.open(descriptor.digest)
    if file is not None:
        file.close()
    return file is not None


def _manifest(blobs: Blobs, descriptor: Descriptor, content: Any) -> Manifest | Skipped:
    where = blobs.name
    config_descriptor = parse_descriptor(field(content, "config", dict, where), where)
    if config_descriptor.media_type not in _CONFIG_TYPES:
        return Skipped(descriptor.digest, f"not an image: {config_descriptor.media_type or 'no config type'}")
    if content.get("artifactType") and descriptor.platform in ("", "unknown/unknown"):
        return Skipped(descriptor.digest, f"artifact: {content['artifactType']}")
    layers = tuple(parse_descriptor(item, where) for item in field(content, "layers", list, where))
    config = parse_config(_blob_json(blobs, config_descriptor, "config"), where)
    manifest = Manifest(descriptor, config, layers)
    if manifest.is_attestation:
        return Skipped(descriptor.digest, "attestation")
    if not descriptor.has_platform and not manifest.has_files:
        return Skipped(descriptor.digest, f"not an image: layers of type {layers[0].media_type or 'unknown'}")
    return _judged(manifest)


def _judged(manifest: Manifest) -> Manifest | Skipped:
    if read_platform(manifest.platform) is not None:
        return manifest
    name = manifest.platform or "unknown"
    return Skipped(manifest.descriptor.digest, f"platform {name} is not judged", unjudged=name)


def _read_classic(archive: Archive) -> ImageIndex:
    """The form before engine 25: `manifest.json` names the config and the uncompressed layers by path.

    Layers have no digest of their own there; the config's diff_ids are the digests of the same bytes.
    """
    listed = _member_json(archive, "manifest.json")
    where = archive.name
    found: list[Manifest | Skipped] = []
    names: dict[str, str] = {}
    for item in listed if isinstance(listed, list) else ():
        member = field(item, "Config", str, where)
        digest = "sha256:" + member.removeprefix("blobs/sha256/").removesuffix(".json")
        if not is_digest(digest):
            raise ImageError(f"config {member!r} is not named by its digest", file=where)
        named = Archive(archive.path, where, archive.members, {digest: member})
        config = parse_config(_blob_json(named, Descriptor("", digest, -1), "config"), where)
        paths = strings(field(item, "Layers", list, where))
        if len(paths) != len(config.diff_ids):
            raise ImageError(f"{len(paths)} layers, but {len(config.diff_ids)} diff_ids", file=where)
        names.update(zip(config.diff_ids, paths, strict=True))
        layers = tuple(Descriptor("", diff_id, -1) for diff_id in config.diff_ids)
        found.append(_judged(Manifest(Descriptor("", digest, -1, config.platform), config, layers)))
    if not found:
        raise ImageError("manifest.json names no image", file=where)
    source = Archive(archive.path, where, archive.members, names)
    first = found[0]
    digest = first.digest if isinstance(first, Skipped) else first.descriptor.digest
    manifests = tuple(item for item in found if isinstance(item, Manifest))
    return ImageIndex(source, digest, manifests, tuple(item for item in found if isinstance(item, Skipped)))
