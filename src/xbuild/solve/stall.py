"""A step with native twins that does nothing any more: no output of the whole build, and no CPU time.

buildx tells nothing of CPU time while a step runs (BuildKit keeps it for its records), and an emulated step
may rightly be silent for long: silence alone is no sign. So what the builder has used in all is read where
it can be: from the control group of a docker-container builder, which holds its steps too. Another build on
the same builder uses time as well, and then there is no sign; with any other driver there is none at all.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from xbuild.errors import SolveError
from xbuild.solve.engine import Builder, BuilderNode, docker
from xbuild.solve.run import Completed, Invocation, run_all

_IDLE = 0.005
"""Of the time that passes, what a builder uses that does nothing but to be asked (measured: a tenth)."""
_LOOKS = 10
_ANSWER_SECONDS = 20.0
# cgroup v2, then v1: microseconds in a row of its own, nanoseconds alone.
_ASK = "cat /sys/fs/cgroup/cpu.stat /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null; true"
_USAGES = (
    (re.compile(rb"^usage_usec (\d+)$", re.MULTILINE), 1e6),
    (re.compile(rb"^(\d+)$", re.MULTILINE), 1e9),
)


class StalledError(SolveError):
    """A build was given up; `stages` are those of the text that was built in which a step with twins ran."""

    def __init__(self, seconds: float, stages: frozenset[str]) -> None:
        super().__init__(f"no output and no CPU time for {seconds / 60:g} minutes")
        self.stages = stages


def can_tell(builder: Builder) -> bool:
    """Whether what its steps use can be read."""
    return builder.driver == "docker-container" and bool(builder.nodes)


def cpu_seconds(builder: Builder) -> float | None:
    """What all nodes have used so far; None where one of them does not tell."""
    if not can_tell(builder):
        return None
    told = [
        _seconds(each) for each in run_all([_question(n) for n in builder.nodes], timeout=_ANSWER_SECONDS)
    ]
    known = [each for each in told if each is not None]
    return sum(known) if len(known) == len(told) else None


def _question(node: BuilderNode) -> Invocation:
    """buildx names the container of a node for it (`driver/docker-container/factory.go`)."""
    where = "--host" if "://" in node.endpoint else "--context"
    place = (where, node.endpoint) if node.endpoint else ()
    return Invocation((*docker(*place), "exec", f"buildx_buildkit_{node.name}", "sh", "-c", _ASK))


def _seconds(answer: Completed) -> float | None:
    for pattern, unit in _USAGES if answer.ok and not answer.timed_out else ():
        found = pattern.search(answer.stdout)
        if found is not None:
            return int(found[1]) / unit
    return None


@dataclass
class Stall:
    """Whether there was neither output nor CPU time for `limit` seconds while `is_concerned`.

    `heard` is told of output, `look` asks from time to time. What was used is compared over the whole silence
    but its first tenth: the builder is asked only once it has lasted that long.
    """

    limit: float
    used: Callable[[], float | None]
    is_concerned: Callable[[], bool]
    clock: Callable[[], float] = time.monotonic
    is_over: bool = False
    _last: float = field(default=0.0, init=False)
    _first: tuple[float, float, float] | None = field(default=None, init=False)
    """When the silence had begun at the first look, when that was, and what had been used by then."""

    def __post_init__(self) -> None:
        self._last = self.clock()

    def heard(self) -> None:
        self._last = self.clock()

    def look(self) -> None:
        last, now = self._last, self.clock()
        if now - last < self.limit / _LOOKS or not self.is_concerned():
            self._first = None
            return
        if self._first is not None and self._first[0] == last and now - self._first[1] < self.limit:
            return
        used = self.used()
        if used is None:
            self._first = None
        elif self._first is None or self._first[0] != last:
            self._first = (last, now, used)
        elif used - self._first[2] <= _IDLE * (now - self._first[1]):
            self.is_over = self._last == last
        else:
            self._first = (last, now, used)


class Looking:
    """While it is open, a stall is looked for."""

    def __init__(self, stall: Stall | None) -> None:
        self._stall = stall
        self._over = threading.Event()

    def __enter__(self) -> Looking:
        if self._stall is not None:
            threading.Thread(target=self._run, args=(self._stall,), daemon=True).start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._over.set()

    def _run(self, stall: Stall) -> None:
        while not stall.is_over and not self._over.wait(stall.limit / _LOOKS):
            stall.look()
