"""What each vertex was: the join of the progress of a solve with BuildKit's record of it.

Names are not enough: single-platform builds have no platform in them, and a step that two platforms share
has one name. The provenance in BuildKit's build record maps vertex digests to steps, each with its
platform and its lines in the Dockerfile. buildx puts it into the metadata file when
BUILDX_METADATA_PROVENANCE=max (buildx `build/provenance.go`, 0.14 and later; also with
`--provenance=false`), which needs no further call; else `docker buildx history inspect attachment` has it
(0.22 and later). SLSA v0.2 and v1 both occur (BuildKit `solver/llbsolver/provenance/types`). Without a
record, as after a failed build, names have to do.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from xbuild.errors import PlatformError
from xbuild.platforms import Platform
from xbuild.solve.engine import docker, runs_natively
from xbuild.solve.progress import Interval, Progress, StepName, VertexState, length, since
from xbuild.solve.run import run

Lines = tuple[int, int]
LineMap = Callable[[int], int | None]

_METADATA_KEY = "buildx.build.provenance"
_HISTORY_TIMEOUT = 20.0


@dataclass(frozen=True, slots=True)
class Vertex:
    """One timed operation of a solve.

    `platform` is what it ran on, `targets` the platforms whose images it went into (several when shared).
    `lines` are those of its instruction in the Dockerfile given to buildx, `user_lines` the same in the
    user's file; of an instruction that is not the user's (`is_added`) those of the place it was put at. `log`
    is the end of what it printed, and what native twins said before.
    """

    digest: str
    name: str
    step: StepName = field(repr=False)
    platform: Platform | None = None
    targets: tuple[Platform, ...] = ()
    emulated: bool = False
    cached: bool = False
    intervals: tuple[Interval, ...] = ()
    inputs: tuple[str, ...] = ()
    lines: Lines | None = None
    user_lines: Lines | None = None
    error: str = ""
    is_added: bool = False
    log: bytes = field(default=b"", repr=False)

    @property
    def seconds(self) -> float:
        return length(self.intervals)

    @property
    def executed(self) -> bool:
        """Whether it did something, rather than being found in the cache or cancelled before it began."""
        return bool(self.intervals) and not self.cached

    @property
    def stage(self) -> str | None:
        return self.step.stage

    @property
    def instruction(self) -> str | None:
        return self.step.instruction

    @property
    def internal(self) -> bool:
        """Whether it is BuildKit's own work and not an instruction of the Dockerfile."""
        return self.step.number is None

    @property
    def target_platform(self) -> Platform | None:
        """The platform it was for; None when several share it."""
        return self.targets[0] if len(self.targets) == 1 else None


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """An operation in BuildKit's record."""

    kind: str  # exec, source, file, merge, diff ...
    platform: Platform | None
    lines: Lines | None


@dataclass(frozen=True, slots=True)
class Provenance:
    """The record of a solve for one platform: steps by vertex digest."""

    builder: Platform | None
    steps: Mapping[str, RecordedStep]


def read_provenance(document: Mapping[str, Any]) -> Provenance:
    """SLSA v0.2 or v1, whichever it is; what is missing stays empty."""
    definition = document.get("buildDefinition")
    if isinstance(definition, dict):
        internal = definition.get("internalParameters") or {}
        config = internal.get("buildConfig") or {}
        builder = internal.get("builderPlatform")
        metadata = ((document.get("runDetails") or {}).get("metadata") or {}).get("buildkit_metadata") or {}
    else:
        config = document.get("buildConfig") or {}
        builder = ((document.get("invocation") or {}).get("environment") or {}).get("platform")
        all_metadata = document.get("metadata") or {}
        metadata = all_metadata.get("https://mobyproject.org/buildkit@v1#metadata") or {}
    locations = (metadata.get("source") or {}).get("locations") or {}
    by_id = {
        str(step.get("id")): _step(step.get("op") or {}, locations.get(str(step.get("id"))))
        for step in config.get("llbDefinition") or ()
    }
    mapping = config.get("digestMapping") or {}
    steps = {str(digest): by_id[name] for digest, name in mapping.items() if name in by_id}
    return Provenance(_parse_platform(builder), steps)


def _step(operation: Mapping[str, Any], locations: Mapping[str, Any] | None) -> RecordedStep:
    kinds = [kind for kind in (operation.get("Op") or {}) if kind]
    platform = operation.get("platform") or {}
    words = (platform.get("OS"), platform.get("Architecture"), platform.get("Variant"))
    return RecordedStep(
        kinds[0] if kinds else "", _parse_platform("/".join(filter(None, words))), _lines(locations)
    )


def _lines(locations: Mapping[str, Any] | None) -> Lines | None:
    """First and last line of the first instruction it comes from, in the first source: the Dockerfile.

    Each location is an instruction; two stages with the same base share the vertex of their FROM.
    """
    found = [
        [
            int((part.get(end) or {}).get("line") or 0)
            for part in location.get("ranges") or ()
            for end in _ENDS
        ]
        for location in (locations or {}).get("locations") or ()
        if not location.get("sourceIndex")
    ]
    spans = [(min(numbers), max(numbers)) for numbers in found if numbers and max(numbers) > 0]
    return min(spans, default=None)


_ENDS = ("start", "end")


def _parse_platform(text: str | None) -> Platform | None:
    try:
        return Platform.parse(text) if text else None
    except PlatformError:
        return None


