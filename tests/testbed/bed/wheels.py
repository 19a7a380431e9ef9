"""Wheels from the Python index, fetched once with pip, where this machine's settings of pip say."""

from __future__ import annotations

import hashlib
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from . import files
from .process import BedError, run, step
from .settings import Bed

_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Wheel:
    """A release of a project for one architecture of images; `sha256` only where it is pinned."""

    project: str
    version: str
    architecture: str
    platform: str
    sha256: str = ""

    @property
    def file(self) -> str:
        return f"{self.project}-{self.version}-{self.architecture}.whl"


def fetch(bed: Bed, wheel: Wheel) -> Path:
    """Its file; pip compares it with the checksum that the index has for it, and here it is with the pin."""
    folder = bed.cache / "wheels"
    path = folder / wheel.file
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        python = _python_with_pip(bed)
        title = f"fetching {wheel.project} {wheel.version} for {wheel.architecture} from the Python index"
        with step(title), tempfile.TemporaryDirectory(dir=folder) as fresh:
            run(
                python, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
                "--python-version=3.13", f"--platform={wheel.platform}",
                "--dest", fresh, f"{wheel.project}=={wheel.version}",
            )  # fmt: skip
            found = next(Path(fresh).iterdir())
            _check(found, wheel)
            found.replace(path)
    return path


def _check(found: Path, wheel: Wheel) -> None:
    with found.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    if wheel.sha256 not in ("", digest):
        raise BedError(f"{found.name} is not the pinned one: its sha256 is {digest}")


def _python_with_pip(bed: Bed) -> Path:
    """The machine's own Python need not have pip; every one that the bed runs with has venv."""
    folder = bed.cache / "pip"
    whole = folder / "whole"
    with _one_at_a_time:
        if not whole.exists():
            with step("making a virtual environment with pip"):
                run(sys.executable, "-m", "venv", "--clear", folder)
            files.write(whole, "")
    return folder / "bin/python"
