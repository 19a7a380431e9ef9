"""What a failed build tells the user."""

from __future__ import annotations

from pathlib import Path

import pytest

from xbuild.errors import ContextError, EngineError, RegistryError, UsageError, XbuildError
from xbuild.solve.diagnosis import BuildFailedError, build_error, marked_lines, render_excerpt
from xbuild.solve.inputs import Inputs
from xbuild.solve.progress import Progress, TextEvent, VertexEvent, read
from xbuild.text import Source

RECORDED = Path(__file__).parents[2] / "fixtures" / "progress"
USER = Source("app/Dockerfile", "FROM busybox\n# a comment\nRUN one && \\\n    two\nCMD x\n")


def inputs(source: Source | None = USER) -> Inputs:
    return Inputs(source, "Dockerfile", ".")


def failed(*text: str, step: str = "[1/1] RUN x") -> Progress:
    progress = Progress()
    progress.update(VertexEvent("d", step, started=1.0, completed=2.0, error="process failed"))
    for line in text:
        progress.update(TextEvent(line))
    return progress


@pytest.mark.parametrize("case", ["failed-run", "failed-run-container"])
def test_a_recorded_failure(case: str) -> None:
    progress = read((RECORDED / case / "progress.txt").read_text().splitlines())
    # the user's file has the step two lines further up
    error = build_error(progress, 1, inputs(), lambda line: line - 1 if line > 3 else None)
    assert isinstance(error, BuildFailedError)
    assert (error.file, error.line) == ("app/Dockerfile", 3)
    assert error.log == ("some output", "more output")
    assert error.message.startswith("process ")
    assert "RUN one" in error.excerpt
    assert "fails.Dockerfile" not in str(error)


def test_the_excerpt_has_the_form_that_buildx_uses() -> None:
    assert render_excerpt(USER, [3, 4], "app/Dockerfile") == (
        "app/Dockerfile:3\n"
        "--------------------\n"
        "   2 |     # a comment\n"
        "   3 | >>> RUN one && \\\n"
        "   4 | >>>     two\n"
        "   5 |     CMD x\n"
        "--------------------"
    )
    assert render_excerpt(USER, [99], "x") == ""
    assert render_excerpt(None, [1], "x") == ""


def test_marked_lines() -> None:
    text = ["Dockerfile:3", "  10 |     x", "  11 | >>> RUN y | 3 | >>>", "1234 | >>> z", "ERROR: no"]
    assert marked_lines(text) == (11, 1234)


def test_lines_that_a_rewrite_added_have_no_place() -> None:
    error = build_error(
        failed("   3 | >>> RUN x", "ERROR: failed to solve: boom"), 1, inputs(), lambda _: None
    )
    assert error.line is None
    assert error.message == "boom"


@pytest.mark.parametrize(
    ("said", "kind", "hint"),
    [
        ("write /x: no space left on device", EngineError, "prune"),
        ("exec /bin/sh: exec format error", BuildFailedError, "binfmt"),
        (
            "x: pull access denied, repository does not exist or may require authorization",
            RegistryError,
            "login",
        ),
        ("failed to resolve source metadata for h/x: dial tcp: i/o timeout", RegistryError, "cannot reach"),
        ("error from sender: open c/private: permission denied", ContextError, ".dockerignore"),
        ("something else", BuildFailedError, ""),
    ],
)
def test_causes(said: str, kind: type[XbuildError], hint: str) -> None:
    error = build_error(failed(f"ERROR: failed to build: failed to solve: {said}"), 1, inputs(), None)
    assert isinstance(error, kind)
    assert error.message == said
    assert hint in (error.hint or "")