def provenances_in(metadata: Mapping[str, Any]) -> dict[Platform | None, Provenance]:
    """By target platform; one without a platform stands alone, for a single-platform build."""
    found: dict[Platform | None, Provenance] = {}
    for key, value in metadata.items():
        name, _, platform = key.partition("/")
        document = _document(value)
        if name == _METADATA_KEY and document is not None:
            found[_parse_platform(platform)] = read_provenance(document)
    return found


def _document(value: Any) -> Mapping[str, Any] | None:
    """buildx decodes it into the metadata file; where it did not, it is base64 of JSON."""
    if isinstance(value, str):
        try:
            value = json.loads(base64.b64decode(value))
        except (binascii.Error, ValueError):
            return None
    return value if isinstance(value, dict) else None


def ask_history(
    builder: str, reference: str, platforms: Sequence[Platform]
) -> dict[Platform | None, Provenance]:
    """From `docker buildx history`; empty when this buildx or builder has none."""
    found: dict[Platform | None, Provenance] = {}
    identity = reference.rpartition("/")[2]
    base = (
        *docker(),
        "buildx",
        "--builder",
        builder,
        "history",
        "inspect",
        "attachment",
        "--type",
        "provenance",
    )
    for platform in platforms or (None,):
        wanted = ("--platform", str(platform)) if platform and len(platforms) > 1 else ()
        answer = run((*base, *wanted, identity), timeout=_HISTORY_TIMEOUT)
        try:
            document = json.loads(answer.text) if answer.ok else None
        except ValueError:
            document = None
        if isinstance(document, dict):
            found[platform] = read_provenance(document)
    return found


def join(
    progress: Progress,
    provenances: Mapping[Platform | None, Provenance],
    *,
    native: Platform,
    platforms: Sequence[Platform],
    line_map: LineMap | None = None,
    added: Set[int] = frozenset(),
    suffix: str = "",
    start: float = 0.0,
) -> tuple[Vertex, ...]:
    """Vertices in the order in which they came up, with what they did after `start`.

    `added` are the lines of instructions that are not the user's; `suffix` keeps the vertices of several
    solves apart.
    """
    return tuple(
        _vertex(state, _found(state, provenances, platforms), native, line_map, added, suffix, start)
        for state in progress.vertices.values()
        if state.name
    )


def _found(
    state: VertexState, provenances: Mapping[Platform | None, Provenance], platforms: Sequence[Platform]
) -> tuple[RecordedStep | None, tuple[Platform, ...]]:
    """Its step in the records, and the platforms whose records have it, in the order asked for."""
    only = platforms[0] if len(platforms) == 1 else None
    hits = {
        target or only: record.steps[state.digest]
        for target, record in provenances.items()
        if state.digest in record.steps
    }
    targets = [target for target in hits if target is not None]
    order = {platform: number for number, platform in enumerate(platforms)}
    targets.sort(key=lambda target: order.get(target, len(order)))
    return next((hits[target] for target in [*targets, *hits]), None), tuple(targets)


def _vertex(
    state: VertexState,
    found: tuple[RecordedStep | None, tuple[Platform, ...]],
    native: Platform,
    line_map: LineMap | None,
    added: Set[int],
    suffix: str,
    start: float,
) -> Vertex:
    step, targets = found
    name = state.step
    platform = (step.platform if step else None) or name.run_platform
    is_run = step.kind == "exec" if step else name.instruction == "RUN"
    lines = step.lines if step else None
    intervals = since(state.intervals, start)
    return Vertex(
        digest=state.digest + suffix,
        name=state.name,
        step=name,
        platform=platform,
        targets=targets or ((name.target_platform,) if name.target_platform else ()),
        emulated=bool(is_run and platform and not runs_natively(platform, native)),
        cached=state.cached or (bool(state.intervals) and not intervals),
        intervals=intervals,
        inputs=tuple(digest + suffix for digest in state.inputs),
        lines=lines,
        user_lines=_map_lines(lines, line_map),
        error=state.error,
        is_added=lines is not None and lines[0] in added,
        log=bytes(state.log),
    )


def _map_lines(lines: Lines | None, line_map: LineMap | None) -> Lines | None:
    """The same place in the user's file; nothing when the rewrite added all of these lines."""
    if lines is None or line_map is None:
        return lines
    mapped = [line for line in map(line_map, range(lines[0], lines[1] + 1)) if line]
    return (min(mapped), max(mapped)) if mapped else None


def critical_path(vertices: Iterable[Vertex]) -> tuple[Vertex, ...]:
    """The longest path over inputs, by seconds; vertices that took no time are left out."""
    by_digest = {vertex.digest: vertex for vertex in vertices}
    best: dict[str, tuple[float, str | None]] = {}
    for digest in _inputs_first(by_digest):
        vertex = by_digest[digest]
        longest = max(((best[i][0], i) for i in vertex.inputs if i in best), default=(0.0, None))
        best[digest] = (longest[0] + vertex.seconds, longest[1])
    at = max(best, key=lambda digest: best[digest][0], default=None)
    path: list[Vertex] = []
    while at is not None:
        path.append(by_digest[at])
        at = best[at][1]
    return tuple(vertex for vertex in reversed(path) if vertex.seconds > 0)


def _inputs_first(by_digest: dict[str, Vertex]) -> Iterable[str]:
    """Every vertex after its inputs. Without recursion: chains of steps can be long."""
    done: dict[str, None] = {}
    waiting = list(reversed(by_digest))
    opened: set[str] = set()
    while waiting:
        digest = waiting[-1]
        missing = [
            i for i in by_digest[digest].inputs if i in by_digest and i not in done and i not in opened
        ]
        if digest in done or not missing:
            done[waiting.pop()] = None
            continue
        opened.add(digest)
        waiting += missing
    return done
