"""`ARG TARGETARCH=amd64`: a default hides the value that BuildKit gives.

Why: a platform ARG that is declared with a default has that default, for every platform; only without one
does BuildKit fill it in. In front of the first FROM the same holds for the FROM lines.

Fix: the default goes. Safe: what was built with it was built for one platform.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.dockerfile.model import Arg
from xbuild.graph.model import PLATFORM_ARGS
from xbuild.rules.rule import Finding, Fix, Level, Rule, RuleContext
from xbuild.text import Edit, Span


def check(context: RuleContext) -> Iterator[Finding]:
    for instruction in context.dockerfile.instructions:
        for pair in instruction.pairs if isinstance(instruction, Arg) else ():
            if pair.key in PLATFORM_ARGS and pair.value is not None and not _is_itself(pair.key, pair.value):
                rest = Span(pair.span.start + len(pair.key), pair.span.end)
                text = f"the default hides BuildKit's {pair.key}: it is {pair.value} for every platform"
                yield Finding(pair.span, text, Fix((Edit.delete(rest),), "drop the default"))


def _is_itself(name: str, value: str) -> bool:
    return value.strip("\"'") in (f"${name}", f"${{{name}}}")


RULE = Rule(
    "platform-arg-default",
    Level.ERROR,
    "a platform ARG with a default, which hides BuildKit's value",
    check,
    __doc__,
)
