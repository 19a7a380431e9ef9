"""Cache mounts: Go's build cache and its modules survive from build to build where nobody misses them."""

from __future__ import annotations

from collections.abc import Sequence

from xbuild.dockerfile.model import Run
from xbuild.plan.facts.filesystem import overlaps, without_glob
from xbuild.plan.model import AddMount, Change
from xbuild.plan.toolchain import Call, Effect, Surroundings
from xbuild.plan.toolchains.go.arguments import is_go
from xbuild.plan.toolchains.go.folders import go_cache, module_cache
from xbuild.text import expression


def finish(calls: Sequence[Call], effects: Sequence[Effect], around: Surroundings) -> tuple[Change, ...]:
    """Cache mounts for each RUN that compiles and has none."""
    if not around.settings.cache_mounts:
        return ()
    changes: list[Change] = []
    compiling = {
        c.number: c
        for c, e in zip(calls, effects, strict=True)
        if (e.compiles and e.toolchain == "go") or is_go(c, "build", "install")
    }
    for number, call in compiling.items():
        if any(m.type == "cache" for m in call.run.mounts) or not _is_root(call):
            continue
        folder = go_cache(call.variables, call.scope.user())
        if _can_mount(folder, calls, number, around):
            reason = "Go's build cache survives from build to build; no build needs what it holds"
            changes.append(AddMount(number, f"type=cache,target={folder}", reason))
        modules = module_cache(call)
        if (
            modules is not None
            and not call.assignments.keys() & {"GOPATH", "GOMODCACHE"}
            and not around.has_children
            and _can_mount(modules, calls, number, around)
            and _only_run_with_modules(calls, effects, number, modules)
        ):
            reason = "only this RUN downloads or reads modules; they survive from build to build"
            changes.append(AddMount(number, f"type=cache,target={modules}", reason))
    return tuple(changes)


def _is_root(call: Call) -> bool:
    """A cache mount belongs to root, so that no one else can write to it."""
    return call.scope.user() in ("", "root", "0", "0:0", "root:root")


def _can_mount(folder: str | None, calls: Sequence[Call], number: int, around: Surroundings) -> bool:
    """Whether a mount at `folder` is missed by no one: not taken from the stage, not removed by this RUN."""
    if folder is None or not folder.startswith("/") or around.is_taken(folder):
        return False
    own = [c for c in calls if c.number == number]
    return not any(_removes(c, folder) for c in own)


def _removes(call: Call, folder: str) -> bool:
    """A mounted folder cannot be removed or moved away: the RUN would fail."""
    if is_go(call, "clean"):
        return True
    if call.texts[:1] not in (("rm",), ("rmdir",), ("mv",), ("find",)):
        return False
    paths = [t for t in call.texts[1:] if t is None or not t.startswith("-")]
    found = [None if p is None or p.startswith("~") else call.seen(without_glob(p)) for p in paths]
    return any(p is None or overlaps(p, folder) for p in found)


def _only_run_with_modules(
    calls: Sequence[Call], effects: Sequence[Effect], number: int, modules: str
) -> bool:
    """Whether nothing else puts modules there or reads them, and this RUN does not build from a vendor
    folder.
    """
    first = next(c for c in calls if c.number == number)
    if first.writes.reach(modules) or _has_go_below(first):
        return False
    pairs = zip(calls, effects, strict=True)
    others = [c for c, e in pairs if c.number != number and not _leaves_alone(e, modules)]
    own = [c for c in calls if c.number == number]
    unknown = any(c.texts and c.texts[0] is None for c in calls)
    vendored = any(t and "-mod=vendor" in t for c in own for t in c.texts) or any(
        f.startswith("vendor/") for f in (own[0].around.context.files("vendor") if own else ())
    )
    return not others and not unknown and not vendored


def _has_go_below(call: Call) -> bool:
    """Whether a stage that this one derives from runs go, which may have fetched modules into its layers."""
    graph = call.scope.graph
    *below, _ = graph.chain_of(call.scope.stage)
    texts = (i.logical.text for s in below for i in graph.stages[s].instructions if isinstance(i, Run))
    return any(_GO.search(text) for text in texts)


_GO = expression(r"(?<![\w./-])(go|make|mage|task|goreleaser|bash|sh|\S+\.sh)(?![\w./-])")


def _leaves_alone(effect: Effect, folder: str) -> bool:
    """Whether a command is known to read and write nothing below `folder`."""
    written = (w.path for w in effect.writes if not w.is_package)
    return not any(p is None or overlaps(p, folder) for p in (*effect.reads, *written))
