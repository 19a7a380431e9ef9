"""What can be known to fail before anything is built."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from xbuild.cli.prepare import Prepared
from xbuild.dockerfile.model import Copy, Instruction, Run
from xbuild.errors import ContextError, EngineError, PlatformError
from xbuild.graph.model import ContextBase, Stage, StageGraph
from xbuild.graph.platform import runs_on
from xbuild.graph.reach import reachable
from xbuild.platforms import Platform
from xbuild.solve.deliver import check_delivery
from xbuild.solve.directory import DirectoryContext
from xbuild.solve.engine import check_platforms

# A layout of even a small image needs more; with less the failure comes late and with a worse message.
_LEAST_BYTES = 32 << 20
_NOT_PLAIN = re.compile(r"[$*?\[\\]")


@dataclass(frozen=True, slots=True)
class Foreign:
    """A RUN that needs an emulator: on which platform, in which stage."""

    platform: Platform
    stage: Stage
    instruction: Instruction


def preflight(prepared: Prepared) -> None:
    """Raise EngineError or UsageError for what could not work."""
    platforms = prepared.request.platforms
    check_platforms(prepared.engine, platforms)
    check_delivery(prepared.project.options, prepared.engine, len(platforms))
    context = prepared.project.context
    if prepared.graph is not None and isinstance(context, DirectoryContext):
        check_readable(context, prepared.graph, prepared.user_line)
    _check_disk(prepared)
    needed = {foreign.platform: foreign for foreign in reversed(list(foreign_runs(prepared)))}
    if needed:
        _check_emulators(prepared, needed)


def _check_disk(prepared: Prepared) -> None:
    free = prepared.engine.free_temporary_bytes
    if free < _LEAST_BYTES:
        raise EngineError(
            f"only {free >> 20} MiB are free where temporary files go",
            expected="space for the image's layers",
            hint="free some, or set TMPDIR to a larger disk",
        )


def check_readable(
    context: DirectoryContext, graph: StageGraph, user_line: Callable[[int], int | None]
) -> None:
    """Raise ContextError for a file that an instruction takes and this user may not read.

    buildx sends such a file as an empty one, and says nothing (tonistiigi/fsutil `send.go`, `sendFile`).
    """
    takers = [
        (taken, instruction)
        for index in sorted(reachable(graph, graph.target))
        for instruction in graph.stages[index].instructions
        for taken in _taken_from_context(instruction)
    ]
    for path in context.unreadable():
        taker = next((instruction for taken, instruction in takers if taken.match(path)), None)
        if taker is not None:
            raise ContextError(
                "cannot be read, and would arrive in the image as an empty file "
                f"(line {user_line(taker.first_line)}: {taker.keyword} takes it)",
                file=str(context.root / path),
                hint="correct its permissions, or name it in .dockerignore",
            )


def _taken_from_context(instruction: Instruction) -> Iterator[re.Pattern[str]]:
    """What the paths begin with that an instruction takes from the build context."""
    if isinstance(instruction, Copy) and instruction.from_ is None:
        sources = [source for source in instruction.sources if "://" not in source]
    elif isinstance(instruction, Run):
        binds = [m for m in instruction.mounts if m.type == "bind" and m.get("from") is None]
        sources = [bind.get("source") or "" for bind in binds]
    else:
        return
    for source in sources:
        known = _NOT_PLAIN.split(source, maxsplit=1)[0]
        clean = re.escape(posixpath.normpath("/" + known).lstrip("/"))
        yield re.compile(clean if known != source or not clean else clean + "(?=/|$)")


def foreign_runs(prepared: Prepared) -> Iterator[Foreign]:
    """RUNs of what will be built that no node of the builder runs natively."""
    graph = prepared.graph
    if graph is None:
        return
    for index in sorted(reachable(graph, graph.target)):
        stage = graph.stages[index]
        run = next((i for i in stage.instructions if i.keyword == "RUN"), None)
        if run is None or isinstance(stage.base, ContextBase):
            continue
        for platform in _platforms_of(graph, index, prepared):
            if not prepared.engine.is_native(platform):
                yield Foreign(platform, stage, run)


def _platforms_of(graph: StageGraph, index: int, prepared: Prepared) -> tuple[Platform, ...]:
    where = runs_on(graph, index)
    if where == "target":
        return prepared.request.platforms
    if where in ("build", None):
        # Where it cannot be known it may need no emulator: refusing would be worse than failing late.
        return ()
    try:
        return (Platform.parse(str(where)),)
    except PlatformError:
        return ()


def _check_emulators(prepared: Prepared, needed: dict[Platform, Foreign]) -> None:
    from xbuild.solve.emulation import probe_platforms

    for platform, probe in probe_platforms(prepared.engine, tuple(needed)).items():
        if probe.ok:
            continue
        foreign = needed[platform]
        raise EngineError(
            f"stage {foreign.stage.label} runs on {platform}, and the engine cannot run that: {probe.reason}",
            file=prepared.project.inputs.path,
            line=prepared.user_line(foreign.instruction.first_line),
            expected=f"QEMU for {platform.architecture} on the engine's machine",
            hint=f"docker run --privileged --rm tonistiigi/binfmt --install {platform.architecture}"
            " (xbuild doctor tells more)",
        )
