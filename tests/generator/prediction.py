"""What the plan says of a script: what it writes and reads, and what its output depends on."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import cast

from xbuild.dockerfile.parser import parse
from xbuild.graph.build import build_graph
from xbuild.graph.model import Options, StageGraph
from xbuild.plan.context import Context, NoContext
from xbuild.plan.facts.filesystem import Kind, Write, Writes, kind_of
from xbuild.plan.facts.images import Image
from xbuild.plan.model import Knowledge, Settings
from xbuild.plan.programs import PROGRAMS
from xbuild.plan.programs.program import Program, by_name
from xbuild.plan.reading.stage import StageFacts, evaluate
from xbuild.plan.toolchain import Call, Effect, Surroundings
from xbuild.plan.toolchains import TOOLCHAINS, image_facts
from xbuild.text import Source


@cache
def programs() -> Mapping[str, Program]:
    """All descriptions by name, those of the languages too."""
    return by_name((*PROGRAMS, *(p for t in TOOLCHAINS for p in t.programs)))


class _Empty(NoContext):
    """A context in which nothing can be looked at but that it has no symbolic links."""

    def links(self, source: str, *, unpacks: bool = False) -> Mapping[str, str]:  # noqa: ARG002
        return {}


EMPTY = _Empty()


@dataclass(frozen=True)
class Prediction:
    """`calls` and `effects` are those of the last RUN; `writes` is all that the stage wrote, `before` how
    many of these came before that RUN.
    """

    calls: Sequence[Call]
    effects: Sequence[Effect]
    writes: Writes
    before: int
    is_refused: bool

    @property
    def made(self) -> tuple[Write, ...]:
        """What the script writes."""
        return tuple(self.writes[self.before :])

    @property
    def is_read(self) -> bool:
        """Whether every command of it was understood."""
        return not self.is_refused and all(is_read(e) for e in self.effects)

    @property
    def output(self) -> Kind:
        """The kind of what the last command prints, and of its exit status."""
        return self.effects[-1].output if self.effects and not self.is_refused else Kind.UNKNOWN

    def kind_at(self, path: str) -> Kind:
        return kind_of(self.writes, path)


def is_read(effect: Effect) -> bool:
    """Whether a command was understood: it writes something in particular, or nothing."""
    return not any(w.path is None and w.kind is Kind.UNKNOWN for w in effect.writes)


def predict(
    script: str,
    setup: Sequence[str] = (),
    *,
    image: str = "debian:bookworm",
    replaced: Mapping[str, Program] | None = None,
    context: Context = EMPTY,
) -> Prediction:
    """Predict a script that runs as a RUN of its own, behind instructions that `setup` gives; `replaced`
    descriptions take the place of those of that name.
    """
    heredoc = f"RUN <<'END_OF_SCRIPT'\n{script}\nEND_OF_SCRIPT"
    graph = _graph(image, setup, heredoc)
    known = {**programs(), **(replaced or {})}
    assert isinstance(context, Hashable)
    below = _below(image, tuple(setup), context)
    facts = _evaluated(graph, 1, known, {0: below}, context)
    return Prediction(facts.calls, facts.effects, facts.writes, len(below.writes), bool(facts.reasons))


_BOTH = frozenset((0, 1))


def _graph(image: str, setup: Sequence[str], last: str = "") -> StageGraph:
    text = "\n".join((f"FROM {image} AS below", *setup, "FROM below", last, ""))
    return build_graph(parse(Source("Dockerfile", text)), Options(image_facts=image_facts))


@lru_cache(64)
def _below(image: str, setup: tuple[str, ...], context: Hashable) -> StageFacts:
    return _evaluated(_graph(image, setup), 0, programs(), {}, cast("Context", context))


def _evaluated(
    graph: StageGraph,
    stage: int,
    known: Mapping[str, Program],
    below: Mapping[int, StageFacts],
    context: Context,
) -> StageFacts:
    def around(number: int, told: Image) -> Surroundings:
        return _around(graph, number, told, known, context)

    return evaluate(graph, stage, around, below, _BOTH, TOOLCHAINS, below.get)


def _around(
    graph: StageGraph, stage: int, told: Image, known: Mapping[str, Program], context: Context
) -> Surroundings:
    return Surroundings(
        stage=stage,
        offset=graph.stages[stage].position,
        image=told,
        platforms=None,
        settings=Settings(),
        knowledge=Knowledge(),
        context=context,
        is_pinned_by_author=False,
        is_shipped=lambda _path: True,
        text=graph.dockerfile.source.text,
        after_line=lambda _line, limit: limit,
        is_taken=lambda _path: True,
        has_children=False,
        programs=known,
        tool_folders=(),
    )
