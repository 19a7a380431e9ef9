"""The OCI image spec's words as types, read from JSON: descriptor, index, manifest, config.

Names follow `descriptor.md`, `image-index.md`, `manifest.md` and `config.md`; the Docker media types are
those of distribution's `manifest-v2-2.md`. BuildKit marks attestation manifests with
`vnd.docker.reference.type` (moby/buildkit `docs/attestations/attestation-storage.md`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from xbuild.errors import ImageError

_T = TypeVar("_T")

_INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_REFERENCE_TYPE = "vnd.docker.reference.type"
_IN_TOTO = "application/vnd.in-toto+json"
_NO_PLATFORM = ("", "unknown/unknown")
_DIGEST = re.compile(r"(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})")


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
    def has_platform(self) -> bool:
        return self.platform not in _NO_PLATFORM

    @property
    def is_attestation(self) -> bool:
        """What BuildKit marks so and gives no platform; the mark alone would hide an image."""
        return not self.has_platform and any(key == _REFERENCE_TYPE for key, _ in self.annotations)


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
        return self.descriptor.platform if self.descriptor.has_platform else self.config.platform

    @property
    def is_attestation(self) -> bool:
        """Whether all that it holds are in-toto statements."""
        return bool(self.layers) and all(layer.media_type == _IN_TOTO for layer in self.layers)

    @property
    def has_files(self) -> bool:
        """Whether a layer is a tar, as those of images are."""
        return not self.layers or any(".tar" in layer.media_type for layer in self.layers)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A manifest that is not an image for a platform known here, and why."""

    digest: str
    what: str
    unjudged: str = ""
    """The platform of an image that nobody here can judge; empty for what is no image."""


def parse_json(data: bytes, where: str, what: str) -> Any:
    """JSON, or ImageError."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ImageError(f"{what} is not JSON: {error}", file=where) from error


def is_digest(text: str) -> bool:
    """Whether this is a digest of a known kind; nothing else may become part of a path."""
    return _DIGEST.fullmatch(text) is not None


def parse_descriptors(index: Any, where: str) -> list[Descriptor]:
    """The descriptors of an index."""
    return [parse_descriptor(item, where) for item in field(index, "manifests", list, where)]


def parse_descriptor(item: Any, where: str) -> Descriptor:
    """A descriptor from its JSON."""
    digest = field(item, "digest", str, where)
    if not is_digest(digest):
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
    architecture = item.get("architecture")
    # Runtimes take an image without an operating system for one of their own.
    parts = (item.get("os") or ("linux" if architecture else ""), architecture, item.get("variant"))
    return "/".join(part for part in parts if isinstance(part, str) and part)


def field(item: Any, key: str, kind: type[_T], where: str) -> _T:
    """A member of a JSON object that must be there and of this kind."""
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
        env=strings(inner.get("Env")),
        entrypoint=strings(inner.get("Entrypoint")),
        cmd=strings(inner.get("Cmd")),
        user=str(inner.get("User") or ""),
        working_dir=str(inner.get("WorkingDir") or ""),
        labels=tuple((str(k), str(v)) for k, v in labels.items()) if isinstance(labels, dict) else (),
        exposed_ports=tuple(str(port) for port in ports) if isinstance(ports, dict) else (),
        history=tuple(_history(content.get("history"))),
        diff_ids=strings(rootfs.get("diff_ids")) if isinstance(rootfs, dict) else (),
    )


def strings(value: Any) -> tuple[str, ...]:
    """A JSON list as texts; anything else is empty."""
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
