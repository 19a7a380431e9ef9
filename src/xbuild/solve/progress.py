"""Progress of a solve: `--progress=rawjson` lines become events, events become the state of each vertex.

Pure. The format is BuildKit's `client.SolveStatus` as JSON, one object per line, times in RFC 3339. Lines
that are not JSON stand among them (the excerpt of an error, the final `ERROR:`); they are kept, in order.
Step names follow BuildKit `dockerfile2llb/convert.go`, `prefixCommand`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from xbuild.errors import PlatformError
from xbuild.platforms import Platform


@dataclass(frozen=True, slots=True)
class VertexEvent:
    """A vertex began, ended or was found in the cache. Times are seconds since 1970."""

    digest: str
    name: str
    inputs: tuple[str, ...] = ()
    started: float | None = None
    completed: float | None = None
    cached: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class StatusEvent:
    """Something countable inside a vertex: bytes pulled, sent, exported."""

    vertex: str
    id: str
    current: int
    total: int
    completed: bool


@dataclass(frozen=True, slots=True)
class LogEvent:
    """Output of a RUN; `stream` is 1 or 2."""

    vertex: str
    stream: int
    data: bytes


@dataclass(frozen=True, slots=True)
class WarningEvent:
    """What BuildKit's Dockerfile linter says; `line` (from 1) is in the Dockerfile given to buildx."""

    vertex: str
    text: str
    line: int | None
    url: str


@dataclass(frozen=True, slots=True)
class TextEvent:
    """A line that is not progress."""

    text: str


Event = VertexEvent | StatusEvent | LogEvent | WarningEvent | TextEvent


def parse_line(line: str) -> tuple[Event, ...]:
    """The events of one line of standard error."""
    if not line.startswith("{"):
        return (TextEvent(line),) if line.strip() else ()
    try:
        record = json.loads(line)
    except ValueError:
        return (TextEvent(line),)
    if not isinstance(record, dict) or not _KEYS & record.keys():
        return (TextEvent(line),)
    return tuple(
        event
        for key, parse in _PARSERS
        for item in record.get(key) or ()
        if isinstance(item, dict)
        for event in parse(item)
    )


def _vertex(item: dict[str, Any]) -> Iterable[Event]:
    yield VertexEvent(
        digest=str(item.get("digest", "")),
        name=str(item.get("name", "")),
        inputs=tuple(str(digest) for digest in item.get("inputs") or ()),
        started=parse_time(item.get("started")),
        completed=parse_time(item.get("completed")),
        cached=bool(item.get("cached")),
        error=str(item.get("error") or ""),
    )


def _status(item: dict[str, Any]) -> Iterable[Event]:
    yield StatusEvent(
        vertex=str(item.get("vertex", "")),
        id=str(item.get("id") or item.get("name") or ""),
        current=int(item.get("current") or 0),
        total=int(item.get("total") or 0),
        completed=bool(item.get("completed")),
    )


def _log(item: dict[str, Any]) -> Iterable[Event]:
    try:
        data = base64.b64decode(item.get("data") or "", validate=True)
    except (binascii.Error, ValueError, TypeError):
        return
    yield LogEvent(str(item.get("vertex", "")), int(item.get("stream") or 1), data)


def _warning(item: dict[str, Any]) -> Iterable[Event]:
    try:
        text = base64.b64decode(item.get("short") or "", validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError, TypeError):
        return
    ranges = item.get("range") or ()
    line = ranges[0].get("start", {}).get("line") if ranges and isinstance(ranges[0], dict) else None
    yield WarningEvent(str(item.get("vertex", "")), text, line, str(item.get("url") or ""))


_PARSERS = (("vertexes", _vertex), ("statuses", _status), ("logs", _log), ("warnings", _warning))
_KEYS = {key for key, _ in _PARSERS}


def parse_time(text: object) -> float | None:
    """RFC 3339 with nanoseconds, as Go writes it."""
    if not isinstance(text, str) or not text:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class StepName:
    """What a vertex name says. `text` is the rest; `kind` is its first word for an instruction."""

    text: str
    internal: bool = False
    context: str | None = None
    run_platform: Platform | None = None
    target_platform: Platform | None = None
    stage: str | None = None
    number: int | None = None
    total: int | None = None

    @property
    def instruction(self) -> str | None:
        """`RUN`, `COPY`, ... or nothing when this is no instruction."""
        if self.number is None:
            return None
        word = self.text.partition(" ")[0]
        return self.text.split(" ")[1] if word == "ONBUILD" and " " in self.text else word


_PREFIX = re.compile(
    r"\[(?:(?P<run>[a-z]+/[a-z0-9_]+(?:/v?[0-9a-z]+)?)(?:->(?P<target>[a-z0-9_/]+))? )?"
    r"(?:(?P<stage>\S+) )? *(?P<number>\d+)/(?P<total>\d+)\] (?P<text>.*)",
    re.DOTALL,
)
_INTERNAL = re.compile(r"\[(?:(?P<run>[a-z]+/[a-z0-9_/]+) )?internal\] (?P<text>.*)", re.DOTALL)
_CONTEXT = re.compile(r"\[context (?P<context>\S+)\] (?P<text>.*)", re.DOTALL)


