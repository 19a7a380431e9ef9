"""`xbuild bench`: the original against the rewritten Dockerfile, and against one made by hand."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from xbuild.cli import parameters
from xbuild.cli.arguments import with_build_options
from xbuild.cli.commandline import run_command
from xbuild.cli.main import COMMANDS
from xbuild.cli.screen.live import Screen
from xbuild.cli.screen.output import print_json, print_lines, stdin, terminal_of, warn
from xbuild.errors import Exit, UsageError
from xbuild.pipeline.files import workspace
from xbuild.pipeline.measuring import measure
from xbuild.pipeline.preflight import preflight
from xbuild.pipeline.prepare import prepare
from xbuild.pipeline.project import open_project, with_engine
from xbuild.solve.engine import inspect_engine
from xbuild.solve.options import BuildOptions
from xbuild.views.measurement import ORIGINAL, REWRITTEN, Measurement, bench_data, bench_lines


def main(arguments: Sequence[str]) -> int:
    return run_command("bench", COMMANDS["bench"], bench, arguments)


@with_build_options
def bench(
    options: BuildOptions,
    against: Annotated[Path | None, typer.Option("--against", help="A Dockerfile made by hand")] = None,
    rounds: Annotated[int, typer.Option("-n", help="Rounds")] = 3,
    skip_original: Annotated[
        bool, typer.Option("--skip-original", help="Leave the slow original out")
    ] = False,
    cold_only: Annotated[bool, typer.Option("--cold-only", help="Leave the warm rebuilds out")] = False,
    json_: parameters.Json = False,
) -> int:
    """
    All variants are built in turns on the same builder: first cold, then warm after one changed source line
    (in a copy of the context). Cache mounts get ids of their own, so that yours are neither used nor emptied;
    nothing is pushed or loaded. Also says whether the images are equivalent. What is learnt serves later
    estimates of the time saved.

    Ends with 7 when a binary of the rewritten image is wrong, and with 1 when that image differs from the
    original's; what is wrong with the original or with --against is only reported.
    """
    if rounds < 1:
        raise UsageError("-n must be at least 1", expected="the number of rounds")
    with workspace() as folder:
        engine = inspect_engine(options.builder)
        project = with_engine(open_project(options, folder, stdin()), engine)
        prepared = prepare(project, engine, folder, None)
        preflight(prepared)
        measurement = measure(
            prepared, against, rounds, Screen(), skip_original=skip_original, is_warm=not cold_only
        )
    if json_:
        print_json(bench_data(measurement))
    else:
        print_lines(bench_lines(measurement, terminal_of(sys.stdout)))
    return _judge(measurement)


def _judge(measurement: Measurement) -> Exit:
    """Whether rewriting did harm: what is wrong with the other Dockerfiles is not ours to fail for."""
    if not measurement.verified.get(REWRITTEN, True):
        warn("the rewritten image has binaries that would not run: xbuild build would not deliver it")
        return Exit.WRONG_ARCHITECTURE
    ours = [each for each in measurement.comparisons if {each.left, each.right} == {ORIGINAL, REWRITTEN}]
    if not all(comparison.is_equivalent for comparison in ours):
        warn("the rewritten image differs from the original's")
        return Exit.FAILED
    return Exit.OK
