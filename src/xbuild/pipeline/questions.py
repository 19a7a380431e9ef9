"""Answering a plan's questions by one native solve of the builder stage, then planning again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from xbuild.dockerfile.model import Dockerfile
from xbuild.errors import EngineError, SolveError
from xbuild.pipeline.project import Project, plan_project
from xbuild.plan.model import Knowledge, Plan

if TYPE_CHECKING:
    from xbuild.solve.engine import Engine
    from xbuild.solve.progress import Event

_STAGE = "xbuild-probe"
_FILE = "xbuild-probe.txt"
# What belongs to the delivered image, not to a probe of it.
_NOT_FOR_PROBES = (
    "target",
    "platform",
    "tag",
    "cache-to",
    "attest",
    "provenance",
    "sbom",
    "annotation",
    "no-cache",
)


@dataclass(frozen=True)
class Settled:
    """A plan after its questions were put; `problem` says why they could not be answered."""

    plan: Plan
    problem: str = ""


def settle(
    project: Project,
    plan: Plan,
    engine: Engine,
    folder: Path,
    on_event: Callable[[Event], None] | None = None,
) -> Settled:
    """Ask the builder and plan again; where a probe fails, with what can be told without it."""
    dockerfile = project.dockerfile
    if not plan.questions or dockerfile is None:
        return Settled(plan)
    try:
        answers = _ask(project, dockerfile, plan, engine, folder, on_event)
    except SolveError as error:
        return Settled(plan_project(project), f"the probe for cgo failed: {error.message}")
    return Settled(plan_project(project, answers))


def plan_first(project: Project) -> Plan:
    """The plan whose questions the builder will be asked."""
    return plan_project(project, Knowledge(may_ask=True))


def plan_settled(project: Project, folder: PathLike[str], *, offline: bool) -> Settled:
    """For `plan` and `rewrite`: ask when an engine is there."""
    if offline:
        return Settled(plan_project(project))
    plan = plan_first(project)
    if not plan.questions:
        return Settled(plan)
    from xbuild.solve.engine import inspect_engine

    try:
        engine = inspect_engine(project.options.builder, bootstrap=False)
        return settle(project, plan, engine, Path(folder))
    except EngineError as error:
        return Settled(plan_project(project), f"not asked: {error.message}")


def _ask(
    project: Project,
    dockerfile: Dockerfile,
    plan: Plan,
    engine: Engine,
    folder: Path,
    on_event: Callable[[Event], None] | None,
) -> Knowledge:
    from xbuild.rewrite.probe import probe_dockerfile, read_answers
    from xbuild.solve.build import SolveRequest, solve

    platforms = project.platforms or (engine.native,)
    probe = probe_dockerfile(dockerfile, plan, plan.questions, platforms)
    options = project.options.without(*_NOT_FOR_PROBES)
    options = options.with_flags(("target", _STAGE), ("platform", str(engine.native)))
    request = SolveRequest(
        options=options,
        inputs=project.inputs,
        engine=engine,
        folder=folder / "probe",
        text=probe.text,
        output="files",
    )
    result = solve(request, on_event)
    assert result.files is not None
    text = (result.files / _FILE).read_text("utf-8", "replace")
    return Knowledge(cgo=read_answers(text, plan.questions))
