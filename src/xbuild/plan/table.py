"""Tables of names, written as text."""

from __future__ import annotations


def words(text: str) -> tuple[str, ...]:
    """The words of a text: a long table reads better so than as a list of strings."""
    return tuple(text.split())
