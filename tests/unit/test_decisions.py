"""Records of decisions: one form for all, and every one that is pointed to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECORDS = sorted((ROOT / "docs/decisions").glob("*.md"))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_the_form_of_a_record(path: Path) -> None:
    text = path.read_text("utf-8")
    assert re.match(rf"# {int(path.stem[:4])}\. \S.*\n\nStatus: accepted\n\n## Context\n\n", text)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [
        "Context", "Choice", "Turned down", "Consequences",
    ]  # fmt: skip


def test_records_that_are_pointed_to_are_there() -> None:
    texts = [path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py")]
    names = {name for text in texts for name in re.findall(r"docs/decisions/([\w-]+\.md)", text)}
    assert names
    assert names <= {path.name for path in RECORDS}
