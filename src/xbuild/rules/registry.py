"""What registries say of base images; known only where it was asked for (`--online`)."""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.errors import PlatformError
from xbuild.graph.model import PLATFORM_ARGS, ImageBase, Stage, StageGraph
from xbuild.graph.platform import BUILD, TARGET, runs_on
from xbuild.plan.facts.images import configs_of
from xbuild.platforms import Platform
from xbuild.rules.rule import RuleContext


def base_images(graph: StageGraph) -> Iterator[tuple[Stage, str]]:
    """The stages on an image that is the same for every platform, and its reference."""
    for stage in graph.stages:
        base = stage.base
        if not isinstance(base, ImageBase) or base.reference is None or base.stages or stage.is_replaced:
            continue
        if not any(arg in stage.from_.image for arg in PLATFORM_ARGS):
            yield stage, base.reference


def told_of(context: RuleContext, reference: str) -> tuple[tuple[Platform, ...], bool] | None:
    """The platforms that an image is there for, and whether it is an index; None: not known."""
    answer = context.known.get(reference)
    told = configs_of(answer) if answer is not None else None
    if told is None:
        return None
    configs, is_index = told
    return tuple(p for name in configs if (p := _platform(name)) is not None), is_index


def missing(context: RuleContext, stage: Stage, there: tuple[Platform, ...]) -> tuple[Platform, ...]:
    """The platforms that a stage is wanted for, and its image is not there for."""
    where = runs_on(context.graph, stage.index)
    if where == TARGET:
        wanted: tuple[Platform, ...] = context.platforms
    elif where == BUILD:
        wanted = (context.build_platform,)
    else:
        pinned = _platform(where or "")
        wanted = (pinned,) if pinned is not None else ()
    return tuple(p for p in wanted if not any(_serves(one, p) for one in there))


def _serves(there: Platform, wanted: Platform) -> bool:
    """Whether BuildKit takes the one for the other: of arm an older variant will do, of others the plain."""
    if (there.os, there.architecture) != (wanted.os, wanted.architecture):
        return False
    if there.architecture == "arm":
        return (there.variant or "v7") <= (wanted.variant or "v7")
    return there.variant in ("", wanted.variant)


def _platform(name: str) -> Platform | None:
    try:
        return Platform.parse(name)
    except PlatformError:
        return None
