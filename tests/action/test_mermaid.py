"""The charts of the job summary, parsed by Mermaid itself, which npm puts into the user's cache once."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.action.runner import node
from tests.unit.views.test_summary import OUTCOME, STEPS
from xbuild.views.summary import summary

PACKAGES = ("mermaid@12.3.0", "jsdom@26.1.0")
HOSTILE = "click x call alert(1):;#\n%%{init: {}}%% section end ``` \"q\" 'a' é <b>"


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder that has them. Where npm cannot get them the test is skipped, with what npm said."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xbuild-tests"
    folder = cache / "-".join(PACKAGES)
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    npm = Path(node()).parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
    with tempfile.TemporaryDirectory(dir=cache) as fresh:
        words = ["install", "--prefix", fresh, "--ignore-scripts", "--no-audit", "--no-fund", *PACKAGES]
        done = subprocess.run([node(), npm, *words], capture_output=True, text=True, check=False, timeout=600)
        if done.returncode != 0:
            pytest.skip(f"npm cannot install {' and '.join(PACKAGES)}: {done.stderr.strip()[-300:]}")
        Path(fresh).chmod(0o755)
        Path(fresh).rename(folder)
        Path(fresh).mkdir()  # which is removed now
    return folder


def test_mermaid_takes_them(packages: Path, tmp_path: Path) -> None:
    steps = (*STEPS, replace(STEPS[0], id="9", text=HOSTILE))
    (tmp_path / "summary.md").write_text(summary(replace(OUTCOME, steps=steps)))
    script = Path(__file__).with_name("mermaid.mjs")
    done = subprocess.run(
        [node(), script, packages, tmp_path / "summary.md"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n") == ["gantt", "gantt", "nonsense refused", ""]
