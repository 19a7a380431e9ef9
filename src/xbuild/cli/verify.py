"""`xbuild verify`: the check of every binary, on any image, also one that xbuild did not build."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from xbuild.cli import parameters
from xbuild.cli.checking import allowed
from xbuild.cli.commandline import run_command
from xbuild.cli.config import load_config
from xbuild.cli.live import terminal_of
from xbuild.cli.main import COMMANDS
from xbuild.cli.output import print_lines
from xbuild.errors import Exit, ImageError
from xbuild.platforms import Platform, parse_platforms
from xbuild.verify.checks import Allow, Verification
from xbuild.views.report import FORMAT
from xbuild.views.verification import verification_lines

# What no image reference begins with, or, in all likelihood, ends with.
_PATH_STARTS = ("/", "./", "../", "~")
_ARCHIVE_ENDS = (".tar", ".tar.gz", ".tgz", ".tar.zst")


def main(arguments: Sequence[str]) -> int:
    return run_command("verify", COMMANDS["verify"], verify, arguments)


def verify(
    image: Annotated[
        str, typer.Argument(help="Reference, OCI layout folder, or archive (OCI or docker save)")
    ],
    platform: parameters.PlatformList = None,
    config: Annotated[
        str | None, typer.Option("--config", help="Settings (default: .xbuild.yaml in this folder)")
    ] = None,
    engine: Annotated[
        bool, typer.Option("--engine", help="Take the image from the engine's store, not from a registry")
    ] = False,
    json_: parameters.Json = False,
) -> int:
    """
    Every ELF file of each platform's merged filesystem, the interpreters and libraries that entrypoint and
    command need, and the build information of Go programs. Nothing is run. Private registries: through your
    docker logins. Exit code 7 when something would not run.
    """
    allow = allowed(load_config(config, Path()).allow)
    verification = _verify(image, parse_platforms(platform or ()) or None, allow, from_engine=engine)
    if json_:
        print_lines([json.dumps(verification_data(verification), indent=2)])
    else:
        print_lines(verification_lines(verification, terminal_of(sys.stdout)))
    return int(Exit.OK if verification.passed else Exit.WRONG_ARCHITECTURE)


def verification_data(verification: Verification) -> dict[str, object]:
    """The outcome as data (schema: `views/schemas/verification.schema.json`)."""
    return {"format": FORMAT, "kind": "verification", **verification.to_json()}


def _verify(
    image: str, platforms: tuple[Platform, ...] | None, allow: tuple[Allow, ...], *, from_engine: bool
) -> Verification:
    from xbuild.verify import image as images

    if from_engine:
        return images.verify_engine_image(image, platforms, allow)
    # os.path, not Path: a name that is too long for a file is no file, and no error
    if any(os.path.isfile(f"{image}{part}") for part in ("", "/index.json", "/oci-layout")):  # noqa: PTH113
        return images.verify_layout(Path(image), platforms, allow)
    if os.path.isdir(image):  # noqa: PTH112
        raise ImageError(
            "this folder is no OCI layout",
            file=image,
            expected="index.json and oci-layout in it",
            hint=f"an image of that name: docker.io/library/{image}" if "/" not in image else None,
        )
    if not os.path.exists(image) and image.startswith(_PATH_STARTS) | image.endswith(_ARCHIVE_ENDS):  # noqa: PTH110
        raise ImageError(
            "there is no such file or folder",
            file=image,
            expected="an OCI layout folder, an archive, or a reference",
            hint="check the path",
        )
    return images.verify_reference(image, platforms, allow)
