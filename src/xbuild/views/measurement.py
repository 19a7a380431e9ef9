"""Measurements of several Dockerfiles against each other: medians, ratios pair by pair, equivalence. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from xbuild.verify.trees import Excused, PathDifference, TreeComparison
from xbuild.views.data import plain
from xbuild.views.report import FORMAT
from xbuild.views.terminal import Cell, Column, Terminal, clean, count, seconds, table

ORIGINAL, REWRITTEN, AGAINST = "original", "rewritten", "against"

PAIRS: Mapping[str, tuple[str, str]] = {
    "pins": (ORIGINAL, REWRITTEN),
    "assist": (ORIGINAL, REWRITTEN),
    "against": (ORIGINAL, AGAINST),
}
"""The variants whose trees `--compare WORD` compares."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One build; `round` counts from 1, `executed` lists the RUNs that were not cached."""

    variant: str
    kind: str
    round: int
    seconds: float
    solve_seconds: float = 0.0
    executed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageDifference:
    """One respect in which two images differ."""

    platform: str
    what: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether the images of two variants are the same in everything that is looked at."""

    left: str
    right: str
    differences: tuple[ImageDifference, ...] = ()
    files: int = 0

    @property
    def is_equivalent(self) -> bool:
        return not self.differences


@dataclass(frozen=True, slots=True)
class ComparedTrees:
    """The trees of two variants, by platform."""

    left: str
    right: str
    platforms: tuple[TreeComparison, ...]

    @property
    def is_equal(self) -> bool:
        return all(each.is_equal for each in self.platforms)


@dataclass(frozen=True, slots=True)
class Measurement:
    """All samples of one run, on one builder; `changed` is the source file changed for warm builds."""

    dockerfile: str
    platforms: tuple[str, ...]
    created: str
    builder: str
    against: str | None = None
    changed: str | None = None
    samples: tuple[Sample, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    verified: Mapping[str, bool] = field(default_factory=dict)
    trees: ComparedTrees | None = None

    def of(self, variant: str, kind: str) -> tuple[Sample, ...]:
        return tuple(s for s in self.samples if s.variant == variant and s.kind == kind)

    @property
    def variants(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(sample.variant for sample in self.samples))


@dataclass(frozen=True, slots=True)
class Ratio:
    """Seconds of `left` over seconds of `right`, pair by pair in the order of the rounds."""

    left: str
    right: str
    kind: str
    pairs: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.pairs)


def medians(measurement: Measurement) -> dict[tuple[str, str], float]:
    """Median seconds by variant and kind."""
    return {
        (variant, kind): median(s.seconds for s in samples)
        for variant in measurement.variants
        for kind in ("cold", "warm")
        if (samples := measurement.of(variant, kind))
    }


def ratios(measurement: Measurement) -> tuple[Ratio, ...]:
    """Original over rewritten, hand-made over rewritten, rewritten over hand-made."""
    wanted = ((ORIGINAL, REWRITTEN), (AGAINST, REWRITTEN), (REWRITTEN, AGAINST), (ORIGINAL, AGAINST))
    found = (_ratio(measurement, left, right, kind) for kind in ("cold", "warm") for left, right in wanted)
    return tuple(ratio for ratio in found if ratio.pairs)


def _ratio(measurement: Measurement, left: str, right: str, kind: str) -> Ratio:
    below = {s.round: s.seconds for s in measurement.of(right, kind)}
    pairs = [s.seconds / below[s.round] for s in measurement.of(left, kind) if below.get(s.round)]
    return Ratio(left, right, kind, tuple(pairs))


def bench_data(measurement: Measurement) -> dict[str, Any]:
    """Everything as data (schema: `schemas/bench.schema.json`)."""
    return {
        "format": FORMAT,
        "kind": "bench",
        **plain(measurement),
        "medians": [
            {"variant": variant, "kind": kind, "seconds": round(value, 3)}
            for (variant, kind), value in medians(measurement).items()
        ],
        "ratios": [{**plain(ratio), "median": ratio.median} for ratio in ratios(measurement)],
        "comparisons": [{**plain(c), "is_equivalent": c.is_equivalent} for c in measurement.comparisons],
        "trees": None if measurement.trees is None else _trees_data(measurement.trees),
    }


def _trees_data(trees: ComparedTrees) -> dict[str, Any]:
    platforms = [{**plain(each), "is_equal": each.is_equal} for each in trees.platforms]
    return {"left": trees.left, "right": trees.right, "is_equal": trees.is_equal, "platforms": platforms}


_COLUMNS = (
    Column("Dockerfile"),
    Column("build"),
    Column("median", right=True),
    Column("all", flexible=True),
)


def bench_lines(measurement: Measurement, terminal: Terminal) -> Iterator[str]:
    """Medians, ratios and equivalence."""
    rows = [
        (
            Cell(_title(measurement, variant)),
            Cell(kind),
            Cell(seconds(value), ("bold",)),
            Cell(", ".join(f"{s.seconds:.1f}" for s in measurement.of(variant, kind))),
        )
        for (variant, kind), value in medians(measurement).items()
    ]
    yield from table(_COLUMNS, rows, terminal)
    for ratio in ratios(measurement):
        pairs = ", ".join(f"{value:.3g}" for value in ratio.pairs)
        label = f"{ratio.kind} {ratio.left} / {ratio.right}"
        yield f"{label}: {ratio.median:.3g} (median of {count(len(ratio.pairs), 'pair')}: {pairs})"
    for comparison in measurement.comparisons:
        yield from _comparison(comparison, terminal)
    if measurement.trees is not None:
        yield from trees_lines(measurement.trees, terminal)
    for variant, ok in measurement.verified.items():
        yield f"verified {variant}: {terminal.paint('ok', 'green') if ok else terminal.paint('WRONG', 'red')}"


def _title(measurement: Measurement, variant: str) -> str:
    return f"{variant} ({measurement.against})" if variant == AGAINST and measurement.against else variant


def _comparison(comparison: Comparison, terminal: Terminal, limit: int = 20) -> Iterator[str]:
    names = f"{comparison.left} and {comparison.right}"
    if comparison.is_equivalent:
        word = terminal.paint("equivalent", "green")
        yield f"images of {names}: {word} ({comparison.files} files compared)"
        return
    yield f"images of {names}: {terminal.paint('different', 'red')}"
    for each in comparison.differences[:limit]:
        yield f"  {each.platform}: {clean(each.what)}: {clean(each.left)} / {clean(each.right)}"
    if len(comparison.differences) > limit:
        yield f"  and {len(comparison.differences) - limit} more"


def trees_lines(trees: ComparedTrees, terminal: Terminal, limit: int = 20) -> Iterator[str]:
    """Per platform how many paths were compared, what was excused and why, what differs."""
    for each in trees.platforms:
        excused = sum(len(row.paths) for row in each.excused)
        word = terminal.paint("equal", "green") if each.is_equal else terminal.paint("different", "red")
        times = "" if each.has_times else ", times of change not compared"
        yield (
            f"trees of {trees.left} and {trees.right}, {each.platform}: {word} ({count(each.paths, 'path')},"
            f" {excused} excused, {count(len(each.differences), 'difference')}{times})"
        )
        yield from (f"  excused: {_excused(row)}" for row in each.excused)
        yield from (f"  {_difference(row)}" for row in each.differences[:limit])
        if len(each.differences) > limit:
            yield f"  and {len(each.differences) - limit} more (--json has all)"


def _excused(row: Excused) -> str:
    paths = clean(row.paths[0]) if len(row.paths) == 1 else f"{len(row.paths)} of {row.pattern}"
    return f"{paths}: {row.reason}"


def _difference(row: PathDifference) -> str:
    text = f"{clean(row.path)}: {row.what}: {clean(row.left)} / {clean(row.right)}"
    if row.offset is not None:
        text += f", first at byte {row.offset}"
    if row.program:
        text += f"; {row.program}"
    return f"{text} (no excuse: {clean(row.note)})" if row.note else text


def differences(
    platform: str, left: Mapping[str, str], right: Mapping[str, str]
) -> tuple[ImageDifference, ...]:
    """Where two descriptions of an image, fact by fact, are not the same."""
    return tuple(
        ImageDifference(platform, name, left.get(name, "missing"), right.get(name, "missing"))
        for name in sorted(left.keys() | right.keys())
        if left.get(name) != right.get(name)
    )
