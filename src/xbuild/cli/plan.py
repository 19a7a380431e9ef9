"""`xbuild plan`: per stage a verdict, the evidence for it, what will change, and what would make it sure."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from xbuild.cli import parameters
from xbuild.cli.commandline import run_command
from xbuild.cli.live import terminal_of
from xbuild.cli.main import COMMANDS
from xbuild.cli.output import print_lines, warn
from xbuild.cli.project import open_project, options_for, plan_project
from xbuild.cli.questions import settle_if_possible
from xbuild.solve.build import workspace
from xbuild.views.data import plan_data
from xbuild.views.plan import plan_lines


def main(arguments: Sequence[str]) -> int:
    return run_command("plan", COMMANDS["plan"], plan, arguments)


def plan(
    context: parameters.Context = ".",
    file: parameters.File = None,
    platform: parameters.PlatformList = None,
    target: parameters.Target = None,
    build_arg: parameters.BuildArgs = None,
    build_context: parameters.BuildContexts = None,
    builder: parameters.Builder = None,
    config: parameters.ConfigFile = None,
    no_cache_mounts: parameters.NoCacheMounts = False,
    offline: parameters.Offline = False,
    json_: parameters.Json = False,
) -> int:
    """
    Verdicts: cross (compiles for the target on the build platform), portable (once for all platforms),
    already (set up by the author), emulated (must run on the target), unsure (stays as it is, and why).
    Without --platform the plan is right for any platforms.
    """
    options = options_for(
        context,
        file=file,
        target=target,
        builder=builder,
        config=config,
        platforms=platform or (),
        build_args=build_arg or (),
        build_contexts=build_context or (),
        no_cache_mounts=no_cache_mounts,
    )
    with workspace() as folder:
        project = open_project(options, folder)
        settled = settle_if_possible(project, plan_project(project), folder, offline=offline)
    if settled.problem:
        warn(settled.problem)
    if json_:
        print_lines([json.dumps(plan_data(settled.plan), indent=2)])
    else:
        print_lines(plan_lines(settled.plan, terminal_of(sys.stdout)))
    return 0
