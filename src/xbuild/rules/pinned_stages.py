"""What stages that are pinned to the build platform hand over to images for the target: what rules about that
share.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from itertools import pairwise

from xbuild.dockerfile.script import Command
from xbuild.graph.model import Edge, Stage, StageBase
from xbuild.graph.scope import Scope, join_path
from xbuild.rules.rule import RuleContext, RunScript

_BUILDING = ("build", "install")


def handed_over(context: RuleContext) -> tuple[tuple[Edge, str], ...]:
    """Paths that stages for the target take out of pinned stages, with the COPY or mount that takes each."""
    memo: dict[str, tuple[tuple[Edge, str], ...]] = context.graph.memo.setdefault("handed over", {})
    if "all" not in memo:
        memo["all"] = tuple(_handed_over(context))
    return memo["all"]


def _handed_over(context: RuleContext) -> Iterator[tuple[Edge, str]]:
    images = _images(context)
    for edge in context.graph.edges:
        if edge.kind != "copy" or not isinstance(edge.source, StageBase):
            continue
        if edge.source.stage in context.pinned and edge.consumer in images:
            yield from ((edge, path) for path in edge.paths if path is not None)


def _images(context: RuleContext) -> frozenset[int]:
    """Stages for the target that the image is made of: the target, and what it takes from, not by way of a
    pinned stage.
    """
    graph, found = context.graph, set[int]()
    for stage in reversed(graph.stages):
        takers = {edge.consumer for edge in graph.edges_out_of(stage.index)}
        if stage.index not in context.pinned and (stage.index == graph.target or takers & found):
            found.add(stage.index)
    return frozenset(found)


def is_handed_over(context: RuleContext, stage: Stage, path: str) -> bool:
    """Whether an image for the target gets `path` out of `stage`, or out of one derived from it."""
    family = {stage.index, *context.graph.derived_from(stage.index)}
    return any(
        isinstance(edge.source, StageBase) and edge.source.stage in family and _overlap(path, taken)
        for edge, taken in handed_over(context)
    )


def _overlap(one: str, other: str) -> bool:
    a, b = one.rstrip("/").partition("*")[0], other.rstrip("/").partition("*")[0]
    return a == b or a.startswith(f"{b.rstrip('/')}/") or b.startswith(f"{a.rstrip('/')}/")


def go_builds(context: RuleContext) -> Iterator[tuple[RunScript, Command, str]]:
    """`go build` and `go install` of pinned stages, with where each writes: a file, or a folder."""
    for shell in context.scripts():
        if shell.stage.index not in context.pinned:
            continue
        for command in shell.script.commands:
            words = [word.value for word in command.words]
            verb = next((w for w in words[1:] if w in _BUILDING), None)
            if command.name == "go" and verb is not None:
                yield shell, command, _output(context, shell, words, verb)


def _output(context: RuleContext, shell: RunScript, words: list[str | None], verb: str) -> str:
    folder = Scope(context.graph, shell.stage.index, shell.index).workdir() or "/"
    if verb == "install":
        return "/go/bin"
    given = next((w for o, w in pairwise(words) if o == "-o"), None)
    return posixpath.normpath(join_path(folder, given or ".") or folder)


def stage_text(context: RuleContext, stage: Stage) -> str:
    """All instructions of a stage and of the stages that it derives from, but for their FROM."""
    chain = (context.graph.stages[index] for index in context.graph.chain_of(stage.index))
    instructions = [i for s in chain for i in s.instructions[1:]]
    documents = [d.content for i in instructions for d in i.heredocs]
    return "\n".join([*(i.logical.text for i in instructions), *documents])
