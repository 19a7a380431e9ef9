"""Runs a line twice, with two versions of what was made for the machine, and compares with its prediction."""

from __future__ import annotations

import itertools
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.generator import inputs
from tests.generator.lines import Line, Maker, targets
from tests.generator.prediction import Prediction, predict, programs
from tests.generator.root import root
from tests.generator.sandbox import PATH, Change, Outcome, Sandbox
from tests.generator.tables import RANDOM
from xbuild.plan.context import Context
from xbuild.plan.facts.filesystem import is_within
from xbuild.plan.programs.program import Program
from xbuild.solve.directory import DirectoryContext

# What the plan is told of the inputs: one folder of the context, one with content of the base image.
_MACHINE = "/usr/lib/machine"
SETUP = (
    *(f"COPY {folder} /{folder}" for folder in ("in/p", "out", "w", "l")),
    f"RUN cp -r {_MACHINE}/. /in/m/",
    *(
        f"COPY in/p.{kind} /in/p.{kind}\nRUN cp {_MACHINE}/{kind} /in/m.{kind}"
        for kind in ("txt", "csv", "s1")
    ),
)
# Other names of what a line may change, through links that it leaves as they are.
_OTHER_NAMES = {
    "/out/old.txt": "/l/f",
    "/out/fresh": "/l/c",
    "/out/d": "/l/d",
    "/in/p": "/l/in",
    "/l": "/l/s",
}
# Places that are no content of an image, or that a line has from the shell and not from its program.
_RATE = re.compile(rb"[\d.,]+ bytes/sec")  # of the clock alone, and alike now and then by chance
_NOT_CONTENT = ("/dev/", "/proc/", "/sys/", "/run/")
_SERVE = (
    "/bin/sh",
    "-c",
    'busybox ip link set lo up; busybox httpd -p 127.0.0.1:80 -h /in; exec "$@"',
    "serve",
)
_OTHER_MACHINE = ("setarch", "i686", "--uname-2.6")


@dataclass(frozen=True)
class Fault:
    """A line that did what was not predicted."""

    line: Line
    what: str

    def __str__(self) -> str:
        shell = f"{self.line.shell}{', busybox' if self.line.is_busybox else ''}"
        return f"{self.what}\n    in {self.line.directory} ({shell}):\n    " + self.line.script.replace(
            "\n", "\n    "
        )


@dataclass
class Tally:
    """What a run has seen: lines made, read and run, by name of the program; the options that occurred."""

    made: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    succeeded: Counter[str] = field(default_factory=Counter)
    stopped: Counter[str] = field(default_factory=Counter)
    occurred: set[int] = field(default_factory=set)
    slots: int = 0

    def __str__(self) -> str:
        made, read = self.made.total(), self.read.total()
        return (
            f"{made} lines, {read} read ({100 * read // max(made, 1)} %), {self.done.total()} run, "
            f"{self.succeeded.total()} with success, {self.stopped.total()} stopped; "
            f"{len(self.occurred)} of {self.slots} options and verbs; {len(self.faults)} not predicted"
        )

    faults: list[Fault] = field(default_factory=list)


