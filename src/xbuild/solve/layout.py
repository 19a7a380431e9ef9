"""An OCI image layout on disk, as BuildKit writes it (`type=oci,tar=false`).

OCI image-spec v1.1: `index.json` names the root (an index, or a manifest when there are no attestations
and one platform); blobs lie in `blobs/sha256/`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from xbuild.errors import ImageError, PlatformError
from xbuild.platforms import Platform

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
_INDEXES = (OCI_INDEX, "application/vnd.docker.distribution.manifest.list.v2+json")
_ATTESTATION = "vnd.docker.reference.type"
_SUBJECT = "vnd.docker.reference.digest"


@dataclass(frozen=True)
class BlobReference:
    """A reference to a blob, with the JSON it came from."""

    raw: Mapping[str, Any]

    @property
    def digest(self) -> str:
        return str(self.raw["digest"])

    @property
    def media_type(self) -> str:
        return str(self.raw.get("mediaType", ""))

    @property
    def size(self) -> int:
        return int(self.raw.get("size", 0))

    @property
    def annotations(self) -> Mapping[str, str]:
        return self.raw.get("annotations") or {}

    @property
    def is_index(self) -> bool:
        return self.media_type in _INDEXES

    @property
    def is_attestation(self) -> bool:
        return self.annotations.get(_ATTESTATION) == "attestation-manifest"

    @property
    def platform(self) -> Platform | None:
        return _platform(self.raw.get("platform"))


@dataclass(frozen=True)
class BuiltImage:
    """The image for one platform: its manifest, its config, its attestation manifests."""

    platform: Platform
    descriptor: BlobReference
    manifest: Mapping[str, Any]
    config: Mapping[str, Any]
    attestations: tuple[BlobReference, ...] = ()

    @property
    def layers(self) -> tuple[BlobReference, ...]:
        return tuple(BlobReference(layer) for layer in self.manifest.get("layers") or ())

    @property
    def config_digest(self) -> str:
        return str(self.manifest["config"]["digest"])


@dataclass(frozen=True)
class Layout:
    """A layout folder; read on demand."""

    path: Path

    def blob(self, digest: str) -> Path:
        algorithm, _, value = digest.partition(":")
        return self.path / "blobs" / algorithm / value

    def read(self, digest: str) -> Any:
        """A JSON blob. Raises ImageError."""
        try:
            return json.loads(self.blob(digest).read_bytes())
        except (OSError, ValueError) as error:
            raise ImageError(f"the image layout lacks {digest}: {error}", file=str(self.path)) from error

    @cached_property
    def root(self) -> BlobReference:
        """The index or manifest that `index.json` names; several names for one image are one root."""
        try:
            entries = json.loads((self.path / "index.json").read_bytes())["manifests"]
            digests = {entry["digest"] for entry in entries}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ImageError(f"this is no OCI image layout: {error}", file=str(self.path)) from error
        if len(digests) != 1:
            raise ImageError(
                f"the layout names {len(digests)} images", file=str(self.path), expected="one image"
            )
        return BlobReference(entries[0])

    @property
    def digest(self) -> str:
        return self.root.digest

    @cached_property
    def manifests(self) -> tuple[BlobReference, ...]:
        """Descriptors of all manifests, attestations included."""
        if not self.root.is_index:
            return (self.root,)
        return tuple(BlobReference(raw) for raw in self.read(self.digest).get("manifests") or ())

    @cached_property
    def images(self) -> tuple[BuiltImage, ...]:
        """One per platform, in the order of the index."""
        return tuple(self._image(found) for found in self.manifests if not found.is_attestation)

    def _image(self, descriptor: BlobReference) -> BuiltImage:
        manifest = self.read(descriptor.digest)
        config = self.read(manifest["config"]["digest"])
        platform = descriptor.platform or _platform(config)
        if platform is None:
            raise ImageError(
                f"{descriptor.digest} does not say which platform it is for", file=str(self.path)
            )
        attestations = tuple(
            other
            for other in self.manifests
            if other.is_attestation and other.annotations.get(_SUBJECT) == descriptor.digest
        )
        return BuiltImage(platform, descriptor, manifest, config, attestations)


def _platform(raw: Mapping[str, Any] | None) -> Platform | None:
    if not raw or not raw.get("architecture"):
        return None
    parts = (raw.get("os") or "linux", raw["architecture"], raw.get("variant") or "")
    try:
        return Platform.parse("/".join(part for part in parts if part))
    except PlatformError:
        return None


def merge_layouts(layouts: Sequence[Layout], folder: Path) -> Layout:
    """One layout that holds the manifests of all, attestations included, under one new index.

    The blobs are linked, not copied. Every manifest keeps its bytes and so its digest; annotations of the
    indexes and of their descriptors are taken over.
    """
    for layout in layouts:
        for blob in _files(layout.path / "blobs"):
            _link(blob, folder / "blobs" / blob.relative_to(layout.path / "blobs"))
    manifests = [raw for layout in layouts for raw in _entries(layout)]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
    index.update(_annotations(layout.read(layout.digest) for layout in layouts if layout.root.is_index))
    data = json.dumps(index, indent=2).encode()
    digest = hashlib.sha256(data).hexdigest()
    (folder / "blobs" / "sha256" / digest).write_bytes(data)
    root = {"mediaType": OCI_INDEX, "digest": f"sha256:{digest}", "size": len(data)}
    write_index(folder, root | _annotations(layout.root.raw for layout in layouts))
    return Layout(folder)


def _annotations(objects: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """`annotations` of all; the first to say something about a key wins. Nothing when there are none."""
    found: dict[str, str] = {}
    for each in objects:
        found = {**(each.get("annotations") or {}), **found}
    return {"annotations": found} if found else {}


def write_index(folder: Path, root: Mapping[str, Any]) -> None:
    """`oci-layout` and an `index.json` that names `root`."""
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}', encoding="utf-8")
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [root]}
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")


def _entries(layout: Layout) -> Iterable[Mapping[str, Any]]:
    if layout.root.is_index:
        yield from (descriptor.raw for descriptor in layout.manifests)
        return
    for image in layout.images:
        kept = {key: image.descriptor.raw[key] for key in ("mediaType", "digest", "size")}
        yield {**kept, "platform": platform_object(image.platform)}


def platform_object(platform: Platform) -> dict[str, str]:
    """A platform as the image specification writes it."""
    words = {"architecture": platform.architecture, "os": platform.os}
    return {**words, "variant": platform.variant} if platform.variant else words


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
