"""The cache mounts of a file: which of them are one cache, which hold what is equal wherever it was left, and
how one gets another name.

BuildKit finds a cache by its `id`, without one by its target, for whatever platform the RUN is
(`dockerfile2llb/convert_runmount.go`).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from xbuild.dockerfile.model import Mount, Run
from xbuild.graph.model import StageGraph
from xbuild.graph.scope import Scope
from xbuild.plan.toolchain import EqualCache, Toolchain
from xbuild.text import expression, value

KEPT = "--mount=type=cache"
"""What `by` of a write says that stands for what programs of a language left in a cache of their own: it was
made on this build machine, by stages that run there alone.
"""
SUFFIX = "-$BUILDARCH"
"""What is put behind the name of a cache that pinned stages share with none for the target."""
PACKAGES = (
    EqualCache(r"/var/cache/apt(/archives)?|/var/lib/apt(/lists)?", "packages and lists by architecture"),
    EqualCache(r"/var/cache/apk|/etc/apk/cache", "packages by their sums"),
)
"""What package managers of distributions keep."""
_APART = ("BUILDARCH", "BUILDPLATFORM")
_PLAIN = expression(r"[\w./:${}@+-]+")
_STEPS = expression(r"(^|/)\.\.?(/|$)")
_NOT_KNOWN = "$"


@value()
class CacheMount:
    """A cache mount: its stage, the index of its RUN there and in the file, its number among the mounts, and
    what is equal for mounts of one cache.
    """

    stage: int
    index: int
    instruction: int
    at: int
    mount: Mount
    key: str


def caches_of(graph: StageGraph) -> Mapping[str, Sequence[CacheMount]]:
    """All cache mounts of the file, by their key."""
    if caches_of not in graph.memo:
        found: dict[str, list[CacheMount]] = {}
        for cache in _caches(graph):
            found.setdefault(cache.key, []).append(cache)
        graph.memo[caches_of] = found
    by_key: Mapping[str, Sequence[CacheMount]] = graph.memo[caches_of]
    return by_key


def _caches(graph: StageGraph) -> Iterator[CacheMount]:
    for stage in graph.stages:
        for index, run in enumerate(stage.instructions):
            mounts = run.mounts if isinstance(run, Run) else ()
            for at, mount in enumerate(mounts):
                if mount.type == "cache":
                    key = key_of(mount, Scope(graph, stage.index, index))
                    yield CacheMount(stage.index, index, stage.position + index, at, mount, key)


def users(graph: StageGraph, key: str) -> tuple[CacheMount, ...]:
    """The mounts that may be of the cache with this key."""
    found = caches_of(graph)
    keys = found if key == _NOT_KNOWN else (key, _NOT_KNOWN)
    return tuple(cache for name in keys for cache in found.get(name, ()))


def sharers(graph: StageGraph) -> Mapping[int, frozenset[int]]:
    """By stage the stages that may have a cache of it, itself included."""
    found: dict[int, set[int]] = {}
    for key in caches_of(graph):
        stages = {cache.stage for cache in users(graph, key)}
        for stage in {cache.stage for cache in caches_of(graph)[key]}:
            found.setdefault(stage, set()).update(stages)
    return {stage: frozenset(stages) for stage, stages in found.items()}


def named(mount: Mount) -> str:
    """The id as it is written; without one the target, made clean."""
    text = mount.get("id") or mount.get("target") or ""
    return text if mount.get("id") else posixpath.normpath(text)


def key_of(mount: Mount, scope: Scope) -> str:
    """What is equal for mounts of one cache; of ids that are not known any two may be one."""
    text = scope.expand_known(named(mount)).text
    return _NOT_KNOWN if text is None else text


def can_be_named(mount: Mount) -> bool:
    """Whether the mount's name can be written again, with something in front or behind."""
    name = named(mount)
    is_plain = _PLAIN.fullmatch(name) and not ("$" in name and _STEPS.search(mount.get("target") or ""))
    return bool(is_plain) and mount.flag.value_span is not None


def is_of_builder(mount: Mount) -> bool:
    """Whether its id tells build machines apart."""
    return any(name in (mount.get("id") or "") for name in _APART)


def is_equal(target: str, told: Iterable[str], toolchains: Sequence[Toolchain]) -> bool:
    """Whether a folder holds what is equal by proof, whoever left it. `told` are the folders that variables
    name for such caches.
    """
    path = posixpath.normpath(target)
    rows = (*PACKAGES, *(row for t in toolchains for row in t.equal_caches))
    return path in map(posixpath.normpath, told) or any(re.fullmatch(row.pattern, path) for row in rows)