class Bench:
    """The sandbox with the inputs in it."""

    def __init__(self, scratch: Path) -> None:
        self.box = Sandbox(root(), scratch)
        self.trees: dict[str, tuple[Path, ...]] = {}
        same = self.box.scratch / "same"
        inputs.fill_same(partial(self.box.run, keep=same))
        for version in inputs.VERSIONS:
            tree = self.box.scratch / version
            inputs.fill_machine(version, partial(self.box.run, trees=[same], keep=tree))
            self.trees[version] = (tree, same)
        self.context: Context = DirectoryContext(same)
        self.there: dict[str, bool] = {}

    def has(self, name: str) -> bool:
        """Whether the program is in the root file system, or in the shell."""
        if name not in self.there:
            self.there[name] = self.box.run(f"type '{name}'", shell=("/bin/bash", "-c")).status == 0
        return self.there[name] or name == "(("

    def change(self, path: str, outcome: Outcome, version: int) -> Change:
        """What became of a path, also of one that is what it was."""
        if path in outcome.changed:
            return outcome.changed[path]
        before = self.box.entry(path, self.trees[inputs.VERSIONS[version]])
        return Change(before, before)

    def outcome(self, line: Line, version: str) -> Outcome:
        is_second = version == inputs.VERSIONS[1]
        front = (
            *(_SERVE if line.target.name in ("curl", "wget") else ()),
            *(_OTHER_MACHINE if is_second else ()),
        )
        return self.box.run(
            line.script,
            self.trees[version],
            directory=line.directory,
            shell=(f"/bin/{line.shell}", "-c"),
            environment={"PATH": f"/opt/busybox:{PATH}" if line.is_busybox else PATH},
            front=front,
        )


def check(line: Line, prediction: Prediction, bench: Bench, tally: Tally) -> Iterator[Fault]:
    """What the line does beyond its prediction."""
    one, other = (bench.outcome(line, version) for version in inputs.VERSIONS)
    tally.done[line.target.name] += 1
    tally.succeeded[line.target.name] += one.status == 0
    if one.status is None or other.status is None:
        tally.stopped[line.target.name] += 1
        return
    for path in sorted({*one.changed, *other.changed}):
        if path.startswith(_NOT_CONTENT):
            continue
        pair = bench.change(path, one, 0), bench.change(path, other, 1)
        if not _is_covered(path, pair, prediction) and not _is_alike(pair):
            yield Fault(line, f"{path} is {_done(pair)}, and no write is predicted there")
        names = [n for n in _names(path) if not any(is_within(n, c) for c in (*one.changed, *other.changed))]
        kind = min(prediction.kind_at(name) for name in (path, *names))
        state = partial(_state, path=path, first=one)
        if kind.is_right and _depends(pair) and not _is_by_chance(line, bench, one, state):
            yield Fault(line, f"{path} depends on the machine, and is predicted {kind.name}")
    if one.status == other.status == 0:
        yield from _left_behind(line, prediction, bench, (one, other))
    if not prediction.output.is_right:
        return
    told = prediction.output.name
    if _printed(one) != _printed(other) and not _is_by_chance(line, bench, one, _printed):
        shown = "".join(f"\n      {o.output[-300:]!r} {b'; '.join(o.errors)[-300:]!r}" for o in (one, other))
        yield Fault(line, f"the output depends on the machine, and is predicted {told}:{shown}")
    elif one.status != other.status and not _is_by_chance(line, bench, one, lambda o: o.status):
        shown = f"({one.status}, {other.status})"
        yield Fault(line, f"the exit status depends on the machine {shown}, and is predicted {told}")


def _names(path: str) -> Iterator[str]:
    """What else leads there."""
    yield from (name + path[len(place) :] for place, name in _OTHER_NAMES.items() if is_within(path, place))


def _left_behind(
    line: Line, prediction: Prediction, bench: Bench, outcomes: tuple[Outcome, Outcome]
) -> Iterator[Fault]:
    """Files of the machine's that the line is predicted to write anew, and did not touch."""
    for path in {w.path for w in prediction.made if w.is_file and w.path is not None}:
        pair = bench.change(path, outcomes[0], 0), bench.change(path, outcomes[1], 1)
        if _done(pair) == "left" and _depends(pair) and prediction.kind_at(path).is_right:
            yield Fault(line, f"{path} stays what the machine made, and is predicted to be written")


def _printed(outcome: Outcome) -> object:
    return _RATE.sub(b"", outcome.output), [_RATE.sub(b"", error) for error in outcome.errors]


_Pair = tuple[Change, Change]


