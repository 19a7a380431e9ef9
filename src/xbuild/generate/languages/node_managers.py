"""Package managers of Node: how each installs from its lock file, and what that file tells of the target."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xbuild.generate.excerpts import exists, read_json, table
from xbuild.generate.shape import Candidate, Seen, SourceTree, UnreadyError
from xbuild.generate.versions import BUN

# npm's words for the processors of platforms (Node's process.arch).
_CPU = (
    '"$(case "$TARGETARCH" in (amd64) echo x64;; (386) echo ia32;; (ppc64le) echo ppc64;;'
    ' (*) echo "$TARGETARCH";; esac)"'
)
_FOR_TARGET = f" --os=linux --libc=glibc --cpu={_CPU}"
# Scripts of the project itself that an installation runs, but for `prepare`, which is for its developers.
_LIFECYCLE = ("preinstall", "install", "postinstall")
_SECRET = re.compile(r"_auth|_password|authToken|\$\{", re.IGNORECASE)


@dataclass(frozen=True)
class LockSays:
    """What a lock file says of the packages that the program runs with.

    `reason` says why they must be installed on the target platform; without one they can be installed on the
    build machine, and `is_chosen` when some of them differ by processor.
    """

    is_chosen: bool = False
    reason: str = ""


@dataclass(frozen=True)
class PackageManager:
    """One package manager. `tell` gets the lock file's text, package.json and the manager's version."""

    name: str
    locks: tuple[str, ...]
    cache: str
    install: str
    production: str
    tell: Callable[[str, Mapping[str, Any], tuple[int, ...]], LockSays]
    # Further arguments of `production`: scripts of packages are not run; packages of the target's processor.
    without_scripts: str = ""
    for_target: str = ""
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Installing:
    """How the packages of a project are installed, in the words of the templates."""

    manager: PackageManager
    version: tuple[int, ...]
    lock: str
    prepare: tuple[str, ...]
    files: tuple[str, ...]
    settings: str
    told: LockSays
    seen: Seen
    notes: tuple[str, ...] = ()

    @property
    def production(self) -> str:
        """The command for the modules that the program runs with."""
        if self.told.reason:
            return self.manager.production
        chosen = self.manager.for_target if self.told.is_chosen else ""
        return self.manager.production + self.manager.without_scripts + chosen


def _npm(lock: str, package: Mapping[str, Any], version: tuple[int, ...]) -> LockSays:  # noqa: ARG001
    import json

    try:
        data = json.loads(lock)
        packages: Mapping[str, Any] = data["packages"]
    except (ValueError, KeyError, TypeError):
        return LockSays(reason="a package-lock.json that does not tell of scripts (lockfileVersion 1)")
    is_chosen = False
    for path, entry in packages.items():
        if not path or entry.get("dev") or entry.get("link") or _is_elsewhere(entry):
            continue
        if entry.get("hasInstallScript"):
            return LockSays(reason=path.rpartition("node_modules/")[2])
        is_chosen = is_chosen or "cpu" in entry or "libc" in entry
    return LockSays(is_chosen)


def _is_elsewhere(entry: Mapping[str, Any]) -> bool:
    """A package of another system is never installed."""
    systems = entry.get("os") or ["linux"]
    return "!linux" in systems or ("linux" not in systems and not any(s.startswith("!") for s in systems))


def _yarn_1(lock: str, package: Mapping[str, Any], version: tuple[int, ...]) -> LockSays:  # noqa: ARG001
    return LockSays(reason="yarn.lock, which does not tell of packages for one processor, or of scripts")


def _pnpm(lock: str, package: Mapping[str, Any], version: tuple[int, ...]) -> LockSays:
    builds = table(package, "pnpm").get("onlyBuiltDependencies") or []
    if version[:1] < (10,) and "requiresBuild: true" not in lock and "lockfileVersion: '6" not in lock:
        return LockSays(
            reason="pnpm-lock.yaml, which does not tell of scripts, and a pnpm before 10, which runs them"
        )
    if "requiresBuild: true" in lock or builds:
        return LockSays(reason=", ".join(map(str, builds)) or "a package that is built when it is installed")
    is_chosen = re.search(r"^\s+cpu: ", lock, re.MULTILINE) is not None
    if is_chosen and version < (10, 14):
        return LockSays(reason="packages for one processor, which only pnpm 10.14 and later can be told")
    return LockSays(is_chosen)


def _bun(lock: str, package: Mapping[str, Any], version: tuple[int, ...]) -> LockSays:  # noqa: ARG001
    if package.get("trustedDependencies"):
        return LockSays(reason=", ".join(map(str, package["trustedDependencies"])))
    if not lock.lstrip().startswith("{"):
        return LockSays(reason="bun.lockb, which is not text")
    return LockSays(reason="packages for one processor") if '"cpu":' in lock else LockSays()


MANAGERS = (
    PackageManager(
        "npm",
        ("package-lock.json", "npm-shrinkwrap.json"),
        "/root/.npm",
        "npm ci",
        "npm ci --omit=dev",
        _npm,
        " --ignore-scripts",
        _FOR_TARGET,
    ),
    PackageManager(
        "pnpm",
        ("pnpm-lock.yaml",),
        "/root/.local/share/pnpm/store",
        "pnpm install --frozen-lockfile",
        "pnpm install --frozen-lockfile --prod",
        _pnpm,
        " --ignore-scripts",
        _FOR_TARGET,
        ("pnpm-workspace.yaml", ".pnpmfile.cjs"),
    ),
    PackageManager(
        "yarn",
        ("yarn.lock",),
        "/usr/local/share/.cache/yarn",
        "yarn install --frozen-lockfile",
        "yarn install --frozen-lockfile --production",
        _yarn_1,
        files=(".yarnrc",),
    ),
    PackageManager(
        "bun",
        ("bun.lock", "bun.lockb"),
        "/root/.bun/install/cache",
        "bun install --frozen-lockfile",
        "bun install --frozen-lockfile --production",
        _bun,
        " --ignore-scripts",
        files=("bunfig.toml",),
    ),
)
_BERRY = PackageManager(
    "yarn",
    ("yarn.lock",),
    "/root/.yarn/berry/cache",
    "yarn install --immutable",
    "yarn workspaces focus --all --production",
    lambda *_: LockSays(reason="yarn.lock, which does not tell of scripts"),
    files=(".yarnrc.yml",),
)
# The major version of pnpm that writes a lock file's version (pnpm's releases).
_PNPM_OF_LOCK = {"9": "10", "6": "8", "5": "7"}


def installing(tree: SourceTree, candidate: Candidate, package: Mapping[str, Any]) -> Installing:
    """How the lock file beside package.json is installed. Raises UnreadyError."""
    found = [(m, lock) for m in MANAGERS for lock in m.locks if exists(tree, candidate.inside(lock))]
    name, version = _asked(package)
    fitting = [pair for pair in found if pair[0].name == name] or found
    if not fitting:
        raise UnreadyError(
            "there is no lock file, so that the packages' versions are not told",
            file=candidate.marker,
            expected=", ".join(lock for m in MANAGERS for lock in m.locks[:1]),
            hint="npm install --package-lock-only",
        )
    manager, lock = fitting[0]
    text = tree.read(candidate.inside(lock)) or ""
    if manager.name == "yarn" and "__metadata:" in text:
        manager = _BERRY
        _check_linker(tree, candidate)
    if manager.name == "npm":
        read_json(tree, candidate.inside(lock))
    version = version if manager.name == name else ()
    told = manager.tell(text, package, version or _by_lock(manager, text))
    scripts = [script for script in _LIFECYCLE if script in table(package, "scripts")]
    if scripts:
        told = LockSays(reason=f"the script {scripts[0]} of package.json")
    notes = tuple(f"{other} is left out of account beside {lock}" for _, other in found if other != lock)
    settings, files, more = _settings(tree, candidate)
    kept = tuple(
        f for f in ("package.json", lock, *manager.files, *files) if exists(tree, candidate.inside(f))
    )
    prepare = tuple(_prepare(manager, version, text, candidate, tree))
    seen = Seen(f"{manager.name}, by its lock file", candidate.inside(lock))
    return Installing(manager, version, lock, prepare, kept, settings, told, seen, (*notes, *more))


def _asked(package: Mapping[str, Any]) -> tuple[str, tuple[int, ...]]:
    """The field `packageManager`: `pnpm@9.15.9+sha512.…`."""
    found = re.match(r"(\w+)@(\d+)\.(\d+)\.(\d+)", str(package.get("packageManager") or ""))
    return (found[1], tuple(int(n) for n in found.groups()[1:])) if found else ("", ())


def _by_lock(manager: PackageManager, lock: str) -> tuple[int, ...]:
    if manager.name != "pnpm":
        return ()
    major = _pnpm_major(lock)
    # npm installs the newest of that line.
    return (int(major), 99) if major else ()


def _pnpm_major(lock: str) -> str | None:
    found = re.search(r"^lockfileVersion: '?(\d+)", lock, re.MULTILINE)
    return _PNPM_OF_LOCK.get(found[1]) if found else None


def _check_linker(tree: SourceTree, candidate: Candidate) -> None:
    rc = candidate.inside(".yarnrc.yml")
    linker = re.search(r"^nodeLinker:\s*[\"']?([\w-]+)", tree.read(rc) or "", re.MULTILINE)
    if linker is None or linker[1] != "node-modules":
        raise UnreadyError(
            f"yarn's linker is {linker[1] if linker else 'pnp'}, for which there is no template",
            file=rc,
            expected="nodeLinker: node-modules",
            hint="set it, and run yarn install",
        )


def _prepare(
    manager: PackageManager, version: tuple[int, ...], lock: str, candidate: Candidate, tree: SourceTree
) -> Iterator[str]:
    """What brings the package manager into the image of Node, which has npm and yarn 1."""
    if manager is _BERRY:
        if not tree.files(candidate.inside(".yarn/releases")):
            yield "corepack enable"
    elif manager.name == "pnpm":
        exact = ".".join(map(str, version)) or _pnpm_major(lock)
        if exact is None:
            raise UnreadyError(
                "the version of pnpm is not told",
                file=candidate.marker,
                expected='a field such as "packageManager": "pnpm@10.14.0"',
                hint="corepack use pnpm@10",
            )
        yield f"npm install --global pnpm@{exact}"
    elif manager.name == "bun":
        yield f"npm install --global bun@{'.'.join(map(str, version)) or BUN}"


def _settings(tree: SourceTree, candidate: Candidate) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """`.npmrc`: its mount where it may hold a secret, else a file like others; and what there is to say."""
    text = tree.read(candidate.inside(".npmrc"))
    if text is None:
        return "", (), ()
    if _SECRET.search(text):
        note = (
            ".npmrc may hold a password: it is left out of the image, and read as a secret"
            " (xbuild build --secret id=npmrc,src=.npmrc)"
        )
        return "--mount=type=secret,id=npmrc,target=/root/.npmrc ", (), (note,)
    return "", (".npmrc",), ()
