"""`GOARM=$TARGETVARIANT` is `v7`, and Go wants `7`.

Why: Go refuses `GOARM=v7` ("must be 5, 6, 7"), so that linux/arm/v7 does not build; other platforms hide it,
since their variant is empty. In front of a command, in ENV and in ARG; not where a RUN cuts the letter off
later.

Fix: `${TARGETVARIANT#v}` in its place. Safe in a RUN. In ENV and ARG the frontend reads it, from 1.7 on: safe
where `# syntax` names one, none where it names an older one.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.dockerfile.frontend import blocks
from xbuild.dockerfile.model import Arg, Env
from xbuild.dockerfile.script import Assignment, Command
from xbuild.graph.model import Stage
from xbuild.graph.scope import Scope
from xbuild.rules.rule import Finding, Fix, Level, Rule, RuleContext
from xbuild.text import Edit, Span

_SPELLINGS = ("$TARGETVARIANT", "${TARGETVARIANT}")


def check(context: RuleContext) -> Iterator[Finding]:
    is_wanted = any(platform.architecture == "arm" for platform in context.platforms)
    level = Level.ERROR if is_wanted else Level.WARNING
    for span, is_fixed, is_safe in (*_in_scripts(context), *_in_instructions(context)):
        text = "TARGETVARIANT is `v7` for linux/arm/v7, and GOARM must be `7`"
        yield Finding(span, text, _fix(context, span, is_safe=is_safe) if is_fixed else None, level)


def _fix(context: RuleContext, span: Span, *, is_safe: bool) -> Fix:
    raw = context.dockerfile.source[span]
    quote = raw[0] if raw[0] in "\"'" else ""
    edit = Edit(span, f"{quote}${{TARGETVARIANT#v}}{quote}")
    return Fix((edit,), "cut off the v: ${TARGETVARIANT#v}", is_safe)


def _in_scripts(context: RuleContext) -> Iterator[tuple[Span, bool, bool]]:
    """Where a RUN sets it so."""
    for shell in context.scripts():
        for assignment in (a for c in shell.script.commands for a in _assignments(c)):
            if assignment.name == "GOARM" and assignment.value.raw.strip("\"'") in _SPELLINGS:
                yield shell.span(assignment.value.span), True, True


def _in_instructions(context: RuleContext) -> Iterator[tuple[Span, bool, bool]]:
    """Where an ENV or ARG does, unless a RUN that sees it sets it anew."""
    syntax = context.dockerfile.syntax
    is_fixed = blocks(syntax, "trim") is None
    for stage, index, instruction in context.instructions(Env, Arg):
        assert isinstance(instruction, Env | Arg)
        value = Scope(context.graph, stage.index, index).lookup("TARGETVARIANT")
        if value is None or value.kind != "platform" or _is_set_anew(context, stage):
            continue
        spans = (pair.value_span for pair in instruction.pairs if pair.key == "GOARM")
        for span in filter(None, spans):
            if context.dockerfile.source[span].strip("\"'") in _SPELLINGS:
                yield span, is_fixed, is_fixed and syntax is not None


def _is_set_anew(context: RuleContext, stage: Stage) -> bool:
    seeing = {stage.index, *context.graph.derived_from(stage.index)}
    scripts = (shell.script for shell in context.scripts() if shell.stage.index in seeing)
    return any(a.name == "GOARM" for s in scripts for c in s.commands for a in _assignments(c))


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
