"""`xbuild merge`: images of single platforms, each built on a machine of its own, become one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from xbuild.cli.main import COMMANDS
from xbuild.cli.parameters import Json, run_command
from xbuild.cli.screen.output import print_json, print_lines, say, terminal_of
from xbuild.errors import Exit
from xbuild.pipeline.checking import allowed
from xbuild.pipeline.config import load_config
from xbuild.pipeline.files import Workspace
from xbuild.pipeline.merging import Merged, sources_of
from xbuild.pipeline.merging import merge as merge_images
from xbuild.solve.engine import inspect_engine
from xbuild.views.verification import verification_data, verification_lines


def main(arguments: Sequence[str]) -> int:
    return run_command("merge", COMMANDS["merge"], merge, arguments)


def merge(
    images: Annotated[
        list[str],
        typer.Argument(metavar="DIGEST...", help="sha256:… in the first tag's repository, or NAME@sha256:…"),
    ],
    tag: Annotated[
        list[str] | None, typer.Option("--tag", "-t", metavar="NAME", help="Name of the whole, repeatable")
    ] = None,
    builder: Annotated[str | None, typer.Option("--builder", metavar="NAME", help="buildx builder")] = None,
    config: Annotated[
        str | None, typer.Option("--config", help="Settings (default: .xbuild.yaml in this folder)")
    ] = None,
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Do not check the binaries")] = False,
    json_: Json = False,
) -> int:
    """
    Manifests keep their bytes and digests, attestations and annotations go along. The whole is checked as
    `xbuild verify` does, also across platforms, before any tag is set. Exit code 7 when something is wrong.
    """
    tags = tuple(tag or ())
    sources = sources_of(images, tags)
    allow = allowed(load_config(config, Path()).allow)
    with Workspace() as folder:
        merged = merge_images(
            sources, tags, Path(folder), inspect_engine(builder), allow, verifies=not no_verify
        )
    if json_:
        print_json(_data(merged))
    else:
        _tell(merged)
    return int(Exit.OK if merged.is_right else Exit.WRONG_ARCHITECTURE)


def _tell(merged: Merged) -> None:
    if merged.verification is not None:
        for line in verification_lines(merged.verification, terminal_of(sys.stderr)):
            say(line)
    for outcome in merged.pushed:
        say(f"pushed: {outcome.reference}@{outcome.digest}")
    if not merged.is_right:
        say("nothing was pushed")
        return
    print_lines([merged.digest])


def _data(merged: Merged) -> dict[str, object]:
    return {
        "digest": merged.digest,
        "platforms": [str(platform) for platform in merged.platforms],
        "attestations": merged.attestations,
        "pushed": [outcome.reference for outcome in merged.pushed],
        "verification": verification_data(merged.verification) if merged.verification else None,
    }
