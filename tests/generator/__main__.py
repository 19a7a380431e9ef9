"""`python -m tests.generator --seed 1 --minutes 60`: make lines, run them, say what was not predicted."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tests.generator import sandbox
from tests.generator.check import Bench, Tally, run
from tests.generator.mutate import self_test


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.generator", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--count", type=int)
    parser.add_argument(
        "--program", action="append", default=[], help="lines of this program only (repeatable)"
    )
    parser.add_argument("--self-test", action="store_true", help="find what is taken out of descriptions")
    given = parser.parse_args()
    sandbox.enter()
    bench = Bench(Path(f"/run/xbuild-generator-{os.getpid()}"))
    try:
        return _self_test(bench, given.seed) if given.self_test else _run(bench, given)
    finally:
        bench.box.close()


def _run(bench: Bench, given: argparse.Namespace) -> int:
    count = given.count if given.count is not None or given.minutes is not None else 300
    seconds = given.minutes * 60 if given.minutes is not None else None
    tally = run(bench, given.seed, count=count, seconds=seconds, names=given.program, say=_say)
    report(tally)
    return 1 if tally.faults or tally.read.total() * 2 < tally.made.total() else 0


def _say(text: str) -> None:
    print(text, flush=True)


def _self_test(bench: Bench, seed: int) -> int:
    missed = 0
    for found in self_test(bench, seed):
        missed += found.what is None
        told = (found.what or "MISSED").replace("\n", "; ")
        print(f"{found.name:10}{found.kind:8}{found.lines:5} lines  {told[:130]}", flush=True)
    return 1 if missed else 0


def report(tally: Tally) -> None:
    """The share read per program, and all in all."""
    print(f"{'program':24}{'made':>7}{'read':>7}{'run':>7}{'exit 0':>7}")
    for name in sorted(tally.made):
        print(
            f"{name:24}{tally.made[name]:7}{tally.read[name]:7}{tally.done[name]:7}{tally.succeeded[name]:7}"
        )
    print(f"\n{tally}")


if __name__ == "__main__":
    sys.exit(main())
