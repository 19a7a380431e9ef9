"""What the planner knows of Python."""

from __future__ import annotations

import posixpath
import re

from xbuild.plan.programs.program import by_name
from xbuild.plan.toolchain import Call, Effect, EqualCache, Toolchain
from xbuild.plan.toolchains.python import WORK, others
from xbuild.plan.toolchains.python.environments import OWN, activates, environment, is_own
from xbuild.plan.toolchains.python.interpreter import PYTHON, VIRTUALENV, runs
from xbuild.plan.toolchains.python.pip import PIP
from xbuild.plan.toolchains.python.pythons import IMAGES, fits
from xbuild.plan.toolchains.python.uv import PROGRAMS as UV

PROGRAMS = (PIP, PYTHON, VIRTUALENV, *UV, *others.PROGRAMS)
_BY_NAME = by_name(PROGRAMS)


def judge(call: Call) -> Effect | None:
    """What the descriptions cannot say: programs of an environment by their paths or with their version, what
    makes one the shell's own, and what they load.
    """
    activated = activates(call)
    if activated is not None:
        return activated
    name = posixpath.basename(call.texts[0] or "")
    program = _BY_NAME.get(re.sub(r"(3(\.\d+)?)?$", "", name) if OWN.match(name) else name)
    is_by_path = "/" in (call.texts[0] or "") and OWN.match(name) is None
    if program is None or (is_by_path and environment(call) is None):
        return None
    effect = program.effect(call)
    return runs(call, effect) if program is PYTHON else effect


TOOLCHAIN = Toolchain(
    name="python",
    judge=judge,
    is_own=is_own,
    fits=fits,
    programs=PROGRAMS,
    images=IMAGES,
    # The first lines of pip's and virtualenv's scripts; uv "Python versions" (discovery by PATH).
    started=("python", "python3", "git"),
    # pip "Caching" and uv "Caching": downloads by address and sum; wheels that were built say for which
    # machine.
    equal_caches=(EqualCache(r".*/\.cache/(pip|uv)", "wheels that say what they are for"),),
    equal_variables=("PIP_CACHE_DIR", "UV_CACHE_DIR"),
    work=WORK,
)
