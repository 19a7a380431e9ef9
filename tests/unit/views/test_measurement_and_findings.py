"""What `bench` and `doctor` show."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from xbuild.verify.excuses import Aspect
from xbuild.verify.trees import Excused, PathDifference, TreeComparison
from xbuild.views.findings import Diagnosed, State, doctor_data, doctor_lines, worst
from xbuild.views.measurement import (
    ComparedTrees,
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


def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
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


LOGS = Excused("/var/log/apt/*.log", Aspect.CONTENT, "times", ("/var/log/apt/a.log", "/var/log/apt/b.log"))
TREES = ComparedTrees(
    "original",
    "rewritten",
    (
        TreeComparison(
            "linux/amd64",
            1000,
            (LOGS, Excused("/a", Aspect.CONTENT, "times", ("/a",))),
            (
                PathDifference("/app\x1b[1m", Aspect.CONTENT, "5 bytes", "6 bytes", 3, "line 1: 'a' / 'b'"),
                *(PathDifference(f"/{n}", Aspect.MODE, "644", "755") for n in range(30)),
            ),
            has_times=True,
        ),
        TreeComparison("linux/arm64", 1),
    ),
)


def test_bench_tells_of_the_trees() -> None:
    measurement = replace(MEASUREMENT, trees=TREES)
    lines = list(bench_lines(measurement, Terminal()))
    start = next(at for at, line in enumerate(lines) if line.startswith("trees"))
    assert lines[start : start + 5] == [
        "trees of original and rewritten, linux/amd64: different (1000 paths, 3 excused, 31 differences)",
        "  excused: 2 of /var/log/apt/*.log: times",
        "  excused: /a: times",
        "  /app?[1m: content: 5 bytes / 6 bytes, first at byte 3 (no excuse: line 1: 'a' / 'b')",
        "  /0: mode: 644 / 755",
    ]
    assert lines[start + 23 : start + 25] == [
        "  and 11 more (--json has all)",
        "trees of original and rewritten, linux/arm64: equal"
        " (1 path, 0 excused, 0 differences, times of change not compared)",
    ]
    data = json.loads(json.dumps(bench_data(measurement)))
    jsonschema.validate(data, schema("bench"))
    assert data["trees"]["is_equal"] is False
    assert data["trees"]["platforms"][0]["excused"][0]["paths"] == list(LOGS.paths)
    aspects = schema("bench")["properties"]["trees"]["anyOf"][1]["properties"]["platforms"]["items"]
    assert aspects["properties"]["excused"]["items"]["properties"]["what"]["enum"] == [
        a.value for a in Aspect
    ]


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
    assert worst([Diagnosed("a", state, "t") for state in states]) == expected


def test_doctor_says_what_to_do() -> None:
    findings = (
        Diagnosed("engine", State.OK, "fine", "nothing"),
        Diagnosed("store", State.WARNING, "old", "do it", "x"),
    )
    assert list(doctor_lines(findings, Terminal())) == [
        "ok        engine  fine",
        "warning   store   old",
        "                  do: do it (or --fix)",
    ]
    jsonschema.validate(doctor_data(findings), schema("doctor"))
