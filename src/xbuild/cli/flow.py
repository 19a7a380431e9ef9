"""The path of a build: read, plan, rewrite, look ahead, solve; `finish` has the rest."""

from __future__ import annotations

import sys
from pathlib import Path

from xbuild.cli.background import Background, import_later
from xbuild.cli.clock import Clock
from xbuild.cli.destinations import check_destinations
from xbuild.cli.live import OnEvent, progress_kind, showing
from xbuild.cli.preflight import preflight
from xbuild.cli.prepare import Prepared, prepare
from xbuild.cli.project import check_dockerfile, open_project, with_engine
from xbuild.cli.questions import plan_first
from xbuild.cli.showing import raw_of, showing_build
from xbuild.solve.build import solve
from xbuild.solve.engine import Engine
from xbuild.solve.options import BuildOptions
from xbuild.solve.progress import Event
from xbuild.views.board import Scene


def build(options: BuildOptions, folder: Path, asking: Background[Engine]) -> int:
    """The whole path; whatever fails before delivery leaves nothing behind."""
    clock = Clock()
    check_destinations(options)
    if options.iidfile and Path(options.iidfile).is_file():
        Path(options.iidfile).unlink()  # as buildx: a stale one must not outlive a failure
    with clock.phase("plan"):
        prepared = _prepared(options, folder, asking)
    with clock.phase("check engine"):
        preflight(prepared)
    with clock.phase("build"), showing_build(prepared) as on_event:
        result = solve(prepared.request, _meanwhile(on_event), on_raw=raw_of(options))
    from xbuild.cli.finish import finish

    return finish(prepared, result, clock)


def _meanwhile(on_event: OnEvent | None) -> OnEvent:
    """Import what comes after the solve while it runs; not before the fork, which wants no threads."""
    begun: list[str] = []

    def take(event: Event) -> None:
        if not begun:
            begun.append("xbuild.cli.finish")
            import_later(begun[0])
        if on_event is not None:
            on_event(event)

    return take


def _prepared(options: BuildOptions, folder: Path, asking: Background[Engine]) -> Prepared:
    """Read and plan while the engine is asked what it is."""
    project = open_project(options, folder)
    # What is wrong with the Dockerfile is said before anything about the engine. Without platforms the plan
    # has to wait for the engine, whose own platform it is then for.
    plan = plan_first(project) if project.platforms and project.dockerfile else None
    check_dockerfile(project)
    engine = asking.result()
    # Questions are put to the builder for its own platform.
    scene = Scene.of(engine, (engine.native,), frozenset(), lambda _line: None)
    with showing(progress_kind(options, sys.stderr), scene) as on_event:
        return prepare(with_engine(project, engine), engine, folder, on_event, plan)
