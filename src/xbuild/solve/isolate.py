"""A Dockerfile with cache mounts of its own: to measure without touching or using the user's caches.

`--no-cache` does not ignore cache mounts, it replaces them: a measurement that used the user's would empty
them. The ids here are the same every time, so that repeated measurements leave one set of caches behind and
not many. Pure, although it serves solving only.
"""

from __future__ import annotations

from xbuild.dockerfile.model import Dockerfile, Mount, Run
from xbuild.text import Edit, apply_edits


def with_own_caches(dockerfile: Dockerfile, name: str) -> str:
    """The text with every cache mount's id replaced by one that begins with `name`."""
    mounts = (m for i in dockerfile.instructions if isinstance(i, Run) for m in i.mounts if m.type == "cache")
    edits = [edit for mount in mounts for edit in _edit(mount, name)]
    return apply_edits(dockerfile.source.text, edits)


def _edit(mount: Mount, name: str) -> tuple[Edit, ...]:
    if mount.flag.value_span is None:
        return ()
    # The last `id` counts (BuildKit `instructions/commands_runmount.go`).
    own = mount.get("id") or mount.get("target") or ""
    return (Edit.insert(mount.flag.value_span.end, f",id={name}:{_plain(own)}"),)


def _plain(text: str) -> str:
    """Without what would need quoting; `${VARIABLES}` stay, so that caches per platform stay so."""
    return "".join(char for char in text if char.isalnum() or char in "/_.-:${}@+")
