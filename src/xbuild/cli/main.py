"""The door of all doors: which subcommand, its errors as one message, its exit code.

`--help` and `--version` are answered from the table below without importing anything else: typer alone takes
six times as long to import as Python takes to start (docs/decisions/0030-start-up.md). A test compares the
table with the subcommands.
"""

import gc
import os
import sys

from xbuild import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS = {
    "build": "Rewrite, build, verify and push: takes every flag of `docker buildx build`",
    "plan": "Say per stage what would change, on what evidence, and what is unsure",
    "generate": "Write a Dockerfile for a project that has none, multi-arch from the start",
    "rewrite": "Print, compare or write the new Dockerfile",
    "lint": "Find what is slow or wrong about Dockerfiles for several architectures, and fix it",
    "verify": "Check that every binary of an image is for the image's platform",
    "merge": "Make one image of those of single platforms, checked as a whole",
    "bench": "Measure the original against the rewritten Dockerfile, cold and warm",
    "plugin": "Make this xbuild a command of docker's (`docker xbuild build`), or undo that",
    "completion": "Print the completion of words for a shell: bash, zsh or fish",
    "doctor": "Check engine, buildx, builder, image store, QEMU and registry login",
}

_HELP = """Usage: xbuild COMMAND [OPTIONS] [ARGUMENTS]

Multi-arch container images at native speed, from the Dockerfile you already have.

Commands:
{commands}

Options:
  --version  Show the version
  --help     Show this message; `xbuild COMMAND --help` for a command

Examples:
  xbuild build --platform linux/amd64,linux/arm64 -t registry.example/app --push .
  xbuild plan .
"""

# What programs call, not people: the module, which is given the name too.
_HIDDEN = {"__complete": "completion", "__completeNoDesc": "completion", "__action": "action"}

PLUGIN = "docker-xbuild"
_METADATA = (
    '{"SchemaVersion": "0.1.0", "Vendor": "the xbuild authors", "Version": "%s", '
    '"ShortDescription": "Multi-arch images at native speed, from the Dockerfile you already have"}'
)


def help_text() -> str:
    """What `xbuild --help` prints."""
    width = max(map(len, COMMANDS)) + 2
    return _HELP.format(commands="\n".join(f"  {name:<{width}}{text}" for name, text in COMMANDS.items()))


def main() -> int:
    """Entry point of `xbuild` and of the Docker CLI plugin `docker-xbuild`."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller (`>&-`)
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115
    # Syntax trees hold no cycles worth looking for every 700 objects: a third of the time of reading files.
    gc.set_threshold(100_000, 20, 20)
    program, *argv = sys.argv
    if program.rpartition("/")[2] == PLUGIN:
        if argv == ["docker-cli-plugin-metadata"]:
            print(_METADATA % __version__)
            return 0
        return run(argv, is_plugin=True)
    return run(argv)


def run(argv: list[str], *, is_plugin: bool = False) -> int:
    """Run one command line, which docker has given when `is_plugin`; the exit code, and nothing else, leaves
    this function.
    """
    if is_plugin:
        return _guarded(_called_by_docker, argv)
    name = argv[0] if argv else "--help"
    if name in ("--help", "-h", "help"):
        return _print(help_text(), 0 if argv else 2)
    if name in ("--version", "-V", "version"):
        return _print(f"xbuild {__version__}\n", 0)
    return _guarded(_dispatch, argv)


def _called_by_docker(argv: list[str]) -> int:
    from xbuild.cli.plugin import arguments_from_docker, end_with_docker

    words = arguments_from_docker(argv)
    end_with_docker()
    return run(words)


def _print(text: str, code: int) -> int:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        from xbuild.cli.failure import explain

        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 (or the rest is tried again at exit)
        return explain(error)
    return code


def _guarded(action: "Callable[[list[str]], int]", argv: list[str]) -> int:
    """What is done, with every way to fail turned into one message and a code."""
    import signal

    from xbuild.cli.failure import explain

    # A CI runner's stop and a closed terminal are interrupts like Ctrl-C: the same clean-up, the same code.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup(1)
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    try:
        return action(argv)
    except BaseException as error:
        # KeyboardInterrupt and SystemExit too: whatever ends the command, it ends with a code and one
        # message.
        return explain(error)


def _dispatch(argv: list[str]) -> int:
    from importlib import import_module

    from xbuild.errors import UsageError

    name, *arguments = argv
    if name in _HIDDEN:
        arguments, name = argv, _HIDDEN[name]
    elif name not in COMMANDS:
        kind = "option" if name.startswith("-") else "command"
        raise UsageError(
            f"{kind} {name!r} is not known",
            expected=", ".join(COMMANDS),
            hint="put options behind the command, or see xbuild --help",
        )
    command = import_module(f"xbuild.cli.{name}")
    code: int = command.main(arguments)
    return code
