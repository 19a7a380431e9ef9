"""Which cache mounts of a RUN with native twins get a name of their own.

What a RUN leaves in a cache outlives the build, and no net looks at it there. So the cache is the author's
only where all that is put there is equal by proof (`SharedCache`); any other has an id of ours, in every RUN
that names it: what one RUN leaves for another in the same build is still found.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from xbuild.dockerfile.model import Mount, Run
from xbuild.graph.model import StageGraph
from xbuild.graph.scope import Scope
from xbuild.plan.deciding.survey import Survey
from xbuild.plan.model import OwnCache
from xbuild.plan.twins import TWINS
from xbuild.text import expression

OWN = "xbuild-assisted:"
"""What the ids of ours begin with."""
_PLAIN = expression(r"[\w./:${}@+-]+")
_STEPS = expression(r"(^|/)\.\.?(/|$)")
_NOT_KNOWN = "$"


class UnnamedCacheError(Exception):
    """An id that cannot be written again."""


def own_caches(survey: Survey, stage: int, index: int, run: Run) -> tuple[OwnCache, ...]:
    """The changes for the caches of a RUN, those in other RUNs included. Raises UnnamedCacheError."""
    graph = survey.graph
    scope, has_choice = Scope(graph, stage, index), bool(survey.settings.accepted)
    caches = (mount for mount in run.mounts if mount.type == "cache")
    keys = {_key(mount, scope) for mount in caches if _is_own(mount, scope, has_choice)}
    return tuple(
        _change(number, at, mount)
        for number, at, mount, where in (_caches(graph) if keys else ())
        if _key(mount, where) in keys
    )


def _is_own(mount: Mount, scope: Scope, has_choice: bool) -> bool:
    """Whether what is left there may differ: it is written to, and is none of the folders that are shared."""
    text = scope.expand_known(mount.get("target") or "").text
    path = posixpath.normpath(text) if text else ""
    is_read_only = mount.get("readonly") in ("", "true", "1") and mount.get("readwrite") is None
    shared = (c for twin in TWINS for c in twin.caches if not (c.has_built and has_choice))
    return not is_read_only and not any(re.fullmatch(cache.pattern, path) for cache in shared)


def _caches(graph: StageGraph) -> Iterator[tuple[int, int, Mount, Scope]]:
    """The cache mounts of the file: RUN, number among its mounts, and what its variables are."""
    for stage in graph.stages:
        for index, run in enumerate(stage.instructions):
            if isinstance(run, Run):
                scope = Scope(graph, stage.index, index)
                mounts = ((at, m) for at, m in enumerate(run.mounts) if m.type == "cache")
                yield from ((stage.position + index, at, mount, scope) for at, mount in mounts)


def _named(mount: Mount) -> str:
    """The id as it is written; without one the target, made clean (BuildKit `convert_runmount.go`)."""
    text = mount.get("id") or mount.get("target") or ""
    return text if mount.get("id") else posixpath.normpath(text)


def _key(mount: Mount, scope: Scope) -> str:
    """What is equal for mounts of one cache; of ids that are not known any two may be one."""
    text = scope.expand_known(_named(mount)).text
    return _NOT_KNOWN if text is None else text


def _change(number: int, at: int, mount: Mount) -> OwnCache:
    name = _named(mount)
    is_plain = _PLAIN.fullmatch(name) and not ("$" in name and _STEPS.search(mount.get("target") or ""))
    if not is_plain or mount.flag.value_span is None:
        raise UnnamedCacheError(f"the cache {name} cannot be given another name")
    reason = "what native twins leave in it is kept apart"
    return OwnCache(number, at, f"{OWN}{name}", reason)
