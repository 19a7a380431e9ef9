"""What can be known to fail before anything is built."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from xbuild.dockerfile.model import Copy, Instruction, Run
from xbuild.errors import ContextError, EngineError, PlatformError, UsageError
from xbuild.graph.model import ContextBase, Stage, StageGraph
from xbuild.graph.platform import runs_on
from xbuild.graph.reach import reachable
from xbuild.pipeline.prepare import Prepared
from xbuild.platforms import Platform
from xbuild.solve.deliver import check_delivery
from xbuild.solve.directory import DirectoryContext
from xbuild.solve.engine import check_platforms
from xbuild.solve.options import BuildOptions, Output

# A layout of even a small image needs more; with less the failure comes late and with a worse message.
_LEAST_BYTES = 32 << 20
_FILES = ("oci", "tar", "docker")
_STDOUT = 1
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
            f"only {free >> 20} MiB are free for temporary files",
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


def check_destinations(options: BuildOptions) -> None:
    """Raise UsageError for the first place that a build could not write to: it would fail after the push."""
    for flag, name, problem in _problems(options):
        if problem:
            raise UsageError(
                f"{flag} {name} cannot be written: {problem}",
                expected="a place that can be written to; nothing was built",
                hint="make the folder, or correct the path or its permissions",
            )


def _problems(options: BuildOptions) -> Iterator[tuple[str, str, str]]:
    """(flag, place, what is wrong with it, perhaps nothing) for all that will be written."""
    for name in options.reports:
        yield "--report", name, _file(Path(name))
    if options.iidfile:
        path = Path(options.iidfile)
        yield "--iidfile", options.iidfile, _file(path) or _writable(path)
    if options.metadata_file:
        path = Path(options.metadata_file)
        yield "--metadata-file", options.metadata_file, _writable(path) if path.is_file() else _file(path)
    for output in options.outputs:
        yield "--output", output.dest or "-", _output(output)


def _output(output: Output) -> str:
    if output.type in ("oci", "tar") and (output.dest or "-") == "-":
        return "a tar file is not for a terminal" if os.isatty(_STDOUT) else ""
    if not output.dest or output.type not in ("local", *_FILES):
        return ""
    path = Path(output.dest)
    if output.type == "local" or output.attribute("tar") in ("false", "0"):
        return _folder(path)
    if path.exists() or path.parent.is_dir():
        return _file(path)
    return _folder(path.parent)


def _file(path: Path) -> str:
    if path.is_dir():
        return "it is a folder"
    if path.exists() and not path.is_file():  # /dev/stdout, a pipe
        return _writable(path)
    parent = path.resolve().parent
    if not parent.exists():
        return f"there is no folder {path.parent}"
    return _folder(parent)


def _writable(path: Path) -> str:
    """A file that is there, and is not replaced but written to."""
    return "" if not path.exists() or os.access(path, os.W_OK) else "permission denied"


def _folder(path: Path) -> str:
    """A folder that is there, or can be made."""
    above = next((each for each in (path, *path.absolute().parents) if os.path.lexists(each)), path)
    if not above.is_dir():
        return f"{above} is no folder"
    return "" if os.access(above, os.W_OK | os.X_OK) else f"{above} may not be written to"
