"""What the planner knows of Node.

Nothing that is installed is for an image, but where the lock file says that none of it is for some machines
alone: what is made with it is, if nothing that runs for it takes something from the machine.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import Program
from xbuild.plan.recipes.own_files import UntoldError
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect, EqualCache, Toolchain
from xbuild.plan.toolchains.node import WORK
from xbuild.plan.toolchains.node.accounts import is_installed
from xbuild.plan.toolchains.node.bundlers import BUNDLERS, bundler_of, bundles
from xbuild.plan.toolchains.node.managers import BUN, NPM, PNPM, YARN, enables, executes, manages
from xbuild.plan.toolchains.node.node_images import IMAGES
from xbuild.plan.toolchains.node.npm_scripts import refused
from xbuild.plan.toolchains.node.project_programs import RULES, Rule, runs_by_loader, runs_node, tests
from xbuild.text import expression

_RULES: Mapping[str, Rule] = {
    **RULES,
    "npm": partial(manages, manager=NPM),
    "yarn": partial(manages, manager=YARN),
    "yarnpkg": partial(manages, manager=YARN),
    "pnpm": partial(manages, manager=PNPM),
    "bun": partial(manages, manager=BUN),
    **dict.fromkeys(words("npx bunx pnpx"), executes),
    "corepack": enables,
    **dict.fromkeys(words("node nodejs"), runs_node),
    **dict.fromkeys(words("tsx ts-node vite-node esno jiti"), runs_by_loader),
}
_BUNDLING = frozenset(name for row in BUNDLERS for name in words(row.names))
_OWN_FOLDER = expression(r"(?:.*/)?node_modules/\.bin|/usr/(?:local/)?bin")


def _effect(call: Call) -> Effect:
    name = call.program_name
    try:
        rule = _RULES.get(name)
        if rule is not None:
            return rule(call)
        row = bundler_of(name, call.texts[1:])
        if row is None and next(iter(call.texts[1:]), "") in _TESTING:
            return tests(call)
        if row is None:
            raise UntoldError("what it does is not known")
        return bundles(call, row)
    except UntoldError as error:
        return refused(call, error)


def _does(call: Call, _given: Reading) -> Effect:
    return _effect(call)


_TESTING = frozenset(words("test lint test:unit unit-test"))
"""Verbs of bundlers that make no output."""
_ELSEWHERE = frozenset(("sass",))
"""What others bring too: theirs is described by itself, where no packages are installed."""
PROGRAMS = (
    Program(
        " ".join(sorted({*_RULES, *_BUNDLING} - _ELSEWHERE)),
        style=Style.NONE,
        does=_does,
        is_extra=True,
        brought_by=lambda _: True,
    ),
)


def judge(call: Call) -> Effect | None:
    """Programs by the path of the folder where packages have theirs."""
    folder, name = posixpath.split(call.texts[0] or "")
    if (name not in _RULES and name not in _BUNDLING) or (folder and not _OWN_FOLDER.fullmatch(folder)):
        return None
    if name in _ELSEWHERE and not any(is_installed(made) for made in call.writes):
        return None
    return _effect(replace(call, texts=(name, *call.texts[1:])))


TOOLCHAIN = Toolchain(
    name="node",
    judge=judge,
    programs=PROGRAMS,
    # What runs package managers and programs of packages (`#!/usr/bin/env node`), and these.
    started=(
        *words("node nodejs npm npx yarn yarnpkg pnpm pnpx corepack bun bunx sh env"),
        *sorted(_BUNDLING - _ELSEWHERE),
    ),
    images=IMAGES,
    folders=("/usr/local/lib/node_modules", "/pnpm"),
    caches=("/pnpm",),
    cache_variables=(
        "PNPM_HOME",
        "npm_config_cache",
        "NPM_CONFIG_CACHE",
        "YARN_CACHE_FOLDER",
        "BUN_INSTALL_CACHE_DIR",
    ),
    # npm "cache" (cacache: by sums), yarn 1 "cache" (by name, version and sum), Yarn "Cache strategies",
    # pnpm "store" (by sums; what scripts left, by platform: `sideEffectsCache`), Bun "Global cache".
    equal_caches=(
        EqualCache(r".*/\.npm(/_cacache)?", "packages by their sums"),
        EqualCache(
            r"/usr/local/share/\.cache(/yarn(/v\d+)?)?|.*/\.cache/yarn(/v\d+)?", "packages by version and sum"
        ),
        EqualCache(r".*/\.yarn/berry(/cache)?", "packages by their sums"),
        EqualCache(r".*/pnpm/store(/v\d+)?|.*/\.pnpm-store(/v\d+)?", "files by their sums"),
        EqualCache(r".*/\.bun/install/cache", "packages by version"),
    ),
    equal_variables=("npm_config_cache", "NPM_CONFIG_CACHE", "YARN_CACHE_FOLDER", "BUN_INSTALL_CACHE_DIR"),
    # webpack "Cache", vite `cacheDir`, Next.js "CI Build Caching", Angular "Cache", Parcel `--cache-dir`,
    # Gatsby "Build Caching", VitePress and VuePress `cacheDir`, SWC.
    own_caches=(
        r".*/node_modules(/\.(cache(/.*)?|vite|tmp))?",
        r".*/\.(next/cache|angular(/cache)?|parcel-cache|swc|vitepress/cache|vuepress/\.cache)",
    ),
    work=WORK,
)
