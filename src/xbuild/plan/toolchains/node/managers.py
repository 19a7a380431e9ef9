"""npm, npx, yarn, pnpm, bun and corepack: what they install, and which scripts and programs of the project
they run.

Sources: npm CLI documentation (npm 6 to 11); yarn 1 "yarn install", "yarn run", "yarn workspace"; Yarn "CLI
reference" (2 to 4); pnpm "pnpm CLI", "Filtering"; Bun "bun install", "bun run"; nodejs/corepack README.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import lru_cache

from xbuild.plan.facts.filesystem import Kind
from xbuild.plan.programs.grammar import Grammar, Option, Reading, Style, grammar, read
from xbuild.plan.programs.program import open_words, plain, shifted
from xbuild.plan.recipes.own_files import UntoldError
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect
from xbuild.plan.toolchains.node.accounts import Account, is_installed, open_account
from xbuild.plan.toolchains.node.installs import (
    check_settings,
    check_surroundings,
    installs,
    installs_tools,
    put,
)
from xbuild.plan.toolchains.node.manifests import PackageJson, manifest, members
from xbuild.plan.toolchains.node.npm_scripts import ScriptLine, quoted, rephrased, run, with_hooks
from xbuild.text import value

Verb = Callable[[Call, "Manager", Sequence[str | None]], Effect]


@value()
class Manager:
    """A package manager: its name, options that may stand in front of a verb, those of an installation, and
    its verbs. `in_folder` are options that name the folder where it works. `has_all`: a script or a program
    of the project may stand where a verb does.
    """

    name: str
    front: str
    install: str
    in_folder: tuple[str, ...]
    frozen: tuple[str, ...]
    installing: tuple[str, ...]
    running: tuple[str, ...]
    executing: tuple[str, ...] = ()
    pruning: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    has_all: bool = False


_NPM_FLAGS = (
    "--audit[=] --no-audit --fund[=] --no-fund --progress[=] --no-progress --silent -s --quiet -q --verbose "
    "--loglevel= --color[=] --no-color --yes[=] -y --registry= --cache= --unsafe-perm[=] --ignore-scripts[=] "
    "--legacy-peer-deps[=] --strict-peer-deps[=] --force[=] -f --prefer-offline[=] --offline[=] "
    "--update-notifier[=] --no-update-notifier --foreground-scripts[=] --if-present -d -dd -ddd --timing "
    "--maxsockets= --fetch-retries= --fetch-timeout= --fetch-retry-mintimeout= --fetch-retry-maxtimeout= "
    "--engine-strict[=] --prefix=/ -C=/ -w,--workspace= --workspaces --ws --include-workspace-root "
    "--install-links[=] --strict-ssl[=] --no-bin-links --scripts-prepend-node-path[=] --prod --production[=] "
    # Meant for Angular's command. npm keeps what it does not know as a setting of its own, and hands nothing
    # of it on (nopt: without `=` such an option is one that is on).
    "--aot[=] --configuration[=] --base-href[=] --deploy-url[=] --output-hashing[=] --build-optimizer[=] "
    "--source-map[=] --optimization[=] --stats-json[=] --mode[=]"
)
NPM = Manager(
    "npm",
    _NPM_FLAGS,
    f"{_NPM_FLAGS} --omit= --include= --production[=] --only= --only-dev --dev[=] --no-save --save[=] "
    "--package-lock[=] --no-package-lock --prefer-dedupe --dedupe --install-strategy= -g --global[=] "
    "--location= -D --save-dev -S -P --save-prod -E --save-exact --no-dev",
    ("--prefix", "-C"),
    ("ci", "clean-install", "install-clean", "ic", "cit", "install-ci-test"),
    words(
        "install i add in ins inst insta instal isnt isnta isntal isntall ci clean-install install-clean ic"
    ),
    words("run run-script rum urn"),
    words("exec x"),
    words("prune"),
    words("cache set version view ping config c pkg fund audit doctor root prefix bin ls list outdated"),
    (
        ("rebuild", "it builds for the machine that it runs on"),
        ("pack", "it packs what its own rules choose"),
        ("link", "it links packages of the machine"),
    ),
)
_YARN_FLAGS = (
    "--silent -s --verbose --json --no-progress --non-interactive --cwd=/ --prefer-offline --offline "
    "--network-timeout= --network-concurrency= --ignore-engines --mutex= --registry= --cache-folder= "
    "--no-default-rc --no-node-version-check --ignore-platform --emoji[=]"
)
YARN = Manager(
    "yarn",
    _YARN_FLAGS,
    f"{_YARN_FLAGS} --frozen-lockfile --immutable --immutable-cache --check-cache --production[=] --prod "
    "--pure-lockfile --no-lockfile --ignore-scripts --check-files --force --inline-builds --mode= "
    "--ignore-optional --update-checksums --har --flat --link-duplicates --skip-integrity-check "
    "--refresh-lockfile",
    ("--cwd",),
    ("--frozen-lockfile", "--immutable"),
    ("install", ""),
    ("run",),
    ("exec",),
    ("autoclean",),
    words("cache config versions version why list info --version -v"),
    (
        ("add", "it installs what no lock file names"),
        ("up", "it installs what no lock file names"),
        ("upgrade", "it installs what no lock file names"),
        ("dlx", "it runs what no lock file names"),
        ("set", "it brings another yarn, which no lock file names"),
        ("plugin", "it brings a plugin, which no lock file names"),
        ("rebuild", "it builds for the machine that it runs on"),
    ),
    has_all=True,
)
_PNPM_FLAGS = (
    "--silent -s --reporter= -r --recursive --filter= -F= --dir=/ -C=/ --color --no-color --loglevel= "
    "--workspace-root -w --if-present --parallel --stream --aggregate-output --workspace-concurrency= "
    "--sort --no-sort --no-bail --bail[=] --fail-if-no-match --use-stderr --include-workspace-root "
    "--store-dir= --aggregate-output --filter-prod= --report-summary --sequential"
)
PNPM = Manager(
    "pnpm",
    _PNPM_FLAGS,
    f"{_PNPM_FLAGS} --frozen-lockfile[=] --no-frozen-lockfile --prefer-frozen-lockfile[=] --prod -P "
    "--production[=] --dev -D --no-optional --ignore-scripts --offline --prefer-offline "
    "--shamefully-hoist[=] "
    "--dangerously-allow-all-builds --ignore-workspace-root-check "
    "--child-concurrency= --network-concurrency= --ignore-workspace --strict-peer-dependencies[=] "
    "--no-strict-peer-dependencies --side-effects-cache --force --fix-lockfile --unsafe-perm --hoist[=] "
    "--no-hoist --node-linker= --public-hoist-pattern= --global -g --registry= --package-import-method= "
    "--lockfile-only --resolution-only --merge-git-branch-lockfiles --virtual-store-dir= "
    "--shared-workspace-lockfile[=] --link-workspace-packages[=] --verify-store-integrity[=] "
    "--ignore-pnpmfile --modules-cache-max-age= --engine-strict -f",
    ("--dir", "-C"),
    ("--frozen-lockfile", "ci", "clean-install"),
    ("install", "i", "ci", "clean-install"),
    ("run", "run-script"),
    ("exec",),
    ("prune",),
    words("config store root bin --version -v setup env server cache list ls why outdated"),
    (
        ("add", "it installs what no lock file names"),
        ("update", "it installs what no lock file names"),
        ("dlx", "it runs what no lock file names"),
        ("deploy", "what it deploys is packages as they are installed here, for this machine"),
        ("rebuild", "it builds for the machine that it runs on"),
    ),
    has_all=True,
)
_BUN_FLAGS = (
    "--silent --cwd=/ --verbose --no-progress --no-summary --bun -b --if-present --filter= -F= --smol --quiet"
)
BUN = Manager(
    "bun",
    _BUN_FLAGS,
    f"{_BUN_FLAGS} --frozen-lockfile --production -p --no-save --save --ignore-scripts --no-cache --omit= "
    "--force -f --backend= --registry= --network-concurrency= --concurrent-scripts= --linker= --no-verify -g "
    "--global --save-text-lockfile --trust --yarn -y --dev -d --only-missing",
    ("--cwd",),
    ("--frozen-lockfile", "ci"),
    ("install", "i", "ci"),
    ("run",),
    ("x",),
    (),
    words("pm --version -v --revision"),
    (
        ("add", "it installs what no lock file names"),
        ("build", "bun build may make a program for the machine, and is not followed"),
        ("create", "it installs what no lock file names"),
        ("upgrade", "it brings another bun"),
    ),
    has_all=True,
)
_GLOBAL = frozenset(
    words("npm pnpm yarn corepack bun serve http-server rimraf cross-env env-cmd dotenv-cli pm2")
)
"""Tools that change nothing about what is made, in whatever version."""
_LIFE = words("test start restart stop")


# -- words


@lru_cache(maxsize=64)
def _grammar(text: str) -> Grammar:
    return grammar(" ".join(dict.fromkeys(text.split())))


def _front(call: Call, manager: Manager) -> tuple[Reading, int]:
    """The options in front of the verb, and the place of the verb behind the name; that of the end where
    there is none. Raises UntoldError.
    """
    given = call.texts[1:]
    found = read(_grammar(manager.front), given, open_words(call), Style.FIRST)
    if found is None:
        found = read(_grammar(manager.install), given, open_words(call), Style.FIRST)
        if found is None:
            raise UntoldError("its options are not known")
    return found, found.places[0] if found.places else len(given)


def _behind(call: Call, options: str, start: int) -> Reading:
    """What stands behind a verb at `start`. Raises UntoldError."""
    found = read(_grammar(options), call.texts[1:][start:], shifted(open_words(call), start), Style.GNU)
    if found is None:
        raise UntoldError("its options are not known")
    return found


def _folder(call: Call, manager: Manager, *given: Reading) -> str | None:
    """Where it works."""
    told = [v for one in given for v in one.values(*manager.in_folder)]
    if not told:
        return call.directory
    return call.seen(told[-1]) if len(told) == 1 else None


# -- what it does


def manages(call: Call, manager: Manager) -> Effect:
    """The effect of a package manager. Raises UntoldError."""
    front, at = _front(call, manager)
    verb = call.texts[1:][at] if at < len(call.texts) - 1 else ""
    if verb is None:
        raise UntoldError("what it is told to do cannot be told")
    if front.has("-g", "--global"):
        return _global(call, manager, _behind(call, manager.install, 0))
    why = dict(manager.refused).get(verb)
    if why is not None and not (manager.has_all and verb == "build" and manager.name != "bun"):
        return _refused_or_global(call, manager, verb, why, at + 1)
    if verb in manager.aside or call.texts[1:2] in (("--version",), ("-v",)):
        return _aside(call, verb, call.texts[2 + at :])
    if verb in manager.installing:
        return _installs(call, manager, front, verb, at + 1)
    if verb in manager.pruning:
        given = _behind(call, manager.install, at + 1)
        return _prunes(call, _folder(call, manager, front, given))
    if verb in manager.running or verb in _LIFE:
        start = at + 1 if verb in manager.running else at
        return _runs(call, manager, front, start)
    if verb in manager.executing:
        return _executes(call, manager, front, call.texts[1:][at + 1 :])
    special = _SPECIAL.get((manager.name, verb))
    if special is not None:
        return special(call, manager, call.texts[1:][at + 1 :])
    if manager.has_all:
        return _runs(call, manager, front, at, or_program=True)
    raise UntoldError(f"what {manager.name} {verb[:40]} does is not known")


def _refused_or_global(call: Call, manager: Manager, verb: str, why: str, start: int) -> Effect:
    if verb == "add":
        given = read(
            _grammar(manager.install), call.texts[1:][start:], shifted(open_words(call), start), Style.GNU
        )
        if given is not None and given.has("-g", "--global"):
            return _global(call, manager, given)
    raise UntoldError(why, "install by the lock file, and call what makes the output")


def _aside(call: Call, verb: str, rest: Sequence[str | None]) -> Effect:
    """Settings and caches; a setting that may tell the machine is refused."""
    if verb in ("config", "c", "set"):
        names = [t.partition("=")[0] for t in rest if t is not None and t not in ("set", "--global", "-g")]
        if None in rest or not names or names[0] not in _SETTINGS:
            raise UntoldError("it sets what is not known to leave the machine alone")
    elif verb == "pkg" or (verb == "version" and any(rest)):
        raise UntoldError("it changes package.json")
    elif verb == "audit" and "fix" in rest:
        raise UntoldError("it installs what no lock file names")
    effect = installs_tools(call)
    return replace(effect, output=Kind.BUILD)


_SETTINGS = frozenset(
    words(
        "registry fund audit update-notifier loglevel progress cache fetch-retries fetch-timeout "
        "fetch-retry-mintimeout fetch-retry-maxtimeout maxsockets strict-ssl cafile ca store-dir "
        "network-timeout unsafe-perm legacy-peer-deps yarn-offline-mirror package-import-method "
        "enableTelemetry nodeLinker enableGlobalCache httpTimeout enableProgressBars enableImmutableInstalls "
        "cacheFolder npmRegistryServer compressionLevel set-script-shell ignore-scripts version-git-tag "
        "auto-install-peers node-linker shamefully-hoist"
    )
) - {"set-script-shell"}


def _global(call: Call, manager: Manager, given: Reading) -> Effect:
    """Tools for the stage: those that change nothing about an output."""
    check_surroundings(call)
    operands = [o for o in given.operands if o not in (*manager.installing, "add", "global")]
    for name in operands:
        plain_name = (name or "?")[:1] + (name or "?")[1:].partition("@")[0]
        if plain_name not in _GLOBAL:
            raise UntoldError(
                f"{plain_name[:60]} is installed by no lock file", "make it a dependency of the project"
            )
    folders = ("/usr/local/lib/node_modules", "/usr/local/bin", "/usr/local/share")
    return installs_tools(call, folders)


def _installs(call: Call, manager: Manager, front: Reading, verb: str, start: int) -> Effect:
    given = _behind(call, manager.install, start)
    if given.has("-g", "--global") or "global" in given.values("--location"):
        return _global(call, manager, given)
    if given.operands:
        named = (given.operands[0] or "what is not told")[:60]
        raise UntoldError(f"it installs {named}, which no lock file names", "add it to package.json")
    options = (*front.options, *given.options)
    bad = next(
        (o for o in options if o.name in ("--package-lock", "--no-package-lock", "--no-lockfile")), None
    )
    if bad is not None and bad.value != "true":
        raise UntoldError("it installs without a lock file")
    frozen = any(o.name in manager.frozen and o.value != "false" for o in options)
    ignoring = {o.value in _ON for o in options if o.name == "--ignore-scripts"}
    return installs(
        call,
        manager.name,
        _folder(call, manager, front, given),
        is_frozen=frozen or verb in manager.frozen,
        has_scripts=ignoring != {True},
        without_dev=_is_without_dev(options),
    )


_ON = (None, "", "true")


def _is_without_dev(options: Sequence[Option]) -> bool:
    """Whether what development takes is left out (npm "config", omit and include; pnpm "pnpm install")."""
    told = {(option.name, option.value) for option in options}
    is_out = not told.isdisjoint(_WITHOUT_DEV)
    # An option that is said twice counts as it is said last.
    others = {name for name, value in told if (name, value) not in _WITHOUT_DEV}
    return is_out and others.isdisjoint(_WITH_DEV)


_WITH_DEV = words("--include --dev -D --production --prod -P --only")
_WITHOUT_DEV = frozenset(
    (
        ("--omit", "dev"), ("--only", "production"), ("--only", "prod"),
        *((name, told) for name in ("--production", "--prod", "-P") for told in _ON),
    )
)  # fmt: skip


def _prunes(call: Call, folder: str | None) -> Effect:
    """Some packages are removed; which does not depend on the machine, what is left is what it was."""
    account = open_account(call, manifest(call, folder))
    modules = posixpath.join(account.folder, "node_modules")
    kinds = [w.kind for w in call.writes.covering(modules) if w.path == modules]
    return replace(
        plain(call, Kind.BUILD),
        writes=(put(call, modules, max(kinds, default=Kind.BUILD)),),
        toolchain="node",
    )


def _fetches(call: Call, _manager: Manager, rest: Sequence[str | None]) -> Effect:
    """Into the store: what it holds is known by its sums."""
    if any(t is None or not t.startswith("-") for t in rest):
        raise UntoldError("what it fetches is not known")
    modules = posixpath.join(call.directory or "/", "node_modules")
    return installs_tools(call, (modules,))


def _in_workspace(call: Call, manager: Manager, rest: Sequence[str | None]) -> Effect:
    """`yarn workspace NAME …`: a script or a program in that one."""
    root = manifest(call, call.directory)
    found = _member(call, root, rest[0] if rest else None)
    told = list(rest[1:])
    if told[:1] == ["run"]:
        told = told[1:]
    if not told or told[0] is None:
        raise UntoldError("what it runs cannot be told")
    return _script_or_program(call, found, told, manager)


def _global_of_yarn(call: Call, manager: Manager, rest: Sequence[str | None]) -> Effect:
    if rest[:1] != ("add",) and list(rest[:1]) != ["add"]:
        raise UntoldError("what it does is not known")
    return _global(
        call, manager, Reading((), tuple(t for t in rest[1:] if t is None or not t.startswith("-")))
    )


def _focuses(call: Call, manager: Manager, rest: Sequence[str | None]) -> Effect:
    if list(rest[:1]) != ["focus"]:
        raise UntoldError("which workspaces it runs in is not followed")
    return installs(call, manager.name, call.directory, is_frozen=True, has_scripts=True)


_SPECIAL: dict[tuple[str, str], Verb] = {
    ("pnpm", "fetch"): _fetches,
    ("yarn", "workspace"): _in_workspace,
    ("yarn", "global"): _global_of_yarn,
    ("yarn", "workspaces"): _focuses,
}


# -- scripts and programs of the project


def _runs(call: Call, manager: Manager, front: Reading, start: int, *, or_program: bool = False) -> Effect:
    """A script; npm takes options behind its name too, the others hand these on."""
    rest = call.texts[1:][start:]
    given = front
    if manager.name == "npm":
        end = rest.index("--") if "--" in rest else len(rest)
        inner = read(
            _grammar(manager.front),
            rest[:end],
            frozenset(n for n in shifted(open_words(call), start) if n < end),
            Style.GNU,
        )
        if inner is None or len(inner.operands) < 1:
            raise UntoldError("which script it runs cannot be told")
        given = Reading((*front.options, *inner.options))
        rest = (*inner.operands, *rest[end + 1 :])
    else:
        while rest and rest[0] is not None and rest[0].startswith("-"):
            inner = read(_grammar(manager.front), rest, frozenset(), Style.FIRST)
            if inner is None or not inner.places:
                raise UntoldError("which script it runs cannot be told")
            given = Reading((*given.options, *inner.options))
            rest = rest[inner.places[0] :]
    if not rest or rest[0] is None:
        raise UntoldError("which script it runs cannot be told")
    projects = _selected(call, manager, given)
    if given.has("--if-present") and not any(rest[0] in p.scripts for p in projects):
        return replace(plain(call, Kind.BUILD), toolchain="node")
    if manager.name == "pnpm" and list(rest[1:2]) == ["--"]:
        rest = (rest[0], *rest[2:])
    if not projects:
        raise UntoldError("no workspace stands in the project")
    is_program = or_program or manager.name == "bun"
    return _script_or_program(call, projects[0], rest, manager, or_program=is_program, lines=projects)


def _script_or_program(
    call: Call,
    found: PackageJson,
    told: Sequence[str | None],
    manager: Manager,
    *,
    or_program: bool = True,
    lines: Sequence[PackageJson] = (),
) -> Effect:
    name = told[0]
    assert name is not None
    projects = lines or (found,)
    having = [p for p in projects if name in p.scripts]
    arguments = quoted(told[1:])
    check_settings(call, call.directory, *(p.folder for p in projects))
    if having:
        every = [line for p in having for line in with_hooks(p, name, arguments)]
        return run(call, every, having[0].file, _programs_of(call, having))
    if or_program and len(projects) == 1:
        is_here = manager.name == "yarn" and lines != ()
        folder = call.directory if is_here and call.directory else found.folder
        return run(call, (ScriptLine(folder, quoted(told), call.place),))
    raise UntoldError(f"{found.file} has no script {name[:60]}")


def _programs_of(call: Call, projects: Sequence[PackageJson]) -> frozenset[str]:
    """The programs that packages of the project bring, which lie in front of all others for its scripts."""
    account_folder = open_account(call, projects[0]).folder if _has_installed(call) else projects[0].folder
    root = manifest(call, account_folder)
    return frozenset(name for m in (*projects, *members(call, root)) for name in m.programs)


def _has_installed(call: Call) -> bool:
    return any(is_installed(made) for made in call.writes)


def _selected(call: Call, manager: Manager, given: Reading) -> tuple[PackageJson, ...]:
    """The projects whose script is run. Raises UntoldError."""
    folder = _folder(call, manager, given)
    own = manifest(call, folder)
    filters = given.values("--filter", "-F") if manager.name in ("pnpm", "bun") else given.values("-w")
    is_all = given.has("-r", "--recursive") if manager.name == "pnpm" else given.has("--workspaces", "--ws")
    if manager.name == "pnpm" and given.has("-w", "--workspace-root"):
        return (own,)
    if not filters and not is_all:
        return (own,)
    found = members(call, own)
    if is_all and not filters:
        return found
    return tuple({m.folder: m for one in filters for m in _filtered(call, own, one)}.values())


def _filtered(call: Call, root: PackageJson, told: str | None) -> Iterator[PackageJson]:
    """`name`, `./folder`, `name...` with all that it needs of the project, `@scope/*`."""
    if told is None or told.startswith(("!", "...", "[")) or "^" in told:
        raise UntoldError("which workspaces it runs in cannot be told")
    plain_name = told.removesuffix("...")
    every = members(call, root)
    named = [m for m in every if _is_called(m, root, plain_name)]
    if not named:
        raise UntoldError(f"no workspace is called {plain_name[:60]}")
    if told != plain_name:
        yield from _needed_by(named, every)
    yield from named


def _needed_by(named: Sequence[PackageJson], every: Sequence[PackageJson]) -> Iterator[PackageJson]:
    by_name = {m.name: m for m in every}
    pending = list(named)
    seen = {m.name for m in named}
    for one in pending:
        for name, _ in one.asked:
            if name in by_name and name not in seen:
                seen.add(name)
                pending.append(by_name[name])
    yield from (m for m in pending if m not in named)


def _is_called(one: PackageJson, root: PackageJson, name: str) -> bool:
    below = posixpath.relpath(one.folder, root.folder)
    return fnmatchcase(one.name, name) or posixpath.normpath(name.strip("{}")) == below


def _member(call: Call, root: PackageJson, name: str | None) -> PackageJson:
    found = next((m for m in members(call, root) if name is not None and m.name == name), None)
    if found is None:
        raise UntoldError(f"no workspace is called {(name or 'so')[:60]}")
    return found


_EXEC = "--no-install --no --yes -y --quiet -q --silent -s --bun --prefer-offline"


def _executes(call: Call, manager: Manager, front: Reading, rest: Sequence[str | None]) -> Effect:
    """A program of an installed package, by its name."""
    found = read(_grammar(_EXEC), rest, frozenset(), Style.FIRST)
    if found is None or not found.operands:
        raise UntoldError("which program it runs cannot be told")
    told = rest[found.places[0] :]
    projects = _selected(call, manager, front)
    if len(projects) != 1:
        raise UntoldError("which workspaces it runs in is not followed")
    folder = call.directory if not front.options else projects[0].folder
    check_settings(call, folder)
    if folder is None:
        raise UntoldError("where it runs cannot be told")
    return run(call, (ScriptLine(folder, quoted(told), call.place),))


def executes(call: Call) -> Effect:
    """`npx` and `bunx`. Raises UntoldError."""
    check_settings(call, call.directory)
    found = read(_grammar(_EXEC), call.texts[1:], open_words(call), Style.FIRST)
    if found is None or not found.operands or found.operands[0] is None:
        raise UntoldError("which program it runs cannot be told")
    name = found.operands[0]
    told = call.texts[1:][found.places[0] :]
    if "@" in name[1:]:
        name, _, version = name.rpartition("@")
        _check_version(_account(call), name, version)
        told = (name, *told[1:])
    return rephrased(call, quoted((_PROGRAMS.get(name, name), *told[1:])))


_PROGRAMS = {
    "@11ty/eleventy": "eleventy",
    "@angular/cli": "ng",
    "@babel/cli": "babel",
    "@craco/craco": "craco",
    "@nestjs/cli": "nest",
    "@rsbuild/core": "rsbuild",
    "@rspack/cli": "rspack",
    "@swc/cli": "swc",
    "@tailwindcss/cli": "tailwindcss",
    "@vue/cli-service": "vue-cli-service",
    "typescript": "tsc",
}


def _account(call: Call) -> Account:
    return open_account(call, manifest(call, call.directory))


def _check_version(account: Account, name: str, version: str) -> None:
    if version not in account.lock.versions(name):
        raise UntoldError(f"{name}@{version[:20]} is not what {account.lock.file} names")


def enables(call: Call) -> Effect:
    """corepack: it brings yarn and pnpm, in the version that package.json names or that it is told."""
    check_surroundings(call)
    verb = next((t for t in call.texts[1:] if t is None or not t.startswith("-")), None)
    if verb not in ("enable", "prepare", "use", "install", "disable", "up", "cache"):
        return rephrased(call, quoted(call.texts[1:]))
    if verb in ("use", "up"):
        raise UntoldError("it changes package.json, and installs")
    return installs_tools(call, ("/usr/local/bin", "/usr/local/lib/node_modules"))
