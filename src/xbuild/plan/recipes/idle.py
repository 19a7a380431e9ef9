"""Commands that change nothing which a question asks about, by their descriptions."""

from __future__ import annotations

from collections.abc import Mapping

from xbuild.dockerfile.script import Command
from xbuild.plan.programs.program import Program, Role

Programs = Mapping[str, Program]


def is_plain(command: Command, programs: Programs) -> bool:
    """Whether it neither changes what a toolchain would answer, nor needs what was built."""
    if not command.words:
        return True
    program = programs.get(command.name or "")
    if program is None:
        return False
    words = (w.value for w in command.words[1:])
    verb = next((w for w in words if w is None or not w.startswith("-")), None)
    is_row = program.does is None and _is_harmless(program) and Role.READ not in program.roles
    return verb in program.still or program.builtin is not None or program.is_test or is_row


def is_free(command: Command, programs: Programs) -> bool:
    """Whether it is the shell's own, or a test: no work to speak of, on whatever machine."""
    program = programs.get(command.name or "")
    return not command.words or (program is not None and (program.builtin is not None or program.is_test))


def is_idle(command: Command, programs: Programs) -> bool:
    """Whether it does not change it either, but may need what was built."""
    program = programs.get(command.name or "")
    return program is not None and program.does is None and _is_harmless(program)


def _is_harmless(program: Program) -> bool:
    """Whether it neither writes nor removes a file, and runs nothing else."""
    changes = {Role.WRITE, Role.CHANGE} & {*program.roles}
    return not (
        changes or program.grammar.may_write or program.verbs or program.is_wrapper or program.is_extra
    )
