"""Python: installers take wheels for the target, and virtual environments are the same everywhere."""

from __future__ import annotations

import posixpath

from xbuild.plan.programs.program import by_name
from xbuild.plan.toolchain import Call, Effect, Toolchain, Work
from xbuild.plan.toolchains.python.environments import activates, environment, is_own
from xbuild.plan.toolchains.python.interpreter import PYTHON, VIRTUALENV
from xbuild.plan.toolchains.python.pip import PIP
from xbuild.plan.toolchains.python.pythons import IMAGES, fits
from xbuild.plan.toolchains.python.uv import PROGRAMS as UV

PROGRAMS = (PIP, PYTHON, VIRTUALENV, *UV)
_BY_NAME = by_name(PROGRAMS)


def judge(call: Call) -> Effect | None:
    """What the descriptions cannot say: programs of a virtual environment by their paths, and what makes one
    the shell's own.
    """
    activated = activates(call)
    if activated is not None:
        return activated
    name = call.texts[0] or ""
    program = _BY_NAME.get(posixpath.basename(name)) if "/" in name else None
    if program is None or environment(call) is None:
        return None
    return program.effect(call)


WORK = (
    Work("uv sync", "uv sync"),
    Work(
        "pip install",
        "pip install, pip wheel, uv pip install, uv pip sync, python -m pip install, python -m pip wheel",
    ),
)

TOOLCHAIN = Toolchain(
    name="python", judge=judge, is_own=is_own, fits=fits, programs=PROGRAMS, images=IMAGES, work=WORK
)
