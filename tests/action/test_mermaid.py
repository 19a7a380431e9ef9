"""The charts of the job summary, parsed by Mermaid itself, which npm puts into the user's cache once."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.action.npm import installed
from tests.action.runner import node
from tests.unit.views.test_summary import OUTCOME, STEPS
from xbuild.views.summary import summary

PACKAGES = ("mermaid@12.3.0", "jsdom@26.1.0")
HOSTILE = "click x call alert(1):;#\n%%{init: {}}%% section end ``` \"q\" 'a' é <b>"


@pytest.fixture(scope="session")
def packages() -> Path:
    return installed(*PACKAGES)


def test_mermaid_takes_them(packages: Path, tmp_path: Path) -> None:
    steps = (*STEPS, replace(STEPS[0], id="9", text=HOSTILE))
    (tmp_path / "summary.md").write_text(summary(replace(OUTCOME, steps=steps)))
    script = Path(__file__).with_name("mermaid.mjs")
    done = subprocess.run(
        [node(), script, packages, tmp_path / "summary.md"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n") == ["gantt", "gantt", "nonsense refused", ""]
