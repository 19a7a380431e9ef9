"""Cache mounts over the folder of what cargo makes, and over parts of its own: one for each target.

cargo keeps what is for a target apart, but what is made is put where it would be without a target, which is
one path for all: builds for two platforms at once would find each other's there. What it fetches is the same
for all, but the lock with which it unpacks lies in its folder itself (`.package-cache`, cargo
`util/context/mod.rs`): two builds at once that have `registry` alone in common unpack into each other's way.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from xbuild.dockerfile.model import Mount
from xbuild.plan.facts.filesystem import absolute, overlaps
from xbuild.plan.model import Change, OwnCache
from xbuild.plan.toolchain import Call, Effect, Surroundings
from xbuild.text import expression

_APART = ("TARGETARCH", "TARGETPLATFORM")
_SUFFIX = "-$TARGETARCH$TARGETVARIANT"


def finish(calls: Sequence[Call], effects: Sequence[Effect], around: Surroundings) -> tuple[Change, ...]:
    """A name of its own for each cache that a RUN has where a command compiles for the target."""
    if around.is_pinned_by_author:
        return ()
    pairs = zip(calls, effects, strict=True)
    compiling = [(c, e) for c, e in pairs if e.compiles and e.toolchain == "rust" and e.demand.before]
    folders = {e.writes[0].path for _, e in compiling if e.writes}
    numbers = {c.number for c, _ in compiling}
    runs = {c.number: c for c in calls if c.number in numbers}
    return tuple(
        OwnCache(number, at, f"{_name(mount)}{_SUFFIX}", "what is made for one target is kept apart")
        for number, call in runs.items()
        for at, mount in enumerate(call.run.mounts)
        if mount.type == "cache" and (_is_over(call, mount, folders) or _is_fetched(mount, calls, numbers))
    )


def _is_over(call: Call, mount: Mount, folders: set[str | None]) -> bool:
    target = absolute(mount.get("target") or "", call.scope.workdir())
    is_apart = any(name in (mount.get("id") or "") for name in _APART)
    return not is_apart and target is not None and any(f is not None and overlaps(f, target) for f in folders)


_FETCHED = expression(r".*/(registry|git)(/.*)?")
"""Below cargo's folder, whatever that is called."""


def _is_fetched(mount: Mount, calls: Sequence[Call], numbers: set[int]) -> bool:
    """Whether a mount is over what cargo fetches, without its lock, and none but these RUNs have it."""
    target = mount.get("target") or ""
    is_apart = any(name in (mount.get("id") or "") for name in _APART)
    if is_apart or mount.get("sharing") not in (None, "shared") or _FETCHED.fullmatch(target) is None:
        return False
    name = _name(mount)
    return all(call.number in numbers for call in calls if any(_name(m) == name for m in call.run.mounts))


def _name(mount: Mount) -> str:
    return mount.get("id") or posixpath.normpath(mount.get("target") or "")
