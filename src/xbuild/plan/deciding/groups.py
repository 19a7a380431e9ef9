"""Which stages may be pinned together: those that share a root."""

from __future__ import annotations

from dataclasses import dataclass, field

from xbuild.plan.deciding.survey import Survey
from xbuild.plan.model import Reason


@dataclass
class Group:
    """Stages that share a root and are pinned together. `split` are stages of the root's chain that have to
    be copied.
    """

    root: int
    stages: tuple[int, ...]
    split: tuple[int, ...] = ()
    reasons: dict[int, list[Reason]] = field(default_factory=dict)


def candidates(survey: Survey) -> list[Group]:
    roots: dict[int, list[int]] = {}
    for stage in survey.graph.stages:
        if stage.index not in survey.kept and not stage.is_replaced and survey.can_pin(stage.index):
            roots.setdefault(survey.graph.root_of(stage.index), []).append(stage.index)
    groups = [_group(survey, root, stages) for root, stages in roots.items()]
    return [g for g in groups if g is not None]


def _group(survey: Survey, root: int, stages: list[int]) -> Group | None:
    if not any(survey.has_run(s) or survey.lends_tools(s) for s in stages):
        return None
    if not any(survey.is_needed(s) for s in stages):
        return None
    if root not in survey.kept:
        return Group(root, tuple(stages))
    return _copied(survey, root, stages)


def _copied(survey: Survey, root: int, stages: list[int]) -> Group | None:
    """The group of those stages that get a copy of what they derive from and what is not among them.

    A stage that nothing is taken from, and that stands on that itself, gets none: it stays there.
    """
    first: dict[int, int] = {}
    for stage in stages:
        below = survey.graph.below(stage)
        first[stage] = first.get(stage if below is None else below, stage)
    moved = tuple(s for s in stages if survey.is_needed(first[s]))
    if not any(survey.has_run(s) for s in moved):
        return None
    shared: set[int] = set()
    for stage in {first[s] for s in moved}:
        below = survey.graph.below(stage)
        while below is not None and below not in shared:
            shared.add(below)
            below = survey.graph.below(below)
    return Group(root, moved, tuple(sorted(shared)))


def rest(survey: Survey, group: Group) -> Group | None:
    """What is left of a group without the stages that fail: these keep their base, the others get a
    copy of it.
    """
    if not group.reasons or not group.reasons.keys().isdisjoint(group.split):
        return None
    failing = {d for s in group.reasons for d in (s, *survey.graph.derived_from(s))}
    kept = {a for s in failing for a in survey.graph.chain_of(s)}
    return _copied(survey, group.root, [s for s in group.stages if s not in kept])
