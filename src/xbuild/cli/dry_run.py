"""`xbuild build --dry-run`: plan, diff and the exact command; nothing is run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from xbuild.cli.background import Background
from xbuild.cli.live import terminal_of
from xbuild.cli.output import print_lines
from xbuild.cli.prepare import Prepared, plan_only, with_new_text
from xbuild.cli.project import Project, open_project, with_engine
from xbuild.errors import EngineError
from xbuild.solve.build import build_commands
from xbuild.solve.engine import Builder, Engine
from xbuild.solve.options import BuildOptions, display_command
from xbuild.views.verdicts import plan_lines


def dry_run(options: BuildOptions, folder: Path, asking: Background[Engine]) -> int:
    """Print plan, diff and the exact command; run nothing."""
    project = open_project(options, folder)
    engine, problem = _engine_if_any(asking)
    supposed = engine or _supposed(options)
    known = with_engine(project, supposed) if engine or project.platforms else project
    prepared = plan_only(known, supposed, folder)
    if prepared.plan is not None:
        print_lines([*plan_lines(prepared.plan, terminal_of(sys.stdout)), ""])
        if not prepared.why_not:
            prepared = with_new_text(prepared, conditional=True)
    print_lines([*_difference(prepared), ""])
    commands = build_commands(prepared.request)
    print_lines(display_command(argv, show_values=options.show_values) for argv in commands)
    if engine is None:
        print_lines(["", *_not_asked(known, problem)])
    return 0


def _supposed(options: BuildOptions) -> Engine:
    """What the command is made for where no engine answers: the usual kind of builder, of one node."""
    return Engine(Builder(options.builder or "", ""), (0, 0, 0), {})


def _not_asked(project: Project, problem: str) -> Iterator[str]:
    """What the command would say if the builder could have been asked."""
    yield f"the builder could not be asked: {problem}"
    if project.options.builder is None:
        yield "  --builder: the name of the selected one"
    if project.platforms is None:
        yield "  --platform: the builder's own, unless one is given"
    yield "  a builder of several nodes would be called once per platform"
    yield "  with the classic image store there is no --output, and no --tag before the check"


def _difference(prepared: Prepared) -> Iterator[str]:
    """The diff, and what it still rests on."""
    from xbuild.rewrite.diff import unified

    if prepared.new is None or prepared.plan is None:
        yield f"not rewritten: {prepared.why_not}"
        return
    yield from unified(prepared.project.source, prepared.new).removesuffix("\n").split("\n")
    for question in prepared.plan.questions:
        line = _line(prepared, question.instruction)
        yield f"before building, the builder would be asked which packages of line {line} use cgo"


def _line(prepared: Prepared, instruction: int) -> int:
    assert prepared.project.dockerfile is not None
    return prepared.project.dockerfile.instructions[instruction].first_line


def _engine_if_any(asking: Background[Engine]) -> tuple[Engine | None, str]:
    try:
        return asking.result(), ""
    except EngineError as error:
        return None, error.message
