"""Tables of names, written as text."""

from __future__ import annotations

from xbuild.text import value


def words(text: str) -> tuple[str, ...]:
    """The words of a text: a long table reads better so than as a list of strings."""
    return tuple(text.split())


@value()
class Work:
    """A kind of work: the name under which reports tell it and measured slowdown is remembered, the first
    words of the commands that do it ("npm ci, npm install"), and whether a compiler does it.
    """

    name: str
    commands: str
    is_compiler: bool = False
