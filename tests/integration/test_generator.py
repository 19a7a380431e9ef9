"""A short run of the generator: lines made from the descriptions, run in an overlay, do what was predicted.

`python -m tests.generator` runs for as long as it is told; see CONTRIBUTING.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
IS_PRIVATE = os.environ.get("XBUILD_TESTBED") == "private"


@pytest.mark.skipif(
    (sys.platform != "linux" or os.geteuid() != 0) and not IS_PRIVATE, reason="an overlay needs root on Linux"
)
def test_nothing_is_missed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.generator", "--seed", "1", "--count", "400"],
        cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
