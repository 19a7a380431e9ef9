"""`FROM --platform=… STAGE`: BuildKit drops the flag.

Why: a stage that derives from another one runs where that one runs; only the FROM at the root of the chain is
asked (moby/buildkit#2946). Whoever wrote the flag believes that the stage is pinned, or that it is not.
Nothing is said where the root has the same flag.

Fix: the flag goes, since it does nothing. Safe. Where the platform was meant, put it on the root's FROM.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.dockerfile.model import Flag
from xbuild.graph.model import StageBase
from xbuild.rules.rule import Finding, Fix, Level, Rule, RuleContext
from xbuild.rules.spans import with_space_before
from xbuild.text import Edit


def check(context: RuleContext) -> Iterator[Finding]:
    for stage in context.graph.stages:
        flag = stage.pin
        if flag is None or not isinstance(stage.base, StageBase) or stage.is_replaced:
            continue
        root = context.graph.stages[context.graph.root_of(stage.index)]
        if root.pin is not None and _plain(root.pin) == _plain(flag):
            continue  # it runs there all the same
        drop = Edit.delete(with_space_before(context.dockerfile.source, flag.span))
        text = f"BuildKit ignores the platform here: {stage.title} runs where {root.title} does"
        yield Finding(flag.span, text, Fix((drop,), "drop the flag"))


def _plain(flag: Flag) -> str:
    return (flag.value or "").replace("{", "").replace("}", "")


RULE = Rule(
    "stage-platform-ignored",
    Level.WARNING,
    "FROM --platform on a FROM that names a stage",
    check,
    __doc__,
    several=False,
)
