"""What the shell itself does, and the programs that run another one.

Sources: POSIX.1-2024 XCU 2.15 (special built-in utilities), bash 5.3 manual ("Shell Builtin Commands"),
GNU coreutils 9.7 (env, nice, nohup), util-linux (ionice).
"""

from __future__ import annotations

from dataclasses import replace

from xbuild.graph.model import PLATFORM_ARGS
from xbuild.plan.facts.filesystem import Kind, join
from xbuild.plan.model import Reason
from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.printing import names_machine, sees_all
from xbuild.plan.programs.program import (
    Builtin,
    Prints,
    Program,
    anything,
    plain,
    word_kind,
)
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect
from xbuild.text import expression


def _runs_another(call: Call, given: Reading) -> Effect | None:
    """`env`, `nice`, `command` that still stand in front: alone `env` prints, with options they may run
    anything.
    """
    if call.texts[0] == "command" and given.has("-v", "-V"):
        kind = Kind.BUILD if any(names_machine(t) for t in given.operands) else Kind.PORTABLE
        return plain(call, join((word_kind(call), kind)))
    return _prints_variables(call, given) if len(call.texts) == 1 else None


def _prints_variables(call: Call, given: Reading) -> Effect | None:
    """`printenv`, `export`, `declare` and kin: with no name they print whatever is set.

    That is never the same everywhere: the shell's own variables name the machine (bash manual, HOSTTYPE),
    and a pinned stage declares platform ARGs that the original did not have.
    """
    names = given.operands
    if not names and not call.command.exports:
        return sees_all(plain(call, Kind.BUILD))
    if call.texts[0] == "printenv":
        if any(n is None or n in PLATFORM_ARGS for n in names):
            return sees_all(plain(call, Kind.BUILD))
    elif any(_is_untold(call, at) for at in given.places):
        text = f"what `{call.spelled()}` sets cannot be told"
        return replace(anything(call), reasons=(Reason(text, call.place, cure="write the names out"),))
    known = (call.variables[n].kind for n in names if n is not None and n in call.variables)
    return plain(call, join((word_kind(call), call.stdin, *known)))


_ASSIGNS = expression(r"[\"']?[A-Za-z_]\w*=")


def _is_untold(call: Call, at: int) -> bool:
    """Whether the name that a word gives to `export` cannot be told."""
    word, text = call.words[at + 1], call.texts[at + 1]
    is_assignment = _ASSIGNS.match(word.raw) or word.span in {a.span for a in call.command.exports}
    return (text is None or "*" in text) and not is_assignment


# Names of `-e`, `-u`, `-v`, `-x` and `-E`, and what has none (bash manual, "The Set Builtin").
_OF_THE_SCRIPT = frozenset(words("errexit nounset verbose xtrace errtrace pipefail"))


def _sets_options(call: Call, given: Reading) -> Effect | None:
    """`set`: what only ends or traces the script; without words it prints all variables."""
    if not _OF_THE_SCRIPT.issuperset(given.values("-o")):
        return None
    if any(t is not None and t.startswith("+") and "a" in t for t in given.operands):
        return None
    return plain(call, word_kind(call)) if len(call.texts) > 1 else sees_all(plain(call, Kind.BUILD))


# What changes which names a pattern matches, and no more (bash manual, "The Shopt Builtin").
_OF_PATTERNS = frozenset(words("nullglob globstar dotglob extglob failglob nocaseglob inherit_errexit"))


def _sets_shell_options(call: Call, given: Reading) -> Effect | None:
    if given.has("-o") or not _OF_PATTERNS.issuperset(given.operands):
        return None
    return plain(call, word_kind(call))


def _sources(call: Call, given: Reading) -> Effect | None:
    """`. /etc/os-release` sets names of the distribution; any other file may do anything."""
    is_release = given.operands in (("/etc/os-release",), ("/usr/lib/os-release",))
    is_own = any(w.path is None or "os-release" in w.path for w in call.writes)
    if not is_release or not call.around.image.is_plain or is_own:
        return None
    return plain(call, Kind.PORTABLE, (), given.operands)


def _prints_folder(call: Call, _given: Reading) -> Effect | None:
    """`pwd`: where the script went, if that can be told."""
    return plain(call, Kind.UNKNOWN if call.directory is None else word_kind(call))


# `declare -n` makes a name stand for another variable: that is not followed.
_BUILTIN_FLAGS = "-a -A -f -g -r -x"

PROGRAMS = (
    Program("echo", style=Style.NONE, operands="text*", prints=Prints.INPUT),
    Program("printf", "-v=", "text*", style=Style.FIRST, builtin=Builtin.PRINTF),
    Program(
        "true false : wait shift unalias umask ulimit break continue sync ((",
        style=Style.NONE,
        operands="text*",
        prints=Prints.WORDS,
    ),
    Program("exit return", style=Style.NONE, operands="text*", prints=Prints.WORDS, builtin=Builtin.END),
    Program("sleep kill", style=Style.NONE, operands="text*", prints=Prints.WORDS),
    Program("let", style=Style.NONE, operands="text*", prints=Prints.WORDS),
    Program("shopt", "-s -u -q -p -o", does=_sets_shell_options),
    Program("cd pushd popd", "-L -P", "text*", Prints.WORDS, builtin=Builtin.DIRECTORY),
    Program("unset", "-f -v -n", "text*", Prints.WORDS, builtin=Builtin.UNSET),
    Program(
        "read",
        "-a= -d= -n= -p= -r -s",
        "text*",
        Prints.INPUT,
        builtin=Builtin.ASSIGN_NAMED,
    ),
    Program(
        "set",
        "-e -o= -u -v -x -E",
        does=_sets_options,
        style=Style.FIRST,
        builtin=Builtin.OPTIONS,
    ),
    Program("pwd", "-L -P", "", does=_prints_folder),
    Program("export", f"{_BUILTIN_FLAGS} -n", does=_prints_variables, builtin=Builtin.EXPORT),
    Program(
        "declare typeset readonly local", _BUILTIN_FLAGS, does=_prints_variables, builtin=Builtin.DECLARE
    ),
    Program(". source", style=Style.NONE, does=_sources, builtin=Builtin.SOURCE),
    Program("printenv", does=_prints_variables),
    Program("env", "", does=_runs_another, style=Style.FIRST, is_wrapper=True),
    Program("command", "-v -V", does=_runs_another, style=Style.FIRST, is_wrapper=True, is_test=True),
    Program("nice ionice nohup time", "", does=_runs_another, style=Style.FIRST, is_wrapper=True),
    Program("exec", "", does=_runs_another, style=Style.FIRST, is_wrapper=True, builtin=Builtin.END),
)
