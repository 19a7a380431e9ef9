"""`docs/rules/` says what the rules say."""

from __future__ import annotations

from tests.rule_pages import FOLDER, pages


def test_pages() -> None:
    made = pages()
    assert {file.name for file in FOLDER.iterdir()} == made.keys()
    for name, text in made.items():
        assert (FOLDER / name).read_text() == text, f"python -m tests.rule_pages writes {name} anew"
