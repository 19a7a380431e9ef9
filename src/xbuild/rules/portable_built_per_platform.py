"""A stage makes the same files for every platform, once for each of them.

Why: a bundle, a text, generated sources are the same everywhere. Without a pin the stage runs once
natively and once under QEMU for each other platform; pinned it runs once. Nothing is said where the target
has no CMD or ENTRYPOINT: checks, and files for `--output`, are not made for several platforms.

Fix: what `xbuild rewrite` would write, for the whole file. Safe. None is offered where a comment, `--select`
or `--ignore` leaves out a stage of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.plan.model import VerdictWord
from xbuild.rules.planned import to_be_pinned
from xbuild.rules.rule import Finding, Level, Rule, RuleContext


def check(context: RuleContext) -> Iterator[Finding]:
    graph = context.graph
    if any(graph.stages[index].has_command for index in graph.chain_of(graph.target)):
        text = "makes the same for every platform, and is run again for each of them"
        yield from to_be_pinned(context, VerdictWord.PORTABLE, text)


RULE = Rule(
    "portable-built-per-platform",
    Level.WARNING,
    "a stage makes the same for every platform, once for each",
    check,
    __doc__,
    from_plan=True,
)
