"""Files that are written whole or not at all, and a folder for what is temporary."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


class Workspace:
    """A folder for everything temporary: made when its path is first asked for, gone at the end."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._name = ""

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def __fspath__(self) -> str:
        if not self._name:
            import tempfile

            folder = tempfile.TemporaryDirectory(prefix="xbuild-", ignore_cleanup_errors=True)
            self._name = self._stack.enter_context(folder)
        return self._name


def write_whole(path: Path, data: bytes, *, private: bool = False) -> None:
    """Replace a file whole or not at all; its mode and owner stay, and a symbolic link keeps pointing to
    it. A hard link of it keeps the old bytes. A `private` one is readable by its owner only. What is no
    regular file, as /dev/null or a pipe, is written to, and stays.
    """
    import tempfile

    target = path.resolve()
    if target.exists() and not target.is_file():
        target.write_bytes(data)
        return
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if not private:
                file.flush()
                os.fsync(file.fileno())
        if not private:
            _as_before(name, target)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _as_before(name: str, target: Path) -> None:
    if not target.exists():
        Path(name).chmod(0o666 & ~_umask())
        return
    before = target.stat()
    with contextlib.suppress(OSError):  # most users cannot give a file away
        os.chown(name, before.st_uid, before.st_gid)
    Path(name).chmod(before.st_mode & 0o7777)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
