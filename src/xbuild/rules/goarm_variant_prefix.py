"""`GOARM=$TARGETVARIANT` is `v7`, and Go wants `7`.

Why: Go refuses `GOARM=v7` ("must be 5, 6, 7"), so that linux/arm/v7 does not build; other platforms hide it,
since their variant is empty.

Fix: `${TARGETVARIANT#v}` in its place, where a shell reads it. Safe.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.dockerfile.script import Assignment, Command
from xbuild.rules.rule import Finding, Fix, Level, Rule, RuleContext
from xbuild.text import Edit

_SPELLINGS = ("$TARGETVARIANT", "${TARGETVARIANT}")


def check(context: RuleContext) -> Iterator[Finding]:
    is_wanted = any(platform.architecture == "arm" for platform in context.platforms)
    level = Level.ERROR if is_wanted else Level.WARNING
    for shell in context.scripts():
        for assignment in (a for c in shell.script.commands for a in _assignments(c)):
            raw = assignment.value.raw
            if assignment.name == "GOARM" and raw.strip("\"'") in _SPELLINGS:
                span = shell.span(assignment.value.span)
                quote = raw[0] if raw[0] in "\"'" else ""
                edit = Edit(span, f"{quote}${{TARGETVARIANT#v}}{quote}")
                text = "TARGETVARIANT is `v7` for linux/arm/v7, and GOARM must be `7`"
                fix = Fix((edit,), "cut off the v: ${TARGETVARIANT#v}")
                yield Finding(span, text, fix, level)


def _assignments(command: Command) -> Iterator[Assignment]:
    yield from command.assignments
    yield from command.exports


RULE = Rule(
    "goarm-variant-prefix",
    Level.ERROR,
    "GOARM=$TARGETVARIANT, which has a letter that Go refuses",
    check,
    __doc__,
    several=False,
)
