"""With which code `xbuild bench` ends."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.command import Xbuild, project
from tests.unit.cli.standin import Docker
from xbuild.errors import Exit
from xbuild.plan.twins.twin import MOUNT
from xbuild.solve.build import SolveRequest, SolveResult, solve
from xbuild.solve.diagnosis import BuildFailedError
from xbuild.solve.history import Vertex
from xbuild.solve.progress import parse_name
from xbuild.verify.checks import Check, CheckKind, Severity, Verification
from xbuild.verify.excuses import Aspect
from xbuild.verify.trees import PathDifference, TreeComparison
from xbuild.views.measurement import Comparison, ImageDifference

FAILED = Check(next(iter(CheckKind)), Severity.FAILURE, "wrong")
BOTH = "linux/amd64,linux/arm64"


@pytest.fixture(autouse=True)
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _apart: None) -> Docker:
    docker = Docker(tmp_path / "docker", monkeypatch)
    docker.image(BOTH, {"linux/amd64": [{"a": b"1"}], "linux/arm64": [{"a": b"2"}]})
    return docker


@pytest.mark.parametrize(
    ("wrong", "different", "code"),
    [
        ((), (), Exit.OK),
        (("rewritten",), (), Exit.WRONG_ARCHITECTURE),
        (("original", "rewritten"), ("original",), Exit.WRONG_ARCHITECTURE),
        (("original",), (), Exit.OK),
        (("against",), ("against",), Exit.OK),
        ((), ("original",), Exit.FAILED),
    ],
)
def test_only_what_rewriting_did_counts(
    wrong: tuple[str, ...],
    different: tuple[str, ...],
    code: Exit,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    xbuild: Xbuild,
) -> None:
    def verified(path: Path, *_: object) -> Verification:
        failed = {name for name in wrong if name in path.parts}
        return Verification("sha256:1", (), (FAILED,) if failed else ())

    def compared(left: str, _left: object, right: str, _right: object) -> Comparison:
        found = (ImageDifference("linux/arm64", "User", "1", "2"),) if left in different else ()
        return Comparison(left, right, found, 1)

    monkeypatch.setattr("xbuild.pipeline.measuring.verify_layout", verified)
    monkeypatch.setattr("xbuild.pipeline.measuring.compare", compared)
    folder = project(tmp_path / "p", "FROM scratch\nCOPY a /a\n", a="1")
    hand = tmp_path / "hand.Dockerfile"
    hand.write_text("FROM scratch\nCOPY a /a\n")
    done = xbuild("bench", "--platform", BOTH, "-n", "1", "--cold-only", "--against", hand, folder)
    assert done.code == code, done.err
    for name in ("original", "rewritten", "against"):
        assert f"verified {name}: {'WRONG' if name in wrong else 'ok'}" in done.out
    for name in different:
        assert f"images of {name} and rewritten: different" in done.out
    assert ("xbuild: warning: " in done.err) is (code != Exit.OK)


def test_trees_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, xbuild: Xbuild) -> None:
    folder = project(tmp_path / "p", "FROM scratch\nCOPY a /a\n", a="1")
    words = ("bench", "--platform", BOTH, "-n", "1", "--cold-only", "--compare", "pins")
    done = xbuild(*words, folder)
    assert done.code == Exit.OK, done.err
    for platform in BOTH.split(","):
        assert f"trees of original and rewritten, {platform}: equal (1 path, 0 excused, 0 diff" in done.out
    done = xbuild(*words[:-1], "against", "--against", folder / "Dockerfile", folder)
    assert "trees of original and against, linux/amd64: equal" in done.out
    found = TreeComparison("linux/arm64", 2, (), (PathDifference("/a", Aspect.MODE, "644", "755"),))
    monkeypatch.setattr("xbuild.pipeline.measuring.compare_layouts", lambda *_, **__: (found,))
    done = xbuild(*words, folder)
    assert done.code == Exit.FAILED
    assert "  /a: mode: 644 / 755" in done.out
    assert done.err.endswith("the trees of original and rewritten differ in what has no excuse\n")
    assert json.loads(xbuild(*words, "--json", folder).out)["trees"]["is_equal"] is False


@pytest.mark.parametrize(
    "words", [("--compare", "all"), ("--compare", "pins", "--skip-original"), ("--compare", "against")]
)
def test_trees_that_cannot_be_compared(words: tuple[str, ...], tmp_path: Path, xbuild: Xbuild) -> None:
    done = xbuild("bench", *words, project(tmp_path / "p", "FROM scratch\nCOPY a /a\n", a="1"))
    assert done.code == Exit.USAGE
    assert done.err.startswith("xbuild: --compare ")


ASSISTED = "FROM debian:bookworm\nRUN apt-get update\n"
COLD = ("bench", "--platform", BOTH, "-n", "1", "--cold-only")
MARK = b"xbuild-twin: apt: mark: ended by signal 11\n"


def says(monkeypatch: pytest.MonkeyPatch, log: bytes, *, is_failed: bool = False) -> list[str]:
    """A step of each build with native twins says this. The texts that are built."""
    texts: list[str] = []

    def solved(request: SolveRequest, *words: Any, **more: Any) -> SolveResult:
        texts.append(request.text or "")
        has_twins = MOUNT in texts[-1]
        if has_twins and is_failed:
            raise BuildFailedError("exit code: 139", line=2, whole_log=log)
        result = solve(request, *words, **more)
        said = Vertex("sha256:said", f"RUN {MOUNT}", parse_name("RUN x"), log=log)
        return replace(result, vertices=(*result.vertices, said)) if has_twins else result

    monkeypatch.setattr("xbuild.pipeline.measuring.solve", solved)
    return texts


@pytest.mark.parametrize("is_failed", [False, True])
def test_a_build_that_xbuild_would_not_deliver_is_not_measured(
    is_failed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, xbuild: Xbuild
) -> None:
    """What is measured without twins, as the message says, is another matter."""
    texts = says(monkeypatch, MARK, is_failed=is_failed)
    folder = project(tmp_path / "p", ASSISTED)
    done = xbuild(*COLD, "--compare", "assist", folder)
    assert (done.code, done.out) == (Exit.FAILED, "")
    said = "cold 1, rewritten: a native twin went wrong. stage stage 0: the twin of apt: ended by signal 11"
    assert said in done.err
    assert "bench --compare pins measures without" in done.err
    assert [MOUNT in text for text in texts] == [False, True]
    assert xbuild(*COLD, "--compare", "pins", folder).code == Exit.OK


def test_a_leak_is_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, xbuild: Xbuild, image: Docker
) -> None:
    leaking = {"linux/amd64": [{"a": b"1"}], "linux/arm64": [{"a": f"PATH={MOUNT}/apt/bin".encode()}]}
    image.image(BOTH, leaking)
    says(monkeypatch, b"")
    done = xbuild(*COLD, "--compare", "assist", project(tmp_path / "p", ASSISTED))
    assert done.code == Exit.FAILED
    assert f"a native twin went wrong. stage stage 0: /a names {MOUNT} (content)" in done.err


def test_twins_that_were_not_made_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, xbuild: Xbuild
) -> None:
    says(monkeypatch, b"xbuild-helper: apt: failed: no network\nE: nope\n")
    done = xbuild(*COLD, "--compare", "assist", project(tmp_path / "p", ASSISTED))
    assert done.code == Exit.OK
    assert "native twins of apt were not made: no network (the next build tries it again)" in done.err


def test_an_ordinary_failure_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, xbuild: Xbuild) -> None:
    says(monkeypatch, b"E: Unable to locate package nope\n", is_failed=True)
    done = xbuild(*COLD, "--compare", "assist", project(tmp_path / "p", ASSISTED))
    assert done.code == Exit.FAILED
    assert "native twin" not in done.err
