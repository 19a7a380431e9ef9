"""Who needs whom: stages that a target needs, stages that nothing needs, who takes paths out of a stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xbuild.graph.model import Edge, StageGraph, sources_of


def closure(start: int, needs: Mapping[int, Iterable[int]]) -> frozenset[int]:
    """`start` and all that it needs, through any number of steps."""
    found = {start}
    pending = [start]
    while pending:
        for source in needs.get(pending.pop(), ()):
            if source not in found:
                found.add(source)
                pending.append(source)
    return frozenset(found)


def reachable(graph: StageGraph, target: int | None = None) -> frozenset[int]:
    """Stages that `target` (default: the graph's target) needs, or may need for some platform; itself
    included.
    """
    needs: dict[int, set[int]] = {}
    for edge in graph.edges:
        needs.setdefault(edge.consumer, set()).update(sources_of(edge.source))
    return closure(graph.target if target is None else target, needs)


def leaves(graph: StageGraph) -> tuple[int, ...]:
    """Stages that no other stage needs; those that a named context replaces are left out."""
    needed = {source for edge in graph.edges for source in sources_of(edge.source)}
    return tuple(s.index for s in graph.stages if s.index not in needed and not s.is_replaced)


def consumers(graph: StageGraph, stage: int) -> tuple[Edge, ...]:
    """Edges that take paths out of `stage`, or out of a stage derived from it: those paths may be from here
    too.

    FROM edges are not among them; `graph.derived_from` tells who gets everything.
    """
    family = {stage, *graph.derived_from(stage)}
    return tuple(
        edge for edge in graph.edges if edge.kind != "from" and not family.isdisjoint(sources_of(edge.source))
    )


def takes(graph: StageGraph, stage: int, instruction: int) -> tuple[Edge, ...]:
    """Edges that one instruction of `stage` makes."""
    return graph.edges_of(stage, instruction)
