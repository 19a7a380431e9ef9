"""`xbuild build`: rewrite, build, verify, and only then push, load and write what was verified."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Thread
from typing import Generic, TypeVar

from xbuild.cli.account import Clock, find_saved, gather, keep, write_reports
from xbuild.cli.build_help import build_help
from xbuild.cli.checking import Checked, check, wrong_architecture
from xbuild.cli.live import OnEvent, pass_raw, progress_kind, showing, terminal_of
from xbuild.cli.output import print_lines, say
from xbuild.cli.preflight import preflight
from xbuild.cli.prepare import Prepared, plan_only, prepare, with_new_text
from xbuild.cli.project import check_dockerfile, open_project, with_engine
from xbuild.cli.records import Records
from xbuild.errors import EngineError, RegistryError
from xbuild.solve.build import SolveResult, build_commands, call_buildx, solve, workspace
from xbuild.solve.deliver import Delivery, deliver
from xbuild.solve.engine import Builder, Engine, inspect_engine
from xbuild.solve.options import BuildOptions, display_command, parse_build_arguments
from xbuild.views.baseline import Saved
from xbuild.views.outcome import outcome_lines
from xbuild.views.plan import plan_lines
from xbuild.views.progress import Scene

# Stands where no engine answers and nothing will be run.
NO_ENGINE = Engine(Builder("", ""), (0, 0, 0), {})


def main(arguments: Sequence[str]) -> int:
    if "--help" in arguments or "-h" in arguments:
        print(build_help())
        return 0
    options = parse_build_arguments(arguments)
    if options.passes_through:
        return call_buildx(options)
    with workspace() as folder:
        return dry_run(options, folder) if options.dry_run else build(options, folder)


def build(options: BuildOptions, folder: Path) -> int:
    """The whole path; whatever fails before `deliver` leaves nothing behind."""
    clock = Clock()
    with clock.phase("plan"):
        prepared = _prepared(options, folder)
    with clock.phase("check engine"):
        preflight(prepared)
    with clock.phase("build"), _showing(prepared) as on_event:
        result = solve(prepared.request, on_event, on_raw=_raw(options))
    checked = _checked(prepared, result, clock)
    with clock.phase("deliver"):
        delivery = _delivered(prepared, result, checked, clock)
    _report(prepared, result, checked, delivery, clock)
    return 0


def _prepared(options: BuildOptions, folder: Path) -> Prepared:
    """Read and plan while the engine is asked what it is."""
    asking = _Background(lambda: inspect_engine(options.builder))
    project = open_project(options, folder)
    check_dockerfile(project)  # what is wrong with it is said before anything about the engine
    project = with_engine(project, asking.result())
    native = asking.result().native  # where the builder is asked what the plan wants to know
    scene = Scene.of(asking.result(), (native,), frozenset(), lambda _line: None)
    with showing(progress_kind(options, sys.stderr), scene) as on_event:
        return prepare(project, asking.result(), folder, on_event)


def _raw(options: BuildOptions) -> Callable[[str], None] | None:
    return pass_raw if options.progress == "rawjson" and not options.quiet else None


def _showing(prepared: Prepared) -> AbstractContextManager[OnEvent | None]:
    kind = progress_kind(prepared.project.options, sys.stderr)
    return showing(kind, _scene(prepared))


def _scene(prepared: Prepared) -> Scene:
    return Scene.of(prepared.engine, prepared.request.platforms, _pinned(prepared), prepared.user_line)


def _pinned(prepared: Prepared) -> frozenset[str]:
    """Stages of the new text that run on the build platform."""
    from xbuild.graph.platform import runs_on

    graph = prepared.graph
    if graph is None:
        return frozenset()
    names = {
        stage.name or f"stage-{stage.index}"
        for stage in graph.stages
        if runs_on(graph, stage.index) == "build"
    }
    return frozenset(names)


def _checked(prepared: Prepared, result: SolveResult, clock: Clock) -> Checked | None:
    """Raise WrongArchitectureError, after the report is written, unless every binary is right."""
    if prepared.project.options.no_verify:
        return None
    with clock.phase("verify"):
        checked = check(prepared, result)
    if checked.verification.passed:
        return checked
    outcome = gather(prepared, result, checked, None, Saved("none"), clock)
    write_reports(outcome, prepared.project.options.reports)
    raise wrong_architecture(checked)


def _delivered(prepared: Prepared, result: SolveResult, checked: Checked | None, clock: Clock) -> Delivery:
    options = prepared.project.options
    try:
        return deliver(result, options, prepared.engine)
    except RegistryError:
        write_reports(gather(prepared, result, checked, None, Saved("none"), clock), options.reports)
        raise


def _report(
    prepared: Prepared, result: SolveResult, checked: Checked | None, delivery: Delivery, clock: Clock
) -> None:
    """After everything that was asked for is done: the baseline may take long, and may be interrupted."""
    options = prepared.project.options
    records = Records()
    total = clock.elapsed
    with _showing(prepared) as on_event:
        if options.baseline == "measure" and not options.quiet:
            say("xbuild: building the original for comparison, without cache")
        saved = find_saved(prepared, result, records, on_event)
    clock.started += clock.elapsed - total  # the comparison is not part of the build
    outcome = gather(prepared, result, checked, delivery, saved, clock)
    keep(prepared, outcome, records)
    write_reports(outcome, options.reports)
    if options.quiet:
        print(delivery.digest)
    elif options.progress != "rawjson":
        for line in outcome_lines(outcome, terminal_of(sys.stderr)):
            say(line)


def dry_run(options: BuildOptions, folder: Path) -> int:
    """Print plan, diff and the exact command; run nothing."""
    project = open_project(options, folder)
    engine, problem = _engine_if_any(options)
    known = project if engine is None else with_engine(project, engine)
    prepared = plan_only(known, engine or NO_ENGINE, folder)
    if prepared.plan is not None:
        print_lines([*plan_lines(prepared.plan, terminal_of(sys.stdout)), ""])
        if not prepared.why_not:
            prepared = with_new_text(prepared, conditional=True)
    print_lines([*_difference(prepared), ""])
    if engine is None:
        print_lines([f"the command depends on the builder, and none answers: {problem}"])
    else:
        commands = build_commands(prepared.request)
        print_lines(display_command(argv, show_values=options.show_values) for argv in commands)
    return 0


def _difference(prepared: Prepared) -> Iterator[str]:
    """The diff, and what it still rests on."""
    from xbuild.rewrite.diff import unified

    if prepared.new is None or prepared.plan is None:
        yield f"not rewritten: {prepared.why_not}"
        return
    yield from unified(prepared.project.source, prepared.new).splitlines()
    for question in prepared.plan.questions:
        line = _line(prepared, question.instruction)
        yield f"before building, the builder would be asked which packages of line {line} use cgo"


def _line(prepared: Prepared, instruction: int) -> int:
    assert prepared.project.dockerfile is not None
    return prepared.project.dockerfile.instructions[instruction].first_line


def _engine_if_any(options: BuildOptions) -> tuple[Engine | None, str]:
    try:
        return inspect_engine(options.builder, bootstrap=False), ""
    except EngineError as error:
        return None, error.message


T = TypeVar("T")


class _Background(Generic[T]):
    """A call that waits for other processes, made while we do something else."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._value: T | None = None
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._value = self._call()
        except BaseException as error:
            self._error = error  # raised where the result is asked for

    def result(self) -> T:
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]
