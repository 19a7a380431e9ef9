"""What an installer of packages does: what it puts where, and the scripts of the project that it runs.

Sources: npm "npm ci", "npm install", "scripts" (life cycle operations); yarn 1 "yarn install"; Yarn "yarn
install"; pnpm "pnpm install", "pnpm fetch"; Bun "bun install", "Lifecycle scripts".
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import replace

from xbuild.plan.facts.filesystem import Kind, Write, join
from xbuild.plan.model import Evidence, Place
from xbuild.plan.programs.program import source_kind, write
from xbuild.plan.reading.cache_mounts import KEPT
from xbuild.plan.recipes.own_files import UntoldError, mount_target
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect
from xbuild.plan.toolchains.node.accounts import is_installed_in_cache, is_telling, listed
from xbuild.plan.toolchains.node.manifests import (
    INSTALLED,
    PackageJson,
    check_files,
    check_wanted,
    lock_at,
    manifest,
    members,
    project_folders,
    standing,
)
from xbuild.plan.toolchains.node.node_locks import NodeLock, NodePackage
from xbuild.plan.toolchains.node.npm_scripts import ScriptLine, run, seen_kind
from xbuild.text import expression

_LIFE_CYCLE = words(
    "pnpm:devPreinstall preinstall install postinstall prepublish preprepare prepare postprepare dependencies"
)
_CACHES = (".npm", ".cache", ".config", ".local", ".yarn", ".bun", ".node-gyp", ".pnpm-store")
_HARMLESS = frozenset(
    words(
        "npm_config_cache npm_config_loglevel npm_config_update_notifier npm_config_fund npm_config_audit "
        "npm_config_registry npm_config_production npm_config_legacy_peer_deps npm_config_prefix "
        "npm_config_progress npm_config_color npm_config_yes npm_config_ignore_scripts npm_config_omit "
        "npm_config_fetch_retries npm_config_fetch_timeout npm_config_store_dir npm_config_strict_ssl "
        "npm_config_cafile npm_config_package_import_method npm_config_network_timeout "
        "npm_config_fetch_retry_mintimeout npm_config_fetch_retry_maxtimeout npm_config_maxsockets "
        "yarn_cache_folder yarn_enable_telemetry yarn_version yarn_enable_global_cache "
        "yarn_enable_immutable_installs yarn_npm_auth_token yarn_npm_registry_server yarn_http_timeout "
        "bun_install bun_install_bin bun_install_cache_dir bun_runtime_transpiler_cache_path bun_version "
        "corepack_home corepack_enable_download_prompt corepack_enable_strict corepack_default_to_latest "
        "corepack_enable_auto_pin corepack_integrity_keys corepack_enable_network corepack_npm_registry "
        "pnpm_home pnpm_version"
    )
)
_TELLING = expression(r"(?i)(?:npm_config|yarn|bun|corepack|pnpm)_.*")
_LOADING = frozenset(
    words(
        "NODE_PATH NODE_REPL_EXTERNAL_MODULE NODE_ICU_DATA NODE_PRESERVE_SYMLINKS "
        "ESBUILD_BINARY_PATH NAPI_RS_NATIVE_LIBRARY_PATH SWC_BINARY_PATH "
        "TS_NODE_COMPILER TS_NODE_REQUIRE NODE_COMPILE_CACHE NODE_V8_COVERAGE NODE_REDIRECT_WARNINGS"
    )
)
_OPTIONS = expression(
    r"(?:\s|--max[-_](?:old|semi)[-_]space[-_]size=\d+|--openssl-legacy-provider|--no-warnings|"
    r"--no-deprecation|--dns-result-order=\w+|--no-experimental-\w+|--enable-source-maps|"
    r"--trace-(?:warnings|deprecation)|--disable-warning=\w+)*"
)


def is_loading(name: str) -> bool:
    """Whether a variable of that name may have a say in the machine, or in what else is run."""
    return name in _LOADING or (_TELLING.fullmatch(name) is not None and name.lower() not in _HARMLESS)


def check_surroundings(call: Call) -> None:
    """No variable has a say in the machine, or in what else is run. Raises UntoldError."""
    for name in (*call.assignments, *(n for n, v in call.variables.items() if v.origin != "shell")):
        if name == "NODE_OPTIONS":
            given = call.assignments[name][0].value if name in call.assignments else call.variables[name].text
            if given is None or not _OPTIONS.fullmatch(given):
                raise UntoldError("NODE_OPTIONS is set to what is not known")
        elif is_loading(name):
            raise UntoldError(f"{name} is set, which is not known to leave the machine alone")
    for mount in call.run.mounts:
        target = mount_target(call, mount)
        if mount.type == "cache" and (target is None or "node_modules" in target.split("/")):
            made = call.writes.exactly(target) if target is not None else ()
            left = [w for w in made if w.by in (("RUN",), ("RUN", KEPT))]
            if not left or any(w.kind is Kind.UNKNOWN for w in left):
                raise UntoldError(
                    f"the cache mount at {target or 'a place not told'} holds what other builds left"
                )


def check_settings(call: Call, *folders: str | None) -> None:
    """Neither a variable nor a file of settings that counts in these folders has a say in the machine, or in
    what else is run, where this command runs. Raises UntoldError.
    """
    check_surroundings(call)
    for folder in dict.fromkeys(folders):
        if folder is None:
            raise UntoldError("where it runs cannot be told", "set it by WORKDIR")
        check_files(call, folder, dict.fromkeys(("/root", _home(call))))


def _home(call: Call) -> str:
    """The home of the user that runs it."""
    user = (call.scope.user() or "root").partition(":")[0]
    told = call.assignments["HOME"][0].value if "HOME" in call.assignments else None
    kept = call.variables.get("HOME")
    home = told or (kept.text if kept is not None else None)
    if home and home.startswith("/"):
        return home
    return "/root" if user in ("root", "0") else f"/home/{user}"


def homes(call: Call) -> tuple[str, ...]:
    """The folders of caches and settings of the user that runs it."""
    home = _home(call)
    named = ("npm_config_cache", "NPM_CONFIG_CACHE", "YARN_CACHE_FOLDER", "PNPM_HOME", "COREPACK_HOME")
    given = (v.text for n in named if (v := call.variables.get(n)) is not None and v.text)
    return (*(f"{home}/{name}" for name in _CACHES), *given, "/usr/local/share/.cache")


def put(call: Call, path: str, kind: Kind = Kind.BUILD, *, is_file: bool = False) -> Write:
    """A write of what is installed."""
    made = write(call, path, kind, is_file=is_file)
    return replace(made, by=("RUN", call.program_name, INSTALLED))


def installs_tools(call: Call, folders: tuple[str, ...] = ()) -> Effect:
    """Programs for the stage's own use, and caches: nothing of them is for an image."""
    places = (*homes(call), *folders)
    return Effect(
        writes=tuple(put(call, place) for place in places),
        reads=(),
        output=Kind.BUILD,
        sees_environment=False,
        toolchain="node",
    )


