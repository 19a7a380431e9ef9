"""A `# xbuild` comment that xbuild does not understand does nothing.

Why: a comment with a slip in it looks as if it were obeyed. What is understood: `# xbuild ignore=RULE reason`
directly above an instruction, above a FROM for its whole stage, or inside a continued RUN; `# xbuild global
ignore=RULE reason` in front of the first FROM; `# xbuild assist=off`.

Fix: none; the message names the nearest word or rule.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.rules.comments import WORDS, read_comments
from xbuild.rules.rule import Finding, Level, Rule, RuleContext


def check(subject: RuleContext) -> Iterator[Finding]:
    comments = read_comments(subject.dockerfile)
    if not comments:
        return
    from difflib import get_close_matches

    from xbuild.rules import BY_NAME

    for comment in comments:
        if comment.problem:
            said = subject.dockerfile.source[comment.span].partition("xbuild")[2].strip()
            near = get_close_matches(said.partition("=")[0] + "=", WORDS, 1, 0.5)
            meant = f"; is `{near[0]}` meant?" if near and "not known" in comment.problem else ""
            yield Finding(comment.span, f"this comment does nothing: {comment.problem}{meant}")
        for name in comment.rules:
            if name not in BY_NAME:
                near = get_close_matches(name, BY_NAME, 1)
                meant = f"; is {near[0]} meant?" if near else ""
                yield Finding(comment.span, f"there is no rule {name}{meant}")


RULE = Rule(
    "unknown-comment",
    Level.WARNING,
    "a `# xbuild` comment that is not understood",
    check,
    __doc__,
    several=False,
)
