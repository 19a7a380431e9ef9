"""Package managers of Node: how each installs from its lock file, and what that file tells of the target."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
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
_FOR_TARGET = f" --ignore-scripts --os=linux --libc=glibc --cpu={_CPU}"
# Scripts of the project itself that an installation runs, but for `prepare`, which is for its developers.
_LIFECYCLE = ("preinstall", "install", "postinstall")
# Packages whose script installs nothing, if the lock file names these others: it prints (core-js, es5-ext,
# @nestjs/core), checks a version (protobufjs), or asks for a library of the system in place of them (sharp's
# install/check.js since 0.33). Read in the packages themselves.
_IDLE: Mapping[str, tuple[str, ...]] = {
    "@nestjs/core": (),
    "core-js": (),
    "core-js-pure": (),
    "es5-ext": (),
    "protobufjs": (),
    "sharp": ("@img/sharp-linux-x64", "@img/sharp-linux-arm64"),
}
_SECRET = re.compile(r"_auth|_password|authToken|\$\{", re.IGNORECASE)


@dataclass(frozen=True)
class PackageManager:
    """One package manager.

    `needs_target` gets the lock file's text, package.json and the manager's version, and says why the
    packages that the program runs with must be installed on the target platform; nothing where they can be
    installed on the build machine. `for_target` is what then tells of the target: also where no package
    differs by processor today, for the written file outlives the lock file.
    """

    name: str
    locks: tuple[str, ...]
    cache: str
    install: str
    production: str
    needs_target: Callable[[str, Mapping[str, Any], tuple[int, ...]], str]
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
    reason: str
    seen: Seen
    notes: tuple[str, ...] = ()

    @property
    def production(self) -> str:
        """The command for the modules that the program runs with."""
        return self.manager.production + ("" if self.reason else self.manager.for_target)


def _npm(lock: str, package: Mapping[str, Any], version: tuple[int, ...]) -> str:  # noqa: ARG001
    import json

    try:
        packages: Mapping[str, Any] = json.loads(lock)["packages"]
    except (ValueError, KeyError, TypeError):
        return "a package-lock.json that does not tell of scripts (lockfileVersion 1)"
    for path, entry in packages.items():
        is_run = path and not entry.get("dev") and not entry.get("link") and not _is_elsewhere(entry)
        name = path.rpartition("node_modules/")[2]
        if is_run and entry.get("hasInstallScript") and not _is_idle(name, packages):
            return name
    return ""


def _is_idle(name: str, packages: Iterable[str]) -> bool:
    """Whether nothing is lost where the script of a package is not run."""
    known = {path.rpartition("node_modules/")[2] for path in packages}
    return name in _IDLE and known.issuperset(_IDLE[name])


def _is_elsewhere(entry: Mapping[str, Any]) -> bool:
    """A package of another system is never installed."""
    systems = entry.get("os") or ["linux"]
    return "!linux" in systems or ("linux" not in systems and not any(s.startswith("!") for s in systems))


def _yarn(lock: str, package: Mapping[str, Any], version: tuple[int, ...]) -> str:  # noqa: ARG001
    return "yarn.lock, which does not tell of scripts"


def _pnpm(lock: str, package: Mapping[str, Any], version: tuple[int, ...]) -> str:
    builds = table(package, "pnpm").get("onlyBuiltDependencies") or []
    if "requiresBuild: true" in lock or builds:
        return ", ".join(map(str, builds)) or "a package that is built when it is installed"
    return "" if version >= (10, 14) else "pnpm before 10.14, which cannot be told of another processor"


def _bun(lock: str, package: Mapping[str, Any], version: tuple[int, ...]) -> str:  # noqa: ARG001
    trusted = package.get("trustedDependencies") or ()
    if trusted:
        return ", ".join(map(str, trusted))
    return "" if version >= (1, 4) else "bun before 1.4, which cannot be told of another C library"


MANAGERS = (
    PackageManager(
        "npm",
        ("package-lock.json", "npm-shrinkwrap.json"),
        "/root/.npm",
        "npm ci",
        "npm ci --omit=dev",
        _npm,
        _FOR_TARGET,
    ),
    PackageManager(
        "pnpm",
        ("pnpm-lock.yaml",),
        "/root/.local/share/pnpm/store",
        "pnpm install --frozen-lockfile",
        "pnpm install --frozen-lockfile --prod",
        _pnpm,
        _FOR_TARGET,
        ("pnpm-workspace.yaml", ".pnpmfile.cjs"),
    ),
    PackageManager(
        "yarn",
        ("yarn.lock",),
        "/usr/local/share/.cache/yarn",
        "yarn install --frozen-lockfile",
        "yarn install --frozen-lockfile --production",
        _yarn,
        files=(".yarnrc",),
    ),
    PackageManager(
        "bun",
        ("bun.lock", "bun.lockb"),
        "/root/.bun/install/cache",
        "bun install --frozen-lockfile",
        "bun install --frozen-lockfile --production",
        _bun,
        _FOR_TARGET,
        files=("bunfig.toml",),
    ),
)
_BERRY = PackageManager(
    "yarn",
    ("yarn.lock",),
    "/root/.yarn/berry/cache",
    "yarn install --immutable",
    "yarn workspaces focus --all --production",
    _yarn,
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
            hint=f"npm install --package-lock-only{' in ' + candidate.folder if candidate.folder else ''}",
        )
    manager, lock = fitting[0]
    text = tree.read(candidate.inside(lock)) or ""
    if manager.name == "yarn" and "__metadata:" in text:
        manager = _BERRY
        _check_linker(tree, candidate)
    if manager.name == "npm":
        read_json(tree, candidate.inside(lock))
    version = version if manager.name == name else ()
    reason = manager.needs_target(text, package, version or _by_lock(manager, text))
    scripts = [script for script in _LIFECYCLE if script in table(package, "scripts")]
    if scripts:
        reason = f"the script {scripts[0]} of package.json"
    notes = tuple(f"{other} is left out of account beside {lock}" for _, other in found if other != lock)
    settings, files, more = _settings(tree, candidate)
    kept = tuple(
        f for f in ("package.json", lock, *manager.files, *files) if exists(tree, candidate.inside(f))
    )
    prepare = tuple(_prepare(manager, version, text, candidate, tree))
    seen = Seen(f"{manager.name}, by its lock file", candidate.inside(lock))
    return Installing(manager, version, lock, prepare, kept, settings, reason, seen, (*notes, *more))


def _asked(package: Mapping[str, Any]) -> tuple[str, tuple[int, ...]]:
    """The field `packageManager`: `pnpm@9.15.9+sha512.…`."""
    found = re.match(r"(\w+)@(\d+)\.(\d+)\.(\d+)", str(package.get("packageManager") or ""))
    return (found[1], tuple(int(n) for n in found.groups()[1:])) if found else ("", ())


def _by_lock(manager: PackageManager, lock: str) -> tuple[int, ...]:
    if manager.name == "bun":
        return tuple(int(part) for part in BUN.split("."))
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
