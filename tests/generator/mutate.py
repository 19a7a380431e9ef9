"""The generator, tested: descriptions with something taken out, which it has to find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from tests.generator.check import Bench, Tally, run
from tests.generator.prediction import EMPTY, programs
from xbuild.plan.facts.filesystem import Kind, Write, Writes
from xbuild.plan.model import Place
from xbuild.plan.programs.grammar import Reading
from xbuild.plan.programs.program import Does, Program
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect

NAMES = words("tar unzip sort uniq sed tee gzip zstd curl openssl git")
_MOST = 600


def _without_write(does: Does) -> Does:
    """The first write of each effect is not told."""

    def mutated(call: Call, given: Reading) -> Effect | None:
        effect = does(call, given)
        return effect and replace(effect, writes=effect.writes[1:])

    return mutated


def _without_read(does: Does) -> Does:
    """What the files are that it reads does not count; for one that reads its input alone, that."""

    def mutated(call: Call, given: Reading) -> Effect | None:
        nothing = Writes(call.writes.image, (Write("/", Kind.PORTABLE, Place(0), "all"),))
        is_reader_of_input = call.program_name == "tee"
        return does(
            replace(call, stdin=Kind.PORTABLE) if is_reader_of_input else replace(call, writes=nothing), given
        )

    return mutated


def _without_output(does: Does) -> Does:
    """What it prints depends on nothing."""

    def mutated(call: Call, given: Reading) -> Effect | None:
        effect = does(call, given)
        return effect and replace(effect, output=Kind.PORTABLE)

    return mutated


KINDS: Mapping[str, Callable[[Does], Does]] = {
    "write": _without_write,
    "read": _without_read,
    "output": _without_output,
}


def mutated(program: Program, change: Callable[[Does], Does]) -> Program:
    """The description with that taken out, of its verbs too."""
    if program.verbs:
        parts = {id(p): mutated(p, change) for p in program.verbs.values()}
        return replace(program, verbs={verb: parts[id(p)] for verb, p in program.verbs.items()})
    return replace(program, does=change(program.does or program.performed))


@dataclass(frozen=True)
class Found:
    """A mutation, the number of lines that it took to find it, and the fault; None where it was missed."""

    name: str
    kind: str
    lines: int
    what: str | None


def self_test(bench: Bench, seed: int) -> Iterator[Found]:
    """Take one write, one read and one output dependence out of each of these descriptions, and the links out
    of the context.
    """
    for name in NAMES:
        for kind, change in KINDS.items():
            tally = run(
                bench, seed, count=_MOST, names=(name,), until_fault=True,
                replaced={name: mutated(programs()[name], change)},
            )  # fmt: skip
            yield Found(name, kind, tally.made.total(), _told(tally))
    known, bench.context = bench.context, EMPTY
    tally = run(bench, seed, count=_MOST, names=NAMES, until_fault=True)
    bench.context = known
    yield Found("links", "context", tally.made.total(), _told(tally))


def _told(tally: Tally) -> str | None:
    return next((f"{f.what.partition(chr(10))[0]}: {f.line.script}" for f in tally.faults), None)
