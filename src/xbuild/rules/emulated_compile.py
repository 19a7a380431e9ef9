"""A stage compiles under QEMU although it could cross-compile.

Why: on an amd64 machine every stage of the arm64 image runs emulated, and compilers run 5 to 50 times slower
there. xbuild has proved that this stage can run on the build platform and make the same files.

Fix: what `xbuild rewrite` would write, for the whole file: the pin, the platform ARGs, the variables at the
compiler. Safe. None is offered where a comment, `--select` or `--ignore` leaves out a stage of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.plan.model import VerdictWord
from xbuild.rules.planned import to_be_pinned
from xbuild.rules.rule import Finding, Level, Rule, RuleContext


def check(context: RuleContext) -> Iterator[Finding]:
    text = "compiles under emulation for every other platform, and could cross-compile"
    return to_be_pinned(context, VerdictWord.CROSS, text)


RULE = Rule(
    "emulated-compile",
    Level.WARNING,
    "a stage is emulated although it could cross-compile",
    check,
    __doc__,
    from_plan=True,
)
