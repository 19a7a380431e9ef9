"""The charts of the job summary, parsed by Mermaid: XBUILD_MERMAID is where npm has put mermaid and jsdom."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.action.runner import node
from tests.unit.views.test_summary import OUTCOME, STEPS
from xbuild.views.summary import summary

HOSTILE = "click x call alert(1):;#\n%%{init: {}}%% section end ``` \"q\" 'a' é <b>"


@pytest.mark.skipif("XBUILD_MERMAID" not in os.environ, reason="XBUILD_MERMAID names no folder with mermaid")
def test_mermaid_takes_them(tmp_path: Path) -> None:
    steps = (*STEPS, replace(STEPS[0], id="9", text=HOSTILE))
    (tmp_path / "summary.md").write_text(summary(replace(OUTCOME, steps=steps)))
    script = Path(__file__).with_name("mermaid.mjs")
    done = subprocess.run(
        [node(), script, tmp_path / "summary.md"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n") == ["gantt", "gantt", "nonsense refused", ""]
