"""Verify an image wherever it is: a layout directory, an archive, a registry, or an engine's store.

This is where the pieces meet: `oci` reads, `layers` gathers facts, `judge` decides.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from xbuild.errors import ImageError
from xbuild.platforms import Platform, known_names
from xbuild.verify.checks import Allow, Check, CheckKind, Layer, PlatformImage, Severity, Verification
from xbuild.verify.judge import judge
from xbuild.verify.layers import FileSystem
from xbuild.verify.oci import ImageIndex, open_image
from xbuild.verify.pull import pulled, saved
from xbuild.verify.scan import cache_directory, check_layer_count, scan_layers
from xbuild.verify.spec import Manifest
from xbuild.verify.variants import read_platform

BaseLayers = int | Mapping[Platform, int] | None
"""How many of an image's layers, from the first on, belong to its base image; None when that is not known."""


def verify_layout(
    path: str | Path,
    platforms: Sequence[Platform] | None = None,
    allow: Sequence[Allow] = (),
    *,
    base_layers: BaseLayers = None,
    cache: Path | bool | None = True,
) -> Verification:
    """Check the image in an OCI layout directory, an OCI archive or a `docker save` archive.

    `platforms`: only these, and a missing one is a failure; None for all, and then images for other systems
    are warnings. `cache`: True for the user's cache of layer facts, a folder of one's own, or None or False
    for none. Raises ImageError when the image cannot be read, or has nothing that could be judged.
    """
    start = time.monotonic()
    where = cache_directory() if cache is True else cache or None
    with open_image(Path(path)) as image:
        there = tuple(p for m in image.manifests if (p := read_platform(m.platform)) is not None)
        unjudged = () if platforms is not None else _unjudged(image)
        images, read = load(image, platforms, base_layers, where)
        verification = judge(images, platforms, allow, there)
    return replace(
        verification,
        digest=image.digest,
        across=(*verification.across, *unjudged),
        skipped=tuple(f"{item.what} ({item.digest})" for item in image.skipped),
        seconds=time.monotonic() - start,
        bytes=read,
    )


def _unjudged(image: ImageIndex) -> tuple[Check, ...]:
    """What is said about images that cannot be judged; ImageError when there are no others."""
    names = tuple(dict.fromkeys(item.unjudged for item in image.skipped if item.unjudged))
    if not image.manifests:
        what = ", ".join(names) or ", ".join(dict.fromkeys(item.what for item in image.skipped))
        raise ImageError(
            f"nothing in it can be checked: {what}",
            file=image.blobs.name,
            expected="an image for linux/ and one of " + ", ".join(known_names()),
        )
    return tuple(
        Check(
            CheckKind.PLATFORM,
            Severity.WARNING,
            f"the image for {name} was not checked: xbuild knows no such Linux platform",
        )
        for name in names
    )


def verify_reference(
    reference: str,
    platforms: Sequence[Platform] | None = None,
    allow: Sequence[Allow] = (),
    *,
    base_layers: BaseLayers = None,
) -> Verification:
    """Check an image in a registry, with the user's docker logins; no engine is needed.

    Raises RegistryError when the registry refuses or does not answer, EngineError when no tool to pull with
    is there, ImageError when the image cannot be read.
    """
    with pulled(reference, platforms) as layout:
        return verify_layout(layout, platforms, allow, base_layers=base_layers)


def verify_engine_image(
    reference: str,
    platforms: Sequence[Platform] | None = None,
    allow: Sequence[Allow] = (),
    *,
    base_layers: BaseLayers = None,
) -> Verification:
    """Check an image in the engine's own store, through `docker save`; the classic store has no other way."""
    with saved(reference) as archive:
        return verify_layout(archive, platforms, allow, base_layers=base_layers)


def load(
    image: ImageIndex, platforms: Iterable[Platform] | None, base_layers: BaseLayers, cache: Path | None
) -> tuple[list[PlatformImage], int]:
    """The platforms of an image, ready for judging, and how many bytes of layers were looked at."""
    wanted = None if platforms is None else set(platforms)
    every = [(read_platform(manifest.platform), manifest) for manifest in image.manifests]
    chosen = [
        (platform, manifest)
        for platform, manifest in every
        if platform is not None and (wanted is None or platform in wanted)
    ]
    for _, manifest in chosen:
        check_layer_count(manifest.layers, manifest.config.diff_ids, image.blobs.name)
    layers = [layer for _, manifest in chosen for layer in manifest.layers]
    scans = scan_layers(image, layers, cache)
    loaded = [
        PlatformImage(
            platform,
            manifest.descriptor.digest,
            manifest.config,
            image_layers(platform, manifest, base_layers),
            FileSystem([scans[descriptor.digest] for descriptor in manifest.layers]),
        )
        for platform, manifest in chosen
    ]
    return loaded, sum(scan.bytes for scan in scans.values())


def image_layers(platform: Platform, manifest: Manifest, base_layers: BaseLayers) -> tuple[Layer, ...]:
    """An image's layers, each with what made it; `added` from where the base image ends."""
    base = _base_of(base_layers, platform, manifest)
    history = manifest.config.layer_history()
    return tuple(
        Layer(
            index,
            descriptor.digest,
            history[index].created_by if index < len(history) else "",
            added=index >= base,
        )
        for index, descriptor in enumerate(manifest.layers)
    )


def _base_of(base_layers: BaseLayers, platform: Platform, manifest: Manifest) -> int:
    if isinstance(base_layers, int):
        return base_layers
    if base_layers is not None:
        return base_layers.get(platform, 0)
    return guess_base_layers(manifest)


def guess_base_layers(manifest: Manifest) -> int:
    """How many leading layers are Debian's own root filesystem, as debuerreotype names it in the history.

    BuildKit does not record where the base ends, and layers of a base that was itself built from a Dockerfile
    look like one's own; so do those of bazel, ko, buildpacks, or of an image without history. All of them
    count as added, so that nothing is excused by mistake.
    """
    count = 0
    for entry in manifest.config.layer_history():
        if not entry.comment.startswith("debuerreotype") and not entry.created_by.startswith("# debian.sh "):
            break
        count += 1
    return min(count, len(manifest.layers))
