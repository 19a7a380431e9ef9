"""`xbuild rewrite`: the new Dockerfile on standard output, as a diff, or in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from xbuild.cli.door import OFFLINE, ONLINE, Door, run_door
from xbuild.cli.screen.output import print_source, say, stdin, warn
from xbuild.errors import DockerfileError, Exit, UsageError
from xbuild.pipeline.files import Workspace, write_whole
from xbuild.pipeline.project import (
    Fresh,
    Project,
    open_project,
    with_assist,
    without_assist,
    without_helpers,
    without_written_twins,
)
from xbuild.pipeline.questions import Settled, plan_settled
from xbuild.plan.model import Plan
from xbuild.solve.options import BuildOptions, Flags, boolean_flag
from xbuild.text import Source
from xbuild.views.verdicts import summary

DOOR = Door(
    "rewrite",
    (
        OFFLINE,
        ONLINE,
        (
            boolean_flag("assist"),
            "",
            "also write what a build adds: native twins for stages that stay on the target platform, small "
            "files that tell pip of the target",
        ),
        (boolean_flag("conditional"), "", "also write what is right only on a condition"),
        (boolean_flag("diff"), "", "print a unified diff"),
        (boolean_flag("write"), "", "change the file"),
        (boolean_flag("check"), "", "exit 1 if the file would change"),
    ),
    """
Without --platform the output is right for any platforms. Running it on its own output changes nothing. What
is unsure stays as it is, byte for byte; `xbuild plan` says why. So does, with a warning, what is right only
on a condition; without other changes --check then ends with 0. Native twins that an older xbuild has written
stay as they are, and --assist brings them up to date.
""",
)


def main(arguments: Sequence[str]) -> int:
    return run_door(DOOR, rewrite, arguments)


def rewrite(options: BuildOptions, own: Flags) -> int:
    check, write = own.flag("check"), own.flag("write")
    if check and write:
        raise UsageError("--check changes nothing, and --write does", hint="drop one of them")
    with Workspace() as folder:
        project = open_project(options, folder, stdin())
        fresh = (
            without_written_twins(with_assist(project))
            if own.flag("assist")
            else Fresh(without_helpers(without_assist(project)))
        )
        if fresh.problem:
            warn(fresh.problem)
        settled = plan_settled(
            fresh.project,
            folder,
            offline=own.flag("offline"),
            online=own.flag("online"),
            is_for_any=True,
        )
        if not own.flag("conditional"):
            _warn_of_conditions(settled.plan, fresh.line_of)
        new, verdicts = _rewritten(
            fresh.project, settled, conditional=own.flag("conditional"), assist=own.flag("assist")
        )
    _show(project, new, verdicts, diff=own.flag("diff"), write=write, check=check)
    return int(Exit.FAILED) if check and new.text != project.source.text else int(Exit.OK)


def _rewritten(project: Project, settled: Settled, *, conditional: bool, assist: bool) -> tuple[Source, str]:
    """The new text, and the verdicts in one line."""
    from xbuild.rewrite.render import rewrite as render

    if settled.problem:
        warn(settled.problem)
    assert project.dockerfile is not None
    twins = None
    if assist:
        from xbuild.pipeline.helper import twin_files

        twins = twin_files()
    made = render(project.dockerfile, settled.plan, conditional=conditional, twins=twins)
    return made.text, summary(settled.plan)


def _warn_of_conditions(plan: Plan, line_of: Callable[[int], int]) -> None:
    """What is left as it was although it could be rewritten: a file that comes out unchanged says nothing."""
    for stage in plan.stages:
        if stage.conditions and not stage.is_proved:
            warn(
                f"line {line_of(stage.line)}: stage {stage.name} is not rewritten, as that would be right"
                f" only on the condition {'; '.join(stage.conditions)} (--conditional writes it all the same)"
            )


def _show(project: Project, new: Source, verdicts: str, *, diff: bool, write: bool, check: bool) -> None:
    changed = new.text != project.source.text
    if diff:
        from xbuild.rewrite.diff import unified

        print_source(Source("diff", unified(project.source, new)))
    if write and changed:
        _write(project, new)
    if check and changed:
        say(f"{project.source.path} would change: {verdicts}")
    if not (diff or write or check):
        print_source(new)


def _write(project: Project, new: Source) -> None:
    if project.source.path.startswith("-"):
        raise UsageError(
            "--write needs a file, and the Dockerfile came on standard input", hint="drop --write"
        )
    path = Path(project.source.path)
    try:
        write_whole(path, new.to_bytes())
    except OSError as error:
        raise DockerfileError(
            f"the file cannot be written: {error.strerror}", file=str(path), hint="check its permissions"
        ) from error
    say(f"{path} written")
