"""Files that are complete or absent: what a full disk or a kill interrupts never gets its final name.

Every file of the bed that a later start reads is written here. Trees are made elsewhere, renamed or packed
as a whole (`packages.py`, `oci.py`).
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

DRAFT = ".draft-"


@contextlib.contextmanager
def draft(folder: Path) -> Iterator[Path]:
    """An empty file in that folder, there to be filled and given to `keep`; gone afterwards if it was not."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        handle, name = tempfile.mkstemp(prefix=DRAFT, dir=folder)
        os.close(handle)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        if error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(folder)) from error


def keep(made: Path, path: Path, mode: int = 0o644) -> None:
    """Give a draft its place, once the disk has it: some file systems say only then that they are full."""
    with made.open("rb") as content:
        os.fsync(content.fileno())
    made.chmod(mode)
    made.replace(path)


def write(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """That content under that name, or what was there before."""
    with draft(path.parent) as made:
        made.write_bytes(content.encode() if isinstance(content, str) else content)
        keep(made, path, mode)


def sweep(folder: Path) -> None:
    """Remove the drafts that a kill left in that folder; nobody may be writing there."""
    for left in folder.glob(f"{DRAFT}*"):
        left.unlink()
