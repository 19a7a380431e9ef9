"""Packages of npm's that tests use, put into the user's cache once."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.action.runner import node


def installed(*packages: str) -> Path:
    """The folder that has them. Where npm cannot get them the test is skipped, with what npm said."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xbuild-tests"
    folder = cache / "-".join(packages).replace("/", "!")
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    npm = Path(node()).parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
    with tempfile.TemporaryDirectory(dir=cache) as fresh:
        words = ["install", "--prefix", fresh, "--ignore-scripts", "--no-audit", "--no-fund", *packages]
        done = subprocess.run([node(), npm, *words], capture_output=True, text=True, check=False, timeout=600)
        if done.returncode != 0:
            pytest.skip(f"npm cannot install {' and '.join(packages)}: {done.stderr.strip()[-300:]}")
        Path(fresh).chmod(0o755)
        Path(fresh).rename(folder)
        Path(fresh).mkdir()  # which is removed now
    return folder
