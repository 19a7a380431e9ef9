"""Rules whose fix is the plan's: all of it or none, the same bytes as `xbuild rewrite` writes.

The plan proves its changes together: a pin of one stage may be right only because another stage gets its
variables. So no fix is offered where one of these rules is left out for a stage that the plan would touch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xbuild.errors import EditError
from xbuild.graph.model import Stage
from xbuild.plan.model import VerdictWord
from xbuild.rules.comments import Comment
from xbuild.rules.rule import Finding, Fix, RuleContext


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
            yield Finding(stage.from_.image_span, f"{stage.title} {text}")


def plan_fix(context: RuleContext) -> Fix | None:
    """All that the plan changes as one fix of the file, or None where it cannot be made without doubt."""
    from xbuild.rewrite.render import apply_changes

    try:
        made = apply_changes(context.dockerfile, context.plan.changes())
    except EditError:
        return None
    return Fix(made.edits, "rewrite the file, as `xbuild rewrite` does") if made.edits else None


def in_the_way(
    context: RuleContext, fix: Fix, comments: Sequence[Comment], names: frozenset[str]
) -> tuple[Comment, ...]:
    """The comments that ignore one of the rules `names` for (a part of) a stage that the fix touches."""
    source, stages = context.dockerfile.source, context.graph.stages
    lines = {source.line_of(edit.span.start) for edit in fix.edits}
    touched = [
        _lines(stage)
        for stage in stages
        if context.verdict(stage).changes or not lines.isdisjoint(_lines(stage))
    ]
    return tuple(
        comment
        for comment in comments
        if not names.isdisjoint(comment.rules)
        and (comment.lines is None or any(_meet(comment.lines, stage) for stage in touched))
    )


def _lines(stage: Stage) -> range:
    return range(stage.from_.first_line, stage.instructions[-1].last_line + 1)


def _meet(lines: tuple[int, int], stage: range) -> bool:
    return lines[0] < stage.stop and stage.start <= lines[1]
