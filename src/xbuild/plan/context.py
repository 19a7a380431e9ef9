"""What planning sees of the build context: names and texts, `.dockerignore` applied; implemented in
`solve/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

LARGEST = 16 << 20
"""Bytes of a file of the build context that is read."""


class UnreadError(Exception):
    """A file of the build context is there, and is larger than what is read."""


class Context(Protocol):
    """Files that `COPY` would send. Paths are relative, with `/`, without a leading `./`."""

    def read(self, path: str) -> str | None:
        """Text of a file (UTF-8, errors replaced), or None when it is not there, is ignored, or is larger
        than `LARGEST`.
        """

    def is_file(self, path: str) -> bool:
        """Whether a file is there that is sent, however large."""

    def files(self, folder: str = "") -> tuple[str, ...]:
        """All file paths below a folder, sorted."""

    def links(self, source: str, *, unpacks: bool = False) -> Mapping[str, str] | None:
        """The symbolic links that `COPY source` brings, by path below the destination, and what they hold.

        None when that cannot be told, as of an archive that ADD `unpacks`.
        """


class NoContext:
    """Nothing can be looked at (remote context)."""

    def read(self, path: str) -> str | None:  # noqa: ARG002
        return None

    def is_file(self, path: str) -> bool:  # noqa: ARG002
        return False

    def files(self, folder: str = "") -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def links(self, source: str, *, unpacks: bool = False) -> Mapping[str, str] | None:  # noqa: ARG002
        return None


class WholeContext:
    """A context in which nothing is taken for absent because it is too large: `read` raises UnreadError."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.is_file = context.is_file
        self.files = context.files
        self.links = context.links

    def read(self, path: str) -> str | None:
        text = self._context.read(path)
        if text is None and self._context.is_file(path):
            raise UnreadError(f"{path} is larger than {LARGEST >> 20} MiB, and is not read")
        return text
