"""`xbuild verify`: the check of every binary, on any image, also one that xbuild did not build."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from xbuild.cli.main import COMMANDS
from xbuild.cli.parameters import Json, PlatformList, run_command
from xbuild.cli.screen.output import print_json, print_lines, terminal_of
from xbuild.errors import Exit
from xbuild.pipeline.checking import allowed, verify_image
from xbuild.pipeline.config import load_config
from xbuild.platforms import parse_platforms
from xbuild.views.verification import verification_data, verification_lines


def main(arguments: Sequence[str]) -> int:
    return run_command("verify", COMMANDS["verify"], verify, arguments)


def verify(
    image: Annotated[
        str, typer.Argument(help="Reference, OCI layout folder, or archive (OCI or docker save)")
    ],
    platform: PlatformList = None,
    config: Annotated[
        str | None, typer.Option("--config", help="Settings (default: .xbuild.yaml in this folder)")
    ] = None,
    engine: Annotated[
        bool, typer.Option("--engine", help="Take the image from the engine's store, not from a registry")
    ] = False,
    json_: Json = False,
) -> int:
    """
    Every ELF file of each platform's merged filesystem, the interpreters and libraries that entrypoint and
    command need, and what compilers wrote into the programs about how they were built. Nothing is run.
    Private registries: through your docker logins. Exit code 7 when something would not run.
    """
    allow = allowed(load_config(config, Path()).allow)
    verification = verify_image(image, parse_platforms(platform or ()) or None, allow, from_engine=engine)
    if json_:
        print_json(verification_data(verification))
    else:
        print_lines(verification_lines(verification, terminal_of(sys.stdout)))
    return int(Exit.OK if verification.passed else Exit.WRONG_ARCHITECTURE)
