"""The difference between two texts, as `diff -u` prints it."""

from __future__ import annotations

import difflib

from xbuild.text import Source


def unified(original: Source, new: Source) -> str:
    """Unified diff from `original` to `new`, empty when they are equal; `patch` and `git apply` take it.

    A line ends with a line feed and nothing else, so that the others stay the bytes that they are.
    """
    lines = difflib.unified_diff(
        _lines(original.text), _lines(new.text), original.path, f"{new.path}\t(xbuild)"
    )
    return "".join(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines
    )


def _lines(text: str) -> list[str]:
    *whole, rest = text.split("\n")
    return [f"{line}\n" for line in whole] + ([rest] if rest else [])
