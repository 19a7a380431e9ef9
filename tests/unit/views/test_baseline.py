"""The time saved: factors, and what counts."""

from __future__ import annotations

import pytest

from xbuild.views.baseline import Timed, busy, by_line, estimated, factor_for, factors, measured

ARM, AMD = "linux/arm64", "linux/amd64"


def step(
    line: int, platform: str | None, *interval: float, kind: str = "go build", emulated: bool = False
) -> Timed:
    return Timed(line, platform, ((interval[0], interval[1]),), kind, emulated)


def test_parallel_steps_count_once() -> None:
    assert busy([step(1, AMD, 0, 10), step(1, ARM, 5, 12)]) == 12
    assert busy([step(1, AMD, 0, 1), step(1, ARM, 5, 6)]) == 2
    assert busy([]) == 0


def test_measured_counts_lines_of_both_sides_only() -> None:
    saved = measured(
        [step(3, AMD, 0, 4), step(3, ARM, 0, 5), step(9, AMD, 0, 100)], {3: 45.0, 5: 7.0}, total=60.0
    )
    assert (saved.kind, saved.lines, saved.actual, saved.low, saved.high) == (
        "measured",
        (3,),
        5.0,
        40.0,
        40.0,
    )
    assert measured([], {3: 45.0}, total=60.0).low == 0
    assert measured([], {}, total=1.0, date="2026-01-01").kind == "recorded"


def test_estimates_use_the_published_range_for_compilers_only() -> None:
    steps = [step(3, AMD, 0, 4), step(3, ARM, 0, 4), step(2, None, 0, 9, kind="go mod download")]
    saved = estimated(steps, [ARM], [AMD], {})
    assert (saved.kind, saved.lines) == ("estimated", (3,))
    assert (saved.original_low, saved.original_high, saved.actual) == (20.0, 200.0, 4.0)
    assert "published range" in saved.basis


def test_estimates_use_what_was_learnt() -> None:
    learnt = {("go build", "arm64"): (8.0, 10.0), ("go mod download", "arm64"): (1.0,)}
    steps = [step(3, AMD, 0, 4), step(3, ARM, 0, 4), step(2, None, 0, 2, kind="go mod download")]
    saved = estimated(steps, [ARM], [AMD], learnt, "2026-01-01")
    assert saved.lines == (2, 3)
    assert saved.original_low == pytest.approx(4 * 6.4 + 2)
    assert saved.original_high == pytest.approx(4 * 12.5 + 2.5)
    assert "measured here" in saved.basis


def test_nothing_to_estimate() -> None:
    assert estimated([], [ARM], [AMD], {}).kind == "none"
    assert estimated([step(3, AMD, 0, 4)], [], [AMD], {}).kind == "none"
    assert factor_for("run", "arm64", {}) is None


def test_factors_compare_emulated_with_ours() -> None:
    ours = [step(3, AMD, 0, 4), step(3, ARM, 0, 5), step(7, ARM, 0, 3, emulated=True)]
    original = [
        step(3, AMD, 0, 4),
        step(3, ARM, 0, 40, emulated=True),
        step(7, ARM, 0, 3, emulated=True),
        step(8, ARM, 0, 3, emulated=True),
    ]
    assert factors(ours, original) == {("go build", "arm64"): 8.0}
    assert set(by_line(original)) == {3, 7, 8}


def test_a_step_with_native_twins_is_counted_by_their_factors() -> None:
    """Nothing was published for apt: without twins the step is not counted."""
    took = ((0.0, 10.0),)
    kind = "apt-get install, assisted"
    step = Timed(3, "linux/arm64", took, kind, factors=(5.0, 7.0))
    other = Timed(3, "linux/amd64", ((0.0, 4.0),), "apt-get install")
    found = estimated([step, other], ["linux/arm64"], ["linux/amd64"], {})
    assert (found.kind, found.original_low, found.original_high) == ("estimated", 50.0, 70.0)
    assert "measured for native twins" in found.basis
    learnt = {(kind, "arm64"): (8.0,)}
    assert estimated([step, other], ["linux/arm64"], [], learnt).original_high == 100.0
    plain = Timed(3, "linux/arm64", took, "apt-get install")
    assert estimated([plain], ["linux/arm64"], [], {}).kind == "none"


def test_factors_of_steps_with_native_twins_are_their_own() -> None:
    """What is learnt of them says nothing of the same work where it is done natively as a whole."""
    took = ((0.0, 5.0),)
    ours = [Timed(3, ARM, took, "apt-get install, assisted"), Timed(4, ARM, took, "apt-get install")]
    original = [step(line, ARM, 0, 40, kind="apt-get install", emulated=True) for line in (3, 4)]
    assert factors(ours[:1], original) == {("apt-get install, assisted", "arm64"): 8.0}
    assert factors(ours[1:], original) == {("apt-get install", "arm64"): 8.0}
