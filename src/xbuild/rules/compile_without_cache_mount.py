"""A stage compiles natively once for each platform, and each time from nothing.

Why: a pinned stage that takes TARGETARCH runs once for each platform, on the build machine. The builds share
what a cache mount holds: modules that were downloaded, packages that are the same for all; without one each
begins anew, and so does every build after a change.

Fix: none: which folder it is, is told by the compiler (`/root/.cache/go-build` and `/go/pkg/mod` for Go,
`/usr/local/cargo/registry` for Rust, `/root/.m2` for Maven).
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.graph.reach import reachable
from xbuild.graph.scope import Scope
from xbuild.rules.rule import Finding, Level, Rule, RuleContext, RunScript

_TAKEN = ("TARGETARCH", "TARGETPLATFORM", "TARGETVARIANT")


def check(context: RuleContext) -> Iterator[Finding]:
    from xbuild.plan.deciding.work import work_of

    wanted = reachable(context.graph)
    for shell in context.scripts():
        is_meant = shell.stage.index in context.pinned and shell.stage.index in wanted
        if not is_meant or not _is_for_each(context, shell):
            continue
        if any(mount.type == "cache" for mount in shell.run.mounts):
            continue
        commands = [[word.value for word in c.words] for c in shell.script.commands]
        works = (work_of(words) for words in commands if "--wrap" not in words)
        compiling = next((work.name for work in works if work is not None and work.is_compiler), None)
        if compiling is not None:
            text = f"{compiling} runs once for each platform, and keeps nothing for the next"
            yield Finding(shell.run.keyword_span, text)


def _is_for_each(context: RuleContext, shell: RunScript) -> bool:
    scope = Scope(context.graph, shell.stage.index, shell.index)
    values = [scope.lookup(name) for name in _TAKEN]
    return any(value is not None and not value.is_unset for value in values)


RULE = Rule(
    "compile-without-cache-mount",
    Level.INFO,
    "a stage compiles for each platform without a cache mount",
    check,
    __doc__,
    is_on=False,
)
