"""`FROM --platform=$TARGETPLATFORM` spells out what BuildKit does anyway.

Why: a stage is built for the target platform unless its FROM says otherwise. The flag changes nothing, and
readers look for a reason.

Fix: the flag goes. Safe.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.graph.platform import TARGET, runs_on
from xbuild.rules.rule import Finding, Fix, Level, Rule, RuleContext
from xbuild.rules.spans import with_space_before
from xbuild.text import Edit

_SPELLINGS = ("$TARGETPLATFORM", "${TARGETPLATFORM}")


def check(subject: RuleContext) -> Iterator[Finding]:
    for stage in subject.graph.stages:
        flag = stage.from_.flag("platform")
        if flag is None or flag.value not in _SPELLINGS or runs_on(subject.graph, stage.index) != TARGET:
            continue
        drop = Edit.delete(with_space_before(subject.dockerfile.source, flag.span))
        fix = Fix((drop,), "drop the flag")
        yield Finding(flag.span, f"{stage.title} names the platform that it is built for anyway", fix)


RULE = Rule(
    "redundant-target-platform",
    Level.INFO,
    "FROM --platform=$TARGETPLATFORM is the default",
    check,
    __doc__,
    several=False,
    buildkit="RedundantTargetPlatform",
)
