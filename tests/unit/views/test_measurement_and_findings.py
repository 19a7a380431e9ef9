"""What `bench` and `doctor` show."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from xbuild.views.findings import Finding, State, doctor_data, doctor_lines, worst
from xbuild.views.measurement import (
    Comparison,
    Measurement,
    Sample,
    bench_data,
    bench_lines,
    differences,
    medians,
    ratios,
)
from xbuild.views.terminal import Terminal

SCHEMAS = Path(__file__).parents[3] / "src/xbuild/views/schemas"


def schema(name: str) -> dict[str, object]:
    loaded: dict[str, object] = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    return loaded


MEASUREMENT = Measurement(
    dockerfile="Dockerfile",
    platforms=("linux/amd64", "linux/arm64"),
    created="now",
    builder="default (docker)",
    against="hand.Dockerfile",
    changed="main.go",
    samples=tuple(
        Sample(variant, kind, number + 1, value)
        for variant, kind, values in (
            ("original", "cold", (100.0, 120.0, 90.0)),
            ("rewritten", "cold", (10.0, 10.0, 30.0)),
            ("against", "cold", (11.0, 10.0, 30.0)),
            ("rewritten", "warm", (1.0, 2.0)),
            ("against", "warm", (10.0, 40.0)),
        )
        for number, value in enumerate(values)
    ),
    comparisons=(
        Comparison("original", "rewritten", (), 7),
        Comparison(
            "against",
            "rewritten",
            differences("linux/arm64", {"User": "1", "/a": "x"}, {"/a": "x", "/b": "y"}),
            2,
        ),
    ),
    verified={"original": True, "rewritten": False},
)


def test_medians_and_ratios_pair_by_pair() -> None:
    assert medians(MEASUREMENT)["original", "cold"] == 100.0
    found = {(r.left, r.right, r.kind): r for r in ratios(MEASUREMENT)}
    assert found["original", "rewritten", "cold"].pairs == (10.0, 12.0, 3.0)
    assert found["original", "rewritten", "cold"].median == 10.0
    assert found["against", "rewritten", "warm"].pairs == (10.0, 20.0)
    assert found["rewritten", "against", "cold"].median == 1.0
    assert ("original", "rewritten", "warm") not in found


def test_bench_shows_and_keeps_everything() -> None:
    text = "\n".join(bench_lines(MEASUREMENT, Terminal()))
    assert "cold original / rewritten: 10 (median of 3 pairs: 10, 12, 3)" in text
    assert "against (hand.Dockerfile)" in text
    assert "images of original and rewritten: equivalent (7 files compared)" in text
    assert "linux/arm64: /b: missing / y" in text
    assert "verified rewritten: WRONG" in text
    jsonschema.validate(json.loads(json.dumps(bench_data(MEASUREMENT))), schema("bench"))


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], 3),
        ([State.OK], 0),
        ([State.OK, State.WARNING], 1),
        ([State.WARNING, State.UNKNOWN], 3),
        ([State.UNKNOWN, State.CRITICAL, State.OK], 2),
    ],
)
def test_the_worst_check_decides(states: list[State], expected: int) -> None:
    assert worst([Finding("a", state, "t") for state in states]) == expected


def test_doctor_says_what_to_do() -> None:
    findings = (
        Finding("engine", State.OK, "fine", "nothing"),
        Finding("store", State.WARNING, "old", "do it", "x"),
    )
    assert list(doctor_lines(findings, Terminal())) == [
        "ok        engine  fine",
        "warning   store   old",
        "                  do: do it (or --fix)",
    ]
    jsonschema.validate(doctor_data(findings), schema("doctor"))
