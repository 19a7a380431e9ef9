"""`xbuild generate`: a Dockerfile for a folder that has none, multi-arch from the start."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from xbuild.cli.main import COMMANDS
from xbuild.cli.parameters import Json, run_command
from xbuild.cli.screen.output import print_json, print_source, say, terminal_of
from xbuild.errors import Exit, UsageError
from xbuild.generate.drawing import DOCKERFILE, Generated
from xbuild.pipeline.generating import Order, generate_files, kept_workflow, plan_generated, write_files
from xbuild.text import Source
from xbuild.views.generated import generated_data, generated_lines


def main(arguments: Sequence[str]) -> int:
    return run_command("generate", COMMANDS["generate"], generate, arguments)


def generate(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Folder of the project")] = Path(),
    *,
    language: Annotated[
        str | None, typer.Option("--language", metavar="NAME", help="Which of several languages")
    ] = None,
    entry: Annotated[
        str | None, typer.Option("--entry", metavar="NAME", help="Which of several programs")
    ] = None,
    stdout: Annotated[bool, typer.Option("--stdout", help="Print the Dockerfile; write nothing")] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Compare with the Dockerfile that is there; write nothing")
    ] = False,
    workflow: Annotated[
        bool, typer.Option("--workflow", help="Also write .github/workflows/image.yml")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing Dockerfile")] = False,
    online: Annotated[bool, typer.Option("--online", help="Name base images by digest")] = False,
    config: Annotated[
        str | None,
        typer.Option("--config", metavar="FILE", help="Settings (default: the nearest .xbuild.yaml)"),
    ] = None,
    json_: Json = False,
) -> int:
    """
    Recognises the project from its files, without running any of them, and writes Dockerfile and
    .dockerignore. No step of what it writes runs on a foreign platform, but where it says so. Its templates
    are described in docs/reference/templates.md. Exit code 2 when there is a choice to be made, 4 when there
    is nothing to build.
    """
    if stdout and diff:
        raise UsageError("--stdout and --diff both print", hint="drop one of them")
    order = Order(path, language, entry, config, workflow, online)
    made = generate_files(order)
    plan = plan_generated(order, made)
    if not json_:
        for line in generated_lines(made, plan, terminal_of(sys.stderr)):
            say(line)
    if json_:
        print_json(generated_data(made, plan))
    elif stdout:
        print_source(Source(DOCKERFILE, made.files[DOCKERFILE]))
    if diff:
        _compare(path, made)
    if not (stdout or diff or json_):
        _write(path, made, force=force, workflow=workflow)
    return int(Exit.OK)


def _compare(folder: Path, made: Generated) -> None:
    from xbuild.rewrite.diff import unified

    path = folder / DOCKERFILE
    before = Source.from_bytes(str(path), path.read_bytes() if path.is_file() else b"")
    print_source(Source("diff", unified(before, Source(DOCKERFILE, made.files[DOCKERFILE]))))


def _write(folder: Path, made: Generated, *, force: bool, workflow: bool) -> None:
    kept = kept_workflow(folder) if workflow else ""
    for name in write_files(folder, made.files, force=force):
        say(f"{folder / name} written")
    if kept:
        say(kept)
