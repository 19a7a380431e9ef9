"""Readers of lock files, one for each format and its versions (`FORMATS`).

A key that is not known, where it could have a say in what is installed, makes the file one that cannot be
read; so do a version that is not known, a package that stands there twice, and a file that is broken, nested
too deep or larger than `LARGEST`. Files are read by their names alone: no hash is looked at.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from xbuild.plan.toolchains.python.lockfiles import pdmlock, pipenvlock, poetrylock, pylock, uvlock
from xbuild.plan.toolchains.python.lockfiles.texts import MOST_ALIKE, NotReadableError, Table, parse
from xbuild.plan.toolchains.python.locks import Lock, Unread
from xbuild.text import value


@value()
class LockFormat:
    """A format of lock files: what the files are called, and how the tables of one are read."""

    name: str
    files: str
    reads: Callable[[str, Table, Table | None], Lock]
    is_json: bool = False
    uses_project: bool = True


FORMATS = (
    LockFormat("uv.lock", r"uv\.lock", uvlock.read),
    LockFormat("poetry.lock", r"poetry\.lock", poetrylock.read),
    LockFormat("pdm.lock", r"pdm\.lock|pdm\.[\w-]+\.lock", pdmlock.read),
    LockFormat("Pipfile.lock", r"Pipfile\.lock", pipenvlock.read, is_json=True, uses_project=False),
    LockFormat("pylock.toml", r"pylock(\.[^./]+)?\.toml", pylock.read, uses_project=False),
)


def _checked(lock: Lock) -> Lock:
    most = max(Counter(package.name for package in lock.packages).values(), default=0)
    if most > MOST_ALIKE:
        raise NotReadableError("it has too many packages of one name")
    if lock.packages and not lock.roots:
        raise NotReadableError("it does not say what is asked for")
    return lock


def read_lock(path: str, text: str, project: str | None) -> Lock | Unread:
    """`locks.read`, not cached."""
    name = path.replace("\\", "/").rpartition("/")[2]
    found = next((row for row in FORMATS if re.fullmatch(row.files, name)), None)
    if found is None:
        return Unread(f"{path} is no lock file that is known")
    try:
        beside = parse(project) if project is not None and found.uses_project else None
    except NotReadableError as error:
        return Unread(f"pyproject.toml beside {path} cannot be read: {error}")
    try:
        return _checked(found.reads(path, parse(text, is_json=found.is_json), beside))
    except NotReadableError as error:
        return Unread(f"{path} cannot be read: {error}")
    except RecursionError:
        return Unread(f"{path} cannot be read: it is nested too deep")
