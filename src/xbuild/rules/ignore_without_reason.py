"""`# xbuild ignore=RULE` without a reason behind it.

Why: who reads the comment later cannot tell whether it still holds. Asked for by `--require-reason`, or
`require_reason` of the settings.

Fix: none; the reason is the author's.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.rules.comments import read_comments
from xbuild.rules.rule import Finding, Level, Rule, RuleContext


def check(context: RuleContext) -> Iterator[Finding]:
    for comment in read_comments(context.dockerfile):
        if comment.is_ignore and not comment.reason:
            yield Finding(comment.span, f"no reason is given for ignoring {', '.join(comment.rules)}")


RULE = Rule(
    "ignore-without-reason",
    Level.WARNING,
    "an ignore comment that does not say why",
    check,
    __doc__,
    is_on=False,
    several=False,
)
