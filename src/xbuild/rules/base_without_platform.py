"""A base image whose name says that it is for one architecture (`arm64v8/debian`, `…:1.2-amd64`).

With `--online`, also one that its registry does not have for every platform asked for.

Why: the same name is taken for every platform, so that the image for another one holds its files, or cannot
be built at all. Official images have one name for all platforms. Nothing is said of stages and files that are
named for an architecture.

Fix: none: which name stands for all platforms is told by the image's registry.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.graph.model import PLATFORM_ARGS, ImageBase
from xbuild.plan.facts.images import bound_to
from xbuild.plan.facts.releases import architectures_in
from xbuild.rules.constants import is_named_for_one
from xbuild.rules.registry import base_images, missing, told_of
from xbuild.rules.rule import Finding, Level, Rule, RuleContext


def check(context: RuleContext) -> Iterator[Finding]:
    graph = context.graph
    for stage, reference in base_images(graph):
        told = told_of(context, reference)
        lacking = missing(context, stage, told[0]) if told is not None else ()
        if lacking and not _is_one_of_several(context, stage.name):
            platforms = " and ".join(map(str, lacking))
            yield Finding(stage.from_.image_span, f"{reference} is not there for {platforms}")
    if is_named_for_one(context):
        return
    wanted = {platform.architecture for platform in context.platforms}
    for stage in graph.stages:
        base = stage.base
        if not isinstance(base, ImageBase) or stage.is_replaced or stage.pin is not None:
            continue
        if any(arg in stage.from_.image for arg in PLATFORM_ARGS) or "$" in stage.from_.image:
            continue
        alone = bound_to(base.reference)
        if alone in (None, "windows") or base.reference in context.known:
            continue
        if wanted != {alone} and not _is_one_of_several(context, stage.name):
            text = f"{base.reference} is for {alone} alone, and is taken for every platform"
            yield Finding(stage.from_.image_span, text)


def _is_one_of_several(context: RuleContext, name: str | None) -> bool:
    """Whether the stage is named for a platform, or a FROM or COPY --from chooses it by a variable."""
    if architectures_in(name or ""):
        return True
    stem = (name or "").rpartition("-")[0] or (name or "").rpartition("_")[0]
    texts = (i.logical.text for i in context.dockerfile.instructions)
    return bool(stem) and any(stem in t and any(arg in t for arg in PLATFORM_ARGS) for t in texts)


RULE = Rule(
    "base-without-platform",
    Level.WARNING,
    "a base image for one architecture alone",
    check,
    __doc__,
    buildkit="InvalidBaseImagePlatform",
    first=("digest-of-one-platform",),
)
