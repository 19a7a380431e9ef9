"""Fixes that stem from the plan: the same bytes as `xbuild rewrite` writes for the stage."""

from __future__ import annotations

from xbuild.errors import EditError
from xbuild.plan.model import StageVerdict
from xbuild.rules.rule import Fix, RuleContext


def fix_of(context: RuleContext, verdict: StageVerdict) -> Fix | None:
    """The changes of a verdict as one fix, or None where they cannot be made without doubt."""
    from xbuild.rewrite.edits import collect

    try:
        made = collect(context.dockerfile, verdict.changes)
    except EditError:
        return None
    return Fix(tuple(made.edits), "rewrite the stage, as `xbuild rewrite` does") if made.edits else None
