"""The build context as a folder: what `COPY` would send of it, and the texts that planning looks into."""

from __future__ import annotations

import os
import posixpath
import re
import stat
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from xbuild.errors import ContextError
from xbuild.plan.context import LARGEST
from xbuild.solve.ignore import Ignore, Match, read_patterns

# Planning asks for the same files again and again; so many characters of texts stay at hand.
_KEPT = 32 << 20
# Where the kernel gives up as well (path_resolution(7)).
_MOST_LINKS = 40
# What no archive begins with, compressed or not.
_TEXT = re.compile(rb"(?!BZh)[\t-\r -~]*")


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
        self._links: dict[tuple[str, bool], Mapping[str, str] | None] = {}
        self._walked: dict[str, tuple[tuple[tuple[str, bool], ...], list[ContextError]]] = {}
        self._sizes: dict[str, int | None] = {}
        self._texts: dict[str, str | None] = {}
        self._held = 0
        self._followed_to = {"": os.path.realpath(root)}

    def read(self, path: str) -> str | None:
        """Text of a file, or None when it is not there, is ignored, or is larger than `LARGEST`."""
        if path not in self._texts:
            text = self._text(path)
            self._texts[path] = text
            self._held += len(text or "")
            while self._held > _KEPT and len(self._texts) > 1:
                self._held -= len(self._texts.pop(next(iter(self._texts))) or "")
            return text
        return self._texts[path]

    def is_file(self, path: str) -> bool:
        """Whether a file is there that is sent, however large."""
        return self._size(path) is not None

    def _text(self, path: str) -> str | None:
        size = self._size(path)
        if size is None or size > LARGEST:
            return None
        try:
            return (self.root / _clean(path)).read_text("utf-8", "replace")
        except OSError:
            return None

    def _size(self, path: str) -> int | None:
        """Bytes of a file; None where none is sent. What is no file (a pipe) would be waited for."""
        clean = _clean(path)
        if clean not in self._sizes:
            is_out = clean.startswith("..") or self._ignore.is_ignored(clean)
            self._sizes[clean] = self._measured(clean) if not is_out else None
        return self._sizes[clean]

    def _measured(self, path: str) -> int | None:
        file = self.root / path
        try:
            found = file.lstat()
            is_link = stat.S_ISLNK(found.st_mode)
            found = file.stat() if is_link else found
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        return found.st_size if self._is_inside(path if is_link else posixpath.dirname(path)) else None

    def _is_inside(self, path: str) -> bool:
        """Whether no link leads out of the folder on the way there."""
        if path not in self._followed_to:
            self._followed_to[path] = os.path.realpath(self.root / path)
        found, root = self._followed_to[path], self._followed_to[""]
        return f"{found}/".startswith(f"{root.rstrip('/')}/")

    def files(self, folder: str = "") -> tuple[str, ...]:
        """All file paths below a folder that are sent, sorted."""
        clean = os.path.normpath(folder).strip("/")
        if clean in ("", "."):
            return self._files
        # `0` comes behind `/`.
        return self._files[bisect_left(self._files, f"{clean}/") : bisect_left(self._files, f"{clean}0")]

    def links(self, source: str, *, unpacks: bool = False) -> Mapping[str, str] | None:
        """The symbolic links that `COPY source` brings, by path below the destination, and what they hold;
        None for an archive that ADD `unpacks`. A source that is a link itself is followed, inside the folder.
        """
        key = source, unpacks
        if key not in self._links:
            places = [self._followed(path) for path in self._matching(source)]
            is_told = all(p is not None and not (unpacks and self._may_be_archive(p)) for p in places)
            found = (pair for place in places for pair in self._links_below(place or ""))
            self._links[key] = dict(found) if is_told else None
        return self._links[key]

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
    def _files(self) -> tuple[str, ...]:
        found, refused = self._below("")
        if refused:
            raise refused[0]
        return tuple(path for path, _ in found)

    def _below(self, folder: str) -> tuple[tuple[tuple[str, bool], ...], list[ContextError]]:
        """What is sent of a folder, sorted, and whether it is a symbolic link; and what cannot be read."""
        if folder not in self._walked:
            refused: list[ContextError] = []
            found = self._walk(folder, self._ignore.matched(folder), refused)
            self._walked[folder] = tuple(sorted(found)), refused
        return self._walked[folder]

    def _matching(self, source: str) -> list[str]:
        """The paths that a source names, by a pattern perhaps (Go `filepath.Match`)."""
        found = [""]
        for part in posixpath.normpath(f"/{source}").strip("/").split("/"):
            if not re.search(r"[*?[\\]", part):
                found = [posixpath.join(folder, part) for folder in found]
                continue
            pattern = re.sub(r"\\(.)", "?", part).replace("[^", "[!")
            found = [
                posixpath.join(f, name)
                for f in found
                for name in self._names(f)
                if fnmatchcase(name, pattern)
            ]
        return found

    def _names(self, folder: str) -> list[str]:
        try:
            return [entry.name for entry in os.scandir(self.root / folder)]
        except OSError:
            return []

    def _followed(self, path: str) -> str | None:
        """Where a path leads if all links are followed, with the folder as root; None for too many."""
        pending, found, left = path.split("/")[::-1], list[str](), _MOST_LINKS
        while pending and left:
            name = pending.pop()
            here = self.root.joinpath(*found, name)
            if name == "..":
                del found[-1:]
            elif name not in ("", ".") and here.is_symlink():
                left -= 1
                text = str(here.readlink())
                found = [] if text.startswith("/") else found
                pending += text.split("/")[::-1]
            elif name not in ("", "."):
                found.append(name)
        return "/".join(found) if left else None

    def _links_below(self, folder: str) -> Iterator[tuple[str, str]]:
        start = f"{folder}/" if folder else ""
        for path, is_link in self._below("" if "" in self._walked else folder)[0]:
            if is_link and path.startswith(start):
                yield path.removeprefix(start), str((self.root / path).readlink())

    def _may_be_archive(self, path: str) -> bool:
        try:
            with (self.root / path).open("rb") as file:
                return _TEXT.fullmatch(file.read(512)) is None
        except OSError:
            return False

    def _walk(self, folder: str, parent: Match, refused: list[ContextError]) -> Iterator[tuple[str, bool]]:
        try:
            entries = list(os.scandir(self.root / folder))
        except OSError as error:
            told = ContextError(
                f"cannot be read: {error.strerror}",
                file=str(self.root / folder),
                hint="correct its permissions, or name it in .dockerignore",
            )
            told.__cause__ = error
            refused.append(told)
            return
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            match = self._ignore.match(path, parent)
            if entry.is_dir(follow_symlinks=False):
                if not match.is_ignored or self._ignore.may_except_below(path):
                    yield from self._walk(path, match, refused)
            elif not match.is_ignored:
                yield path, entry.is_symlink()


def _clean(path: str) -> str:
    return os.path.normpath(path).lstrip("/")


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
