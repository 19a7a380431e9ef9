"""A platform ARG is used in a stage that does not declare it: it is empty there.

Why: BuildKit sets TARGETARCH and its kin for FROM lines by itself, and inside a stage only behind `ARG
NAME`. A RUN that uses it undeclared gets an empty string, builds for the machine that it runs on, or
downloads from an address with a hole in it. An ARG in front of the first FROM does not reach into stages
(that case is platform-arg-before-from).

Fix: `ARG NAME` on a line of its own just before. Safe, but where npm, yarn or pnpm of a pinned stage is
given it: packages for another machine may not run in the build.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.rules.platform_args import missing
from xbuild.rules.rule import Finding, Level, Rule, RuleContext


def check(context: RuleContext) -> Iterator[Finding]:
    for name, use, fix in missing(context, is_global=False):
        text = f"{name} is empty here: nothing in {use.stage.title} says `ARG {name}` before this line"
        yield Finding(use.span, text, fix)


RULE = Rule(
    "platform-arg-undeclared",
    Level.WARNING,
    "a platform ARG is used where it is not declared",
    check,
    __doc__,
    several=False,
)
