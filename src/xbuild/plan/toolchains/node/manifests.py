"""A project of Node's as it lies in the stage: package.json, workspaces, files of settings.

Sources: npm "package.json", "workspaces", "npmrc", "scripts"; pnpm "pnpm-workspace.yaml"; Yarn
".yarnrc.yml", yarn 1 ".yarnrc"; Bun "bunfig.toml".
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from xbuild.plan.facts.filesystem import Write, is_within, resolved
from xbuild.plan.facts.positions import ancestors
from xbuild.plan.recipes.own_files import UntoldError, context_file, context_text
from xbuild.plan.recipes.recipe import may_be_copied
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call
from xbuild.plan.toolchains.node.node_locks import FILES, NodeLock, read_lock
from xbuild.text import expression, glob_pattern, value

INSTALLED = "installs"
"""What `by` of a write says that puts packages, caches or tools there: all of that is the machine's."""
_LARGEST = 1_000_000
_MOST_PROJECTS = 400
_AS_IT_IS = "COPY it from the build context, as it is, or leave it out by .dockerignore"


def standing(call: Call, path: str) -> str | None:
    """The text of the file that stands at `path`, from the build context; None where none stands there.
    Raises UntoldError where that cannot be told, or something but the project's own tools may have made it.
    """
    text = context_text(call, path)
    if text is not None:
        return text
    found = resolved(call.writes, path)
    if found is None or not call.around.context.files() or may_be_copied(call, found):
        raise UntoldError(f"{path} is not in the build context, or may have been changed", _AS_IT_IS)
    made = next((w for w in call.writes.covering(found) if _may_be(w)), None)
    if made is not None:
        raise UntoldError(f"`{made.text}` of line {made.place.line} may have made {path}")
    return None


def _may_be(made: Write) -> bool:
    if made.path is None:
        return made.kind.is_right
    return not (made.is_package or made.is_empty or made.is_change or made.is_context or made.adds)


@value()
class PackageJson:
    """A package.json: the folder in the stage where it lies, its file in the build context, what it says."""

    folder: str
    file: str
    text: str
    data: Mapping[str, object]

    def table(self, name: str) -> Mapping[str, str]:
        """One of its tables of texts. Raises UntoldError where it is none."""
        found = self.data.get(name)
        if found is None:
            return {}
        if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
            raise UntoldError(f"`{name}` of {self.file} is no table of texts")
        return found

    @property
    def scripts(self) -> Mapping[str, str]:
        return self.table("scripts")

    @property
    def name(self) -> str:
        return str(self.data.get("name") or "")

    @property
    def asked(self) -> Iterator[tuple[str, str]]:
        """The packages that it asks for, and in which versions."""
        for key in ("dependencies", "devDependencies", "optionalDependencies"):
            yield from self.table(key).items()

    @property
    def exports_itself(self) -> bool:
        """Whether its own files can import it by its name (Node.js "Self-referencing a package")."""
        return "exports" in self.data

    @property
    def programs(self) -> tuple[str, ...]:
        """The names of its own programs (`bin`)."""
        told = self.data.get("bin")
        if isinstance(told, str):
            return (self.name.rpartition("/")[2],)
        return tuple(told) if isinstance(told, dict) else ()

    def line(self, script: str) -> int:
        """The line of a script, for readers."""
        start = self.text.find('"scripts"')
        at = self.text.find(json.dumps(script), max(start, 0))
        return self.text.count("\n", 0, max(at, 0)) + 1

    @property
    def workspaces(self) -> tuple[str, ...]:
        """The patterns of its workspaces."""
        told = self.data.get("workspaces")
        told = told.get("packages") if isinstance(told, dict) else told
        return tuple(str(one) for one in told) if isinstance(told, list) else ()


