"""`python -m MODULE`: what modules of the standard library and of installers do.

Sources: CPython `Lib/venv/__main__.py`, "Command line and environment"; virtualenv "CLI flags" (links on
POSIX unless told otherwise).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import Program
from xbuild.plan.toolchain import Call, Effect
from xbuild.plan.toolchains.python import pip
from xbuild.plan.toolchains.python.environments import environment, made, replaced


def _makes(call: Call, given: Reading) -> Effect | None:
    """A virtual environment of links, made by an interpreter that is as it came."""
    interpreter = environment(call, "python3")
    if len(given.operands) != 1 or given.operands[0] is None or interpreter is None:
        return None
    return made(call, given.operands[0]) if replaced(call, interpreter) is None else None


_OPTIONS = "--system-site-packages --without-pip --clear --prompt= --symlinks"
VENV = Program("venv", _OPTIONS, "make", does=_makes)
VIRTUALENV = Program(
    "virtualenv", "--system-site-packages --clear --prompt= -q,--quiet --no-download --symlinks", does=_makes
)
MODULES: Mapping[str, Program] = {"venv": VENV, "virtualenv": VIRTUALENV, "pip": pip.PIP}


def _module(call: Call, _given: Reading) -> Effect | None:
    """`python -m MODULE …` is what the program of that name is."""
    told = pip.told_already(call)
    if told is not None:
        return told
    if call.texts[1:2] != ("-m",):
        return None
    program = MODULES.get(call.texts[2] or "") if len(call.texts) > 2 else None
    if program is None:
        return None
    return program.effect(replace(call, words=call.words[2:], texts=call.texts[2:], kinds=call.kinds[2:]))


PYTHON = Program("python python3", "-m=", style=Style.FIRST, does=_module)
