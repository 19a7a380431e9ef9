"""The scripts of the build context that a RUN calls, and those that these call: twins reach into them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from xbuild.dockerfile.script import Command, Script
from xbuild.dockerfile.shell import parse_script
from xbuild.plan.facts.filesystem import Kind
from xbuild.plan.recipes.recipe import NotReadError, script_of
from xbuild.plan.toolchain import Call
from xbuild.text import value

_MOST_ROUNDS = 3
SOURCES = (".", "source")
_MOVING = ("cd", "pushd", "popd", "chroot")


@value()
class Called:
    """A script: its file, what it does and where it starts, and whether the shell itself reads it; or
    `trouble`, why it cannot be read.
    """

    name: str
    script: Script | None = None
    directory: str | None = None
    trouble: str = ""
    is_sourced: bool = False


def called_scripts(calls: Sequence[Call], rounds: int = _MOST_ROUNDS) -> Iterator[Called]:
    """What these commands call; behind each script what it calls."""
    for call in calls:
        try:
            found = script_of(call)
        except NotReadError as error:
            yield Called(call.spelled(), trouble=str(error))
            continue
        if found is None:
            continue
        name, text = found
        script = parse_script(text)
        if script.has_error or rounds == 0:
            why = "too many scripts call each other" if rounds == 0 else "it cannot be read without doubt"
            yield Called(name, trouble=f"{name}: {why}")
            continue
        yield Called(name, script, call.directory, is_sourced=call.command.name in SOURCES)
        yield from called_scripts(_inner(call, script), rounds - 1)


def _inner(call: Call, script: Script) -> list[Call]:
    """The commands of a script, as far as their words are literal. The first is our own `cd`."""
    commands = script.commands[1:]
    directory = None if any(c.name in _MOVING for c in commands) else call.directory
    return [_as_call(call, command, directory) for command in commands if command.words]


def _as_call(call: Call, command: Command, directory: str | None) -> Call:
    return replace(
        call,
        command=command,
        words=command.words,
        texts=tuple(word.value for word in command.words),
        kinds=tuple(Kind.UNKNOWN for _ in command.words),
        directory=directory,
    )
