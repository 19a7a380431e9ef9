"""`python -m MODULE`: what modules of the standard library and of installers do.

Sources: CPython `Lib/venv/__main__.py`, `Lib/compileall.py`, "Command line and environment"; PEP 552;
virtualenv "CLI flags" (links on POSIX unless told otherwise).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from xbuild.plan.facts.filesystem import Kind, join
from xbuild.plan.model import Reason
from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import Program, anything, plain, source_kind, told_kind, write
from xbuild.plan.toolchain import Call, Effect
from xbuild.plan.toolchains.python import others, pip, told
from xbuild.plan.toolchains.python.environments import environment, made, replaced
from xbuild.plan.toolchains.python.wanted import set_names


def _makes(call: Call, given: Reading) -> Effect | None:
    """A virtual environment of links, made by an interpreter that is as it came."""
    interpreter = environment(call) or environment(call, "python3")
    if interpreter is None:
        return _strange(call)
    is_set = any(name.startswith("VIRTUALENV_") for name in set_names(call))
    if len(given.operands) != 1 or given.operands[0] is None or is_set:
        return None
    return made(call, given.operands[0]) if replaced(call, interpreter) is None else None


def _strange(call: Call) -> Effect:
    error = told.stranger(call)
    reason = Reason(f"`{call.spelled()}`: {error}", call.place, cure=error.cure)
    return replace(anything(call), reasons=(reason,), toolchain="python")


def _compiles(call: Call, given: Reading) -> Effect | None:
    """Bytecode beside its source: the same for every machine, in one version of Python."""
    interpreter = environment(call)
    if not given.operands or interpreter is None or replaced(call, interpreter) is not None:
        return None
    kinds = tuple(source_kind(call, path) for path in given.operands)
    told_here = told_kind(call)
    writes = tuple(
        replace(write(call, path, join((told_here, kind))), adds=True)
        for path, kind in zip(given.operands, kinds, strict=True)
    )
    return plain(call, join((told_here, *kinds)), writes, given.operands)


_OPTIONS = "--system-site-packages --without-pip --clear --prompt= --symlinks"
VENV = Program("venv", _OPTIONS, "make", does=_makes)
VIRTUALENV = Program(
    "virtualenv",
    "--system-site-packages --clear --prompt= -q,--quiet --no-download --symlinks",
    settings=("virtualenv.ini",),
    does=_makes,
)
COMPILEALL = Program("compileall", "-q -f -l -b -j= -r= -x=", does=_compiles)
MODULES: Mapping[str, Program] = {
    **{name: program for program in others.PROGRAMS for name in program.names.split()},
    "compileall": COMPILEALL,
    "pip": pip.PIP,
    "venv": VENV,
    "virtualenv": VIRTUALENV,
}


def _module(call: Call, _given: Reading) -> Effect | None:
    """`python -m MODULE …` is what the program of that name is."""
    told_before = pip.told_already(call)
    if told_before is not None:
        return told_before
    if call.texts[1:] in (("-V",), ("--version",), ("--help",)):
        return plain(call, Kind.BUILD)
    program = MODULES.get(call.texts[2] or "") if call.texts[1:2] == ("-m",) and len(call.texts) > 2 else None
    if program is None:
        return None
    return program.effect(told.module(call, 2)) if environment(call) is not None else _strange(call)


# The first word that is no option of its own, or `-m MODULE`, ends them.
PYTHON = Program("python python3", style=Style.NONE, does=_module)


def runs(call: Call, effect: Effect) -> Effect:
    """The effect, with a reason where a program of Python's runs that may load what was installed for the
    target.
    """
    where = environment(call)
    is_unknown = any(w.path is None and w.kind is Kind.UNKNOWN for w in effect.writes)
    if where is None or effect.reasons or not is_unknown:
        return effect
    packages = (w for folder in where.folders for w in call.writes.covering(folder))
    found = next((w for w in packages if w.kind in (Kind.CROSS, Kind.TARGET)), None)
    if found is None:
        return effect
    reason = Reason(
        f"`{call.spelled()}` may load what `{found.text}` of line {found.place.line} installs for the target",
        call.place,
        where.packages,
        "run it in a later stage, or leave the check to a test outside the build",
    )
    return replace(effect, reasons=(reason,), is_foreign_run=True, toolchain="python")
