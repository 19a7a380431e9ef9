"""`xbuild plan`: per stage a verdict, the evidence for it, what will change, and what would make it sure."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from xbuild.cli import parameters
from xbuild.cli.arguments import with_build_options
from xbuild.cli.commandline import run_command
from xbuild.cli.main import COMMANDS
from xbuild.cli.screen.output import print_json, print_lines, stdin, terminal_of, warn
from xbuild.pipeline.files import workspace
from xbuild.pipeline.project import open_project
from xbuild.pipeline.questions import plan_settled
from xbuild.solve.options import BuildOptions
from xbuild.views.data import plan_data
from xbuild.views.verdicts import plan_lines


def main(arguments: Sequence[str]) -> int:
    return run_command("plan", COMMANDS["plan"], plan, arguments)


@with_build_options
def plan(
    options: BuildOptions,
    offline: parameters.Offline = False,
    json_: parameters.Json = False,
) -> int:
    """
    Verdicts: cross (compiles for the target on the build platform), portable (once for all platforms),
    already (set up by the author), emulated (must run on the target), unsure (stays as it is, and why).
    Without --platform the plan is right for any platforms.
    """
    with workspace() as folder:
        project = open_project(options, folder, stdin())
        settled = plan_settled(project, folder, offline=offline)
    if settled.problem:
        warn(settled.problem)
    if json_:
        print_json(plan_data(settled.plan))
    else:
        print_lines(plan_lines(settled.plan, terminal_of(sys.stdout)))
    return 0
