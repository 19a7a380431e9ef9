"""Which engine a bed uses: chosen at its start and noted until it is stopped."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from . import files
from .settings import Bed


@dataclass(frozen=True)
class Choice:
    """`private`: an engine of the bed's own; `engine`: the machine's, with its address."""

    kind: str
    address: str = ""


def noted(bed: Bed) -> Choice | None:
    try:
        return Choice(**json.loads(place(bed).read_text()))
    except FileNotFoundError:
        return None


def note(bed: Bed, choice: Choice) -> None:
    """Before anything is started, so that whatever happens then can be undone."""
    files.write(place(bed), json.dumps(asdict(choice)))


def forget(bed: Bed) -> None:
    place(bed).unlink(missing_ok=True)


def place(bed: Bed) -> Path:
    return bed.cache / "choice.json"
