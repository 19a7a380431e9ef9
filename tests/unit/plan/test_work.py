"""Planning grows with the size of the file, not with its square: counted in lines of code that are run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import xbuild
from tests.benchmarks.planning import builds, commands, copied, derived, doubted, kept, plan, read

SIZES: dict[Callable[[int], str], int] = {
    commands: 60,
    builds: 40,
    derived: 40,
    kept: 40,
    copied: 20,
    doubted: 20,
}
ROOMS = tuple(str(Path(xbuild.__file__).parent / room) for room in ("plan", "graph"))


def lines_run(run: Callable[[], object]) -> int:
    """Lines run in `plan/` and `graph/`, each round of a loop or comprehension included."""
    lines = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return count

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        return count(frame, event, argument) if frame.f_code.co_filename.startswith(ROOMS) else None

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        run()
    finally:
        sys.settrace(before)
    return lines


def work(shape: Callable[[int], str], number: int) -> int:
    dockerfile = read(shape(number))
    return lines_run(lambda: plan(dockerfile))


@pytest.mark.parametrize("shape", SIZES, ids=lambda shape: shape.__name__)
def test_twice_the_input_is_twice_the_work(shape: Callable[[int], str]) -> None:
    number = SIZES[shape]
    work(shape, 2)
    once, twice = work(shape, number), work(shape, 2 * number)
    assert once > 20 * number
    assert twice < 2.2 * once


def test_a_loop_over_all_is_seen() -> None:
    """What the measure is for: n rounds for each of n things, on one line, are n * n lines."""
    code = compile("def f(n):\n    return [sum(1 for _ in range(n)) for _ in range(n)]", ROOMS[0], "exec")
    names: dict[str, Any] = {}
    exec(code, names)
    assert lines_run(lambda: names["f"](30)) > 900
