"""Where a build will write: looked at before it begins, so that it does not fail after the push."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from xbuild.errors import UsageError
from xbuild.solve.options import BuildOptions, Output

_FILES = ("oci", "tar", "docker")


def check_destinations(options: BuildOptions) -> None:
    """Raise UsageError for the first place that cannot be written to."""
    for flag, name, problem in _problems(options):
        if problem:
            raise UsageError(
                f"{flag} {name} cannot be written: {problem}",
                expected="a place that can be written to; nothing was built",
                hint="make the folder, or correct the path or its permissions",
            )


def _problems(options: BuildOptions) -> Iterator[tuple[str, str, str]]:
    """(flag, place, what is wrong with it, perhaps nothing) for all that will be written."""
    for name in options.reports:
        yield "--report", name, _file(Path(name))
    if options.iidfile:
        path = Path(options.iidfile)
        yield "--iidfile", options.iidfile, _file(path) or _writable(path)
    if options.metadata_file:
        path = Path(options.metadata_file)
        yield "--metadata-file", options.metadata_file, _writable(path) if path.is_file() else _file(path)
    for output in options.outputs:
        yield "--output", output.dest or "-", _output(output)


def _output(output: Output) -> str:
    if output.type in ("oci", "tar") and (output.dest or "-") == "-":
        return "a tar file is not for a terminal" if sys.stdout.isatty() else ""
    if not output.dest or output.type not in ("local", *_FILES):
        return ""
    path = Path(output.dest)
    if output.type == "local" or output.attribute("tar") in ("false", "0"):
        return _folder(path)
    if path.exists() or path.parent.is_dir():
        return _file(path)
    return _folder(path.parent)


def _file(path: Path) -> str:
    if path.is_dir():
        return "it is a folder"
    if path.exists() and not path.is_file():  # /dev/stdout, a pipe
        return _writable(path)
    parent = path.resolve().parent
    if not parent.exists():
        return f"there is no folder {path.parent}"
    return _folder(parent)


def _writable(path: Path) -> str:
    """A file that is there, and is not replaced but written to."""
    return "" if not path.exists() or os.access(path, os.W_OK) else "permission denied"


def _folder(path: Path) -> str:
    """A folder that is there, or can be made."""
    above = next((each for each in (path, *path.absolute().parents) if os.path.lexists(each)), path)
    if not above.is_dir():
        return f"{above} is no folder"
    return "" if os.access(above, os.W_OK | os.X_OK) else f"{above} may not be written to"
