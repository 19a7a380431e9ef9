"""Options that several subcommands share, named as in `docker buildx build`."""

from __future__ import annotations

from typing import Annotated

import typer

Context = Annotated[str, typer.Argument(help="Folder, URL or - (an archive or a Dockerfile on stdin)")]
File = Annotated[str | None, typer.Option("-f", "--file", help="Dockerfile (default: CONTEXT/Dockerfile)")]
PlatformList = Annotated[
    list[str] | None, typer.Option("--platform", help="Platforms, comma-separated or repeated")
]
Target = Annotated[str | None, typer.Option("--target", help="Stage that becomes the image")]
Builder = Annotated[str | None, typer.Option("--builder", help="buildx builder")]
ConfigFile = Annotated[
    str | None, typer.Option("--config", help="Settings (default: .xbuild.yaml in the context)")
]
BuildArgs = Annotated[list[str] | None, typer.Option("--build-arg", help="NAME=VALUE, repeatable")]
BuildContexts = Annotated[list[str] | None, typer.Option("--build-context", help="NAME=PLACE, repeatable")]
NoCacheMounts = Annotated[bool, typer.Option("--no-cache-mounts", help="Add no cache mounts")]
Offline = Annotated[
    bool, typer.Option("--offline", help="Ask no engine: what it would tell stays a condition")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON")]
