"""A Dockerfile with cache mounts of its own: to measure without touching or using the user's caches.

`--no-cache` does not ignore cache mounts, it replaces them: a measurement that used the user's would empty
them. The ids here are the same every time, so that repeated measurements leave one set of caches behind and
not many. Pure, although it serves solving only.
"""

from __future__ import annotations

from xbuild.dockerfile.model import Dockerfile, Instruction, Mount, Onbuild, Run
from xbuild.text import Edit, apply_edits


def with_own_caches(dockerfile: Dockerfile, name: str) -> str:
    """The text with every cache mount's id replaced by one that begins with `name`."""
    runs = (found for found in map(_run_in, dockerfile.instructions) if found is not None)
    mounts = (mount for run in runs for mount in run.mounts if mount.type == "cache")
    edits = [edit for mount in mounts for edit in _edit(mount, name)]
    return apply_edits(dockerfile.source.text, edits)


def _run_in(instruction: Instruction) -> Run | None:
    """The RUN that an instruction is, or defers."""
    found = instruction.inner if isinstance(instruction, Onbuild) else instruction
    return found if isinstance(found, Run) else None


def _edit(mount: Mount, name: str) -> tuple[Edit, ...]:
    if mount.flag.value_span is None:
        return ()
    # The last `id` counts (BuildKit `instructions/commands_runmount.go`).
    own = mount.get("id") or mount.get("target") or ""
    return (Edit.insert(mount.flag.value_span.end, f",id={name}:{_plain(own)}"),)


def _plain(text: str) -> str:
    """Without what would need quoting; `${VARIABLES}` stay, so that caches per platform stay so."""
    return "".join(char for char in text if char.isalnum() or char in "/_.-:${}@+")
