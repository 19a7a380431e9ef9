"""A stage makes the same files for every platform, once for each of them.

Why: a bundle, a text, generated sources are the same everywhere. Without a pin the stage runs once
natively and once under QEMU for each other platform; pinned it runs once. Nothing is said of a stage that the
target does not need.

Fix: what `xbuild rewrite` would write, for the whole file. Safe. None is offered where a comment, `--select`
or `--ignore` leaves out a stage of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.graph.reach import reachable
from xbuild.plan.model import VerdictWord
from xbuild.rules.planned import to_be_pinned
from xbuild.rules.rule import Finding, Level, Rule, RuleContext


def check(context: RuleContext) -> Iterator[Finding]:
    wanted = reachable(context.graph)
    spans = {stage.from_.image_span for stage in context.graph.stages if stage.index in wanted}
    text = "makes the same for every platform, and is run again for each of them"
    for finding in to_be_pinned(context, VerdictWord.PORTABLE, text):
        if finding.span in spans:
            yield finding


RULE = Rule(
    "portable-built-per-platform",
    Level.WARNING,
    "a stage makes the same for every platform, once for each",
    check,
    __doc__,
    from_plan=True,
)
