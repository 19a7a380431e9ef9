"""A platform ARG is declared in front of the first FROM, and used inside a stage: it is empty there.

Why: what is declared in front of the first FROM counts in FROM lines alone. A stage that wants it has to
declare it again.

Fix: `ARG NAME` on a line of its own just before its first use. Safe, but where npm, yarn or pnpm of a
pinned stage is given it: packages for another machine may not run in the build.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.rules.platform_args import missing
from xbuild.rules.rule import Finding, Level, Rule, RuleContext


def check(context: RuleContext) -> Iterator[Finding]:
    for name, use, fix in missing(context, is_global=True):
        text = (
            f"{name} is empty here: its ARG in front of the first FROM does not reach into {use.stage.title}"
        )
        yield Finding(use.span, text, fix)


RULE = Rule(
    "platform-arg-before-from",
    Level.WARNING,
    "a platform ARG in front of the first FROM is used inside a stage",
    check,
    __doc__,
    several=False,
)
