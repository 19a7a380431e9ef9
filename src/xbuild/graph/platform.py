"""Which platform a stage runs on, and for which platform what it takes was made."""

from __future__ import annotations

from xbuild.errors import PlatformError
from xbuild.graph.assume import Pair, expand_for, platform_values
from xbuild.graph.model import Base, ContextBase, Edge, ImageBase, ScratchBase, Stage, StageBase, StageGraph
from xbuild.platforms import Platform

__all__ = ["BUILD", "TARGET", "platform_values", "runs_on", "source_platform"]

BUILD = "build"
TARGET = "target"

# Pairs (build, target) that tell the two sides, and a constant, apart. Only the usual variant of each
# architecture is among them, so that `linux/$TARGETARCH` counts as the target.
_PAIRS: tuple[Pair, ...] = tuple(
    (Platform.parse(f"linux/{build}"), Platform.parse(f"linux/{target}"))
    for build, target in (("amd64", "arm64"), ("arm64", "amd64"), ("riscv64", "arm/v7"), ("s390x", "386"))
)


def runs_on(graph: StageGraph, stage: int) -> str | None:
    """ "build", "target", a literal such as "linux/amd64", or None when it cannot be known.

    The root of the FROM chain decides: BuildKit ignores --platform on a FROM that names a stage
    (`convert.go`, `init`; moby/buildkit#2946) and on FROM scratch, which is for the target.
    """
    root = graph.stages[graph.root_of(stage)]
    if isinstance(root.base, ScratchBase):
        return TARGET
    if isinstance(root.base, ImageBase) and root.base.stages:
        found = {runs_on(graph, candidate) for candidate in root.base.stages}
        if root.base.may_be_image:
            found.add(_pinned_to(graph, root))
        return found.pop() if len(found) == 1 else None
    return _pinned_to(graph, _replaced_by(graph, root.base) or root)


def _replaced_by(graph: StageGraph, base: Base) -> Stage | None:
    """The stage that the context `base` stands in for, if any: its --platform is the one that counts."""
    if not isinstance(base, ContextBase):
        return None
    return next((stage for stage in graph.stages if stage.is_replaced and stage.base == base), None)


def _pinned_to(graph: StageGraph, stage: Stage) -> str | None:
    """What the stage's own --platform comes to."""
    flag = stage.pin
    if flag is None or not flag.value:
        return TARGET
    if "$" not in flag.value:
        return _literal(flag.value)
    found = [_parse(expand_for(graph, flag.value, pair)) for pair in _PAIRS]
    if found == [build for build, _ in _PAIRS]:
        return BUILD
    if found == [target for _, target in _PAIRS]:
        return TARGET
    first = found[0]
    return str(first) if first is not None and all(platform == first for platform in found) else None


def _parse(text: str | None) -> Platform | None:
    try:
        return Platform.parse(text) if text is not None else None
    except PlatformError:
        return None


def _literal(text: str) -> str:
    platform = _parse(text)
    return text if platform is None else str(platform)


def source_platform(graph: StageGraph, edge: Edge) -> str | None:
    """The platform of what `edge` takes, in the words of `runs_on`.

    COPY --from=image and a mount from an image resolve it for the target platform, in a pinned stage too
    (moby/buildkit#5671); a named context likewise, unless it stands in for a pinned stage.
    """
    if edge.kind == "from":
        return runs_on(graph, edge.consumer)
    if isinstance(edge.source, StageBase):
        return runs_on(graph, edge.source.stage)
    replaced = _replaced_by(graph, edge.source)
    return TARGET if replaced is None else _pinned_to(graph, replaced)
