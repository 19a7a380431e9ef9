"""What planning sees of the build context: names and texts, `.dockerignore` applied; implemented in
`solve/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Context(Protocol):
    """Files that `COPY` would send. Paths are relative, with `/`, without a leading `./`."""

    def read(self, path: str) -> str | None:
        """Text of a file (UTF-8, errors replaced), or None when it is not there or is ignored."""

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

    def files(self, folder: str = "") -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def links(self, source: str, *, unpacks: bool = False) -> Mapping[str, str] | None:  # noqa: ARG002
        return None
