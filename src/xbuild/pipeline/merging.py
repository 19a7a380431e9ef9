"""Images of single platforms made one: pulled as they are, checked as a whole, and pushed under one index."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from xbuild.errors import UsageError
from xbuild.platforms import Platform
from xbuild.solve.engine import Engine
from xbuild.solve.layout import Layout, merge_layouts
from xbuild.solve.push import PushOutcome, push
from xbuild.solve.references import Reference, parse_reference
from xbuild.text import expression
from xbuild.verify.checks import Allow, Verification
from xbuild.verify.image import verify_layout
from xbuild.verify.pull import pulled

_DIGEST = expression(r"(?:sha256:)?(?P<hex>[0-9a-f]{64})")


@dataclass(frozen=True)
class Merged:
    """What was joined. `verification`: None where that was not wanted. `pushed`: empty unless it passed."""

    digest: str
    platforms: tuple[Platform, ...]
    attestations: int
    verification: Verification | None
    pushed: tuple[PushOutcome, ...] = ()

    @property
    def is_right(self) -> bool:
        return self.verification is None or self.verification.passed


def sources_of(words: Sequence[str], tags: Sequence[str]) -> tuple[str, ...]:
    """References by digest; a digest alone is in the repository of the first tag. Raises UsageError."""
    if not tags:
        raise UsageError("a merged image needs a name", expected="--tag HOST/NAME:TAG")
    for tag in tags:
        if parse_reference(tag).digest:
            raise UsageError(f"{tag} names a digest, and the index's own is not known yet", expected="a tag")
    home = parse_reference(tags[0])
    return tuple(str(_source(word, home)) for word in words)


def _source(word: str, home: Reference) -> Reference:
    alone = _DIGEST.fullmatch(word)
    if alone is not None:
        return replace(home, tag="", digest=f"sha256:{alone['hex']}")
    found = parse_reference(word)
    if not found.digest:
        raise UsageError(
            f"{word} names a tag, which may move",
            expected="sha256:…, or NAME@sha256:…",
            hint="docker buildx imagetools inspect NAME:TAG shows its digest",
        )
    return replace(found, tag="")


def merge(
    sources: Sequence[str],
    tags: Sequence[str],
    folder: Path,
    engine: Engine,
    allow: Sequence[Allow] = (),
    *,
    verifies: bool = True,
) -> Merged:
    """Join and push; nothing is pushed where something in it is wrong. Manifests keep their bytes,
    attestations go along, annotations of the indexes are taken over.

    Raises UsageError, RegistryError, EngineError, ImageError.
    """
    with ExitStack() as stack:
        layouts = [Layout(stack.enter_context(pulled(source))) for source in sources]
        _check(sources, layouts)
        layout = merge_layouts(layouts, folder / "merged")
        verification = verify_layout(layout.path, None, allow) if verifies else None
        platforms = tuple(image.platform for image in layout.images)
        attestations = sum(len(image.attestations) for image in layout.images)
        merged = Merged(layout.digest, platforms, attestations, verification)
        return replace(merged, pushed=push(layout, tags, engine)) if merged.is_right else merged


def _check(sources: Sequence[str], layouts: Sequence[Layout]) -> None:
    """Each digest is what was asked for, and each platform there once."""
    seen: dict[Platform, str] = {}
    for source, layout in zip(sources, layouts, strict=True):
        for image in layout.images:
            if image.platform in seen:
                raise UsageError(
                    f"{source} and {seen[image.platform]} are both for {image.platform}",
                    expected="one image for each platform",
                )
            seen[image.platform] = source
        wanted = source.rpartition("@")[2]
        if layout.digest != wanted:
            raise UsageError(f"{source} came as {layout.digest}", hint="pull it again, or use a newer buildx")
