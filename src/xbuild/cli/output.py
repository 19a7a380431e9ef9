"""Standard output and standard error: what is asked for on the one, what is said about it on the other."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from xbuild.text import Source


def print_lines(lines: Iterable[str]) -> None:
    """Lines on standard output; bytes that are no text are shown escaped."""
    for line in lines:
        print(line.encode("utf-8", "backslashreplace").decode())


def print_source(source: Source) -> None:
    """A file on standard output, byte for byte."""
    sys.stdout.flush()
    sys.stdout.buffer.write(source.to_bytes())
    sys.stdout.buffer.flush()


def say(line: str) -> None:
    """A line about what is being done."""
    print(line.encode("utf-8", "backslashreplace").decode(), file=sys.stderr)


def warn(text: str) -> None:
    """A warning, on one line."""
    say(f"xbuild: warning: {text}")


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file whole or not at all; its mode and owner stay, and a symbolic link keeps pointing to
    it. A hard link of it keeps the old bytes.
    """
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
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
