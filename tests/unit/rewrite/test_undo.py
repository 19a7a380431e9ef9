"""What was written for native twins is taken out again, and nothing else."""

from __future__ import annotations

import pytest

from tests.unit.rewrite.test_rewrite_fixtures import FOLDERS, planned, read, tree
from xbuild.rewrite.render import rewrite
from xbuild.rewrite.undo import without_twins
from xbuild.text import Source

ASSISTED = [n for n, folder in FOLDERS.items() if folder.parent.name == "assisting"]
WRITTEN = [n for n in ASSISTED if (FOLDERS[n] / "after.Dockerfile").exists()]


@pytest.mark.parametrize("name", WRITTEN)
def test_what_was_there_before(name: str) -> None:
    """The author's file with the pins alone."""
    case, before, plan = planned(name)
    pinned = rewrite(before, plan, conditional=case.conditional)
    assert without_twins(read(case.folder / "after.Dockerfile")).text.to_bytes() == pinned.text.to_bytes()


@pytest.mark.parametrize("name", WRITTEN)
def test_written_again(name: str) -> None:
    """An older text of the helper's files is replaced, and what is up to date comes out as it is."""
    case = planned(name)[0]
    after = (case.folder / "after.Dockerfile").read_bytes()
    for older in (after, after.replace(b"# helper/prepare.sh", b"echo an older helper\n# of two lines")):
        dockerfile = tree(without_twins(tree(Source.from_bytes("Dockerfile", older))).text)
        again = rewrite(dockerfile, case.plan(dockerfile), conditional=case.conditional, twins=case.twins)
        assert again.text.to_bytes() == after


def test_lines_are_those_of_the_file() -> None:
    folder = FOLDERS["twins-stage-by-number-behind-the-helper"]
    before, after = read(folder / "before.Dockerfile"), read(folder / "after.Dockerfile")
    back = without_twins(after)
    lines = after.source.text.splitlines()
    for number, text in enumerate(before.source.text.splitlines(), 1):
        assert text.split()[:1] == lines[back.line_map(number) - 1].split()[:1]


@pytest.mark.parametrize("name", sorted(set(FOLDERS) - set(WRITTEN)))
def test_what_has_no_twins_stays(name: str) -> None:
    before = read(FOLDERS[name] / "before.Dockerfile")
    assert not without_twins(before).changed
