"""Lock files: what an install takes for a target, and for which of it there is no wheel.

`read` gives a `Lock`, whatever the tool, or says why it cannot (`Unread`); `needed` the packages that an
install takes there; `lacking` those of them that would have to be built. Where a marker cannot be told, its
package counts as needed. Formats, and what is not trusted in each: `lockfiles/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from functools import lru_cache

from xbuild.plan.toolchains.python.fitting import Target, admits, fits, holds, normalised
from xbuild.text import value

Read = Callable[[str], "str | None"]
"""Text of a file by its path, or None where it is not there."""


class Sourcing(Enum):
    """Where a package comes from."""

    REGISTRY = "an index"
    URL = "an address"
    PATH = "a file"
    GIT = "a repository"
    DIRECTORY = "a folder"
    EDITABLE = "a folder, editable"
    VIRTUAL = "nowhere: only what it requires is installed"


@value()
class Dependency:
    """That something requires a package. `version` and `place` are those that the lock names, if it does."""

    name: str
    marker: str = ""
    extras: tuple[str, ...] = ()
    version: str | None = None
    place: str | None = None
    python: str = ""
    """Versions of Python for which it is so."""
    versions: str = ""
    """Those that it may be of, where the lock does not name the one."""


@value()
class LockedPackage:
    """One locked package. `wheels` are names of files; None: the format does not tell names."""

    name: str
    version: str | None
    sourcing: Sourcing = Sourcing.REGISTRY
    place: str = ""
    """The folder or file, below the lock's, or the address, without what is secret in it."""
    wheels: tuple[str, ...] | None = None
    has_sdist: bool | None = None
    dependencies: tuple[Dependency, ...] = ()
    extras: tuple[tuple[str, tuple[Dependency, ...]], ...] = ()
    python: str = ""


@value()
class Root:
    """What is asked for: always, for a group, for an extra, or for a member of a workspace."""

    dependency: Dependency
    group: str = ""
    extra: str = ""
    member: str = ""


@value()
class Lock:
    """A lock file, read.

    `default_groups` are installed where none is named, as far as the lock and `project` tell: None where
    they do not. `environments` are markers of which one is true wherever the lock is for.
    """

    path: str
    format: str
    packages: tuple[LockedPackage, ...]
    roots: tuple[Root, ...]
    python: str = ""
    environments: tuple[str, ...] = ()
    default_groups: tuple[str, ...] | None = None
    has_own_extras: bool = False
    """Its markers ask for extras in a spelling of the tool's own, which is not read."""
    named_groups: tuple[str, ...] = ()
    named_extras: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups that it has anything for, or names."""
        return tuple(dict.fromkeys((*self.named_groups, *(root.group for root in self.roots if root.group))))

    @property
    def extras(self) -> tuple[str, ...]:
        """Extras of the project that it has anything for, or names."""
        return tuple(dict.fromkeys((*self.named_extras, *(root.extra for root in self.roots if root.extra))))

    @property
    def members(self) -> tuple[str, ...]:
        """Projects of the workspace."""
        return tuple(dict.fromkeys(root.member for root in self.roots if root.member))


@value()
class Unread:
    """Why a lock or a file of requirements says nothing."""

    reason: str


@value()
class Selection:
    """What of a lock is installed; None stands for all there is."""

    groups: tuple[str, ...] | None = ()
    extras: tuple[str, ...] | None = ()
    members: tuple[str, ...] | None = None
    has_main: bool = True
    """Not for `--only-group` and the like."""

    def takes(self, root: Root) -> bool:
        if self.members is not None and root.member and root.member not in _all_normalised(self.members):
            return False
        if root.group:
            return self.groups is None or root.group in _all_normalised(self.groups)
        is_asked = not root.extra or self.extras is None or root.extra in _all_normalised(self.extras)
        return is_asked and self.has_main


def _all_normalised(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(normalised(name) for name in names)


# -- reading


@lru_cache(maxsize=16)
def _read(path: str, text: str, project: str | None) -> Lock | Unread:
    from xbuild.plan.toolchains.python.lockfiles.formats import read_lock

    return read_lock(path, text, project)


def read(path: str, text: str, project: str | None = None) -> Lock | Unread:
    """The lock file of this path and text; `project` is the text of the pyproject.toml beside it.

    Without `project`, all that is locked counts as asked for in formats that do not say what is (poetry
    before its lock version 2.1, pdm without `inherit_metadata`).
    """
    return _read(path, text, project)


# -- what is needed


class _MissingError(Exception):
    """That something is required that the lock does not have."""


def needed(
    lock: Lock, target: Target, selection: Selection | None = None
) -> tuple[LockedPackage, ...] | Unread:
    """What an install takes there; whatever cannot be told counts as taken."""
    if admits(lock.python, target) is False:
        return Unread(f"{lock.path} is for Python {lock.python[:100]}, and this is {_shown(target)}")
    told = [holds(marker, target) for marker in lock.environments]
    if told and all(answer is False for answer in told):
        return Unread(f"{lock.path} is for {lock.environments[0][:100]}, and this is {_shown(target)}")
    try:
        return tuple(_Walk(lock, target, selection or Selection()).packages())
    except _MissingError as error:
        return Unread(f"{lock.path} cannot be read: {error}")


def _shown(target: Target) -> str:
    return f"Python {'.'.join(map(str, target.version))} on Linux, {target.machine}"


class _Walk:
    """From what is asked for, along what each requires: a package once, and once for each of its extras."""

    def __init__(self, lock: Lock, target: Target, selection: Selection) -> None:
        self.lock = lock
        self.target = target
        self.selection = selection
        self.named: dict[str, list[LockedPackage]] = {}
        for package in lock.packages:
            self.named.setdefault(package.name, []).append(package)
        self.seen: dict[tuple[int, str], LockedPackage] = {}
        self.waiting: list[tuple[LockedPackage, str]] = []
        self.optional: dict[int, Mapping[str, tuple[Dependency, ...]]] = {}

    def packages(self) -> Iterator[LockedPackage]:
        extras, groups = self.selection.extras, self.selection.groups
        own = None if extras is None else _all_normalised(extras)
        # Where markers ask for groups (pylock.toml), what is installed without being asked for has one too.
        default = (self.lock.default_groups or ()) if self.selection.has_main else ()
        asked = None if groups is None else _all_normalised((*groups, *default))
        for root in self.lock.roots:
            if self.selection.takes(root):
                self._follow(root.dependency, own, asked)
        while self.waiting:
            package, extra = self.waiting.pop()
            required = self._extras(package).get(extra, ()) if extra else package.dependencies
            for dependency in required:
                self._follow(dependency, (extra,) if extra else (), ())
        taken = {number for number, _ in self.seen}
        return (package for package in self.lock.packages if id(package) in taken)

    def _extras(self, package: LockedPackage) -> Mapping[str, tuple[Dependency, ...]]:
        if id(package) not in self.optional:
            self.optional[id(package)] = dict(package.extras)
        return self.optional[id(package)]

    def _follow(
        self, dependency: Dependency, extras: tuple[str, ...] | None, groups: tuple[str, ...] | None
    ) -> None:
        extras = None if self.lock.has_own_extras else extras
        if holds(dependency.marker, self.target, extras, groups) is False:
            return
        if admits(dependency.python, self.target) is False:
            return
        for package in self._candidates(dependency):
            for extra in ("", *dependency.extras):
                if (id(package), extra) not in self.seen:
                    self.seen[id(package), extra] = package
                    self.waiting.append((package, extra))

    def _candidates(self, dependency: Dependency) -> list[LockedPackage]:
        """All that it may be: of several versions, the lock may not say which."""
        found = [
            package
            for package in self.named.get(dependency.name, ())
            if dependency.version in (None, package.version) and dependency.place in (None, package.place)
        ]
        if not found:
            raise _MissingError(f"it has no {dependency.name} as something requires it")
        fitting = [package for package in found if admits(package.python, self.target) is not False]
        return _of_versions(fitting or found, dependency.versions)


def _of_versions(found: list[LockedPackage], versions: str) -> list[LockedPackage]:
    """Those of these versions, where that is a specifier that is read here; all of them where it is none."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion

    if len(found) < 2 or not versions:
        return found
    try:
        wanted = SpecifierSet(versions)
        return [one for one in found if wanted.contains(one.version or "", prereleases=True)] or found
    except (InvalidSpecifier, InvalidVersion):
        return found


