"""From what the user named to what will be built: plan, questions, new text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from xbuild.cli.project import Project, plan_project
from xbuild.cli.questions import settle
from xbuild.dockerfile.model import Dockerfile, Instruction
from xbuild.graph.model import StageGraph
from xbuild.plan.model import Plan
from xbuild.solve.build import SolveRequest
from xbuild.solve.engine import Engine
from xbuild.solve.progress import Event
from xbuild.text import Source


@dataclass(frozen=True)
class Prepared:
    """What will be built. `plan` and `new` are None when nothing was planned, and `why_not` says why."""

    project: Project
    engine: Engine
    folder: Path
    plan: Plan | None = None
    new: Source | None = None
    line_map: Callable[[int], int | None] | None = None
    why_not: str = ""

    @property
    def is_rewritten(self) -> bool:
        return self.new is not None

    @cached_property
    def request(self) -> SolveRequest:
        return SolveRequest(
            options=self.project.options,
            inputs=self.project.inputs,
            engine=self.engine,
            folder=self.folder / "build",
            text=self.new.text if self.new else None,
            line_map=self.line_map,
        )

    @cached_property
    def built(self) -> Dockerfile | None:
        """The tree of the text that buildx gets."""
        from xbuild.dockerfile.parser import parse

        return parse(self.new) if self.new else self.project.dockerfile

    @cached_property
    def graph(self) -> StageGraph | None:
        """The stages of the text that buildx gets."""
        from xbuild.graph.build import build_graph

        return build_graph(self.built, self.project.graph_options) if self.built else None

    def user_line(self, line: int) -> int | None:
        """The user's line for a line of what buildx gets."""
        return self.line_map(line) if self.line_map else line

    @property
    def target_chain(self) -> tuple[Instruction, ...]:
        """The instructions that make up the image, its bases that are stages included."""
        graph = self.graph
        if graph is None:
            return ()
        return tuple(i for at in graph.chain_of(graph.target) for i in graph.stages[at].instructions)


def prepare(
    project: Project,
    engine: Engine,
    folder: Path,
    on_event: Callable[[Event], None] | None,
    *,
    ask: bool = True,
) -> Prepared:
    """Plan, ask the builder what the plan wants to know, and write the new text."""
    if project.dockerfile is None:
        return Prepared(project, engine, folder, why_not=project.inputs.reason)
    plan = plan_project(
        project
    )  # also with --no-rewrite: what is wrong with the file is said before building
    if project.options.no_rewrite:
        return Prepared(project, engine, folder, why_not="--no-rewrite")
    problem = ""
    if ask and plan.questions:
        settled = settle(project, plan, engine, folder, on_event)
        plan, problem = settled.plan, settled.problem
    return _rewritten(Prepared(project, engine, folder, plan, why_not=problem), project.dockerfile, plan)


def _rewritten(before: Prepared, dockerfile: Dockerfile, plan: Plan) -> Prepared:
    from xbuild.rewrite.render import rewrite

    # Without conditional=True: a verdict that rests on something unproved is never built.
    outcome = rewrite(dockerfile, plan)
    if not outcome.changed:
        why = before.why_not or "nothing to change (xbuild plan says why)"
        return Prepared(before.project, before.engine, before.folder, plan, why_not=why)
    return Prepared(
        before.project, before.engine, before.folder, plan, outcome.text, outcome.line_map, before.why_not
    )