def _is_covered(path: str, pair: _Pair, prediction: Prediction) -> bool:
    """Whether a write is predicted there, or below it for a folder that is made on the way."""
    if any(w.path is None or is_within(path, w.path) for w in prediction.made):
        return True
    is_folder = all(c.before is None and (c.after is None or c.after.kind == "d") for c in pair)
    return is_folder and any(is_within(w.path or "/", path) for w in prediction.made)


def _is_alike(pair: _Pair) -> bool:
    """Nothing is there any more, or another mode or owner, with both versions: the same on every machine."""
    one, other = pair
    if one.after is other.after is None:
        return True
    is_old = all((c.before and c.before.content) == (c.after and c.after.content) for c in pair)
    return is_old and not _rights_depend(one, other)


def _rights_depend(one: Change, other: Change) -> bool:
    """Whether mode or owner differ behind, and did not before."""
    before = [c.before.rights if c.before else None for c in (one, other)]
    after = [c.after.rights if c.after else None for c in (one, other)]
    return before[0] == before[1] and after[0] != after[1]


def _done(pair: _Pair) -> str:
    seen = {"left" if c.before == c.after else "removed" if c.after is None else "written" for c in pair}
    return " or ".join(sorted(seen))


def _depends(pair: _Pair) -> bool:
    """Whether what stands there behind differs, or its mode where it was alike before."""
    one, other = pair
    if one.after is None or other.after is None:
        return one.after is not other.after
    return one.after.content != other.after.content or _rights_depend(one, other)


def _state(outcome: Outcome, path: str, first: Outcome) -> object:
    """What stands at a path behind; for one that the first run did not have, all names."""
    return outcome.changed.get(path) if path in first.changed else frozenset(outcome.changed)


def _is_by_chance(line: Line, bench: Bench, one: Outcome, of: Callable[[Outcome], object]) -> bool:
    """Whether both versions give the same the next time, or the same version gives something else and the
    program is known for that.
    """
    pair = [of(bench.outcome(line, version)) for version in inputs.VERSIONS]
    if pair[0] == pair[1]:  # what depends on the machine does so every time
        return True
    if line.target.name not in RANDOM:
        return False
    again = [of(bench.outcome(line, inputs.VERSIONS[0])) for _ in range(6)]
    return any(found != of(one) for found in again)


# -- a run


def run(
    bench: Bench,
    seed: int,
    *,
    count: int | None = None,
    seconds: float | None = None,
    replaced: Mapping[str, Program] | None = None,
    names: Collection[str] = (),
    until_fault: bool = False,
    say: Callable[[str], object] = len,
) -> Tally:
    """Make lines and check them, as many or for as long as asked; `names`: of these programs only.

    `replaced` descriptions stand for those of that name. Every option of every description comes once before
    any comes a second time.
    """
    chance = random.Random(seed)
    tally, maker = Tally(), Maker(chance)
    known = {n: p for n, p in {**programs(), **(replaced or {})}.items() if not names or n in names}
    slots = targets(known)
    tally.slots = len(slots)
    order: list[int] = []
    end = None if seconds is None else time.monotonic() + seconds
    for number in itertools.count():
        if (count is not None and number >= count) or (end is not None and time.monotonic() > end):
            break
        if not order:
            order = chance.sample(range(len(slots)), len(slots))
        slot = order.pop()
        line = maker.line(chance.choice(slots[slot]))
        name = line.target.name
        setup = (*SETUP, f"WORKDIR {line.directory}")
        prediction = predict(line.script, setup, replaced=replaced, context=bench.context)
        tally.occurred.add(slot)
        tally.made[name] += 1
        tally.read[name] += prediction.is_read
        if prediction.is_read and bench.has(name):
            for fault in itertools.islice(check(line, prediction, bench, tally), 1):
                tally.faults.append(fault)
                say(f"\n{fault}")
            if until_fault and tally.faults:
                break
        if number % 1000 == 999:
            say(f"{tally}")
    return tally
