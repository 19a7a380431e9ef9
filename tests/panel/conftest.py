"""What of the panel there is to run: projects only where folders are given."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    is_of_projects = collection_path.name == "test_panel.py"
    return True if is_of_projects and not config.getoption("--project") else None
