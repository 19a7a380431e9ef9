"""The net below native twins: once more without, where one went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.command import project
from tests.unit.cli.standin import Docker
from tests.unit.pipeline.test_flow import PLATFORMS, Listener, built
from xbuild.dockerfile.parser import parse
from xbuild.errors import SolveError, UsageError
from xbuild.graph.model import Options
from xbuild.pipeline import rebuilding
from xbuild.pipeline.helper import twin_files
from xbuild.plan.context import NoContext
from xbuild.plan.deciding.planner import make_plan
from xbuild.plan.model import SECTION, Knowledge, Plan, Question, Settings
from xbuild.plan.toolchain import HELPERS
from xbuild.plan.twins.twin import MOUNT
from xbuild.platforms import parse_platforms
from xbuild.rewrite.render import rewrite
from xbuild.solve.build import SolveRequest, SolveResult, solve
from xbuild.solve.diagnosis import BuildFailedError
from xbuild.solve.directory import DirectoryContext
from xbuild.solve.history import Vertex
from xbuild.solve.options import parse_build_arguments
from xbuild.solve.progress import parse_name
from xbuild.solve.stall import StalledError
from xbuild.text import Source

TEXT = (
    "FROM debian:bookworm AS one\nRUN apt-get update\n\n"
    "FROM debian:bookworm\nRUN apt-get update\nCOPY --from=one /a /a\n"
)


class Solves:
    """The texts that were built; the first fail as told, in those that end well a step says `log`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *failures: SolveError, log: bytes = b"") -> None:
        self.failures, self.log = list(failures), log
        self.requests: list[SolveRequest] = []
        monkeypatch.setattr(rebuilding, "solve", self)

    def __call__(self, request: SolveRequest, *words: Any, **more: Any) -> SolveResult:
        self.requests.append(request)
        if self.failures:
            raise self.failures.pop(0)
        result = solve(request, *words, **more)
        said = Vertex("sha256:said", f"RUN {MOUNT}", parse_name("RUN x"), log=self.log)
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
def test_a_helper_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its step is built to end well, but needs a shell."""
    error = BuildFailedError("exec: /bin/sh: no such file", step="[linux/amd64 xbuild-native 3/3] RUN sh")
    solves = Solves(monkeypatch, error)
    listener = Listener()
    built(project(tmp_path / "p", TEXT), "--assist=auto", "-o", f"{tmp_path}/out", watcher=listener)
    assert solves.mounts == [2, 0]
    assert any("without native twins: they could not be made: exec: /bin/sh: no" in t for t in listener.said)


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


def written() -> str:
    """The file with native twins, as `xbuild rewrite --assist` writes it."""
    dockerfile = parse(Source("Dockerfile", TEXT))
    plan = make_plan(dockerfile, Options(), None, NoContext(), Settings(assist=True), Knowledge())
    return rewrite(dockerfile, plan, twins=twin_files()).text.text


def test_twins_that_are_written_in_the_file_have_the_same_nets(
    image: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are left out of what is built then, all of them; the file stays. Lines are those of the file."""
    folder = project(tmp_path / "p", written())
    line = written().splitlines().index("FROM debian:bookworm") + 2
    solves = Solves(monkeypatch, failed("xbuild-twin: apt: mark: crashed (139)\n", line))
    listener = Listener()
    done = built(folder, "-o", f"{tmp_path}/out", watcher=listener)
    assert [request.text for request in solves.requests] == [None, TEXT]
    line_map = solves.requests[1].line_map
    assert line_map is not None
    assert line_map(TEXT.splitlines().index("FROM debian:bookworm") + 2) == line
    assert "assisted" not in {word for _, word, _ in done.outcome.verdicts}
    assert "built again without native twins: the twin of apt: crashed (139)" in "\n".join(listener.said)
    leaking = {"a": f"PATH={MOUNT}/apt/bin:/usr/bin".encode()}
    image.image(PLATFORMS, {"linux/amd64": [{"a": b"1"}], "linux/arm64": [leaking]})
    solves = Solves(monkeypatch)
    built(folder, "-o", f"{tmp_path}/out2")
    assert [request.text for request in solves.requests] == [None, TEXT]


@pytest.mark.usefixtures("image")
def test_twins_that_were_changed_by_hand_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project(tmp_path / "p", written().replace("env; apt-get", f"env; . {MOUNT}/env; apt-get"))
    Solves(monkeypatch, failed("xbuild-twin: apt: mark: crashed (139)\n", 0))
    with pytest.raises(SolveError, match="native twins cannot be left out: they were changed by hand"):
        built(folder, "-o", f"{tmp_path}/out")


