"""Options of the test suite."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--dockerfiles",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="a folder of real Dockerfiles on which to compare the parser with BuildKit's (repeatable)",
    )
