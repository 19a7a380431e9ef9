"""Lines on standard output and standard error, and what these can show."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import IO, TextIO

from xbuild.text import Source
from xbuild.views.terminal import Terminal


def terminal_of(stream: TextIO) -> Terminal:
    """What `stream` can show. NO_COLOR (https://no-color.org) and TERM=dumb take the colour away."""
    is_terminal = stream.isatty()
    is_dumb = os.environ.get("TERM", "") == "dumb"
    has_colour = is_terminal and not is_dumb and not os.environ.get("NO_COLOR")
    width = None
    if is_terminal:
        import shutil

        width = shutil.get_terminal_size().columns
    return Terminal(is_terminal and not is_dumb, has_colour, width)


def stdin() -> IO[bytes] | None:
    """Standard input, unless the caller has closed it."""
    return getattr(sys.stdin, "buffer", None)


def print_lines(lines: Iterable[str]) -> None:
    """Lines on standard output; bytes that are no text are shown escaped."""
    for line in lines:
        print(line.encode("utf-8", "backslashreplace").decode())


def print_json(data: object) -> None:
    """Data on standard output."""
    import json

    print_lines([json.dumps(data, indent=2)])


def print_source(source: Source) -> None:
    """A file on standard output, byte for byte."""
    sys.stdout.flush()
    sys.stdout.buffer.write(source.to_bytes())
    sys.stdout.buffer.flush()


def say(line: str) -> None:
    """A line about what is being done."""
    print(line.encode("utf-8", "backslashreplace").decode(), file=sys.stderr)


def warn(text: str) -> None:
    """A warning, on one line."""
    say(f"xbuild: warning: {text}")
