"""A stage is emulated although what it makes does not depend on the machine it runs on.

Why: a bundle, a text, generated sources are the same everywhere, and a download is what its address says.
Without a pin the stage runs once natively and once under QEMU for each other platform; pinned it runs
natively, and once for all if it uses no platform ARG. Nothing is said of a stage that the target does not
need.

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
    text = "is emulated for every other platform, and what it makes does not depend on where it runs"
    for finding in to_be_pinned(context, VerdictWord.PORTABLE, text):
        if finding.span in spans:
            yield finding


RULE = Rule(
    "portable-built-per-platform",
    Level.WARNING,
    "a stage is emulated although what it makes does not depend on where it runs",
    check,
    __doc__,
    from_plan=True,
)
