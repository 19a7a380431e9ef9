"""Composer: PHP's packages, as the lock file names them, are the same archives for every machine.

What can bring something else in are scripts and plugins, which run PHP. Extensions of PHP itself are no
packages of its.

Sources: Composer's documentation, "Command-line interface", "Scripts", "The composer.json schema", "Setting
up and using plugins".
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import Program
from xbuild.plan.recipes.own_files import UntoldError, own_text
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call
from xbuild.plan.toolchains.sites.site import Found, Look, builds, json_of, known
from xbuild.text import expression

_PLUGINS = frozenset(
    words(
        "composer/installers composer/package-versions-deprecated ocramius/package-versions "
        "php-http/discovery symfony/runtime oomphinc/composer-installers-extender"
    )
)
"""Plugins that put packages into folders, or write PHP that tells of these."""
_INSTALLED = "vendor/composer/installed.json"
_FAR = expression(r"(?:https?|git|ssh)://|[\w.-]+@[\w.-]+:")
_LOCK_LONGEST = 4 * 1024 * 1024
_INSTALLING = frozenset(
    words(
        "pre-install-cmd post-install-cmd pre-dependencies-solving post-dependencies-solving "
        "pre-package-install post-package-install pre-package-update post-package-update init command "
        "pre-command-run pre-file-download post-file-download pre-operations-exec pre-pool-create"
    )
)
_DUMPING = frozenset(words("pre-autoload-dump post-autoload-dump init pre-command-run command"))
_SCRIPTS_CURE = "composer install --no-scripts, and run them where the image is made"
_LOCKED = "add composer.lock: then every platform gets the same packages"


def _looks(events: frozenset[str], *, is_locked: bool) -> Look:
    def look(call: Call, given: Reading, folder: str) -> Found:
        project = _read(call, folder, "composer.json")
        if not given.has("--no-scripts"):
            told = project.get("scripts", {})
            found = [name for name in (told if isinstance(told, dict) else ()) if name in events]
            if found or not isinstance(told, dict):
                raise UntoldError(f"its script {', '.join(found) or '(strange)'} runs here", _SCRIPTS_CURE)
        has_plugins = not given.has("--no-plugins")
        home = call.variables["COMPOSER_HOME"].text if "COMPOSER_HOME" in call.variables else None
        for name in ("config.json", "composer.json") if home else ():
            if own_text(call, posixpath.join(home or "/", name)) is not None:
                raise UntoldError(f"{name} in COMPOSER_HOME has a say", "leave it out by .dockerignore")
        if is_locked or has_plugins:
            _check_lock(_read(call, folder, "composer.lock"), has_plugins=has_plugins)
        installed = own_text(call, posixpath.join(folder, _INSTALLED)) if has_plugins and is_locked else None
        if installed is not None:  # its plugins run before anything is installed
            _check_lock(json_of(installed, _INSTALLED, longest=_LOCK_LONGEST), has_plugins=True)
        return Found()

    return look


def _read(call: Call, folder: str, name: str) -> Mapping[str, Any]:
    path = posixpath.join(folder, name)
    text = own_text(call, path)
    if text is None:
        raise UntoldError(f"{path} is not in the build context", _LOCKED if name.endswith("lock") else None)
    return json_of(text, path, longest=_LOCK_LONGEST)


def _check_lock(lock: Mapping[str, Any], *, has_plugins: bool) -> None:
    for package in _packages(lock):
        name = package.get("name")
        if str(package.get("type")).lower() in ("composer-plugin", "composer-installer") and has_plugins:
            known((name,), _PLUGINS, "the plugin", "composer install --no-plugins")
        for place in (package.get("dist"), package.get("source")):
            told = place.get("url") if isinstance(place, dict) else "https://"
            if not isinstance(told, str) or _FAR.match(told) is None:
                raise UntoldError(f"{name} comes from a folder", "take it from an archive or a repository")


def _packages(lock: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for key in ("packages", "packages-dev"):
        told = lock.get(key, [])
        if not isinstance(told, list) or not all(isinstance(package, dict) for package in told):
            raise UntoldError("composer.lock is not as Composer writes it")
        yield from told


_COMMON = (
    "-n,--no-interaction -q,--quiet --ansi --no-ansi -v,--verbose -vv -vvv --profile --no-cache "
    "-d,--working-dir=< --no-plugins --no-scripts"
)
_LOADING = "-o,--optimize-autoloader,--optimize -a,--classmap-authoritative --apcu-autoloader,--apcu"
_INSTALL = Program(
    "install",
    f"{_COMMON} {_LOADING} --prefer-dist --prefer-install= --no-dev --dev --no-autoloader --no-progress "
    "--no-suggest --no-audit --ignore-platform-reqs --ignore-platform-req=",
    does=builds(_looks(_INSTALLING | _DUMPING, is_locked=True), source="-d"),
)
_DUMP = Program(
    "dump-autoload",
    f"{_COMMON} {_LOADING} --no-dev --dev --strict-psr --ignore-platform-reqs --ignore-platform-req=",
    does=builds(_looks(_DUMPING, is_locked=False), source="-d"),
)
COMPOSER = Program(
    "composer",
    _COMMON,
    style=Style.FIRST,
    variables=("COMPOSER",),
    verbs={
        "install": _INSTALL,
        "i": _INSTALL,
        "dump-autoload": _DUMP,
        "dumpautoload": _DUMP,
    },
    is_extra=True,
)