@lru_cache(maxsize=256)
def _parsed(file: str, text: str) -> Mapping[str, object]:
    if len(text) > _LARGEST:
        raise UntoldError(f"{file} is longer than {_LARGEST} characters, and is not read")
    try:
        data = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise UntoldError(f"{file} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise UntoldError(f"{file} is no object of JSON")
    return data


def manifest_at(call: Call, folder: str) -> PackageJson | None:
    """The package.json of a folder; None where there is none. Raises UntoldError."""
    path = posixpath.join(folder, "package.json")
    text = standing(call, path)
    if text is None:
        return None
    file = context_file(call, path) or path
    return PackageJson(folder, file, text, _parsed(file, text))


def manifest(call: Call, folder: str | None) -> PackageJson:
    """That of the project around a folder. Raises UntoldError where there is none."""
    if folder is None:
        raise UntoldError("where it runs cannot be told", "set it by WORKDIR")
    for place in ancestors(folder):
        found = manifest_at(call, place)
        if found is not None:
            return found
    raise UntoldError(f"no package.json stands in {folder}", "COPY it from the build context")


def lock_at(call: Call, folder: str, programs: tuple[str, ...] = tuple(FILES)) -> NodeLock | None:
    """The lock file of a folder, of one of these programs; None where there is none. Raises UntoldError."""
    for program in programs:
        for name in FILES[program]:
            text = standing(call, posixpath.join(folder, name))
            if text is not None:
                return read_lock(name, text)
    return None


def locked(call: Call, folder: str) -> tuple[str, NodeLock]:
    """The folder around that has a lock file, and the lock. Raises UntoldError."""
    for place in ancestors(folder):
        found = lock_at(call, place)
        if found is not None:
            return place, found
    raise UntoldError("there is no lock file", "COPY the lock file, and install by it")


# -- workspaces


def members(call: Call, root: PackageJson) -> tuple[PackageJson, ...]:
    """The packages of its workspaces that stand in the stage. Raises UntoldError for one out of it."""
    patterns = (*root.workspaces, *_of_pnpm(call, root.folder))
    wanted = [p.removeprefix("./").strip("/") for p in patterns if not p.startswith("!")]
    outside = next((p for p in wanted if p.startswith("..") or "/../" in p), None)
    if outside is not None:
        raise UntoldError(f"the workspace {outside[:60]} lies out of the project")
    if not wanted:
        return ()
    tests = [glob_pattern(p) for p in wanted]
    folders = [f for f in project_folders(call, root) if any(t.fullmatch("/" + f) for t in tests)]
    found = (manifest_at(call, posixpath.join(root.folder, f)) for f in folders)
    return tuple(m for m in found if m is not None)


def project_folders(call: Call, root: PackageJson) -> tuple[str, ...]:
    """The folders below that have a package.json in the build context. Raises UntoldError for too many."""
    start = posixpath.dirname(root.file)
    prefix = f"{start}/" if start else ""
    files = (f.removeprefix(prefix) for f in call.around.context.files(start))
    found = [posixpath.dirname(f) for f in files if f.endswith("/package.json") and "node_modules/" not in f]
    if len(found) > _MOST_PROJECTS:
        raise UntoldError(f"more than {_MOST_PROJECTS} folders have a package.json")
    return tuple(found)


def _of_pnpm(call: Call, folder: str) -> Iterator[str]:
    text = standing(call, posixpath.join(folder, "pnpm-workspace.yaml"))
    if text is None:
        return
    is_inside = False
    for line in text.splitlines():
        if line[:1] not in (" ", "\t", "-", "#", ""):
            is_inside = line.startswith("packages:")
        found = _PATTERN.match(line) if is_inside else None
        if found is not None:
            yield found[1]


_PATTERN = expression(r"""\s*-\s*['"]?([^'"#]+?)['"]?\s*(?:#.*)?$""")


# -- files of settings

_HARMLESS = {
    ".npmrc": frozenset(
        words(
            "registry always-auth fund audit audit-level legacy-peer-deps strict-peer-deps save-exact "
            "save-prefix save engine-strict package-lock loglevel progress update-notifier "
            "auto-install-peers strict-peer-dependencies shamefully-hoist public-hoist-pattern hoist "
            "hoist-pattern node-linker resolution-mode prefer-frozen-lockfile link-workspace-packages "
            "prefer-workspace-packages shared-workspace-lockfile save-workspace-protocol ignore-scripts "
            "strict-ssl ca cafile fetch-retries fetch-timeout fetch-retry-mintimeout "
            "fetch-retry-maxtimeout network-timeout maxsockets prefer-offline email _auth _authtoken "
            "dedupe-peer-dependents ignore-workspace-root-check enable-pre-post-scripts "
            "side-effects-cache manage-package-manager-versions package-manager-strict "
            "min-release-age minimum-release-age color unicode timing tag-version-prefix message "
            "force install-links install-strategy only-built-dependencies never-built-dependencies "
            "allowed-deprecated-versions"
        )
    ),
    ".yarnrc": frozenset(
        words(
            "registry lastUpdateCheck network-timeout save-prefix --install.frozen-lockfile strict-ssl "
            "--add.exact --install.ignore-engines ignore-engines --ignore-engines yarn-path "
            "disable-self-update-check workspaces-experimental --install.network-timeout"
        )
    ),
    ".yarnrc.yml": frozenset(
        words(
            "nodeLinker yarnPath npmRegistryServer npmScopes npmRegistries npmAuthToken npmAlwaysAuth "
            "enableTelemetry enableGlobalCache compressionLevel checksumBehavior defaultSemverRangePrefix "
            "enableImmutableInstalls enableProgressBars httpTimeout httpRetry networkConcurrency nmMode "
            "nmHoistingLimits packageExtensions logFilters pnpMode pnpFallbackMode enableScripts "
            "enableStrictSsl enableInlineBuilds preferInteractive preferReuse changesetBaseRefs "
            "changesetIgnorePatterns enableTransparentWorkspaces npmMinimalAgeGate enableHardenedMode"
        )
    ),
    "bunfig.toml": frozenset(
        words(
            "registry optional dev peer production exact saveTextLockfile frozenLockfile dryRun linker "
            "linkWorkspacePackages minimumReleaseAge coverage root coverageThreshold"
        )
    ),
    "pnpm-workspace.yaml": frozenset(
        words(
            "packages catalog catalogs catalogMode cleanupUnusedCatalogs overrides packageExtensions "
            "patchedDependencies allowUnusedPatches allowNonAppliedPatches peerDependencyRules "
            "allowedDeprecatedVersions updateConfig auditConfig ignoredOptionalDependencies "
            "onlyBuiltDependencies neverBuiltDependencies ignoredBuiltDependencies allowBuilds "
            "strictDepBuilds dangerouslyAllowAllBuilds ignoreScripts nodeLinker hoist hoistPattern "
            "publicHoistPattern shamefullyHoist linkWorkspacePackages preferWorkspacePackages "
            "sharedWorkspaceLockfile saveWorkspaceProtocol injectWorkspacePackages dedupeInjectedDeps "
            "syncInjectedDepsAfterScripts includeWorkspaceRoot ignoreWorkspaceCycles "
            "disallowWorkspaceCycles failIfNoMatch autoInstallPeers strictPeerDependencies "
            "dedupePeerDependents resolvePeersFromWorkspaceRoot resolutionMode savePrefix saveExact "
            "preferFrozenLockfile lockfileIncludeTarballUrl engineStrict managePackageManagerVersions "
            "packageManagerStrict packageManagerStrictVersion enablePrePostScripts verifyDepsBeforeRun "
            "requiredScripts minimumReleaseAge minimumReleaseAgeExclude trustPolicy trustPolicyExclude "
            "blockExoticSubdeps registry registries fetchRetries fetchTimeout networkConcurrency "
            "childConcurrency sideEffectsCache verifyStoreIntegrity packageImportMethod "
            "optimisticRepeatInstall loglevel color updateNotifier workspaceConcurrency"
        )
    ),
}
"""Keys that change neither for which machine something is installed nor what else is run."""
_OF_USER = {
    ".npmrc": ".npmrc",
    ".yarnrc": ".yarnrc",
    ".yarnrc.yml": ".yarnrc.yml",
    ".bunfig.toml": "bunfig.toml",
    ".config/.bunfig.toml": "bunfig.toml",
    ".config/pnpm/rc": ".npmrc",
    ".config/yarn/config": ".yarnrc",
}
"""Files of settings below the home of a user, and by which of the names above their keys are read."""
_OF_ALL = (
    ("/usr/local/etc/npmrc", ".npmrc"),
    ("/usr/etc/npmrc", ".npmrc"),
    ("/etc/npmrc", ".npmrc"),
    ("/usr/local/lib/node_modules/npm/npmrc", ".npmrc"),
    ("/etc/yarnrc", ".yarnrc"),
)
"""Those of all users."""
_LARGEST_SETTINGS = 200_000


def _keys(name: str, text: str) -> Iterator[str]:
    """What a file of settings sets, by its lines."""
    for line in text.splitlines():
        plain = line.strip()
        if not plain or plain[0] in "#;[":
            continue
        if name == ".yarnrc":
            yield plain.split(None, 1)[0].strip('"')
        elif name not in _IN_YAML:
            yield plain.partition("=")[0].strip()
        elif not line[0].isspace() and line[0] != "-" and plain != "---":
            yield plain.partition(":")[0].strip().strip("'\"")


_IN_YAML = (".yarnrc.yml", "pnpm-workspace.yaml")


_OF_REGISTRY = expression(r"//.*|@[\w.-]+:registry|_authToken")


def check_files(call: Call, folder: str, homes: Iterable[str] = ()) -> None:
    """No file of settings around, nor one of the user whose `homes` these are, has a say in the machine, or
    in what is run, as these files stand where `call` runs. Raises UntoldError.

    What such a file holds is never told: there are tokens among it.
    """
    places = [(posixpath.join(place, name), name) for place in ancestors(folder) for name in _HARMLESS]
    own = [(posixpath.join(home, name), kind) for home in homes for name, kind in _OF_USER.items()]
    for path, name in dict.fromkeys((*places, *own, *_OF_ALL)):
        text = _settings(call, path)
        if text is not None:
            _check_settings(name, text)
    if standing(call, posixpath.join(folder, ".pnpmfile.cjs")) is not None:
        raise UntoldError(".pnpmfile.cjs changes what is installed, and it is not followed")


def _settings(call: Call, path: str) -> str | None:
    """The text of a file of settings. What installs packages and tools leaves none; any other command that
    wrote at its path may have put a line into it.
    """
    made = next((w for w in call.writes.exactly(path) if w.by[:1] == ("RUN",) and not w.is_empty), None)
    if made is not None:
        raise UntoldError(f"`{made.text}` of line {made.place.line} may have made {path}")
    text = context_text(call, path)
    found = resolved(call.writes, path)
    if text is not None or found is None or not call.writes.reach(found):
        return text
    by_tools = [w for w in call.writes.covering(found) if _may_be(w)]
    if by_tools and all(w.by[2:3] == (INSTALLED,) for w in by_tools) and not may_be_copied(call, found):
        return None
    return standing(call, path)


def _check_settings(name: str, text: str) -> None:
    """Raises UntoldError for a key that is not known."""
    if len(text) > _LARGEST_SETTINGS:
        raise UntoldError(f"{name} is longer than {_LARGEST_SETTINGS} characters, and is not read")
    harmless = _HARMLESS[name]
    for key in _keys(name, text):
        plain = key.removesuffix("[]")
        if plain.lower() not in harmless and plain not in harmless and not _OF_REGISTRY.match(key):
            raise UntoldError(
                f"{name} sets {_shown(plain)}, which is not known to leave the machine alone",
                f"leave {name} out of the image, or drop that line",
            )
    if name == ".yarnrc.yml":
        _check_yarn(text)


def _shown(key: str) -> str:
    """A key that is known; any other text may be what should not stand there."""
    return key if key in _TOLD else "a key"


_TOLD = frozenset(
    words(
        "cpu os libc arch platform target_arch target_platform script-shell shell node-options globalconfig "
        "userconfig prefix scriptShell nodeOptions pnpmfile "
        "supportedArchitectures plugins preload yarnPath --install.ignore-platform "
        "ignore-platform omit include production dev optional only link-workspace-packages cache nodedir "
        "node-version use-node-version onload-script init-module git scripts-prepend-node-path "
        "supported-architectures target install initScope logger tsconfig-override define"
    )
)
_YARN_PATH = expression(r"^yarnPath: *+['\"]?+(?!\.yarn/releases/yarn-[\w.-]+\.cjs['\"]?\s*$)", 8)


def _check_yarn(text: str) -> None:
    if _YARN_PATH.search(text):
        raise UntoldError("yarnPath of .yarnrc.yml is none of yarn's own releases")


def check_wanted(found: PackageJson, lock: NodeLock, local: frozenset[str]) -> None:
    """What a package.json asks for is what the lock file was made for. Raises UntoldError."""
    if lock.wanted is None:
        absent = next((n for n, _ in found.asked if n not in local and n not in lock.names), None)
    else:
        absent = next(
            (n for n, told in found.asked if n not in local and not _is_wanted(n, told, lock.wanted)), None
        )
    if absent is not None:
        raise UntoldError(
            f"{lock.file} was not made for what {found.file} asks for: {absent[:60]}",
            "make the lock file anew, and install by it alone (npm ci, --frozen-lockfile)",
        )


def _is_wanted(name: str, told: str, wanted: frozenset[str]) -> bool:
    is_local = told.startswith(("workspace:", "link:", "file:", "portal:", "catalog:"))
    return is_local or f"{name}@{told}" in wanted or f"{name}@{told.removeprefix('npm:')}" in wanted


def brings_modules(call: Call, root: PackageJson) -> bool:
    """Whether the build context itself brings installed packages."""
    start = posixpath.dirname(root.file)
    prefix = f"{start}/" if start else ""
    inner = (f.removeprefix(prefix) for f in call.around.context.files(start))
    found = {f"{f.partition('node_modules/')[0]}node_modules" for f in inner if "node_modules/" in f}
    places = [posixpath.join(root.folder, f) for f in found]
    copied = [w.path for w in call.writes if w.is_context and not w.is_empty and w.path is not None]
    return any(is_within(place, path) for place in places for path in copied)
