"""The net below native twins: once more without, where one went wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.command import project
from tests.unit.cli.standin import Docker
from tests.unit.pipeline.test_flow import PLATFORMS, Listener, built
from xbuild.errors import SolveError, UsageError
from xbuild.pipeline import rebuilding
from xbuild.plan.twins.twin import MOUNT
from xbuild.solve.build import SolveRequest, SolveResult, solve
from xbuild.solve.diagnosis import BuildFailedError
from xbuild.solve.history import Vertex
from xbuild.solve.options import parse_build_arguments
from xbuild.solve.progress import parse_name
from xbuild.solve.stall import StalledError

TEXT = (
    "FROM debian:bookworm AS one\nRUN apt-get update\n\n"
    "FROM debian:bookworm\nRUN apt-get update\nCOPY --from=one /a /a\n"
)


class Solves:
    """The texts that were built; the first fail as told, and in those that end well a step says `log`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *failures: SolveError, log: bytes = b"") -> None:
        self.failures, self.log = list(failures), log
        self.requests: list[SolveRequest] = []
        monkeypatch.setattr(rebuilding, "solve", self)

    def __call__(self, request: SolveRequest, *words: Any, **more: Any) -> SolveResult:
        self.requests.append(request)
        if self.failures:
            raise self.failures.pop(0)
        result = solve(request, *words, **more)
        said = Vertex("sha256:said", "RUN x", parse_name("RUN x"), log=self.log)
        return replace(result, vertices=(*result.vertices, said)) if self.log else result

    @property
    def mounts(self) -> list[int]:
        """How many RUNs of each text had twins."""
        return [(request.text or "").count(f"target={MOUNT} ") for request in self.requests]


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _apart: None) -> Docker:
    docker = Docker(tmp_path / "docker", monkeypatch)
    docker.image(PLATFORMS, {"linux/amd64": [{"a": b"1"}], "linux/arm64": [{"a": b"2"}]})
    return docker


def failed(log: str, line: int = 5) -> BuildFailedError:
    return BuildFailedError("exit code: 1", line=line, whole_log=log.encode())


@pytest.mark.usefixtures("image")
def test_a_mark_has_its_stage_built_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    solves = Solves(monkeypatch, failed("xbuild-twin: apt: mark: crashed (139)\n"))
    listener = Listener()
    folder = project(tmp_path / "p", TEXT)
    done = built(folder, "--assist=auto", "-o", f"{tmp_path}/out", watcher=listener)
    assert solves.mounts == [2, 1]
    assert (solves.requests[1].text or "").index(MOUNT) < (solves.requests[1].text or "").index("AS one")
    assert [word for _, word, _ in done.outcome.verdicts] == ["assisted", "emulated"]
    told = "\n".join(listener.said)
    assert "stage stage 1 is built again without native twins: the twin of apt: crashed (139)" in told
    assert "report this" in told


@pytest.mark.usefixtures("image")
def test_an_ordinary_failure_fails_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    solves = Solves(monkeypatch, failed("E: Unable to locate package nope\n"))
    with pytest.raises(BuildFailedError) as error:
        built(project(tmp_path / "p", TEXT), "--assist=auto", "-o", f"{tmp_path}/out")
    assert solves.mounts == [2]
    assert error.value.hint == "xbuild build --assist=off builds it without native twins"


