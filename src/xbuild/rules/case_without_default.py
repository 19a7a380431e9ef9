"""A `case` on the platform that has no branch for one that is asked for, and says nothing.

Why: for that platform none of the branches runs: what they install is not there, and the build goes on. A
`case` of one branch alone is not meant: that is what one platform gets besides.

Fix: none: a branch for the platform, or `*) echo "unsupported: $TARGETARCH" >&2; exit 1 ;;`.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from itertools import pairwise

from xbuild.dockerfile.script import Script, Word
from xbuild.graph.scope import Scope
from xbuild.rules.rule import Finding, Level, Rule, RuleContext
from xbuild.rules.spelling import Spellings
from xbuild.text import Span

# Settings of one architecture each: an empty value is the default (Go `src/internal/buildcfg/cfg.go`).
_EMPTY_IS_DEFAULT = frozenset({
    "GO386", "GOAMD64", "GOARM", "GOARM64", "GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64", "GOWASM",
})  # fmt: skip


def check(context: RuleContext) -> Iterator[Finding]:
    for shell in context.scripts():
        if shell.script.has_error or not shell.script.case_words:
            continue
        spellings = Spellings(Scope(context.graph, shell.stage.index, shell.index), shell)
        for subject, patterns in _cases(shell.script):
            told = {spellings.of(expansion) for expansion in subject.expansions}
            if shell.stage.index in context.pinned and told & {"uname", "debian"}:
                continue  # that of the build machine
            texts = [(str(p), spellings.text_for(p, subject)) for p in context.platforms]
            missing = [name for name, text in texts if text is not None and not _has(patterns, text)]
            if subject.expansions and missing and _has_several(shell.script, patterns):
                names = ", ".join(missing)
                yield Finding(shell.span(subject.span), f"no branch for {names}, and nothing says so")


def _cases(script: Script) -> Iterator[tuple[Word, Sequence[Word]]]:
    """The word of each case, and the patterns of its items; not where the value that it makes may be none."""
    spans = {scope.span for c in script.commands for scope in c.scopes if scope.kind == "case"}
    given = [a for c in script.commands for a in (*c.assignments, *c.exports) if a.name in _EMPTY_IS_DEFAULT]
    spans = {span for span in spans if not any(span in a.value.span for a in given)}
    for span in sorted(spans):
        inner: list[Span] = [other for other in spans if other != span and other in span]
        words = [w for w in script.case_words if w.span in span and not any(w.span in i for i in inner)]
        if words:
            yield words[0], words[1:]


def _has_several(script: Script, patterns: Sequence[Word]) -> bool:
    """Whether the patterns stand in more than one branch."""
    between = (script.text[a.span.end : b.span.start] for a, b in pairwise(patterns))
    return any(";;" in text or ";&" in text for text in between)


def _has(patterns: Sequence[Word], text: str) -> bool:
    return any(w.expansions or fnmatch.fnmatchcase(text, w.raw.strip("\"'")) for w in patterns)


RULE = Rule(
    "case-without-default",
    Level.WARNING,
    "a case on the platform without a branch for one asked for",
    check,
    __doc__,
)
