"""gcc's twin on a real engine: a stage that compiles in many ways, assisted and emulated, must be one tree.

Its last step changes what dpkg says of gcc: from there on the author's own program runs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.solving import build, engine
from tests.integration.test_twins import MAY_DIFFER, Said, assisted, helper, tree

pytestmark = pytest.mark.panel

PROJECT = Path(__file__).parents[1] / "projects/c-options"
BASE = "python:3.13"


@pytest.fixture(autouse=True)
def _needs_an_engine() -> None:
    engine()


def test_the_same_tree(tmp_path: Path) -> None:
    steps = (PROJECT / "Dockerfile").read_text()
    arguments = ("--platform=linux/arm64", str(PROJECT))
    plain, _ = build(tmp_path / "plain", *arguments)
    said = Said()
    text = helper(BASE, ("gcc",)) + assisted(steps)
    twins, _ = build(tmp_path / "twins", "--no-cache", *arguments, text=text, on_event=said)
    assert plain.exit_code == twins.exit_code == 0
    one, other = tree(plain), tree(twins)
    assert "out/later.o" in one
    assert "out/whole.said" in one
    different = {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}
    assert {name for name in different if not MAY_DIFFER.fullmatch(name)} == set()
    # Words that gcc takes from a file, and the linker's plug-in, are no reason to step aside.
    assert set(said.lines[:-1]) == {"gcc: native"}
    assert said.lines[-1] == "gcc: own: another version"
    assert said.output.count(b"xbuild-twin: gcc: native") > 15
