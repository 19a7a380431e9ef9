"""Options that several subcommands share, named as in `docker buildx build`."""

from __future__ import annotations

from typing import Annotated

import typer

Context = Annotated[str, typer.Argument(help="Folder, URL or - (an archive or a Dockerfile on stdin)")]
File = Annotated[
    str | None, typer.Option("-f", "--file", metavar="FILE", help="Dockerfile (default: CONTEXT/Dockerfile)")
]
PlatformList = Annotated[
    list[str] | None,
    typer.Option("--platform", metavar="LIST", help="Platforms, comma-separated or repeated"),
]
Target = Annotated[str | None, typer.Option("--target", metavar="STAGE", help="Stage that becomes the image")]
Builder = Annotated[str | None, typer.Option("--builder", metavar="NAME", help="buildx builder")]
ConfigFile = Annotated[
    str | None,
    typer.Option("--config", metavar="FILE", help="Settings (default: .xbuild.yaml in the context)"),
]
BuildArgs = Annotated[list[str] | None, typer.Option("--build-arg", metavar="NAME=VALUE", help="Repeatable")]
BuildContexts = Annotated[
    list[str] | None, typer.Option("--build-context", metavar="NAME=PLACE", help="Repeatable")
]
NoCacheMounts = Annotated[bool, typer.Option("--no-cache-mounts", help="Add no cache mounts")]
Offline = Annotated[
    bool, typer.Option("--offline", help="Ask no engine: what it would tell stays a condition")
]
Online = Annotated[
    bool, typer.Option("--online", help="Also ask registries and release pages what the plan wants to know")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON")]
