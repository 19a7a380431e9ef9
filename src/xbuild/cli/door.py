"""The options of the commands that are told of a build.

`build` takes all of its flags; `plan`, `rewrite` and `bench` take some of them and a few of their own. All
are rows, read by the one parser of buildx's flags (`solve.options.read_words`), and shown from here
(docs/decisions/0033-options-of-a-build.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from xbuild.cli.main import COMMANDS
from xbuild.cli.screen.output import print_lines
from xbuild.errors import UsageError
from xbuild.solve.options import (
    FLAGS,
    BuildFlag,
    BuildOptions,
    Flags,
    boolean_flag,
    build_options,
    mask,
    read_words,
)

# What the commands beside `build` take of its flags, as help shows them: name, kind of value, what it is for.
_OF_A_BUILD = (
    ("file", "FILE", "Dockerfile (default: CONTEXT/Dockerfile)"),
    ("platform", "LIST", "platforms, comma-separated or repeated"),
    ("target", "STAGE", "stage that becomes the image"),
    ("build-arg", "NAME=VALUE", "repeatable"),
    ("build-context", "NAME=PLACE", "repeatable"),
    ("builder", "NAME", "buildx builder"),
    ("config", "FILE", "settings (default: .xbuild.yaml in the context)"),
    ("no-cache-mounts", "", "add no cache mounts"),
)
# xbuild's own flags of `build`.
_OF_OURS = (
    ("assist", "WORD", "native twins of programs in stages that stay emulated: auto (default) or off"),
    (
        "baseline",
        "WORD",
        "what the time saved is counted against: none, estimate (default) or measure",
    ),
    *(row for row in _OF_A_BUILD if row[0] in ("config", "no-cache-mounts")),
    ("dry-run", "", "print plan, diff and the exact buildx command; run nothing"),
    ("generate", "", "where there is no Dockerfile, build the one that `xbuild generate` would write"),
    ("no-rewrite", "", "build the Dockerfile as it is"),
    ("no-verify", "", "do not check the binaries"),
    ("report", "FILE", "write the report to a file, .json or .md (repeatable)"),
    ("show-values", "", "show the values of build args in --dry-run"),
)
_BY_NAME = {flag.name: flag for flag in FLAGS}
JSON = (boolean_flag("json"), "", "print JSON")
OFFLINE = (boolean_flag("offline"), "", "ask no engine: what it would tell stays a condition")
ONLINE = (boolean_flag("online"), "", "also ask registries and release pages what the plan wants to know")


@dataclass(frozen=True)
class Door:
    """A command beside `build`: its name, its own flags (row, value, what for), the rest of its help."""

    name: str
    own: tuple[tuple[BuildFlag, str, str], ...]
    details: str

    @property
    def rows(self) -> Iterator[tuple[BuildFlag, str, str]]:
        yield from ((_BY_NAME[name], value, text) for name, value, text in _OF_A_BUILD)
        yield from self.own


def run_door(door: Door, command: Callable[[BuildOptions, Flags], int], arguments: Sequence[str]) -> int:
    """Give `command` what the words say, a build's flags and its own, or show its help."""
    if asks_for_help(arguments):
        print_lines(_door_help(door))
        return 0
    given, contexts = read_words(arguments, [flag for flag, _, _ in door.rows])
    unknown = next((each.words[0] for each in given if each.flag is None), None)
    if unknown is not None:
        raise UsageError(f"option {unknown} is not known", hint=f"xbuild {door.name} --help")
    if len(contexts) > 1:
        raise UsageError(
            f"{door.name} takes one context, and {len(contexts)} were given: {' '.join(mask(contexts))}",
            expected=f"a folder, a URL or - (for example: xbuild {door.name} .)",
            hint="quote arguments that contain spaces",
        )
    own = [flag for flag, _, _ in door.own]
    options = build_options(
        tuple(each for each in given if each.flag not in own), contexts[0] if contexts else "."
    )
    return command(options, Flags(tuple(each for each in given if each.flag in own)))


def asks_for_help(arguments: Sequence[str]) -> bool:
    return "--help" in arguments or "-h" in arguments


def _door_help(door: Door) -> Iterator[str]:
    yield f"Usage: xbuild {door.name} [OPTIONS] [CONTEXT]"
    yield ""
    yield f"{COMMANDS[door.name]}."
    yield ""
    yield from door.details.strip().splitlines()
    yield ""
    yield "CONTEXT is a folder (default: .), a URL, or - (an archive or a Dockerfile on standard input)."
    yield ""
    yield "Options:"
    yield from _rows(door.rows)


def described_build_flags() -> Iterator[tuple[BuildFlag, str]]:
    """The flags that `build --help` shows, xbuild's own with what they are for."""
    texts = {name: text for name, _, text in _OF_OURS}
    return ((flag, texts.get(flag.name, "")) for flag in FLAGS if not flag.hidden)


def build_help() -> Iterator[str]:
    """`xbuild build --help`: xbuild's own flags in words, buildx's by name (its own help explains them)."""
    from xbuild.views.terminal import Terminal, wrap

    theirs = (_spelled(flag, "") for flag in FLAGS if not flag.own and not flag.hidden)
    yield from _BUILD_HEAD.splitlines()
    yield from _rows((_BY_NAME[name], value, text) for name, value, text in _OF_OURS)
    yield ""
    yield "Options of `docker buildx build`, with the same names and meaning (docker buildx build --help):"
    yield from (f"  {line}" for line in wrap(", ".join(theirs), Terminal(width=98)))
    yield from _BUILD_FOOT.splitlines()


_BUILD_HEAD = """\
Usage: xbuild build [OPTIONS] PATH | URL | -

Rewrites the Dockerfile to cross-compile, builds it into an OCI layout, checks every binary
for its platform, then pushes, loads or writes that very layout. Your file stays as it is.

Own options:
"""
_BUILD_FOOT = """\
Unknown options are passed on to buildx.

Exit codes: 0 ok, 1 the build failed, 2 usage, 3 Dockerfile, 4 context, 5 engine, 6 registry,
7 a binary is for the wrong platform, 8 configuration, 9 delivered, but not what
was asked for beside it, 130 cancelled.
"""


def _rows(rows: Iterable[tuple[BuildFlag, str, str]]) -> Iterator[str]:
    shown = [(_spelled(flag, value), text) for flag, value, text in rows]
    width = max(len(spelled) for spelled, _ in shown) + 2
    yield from (f"  {spelled:<{width}}{text}" for spelled, text in shown)


def _spelled(flag: BuildFlag, value: str) -> str:
    short = f"-{flag.short}, " if flag.short else ""
    return f"{short}--{flag.name}" + (f" {value}" if value and flag.takes_value else "")
