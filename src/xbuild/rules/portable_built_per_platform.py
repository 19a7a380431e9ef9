"""A stage makes the same files for every platform, once for each of them.

Why: a bundle, a text, generated sources are the same everywhere. Without a pin the stage runs once
natively and once under QEMU for each other platform; pinned it runs once.

Fix: what `xbuild rewrite` would write. Safe.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.plan.model import VerdictWord
from xbuild.rules.planned import fix_of
from xbuild.rules.rule import Finding, Level, Rule, RuleContext


def check(context: RuleContext) -> Iterator[Finding]:
    if not any(stage.index not in context.pinned for stage in context.graph.stages[:-1]):
        return
    for stage, verdict in zip(context.graph.stages, context.plan.stages, strict=True):
        is_new = verdict.word is VerdictWord.PORTABLE and verdict.is_proved and verdict.has_run
        if is_new and stage.index not in context.pinned:
            text = f"{stage.label} makes the same for every platform, and is run again for each of them"
            yield Finding(stage.from_.image_span, text, fix_of(context, verdict))


RULE = Rule(
    "portable-built-per-platform",
    Level.WARNING,
    "a stage makes the same for every platform, once for each",
    check,
    __doc__,
)