def test_what_buildx_refuses_before_it_builds() -> None:
    progress = read(["unknown flag: --x", "", "Usage:  docker buildx build [OPTIONS] PATH | URL | -"])
    assert isinstance(build_error(progress, 125, inputs(), None), UsageError)
    progress = read(
        ["ERROR: Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?"]
    )
    assert isinstance(build_error(progress, 1, inputs(), None), EngineError)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("failed to build: open /src/secret: permission denied", BuildFailedError),
        ("failed to build: failed to solve: the real reason", BuildFailedError),
        ("failed to build: x: pull access denied", RegistryError),
        ('no builder "x" found', EngineError),
        (
            "permission denied while trying to connect to the docker API at unix:///var/run/docker.sock",
            EngineError,
        ),
    ],
)
def test_not_everything_before_the_first_step_is_the_engines_fault(
    said: str, kind: type[XbuildError]
) -> None:
    error = build_error(read([f"ERROR: {said}"]), 1, inputs(), None)
    assert type(error) is kind
    assert ("socket" in error.message) is ("docker.sock" in said)


def test_without_a_word_the_exit_code_is_said() -> None:
    progress = Progress()
    progress.update(VertexEvent("d", "n"))
    assert "exit code 3" in build_error(progress, 3, inputs(None), None).message


_NOT_THERE = "ERROR: unable to select packages:\n  curl (no such package):\n    required by: world[curl]\n"
_INDEX, _NAME = "could not read the package index", "none of them has curl"


@pytest.mark.parametrize(
    ("log", "said"),
    [
        # apk-tools 3.0.8, recorded
        (
            "WARNING: fetching https://mirror.invalid/alpine/v3.23/main/x86_64/APKINDEX.tar.gz: "
            f"DNS: name does not exist\n{_NOT_THERE}",
            _INDEX,
        ),
        (
            f"WARNING: opening /nowhere/x86_64/APKINDEX.tar.gz: No such file or directory\n{_NOT_THERE}",
            _INDEX,
        ),
        (
            "WARNING: updating and opening https://mirror.invalid/main/x86_64/APKINDEX.tar.gz: "
            "DNS: name does not exist\n1 unavailable, 0 stale; 16 distinct packages available\n",
            _INDEX,
        ),
        (_NOT_THERE, _NAME),
        # apk-tools 2, from reports
        (
            "WARNING: Ignoring http://mirror.example/alpine/v3.11/main/x86_64/APKINDEX.tar.gz: temporary "
            "error (try again later)\nERROR: unsatisfiable constraints:\n  curl (missing):\n",
            _INDEX,
        ),
        (
            "ERROR: http://mirror.example/alpine/v3.7/main: temporary error (try again later)\n"
            "2 errors; 28 distinct packages available\n",
            _INDEX,
        ),
        (
            "WARNING: Ignoring APKINDEX.167438ca.tar.gz: No such file or directory\n"
            "ERROR: unsatisfiable constraints:\n  curl (missing):\n",
            "no package index yet",
        ),
        ("ERROR: unsatisfiable constraints:\n  curl (missing):\n    required by: world[curl]\n", _NAME),
    ],
)
def test_apk_tells_an_index_that_is_not_reached_from_a_package_that_is_not_there(log: str, said: str) -> None:
    progress = failed("ERROR: failed to solve: process did not complete: exit code: 1")
    progress.vertices["d"].log.extend(log.encode())
    error = build_error(progress, 1, inputs(), None)
    assert isinstance(error, BuildFailedError)
    assert said in (error.hint or "")
    assert (_INDEX in (error.hint or "")) == (said == _INDEX)


@pytest.mark.parametrize(
    "log",
    [
        "ERROR: tests: 3 failed\n  x (missing)\n",
        # One repository of two, and what fails is something else.
        "WARNING: opening /nowhere/x86_64/APKINDEX.tar.gz: No such file or directory\n"
        "OK: 8 MiB in 16 packages\nmain.go:3:1: syntax error\n",
    ],
)
def test_other_output_has_no_cause(log: str) -> None:
    progress = failed("ERROR: failed to solve: process did not complete: exit code: 2")
    progress.vertices["d"].log.extend(log.encode())
    assert build_error(progress, 1, inputs(), None).hint is None