@lru_cache(maxsize=4096)
def parse_name(name: str) -> StepName:
    """`[linux/amd64->arm64 builder 4/6] RUN ...` and its simpler forms."""
    internal = _INTERNAL.fullmatch(name)
    if internal:
        return StepName(internal["text"], internal=True, run_platform=_platform(internal["run"]))
    context = _CONTEXT.fullmatch(name)
    if context:
        return StepName(context["text"], internal=True, context=context["context"])
    step = _PREFIX.fullmatch(name)
    if step is None:
        return StepName(name, internal=name.startswith("[auth] "))
    run = _platform(step["run"])
    return StepName(
        step["text"],
        run_platform=run,
        target_platform=_arrow(run, step["target"]) or run,
        stage=step["stage"],
        number=int(step["number"]),
        total=int(step["total"]),
    )


def _platform(text: str | None) -> Platform | None:
    try:
        return Platform.parse(text) if text else None
    except PlatformError:
        return None


def _arrow(run: Platform | None, text: str | None) -> Platform | None:
    """`->arm64` leaves the operating system out when it is the same (`formatTargetPlatform`)."""
    if not text:
        return None
    return _platform(text) or _platform(f"{run.os if run else 'linux'}/{text}")


Interval = tuple[float, float]


def union(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Overlapping and touching intervals joined."""
    joined: list[Interval] = []
    for start, end in sorted(intervals):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def length(intervals: Iterable[Interval]) -> float:
    """Seconds covered by intervals that do not overlap."""
    return sum(end - start for start, end in intervals)


def since(intervals: Iterable[Interval], start: float) -> tuple[Interval, ...]:
    """What lies after `start`; an interval that spans it is cut."""
    return tuple((max(begin, start), end) for begin, end in intervals if end > start)


@dataclass
class VertexState:
    """What is known about a vertex so far."""

    digest: str
    name: str = ""
    inputs: tuple[str, ...] = ()
    starts: dict[float, float | None] = field(default_factory=dict)
    cached: bool = False
    error: str = ""
    log: bytearray = field(default_factory=bytearray)
    statuses: dict[str, StatusEvent] = field(default_factory=dict)

    @property
    def step(self) -> StepName:
        return parse_name(self.name)

    @property
    def intervals(self) -> tuple[Interval, ...]:
        return union((start, end) for start, end in self.starts.items() if end is not None)

    @property
    def seconds(self) -> float:
        return length(self.intervals)

    @property
    def started(self) -> float | None:
        return min(self.starts, default=None)

    @property
    def completed(self) -> float | None:
        """When it ended, unless it is still going on."""
        ends = list(self.starts.values())
        return None if not ends or None in ends else max(end for end in ends if end is not None)

    @property
    def is_running(self) -> bool:
        return bool(self.starts) and None in self.starts.values()

    def take(self, event: VertexEvent) -> None:
        self.name = event.name or self.name
        self.inputs = event.inputs or self.inputs
        # What one platform has executed another may report as cached: it was executed all the same.
        self.cached = self.cached or (event.cached and not self.intervals)
        self.error = event.error or self.error
        if event.started is not None:
            self.starts[event.started] = event.completed or self.starts.get(event.started)


_LOG_LIMIT = 1 << 20
_LOG_ROOM = 1 << 18
_KEPT = b"xbuild-"
_SLACK = 1.0  # between the last vertex and the end of the client


def _shorten(log: bytearray) -> None:
    """Keep the end, and of what goes the lines that native twins and their helper have said."""
    if len(log) > _LOG_LIMIT + _LOG_ROOM:
        end = log.rfind(b"\n", 0, len(log) - _LOG_LIMIT) + 1 or len(log) - _LOG_LIMIT
        kept = (bytes(line) for line in log[:end].splitlines(keepends=True) if _KEPT in line)
        log[:end] = b"".join(dict.fromkeys(kept))


class Progress:
    """All vertices of a solve, in the order in which they were first named."""

    def __init__(self) -> None:
        self.vertices: dict[str, VertexState] = {}
        self.text: list[str] = []
        self.warnings: list[WarningEvent] = []

    def update(self, event: Event) -> None:
        match event:
            case VertexEvent():
                self._state(event.digest).take(event)
            case StatusEvent():
                self._state(event.vertex).statuses[event.id] = event
            case LogEvent():
                state = self._state(event.vertex)
                state.log += event.data
                _shorten(state.log)
            case WarningEvent():
                self.warnings.append(event)
            case TextEvent():
                self.text.append(event.text)

    def _state(self, digest: str) -> VertexState:
        if digest not in self.vertices:
            self.vertices[digest] = VertexState(digest)
        return self.vertices[digest]

    def start_of(self, seconds: float) -> float:
        """When the solve began by the engine's clock, if it took the client `seconds`.

        BuildKit reports a vertex that another solve executed a moment ago with the times it had there.
        """
        ends = [end for state in self.vertices.values() for _, end in state.intervals]
        return max(ends, default=0.0) - seconds - _SLACK

    @property
    def failed(self) -> VertexState | None:
        """The vertex that broke the solve; others were only cancelled with it."""
        broken = [state for state in self.vertices.values() if state.error]
        real = [state for state in broken if "context canceled" not in state.error]
        return next(iter(real or broken), None)


def read(lines: Iterable[str]) -> Progress:
    """The state after all lines."""
    progress = Progress()
    for line in lines:
        for event in parse_line(line):
            progress.update(event)
    return progress
