"""`xbuild build`: rewrite, build, verify, and only then push, load and write what was verified.

Modules are imported as late as they are needed, most of them while docker is being waited for: all together
they take as long as a build whose steps are cached.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xbuild.cli.door import asks_for_help, build_help
from xbuild.cli.screen.output import print_lines, say, stdin, terminal_of, warn
from xbuild.pipeline.background import Background
from xbuild.pipeline.files import Workspace
from xbuild.solve.engine import inspect_engine
from xbuild.solve.options import BuildOptions, display_command, parse_build_arguments

if TYPE_CHECKING:
    from xbuild.pipeline.finish import BuildResult
    from xbuild.pipeline.flow import Rehearsal
    from xbuild.pipeline.prepare import Prepared
    from xbuild.pipeline.project import Project
    from xbuild.solve.engine import Engine


def main(arguments: Sequence[str]) -> int:
    if asks_for_help(arguments):
        print_lines(build_help())
        return 0
    options = parse_build_arguments(arguments)
    with Workspace() as folder:
        if options.generates:
            options = _generated(options, Path(folder))
        return _built(options, folder)


def _built(options: BuildOptions, folder: Workspace) -> int:
    if options.passes_through:
        return _pass_on(options)
    asking = Background(lambda: inspect_engine(options.builder, bootstrap=not options.dry_run))
    return (_dry_run if options.dry_run else _build)(options, Path(folder), asking)


def _generated(options: BuildOptions, folder: Path) -> BuildOptions:
    """With the Dockerfile that `xbuild generate` would write, which is shown; as it is where there is one."""
    from xbuild.pipeline.generating import generate_for_build, plan_generated
    from xbuild.views.generated import generated_lines

    found = generate_for_build(options, folder)
    if found is None:
        warn("there is a Dockerfile: --generate has nothing to do")
        return options
    order, made, path = found
    for line in generated_lines(made, plan_generated(order, made), terminal_of(sys.stderr)):
        say(line)
    for name, text in made.files.items():
        say(f"--- {name} (not written to the folder)\n{text}")
    return options.with_flags(("file", str(path)))


def _pass_on(options: BuildOptions) -> int:
    """A question for buildx (`--call`, `--check`) is asked as it was given; with --dry-run it is shown."""
    from xbuild.solve.build import buildx_command, call_buildx

    if not options.dry_run:
        return call_buildx(options)
    print_lines([display_command(buildx_command(options), show_values=options.show_values)])
    return 0


def _build(options: BuildOptions, folder: Path, asking: Background[Engine]) -> int:
    from xbuild.cli.screen.live import Screen
    from xbuild.pipeline.flow import build

    built = build(options, folder, asking, stdin(), Screen(options))
    _tell(options, built)
    if built.trouble is not None:
        raise built.trouble
    return built.exit_code


def _tell(options: BuildOptions, built: BuildResult) -> None:
    """The report, and what of it did not work."""
    from xbuild.views.outcome import outcome_lines

    if options.quiet:
        print(built.delivery.digest)
    elif options.progress not in ("rawjson", "none"):
        for line in outcome_lines(built.outcome, terminal_of(sys.stderr)):
            say(line)
    for failure in built.delivery.failures:
        warn(f"the image is delivered, but {failure.error.message}")


def _dry_run(options: BuildOptions, folder: Path, asking: Background[Engine]) -> int:
    """Print plan, diff and the exact command; run nothing."""
    from xbuild.pipeline.flow import rehearse
    from xbuild.pipeline.project import open_project
    from xbuild.solve.build import build_commands
    from xbuild.views.verdicts import plan_lines

    rehearsal = rehearse(open_project(options, folder, stdin()), folder, asking)
    prepared = rehearsal.prepared
    if prepared.plan is not None:
        print_lines([*plan_lines(prepared.plan, terminal_of(sys.stdout)), ""])
    print_lines([*_difference(prepared), ""])
    commands = build_commands(prepared.request)
    print_lines(display_command(argv, show_values=options.show_values) for argv in commands)
    if rehearsal.problem:
        print_lines(["", *_not_asked(prepared.project, rehearsal)])
    return 0


def _difference(prepared: Prepared) -> Iterator[str]:
    """The diff, and what it still rests on."""
    from xbuild.rewrite.diff import unified

    if prepared.new is None or prepared.plan is None:
        yield f"not rewritten: {prepared.why_not}"
        return
    yield from unified(prepared.project.source, prepared.new).removesuffix("\n").split("\n")
    for question in prepared.plan.questions:
        yield f"before building, the builder would be asked {question.text}"


def _not_asked(project: Project, rehearsal: Rehearsal) -> Iterator[str]:
    """What the command would say if the builder could have been asked."""
    yield f"the builder could not be asked: {rehearsal.problem}"
    if project.options.builder is None:
        yield "  --builder: the name of the selected one"
    if project.platforms is None:
        yield "  --platform: the builder's own, unless one is given"
    yield "  a builder of several nodes would be called once per platform"
    yield "  with the classic image store there is no --output, and no --tag before the check"
