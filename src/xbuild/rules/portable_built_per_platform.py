"""A stage is emulated although what it makes does not depend on the machine it runs on.

Why: a bundle, a text, generated sources are the same everywhere, and a download is what its address says.
Without a pin the stage runs once natively and once under QEMU for each other platform; pinned it runs
natively, and once for all if it uses no platform ARG. Nothing is said of a stage that the target does not
need, nor of one that only makes a folder or writes a line: that takes no time under QEMU either.

Fix: what `xbuild rewrite` would write, for the whole file. Safe. None is offered where a comment, `--select`
or `--ignore` leaves out a stage of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.dockerfile.model import Run
from xbuild.graph.model import Stage
from xbuild.graph.reach import reachable
from xbuild.plan.model import VerdictWord
from xbuild.plan.table import words
from xbuild.rules.planned import to_be_pinned
from xbuild.rules.rule import Finding, Level, Rule, RuleContext

_IDLE = frozenset(words("echo printf mkdir touch true : cd set export"))


def check(context: RuleContext) -> Iterator[Finding]:
    wanted = reachable(context.graph)
    spans = {
        stage.from_.image_span
        for stage in context.graph.stages
        if stage.index in wanted and _works(context, stage)
    }
    text = "is emulated for every other platform, and what it makes does not depend on where it runs"
    for finding in to_be_pinned(context, VerdictWord.PORTABLE, text):
        if finding.span in spans:
            yield finding


def _works(context: RuleContext, stage: Stage) -> bool:
    """Whether it does more than what takes no time anywhere."""
    runs = [i for i in (*stage.instructions, *context.graph.onbuild(stage.index)) if isinstance(i, Run)]
    scripts = [context.script(run) if run.script is not None else None for run in runs]
    return any(
        script is None or any(c.words and c.name not in _IDLE for c in script.commands) for script in scripts
    )


RULE = Rule(
    "portable-built-per-platform",
    Level.WARNING,
    "a stage is emulated although what it makes does not depend on where it runs",
    check,
    __doc__,
    from_plan=True,
)
