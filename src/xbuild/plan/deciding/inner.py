"""Scripts inside a script, and commands inside a command: what is handed to another shell, as a word or as a
here-document, and what stands behind a program that starts others.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace

from xbuild.dockerfile.script import Command, Script
from xbuild.dockerfile.shell import parse_script
from xbuild.plan.programs import PROGRAMS
from xbuild.plan.programs.program import by_name
from xbuild.plan.table import words

DESCRIBED = by_name(PROGRAMS)
RUNNERS = frozenset(
    (
        *(name for program in PROGRAMS if program.is_wrapper for name in program.names.split()),
        *words(
            "sudo doas xargs timeout busybox su runuser gosu setpriv setsid chroot flock taskset chrt unshare"
        ),
        *words("parallel watch eatmydata fakeroot command builtin exec env time"),
    )
)
"""Programs that start the one which their words name."""
_SHELLS = frozenset(words("sh bash ash dash ksh zsh"))
READERS = frozenset((*_SHELLS, *words("eval su runuser trap script watch xargs . source")))
"""What reads commands out of its words, or out of a file that they name."""
_TEXT = re.compile(r"[\s;&|]")
_MOST_ROUNDS = 4


def name_of(command: Command) -> str:
    """The program's name, by whatever path; empty where it is not literal."""
    return posixpath.basename(command.name or "")


def with_inner(script: Script, rounds: int = _MOST_ROUNDS) -> Iterator[Script]:
    """A script, and all that it may hand to other shells. What cannot be read is left out: it is text."""
    script = replace(script, commands=tuple(each for c in script.commands for each in (c, *_behind(c))))
    yield script
    # A file that is written may be one that is run, and what is printed may go to a shell.
    if rounds and any(name_of(c) in READERS or "/" in (c.name or "") for c in script.commands):
        for text in _texts(script):
            inner = parse_script(text)
            if not inner.has_error:
                yield from with_inner(inner, rounds - 1)


def _behind(command: Command) -> Iterator[Command]:
    """What a program that starts others may start: from each word on that may be a program's name."""
    if name_of(command) not in RUNNERS and name_of(command) not in READERS:
        return
    for at, word in enumerate(command.words[1:], 1):
        if word.value is None or word.value.startswith("-") or "=" in word.value:
            continue
        inner = replace(command, words=command.words[at:], assignments=(), exports=(), redirects=())
        yield inner
        if name_of(inner) in DESCRIBED and name_of(inner) not in RUNNERS:
            return


def _texts(script: Script) -> Iterator[str]:
    for command in script.commands:
        for word in command.words[1:]:
            text = word.raw.strip("\"'") if word.value is None else word.value
            if _TEXT.search(text):
                yield text
        yield from (r.heredoc for r in command.redirects if r.heredoc is not None)