def installs(
    call: Call,
    program: str,
    folder: str | None,
    *,
    is_frozen: bool,
    has_scripts: bool,
    without_dev: bool = False,
) -> Effect:
    """The effect of an installation by a lock file. Raises UntoldError.

    `is_frozen`: it fails where the lock file is of something else. `has_scripts`: it runs those of the
    project, and of what it installs. `without_dev`: what development takes is left out.
    """
    check_surroundings(call)
    found = manifest(call, folder)
    root, lock = _root(call, found, program)
    check_settings(call, found.folder)
    projects = (root, *(m for m in members(call, root) if m.folder != root.folder))
    if not is_frozen:
        local = frozenset(m.name for m in projects)
        for project in projects:
            check_wanted(project, lock, local)
    there_is = tuple(p for p in lock.packages if not (p.is_dev and without_dev))
    bound = _bound(call, lock, there_is, has_scripts=has_scripts)
    kind = _kind(call, root, is_pure=not bound)
    folders = {root.folder, *(posixpath.join(root.folder, f) for f in project_folders(call, root))}
    modules = tuple(put(call, posixpath.join(f, "node_modules"), kind) for f in sorted(folders))
    if kind is Kind.BUILD and bound:
        modules = tuple(replace(w, text=f"{w.text} ({listed(bound)})") for w in modules)
    others = tuple(
        put(call, posixpath.join(root.folder, f)) for f in (".yarn", ".pnp.cjs", ".pnp.loader.mjs")
    )
    caches = tuple(put(call, place) for place in homes(call))
    evidence = Evidence(f"`{call.spelled()}` installs what {lock.file} names", call.place)
    effect = Effect(
        writes=(*modules, *(others if program == "yarn" else ()), *caches, *_built(call, projects)),
        reads=(root.folder,),
        output=Kind.BUILD,
        evidence=(evidence,),
        toolchain="node",
    )
    lines = tuple(_life_cycle(projects)) if has_scripts else ()
    if not lines:
        return effect
    # The scripts find what was installed.
    there = call.writes.fork()
    there += effect.writes
    ran = run(replace(call, writes=there), lines)
    return replace(
        effect, writes=(*effect.writes, *ran.writes), notes=ran.notes, evidence=(evidence, *ran.evidence)
    )


