"""With which code `xbuild bench` ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.command import Xbuild, project
from tests.unit.cli.standin import Docker
from xbuild.errors import Exit
from xbuild.verify.checks import Check, CheckKind, Severity, Verification
from xbuild.verify.excuses import Aspect
from xbuild.verify.trees import PathDifference, TreeComparison
from xbuild.views.measurement import Comparison, ImageDifference

FAILED = Check(next(iter(CheckKind)), Severity.FAILURE, "wrong")
BOTH = "linux/amd64,linux/arm64"


@pytest.fixture(autouse=True)
def _docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _apart: None) -> None:
    docker = Docker(tmp_path / "docker", monkeypatch)
    docker.image(BOTH, {"linux/amd64": [{"a": b"1"}], "linux/arm64": [{"a": b"2"}]})


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
