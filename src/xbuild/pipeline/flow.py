"""The path of a build: read, plan, rewrite, look ahead, solve; `finish` has the rest."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from xbuild.errors import EngineError
from xbuild.pipeline.background import Background, import_later
from xbuild.pipeline.preflight import check_destinations, preflight
from xbuild.pipeline.prepare import Prepared, plan_only, prepare, with_new_text
from xbuild.pipeline.project import Project, check_dockerfile, open_project, with_engine
from xbuild.pipeline.questions import plan_first
from xbuild.pipeline.watching import OnEvent, Watcher, scene_of
from xbuild.solve.build import solve
from xbuild.solve.engine import Builder, Engine
from xbuild.solve.options import BuildOptions
from xbuild.solve.progress import Event
from xbuild.views.board import Scene

if TYPE_CHECKING:
    from xbuild.pipeline.finish import BuildResult


@dataclass
class Clock:
    """How long each thing took that xbuild did, in order."""

    started: float = field(default_factory=time.monotonic)
    phases: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        begun = time.monotonic()
        try:
            yield
        finally:
            self.phases.append((name, time.monotonic() - begun))

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started


def build(
    options: BuildOptions, folder: Path, asking: Background[Engine], stdin: IO[bytes] | None, watcher: Watcher
) -> BuildResult:
    """The whole path; whatever fails before delivery leaves nothing behind. Raises XbuildError.

    `folder` is for what is temporary, `asking` looks at the builder (`solve.engine.inspect_engine`)
    meanwhile, and `stdin` is read where the options say so.
    """
    clock = Clock()
    check_destinations(options)
    if options.iidfile and Path(options.iidfile).is_file():
        Path(options.iidfile).unlink()  # as buildx: a stale one must not outlive a failure
    with clock.phase("plan"):
        prepared = _prepared(open_project(options, folder, stdin), folder, asking, watcher)
    watcher.ready(prepared)
    with clock.phase("check engine"):
        preflight(prepared)
    with clock.phase("build"), watcher.showing(scene_of(prepared)) as on_event:
        if prepared.needs_nets or prepared.is_told:
            from xbuild.pipeline.rebuilding import solve_assisted
            from xbuild.pipeline.records import Records

            prepared, result = solve_assisted(prepared, watcher, _meanwhile(on_event), Records())
        else:
            result = solve(prepared.request, _meanwhile(on_event), on_raw=watcher.on_raw)
    from xbuild.pipeline.finish import finish

    return finish(prepared, result, clock, watcher)


def _meanwhile(on_event: OnEvent | None) -> OnEvent:
    """Import what comes after the solve while it runs; not before the fork, which wants no threads."""
    begun: list[str] = []

    def take(event: Event) -> None:
        if not begun:
            begun.append("xbuild.pipeline.finish")
            import_later(begun[0])
        if on_event is not None:
            on_event(event)

    return take


def _prepared(project: Project, folder: Path, asking: Background[Engine], watcher: Watcher) -> Prepared:
    """Plan while the engine is asked what it is."""
    # What is wrong with the Dockerfile is said before anything about the engine. Without platforms the plan
    # has to wait for the engine, whose own platform it is then for.
    plan = plan_first(project) if project.platforms and project.dockerfile else None
    check_dockerfile(project)
    engine = asking.result()
    # Questions are put to the builder for its own platform.
    scene = Scene.of(engine, (engine.native,), frozenset(), lambda _line: None)
    with watcher.showing(scene) as on_event:
        return prepare(with_engine(project, engine), engine, folder, on_event, plan)


@dataclass(frozen=True)
class Rehearsal:
    """What a build would do. `problem` says why no builder could be asked; then a usual one is supposed."""

    prepared: Prepared
    problem: str = ""


def rehearse(project: Project, folder: Path, asking: Background[Engine]) -> Rehearsal:
    """Plan and new text, also what is right only on a condition; nothing is run and nobody is asked."""
    engine, problem = _engine_if_any(asking)
    supposed = engine or Engine(Builder(project.options.builder or "", ""), (0, 0, 0), {})
    known = with_engine(project, supposed) if engine or project.platforms else project
    prepared = plan_only(known, supposed, folder)
    if prepared.plan is not None and not prepared.why_not:
        prepared = with_new_text(prepared, conditional=True)
    return Rehearsal(prepared, problem)


def _engine_if_any(asking: Background[Engine]) -> tuple[Engine | None, str]:
    try:
        return asking.result(), ""
    except EngineError as error:
        return None, error.message
