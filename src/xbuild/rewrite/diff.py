"""The difference between two texts, as `diff -u` prints it."""

from __future__ import annotations

import difflib

from xbuild.text import Source


def unified(original: Source, new: Source) -> str:
    """Unified diff from `original` to `new`, empty when they are equal."""
    lines = difflib.unified_diff(
        original.text.splitlines(keepends=True),
        new.text.splitlines(keepends=True),
        original.path,
        f"{new.path} (xbuild)",
    )
    return "".join(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines
    )
