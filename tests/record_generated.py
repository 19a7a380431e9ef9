"""Writes what cases of `tests/fixtures/generate` expect: `python -m tests.record_generated CASE...`"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from xbuild.errors import XbuildError
from xbuild.generate.drawing import DOCKERFILE
from xbuild.pipeline.generating import Order, generate_files, plan_generated
from xbuild.views.generated import generated_lines
from xbuild.views.terminal import Terminal

FIXTURES = Path(__file__).parent / "fixtures/generate"


def record(case: Path) -> None:
    """Write Dockerfile and said.txt, or error.txt."""
    options = case / "options.json"
    given = json.loads(options.read_text("utf-8")) if options.exists() else {}
    for name in ("Dockerfile", "said.txt", "error.txt"):
        (case / name).unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "project"
        shutil.copytree(case / "project", place, symlinks=True)
        order = Order(place, given.get("language"), given.get("entry"))
        try:
            made = generate_files(order)
        except XbuildError as error:
            (case / "error.txt").write_text(f"exit code {int(error.exit_code)}\n{error}\n", "utf-8")
            return
        lines = generated_lines(made, plan_generated(order, made), Terminal())
        (case / "Dockerfile").write_text(made.files[DOCKERFILE], "utf-8")
        (case / "said.txt").write_text("".join(f"{line}\n" for line in lines), "utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(path.name for path in FIXTURES.iterdir()):
        record(FIXTURES / name)
