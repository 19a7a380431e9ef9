"""The files that make native twins, as the package brings them along."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from xbuild.plan.twins import TWINS

# Sources of what stands beside them in base64, and what makes it.
_NOT_SENT = (".c", "make-native", "__init__.py")


@cache
def twin_files() -> Mapping[str, str]:
    """By name from `plan/twins` on (`helper/prepare.sh`, `NAME/decide`) what stands in each file."""
    rooms = files("xbuild.plan.twins")
    found: dict[str, str] = {}
    for room in ("helper", *(twin.name for twin in TWINS)):
        found.update(_texts(rooms / room, room))
    return found


def _texts(folder: Traversable, name: str) -> Mapping[str, str]:
    if not folder.is_dir():
        return {}
    entries = sorted(
        (e for e in folder.iterdir() if e.is_file() and not e.name.endswith(_NOT_SENT)), key=lambda e: e.name
    )
    return {f"{name}/{entry.name}": entry.read_text("utf-8") for entry in entries}
