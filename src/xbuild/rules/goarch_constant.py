"""Go is told one architecture, whatever the image is for.

Why: with `GOARCH=amd64` the image for linux/arm64 holds a program for linux/amd64, and nothing says so until
it is started. Nothing is said where the script asks for the architecture, nor of a program for another
system.

Fix: `$TARGETARCH` in its place, declared if it is not. Safe where the stage is not pinned: what Go makes for
the platform that the constant named stays the same. Not safe in a pinned one, which may run what it makes.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.dockerfile.model import Arg
from xbuild.graph.scope import Scope
from xbuild.rules.constants import Constant, constants
from xbuild.rules.platform_args import declaration
from xbuild.rules.rule import Finding, Fix, Level, Rule, RuleContext
from xbuild.text import Edit, expression

_ELSEWHERE = expression(r"GOOS[= ][\"']?(?:windows|darwin|js|freebsd|wasip1|android)")


def check(context: RuleContext) -> Iterator[Finding]:
    for place in constants(context):
        if place.name != "GOARCH" or isinstance(place.instruction, Arg):  # an ARG is there to be given
            continue
        if not _ELSEWHERE.search(place.instruction.logical.text):
            text = f"Go compiles for {place.architecture} here, whatever platform the image is for"
            yield Finding(place.word(), text, _fix(context, place))


def _fix(context: RuleContext, place: Constant) -> Fix | None:
    if place.text.startswith("'"):
        return None
    value = Scope(context.graph, place.stage.index, place.index).lookup("TARGETARCH")
    edits = [Edit(place.word(), "$TARGETARCH")]
    if value is None or value.is_unset:
        edits.insert(0, declaration(context, "TARGETARCH", place.instruction))
    is_safe = place.stage.index not in context.pinned
    return Fix(tuple(edits), "take the architecture of the image: $TARGETARCH", is_safe)


RULE = Rule(
    "goarch-constant",
    Level.ERROR,
    "Go is told one architecture",
    check,
    __doc__,
    first=("export-without-effect",),
)