# -- what has no wheel


class Why(Enum):
    """What keeps a package from being installed from a wheel."""

    SDIST = "only a source distribution"
    WHEELS = "wheels for other machines, libcs or Pythons"
    SOURCE = "it is built from where it comes from"
    UNTOLD = "the lock does not name its files"


@value()
class Lack:
    """A package that no wheel is known for, and why: for programs and, as part of a sentence, for readers."""

    package: LockedPackage
    why: Why
    text: str


def lacking(lock: Lock, target: Target, selection: Selection | None = None) -> tuple[Lack, ...] | Unread:
    """What of `needed` would have to be built there, or may have to be."""
    found = needed(lock, target, selection)
    if isinstance(found, Unread):
        return found
    return tuple(lack for package in found if (lack := lack_of(package, target)) is not None)


_BUILT = (Sourcing.GIT, Sourcing.DIRECTORY, Sourcing.EDITABLE)


def lack_of(package: LockedPackage, target: Target) -> Lack | None:
    """Why this one would have to be built there, or None where a wheel of it fits."""
    title = f"{package.name} {package.version}" if package.version else package.name
    if package.sourcing is Sourcing.VIRTUAL:
        return None
    if package.sourcing in _BUILT:
        return Lack(package, Why.SOURCE, f"{title} is built from {package.sourcing.value}")
    if package.wheels is None or not (package.wheels or package.has_sdist):
        return Lack(package, Why.UNTOLD, f"the files of {title} are not named")
    if any(fits(name, target) for name in package.wheels):
        return None
    if not package.wheels:
        return Lack(package, Why.SDIST, f"{title} has no wheel, only a source distribution")
    return Lack(package, Why.WHEELS, f"{title} has no wheel {_wanting(package.wheels, target)}")


def _wanting(wheels: tuple[str, ...], target: Target) -> str:
    """The first thing that, were it otherwise, would make one of these wheels fit."""
    libc, (major, minor) = target.libc
    other = "glibc" if libc == "musl" else "musl"
    version = ".".join(map(str, target.version[:2]))
    latest = (("glibc", (2, 999)), ("musl", (1, 999)))
    pythons = [(3, number) for number in range(6, 30)]

    def would(versions: Iterable[tuple[int, ...]], libcs: Iterable[tuple[str, tuple[int, int]]]) -> bool:
        targets = [Target(one, target.machine, libc) for one in versions for libc in libcs]
        return any(fits(name, other) for name in wheels for other in targets)

    own = [newest for newest in latest if newest[0] == libc]
    if would([target.version], own):
        return f"for {libc} {major}.{minor}, only for a newer one"
    if would([target.version], latest):
        return f"for {libc}, only for {other}"
    if would(pythons, latest):
        return f"for Python {version} on {target.machine}"
    return f"for {target.machine}"
