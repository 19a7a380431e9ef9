"""A stage compiles under QEMU although it could cross-compile.

Why: on an amd64 machine every stage of the arm64 image runs emulated, and compilers run 5 to 50 times slower
there. xbuild has proved that this stage can run on the build platform and make the same files.

Fix: what `xbuild rewrite` would write: the pin, the platform ARGs, the variables at the compiler. Safe.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.plan.model import VerdictWord
from xbuild.rules.planned import fix_of
from xbuild.rules.rule import Finding, Level, Rule, RuleContext


def check(context: RuleContext) -> Iterator[Finding]:
    if not any(stage.index not in context.pinned for stage in context.graph.stages[:-1]):
        return
    for stage, verdict in zip(context.graph.stages, context.plan.stages, strict=True):
        if verdict.word is VerdictWord.CROSS and verdict.is_proved and stage.index not in context.pinned:
            text = f"{stage.label} compiles under emulation for every other platform, and could cross-compile"
            yield Finding(stage.from_.image_span, text, fix_of(context, verdict))


RULE = Rule(
    "emulated-compile",
    Level.WARNING,
    "a stage is emulated although it could cross-compile",
    check,
    __doc__,
)
