"""`xbuild bench`: the original against the rewritten Dockerfile, and against one made by hand."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from xbuild.cli.door import JSON, Door, run_door
from xbuild.cli.screen.live import Screen
from xbuild.cli.screen.output import print_json, print_lines, stdin, terminal_of, warn
from xbuild.errors import Exit, UsageError
from xbuild.pipeline.files import Workspace
from xbuild.pipeline.measuring import measure
from xbuild.pipeline.preflight import preflight
from xbuild.pipeline.prepare import prepare
from xbuild.pipeline.project import open_project, with_assist, with_engine, without_assist
from xbuild.solve.engine import inspect_engine
from xbuild.solve.options import BuildOptions, Flags, boolean_flag, value_flag
from xbuild.views.measurement import AGAINST, ORIGINAL, PAIRS, REWRITTEN, Measurement, bench_data, bench_lines

DOOR = Door(
    "bench",
    (
        (value_flag("against"), "FILE", "a Dockerfile made by hand"),
        (value_flag("rounds", "n"), "NUMBER", "rounds (default: 3)"),
        (boolean_flag("skip-original"), "", "leave the slow original out"),
        (boolean_flag("cold-only"), "", "leave the warm rebuilds out"),
        (
            value_flag("compare"),
            "WORD",
            "compare whole trees: pins (original, rewritten), assist (the same, with native twins) or "
            "against (original, FILE)",
        ),
        JSON,
    ),
    """
All variants are built in turns on the same builder: first cold, then warm after one changed source line (in
a copy of the context). Cache mounts get ids of their own, so that yours are neither used nor emptied; nothing
is pushed or loaded. Also says whether the images are equivalent. What is learnt serves later estimates of the
time saved.

With --compare every path of the two images is compared: kind, mode, owner, links, content, attributes, and
the time of change of what is older than the builds. What two builds of one text differ in as well is excused
row by row (docs/reference/tree-comparison.md), and counted. -n 1 --cold-only is enough for it.

Ends with 7 when a binary of the rewritten image is wrong, and with 1 when that image differs from the
original's, or their trees; what is wrong with the original or with --against is only reported. A build in
which a native twin went wrong, so that xbuild build would build its stage again, ends it with 1 at once.
""",
)


def main(arguments: Sequence[str]) -> int:
    return run_door(DOOR, bench, arguments)


def bench(options: BuildOptions, own: Flags) -> int:
    rounds = own.value("rounds") or "3"
    against = own.value("against")
    compared = _pair(own)
    if not rounds.isdecimal() or int(rounds) < 1:
        raise UsageError(f"-n {rounds!r}: at least one round is needed", expected="the number of rounds")
    with Workspace() as folder:
        engine = inspect_engine(options.builder)
        project = open_project(options, folder, stdin())
        if compared is not None:
            project = (with_assist if own.value("compare") == "assist" else without_assist)(project)
        project = with_engine(project, engine)
        prepared = prepare(project, engine, Path(folder), None)
        preflight(prepared)
        measurement = measure(
            prepared,
            Path(against) if against else None,
            int(rounds),
            Screen(),
            skip_original=own.flag("skip-original"),
            is_warm=not own.flag("cold-only"),
            compared=compared,
        )
    if own.flag("json"):
        print_json(bench_data(measurement))
    else:
        print_lines(bench_lines(measurement, terminal_of(sys.stdout)))
    return _judge(measurement)


def _pair(own: Flags) -> tuple[str, str] | None:
    """The two variants of `--compare`."""
    word = own.value("compare")
    if word is None:
        return None
    if word not in PAIRS:
        raise UsageError(f"--compare {word!r} is not known", expected=" or ".join(PAIRS))
    if own.flag("skip-original") and ORIGINAL in PAIRS[word]:
        raise UsageError(f"--compare {word} needs the original", hint="leave --skip-original out")
    if AGAINST in PAIRS[word] and own.value("against") is None:
        raise UsageError(f"--compare {word} needs another Dockerfile", expected="--against FILE")
    return PAIRS[word]


def _judge(measurement: Measurement) -> Exit:
    """Whether rewriting did harm: what is wrong with the other Dockerfiles is not ours to fail for."""
    if not measurement.verified.get(REWRITTEN, True):
        warn("the rewritten image has binaries that would not run: xbuild build would not deliver it")
        return Exit.WRONG_ARCHITECTURE
    ours = [each for each in measurement.comparisons if {each.left, each.right} == {ORIGINAL, REWRITTEN}]
    if not all(comparison.is_equivalent for comparison in ours):
        warn("the rewritten image differs from the original's")
        return Exit.FAILED
    trees = measurement.trees
    if trees is not None and not trees.is_equal:
        warn(f"the trees of {trees.left} and {trees.right} differ in what has no excuse")
        return Exit.FAILED
    return Exit.OK
