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
    parser.addoption(
        "--project",
        action="append",
        default=[],
        metavar="FOLDER[:DOCKERFILE[:ARGUMENTS]]",
        help="a real project for the panel (repeatable)",
    )
    parser.addoption(
        "--panel-report",
        type=Path,
        default=None,
        metavar="FILE",
        help="where the panel adds a line of JSON per project",
    )


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tool cache of GitHub's runner: the action installs its libraries there once."""
    return tmp_path_factory.mktemp("tools")
