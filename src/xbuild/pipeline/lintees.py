"""Which files `xbuild lint` looks at."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from xbuild.errors import ConfigError
from xbuild.pipeline.config import repository
from xbuild.pipeline.wishes import Configs, Wanted, wrong_config
from xbuild.rules.linter import Linted, Unlinted

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

FILES = (
    r"(?i)(?:^|/)(?!.*\.(?:dockerignore|md|rst|txt|py|sh|go|js|ts|json|ya?ml|toml|j2|jinja2?|tmpl|tpl|erb)$)"
    r"(?:[^/]*[._-])?(?:dockerfile|containerfile)(?:[._-][^/]*)?$"
)
"""What a Dockerfile is called: the same pattern as in `.pre-commit-hooks.yaml`."""
_IS_NAMED = re.compile(FILES).search


def find(paths: Sequence[str], wanted: Wanted, configs: Configs) -> Iterator[str | Linted]:
    """The files to lint: those named by hand, and those below folders that are called like Dockerfiles.

    What is not there is an entry of its own. Each file once, in the order of the paths.
    """
    seen: set[str] = set()
    for path in paths:
        for found in _find_one(path, wanted, configs):
            key = os.path.realpath(found) if isinstance(found, str) else f"{found.path}: {found.problem}"
            if key not in seen:
                seen.add(key)
                yield found


def _find_one(path: str, wanted: Wanted, configs: Configs) -> Iterator[str | Linted]:
    if os.path.isdir(path):  # noqa: PTH112 (a name that is too long is none)
        yield from _below(path, configs)
    elif os.path.lexists(path):
        yield from _by_hand(path, wanted, configs)
    elif any(sign in path for sign in "*?["):
        is_absolute = path.startswith("/")
        found = sorted(Path("/" if is_absolute else ".").glob(path.lstrip("/")))
        for one in found:
            yield from _find_one(str(one), wanted, configs)
        if not found:
            yield Linted(path, problem=Unlinted("no file matches"))
    else:
        yield Linted(path, problem=Unlinted("there is no such file", hint="correct the path"))


def _by_hand(path: str, wanted: Wanted, configs: Configs) -> Iterator[str | Linted]:
    try:
        configs.of(Path(path).parent)
        if not (wanted.force_exclude and configs.is_excluded(Path(path))):
            yield path
    except ConfigError as error:
        yield wrong_config(error)


def _below(folder: str, configs: Configs) -> Iterator[str | Linted]:
    """Files below a folder; what git ignores is left out, links to folders are not followed."""
    problems: list[Linted] = []

    def told(error: OSError) -> None:
        problems.append(Linted(str(error.filename), problem=Unlinted(f"cannot be read: {error.strerror}")))

    ignored = _git_ignore(folder)
    for base, folders, files in os.walk(folder, onerror=told):
        here = Path(base)
        try:
            folders[:] = sorted(
                name
                for name in folders
                if name != ".git" and not ignored(here / name, True) and not configs.is_excluded(here / name)
            )
            for name in sorted(files):
                path = here / name
                is_wanted = _IS_NAMED(name) and not ignored(path, False) and not configs.is_excluded(path)
                if is_wanted and (path.is_file() or path.is_symlink()):  # no pipes: reading one may never end
                    yield str(path)
        except ConfigError as error:
            folders[:] = sorted(name for name in folders if name != ".git")
            yield wrong_config(error)
    yield from problems


def _git_ignore(folder: str) -> Callable[[Path, bool], bool]:
    """Whether git ignores a path below `folder`, by the `.gitignore` files from the repository's root on."""
    root = repository(Path(folder).resolve()) or Path(folder).resolve()

    @lru_cache(maxsize=4096)
    def spec(of: Path) -> GitIgnoreSpec | None:
        file = of / ".gitignore"
        if not file.is_file():
            return None
        from pathspec import GitIgnoreSpec

        return GitIgnoreSpec.from_lines(file.read_text("utf-8", "replace").splitlines())

    def ignored(path: Path, is_folder: bool) -> bool:
        full = path.parent.resolve() / path.name
        suffix = "/" if is_folder else ""
        for parent in full.parents:
            rules = spec(parent)
            if rules is not None and rules.match_file(full.relative_to(parent).as_posix() + suffix):
                return True
            if parent == root:
                return False
        return False

    return ignored
