"""`# xbuild ignore=RULE` where that rule finds nothing.

Why: what was ignored once is mended, or was never there; the comment would hide the next one.

Fix: the comment goes, or the name in it. Safe.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.rules.comments import Comment
from xbuild.rules.rule import Finding, Fix, Level, Rule, RuleContext
from xbuild.text import Edit, Span


def check(_subject: RuleContext) -> Iterator[Finding]:
    """What was not used is known when all other rules have run (`unused`)."""
    return iter(())


def unused(subject: RuleContext, comment: Comment, names: tuple[str, ...]) -> Finding:
    """The finding for `names` of a comment that ignored nothing."""
    source = subject.dockerfile.source
    kept = tuple(name for name in comment.rules if name not in names)
    if kept:
        at = source.text.index("ignore=", comment.span.start) + len("ignore=")
        edit = Edit(Span(at, at + len(",".join(comment.rules))), ",".join(kept))
    else:
        start = source.line_starts[comment.line - 1]
        starts = source.line_starts
        end = starts[comment.line] if comment.line < len(starts) else len(source.text)
        edit = Edit.delete(Span(start, end))
    text = f"{', '.join(names)} find{'s' if len(names) == 1 else ''} nothing here"
    return Finding(comment.span, f"this comment ignores nothing: {text}", Fix((edit,), "drop it"))


RULE = Rule(
    "unused-ignore",
    Level.WARNING,
    "an ignore comment that ignores nothing",
    check,
    __doc__,
    several=False,
)
