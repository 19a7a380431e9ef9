"""One build: Dockerfile text and options in, an OCI layout and timed vertices out.

The text goes to buildx as a file of the user's own name in a folder of ours, with the per-Dockerfile
ignore file beside it: BuildKit looks for `<filename>.dockerignore` in the folder of the Dockerfile, then
for `.dockerignore` in the context (`frontend/dockerui/config.go`, `ReadEntrypoint` and
`dockerIgnorePatterns`), so neither is lost and the user's folder is not touched. `-f -` would drop the
first of the two.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from xbuild.plan.twins.twin import MOUNT
from xbuild.platforms import Platform, parse_platforms
from xbuild.solve.diagnosis import build_error
from xbuild.solve.engine import Engine, check_platforms, docker
from xbuild.solve.history import LineMap, Vertex, ask_history, join, provenances_in
from xbuild.solve.inputs import Inputs
from xbuild.solve.layout import Layout, merge_layouts
from xbuild.solve.options import BuildOptions, join_fields
from xbuild.solve.progress import Event, Progress, VertexState, parse_line
from xbuild.solve.run import Completed, Invocation, pass_through, stream
from xbuild.solve.stall import Looking, Stall, StalledError, can_tell, cpu_seconds

# Flags that are answered after the solve, from what was verified, or that say how progress is shown.
_NOT_FOR_THE_SOLVE = (
    "file", "iidfile", "load", "metadata-file", "output", "platform", "progress", "push", "quiet", "builder",
)  # fmt: skip

# Attributes of `--output` that change the image itself and so belong to the solve (BuildKit
# `exporter/containerimage/exptypes`, `exporter/containerimage/opts.go`); the rest says where it goes.
_IMAGE_ATTRIBUTES = frozenset(
    {
        "attestation-prefix", "buildinfo", "buildinfo-attrs", "compression", "compression-level",
        "force-compression", "oci-artifact", "oci-mediatypes", "prefer-nondist-layers", "rewrite-timestamp",
        "source-date-epoch",
    }
)  # fmt: skip


_INTERRUPTED = (130, -2)  # the shell's and our own word for SIGINT


@dataclass(frozen=True)
class SolveRequest:
    """What will be built. `text` is the Dockerfile to use instead of the user's; None uses it as it is.

    `line_map` gives the user's line for a line of `text`, None for a line that is not theirs; `added` are
    lines of instructions that are not theirs. `silence`: after how many seconds without output and CPU time a
    step with native twins is given up (0: never). `output` is `layout`, `files` (the files of the result, in
    a folder) or `none`. `folder` is a folder for temporary files, removed by the caller
    (`pipeline.files.Workspace`).
    """

    options: BuildOptions
    inputs: Inputs
    engine: Engine
    folder: Path
    text: str | None = None
    line_map: LineMap | None = None
    output: str = "layout"
    added: frozenset[int] = frozenset()
    silence: float = 0.0

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """As asked for; empty means the builder's own. `local` is this machine's."""
        names = (
            str(self.engine.native) if name.lower() == "local" else name for name in self.options.platforms
        )
        return parse_platforms(names)


@dataclass(frozen=True)
class SolveResult:
    """What came of it. `layout` is None for the outputs `files` and `none`."""

    vertices: tuple[Vertex, ...]
    started: float
    completed: float
    reference: str
    metadata: Mapping[str, Any]
    native: Platform
    exit_code: int = 0
    layout: Layout | None = None
    files: Path | None = None
    log: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    image_id: str | None = None
    platforms: tuple[Platform, ...] = ()
    seconds_in_client: float = field(default=0.0, compare=False)

    @property
    def seconds(self) -> float:
        return max(0.0, self.completed - self.started)


@dataclass(frozen=True)
class _Call:
    """One buildx process: its command line and where its results will be."""

    argv: tuple[str, ...]
    platforms: tuple[Platform, ...]
    folder: Path

    @property
    def result(self) -> Path:
        return self.folder / "result"

    @property
    def metadata(self) -> Path:
        return self.folder / "metadata.json"


def solve(
    request: SolveRequest,
    on_event: Callable[[Event], None] | None = None,
    *,
    on_raw: Callable[[str], None] | None = None,
) -> SolveResult:
    """Build. `on_raw` gets the lines of rawjson as they are, `on_event` what they say.

    Raises BuildFailedError, StalledError, EngineError, RegistryError, CancelledError.
    """
    check_platforms(request.engine, request.platforms)
    _write_dockerfile(request)
    calls = _calls(request)
    progresses = tuple(Progress() for _ in calls)

    stall = _stall(request, progresses)

    def on_line(index: int, line: str) -> None:
        if stall is not None:
            stall.heard()
        if on_raw is not None:
            on_raw(line)
        for event in parse_line(line):
            progresses[index].update(event)
            if on_event is not None:
                on_event(event)

    for call in calls:
        call.folder.mkdir(parents=True, exist_ok=True)
    variables = (*request.options.credentials, ("BUILDX_METADATA_PROVENANCE", "max"))
    commands = [Invocation(call.argv, environment=variables) for call in calls]
    with Looking(stall):
        outcomes = stream(commands, on_line, lambda: stall is not None and stall.is_over)
    if stall is not None and stall.is_over:
        stages = frozenset(v.step.stage or "" for v in _with_twins(request, progresses))
        raise StalledError(request.silence, stages)
    failed = [each for each in zip(outcomes, progresses, strict=True) if not each[0].ok]
    if failed:
        outcome, progress = min(failed, key=_order_of_failure)
        raise build_error(progress, outcome.exit_code, request.inputs, request.line_map)
    return _result(request, calls, progresses, [outcome.seconds for outcome in outcomes])


def _stall(request: SolveRequest, progresses: Sequence[Progress]) -> Stall | None:
    """What looks for a stall, where it can be told."""
    builder = request.engine.builder
    if not request.silence or not can_tell(builder):
        return None
    return Stall(
        request.silence,
        used=lambda: cpu_seconds(builder),
        is_concerned=lambda: bool(_with_twins(request, progresses)),
    )


def _with_twins(request: SolveRequest, progresses: Sequence[Progress]) -> list[VertexState]:
    """The emulated steps with native twins that run, or ran when the solve was given up."""
    states = [state for progress in progresses for state in list(progress.vertices.values())]
    return [
        state
        for state in states
        if MOUNT in state.name
        and state.step.instruction == "RUN"
        and (state.is_running or state.error)
        and not (state.step.run_platform is not None and request.engine.is_native(state.step.run_platform))
    ]


def _order_of_failure(each: tuple[Completed, Progress]) -> tuple[bool, float]:
    """When one solve fails the others are interrupted: these are not what went wrong."""
    outcome, progress = each
    said = progress.failed.error if progress.failed else "\n".join(progress.text)
    return "context canceled" in said or outcome.exit_code in _INTERRUPTED, outcome.seconds


def build_commands(request: SolveRequest) -> tuple[tuple[str, ...], ...]:
    """The exact command lines that `solve` would run: one per platform for a builder with several nodes."""
    return tuple(call.argv for call in _calls(request))


def call_buildx(options: BuildOptions) -> int:
    """Run `docker buildx build` as the user gave it (`--call`, `--check`); its exit code."""
    return pass_through(buildx_command(options))


def buildx_command(options: BuildOptions) -> tuple[str, ...]:
    """The command line that `call_buildx` runs."""
    return (*docker(), "buildx", "build", *options.to_argv())


def _calls(request: SolveRequest) -> tuple[_Call, ...]:
    """One; or one per platform for a farm, which exports no layout of several (buildx `build/build.go`)."""
    platforms = request.platforms
    groups: Sequence[tuple[Platform, ...]] = (platforms,)
    if is_split(request):
        groups = tuple((platform,) for platform in platforms)
    return tuple(
        _call(_without_cache_to(request) if number else request, group, request.folder / f"solve-{number}")
        for number, group in enumerate(groups)
    )


def _without_cache_to(request: SolveRequest) -> SolveRequest:
    """For all solves of a farm but the first: each would replace the cache that the one before has exported.

    An inline cache is part of the image, and so stays.
    """
    kept = [("cache-to", value) for value in request.options.values("cache-to") if _is_inline(value)]
    return replace(request, options=request.options.without("cache-to").with_flags(*kept))


def _is_inline(cache_to: str) -> bool:
    return "type=inline" in cache_to.split(",")


def is_split(request: SolveRequest) -> bool:
    """Whether each platform is a solve of its own."""
    return len(request.engine.builder.nodes) > 1 and len(request.platforms) > 1


def _call(request: SolveRequest, platforms: tuple[Platform, ...], folder: Path) -> _Call:
    call = _Call((), platforms, folder)
    options = request.options.without(*_NOT_FOR_THE_SOLVE)
    name = request.engine.builder.name
    flags = [("builder", name)] if name else []
    if _dockerfile(request) is not None:
        flags.append(("file", str(_dockerfile(request))))
    elif request.options.file:
        flags.append(("file", request.options.file))
    if platforms:
        flags.append(("platform", ",".join(map(str, platforms))))
    if is_split(request):
        # as buildx does for several nodes (`build/opt.go`): an index for one platform, with its attestations
        flags.append(("build-arg", "BUILDKIT_MULTI_PLATFORM=1"))
    flags += [("output", text) for text in _output(request, call)]
    flags += [("metadata-file", str(call.metadata)), ("progress", "rawjson")]
    options = replace(options.with_flags(*flags), context=request.inputs.context)
    if not request.engine.can_export_layout:
        options = options.without("tag")  # no name moves before the check
    return replace(call, argv=(*docker(), "buildx", "build", *options.to_argv()))


def _output(request: SolveRequest, call: _Call) -> tuple[str, ...]:
    if request.output == "none":
        return ("type=cacheonly",)
    if request.output == "files":
        return (join_fields((("type", "local"), ("dest", str(call.result)))),)
    if not request.engine.can_export_layout:
        return ()
    pairs = [("type", "oci"), ("tar", "false"), ("dest", str(call.result))]
    if request.options.names and not request.options.tags:
        pairs.append(("name", ",".join(request.options.names)))
    return (join_fields([*pairs, *_image_attributes(request.options)]),)


def _image_attributes(options: BuildOptions) -> tuple[tuple[str, str], ...]:
    """Of all outputs together; the first to name an attribute wins, there is only one image."""
    found: dict[str, str] = {}
    for output in options.outputs:
        for key, value in output.attributes:
            if key in _IMAGE_ATTRIBUTES or key.startswith("annotation"):
                found.setdefault(key, value)
    return tuple(found.items())


def _dockerfile(request: SolveRequest) -> Path | None:
    """Where the text is put; None when only the builder can read it, or finds it as it is in the context."""
    inputs = request.inputs
    if inputs.dockerfile is None or (inputs.is_inside and request.text is None):
        return None
    return request.folder / "dockerfile" / request.inputs.name


def _write_dockerfile(request: SolveRequest) -> None:
    path = _dockerfile(request)
    source = request.inputs.dockerfile
    if path is None or source is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    text = source.text if request.text is None else request.text
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    for suffix, data in ((".dockerignore", request.inputs.ignore), (".rego", request.inputs.policy)):
        if data is not None:
            path.with_name(path.name + suffix).write_bytes(data)


def _result(
    request: SolveRequest, calls: Sequence[_Call], progresses: Sequence[Progress], seconds: Sequence[float]
) -> SolveResult:
    metadata = [_read_metadata(call) for call in calls]
    vertices: list[Vertex] = []
    natives: list[Platform] = []
    for number, (call, progress, found) in enumerate(zip(calls, progresses, metadata, strict=True)):
        start = progress.start_of(seconds[number])
        native, joined = _join(request, call, progress, found, f"#{number}" if number else "", start)
        natives.append(native)
        vertices += joined
    times = [time for vertex in vertices for span in vertex.intervals for time in span]
    result = SolveResult(
        vertices=tuple(vertices),
        started=min(times, default=0.0),
        completed=max(times, default=0.0),
        reference=str(metadata[0].get("buildx.build.ref", "")),
        metadata=metadata[0],
        native=natives[0],
        log=tuple(line for progress in progresses for line in progress.text),
        warnings=tuple(warning.text for progress in progresses for warning in progress.warnings),
        notes=_notes(request),
        platforms=request.platforms,
        seconds_in_client=max(seconds),
    )
    return _with_output(request, calls, result)


def _notes(request: SolveRequest) -> tuple[str, ...]:
    if not is_split(request) or all(map(_is_inline, request.options.values("cache-to"))):
        return ()
    return (
        f"--cache-to exported the steps for {request.platforms[0]} only: each node of the builder has a cache"
        " of its own, and one would replace the other",
    )


def _join(
    request: SolveRequest,
    call: _Call,
    progress: Progress,
    metadata: Mapping[str, Any],
    suffix: str,
    start: float,
) -> tuple[Platform, tuple[Vertex, ...]]:
    records = provenances_in(metadata)
    reference = str(metadata.get("buildx.build.ref", ""))
    if not records and reference:
        records = ask_history(request.engine.builder.name, reference, call.platforms)
    told = next((record.builder for record in records.values() if record.builder), None)
    native = told or request.engine.native
    platforms = call.platforms or (native,)
    vertices = join(
        progress,
        records,
        native=native,
        platforms=platforms,
        line_map=request.line_map,
        added=request.added,
        suffix=suffix,
        start=start,
    )
    return native, vertices


def _read_metadata(call: _Call) -> dict[str, Any]:
    try:
        found = json.loads(call.metadata.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _with_output(request: SolveRequest, calls: Sequence[_Call], result: SolveResult) -> SolveResult:
    if request.output == "files":
        return replace(result, files=calls[0].result)
    if request.output == "none":
        return result
    if not request.engine.can_export_layout:
        return _from_classic_store(request, result)
    layouts = [Layout(call.result) for call in calls]
    if len(layouts) == 1:
        return replace(result, layout=layouts[0])
    return replace(result, layout=merge_layouts(layouts, request.folder / "merged"))


def _from_classic_store(request: SolveRequest, result: SolveResult) -> SolveResult:
    """The docker driver with the classic store keeps the image without a name; `docker save` gives it."""
    from xbuild.solve.saved import layout_of_image

    identity = str(result.metadata.get("containerimage.config.digest") or "")
    identity = identity or str(result.metadata.get("containerimage.digest") or "")
    layout = layout_of_image(identity, request.folder / "saved")
    return replace(result, layout=layout, image_id=identity)
