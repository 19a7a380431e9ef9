"""Packages are installed under emulation, once for each platform but the build machine's.

Why: a RUN in a stage for the target runs under QEMU where the target is of another architecture, and an
install of packages then takes several times as long. `xbuild build` lends such a stage native twins of apt,
pip and others (the same programs, for the build machine), where nothing keeps them away: for apk a release
before Alpine 3.23, an old frontend, a SHELL of another kind.

Fix: none: the stage is for the target, and what it installs has to be. `xbuild plan` says what twins do in
it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from xbuild.dockerfile.frontend import blocks
from xbuild.graph.scope import Scope
from xbuild.rules.emulated_work import emulated_installs, image_of, why_no_twin
from xbuild.rules.rule import Finding, Level, Rule, RuleContext, RunScript

_POSIX = ("sh", "bash", "ash", "dash")


def check(context: RuleContext) -> Iterator[Finding]:
    foreign = ", ".join(map(str, context.foreign))
    for shell, command, program in emulated_installs(context):
        why = _kept_away(context, shell, program)
        end = f"; {why} keeps native twins away" if why else ""
        line = context.dockerfile.source.line_of(shell.span(command.span).start)
        yield Finding(shell.stage.from_.image_span, f"{program} (line {line}) is emulated for {foreign}{end}")


def _kept_away(context: RuleContext, shell: RunScript, program: str) -> str | None:
    """What in the text keeps native twins from the stage."""
    image = image_of(context, shell.stage)
    if image is not None and (why := why_no_twin(program, image)):
        return why
    if blocks(context.dockerfile.syntax, "heredoc"):
        return "the frontend that `# syntax` names"
    words = Scope(context.graph, shell.stage.index, shell.index).shell()[:1]
    name = posixpath.basename("".join(words))
    return None if name in _POSIX else f"SHELL ({name})"


RULE = Rule(
    "emulated-install",
    Level.INFO,
    "packages are installed under emulation",
    check,
    __doc__,
    first=("emulated-compile", "portable-built-per-platform", "constant-platform", "base-without-platform"),
)
