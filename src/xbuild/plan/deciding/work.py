"""What kind of work a command is, told by its first words: reports and what was learnt about emulation go by
these names. The rows of a language are in its own room; here are those of none, and of languages without one.

No room is imported whole: the linter asks this of nearly every file.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

from xbuild.dockerfile.script import Command
from xbuild.dockerfile.shell import parse_script
from xbuild.plan.table import Work, words
from xbuild.plan.toolchains import WORK as ROWS

WORK = (
    *ROWS,
    Work("dotnet publish", "dotnet publish, dotnet build", is_compiler=True),
    Work(
        "npm install",
        "npm ci, npm i, npm install, yarn install, yarn workspaces focus, pnpm i, pnpm install, bun install",
    ),
    Work(
        "npm build",
        "npm build, npm run build, yarn build, yarn run build, pnpm build, pnpm run build",
        is_compiler=True,
    ),
    Work("c compiler", "gcc, g++, clang, clang++, cc, c++, cmake, ninja", is_compiler=True),
    Work("make", "make", is_compiler=True),
    Work(
        "apt-get install",
        "apt-get install, apt install, apk add, dnf install, yum install, microdnf install, "
        "xx-apt-get install, xx-apt install, xx-apk add",
    ),
)
"""All kinds. A RUN that does several counts as the first of them."""

_ROWS: dict[str, dict[tuple[str, ...], Work]] = {}
for _work in WORK:
    for _row in _work.commands.split(", "):
        _name, *_rest = _row.split()
        _ROWS.setdefault(_name, {})[tuple(_rest)] = _work

# Programs whose `run` is given a script of the project, which may be called as it likes.
_RUNNING = frozenset(words("npm yarn pnpm bun"))
_BEHIND = frozenset(("--", "-exec"))
_MAX_DEPTH = 4
_SHELLS = frozenset(words("sh bash ash dash ksh zsh"))


def work_of(given: Sequence[str | None], depth: int = 0) -> Work | None:
    """The work that a command does, by its words (None for one that cannot be told); that of its script for
    `sh -c` and `eval`, as far as these stand in one another.
    """
    script = _script(given)
    return _named(given) if script is None else work_in(script, depth + 1)


def work_in(script: str, depth: int = 0) -> Work | None:
    """The work of a script, or None: of several kinds that which comes first in `WORK`."""
    if depth > _MAX_DEPTH:
        return None
    found = (work for command in parse_script(script).commands for work in _works(command, depth))
    return min((work for work in found if work is not None), key=WORK.index, default=None)


def is_compiler(name: str) -> bool:
    """Whether a compiler does the work of that name."""
    return any(work.name == name and work.is_compiler for work in WORK)


def _works(command: Command, depth: int) -> Iterator[Work | None]:
    given = [word.value for word in command.words]
    yield work_of(given, depth)
    if given and _name_of(given[0]) in _SHELLS:
        yield from (work_in(r.heredoc, depth + 1) for r in command.redirects if r.heredoc is not None)


def _named(given: Sequence[str | None]) -> Work | None:
    """By the rows. Options, and what else may stand in front of a subcommand, are passed over; `build:ui` is
    a `build`.
    """
    start = _start(given)
    rows = _ROWS.get(_name_of(given[start]), {}) if start < len(given) else {}
    behind = [word.partition(":")[0] if word else None for word in given[start + 1 :]]
    for at in range(len(behind)):
        found = [rest for rest in rows if rest and tuple(behind[at : at + len(rest)]) == rest]
        if found:
            return rows[max(found, key=len)]
        if behind[at] in ("run", "run-script") and _name_of(given[start]) in _RUNNING:
            break
    return rows.get(())


def _start(given: Sequence[str | None]) -> int:
    """Where the program stands that works: behind `sudo -u x` and the like, or what cannot be told; behind
    `--` of one that is not known.
    """
    names = [_name_of(word) for word in given]
    if not names or names[0] in _ROWS:
        return 0
    if _ROWS.keys().isdisjoint(names):
        return len(names)
    is_runner = given[0] is None or names[0] in _runners()
    first = 0 if is_runner else next((n for n, w in enumerate(given) if w in _BEHIND), len(names))
    return next((at for at, name in enumerate(names) if at >= first and name in _ROWS), len(names))


@cache
def _runners() -> frozenset[str]:
    """What runs the command behind it: descriptions take long to import, and few commands need them here."""
    from xbuild.plan.programs import PROGRAMS

    wrappers = (name for program in PROGRAMS if program.is_wrapper for name in program.names.split())
    return frozenset((*wrappers, *words("sudo xargs timeout")))


def _script(given: Sequence[str | None]) -> str | None:
    """The script that `sh -c` or `eval` is given."""
    name = _name_of(given[0]) if given else ""
    if name == "eval":
        return " ".join(word for word in given[1:] if word is not None)
    pairs = pairwise(given[1:]) if name in _SHELLS else ()
    return next((text for flag, text in pairs if text and flag and re.fullmatch(r"-\w*c", flag)), None)


def _name_of(word: str | None) -> str:
    """The name of a program without its folder, and without a version (`gcc-12`, `pip3`)."""
    name = posixpath.basename(word or "")
    return name if name in _ROWS else name.rstrip("0123456789.-")
