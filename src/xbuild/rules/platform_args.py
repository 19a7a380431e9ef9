"""Uses of platform ARGs in stages that do not declare them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xbuild.dockerfile.model import Arg, Copy, Env, Instruction, Run, Workdir
from xbuild.graph.model import PLATFORM_ARGS, Stage
from xbuild.graph.scope import Scope
from xbuild.rules.rule import Fix, RuleContext, RunScript
from xbuild.text import Edit, Span, value

_USE = re.compile(
    r"\$(?:(" + "|".join(PLATFORM_ARGS) + r")\b|\{(" + "|".join(PLATFORM_ARGS) + r")\b(:?[-+?=])?)"
)
# What installs packages of Node for the machine that it is told, and then has to run them on its own.
_OF_NODE = re.compile(r"\b(?:npm|yarn|pnpm|npm_config_\w+)\b")


@value()
class Use:
    """A use of a platform ARG that is empty: the instruction and the place."""

    stage: Stage
    instruction: Instruction
    span: Span


def missing(context: RuleContext, *, is_global: bool) -> Iterator[tuple[str, Use, Fix]]:
    """The first use of each such name in a stage, and the ARG that is missing. `is_global`: only those that
    are declared in front of the first FROM, or only those that are not.
    """
    text = context.dockerfile.source.text
    if not any(name in text for name in PLATFORM_ARGS):
        return
    declared = {p.key for i in context.graph.global_instructions if isinstance(i, Arg) for p in i.pairs}
    for stage in context.graph.stages:
        seen: set[str] = set()
        for index, instruction in enumerate(stage.instructions[1:], 1):
            for name, span in _uses(context, stage, index, instruction):
                value = Scope(context.graph, stage.index, index).lookup(name)
                if name in seen or (value is not None and not value.is_unset):
                    continue
                seen.add(name)
                if (name in declared) == is_global:
                    yield name, Use(stage, instruction, span), _declare(context, name, stage, instruction)


def _uses(
    context: RuleContext, stage: Stage, index: int, instruction: Instruction
) -> Iterator[tuple[str, Span]]:
    """Names and places; one that has a default there, or that the script sets itself, is none."""
    if isinstance(instruction, Run):
        if instruction.script is None:
            return
        shell = RunScript(stage, index, instruction, context.script(instruction))
        own = {a.name for c in shell.script.commands for a in (*c.assignments, *c.exports)}
        own |= {loop.variable for loop in shell.script.loops}
        words = [w for c in shell.script.commands for w in c.words]
        words += [a.value for c in shell.script.commands for a in (*c.assignments, *c.exports)]
        words += [*shell.script.case_words]
        for expansion in (e for word in words for e in word.expansions):
            plain = not expansion.operator.startswith((":-", "-", ":=", "=", ":+", "+", ":?", "?"))
            if expansion.name in PLATFORM_ARGS and expansion.name not in own and plain:
                yield expansion.name, shell.span(expansion.span)
    elif isinstance(instruction, Env | Copy | Workdir | Arg):
        text = instruction.arguments.text
        for found in _USE.finditer(text):
            if found[3] is None and text[found.start() - 1 : found.start()] != "\\":
                name = found[1] or found[2]
                yield name, instruction.arguments.to_source(Span(found.start(), found.end()))


def declaration(context: RuleContext, name: str, instruction: Instruction) -> Edit:
    """`ARG name` on a line of its own in front of an instruction, written as it is."""
    source = context.dockerfile.source
    word = "arg" if source[instruction.keyword_span].islower() else "ARG"
    return Edit.insert(instruction.span.start, f"{word} {name}{source.newline}")


def _declare(context: RuleContext, name: str, stage: Stage, instruction: Instruction) -> Fix:
    edit = declaration(context, name, instruction)
    text = f"put `{edit.replacement.strip()}` on a line of its own before this instruction"
    is_safe = stage.index not in context.pinned or _OF_NODE.search(instruction.logical.text) is None
    return Fix((edit,), text, is_safe)
