"""`ARG TARGETARCH=amd64`: a default hides the value that BuildKit gives.

Why: a platform ARG that is declared with a default has that default, for every platform; only without one
does BuildKit fill it in. In front of the first FROM the same holds for the FROM lines. Nothing is said of a
default that is right for all platforms asked for, such as `TARGETOS=linux`.

Fix: the default goes. Safe where the default is what BuildKit gives for one of the platforms: for that one
nothing changes. Not where it is another word (`x86_64`), on which other instructions rest.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.dockerfile.model import Arg
from xbuild.graph.model import PLATFORM_ARGS
from xbuild.graph.platform import platform_values
from xbuild.rules.rule import Finding, Fix, Level, Rule, RuleContext
from xbuild.text import Edit, Span


def check(context: RuleContext) -> Iterator[Finding]:
    for instruction in context.dockerfile.instructions:
        for pair in instruction.pairs if isinstance(instruction, Arg) else ():
            if pair.key not in PLATFORM_ARGS or pair.value is None or _is_itself(pair.key, pair.value):
                continue
            same = _same(context, pair.key, pair.value.strip("\"'"))
            if not all(same):
                rest = Span(pair.span.start + len(pair.key), pair.span.end)
                text = f"the default hides BuildKit's {pair.key}: it is {pair.value} for every platform"
                yield Finding(pair.span, text, Fix((Edit.delete(rest),), "drop the default", any(same)))


def _same(context: RuleContext, name: str, value: str) -> list[bool]:
    """For each platform whether the default is what BuildKit gives."""
    found = (platform_values(context.build_platform, p)[name] for p in context.platforms)
    return [value in (given, given.removeprefix("linux/")) for given in found]


def _is_itself(name: str, value: str) -> bool:
    return value.strip("\"'") in (f"${name}", f"${{{name}}}")


RULE = Rule(
    "platform-arg-default",
    Level.ERROR,
    "a platform ARG with a default, which hides BuildKit's value",
    check,
    __doc__,
)
