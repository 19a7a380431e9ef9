"""`xbuild bench`: the original against the rewritten Dockerfile, and against one made by hand."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from xbuild.cli import parameters
from xbuild.cli.account import steps_for, subject_of
from xbuild.cli.arguments import with_build_options
from xbuild.cli.checking import allowed
from xbuild.cli.commandline import run_command
from xbuild.cli.equivalence import compare
from xbuild.cli.live import terminal_of
from xbuild.cli.main import COMMANDS
from xbuild.cli.output import print_lines, say, warn
from xbuild.cli.preflight import preflight
from xbuild.cli.prepare import Prepared, prepare
from xbuild.cli.project import open_project, with_engine
from xbuild.cli.records import Records, now
from xbuild.cli.variants import Measured, Variant, changing_context, run_cold, run_warm, variants
from xbuild.errors import Exit, UsageError
from xbuild.solve.build import workspace
from xbuild.solve.engine import inspect_engine
from xbuild.solve.options import BuildOptions
from xbuild.verify.image import verify_layout
from xbuild.views.baseline import busy, by_line, factors
from xbuild.views.measurement import (
    AGAINST,
    ORIGINAL,
    REWRITTEN,
    Comparison,
    Measurement,
    Sample,
    bench_data,
    bench_lines,
)
from xbuild.views.report import timed
from xbuild.views.terminal import seconds


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
        project = with_engine(open_project(options, folder), engine)
        prepared = prepare(project, engine, folder, None)
        preflight(prepared)
        chosen = variants(prepared, against, skip_original=skip_original)
        measurement = _measure(
            prepared, chosen, rounds, str(against) if against else None, is_warm=not cold_only
        )
    if json_:
        print_lines([json.dumps(bench_data(measurement), indent=2)])
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


@dataclass
class _Bench:
    """The run: samples so far, and the layouts of the first round."""

    prepared: Prepared
    chosen: tuple[Variant, ...]
    samples: list[Sample] = field(default_factory=list)
    first: dict[str, Measured] = field(default_factory=dict)

    def add(self, measured: Measured) -> None:
        sample = measured.sample
        self.samples.append(sample)
        say(f"xbuild: {sample.kind} {sample.round}, {sample.variant}: {seconds(sample.seconds)}")
        if sample.kind == "cold" and sample.round == 1:
            self.first[sample.variant] = measured
        elif measured.result.layout is not None:
            shutil.rmtree(measured.result.layout.path, ignore_errors=True)

    def cold(self, rounds: int) -> None:
        for number in range(1, rounds + 1):
            for variant in _turn(self.chosen, number):
                self.add(run_cold(variant, self.prepared, number, None))

    def warm(self, rounds: int) -> str:
        """The name of the file that was changed."""
        changing = changing_context(self.prepared)
        for number in range(1, rounds + 1):
            changing.change(number)
            for variant in _turn(self.chosen, number):
                self.add(run_warm(variant, self.prepared, changing.inputs, number, None))
        return changing.name


def _turn(chosen: tuple[Variant, ...], number: int) -> Iterator[Variant]:
    """Another one begins each round: what the first of a round warms up for the others evens out."""
    start = (number - 1) % len(chosen)
    yield from chosen[start:]
    yield from chosen[:start]


def _measure(
    prepared: Prepared, chosen: tuple[Variant, ...], rounds: int, against: str | None, *, is_warm: bool
) -> Measurement:
    run = _Bench(prepared, chosen)
    run.cold(rounds)
    changed = run.warm(rounds) if is_warm else None
    _learn(run)
    builder = prepared.engine.builder
    return Measurement(
        dockerfile=prepared.project.inputs.path,
        platforms=tuple(map(str, prepared.request.platforms)),
        created=now(),
        builder=f"{builder.name} ({builder.driver})",
        against=against,
        changed=changed,
        samples=tuple(run.samples),
        comparisons=tuple(_comparisons(run)),
        verified={name: _is_right(run, measured) for name, measured in run.first.items()},
    )


def _comparisons(run: _Bench) -> Iterator[Comparison]:
    for left, right in ((ORIGINAL, REWRITTEN), (AGAINST, REWRITTEN)):
        layouts = [run.first[name].result.layout for name in (left, right) if name in run.first]
        if len(layouts) == 2 and layouts[0] is not None and layouts[1] is not None:
            yield compare(left, layouts[0], right, layouts[1])


def _is_right(run: _Bench, measured: Measured) -> bool:
    layout = measured.result.layout
    assert layout is not None
    allow = allowed(run.prepared.project.config.allow)
    return verify_layout(layout.path, measured.result.platforms or None, allow).passed


def _learn(run: _Bench) -> None:
    """Slowdown factors and the baseline, for the estimates of later builds."""
    if ORIGINAL not in run.first or not run.prepared.is_rewritten:
        return
    original = run.first[ORIGINAL].result
    before = timed(steps_for(run.prepared, original))
    ours = timed(steps_for(run.prepared, run.first[REWRITTEN].result))
    records = Records()
    lines = {line: busy(steps) for line, steps in by_line(before).items()}
    records.keep_baseline(subject_of(run.prepared), original.seconds, lines)
    records.learn(run.prepared.engine.key, factors(ours, before))
