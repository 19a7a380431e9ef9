"""What programs do, one description each, a family a file; those of a language are in its own room."""

from __future__ import annotations

from xbuild.plan.programs import (
    archives,
    builtins,
    compilers,
    copying,
    generators,
    network,
    printing,
    system,
)
from xbuild.plan.programs.program import Program

PROGRAMS: tuple[Program, ...] = (
    *archives.PROGRAMS,
    *compilers.PROGRAMS,
    *copying.PROGRAMS,
    *generators.PROGRAMS,
    *network.PROGRAMS,
    *builtins.PROGRAMS,
    *system.PROGRAMS,
    *printing.PROGRAMS,
)
