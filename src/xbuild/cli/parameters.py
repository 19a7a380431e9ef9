"""typer for the commands that are not told of a build, with its errors as ours, and the options they share.

Without rich markup (46 ms) and without typer's completion options, which belong to a program, not to a
subcommand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import cleandoc
from typing import Annotated, Any

import typer

from xbuild.errors import Exit, UsageError

PlatformList = Annotated[
    list[str] | None,
    typer.Option("--platform", metavar="LIST", help="Platforms, comma-separated or repeated"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON")]


def run_command(name: str, summary: str, function: Callable[..., Any], arguments: Sequence[str]) -> int:
    """Parse `arguments` by the signature of `function`, call it, and return its exit code."""
    app = application(name, summary, function)
    try:
        code = app(list(arguments), prog_name=f"xbuild {name}", standalone_mode=False)
    except typer.Exit as leaving:
        return int(leaving.exit_code)
    except Exception as error:
        raise _as_ours(name, error) from error
    return int(code or Exit.OK)


def application(name: str, summary: str, function: Callable[..., Any]) -> typer.Typer:
    """A program of one command, whose options are the parameters of `function`."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    settings = {"help_option_names": ["-h", "--help"]}
    details = cleandoc(function.__doc__ or "")  # continues the summary
    app.command(name, help=f"{summary}.\n\n{details}", context_settings=settings)(function)
    return app


def _as_ours(name: str, error: Exception) -> Exception:
    """typer's usage errors come from click, or from its own copy of it: told by what they can do."""
    format_message = getattr(error, "format_message", None)
    if format_message is None:
        return error
    message = str(format_message()).rstrip(".")
    return UsageError(message[:1].lower() + message[1:], hint=f"xbuild {name} --help")
