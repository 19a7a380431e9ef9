"""The commands of a stage as data for the plan: what each reads and writes, and what it asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import dropwhile, islice, takewhile

from xbuild.plan.deciding.work import work_of
from xbuild.plan.demands import placed
from xbuild.plan.facts.filesystem import Kind, join
from xbuild.plan.model import StageStep, Written
from xbuild.plan.toolchain import Call, Effect

_MORE_WORDS = 2
_STREAMS = ("/dev/null", "/dev/stdout", "/dev/stderr")


def steps_of(calls: Sequence[Call], effects: Sequence[Effect]) -> tuple[StageStep, ...]:
    """A step for each call of a stage and its effect, in the order in which they run."""
    return tuple(_step(call, effect) for call, effect in zip(calls, effects, strict=True))


def _step(call: Call, effect: Effect) -> StageStep:
    literal = [word.value for word in call.words]
    work = work_of(literal)
    return StageStep(
        instruction=call.number,
        place=call.place,
        words=tuple(_first_words(literal)),
        reads=tuple(dict.fromkeys(effect.reads)),
        writes=tuple(dict.fromkeys(_writes(call, effect))),
        prints=_name(effect.output),
        changes=len(placed(call, effect.demand)),
        work=work.name if work is not None else "",
        is_compiler=work is not None and work.is_compiler,
    )


def _first_words(literal: Sequence[str | None]) -> Iterator[str]:
    """The program, and what is said to it up to the next option. What does not stand there literally ends
    them: what a variable holds may be nobody's business.
    """
    known = [word for word in takewhile(lambda word: word is not None, literal) if word is not None]
    behind = dropwhile(_is_option, known[1:])
    yield from known[:1]
    yield from islice(takewhile(lambda word: not _is_option(word), behind), _MORE_WORDS)


def _is_option(word: str) -> bool:
    return word.startswith("-")


def _writes(call: Call, effect: Effect) -> Iterator[Written]:
    for made in effect.writes:
        yield Written(made.path, _name(join((made.kind, call.condition))))
    printed = _name(join((effect.output, call.condition, *call.kinds)))
    around = (redirect for scope in call.command.scopes for redirect in scope.redirects)
    for redirect in (*call.command.redirects, *around):
        if redirect.target is None or ">" not in redirect.operator or redirect.operator == ">&":
            continue
        target = redirect.target.value
        if target not in _STREAMS:
            yield Written(call.seen(target), printed)


def _name(kind: Kind) -> str:
    return kind.name.lower()
