"""`FROM --platform=linux/amd64`: one platform, whatever is asked for.

Why: an image for linux/arm64 gets the files of linux/amd64, or its stage runs under QEMU on every other
machine. Nothing is said of stages that are chosen by a platform variable, or are named for a platform, nor of
a scratch stage.

Fix: the flag goes. Not safe: the base image may exist for that platform alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from xbuild.architectures import ARCHITECTURES
from xbuild.graph.model import PLATFORM_ARGS, ScratchBase, Stage
from xbuild.graph.platform import BUILD, TARGET, runs_on
from xbuild.rules.rule import Finding, Fix, Level, Rule, RuleContext
from xbuild.rules.spans import with_space_before
from xbuild.text import Edit

_NAMES = frozenset(name for row in ARCHITECTURES for name in row.names)


def check(context: RuleContext) -> Iterator[Finding]:
    graph = context.graph
    for stage in graph.stages:
        flag = stage.pin
        where = runs_on(graph, stage.index)
        if flag is None or where in (BUILD, TARGET, None) or isinstance(stage.base, ScratchBase):
            continue
        if graph.root_of(stage.index) != stage.index or _is_meant(context, stage):
            continue
        drop = Edit.delete(with_space_before(context.dockerfile.source, flag.span))
        fix = Fix((drop,), "drop the flag", is_safe=False)
        yield Finding(flag.span, f"{stage.label} is for {where}, whatever platform is asked for", fix)


def _is_meant(context: RuleContext, stage: Stage) -> bool:
    """Whether the stage is one of several, for a platform each: by its name, or chosen by a variable."""
    name = stage.name or ""
    if not _NAMES.isdisjoint(re.split(r"[-_.]", name)):
        return True
    texts = [i.logical.text for i in context.dockerfile.instructions]
    chosen = (t for t in texts if any(f"${arg}" in t or f"${{{arg}" in t for arg in PLATFORM_ARGS))
    pattern = "|".join(re.escape(part) for part in re.split(r"[-_.]", name) if len(part) > 2)
    return bool(pattern) and any(re.search(rf"^(FROM|COPY)\b.*({pattern})", t, re.IGNORECASE) for t in chosen)


RULE = Rule(
    "constant-platform",
    Level.WARNING,
    "FROM --platform names one platform",
    check,
    __doc__,
    first=("stage-platform-ignored",),
    buildkit="FromPlatformFlagConstDisallowed",
)
