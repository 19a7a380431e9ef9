"""Installs of packages that run under emulation: what rules about them share."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from itertools import islice

from xbuild.dockerfile.model import Run
from xbuild.dockerfile.script import Command
from xbuild.graph.model import ImageBase, Stage
from xbuild.graph.platform import TARGET, runs_on
from xbuild.graph.reach import reachable
from xbuild.plan.facts.images import Image, describe
from xbuild.plan.table import Work
from xbuild.rules.constants import is_for_one
from xbuild.rules.rule import RuleContext, RunScript

_RUNNERS = ("sudo", "env", "sh", "bash", "eval", "time")
Install = tuple[RunScript, Command, str]
"""The RUN, the command that installs packages, and the program that it does it with."""


def emulated_installs(context: RuleContext) -> Iterator[Install]:
    """The first command of each stage for the target that installs packages."""
    for stage in _emulated(context):
        yield from islice(_installs(context, stage), 1)


def is_lendable(context: RuleContext) -> bool:
    """Whether there is a twin for something that is installed under emulation: of that program, for that
    base image, as far as its name tells.
    """
    return any(
        (image := image_of(context, stage)) is not None and why_no_twin(program, image) is None
        for stage in _emulated(context)
        for _, _, program in _installs(context, stage)
    )


def why_no_twin(program: str, image: Image) -> str | None:
    """What keeps the native twin of a program away from an image, as far as its name tells; empty where there
    is none at all.
    """
    from xbuild.plan.twins import TWINS

    twin = next((twin for twin in TWINS if program in twin.programs), None)
    if twin is None or image.family not in (*twin.families, ""):
        return ""
    is_refused = any(re.fullmatch(release, image.release) for release, _ in twin.refused)
    return f"its release ({image.release})" if is_refused else None


def image_of(context: RuleContext, stage: Stage) -> Image | None:
    """What the stage is based on; None if it has no image by a name."""
    base = context.graph.stages[context.graph.root_of(stage.index)].base
    if not isinstance(base, ImageBase) or base.reference is None or base.stages:
        return None
    return describe(base.reference, ())


def _emulated(context: RuleContext) -> Iterator[Stage]:
    wanted = reachable(context.graph)
    for stage in context.graph.stages:
        is_emulated = runs_on(context.graph, stage.index) == TARGET and stage.index in wanted
        if context.foreign and is_emulated and not is_for_one(context, stage):
            yield stage


def _installs(context: RuleContext, stage: Stage) -> Iterator[Install]:
    from xbuild.plan.deciding.work import work_of

    for index, run in enumerate(stage.instructions):
        if isinstance(run, Run) and run.script is not None:
            for command in context.script(run).commands:
                work = work_of([word.value for word in command.words])
                if work is not None and not work.is_compiler and work.name != "make":
                    program = _program(command, work)
                    yield RunScript(stage, index, run, context.script(run)), command, program


def _program(command: Command, work: Work) -> str:
    """What installs: behind `sudo` and its kin what they run; of a script the kind of its work."""
    if command.name not in _RUNNERS:
        return command.name or work.name
    known = {row.partition(" ")[0] for row in work.commands.split(", ")}
    names = (posixpath.basename(word.value or "") for word in command.words[1:])
    return next((name for name in names if name in known), work.name)
