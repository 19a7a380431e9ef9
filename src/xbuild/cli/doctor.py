"""`xbuild doctor`: engine, buildx, builder, image store, emulators and logins, and what to do about each."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from xbuild.cli.failure import explain
from xbuild.cli.main import COMMANDS
from xbuild.cli.parameters import Json, PlatformList, run_command
from xbuild.cli.screen.live import Screen
from xbuild.cli.screen.output import print_json, print_lines, terminal_of
from xbuild.errors import UsageError
from xbuild.pipeline.checkup import CHECKS, Patient, examine, repair
from xbuild.platforms import parse_platforms
from xbuild.views.findings import State, doctor_data, doctor_lines, status_line, worst

_PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7")


def main(arguments: Sequence[str]) -> int:
    try:
        return run_command("doctor", COMMANDS["doctor"], doctor, arguments)
    except Exception as error:
        # To a monitoring system our own codes would mean something else: what was not looked at is unknown.
        explain(error)
        return int(State.UNKNOWN)


def doctor(
    builder: Annotated[str | None, typer.Option("--builder", metavar="NAME", help="buildx builder")] = None,
    platform: PlatformList = None,
    registry: Annotated[
        list[str] | None, typer.Option("--registry", help="Registry that must have a login, repeatable")
    ] = None,
    check: Annotated[
        str | None,
        typer.Option(
            "--check",
            metavar="NAME",
            help="Only this: client, buildx, engine, builder, store, emulation, login or disk",
        ),
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Fix what can be fixed safely")] = False,
    json_: Json = False,
) -> int:
    """
    Exit codes are those of monitoring check plugins: 0 ok, 1 warning, 2 critical, 3 unknown. --fix starts
    builders, creates a docker-container builder named xbuild where the image store cannot hold several
    platforms, and installs QEMU handlers with tonistiigi/binfmt.
    """
    asked = parse_platforms(platform or _PLATFORMS)
    if check is not None and check not in CHECKS:
        raise UsageError(f"--check {check!r} is not known", expected=", ".join(CHECKS))
    names = tuple(CHECKS) if check is None else (check,)
    findings = examine(names, Patient(builder, asked, tuple(registry or ())))
    done: set[str] = set()
    # A builder that was started shows what else is missing; what was tried once is not tried again.
    while fix and (wanted := [each for each in findings if each.fix and each.fix not in done]):
        repair(wanted, Screen())
        done.update(finding.fix for finding in wanted)
        findings = examine(names, Patient(builder, asked, tuple(registry or ())))
    if json_:
        print_json(doctor_data(findings))
    elif check is not None:
        print_lines([status_line(findings, terminal_of(sys.stdout))])
    else:
        print_lines(doctor_lines(findings, terminal_of(sys.stdout)))
    return int(worst(findings))
