"""`xbuild plan`: per stage a verdict, the evidence for it, what will change, and what would make it sure.

What a plan without an engine does not need is not imported: that is most of the time it takes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from xbuild.cli.door import JSON, OFFLINE, ONLINE, Door, run_door
from xbuild.cli.screen.output import print_json, print_lines, stdin, terminal_of, warn
from xbuild.pipeline.files import Workspace
from xbuild.pipeline.project import open_project, without_assist
from xbuild.pipeline.questions import plan_settled
from xbuild.solve.options import BuildOptions, Flags, boolean_flag

DOOR = Door(
    "plan",
    (OFFLINE, ONLINE, (boolean_flag("no-assist"), "", "pins alone, as build --assist=off"), JSON),
    """
Verdicts: cross (compiles for the target on the build platform), portable (on the build platform, nothing to
compile), already (set up by the author), assisted (must run on the target, with native twins of its heavy
programs), emulated (must run on the target), unsure (stays as it is, and why). Without --platform the plan
is right for any platforms.
""",
)


def main(arguments: Sequence[str]) -> int:
    return run_door(DOOR, plan, arguments)


def plan(options: BuildOptions, own: Flags) -> int:
    with Workspace() as folder:
        project = open_project(options, folder, stdin())
        if own.flag("no-assist"):
            project = without_assist(project)
        settled = plan_settled(project, folder, offline=own.flag("offline"), online=own.flag("online"))
    if settled.problem:
        warn(settled.problem)
    if own.flag("json"):
        from xbuild.views.data import plan_data

        print_json(plan_data(settled.plan))
    else:
        from xbuild.views.verdicts import plan_lines

        print_lines(plan_lines(settled.plan, terminal_of(sys.stdout)))
    return 0