def test_a_leak_has_its_stage_built_without(
    image: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is not known which step made the layer, all stages are."""
    leaking = {"a": f"export PATH={MOUNT}/apt/bin:/usr/bin".encode()}
    image.image(PLATFORMS, {"linux/amd64": [{"a": b"1"}], "linux/arm64": [leaking]})
    solves = Solves(monkeypatch)
    listener = Listener()
    built(project(tmp_path / "p", TEXT), "--assist=auto", "-o", f"{tmp_path}/out", watcher=listener)
    assert solves.mounts == [2, 0]
    assert any(f"/a names {MOUNT} (content)" in text for text in listener.said)


@pytest.mark.usefixtures("image")
def test_off_by_default_and_by_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    solves = Solves(monkeypatch)
    folder = project(tmp_path / "p", TEXT, **{".xbuild.yaml": "assist:\n  mode: auto\n"})
    built(folder, "--assist=off", "-o", f"{tmp_path}/out")
    assert not solves.requests
    built(folder, "-o", f"{tmp_path}/out2")
    assert solves.mounts == [2]
    (folder / ".xbuild.yaml").write_text("assist:\n  mode: auto\n  without_stages: [one]\n")
    built(folder, "-o", f"{tmp_path}/out3")
    assert solves.mounts == [2, 1]
    with pytest.raises(UsageError):
        parse_build_arguments(["--assist=on", "."], {})


def test_a_builder_that_emulates_nothing_needs_none(
    image: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image.builder("linux/amd64", "linux/arm64")
    image.image("linux/amd64", {"linux/amd64": [{"a": b"1"}]})
    image.image("linux/arm64", {"linux/arm64": [{"a": b"2"}]})
    solves = Solves(monkeypatch)
    built(project(tmp_path / "p", TEXT), "--assist=auto", "-o", f"{tmp_path}/out")
    assert not solves.requests


@pytest.mark.usefixtures("image")
def test_a_helper_that_failed_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once: whether it failed again is seen by what is said then."""
    failing = b"xbuild-helper: apt: failed: no network\nxbuild-helper: pip: no pip there\n"
    folder = project(tmp_path / "p", TEXT)
    flags = []
    for number, log in enumerate((failing, failing, b"", b"")):
        solves = Solves(monkeypatch, log=log)
        done = built(folder, "--assist=auto", "-o", f"{tmp_path}/out{number}")
        flags.append(solves.requests[0].options.values("no-cache-filter"))
        assert done.outcome.warnings == (
            (
                "native twins of apt were not made: no network (the next build tries it again)",
                "native twins of pip were not made: no pip there",
            )
            if log
            else ()
        )
    assert flags == [(), ("xbuild-native",), ("xbuild-native",), ()]


@pytest.mark.usefixtures("image")
def test_a_helper_that_failed_in_a_build_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made anew also where another build has failed, and said nothing of it."""
    folder = project(tmp_path / "p", TEXT)
    Solves(monkeypatch, failed("xbuild-helper: all: failed: no space left\nE: nope\n"))
    listener = Listener()
    with pytest.raises(BuildFailedError):
        built(folder, "--assist=auto", "-o", f"{tmp_path}/out", watcher=listener)
    Solves(monkeypatch, failed("E: nope\n"))
    with pytest.raises(BuildFailedError):
        built(folder, "--assist=auto", "-o", f"{tmp_path}/out")
    assert listener.said == [
        "warning: native twins were not made: no space left (the next build tries it again)"
    ]
    solves = Solves(monkeypatch)
    built(folder, "--assist=auto", "-o", f"{tmp_path}/out")
    assert solves.requests[0].options.values("no-cache-filter") == ("xbuild-native",)


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize(("stages", "left"), [({"stage-4"}, 1), ({"one"}, 1), ({"gone"}, 0), (set(), 0)])
def test_a_step_that_does_nothing_has_its_stage_built_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stages: set[str], left: int
) -> None:
    """All stages where it is not known which."""
    solves = Solves(monkeypatch, StalledError(120.0, frozenset(stages)))
    listener = Listener()
    folder = project(tmp_path / "p", TEXT, **{".xbuild.yaml": "assist:\n  mode: auto\n  silence: 2\n"})
    built(folder, "-o", f"{tmp_path}/out", watcher=listener)
    assert [request.silence for request in solves.requests] == [120.0, 120.0]
    assert solves.mounts == [2, left]
    assert any("without native twins: no output and no CPU time for 2 minutes" in t for t in listener.said)
