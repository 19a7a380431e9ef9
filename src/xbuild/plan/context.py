"""What planning sees of the build context: names and texts, `.dockerignore` applied; implemented in
`solve/`.
"""

from __future__ import annotations

from typing import Protocol


class Context(Protocol):
    """Files that `COPY` would send. Paths are relative, with `/`, without a leading `./`."""

    def read(self, path: str) -> str | None:
        """Text of a file (UTF-8, errors replaced), or None when it is not there or is ignored."""

    def files(self, folder: str = "") -> tuple[str, ...]:
        """All file paths below a folder, sorted."""


class NoContext:
    """Nothing can be looked at (remote context)."""

    def read(self, path: str) -> str | None:  # noqa: ARG002
        return None

    def files(self, folder: str = "") -> tuple[str, ...]:  # noqa: ARG002
        return ()
