"""Which source file is changed for the warm rebuild of `bench`, and how."""

from __future__ import annotations

from pathlib import Path

import pytest

from xbuild.pipeline.measuring import ChangingContext, choose_source
from xbuild.solve.directory import DirectoryContext
from xbuild.solve.inputs import Inputs

MAIN = "package main\nfunc main() {}\n"


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        ({"a.go": "package a\n", "cmd/x/main.go": MAIN}, "cmd/x/main.go"),
        ({"a_test.go": MAIN, "b.go": "package b\n"}, "b.go"),
        ({"tools/gen.go": MAIN, "web/app.ts": "let a\n"}, "web/app.ts"),
        ({"tests/a.py": "a = 1\n"}, "tests/a.py"),
        ({"README.md": "func main()\n"}, None),
    ],
)
def test_a_file_of_the_program_is_chosen(files: dict[str, str], chosen: str | None, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert choose_source(DirectoryContext(tmp_path)) == chosen


@pytest.mark.parametrize(
    ("name", "line"),
    [("main.go", 'var xbuildBench = "round 2"'), ("app.py", 'XBUILD_BENCH = "round 2"')],
)
def test_one_line_changes_each_round(name: str, line: str, tmp_path: Path) -> None:
    file = tmp_path / name
    changing = ChangingContext(Inputs(None, name, str(tmp_path), tmp_path), file, name, b"text\n\n")
    changing.change(1)
    changing.change(2)
    assert file.read_text() == f"text\n{line}\n"
