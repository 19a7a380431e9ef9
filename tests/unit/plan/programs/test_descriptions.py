"""What holds for every description: its grammar is read whole, and nothing beyond it is."""

from __future__ import annotations

import random
import shlex
from collections.abc import Iterator

import pytest

from tests.generator.lines import Maker, Target, targets
from tests.generator.prediction import predict, programs
from xbuild.plan.facts.filesystem import Kind
from xbuild.plan.programs.grammar import Reading, Style, Takes, grammar, read
from xbuild.plan.programs.program import Program, by_name

ALL = programs()
# Of these every word is an operand: their options are not looked at, or no matter.
_WITHOUT_OPTIONS = frozenset(name for name, program in ALL.items() if program.style is Style.NONE)
NAMES = sorted(ALL.keys() - _WITHOUT_OPTIONS)


def parts(program: Program) -> Iterator[tuple[str, Program]]:
    """The description and those of its verbs, each with what stands in front of its options."""
    yield "", program
    yield from program.verbs.items()


def described() -> Iterator[tuple[str, Program]]:
    seen: set[int] = set()
    for name, program in ALL.items():
        for verb, part in parts(program):
            if id(part) not in seen:
                seen.add(id(part))
                yield f"{name} {verb}".rstrip(), part


DESCRIBED = dict(described())


def unknown_options(program: Program) -> Iterator[str]:
    """Options that the grammar does not list: long, short, and short behind a flag that it does list."""
    known = program.grammar
    first = {s[1] for s in known.spellings} | {p[1] for p, _ in known.prefixes if len(p) > 1}
    letter = next(c for c in "YQJjyWZVKxqz%@" if c not in first)
    flag = next((s for s, told in known.spellings.items() if len(s) == 2 and told.value is Takes.NONE), None)
    yield "--not-an-option"
    yield "--not-an-option=/out/x"
    yield f"-{letter}"
    if flag is not None and program.style is not Style.LONG:
        yield f"{flag}{letter}"


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_option_may_do_anything(name: str) -> None:
    lines = [
        f"{name} {verb} {option} {operands}"
        for verb, part in parts(ALL[name])
        if not (verb == "" and ALL[name].verbs)
        for option in unknown_options(part)
        for operands in ("", "a b")
    ]
    found = predict("\n".join(lines))
    assert len(found.effects) == len(lines)
    for call, effect in zip(found.calls, found.effects, strict=True):
        made = [(w.path, w.kind) for w in effect.writes]
        assert made == [(None, Kind.UNKNOWN)], call.spelled()
        assert (effect.reads, effect.output, effect.sees_environment) == ((None,), Kind.UNKNOWN, True)


def test_no_program_is_described_twice() -> None:
    twice = Program("a b"), Program("b c")
    with pytest.raises(ValueError, match="b is described twice"):
        by_name(twice)
    assert set(by_name(tuple(dict.fromkeys(ALL.values())))) == set(ALL)


@pytest.mark.parametrize("name", sorted(DESCRIBED))
def test_a_grammar_says_what_it_means(name: str) -> None:
    program = DESCRIBED[name]
    known = program.grammar
    assert known == grammar(program.options)
    assert all(len(program.operands.split()) == len(program.roles) for _ in (0,))
    assert set(program.instead) <= set(known.spellings)
    for spelled, told in known.spellings.items():
        assert spelled not in ("-", "--"), "that is an operand, or ends the options"
        if told.value is Takes.NONE and spelled.startswith("--"):
            assert read(known, (f"{spelled}=x",), frozenset(), program.style) is None, spelled


@pytest.mark.parametrize("name", sorted(n for n, p in DESCRIBED.items() if p.style is not Style.NONE))
def test_a_long_option_has_no_short_form(name: str) -> None:
    program = DESCRIBED[name]
    known = program.grammar
    for spelled in known.spellings:
        for end in range(3, len(spelled)) if spelled.startswith("--") else ():
            short = spelled[:end]
            if short not in known.spellings and not any(short.startswith(p) for p, _ in known.prefixes):
                assert read(known, (short, "x"), frozenset(), program.style) is None, short


def test_the_generator_can_make_every_option() -> None:
    maker = Maker(random.Random(7))
    for target in (t for slot in targets(ALL) for t in slot[:1] if t.spelling is not None):
        made = (shlex.split(" ".join(maker.words(target))) for _ in range(_TRIES))
        assert any(target.spelling in spelled_in(target, words) for words in made), target


_TRIES = 20  # some operands of the tables are meant not to be read


def spelled_in(target: Target, words: list[str]) -> set[str]:
    """All spellings of the options that stand in a line."""
    program, found = target.program, set()
    front = read(program.grammar, words[1:], frozenset(), program.style)
    for part, given in (
        (program, front),
        (program.verbs.get(target.verb or ""), _behind(target, words, front)),
    ):
        if part is not None and given is not None:
            names = {o.name for o in given.options}
            known = part.grammar
            found |= {s for s, told in known.spellings.items() if told.name in names}
            found |= {p for p, told in known.prefixes if told.name in names} | names
    return found


def _behind(target: Target, words: list[str], front: Reading | None) -> Reading | None:
    if target.verb is None or front is None or not front.places:
        return None
    verb = target.program.verbs[target.verb]
    return read(verb.grammar, words[front.places[0] + 2 :], frozenset(), verb.style)
