"""Installs of packages that run under emulation: what rules about them share."""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.dockerfile.model import Run
from xbuild.dockerfile.script import Command
from xbuild.graph.model import Stage
from xbuild.graph.platform import TARGET, runs_on
from xbuild.graph.reach import reachable
from xbuild.rules.constants import is_for_one
from xbuild.rules.rule import RuleContext, RunScript

_RUNNERS = ("sudo", "env", "sh", "bash", "eval", "time")


def emulated_installs(context: RuleContext) -> Iterator[tuple[RunScript, Command, str]]:
    """The first command of each stage for the target that installs packages, its RUN, and the program."""
    wanted = reachable(context.graph)
    for stage in context.graph.stages:
        is_emulated = runs_on(context.graph, stage.index) == TARGET and stage.index in wanted
        if context.foreign and is_emulated and not is_for_one(context, stage):
            yield from _first(context, stage)


def _first(context: RuleContext, stage: Stage) -> Iterator[tuple[RunScript, Command, str]]:
    from xbuild.plan.deciding.work import work_of

    for index, run in enumerate(stage.instructions):
        if isinstance(run, Run) and run.script is not None:
            for command in context.script(run).commands:
                work = work_of([word.value for word in command.words])
                if work is not None and not work.is_compiler and work.name != "make":
                    program = work.name if command.name in _RUNNERS else command.name
                    yield RunScript(stage, index, run, context.script(run)), command, program or work.name
                    return
