"""How long the original Dockerfile would have taken: slowdown factors, time saved. Pure.

Time is saved only by steps that were executed on both sides; a cached step saves nothing. For each line of
the Dockerfile the time is that during which at least one of its steps ran (steps of several platforms run
side by side and are not added up).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

# How much slower a compiler runs under QEMU's user emulation, as published; see
# docs/explanation/time-saved.md.
PUBLISHED = (5.0, 50.0)

# Behind the kind of a step in which native twins took part.
ASSISTED = ", assisted"

# One measured factor is no range: other code compiles at another ratio.
_SPREAD = 1.25


@dataclass(frozen=True, slots=True)
class Factor:
    """How many times longer a kind of step takes under emulation."""

    low: float
    high: float
    is_measured: bool = False
    date: str | None = None


Learnt = Mapping[tuple[str, str], tuple[float, ...]]
"""Measured factors by kind of step and architecture, oldest first."""


def factor_for(kind: str, architecture: str, learnt: Learnt, date: str | None = None) -> Factor | None:
    """The factor of a kind of step, or None when nothing is known about it."""
    from xbuild.plan.deciding.work import (
        is_compiler,  # what knows the languages is not needed to show a report
    )

    measured = learnt.get((kind, architecture), ())
    if measured:
        return Factor(max(1.0, min(measured) / _SPREAD), max(measured) * _SPREAD, is_measured=True, date=date)
    return Factor(*PUBLISHED) if is_compiler(kind) else None


@dataclass(frozen=True, slots=True)
class Timed:
    """A step that was executed: its line, for which platform, and when it ran (seconds, any origin).

    `factors` are the least and the largest ratio to the time under emulation, where a table has them.
    """

    line: int
    platform: str | None
    intervals: tuple[tuple[float, float], ...]
    kind: str = "run"
    emulated: bool = False
    factors: tuple[float, float] | None = None

    @property
    def seconds(self) -> float:
        return sum(end - start for start, end in self.intervals)


def busy(steps: Iterable[Timed]) -> float:
    """Seconds during which at least one of the steps ran."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(interval for step in steps for interval in step.intervals):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def by_line(steps: Iterable[Timed]) -> dict[int, list[Timed]]:
    """Steps by the line of the Dockerfile that they come from."""
    lines: dict[int, list[Timed]] = {}
    for step in steps:
        lines.setdefault(step.line, []).append(step)
    return lines


@dataclass(frozen=True, slots=True)
class Saved:
    """Time saved. `kind` is "estimated", "measured", "recorded" (measured earlier, on `date`) or "none".

    `actual` and `original` are seconds over the `lines` that were executed on both sides; the original's is a
    range.
    """

    kind: str
    lines: tuple[int, ...] = ()
    actual: float = 0.0
    original_low: float = 0.0
    original_high: float = 0.0
    basis: str = ""
    date: str | None = None
    original_total: float | None = None

    @property
    def low(self) -> float:
        return self.original_low - self.actual

    @property
    def high(self) -> float:
        return self.original_high - self.actual


def measured(
    ours: Iterable[Timed], original: Mapping[int, float], *, total: float, date: str | None = None
) -> Saved:
    """Against the original's seconds per line, of this run or (dated) of an earlier one."""
    lines = by_line(ours)
    both = tuple(sorted(line for line in lines if line in original))
    seconds = sum(original[line] for line in both)
    return Saved(
        "recorded" if date else "measured",
        both,
        sum(busy(lines[line]) for line in both),
        seconds,
        seconds,
        "the original Dockerfile, built without cache" + (" earlier" if date else " in the same run"),
        date,
        total,
    )


def estimated(
    moved: Iterable[Timed],
    foreign: Iterable[str],
    native: Iterable[str],
    learnt: Learnt,
    date: str | None = None,
) -> Saved:
    """From executed steps that the rewriting moved to the build platform, and slowdown factors.

    `foreign` and `native` are the requested platforms that would have been emulated, and that would not.
    Steps of a kind about which nothing is known are not counted.
    """
    counted: list[int] = []
    actual = low = high = 0.0
    kinds: dict[str, Factor] = {}
    for line, steps in sorted(by_line(moved).items()):
        ranges = [_original(steps, name, learnt, date) for name in foreign]
        known = [found for found in ranges if found is not None]
        if not known:
            continue
        natives = [_seconds_for(steps, name) for name in native]
        counted.append(line)
        actual += busy(steps)
        low += max([*(each[0] for each in known), *natives])
        high += max([*(each[1] for each in known), *natives])
        kinds[next((s.kind for s in steps if s.factors), steps[0].kind)] = known[0][2]
    if not counted:
        return Saved("none", basis="no step that was executed would have been emulated before")
    return Saved("estimated", tuple(counted), actual, low, high, _basis(kinds), date)


def _seconds_for(steps: list[Timed], platform: str) -> float:
    """What the step took for a platform: its own, else that of the step shared by all."""
    own = [step.seconds for step in steps if step.platform == platform]
    return max(own or [step.seconds for step in steps])


def _original(
    steps: list[Timed], platform: str, learnt: Learnt, date: str | None
) -> tuple[float, float, Factor] | None:
    own = next((s for s in steps if s.platform == platform), steps[0])
    factor = factor_for(own.kind, architecture_of(platform), learnt, date)
    if factor is None or (not factor.is_measured and own.factors is not None):
        factor = Factor(*own.factors) if own.factors is not None else None
    if factor is None:
        return None
    seconds = _seconds_for(steps, platform)
    return seconds * factor.low, seconds * factor.high, factor


def architecture_of(platform: str) -> str:
    """`arm64` of `linux/arm64`."""
    return platform.split("/")[1] if "/" in platform else platform


def _basis(kinds: Mapping[str, Factor]) -> str:
    parts = []
    for kind, factor in kinds.items():
        source = "measured here" if factor.is_measured else "published range"
        if kind.endswith(ASSISTED) and not factor.is_measured:
            source = "measured for native twins"
        parts.append(f"{kind} {factor.low:.3g} to {factor.high:.3g} times slower under emulation ({source})")
    return "; ".join(parts)


def factors(ours: Iterable[Timed], original: Iterable[Timed]) -> dict[tuple[str, str], float]:
    """What a run of both sides teaches: emulated seconds over ours, per kind of step and architecture."""
    lines = by_line(ours)
    found: dict[tuple[str, str], list[float]] = {}
    for step in original:
        if not step.emulated or step.platform is None or step.line not in lines:
            continue
        seconds = _seconds_for(lines[step.line], step.platform)
        if seconds >= 0.05 and not any(each.emulated for each in lines[step.line]):
            own = next((s for s in lines[step.line] if s.platform == step.platform), None)
            is_assisted = own is not None and own.kind.endswith(ASSISTED)
            key = (f"{step.kind}{ASSISTED}" if is_assisted else step.kind, architecture_of(step.platform))
            found.setdefault(key, []).append(step.seconds / seconds)
    return {key: median(values) for key, values in found.items()}
