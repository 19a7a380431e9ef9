"""A platform ARG stands above steps that are the same for every platform.

Why: an ARG is part of the environment of every RUN below it, so that in a pinned stage each of them runs once
for each platform from there on. Where it is declared behind a download of modules or an install of packages,
that runs once for all. Nothing is said of a stage that becomes the image itself: one for each platform is
wanted of it, or one machine is meant.

Fix: the ARG moves down to the first instruction that may need it. Safe where it moves past apt, apk and
`go mod download`, which do not read it; not where scripts of packages (npm, pip) may.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from xbuild.dockerfile.model import Arg, Copy, Env, Instruction, Run, Workdir
from xbuild.graph.model import PLATFORM_ARGS, Stage
from xbuild.graph.reach import reachable
from xbuild.plan.table import words
from xbuild.rules.rule import Finding, Fix, Level, Rule, RuleContext
from xbuild.text import Edit, value

# Programs and the work of theirs that is worth running once, and whether it is sure to read no platform ARG:
# the scripts of packages may read anything.
_SHARED = {
    "go": ("go mod download", True),
    "apt-get": ("apt-get install", True),
    "apt": ("apt-get install", True),
    "apk": ("apt-get install", True),
    "npm": ("npm install", False),
    "yarn": ("npm install", False),
    "pnpm": ("npm install", False),
    "pip": ("pip install", False),
    "pip3": ("pip install", False),
    "uv": ("uv sync", False),
}
_SHOWN = {"go mod download": "a download of modules"}
# What may stand beside it in the same RUN.
_IDLE = frozenset(
    words("apt-get apt apk set rm mkdir cd echo true corepack update-ca-certificates ln touch cp mv chmod")
)


@value()
class Early:
    """An ARG that stands too high: what runs once for each platform for it, where it is needed first, and
    whether what stands between is sure not to read it.
    """

    arg: Arg
    work: str
    needed: Instruction
    is_sure: bool


def check(context: RuleContext) -> Iterator[Finding]:
    shared = reachable(context.graph) - {*context.graph.chain_of(context.graph.target)}
    for stage in context.graph.stages:
        if stage.index not in context.pinned or stage.index not in shared:
            continue
        found = [
            early
            for index, arg in enumerate(stage.instructions)
            if isinstance(arg, Arg) and _is_platform_arg(arg)
            if (early := _early(context, stage, index, arg)) is not None
        ]
        if found:
            first = found[0]
            work = _SHOWN.get(first.work, "an install of packages")
            text = f"{work} runs once for each platform: {first.arg.pairs[0].key} is declared above it"
            yield Finding(first.arg.keyword_span, text, _fix(context, found))


def _is_platform_arg(arg: Arg) -> bool:
    names = [pair.key for pair in arg.pairs]
    is_plain = all(pair.value is None for pair in arg.pairs)
    return is_plain and all(n in PLATFORM_ARGS for n in names) and any(n.startswith("TARGET") for n in names)


def _early(context: RuleContext, stage: Stage, index: int, arg: Arg) -> Early | None:
    names = [pair.key for pair in arg.pairs]
    work, is_sure = "", True
    for instruction in stage.instructions[index + 1 :]:
        done = _work(context, instruction, names)
        if done is None:
            return Early(arg, work, instruction, is_sure) if work else None
        work, is_sure = work or done[0], is_sure and done[1]
    return None


def _work(context: RuleContext, instruction: Instruction, names: Sequence[str]) -> tuple[str, bool] | None:
    """What the instruction does that is worth running once, "" for nothing of note, and whether it is sure to
    read none of the names; None if it needs one, or may.
    """
    if any(re.search(rf"\$\{{?{name}\b", instruction.logical.text) for name in names):
        return None
    if isinstance(instruction, Arg) and {pair.key for pair in instruction.pairs} & set(names):
        return None
    if isinstance(instruction, Arg | Copy | Env | Workdir):
        return "", True
    if not isinstance(instruction, Run) or instruction.script is None or instruction.heredocs:
        return None
    return _of_run(context, instruction)


def _of_run(context: RuleContext, run: Run) -> tuple[str, bool] | None:
    from xbuild.plan.deciding.work import work_of

    done, is_sure = "", True
    for command in context.script(run).commands:
        work = work_of([word.value for word in command.words])
        shared = _SHARED.get(command.name or "")
        if work is not None and shared is not None and work.name == shared[0]:
            done, is_sure = done or work.name, is_sure and shared[1]
        elif command.words and command.name not in _IDLE:
            return None
    return done, is_sure


def _fix(context: RuleContext, found: Sequence[Early]) -> Fix:
    """Each moves down to where it is needed first."""
    source = context.dockerfile.source
    edits = [Edit.delete(early.arg.span) for early in found]
    edits += [Edit.insert(early.needed.span.start, source[early.arg.span]) for early in found]
    names = ", ".join(pair.key for early in found for pair in early.arg.pairs)
    return Fix(tuple(edits), f"declare {names} further down", all(early.is_sure for early in found))


RULE = Rule(
    "platform-arg-early",
    Level.WARNING,
    "a platform ARG above steps that are the same for every platform",
    check,
    __doc__,
)
