"""Which cache mounts of a RUN with native twins get a name of their own.

What a RUN leaves in a cache outlives the build, and no net looks at it there. So the cache is the author's
only where all that is put there is equal by proof (`SharedCache`); any other has an id of ours, in every RUN
that names it: what one RUN leaves for another in the same build is still found.
"""

from __future__ import annotations

import posixpath
import re

from xbuild.dockerfile.model import Mount, Run
from xbuild.graph.scope import Scope
from xbuild.plan.deciding.survey import Survey
from xbuild.plan.model import OwnCache
from xbuild.plan.reading.cache_mounts import CacheMount, caches_of, can_be_named, key_of, named
from xbuild.plan.twins import TWINS

OWN = "xbuild-assisted:"
"""What the ids of ours begin with."""


class UnnamedCacheError(Exception):
    """An id that cannot be written again."""


def own_caches(survey: Survey, stage: int, index: int, run: Run) -> tuple[OwnCache, ...]:
    """The changes for the caches of a RUN, those in other RUNs included. Raises UnnamedCacheError."""
    graph = survey.graph
    scope, has_choice = Scope(graph, stage, index), bool(survey.settings.accepted)
    caches = (mount for mount in run.mounts if mount.type == "cache")
    keys = {key_of(mount, scope) for mount in caches if _is_own(mount, scope, has_choice)}
    return tuple(_change(c) for key, caches in caches_of(graph).items() if key in keys for c in caches)


def _is_own(mount: Mount, scope: Scope, has_choice: bool) -> bool:
    """Whether what is left there may differ: it is written to, and is none of the folders that are shared."""
    text = scope.expand_known(mount.get("target") or "").text
    path = posixpath.normpath(text) if text else ""
    is_read_only = mount.get("readonly") in ("", "true", "1") and mount.get("readwrite") is None
    shared = (c for twin in TWINS for c in twin.caches if not (c.has_built and has_choice))
    return not is_read_only and not any(re.fullmatch(cache.pattern, path) for cache in shared)


def _change(cache: CacheMount) -> OwnCache:
    name = named(cache.mount)
    if not can_be_named(cache.mount):
        raise UnnamedCacheError(f"the cache {name} cannot be given another name")
    reason = "what native twins leave in it is kept apart"
    return OwnCache(cache.instruction, cache.at, f"{OWN}{name}", reason)
