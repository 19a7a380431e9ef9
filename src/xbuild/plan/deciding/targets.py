"""Which stages become images, and which may."""

from __future__ import annotations

import re
from collections.abc import Iterable

from xbuild.dockerfile.model import Onbuild, Run
from xbuild.graph.model import ImageBase, Stage, StageGraph, sources_of
from xbuild.graph.platform import BUILD, runs_on
from xbuild.graph.reach import closure, leaves


def target_stages(graph: StageGraph) -> tuple[int, ...]:
    """The stage of `--target`; without it the last one and every leaf that is meant as an image."""
    if graph.options.target is not None:
        return (graph.target,)
    return tuple(sorted({graph.target, *(s for s in leaves(graph) if _is_image(graph, s))}))


def _is_image(graph: StageGraph, leaf: int) -> bool:
    """Whether a stage that nothing is taken from is meant as an image, to be built by `--target`.

    It has a command; or it runs nothing, so that it can be meant for nothing else; or it takes files out of
    other stages or images, which are for the target. One that its author pinned is meant for a check.
    """
    stage = graph.stages[leaf]
    if stage.has_command or runs_on(graph, leaf) == BUILD:
        return stage.has_command
    runs = any(isinstance(i, Run) for i in (*graph.onbuild(leaf), *stage.instructions))
    is_base = any(isinstance(i, Onbuild) for i in stage.instructions)
    return not runs or is_base or any(e.kind == "copy" for e in graph.edges_into(leaf))


def kept_stages(graph: StageGraph, targets: Iterable[int]) -> frozenset[int]:
    """The targets and all that they derive from; and what a FROM may name that chooses by an ARG."""
    choosing = [s.index for s in graph.stages if _choices(graph, s)]
    pending, found = [*targets, *choosing], set(targets)
    while pending:
        stage = graph.stages[pending.pop()]
        for source in {*sources_of(stage.base), *_choices(graph, stage)} - found:
            found.add(source)
            pending.append(source)
    return frozenset(found)


def image_stages(graph: StageGraph, targets: Iterable[int]) -> frozenset[int]:
    """The targets and all that they derive from for sure, or for some platform."""
    bases = {stage.index: sources_of(stage.base) for stage in graph.stages}
    return frozenset(found for target in targets for found in closure(target, bases))


def _choices(graph: StageGraph, stage: Stage) -> tuple[int, ...]:
    """Earlier stages that a FROM with an ARG in it may name, by other values of the ARG than those known
    here.

    `FROM $IMAGE` is taken to name images only, unless its value names a stage or is not known.
    """
    image = stage.from_.image
    if "$" not in image or stage.is_replaced:
        return ()
    is_whole = re.fullmatch(r"\$\w+|\$\{[^}]*\}", image) is not None
    is_known = isinstance(stage.base, ImageBase) and stage.base.reference is not None
    if is_whole and is_known and not sources_of(stage.base):
        return ()
    pattern = ".*".join(re.escape(part) for part in re.split(r"\$\w+|\$\{[^}]*\}", image))
    return tuple(
        s.index for s in graph.stages[: stage.index] if re.fullmatch(pattern, s.name or "", re.IGNORECASE)
    )
