"""Live progress: which platform, which step, emulated or native, for how long.

`Board` is what a terminal shows, redrawn in place; `Log` is what a CI log gets, a line when something begins
or ends and the output of RUNs in between. Both take events and the time and return text; neither prints.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from xbuild.platforms import Platform
from xbuild.solve.engine import Engine, runs_natively
from xbuild.solve.progress import Event, LogEvent, Progress, TextEvent, VertexEvent, VertexState, WarningEvent
from xbuild.views.terminal import Cell, Column, Terminal, clean, seconds, shorten, table


@dataclass(frozen=True)
class Scene:
    """What names of steps are read against: where the builder runs, and what was asked for.

    `pinned` are the names of stages that run on the build platform; single-platform builds do not say where a
    step runs.
    """

    natives: tuple[Platform, ...]
    platforms: tuple[Platform, ...]
    pinned: frozenset[str] = frozenset()
    line_map: Callable[[int], int | None] = lambda line: line

    @classmethod
    def of(
        cls,
        engine: Engine,
        platforms: tuple[Platform, ...],
        pinned: frozenset[str],
        line_map: Callable[[int], int | None],
    ) -> Scene:
        return cls(engine.natives, platforms, pinned, line_map)

    def runs_on(self, state: VertexState) -> Platform | None:
        step = state.step
        if step.run_platform is not None:
            return step.run_platform
        if step.stage in self.pinned and self.natives:
            return self.natives[0]
        return self.platforms[0] if len(self.platforms) == 1 else None

    def target(self, state: VertexState) -> Platform | None:
        found = state.step.target_platform
        return found or (self.platforms[0] if len(self.platforms) == 1 else None)

    def how(self, state: VertexState) -> str:
        """`native`, `cross`, `emulated`, or nothing where nothing is run."""
        where = self.runs_on(state)
        if state.step.instruction != "RUN" or where is None:
            return ""
        if not any(runs_natively(where, native) for native in self.natives):
            return "emulated"
        return "cross" if self.target(state) not in (None, where) else "native"

    def label(self, state: VertexState) -> str:
        """The platform that a step works for."""
        target = self.target(state)
        return str(target) if target and state.step.number is not None else ""


def mapped_warning(text: str, line_map: Callable[[int], int | None]) -> str | None:
    """A warning of BuildKit's linter, which ends in `(line 17)`, with the line of the user's file; None for
    a line that xbuild added, which is not the user's to mend.
    """
    named = re.search(r"\(line (\d+)\)", text)
    if named is None:
        return text
    line = line_map(int(named[1]))
    return f"{text[: named.start()]}(line {line}){text[named.end() :]}" if line else None


_STYLES = {"emulated": ("yellow",), "cross": ("green",), "native": ("green",)}
_COLUMNS = (
    Column("platform"),
    Column("stage", flexible=True),
    Column("step", flexible=True),
    Column("how"),
    Column("time", right=True),
)
_ROWS = 8
_NARROW = 40


def describe(state: VertexState) -> str:
    """A step in one line."""
    return shorten(clean(state.step.text), 300)


@dataclass
class Board:
    """The lines for a terminal: a head, and a row per running step."""

    scene: Scene
    started: float
    progress: Progress = field(default_factory=Progress)

    def take(self, event: Event) -> None:
        self.progress.update(event)

    def lines(self, now: float, terminal: Terminal) -> list[str]:
        """What to show at `now` (seconds since 1970)."""
        steps = [state for state in self.progress.vertices.values() if state.step.number is not None]
        done = sum(state.completed is not None for state in steps)
        emulated = sum(state.is_running and self.scene.how(state) == "emulated" for state in steps)
        note = f", {emulated} emulated" if emulated else ""
        head = f"building for {seconds(max(0.0, now - self.started))}: {done} of {len(steps)} steps{note}"
        width = terminal.width
        running = [state for state in self.progress.vertices.values() if state.is_running]
        running.sort(key=lambda state: state.started or 0.0)
        rows = [self._row(state, now) for state in running[:_ROWS]]
        body = _fitting(rows, terminal)
        if len(running) > _ROWS:
            body.append(f"and {len(running) - _ROWS} more")
        return [terminal.paint(shorten(head, width) if width else head, "bold"), *body]

    def _row(self, state: VertexState, now: float) -> tuple[Cell, ...]:
        how = self.scene.how(state)
        step = describe(state)
        loading = _amount(state)
        return (
            Cell(self.scene.label(state), ("cyan",)),
            Cell(state.step.stage or ""),
            Cell(f"{step} {loading}" if loading else step),
            Cell(how, _STYLES.get(how, ())),
            Cell(seconds(max(0.0, now - (state.started or now))), ("dim",)),
        )


def _fitting(rows: Sequence[tuple[Cell, ...]], terminal: Terminal) -> list[str]:
    """The rows without their heading; a very narrow terminal keeps platform, step and time."""
    kept = range(len(_COLUMNS)) if terminal.width is None or terminal.width >= _NARROW else (0, 2, 4)
    columns = [_COLUMNS[at] for at in kept]
    return list(table(columns, [[row[at] for at in kept] for row in rows], terminal))[1:]


def _amount(state: VertexState) -> str:
    """How much of what is counted inside a step is done: `12/80 MB`."""
    counted = [status for status in state.statuses.values() if status.total and not status.completed]
    total = sum(status.total for status in counted)
    if total < 1_000_000:
        return ""
    return f"{sum(status.current for status in counted) // 1_000_000}/{total // 1_000_000} MB"


@dataclass
class Log:
    """Plain lines: each step when it begins and ends, and what it prints."""

    scene: Scene
    progress: Progress = field(default_factory=Progress)
    begun: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    partial: dict[str, bytes] = field(default_factory=dict)

    def take(self, event: Event) -> Iterator[str]:
        """The lines that an event is worth."""
        self.progress.update(event)
        match event:
            case VertexEvent():
                yield from self._vertex(self.progress.vertices[event.digest])
            case LogEvent():
                yield from self._output(event)
            case WarningEvent():
                text = mapped_warning(event.text, self.scene.line_map)
                if text is not None:
                    yield f"warning: {clean(text)}"
            case TextEvent() | _:
                return

    def _vertex(self, state: VertexState) -> Iterator[str]:
        if state.step.number is None:
            return
        is_run = state.step.instruction == "RUN"
        if is_run and state.started is not None and state.digest not in self.begun and not state.cached:
            self.begun.add(state.digest)
            how = self.scene.how(state)
            yield f"{self._name(state)} {describe(state)}{f' ({how})' if how else ''}"
        over = state.completed is not None or state.cached or bool(state.error)
        if over and state.digest not in self.ended:
            self.ended.add(state.digest)
            yield from self._rest(state)
            yield f"{self._name(state)} {self._end(state)}"

    def _end(self, state: VertexState) -> str:
        end = f"done in {seconds(state.seconds)}"
        if state.error:
            end = "failed" if "context canceled" not in state.error else "cancelled"
        elif state.cached:
            end = "from the cache"
        return end if state.digest in self.begun else f"{describe(state)}: {end}"

    def _output(self, event: LogEvent) -> Iterator[str]:
        state = self.progress.vertices[event.vertex]
        *lines, rest = (self.partial.get(event.vertex, b"") + event.data).split(b"\n")
        self.partial[event.vertex] = rest
        yield from (self._printed(state, line) for line in lines)

    def _rest(self, state: VertexState) -> Iterator[str]:
        rest = self.partial.pop(state.digest, b"")
        if rest:
            yield self._printed(state, rest)

    def _printed(self, state: VertexState, line: bytes) -> str:
        text = line.decode("utf-8", "replace").rstrip("\r").rpartition("\r")[2]
        return f"{self._name(state)} | {text}"

    def _name(self, state: VertexState) -> str:
        step = state.step
        words = (self.scene.label(state), step.stage or "", f"{step.number}/{step.total}")
        return "[" + " ".join(word for word in words if word) + "]"
