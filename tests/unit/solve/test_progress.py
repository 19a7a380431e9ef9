"""Recorded progress of real builds, joined with the record of the solve: a table per case.

`tests/integration/record_progress.py` records; `vertices.txt` beside each recording is what comes out.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from xbuild.platforms import Platform, parse_platforms
from xbuild.solve.history import Provenance, Vertex, critical_path, join, provenances_in, read_provenance
from xbuild.solve.progress import (
    LogEvent,
    Progress,
    TextEvent,
    VertexEvent,
    parse_line,
    parse_name,
    read,
    union,
)

FIXTURES = Path(__file__).parents[2] / "fixtures" / "progress"
CASES = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir())

AMD64 = Platform.parse("linux/amd64")
ARM64 = Platform.parse("linux/arm64")


def vertices(case: str, *, with_record: bool = True) -> tuple[Vertex, ...]:
    folder = FIXTURES / case
    request = json.loads((folder / "request.json").read_text())
    progress = read((folder / "progress.txt").read_text().splitlines())
    records: dict[Platform | None, Provenance] = {}
    if with_record and (folder / "metadata.json").exists():
        records = provenances_in(json.loads((folder / "metadata.json").read_text()))
    for file in folder.glob("provenance-*.json") if with_record else ():
        name = file.stem.removeprefix("provenance-").replace("-", "/")
        records[Platform.parse(name)] = read_provenance(json.loads(file.read_text()))
    platforms = parse_platforms(request["platforms"])
    return join(progress, records, native=Platform.parse(request["native"]), platforms=platforms)


def table(found: tuple[Vertex, ...]) -> str:
    rows = [
        " | ".join(
            (
                "cached" if v.cached else "emulated" if v.emulated else "",
                f"on {v.platform or '?'}",
                f"for {','.join(map(str, v.targets)) or '?'}",
                f"{v.lines[0]}-{v.lines[1]}" if v.lines else "",
                v.stage or "",
                v.name.partition("@sha256:")[0],
                "failed" if v.error else "",
            )
        )
        for v in found
    ]
    path = [v.name.partition("@sha256:")[0] for v in critical_path(found)]
    return "\n".join([*sorted(rows), "critical path:", *path]) + "\n"


@pytest.mark.parametrize("case", CASES)
def test_recordings(case: str) -> None:
    expected = FIXTURES / case / "vertices.txt"
    found = table(vertices(case))
    assert expected.exists(), found
    assert found == expected.read_text()


def test_every_run_has_its_platform_and_lines() -> None:
    for case in ("two-platforms-docker", "two-platforms-container", "old-buildx", "one-foreign-platform"):
        runs = [v for v in vertices(case) if v.instruction == "RUN"]
        assert runs, case
        assert all(v.platform and v.lines and v.targets for v in runs), case


def test_emulated_is_what_ran_on_a_foreign_platform() -> None:
    found = {v.name.partition("] ")[0]: v for v in vertices("two-platforms-docker") if v.instruction == "RUN"}
    assert found["[linux/arm64 stage-1 2/3"].emulated
    assert not found["[linux/amd64->arm64 builder 5/5"].emulated
    assert found["[linux/amd64->arm64 builder 5/5"].target_platform == ARM64
    assert found["[linux/amd64 builder 4/5"].targets == (AMD64, ARM64)
    assert found["[linux/amd64 builder 4/5"].target_platform is None


def test_without_a_record_names_have_to_do() -> None:
    found = {v.name.partition("] ")[0]: v for v in vertices("two-platforms-docker", with_record=False)}
    assert found["[linux/arm64 stage-1 2/3"].emulated
    assert found["[linux/amd64->arm64 builder 5/5"].targets == (ARM64,)
    assert found["[linux/amd64->arm64 builder 5/5"].lines is None


def test_lines_are_mapped_to_the_user_s_file() -> None:
    folder = FIXTURES / "two-platforms-docker"
    progress = read((folder / "progress.txt").read_text().splitlines())
    records = provenances_in(json.loads((folder / "metadata.json").read_text()))
    # as if lines 6 to 7 had been put in by a rewrite
    found = join(
        progress,
        records,
        native=AMD64,
        platforms=(AMD64, ARM64),
        line_map=lambda line: line if line < 6 else None if line < 8 else line - 2,
        added={7, 8},
    )
    by_lines = {v.lines: v.user_lines for v in found if v.lines}
    assert by_lines[(5, 5)] == (5, 5)
    assert by_lines[(7, 8)] == (6, 6)
    assert by_lines[(10, 10)] == (8, 8)
    assert {v.lines for v in found if v.is_added} == {(7, 8)}


@pytest.mark.parametrize(
    ("name", "run", "target", "stage", "number", "instruction"),
    [
        ("[linux/amd64->arm64 builder 4/6] RUN go build", "linux/amd64", "linux/arm64", "builder", 4, "RUN"),
        ("[linux/amd64->arm/v7 builder 4/6] RUN x", "linux/amd64", "linux/arm/v7", "builder", 4, "RUN"),
        ("[linux/amd64/v3 builder  4/16] COPY . .", "linux/amd64/v3", "linux/amd64/v3", "builder", 4, "COPY"),
        ("[linux/arm64 4/6] RUN x", "linux/arm64", "linux/arm64", None, 4, "RUN"),
        ("[builder 4/6] RUN x", None, None, "builder", 4, "RUN"),
        ("[1/3] FROM docker.io/library/debian", None, None, None, 1, "FROM"),
        ("[stage-1 2/3] ONBUILD RUN x", None, None, "stage-1", 2, "RUN"),
        ("[linux/amd64 a.b-c_d 2/3] RUN echo [x 1/2] y", "linux/amd64", "linux/amd64", "a.b-c_d", 2, "RUN"),
        ("exporting to oci image format", None, None, None, None, None),
        ("[internal] load build context", None, None, None, None, None),
        ("[linux/arm64 internal] load metadata for x", "linux/arm64", None, None, None, None),
        ("[auth] library/x:pull token for example.org", None, None, None, None, None),
        ("[context base] load metadata for x", None, None, None, None, None),
    ],
)
def test_names(
    name: str,
    run: str | None,
    target: str | None,
    stage: str | None,
    number: int | None,
    instruction: str | None,
) -> None:
    step = parse_name(name)
    assert step.run_platform == (Platform.parse(run) if run else None)
    assert step.target_platform == (Platform.parse(target) if target else None)
    assert (step.stage, step.number, step.instruction) == (stage, number, instruction)


def test_lines_that_are_no_progress_stay_text() -> None:
    assert parse_line("ERROR: failed") == (TextEvent("ERROR: failed"),)
    assert parse_line('{"unknown": 1}') == (TextEvent('{"unknown": 1}'),)
    assert parse_line("{broken") == (TextEvent("{broken"),)
    assert parse_line("  ") == ()
    assert parse_line('{"logs":[{"vertex":"a","data":"%%%"}]}') == ()


def test_intervals_are_joined() -> None:
    assert union([(5, 6), (1, 3), (2, 4), (4, 4.5)]) == ((1, 4.5), (5, 6))
    progress = Progress()
    for started, completed in ((1.0, None), (1.0, 2.0), (4.0, None)):
        progress.update(VertexEvent("d", "[1/1] RUN x", started=started, completed=completed))
    state = progress.vertices["d"]
    assert (state.is_running, state.seconds) == (True, 1.0)
    progress.update(VertexEvent("d", "", started=4.0, completed=6.0))
    assert (state.is_running, state.seconds) == (False, 3.0)
    assert (state.started, state.completed) == (1.0, 6.0)


def test_times_of_an_earlier_solve_do_not_count() -> None:
    progress = Progress()
    progress.update(VertexEvent("old", "[1/3] FROM x", started=100.0, completed=103.0))
    progress.update(VertexEvent("long", "[2/3] RUN x", started=190.0, completed=201.0))
    progress.update(VertexEvent("new", "[3/3] RUN y", started=201.0, completed=204.0))
    start = progress.start_of(5.0)
    assert start == 198.0
    found = {v.digest: v for v in join(progress, {}, native=AMD64, platforms=(AMD64,), start=start)}
    assert (found["old"].intervals, found["old"].executed) == ((), False)
    assert found["long"].intervals == ((198.0, 201.0),)
    assert found["new"].intervals == ((201.0, 204.0),)


def test_executed_by_one_platform_and_cached_for_another_is_executed() -> None:
    progress = Progress()
    progress.update(VertexEvent("d", "n", started=1.0, completed=2.0))
    progress.update(VertexEvent("d", "n", started=2.0, completed=2.0, cached=True))
    assert not progress.vertices["d"].cached


def test_logs_are_kept_to_a_limit() -> None:
    progress = Progress()
    for _ in range(3):
        for event in parse_line(
            json.dumps({"logs": [{"vertex": "d", "stream": 2, "data": _data(b"x" * 600_000)}]})
        ):
            assert isinstance(event, LogEvent)
            progress.update(event)
    assert len(progress.vertices["d"].log) == 1 << 20


def test_what_twins_said_is_kept_of_a_long_log() -> None:
    progress = Progress()
    said = b"xbuild-twin: apt: mark: crashed\n"
    for data in (b"a\n" + said + said, *(b"some output\n" * 50_000,) * 6, b"the end\n"):
        progress.update(LogEvent("d", 1, data))
    log = progress.vertices["d"].log
    assert log.startswith(said + b"some output\n")
    assert log.endswith(b"some output\nthe end\n")
    assert len(log) < 1_400_000
    assert log.count(said) == 1


def _data(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_the_vertex_that_failed_is_not_one_that_was_cancelled() -> None:
    progress = Progress()
    progress.update(VertexEvent("a", "a", error="context canceled: context canceled"))
    progress.update(VertexEvent("b", "b", error="exit code: 1"))
    assert progress.failed is not None
    assert progress.failed.digest == "b"


def _vertex(digest: str, seconds: float, *inputs: str) -> Vertex:
    return Vertex(digest, digest, parse_name(digest), intervals=((0.0, seconds),), inputs=inputs)


def test_the_critical_path_is_the_longest_over_inputs() -> None:
    graph = (
        _vertex("end", 1, "fast", "slow", "elsewhere"),
        _vertex("slow", 5, "base"),
        _vertex("fast", 2, "base"),
        _vertex("base", 1),
        _vertex("alone", 6),
    )
    assert [v.digest for v in critical_path(graph)] == ["base", "slow", "end"]
    assert critical_path(()) == ()


def test_a_long_chain_does_not_end_in_recursion() -> None:
    chain = tuple(_vertex(str(n), 1, str(n + 1)) for n in range(5000))
    assert len(critical_path(chain)) == 5000
