"""What is asked of the linter: by options, and by the settings that count for a file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from xbuild.errors import ConfigError
from xbuild.pipeline.config import Config, LintedFiles, find_config, read_config
from xbuild.platforms import Platform
from xbuild.rules import RULES
from xbuild.rules.linter import Linted, Unlinted
from xbuild.rules.rule import Level, Rule
from xbuild.text import name_pattern, replace, value

_REASON = "ignore-without-reason"
_pattern = lru_cache(name_pattern)


@value()
class Wanted:
    """What is asked of the linter; None or empty: as the settings say, or the default. `config` is a file of
    settings for all files. `fix` asks for fixes (`unsafe`: also for those that are not safe), `add_ignores`
    for comments, with `reason` in them. `online` asks registries, `with_buildkit` BuildKit.
    """

    platforms: tuple[Platform, ...] | None = None
    target: str | None = None
    context: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Level | None = None
    exclude: tuple[str, ...] = ()
    force_exclude: bool = False
    fail_on: Level | None = None
    require_reason: bool = False
    config: str | None = None
    fix: bool = False
    unsafe: bool = False
    add_ignores: bool = False
    reason: str = ""
    online: bool = False
    with_buildkit: bool = False

    @property
    def is_changing(self) -> bool:
        return self.fix or self.add_ignores

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that run: those selected, or those that are on by default, without the ignored ones."""
        names = set(self.select or (rule.name for rule in RULES if rule.is_on)) - set(self.ignore)
        names |= {_REASON} if self.require_reason else set()
        return tuple(rule for rule in RULES if rule.name in names)

    @property
    def shown(self) -> Level:
        """The least that is shown."""
        return self.severity or Level.INFO

    @property
    def fails(self) -> Level:
        """The least that fails."""
        return self.fail_on or Level.WARNING


class Configs:
    """The settings that count for each file, each read once. All raises ConfigError where they are wrong."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._found: dict[Path, Path | ConfigError | None] = {}
        self._read: dict[Path, Config | ConfigError] = {}
        self._here = Path.cwd()

    def of(self, folder: Path) -> Config:
        """Those of a folder."""
        if self._wanted.config is not None:
            return self._config(Path(self._wanted.config))
        if folder not in self._found:
            try:
                self._found[folder] = find_config(folder)
            except ConfigError as error:
                self._found[folder] = error
        path = self._found[folder]
        if isinstance(path, ConfigError):
            raise path
        return self._config(path) if path is not None else Config()

    def _config(self, path: Path) -> Config:
        if path not in self._read:
            try:
                self._read[path] = read_config(path)
            except ConfigError as error:
                self._read[path] = error
        config = self._read[path]
        if isinstance(config, ConfigError):
            raise config
        return config

    def settled(self, path: str) -> tuple[Wanted, Config]:
        """What is asked for one file. An option goes before what the settings say of some files, and this
        before what they say of all; `--select` goes before their `ignore` too.
        """
        wanted, config = self._wanted, self.of(Path(path).parent)
        lint = config.lint
        files = self._particular(config, path)
        is_chosen = bool(wanted.select)
        settled = replace(
            wanted,
            platforms=wanted.platforms or files.platforms or config.platforms or None,
            target=wanted.target or files.target,
            context=wanted.context
            or (str(_folder(config) / files.context) if files.context is not None else None),
            select=wanted.select or lint.select,
            ignore=wanted.ignore or (() if is_chosen else lint.ignore),
            severity=wanted.severity or (Level(lint.severity) if lint.severity else None),
            fail_on=wanted.fail_on or (Level(lint.fail_on) if lint.fail_on else None),
            require_reason=wanted.require_reason or lint.require_reason,
        )
        return settled, config

    def _particular(self, config: Config, path: str) -> LintedFiles:
        inside = self._relative(Path(path), _folder(config))
        return next((f for f in config.lint.files if _is_named(inside, (f.glob,))), LintedFiles(""))

    def is_excluded(self, path: Path) -> bool:
        """Whether a file or folder, or one that it is in, is left out."""
        if self._wanted.exclude:
            return self._is_below(path, self._wanted.exclude, self._here)
        config = self.of(path.parent)
        return bool(config.lint.exclude) and self._is_below(path, config.lint.exclude, _folder(config))

    def _is_below(self, path: Path, patterns: Iterable[str], folder: Path) -> bool:
        inside = self._relative(path, folder)
        return any(_is_named(part, patterns) for part in (inside, *inside.parents) if part.name)

    def _relative(self, path: Path, folder: Path) -> Path:
        return Path(os.path.relpath(self._here / path, self._here / folder))


def _folder(config: Config) -> Path:
    return Path(config.path).parent if config.path is not None else Path()


def _is_named(path: Path, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns names the path: one without a slash its last part."""
    for pattern in patterns:
        clean = pattern.rstrip("/").removeprefix("./")
        subject = path.as_posix() if "/" in clean else path.name
        if _pattern(clean.removeprefix("/")).fullmatch(subject):
            return True
    return False


def wrong_config(error: ConfigError) -> Linted:
    """The entry for settings that are wrong: the files that they count for are not looked at."""
    return Linted(error.file or "", problem=Unlinted(error.message, error.line, error.hint or error.expected))
