"""From what the user named to what will be built: plan, questions, new text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from xbuild.dockerfile.model import Dockerfile, Instruction
from xbuild.errors import EditError
from xbuild.graph.model import StageGraph
from xbuild.pipeline.project import Project, plan_project
from xbuild.pipeline.questions import plan_first, settle
from xbuild.plan.model import Plan
from xbuild.plan.toolchain import HELPERS
from xbuild.plan.twins.twin import MOUNT
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
    added: frozenset[int] = frozenset()
    why_not: str = ""

    @property
    def has_written_twins(self) -> bool:
        """Whether the user's file has native twins written into it."""
        source = self.project.inputs.dockerfile
        return source is not None and MOUNT in source.text

    @property
    def needs_nets(self) -> bool:
        """Whether native twins may take part in what is built."""
        is_emulated = not all(
            self.engine.is_native(p) for p in self.project.platforms or (self.engine.native,)
        )
        return is_emulated and (self.project.settings.assist or self.has_written_twins)

    @property
    def is_told(self) -> bool:
        """Whether a step may end because it would have to build something for the target."""
        source = self.new or self.project.inputs.dockerfile
        return source is not None and HELPERS in source.text

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
            added=self.added,
            silence=60.0 * self.project.config.silence if self.needs_nets else 0.0,
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

    @property
    def pinned(self) -> frozenset[str]:
        """Stages of the new text that run on the build platform."""
        from xbuild.graph.platform import runs_on

        graph = self.graph
        if graph is None:
            return frozenset()
        pinned = (stage for stage in graph.stages if runs_on(graph, stage.index) == "build")
        return frozenset(stage.name or f"stage-{stage.index}" for stage in pinned)

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
    plan: Plan | None = None,
) -> Prepared:
    """Plan (unless that is done), ask the builder what the plan wants to know, and write the new text."""
    if plan is None and project.dockerfile is not None:
        plan = plan_first(project)
    before = plan_only(project, engine, folder, plan)
    if before.why_not or before.plan is None:
        return before
    settled = settle(project, before.plan, engine, folder, on_event)
    return with_new_text(replace(before, plan=settled.plan, why_not=settled.problem))


def plan_only(project: Project, engine: Engine, folder: Path, plan: Plan | None = None) -> Prepared:
    """The plan without asking anybody; also with `--no-rewrite`: what is wrong with the file is said."""
    if project.dockerfile is None:
        return Prepared(project, engine, folder, why_not=project.reason)
    plan = plan or plan_project(project)
    return Prepared(
        project, engine, folder, plan, why_not="--no-rewrite" if project.options.no_rewrite else ""
    )


def with_new_text(before: Prepared, *, conditional: bool = False) -> Prepared:
    """With the text that the plan makes. Only --dry-run shows verdicts that rest on something unproved."""
    from xbuild.rewrite.render import rewrite

    dockerfile, plan = before.project.dockerfile, before.plan
    assert dockerfile is not None
    assert plan is not None
    twins = None
    if before.project.settings.assist:
        from xbuild.pipeline.helper import twin_files

        twins = twin_files()
    try:
        outcome = rewrite(dockerfile, plan, conditional=conditional, twins=twins)
    except EditError as error:
        # The check of the new text against what was meant: then the user's own text is built.
        return replace(before, why_not=f"the new text would not be what was meant: {error}")
    if not outcome.changed:
        return replace(before, why_not=before.why_not or _why_not(plan))
    return replace(before, new=outcome.text, line_map=outcome.line_map, added=outcome.added)


def _why_not(plan: Plan) -> str:
    """The first thing that stands in the way."""
    for stage in plan.stages:
        if not stage.is_proved and stage.conditions:
            return f"{stage.name} only on the condition {stage.conditions[0]}"
    reason = next((r for s in plan.stages for r in s.reasons), None)
    if reason is not None:
        return f"line {reason.place.line}: {reason.text} (xbuild plan says more)"
    return "nothing to change (xbuild plan says why)"