def _root(call: Call, found: PackageJson, program: str) -> tuple[PackageJson, NodeLock]:
    """The project whose lock file counts: this one, or one around it whose workspace it is."""
    lock = lock_at(call, found.folder, (program,))
    if lock is not None:
        return found, lock
    around = posixpath.dirname(found.folder)
    while around != "/":
        lock = lock_at(call, around, (program,))
        root = manifest(call, around) if lock is not None else None
        if lock is not None and root is not None:
            return root, lock
        around = posixpath.dirname(around)
    raise UntoldError(
        f"there is no lock file of {program}, so that what is installed cannot be told",
        "COPY the lock file, and install by it",
    )


def _bound(call: Call, lock: NodeLock, packages: Sequence[NodePackage], *, has_scripts: bool) -> list[str]:
    """What of all that is installed may be another on another machine: packages by their names, or what the
    lock file does not say of them.
    """
    runs_none = not has_scripts and lock.says_machines and not _may_keep_built(call)
    found = {
        p.name
        for p in packages
        if (p.is_variant or p.is_built or p.is_local or (p.has_script and not runs_none))
        if not p.is_elsewhere
    }
    if found or lock.says_all or runs_none:
        return sorted(found)
    unsaid = "have install scripts" if lock.says_machines else "have something native"
    return [f"{lock.form} does not say which packages {unsaid}"]


def _may_keep_built(call: Call) -> bool:
    """Whether packages may come with what their scripts have left, out of pnpm's store (pnpm "Settings",
    sideEffectsCache).
    """
    is_kept = any(mount.type == "cache" for mount in call.run.mounts)
    made = [w for w in call.writes if w.by[2:3] == (INSTALLED,) and w.by[1] != "npm"]
    is_made = any(posixpath.basename(w.path or "") == "node_modules" and w.path != _OF_TOOLS for w in made)
    return call.program_name != "npm" and (is_kept or is_made)


_OF_TOOLS = "/usr/local/lib/node_modules"


def _kind(call: Call, root: PackageJson, *, is_pure: bool) -> Kind:
    """What is installed is the same everywhere if none of it is for some machines alone, or runs anything."""
    # What other installations left in a cache may still lie in it.
    is_pure = is_pure and not call.writes.where(is_installed_in_cache)
    made = join(w.kind for w in call.writes.where(is_telling))
    read = join((seen_kind(call), made, source_kind(call, posixpath.join(root.folder, "package.json"))))
    if read.is_right:
        return Kind.PORTABLE if is_pure else Kind.BUILD
    return read


def _life_cycle(projects: tuple[PackageJson, ...]) -> Iterator[ScriptLine]:
    for project in projects:
        for name in _LIFE_CYCLE:
            if name in project.scripts:
                yield ScriptLine(
                    project.folder, project.scripts[name], Place(project.line(name), project.file)
                )


def _built(call: Call, projects: tuple[PackageJson, ...]) -> Iterator[Write]:
    """Where node-gyp builds what a binding.gyp of the project describes: its sources and configuration may
    take that from there.
    """
    for project in projects:
        if standing(call, posixpath.join(project.folder, "binding.gyp")) is not None:
            yield replace(put(call, posixpath.join(project.folder, "build")), by=("RUN", "node-gyp"))
