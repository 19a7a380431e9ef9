"""Fixes that stem from the plan: the same bytes as `xbuild rewrite` writes for the stage."""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.errors import EditError
from xbuild.plan.model import StageVerdict, VerdictWord
from xbuild.rules.rule import Finding, Fix, RuleContext


def fix_of(context: RuleContext, verdict: StageVerdict) -> Fix | None:
    """The changes of a verdict as one fix, or None where they cannot be made without doubt."""
    from xbuild.rewrite.edits import collect

    try:
        made = collect(context.dockerfile, verdict.changes)
    except EditError:
        return None
    return Fix(tuple(made.edits), "rewrite the stage, as `xbuild rewrite` does") if made.edits else None


def to_be_pinned(context: RuleContext, word: VerdictWord, text: str) -> Iterator[Finding]:
    """A finding for each stage that runs something, is not pinned, and is proved to be of this verdict; the
    plan is made only if there is a stage that it could be about.
    """
    stages = context.graph.stages
    if not any(stage.index not in context.pinned for stage in stages[:-1]):
        return
    for stage, verdict in zip(stages, context.plan.stages, strict=True):
        is_new = verdict.word is word and verdict.is_proved and verdict.has_run
        if is_new and stage.index not in context.pinned:
            yield Finding(stage.from_.image_span, f"{stage.label} {text}", fix_of(context, verdict))
