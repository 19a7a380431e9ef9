"""`FROM --platform=linux/amd64`: one platform, whatever is asked for.

Why: an image for linux/arm64 gets the files of linux/amd64, or its stage runs under QEMU on every other
machine. Nothing is said of stages that are chosen by a platform variable, or are named for a platform, nor of
a scratch stage.

Fix: the flag goes. Not safe: the base image may exist for that platform alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from xbuild.graph.model import PLATFORM_ARGS, ImageBase, Stage, StageGraph
from xbuild.graph.platform import BUILD, TARGET, runs_on
from xbuild.graph.reach import reachable
from xbuild.plan.facts.releases import architectures_in
from xbuild.rules.constants import is_named_for_one
from xbuild.rules.rule import Finding, Fix, Level, Rule, RuleContext
from xbuild.rules.spans import with_space_before
from xbuild.text import Edit


def check(context: RuleContext) -> Iterator[Finding]:
    graph = context.graph
    for stage in graph.stages:
        flag = stage.pin
        where = runs_on(graph, stage.index)
        if flag is None or where in (BUILD, TARGET, None) or not isinstance(stage.base, ImageBase):
            continue
        if (
            _may_be_stage(graph, stage)
            or "$" in (flag.value or "$")
            or not (flag.value or "").startswith("linux/")
        ):
            continue
        if graph.root_of(stage.index) != stage.index or _is_meant(context, stage):
            continue
        drop = Edit.delete(with_space_before(context.dockerfile.source, flag.span))
        fix = Fix((drop,), "drop the flag", is_safe=False)
        yield Finding(flag.span, f"{stage.title} is for {where}, whatever platform is asked for", fix)


def _may_be_stage(graph: StageGraph, stage: Stage) -> bool:
    """Whether the FROM names stages, by a variable: their own flags count then."""
    stem, variable, _ = stage.from_.image.partition("$")
    return bool(variable and stem) and any((s.name or "").startswith(stem) for s in graph.stages)


def _is_meant(context: RuleContext, stage: Stage) -> bool:
    """Whether the stage is one of several, for a platform each: by its name, or chosen by a variable."""
    name = stage.name or ""
    if is_named_for_one(context) or _is_named(context.graph, stage):
        return True
    texts = [i.logical.text for i in context.dockerfile.instructions]
    chosen = (t for t in texts if any(f"${arg}" in t or f"${{{arg}" in t for arg in PLATFORM_ARGS))
    pattern = "|".join(re.escape(part) for part in re.split(r"[-_.]", name) if len(part) > 2)
    return bool(pattern) and any(re.search(rf"^(FROM|COPY)\b.*({pattern})", t, re.IGNORECASE) for t in chosen)


def _is_named(graph: StageGraph, stage: Stage) -> bool:
    """Whether the stage is named for a platform, or every way from it to the image leads over one that is."""
    if architectures_in(stage.name or ""):
        return True
    takers = {edge.consumer for edge in graph.edges_out_of(stage.index)} & reachable(graph)
    return bool(takers) and all(_is_named(graph, graph.stages[taker]) for taker in takers)


RULE = Rule(
    "constant-platform",
    Level.WARNING,
    "FROM --platform names one platform",
    check,
    __doc__,
    first=("stage-platform-ignored",),
    buildkit="FromPlatformFlagConstDisallowed",
)
