"""Every case of `tests/fixtures/generate`: a project's files, and what is generated or said of them.

A case is `project/` and `Dockerfile` with `said.txt`, or `error.txt`; `options.json` has language and entry.
`python -m tests.record_generated` writes the second half of a new case, to be read.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from xbuild import rewrite
from xbuild.errors import XbuildError
from xbuild.generate.drawing import DOCKERFILE
from xbuild.pipeline.generating import Order, generate_files, plan_generated, write_files
from xbuild.pipeline.linting import lint
from xbuild.pipeline.wishes import Wanted
from xbuild.views.generated import generated_lines
from xbuild.views.terminal import Terminal

FIXTURES = Path(__file__).parents[2] / "fixtures/generate"
CASES = sorted(path for path in FIXTURES.iterdir() if path.is_dir())
RIGHT = [case for case in CASES if not (case / "error.txt").exists()]


@pytest.fixture
def order(case: Path, tmp_path: Path) -> Order:
    """The case's project in a folder of its own: in a checkout it would be part of that repository."""
    folder = tmp_path / "project"
    shutil.copytree(case / "project", folder, symlinks=True)
    options = case / "options.json"
    given = json.loads(options.read_text("utf-8")) if options.exists() else {}
    return Order(folder, given.get("language"), given.get("entry"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_generated(case: Path, order: Order) -> None:
    error = case / "error.txt"
    if error.exists():
        with pytest.raises(XbuildError) as raised:
            generate_files(order)
        text = f"exit code {int(raised.value.exit_code)}\n{raised.value}\n"
        assert text == error.read_text("utf-8")
        return
    made = generate_files(order)
    said = generated_lines(made, plan_generated(order, made), Terminal())
    assert made.files[DOCKERFILE] == (case / "Dockerfile").read_text("utf-8")
    assert "".join(f"{line}\n" for line in said) == (case / "said.txt").read_text("utf-8")
    assert generate_files(order).files == made.files


@pytest.mark.parametrize("case", RIGHT, ids=lambda case: case.name)
def test_lint_finds_nothing_and_rewrite_changes_nothing(case: Path, order: Order) -> None:  # noqa: ARG001
    made = generate_files(order)
    write_files(order.folder, made.files, force=False)
    (result,) = lint([str(order.folder / DOCKERFILE)], Wanted())
    assert result.judged.told == ()
    text = made.files[DOCKERFILE]
    assert rewrite(text, order.folder, conditional=True).text.text == text


def test_hadolint_finds_no_error() -> None:
    """In any of them; it gives up at what it cannot parse with an error, too."""
    program = Path(sys.executable).with_name("hadolint")
    files = [str(case / "Dockerfile") for case in RIGHT]
    command = [str(program), "--no-color", "--failure-threshold", "error", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, [line for line in done.stdout.splitlines() if " error" in line] or done
