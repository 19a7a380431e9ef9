"""The pages of the rules, tried as their readers would: the file, the command, what the fix makes of it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.unit.cli.command import Xbuild
from xbuild.rules import RULES

PAGES = Path(__file__).parents[3] / "docs/rules"
# What a registry says is part of the others.
OFFLINE = [rule.name for rule in RULES if not rule.is_online]


def _block(page: str, heading: str) -> str:
    found = re.search(rf"\n## {heading}\n\n```\w+\n(.*?)```\n", page, re.DOTALL)
    return found[1] if found is not None else ""


@pytest.mark.parametrize("name", OFFLINE)
def test_the_page(name: str, xbuild: Xbuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (PAGES / f"{name}.md").read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    file = Path("Dockerfile")
    file.write_text(_block(page, "Before"))
    command, _, output = _block(page, "Output").partition("\n")
    words = shlex.split(command.removeprefix("$ xbuild "))
    assert xbuild(*words).out.rpartition("\n1 file: ")[0] == output.rstrip("\n")
    xbuild(*words, "--fix", "--unsafe-fixes")
    assert file.read_text() == (_block(page, "After") or _block(page, "Before"))
