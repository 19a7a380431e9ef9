"""What programs do, one description each, a family a file; those of a language are in its own room."""

from __future__ import annotations

from xbuild.plan.programs import archives, compilers, files, generators, network, shell, system, text
from xbuild.plan.programs.program import Program

PROGRAMS: tuple[Program, ...] = (
    *archives.PROGRAMS,
    *compilers.PROGRAMS,
    *files.PROGRAMS,
    *generators.PROGRAMS,
    *network.PROGRAMS,
    *shell.PROGRAMS,
    *system.PROGRAMS,
    *text.PROGRAMS,
)
