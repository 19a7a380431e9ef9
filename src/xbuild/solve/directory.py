"""The build context as a folder: what `COPY` would send of it, and the texts that planning looks into."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from xbuild.errors import ContextError
from xbuild.solve.ignore import Ignore, Match, read_patterns

# Planning reads go.mod, Makefiles, scripts and sources; what is larger than this is none of these.
_LARGEST = 8 << 20


class DirectoryContext:
    """Implements `plan.context.Context` on a local folder.

    `ignore` is the text of the Dockerfile's own ignore file, which wins (`inputs.Inputs.ignore`); without one
    it is `.dockerignore` of the folder. Symbolic links are followed only inside the folder, for nothing else
    is sent.
    """

    def __init__(self, root: Path, ignore: bytes | None = None) -> None:
        self.root = root
        text = (_read(root / ".dockerignore") if ignore is None else ignore).decode("utf-8", "replace")
        self._ignore = Ignore(read_patterns(text))

    def read(self, path: str) -> str | None:
        """Text of a file, or None when it is not there, is ignored, or is no text worth reading."""
        clean = os.path.normpath(path).lstrip("/")
        if clean.startswith("..") or self._ignore.is_ignored(clean):
            return None
        file = self.root / clean
        try:
            if not file.resolve().is_relative_to(self._resolved) or file.stat().st_size > _LARGEST:
                return None
            return file.read_text("utf-8", "replace")
        except (OSError, RuntimeError):  # RuntimeError: a loop of symbolic links
            return None

    def files(self, folder: str = "") -> tuple[str, ...]:
        """All file paths below a folder that are sent, sorted."""
        clean = os.path.normpath(folder).strip("/")
        if clean in ("", "."):
            return self._files
        return tuple(path for path in self._files if path.startswith(clean + "/"))

    def unreadable(self) -> Iterator[str]:
        """File paths that are sent and that this user may not read, sorted."""
        if os.geteuid() == 0:
            return
        is_effective = os.access in os.supports_effective_ids
        for path in self._files:
            file = self.root / path
            if not os.access(file, os.R_OK, effective_ids=is_effective) and _is_regular(file):
                yield path

    @cached_property
    def _resolved(self) -> Path:
        return self.root.resolve()

    @cached_property
    def _files(self) -> tuple[str, ...]:
        return tuple(sorted(self._walk("", Match())))

    def _walk(self, folder: str, parent: Match) -> Iterator[str]:
        try:
            entries = list(os.scandir(self.root / folder))
        except OSError as error:
            raise ContextError(
                f"cannot be read: {error.strerror}",
                file=str(self.root / folder),
                hint="correct its permissions, or name it in .dockerignore",
            ) from error
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            match = self._ignore.match(path, parent)
            if entry.is_dir(follow_symlinks=False):
                # An exception may name something below an ignored folder.
                if not match.is_ignored or self._ignore.has_exceptions:
                    yield from self._walk(path, match)
            elif not match.is_ignored:
                yield path


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ContextError(f"cannot be read: {error.strerror}", file=str(path)) from error