@pytest.mark.usefixtures("image")
def test_a_mark_whose_line_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The builder leaves out some of what is very long; the step fails all the same."""
    said = f'process "/bin/sh -c . {MOUNT}/env; x" did not complete successfully: exit code: 97'
    solves = Solves(monkeypatch, BuildFailedError(said, line=5, whole_log=b"much\n"))
    listener = Listener()
    built(project(tmp_path / "p", TEXT), "--assist=auto", "-o", f"{tmp_path}/out", watcher=listener)
    assert [m < solves.mounts[0] for m in solves.mounts] == [False, True]
    assert any("a twin left a mark, whose line is lost" in t for t in listener.said)


# -- what was pinned, and would have to build something for the target

PIP = (
    "FROM debian:bookworm AS other\nRUN apt-get update\n\n"
    "FROM python:3.13-slim AS deps\nCOPY requirements.txt /tmp/\nRUN python -m venv /opt/venv\n"
    "RUN /opt/venv/bin/pip install -r /tmp/requirements.txt\n\n"
    "FROM python:3.13-slim\nCOPY --from=deps /opt/venv /opt/venv\nCOPY --from=other /a /a\n"
)
REFUSAL = "Collecting a\nxbuild: python is not started: nothing is built for aarch64 here\nxbuild: name a …\n"


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A builder whose pip finds a wheel for everything, as long as it is only asked."""
    said = "".join(f"{SECTION}linux/{name}\nxbuild: exit code 0\n" for name in ("amd64", "arm64"))

    def probe(_self: object, _plan: object, questions: Sequence[Question], *_more: object) -> dict[str, str]:
        return {q.key: said for q in questions}

    monkeypatch.setattr("xbuild.pipeline.questions._Answerer.probe", probe)


@pytest.mark.usefixtures("image", "answered")
@pytest.mark.parametrize("line", [7, None])
def test_what_is_refused_is_built_on_the_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: int | None
) -> None:
    solves = Solves(monkeypatch, BuildFailedError("exit code: 125", line=line, whole_log=REFUSAL.encode()))
    listener = Listener()
    folder = project(tmp_path / "p", PIP, **{"requirements.txt": "a\n"})
    done = built(folder, "-o", f"{tmp_path}/out", watcher=listener)
    first, again = (request.text or "" for request in solves.requests)
    assert "FROM --platform=$BUILDPLATFORM python:3.13-slim AS deps" in first
    assert "FROM python:3.13-slim AS deps" in again
    assert HELPERS not in again
    assert again.count(f"target={MOUNT} ") == first.count(f"target={MOUNT} ") + 2  # venv and pip
    assert [word for _, word, _ in done.outcome.verdicts] == ["assisted", "assisted", "emulated"]
    told = "\n".join(listener.said)
    assert "stage deps is built again on the target platform: python would have built something" in told


@pytest.mark.usefixtures("image", "answered")
def test_what_is_refused_twice_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = BuildFailedError("exit code: 125", line=7, whole_log=REFUSAL.encode())
    solves = Solves(monkeypatch, error, error)
    with pytest.raises(BuildFailedError):
        built(project(tmp_path / "p", PIP, **{"requirements.txt": "a\n"}), "-o", f"{tmp_path}/out")
    assert len(solves.requests) == 2


@pytest.mark.usefixtures("image", "answered")
def test_what_is_refused_in_a_file_that_was_rewritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says what to change; with that done the stage is on the target platform."""
    said = "".join(f"{SECTION}linux/{name}\nxbuild: exit code 0\n" for name in ("amd64", "arm64"))
    folder = project(tmp_path / "p", PIP, **{"requirements.txt": "a\n"})
    context = DirectoryContext(folder)

    def plan(text: str) -> Plan:
        known = Knowledge({q.key: said for q in planned(text, Knowledge()).questions})
        return planned(text, known)

    def planned(text: str, known: Knowledge) -> Plan:
        tree = parse(Source("Dockerfile", text))
        return make_plan(tree, Options(), parse_platforms(PLATFORMS.split(",")), context, None, known)

    text = rewrite(parse(Source("Dockerfile", PIP)), plan(PIP)).text.text
    (folder / "Dockerfile").write_text(text)
    solves = Solves(monkeypatch, BuildFailedError("exit code: 125", line=40, whole_log=REFUSAL.encode()))
    with pytest.raises(BuildFailedError) as error:
        built(folder, "--assist=off", "-o", f"{tmp_path}/out")
    assert len(solves.requests) == 1
    hint = error.value.hint or ""
    assert "take --platform=$BUILDPLATFORM out of its FROM" in hint
    assert f"{HELPERS}/pip.py with what stands in front of it out of its commands" in hint
    followed = text.replace("--platform=$BUILDPLATFORM ", "")
    followed = followed.replace(f"/opt/venv/bin/python {HELPERS}/pip.py ", "")
    verdicts = {v.name: str(v.word) for v in planned(followed, Knowledge()).stages}
    assert verdicts["deps"] == "unsure"
