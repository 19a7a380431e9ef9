"""The Python of several platforms: the same packages in the same versions, but for what markers ask for.

What a package there requires and only the other platform has is wrong; so is what a project does in
`requirements.txt` or `pyproject.toml`. A marker that asks for it on one of them only
(`platform_machine == "x86_64"`) explains it; so does a requirer that is itself explained, or whose own
metadata asks for it there only. What nobody requires was named by hand, perhaps for one platform, and what is
installed elsewhere may be found there: warnings. So is all that differs in a distribution's shared folder,
which holds what its packages need on an architecture.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from xbuild.platforms import Platform
from xbuild.verify.checks import CheckKind, Objection, PlatformImage, Severity
from xbuild.verify.languages.python.installed import absent, shown
from xbuild.verify.languages.python.sites import Package, PythonFiles, Site
from xbuild.verify.languages.python.wheels import Requirement, canonical, required
from xbuild.verify.places import without_names

_HASH = re.compile(r"(?<![0-9a-z])(?:[0-9a-z]{20,}|[0-9a-f]{8,})(?![0-9a-z])")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_TAGGED = re.compile(r"\.(?:cpython-|pypy\d)[\w-]*\.so$")


def _without_hashes(path: str) -> str:
    return _HASH.sub("*", without_names(path))


def _name_of(text: str) -> str:
    """Whom a requirement is for, without reading the rest."""
    found = _NAME.match(text.lstrip())
    return canonical(found[0]) if found is not None else ""


@dataclass
class _Installed:
    """The packages in one place of one platform, each with the folder that it is in."""

    python: PythonFiles
    packages: dict[str, tuple[Site, Package]] = field(default_factory=dict)

    @property
    def platform(self) -> Platform:
        return self.python.image.platform

    @cached_property
    def version(self) -> str:
        """Python's; empty when there are several, or none."""
        sites = [site for site, _ in self.packages.values()]
        found = {site.version or each.version for site in sites for each in site.interpreters}
        found |= {site.version for site in sites if site.version}
        return found.pop() if len(found) == 1 else ""

    @cached_property
    def askers(self) -> dict[str, tuple[str, ...]]:
        """What each package requires, and each project in the image."""
        packages = {name: package.required for name, (_, package) in self.packages.items()}
        return {**self.python.projects, **packages}

    def requirers(self, names: Collection[str]) -> dict[str, dict[str, list[Requirement]]]:
        """Of some names who requires them, and how."""
        found: dict[str, dict[str, list[Requirement]]] = {name: {} for name in names}
        for by, texts in self.askers.items():
            wanted = tuple(text for text in texts if _name_of(text) in names)
            for each in required(wanted):
                if each.name in names:
                    found[each.name].setdefault(by, []).append(each)
        return found

    def asks(self, requirement: Requirement, *, with_extras: bool, version: str = "") -> bool | None:
        """Whether a requirement is one on this platform; None when that cannot be told."""
        version = self.version or version
        if not version and requirement.has_marker:
            return None
        return requirement.applies(self.platform, version, with_extras=with_extras)


def dissimilarities(images: Sequence[PythonFiles]) -> Iterator[tuple[PlatformImage, Objection]]:
    """What is not the same on the platforms of an image: each of them against the first."""
    reported: set[tuple[str, str]] = set()
    places = [_places(python) for python in images]
    for python, other in zip(images[1:], places[1:], strict=True):
        for key in sorted(places[0].keys() | other.keys()):
            one = places[0].get(key) or _Installed(images[0])
            two = other.get(key) or _Installed(python)
            for image, found in _compare(one, two):
                if (found.file.path, found.message) not in reported:
                    reported.add((found.file.path, found.message))
                    yield image, found


def _places(python: PythonFiles) -> dict[str, _Installed]:
    """Packages by the folder they are in, without what its path says of an architecture or a build."""
    found: dict[str, _Installed] = {}
    for path, site in sorted(python.sites.items()):
        for package in site.packages.values():
            if package.name:
                there = found.setdefault(_without_hashes(path), _Installed(python))
                there.packages.setdefault(canonical(package.name), (site, package))
    return found


def _compare(one: _Installed, two: _Installed) -> Iterator[tuple[PlatformImage, Objection]]:
    for left, right in ((one, two), (two, one)):
        if left.packages and not right.packages:
            yield left.python.image, _nothing(left, right)
        else:
            yield from ((right.python.image, found) for found in _unseen_there(left, right))
            yield from ((left.python.image, found) for found in _only(left, right))
    for name in sorted(one.packages.keys() & two.packages.keys()):
        if one.packages[name][1].version != two.packages[name][1].version:
            yield one.python.image, _versions(one, two, name)
        else:
            yield from _lost(one, two, name)


def _nothing(left: _Installed, right: _Installed) -> Objection:
    """A place with packages that the other platform has not, or not with anything in it.

    Wrong when an interpreter there looks into it; a whole Python that one platform has may be meant.
    """
    site, package = next(iter(left.packages.values()))
    return Objection(
        CheckKind.DIFFERS,
        Severity.FAILURE if _is_looked_into(site, right.python) else Severity.WARNING,
        f"only {left.platform} has packages in {site.path}",
        package.file,
        f"{left.platform}: {len(left.packages)}",
        f"{right.platform}: none",
        names=(package.name,),
    )


def _is_looked_into(site: Site, python: PythonFiles) -> bool:
    """Whether something on a platform looks into a folder, though there may be nothing."""
    if site.is_shared:
        return False
    if site.venv is not None:
        return any(venv.prefix == site.venv.prefix for venv in python.venvs)
    if not site.prefix:
        return site.path in (python.image.config.variable("PYTHONPATH") or "").split(":")
    own = {(each.prefix, each.version) for each in site.interpreters} if site.is_own else set()
    return any((each.prefix, each.version) in own for each in python.interpreters)


def _unseen_there(left: _Installed, right: _Installed) -> Iterator[Objection]:
    """Packages that an interpreter of one platform looks for, and none of the other's."""
    if not left.packages or not right.python.interpreters:
        return
    (site, _), (there, package) = next(iter(left.packages.values())), next(iter(right.packages.values()))
    if site.interpreters and not there.interpreters:
        versions = sorted({each.version for each in right.python.interpreters})
        yield Objection(
            CheckKind.DIFFERS,
            Severity.FAILURE,
            f"an interpreter looks into {site.path} on {left.platform}, none on {right.platform}",
            package.file,
            f"{left.platform}: {site.interpreters[0].version}",
            f"{right.platform}: {', '.join(versions)}",
        )


def _only(left: _Installed, right: _Installed) -> Iterator[Objection]:
    """Packages that one platform has: what is required on the other, what is explained, all else."""
    names = left.packages.keys() - right.packages.keys()
    if not names:
        return
    asked, asked_there = left.requirers(names), right.requirers(names)
    explained = _explained(left, right, asked, asked_there)
    elsewhere = {
        canonical(each.name) for site in right.python.sites.values() for each in site.packages.values()
    }
    meant, rest = [], []
    for name in sorted(names):
        site, package = left.packages[name]
        by = sorted(
            who
            for who, found in asked_there[name].items()
            if any(right.asks(each, with_extras=False) for each in found)
        )
        if by and not site.is_shared and name not in elsewhere:
            yield Objection(
                CheckKind.DIFFERS,
                Severity.FAILURE,
                f"{right.platform} has no {package.name}, which {shown(by)} there requires",
                package.file,
                f"{left.platform}: {package.version}",
                f"{right.platform}: none",
                names=(package.name,),
            )
        elif name in explained:
            meant.append(package)
        else:
            rest.append((package, by))
    for package, by in rest:
        yield Objection(
            CheckKind.DIFFERS,
            Severity.WARNING,
            f"only {left.platform} has {package.name}",
            package.file,
            f"{left.platform}: {package.version}",
            f"{right.platform}: none",
            reason="" if by else f"nothing that is installed on {right.platform} requires it",
            names=(package.name,),
        )
    if meant:
        yield Objection(
            CheckKind.DIFFERS,
            Severity.OK,
            f"only {left.platform} has {', '.join(package.name for package in meant)}",
            meant[0].file,
            reason="a marker asks for it there only",
        )


_Asked = Mapping[str, Mapping[str, Sequence[Requirement]]]
"""Name → who requires it → how."""


def _explained(left: _Installed, right: _Installed, asked: _Asked, asked_there: _Asked) -> set[str]:
    """Of the packages that only the left one has: those that a marker, or metadata that differ, ask for there
    only, and what they require.
    """
    requires: dict[str, set[str]] = {}
    pending = []
    for name, requirers in asked.items():
        for by, found in requirers.items():
            here = [each for each in found if left.asks(each, with_extras=True)]
            if not here:
                continue
            requires.setdefault(by, set()).add(name)
            there = asked_there[name].get(by, ()) if by in right.askers else here
            if all(right.asks(each, with_extras=True, version=left.version) is False for each in there):
                pending.append(name)
    explained: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in explained:
            explained.add(name)
            pending += requires.get(name, ())
    return explained


def _versions(one: _Installed, two: _Installed, name: str) -> Objection:
    (site, package), (_, other) = one.packages[name], two.packages[name]
    asked = [found for there in (one, two) for found in there.requirers((name,))[name].values()]
    both = [each for found in asked for each in found if each.has_marker]
    is_asked = any(one.asks(each, with_extras=True) != two.asks(each, with_extras=True) for each in both)
    is_local = package.version.partition("+")[0] == other.version.partition("+")[0]
    severity = Severity.WARNING if site.is_shared or is_local else Severity.FAILURE
    return Objection(
        CheckKind.DIFFERS,
        Severity.OK if is_asked else severity,
        f"platforms differ in the version of {package.name}",
        package.file,
        f"{one.platform}: {package.version}",
        f"{two.platform}: {other.version}",
        reason="a marker asks for it" if is_asked else "",
        names=(package.name,),
    )


def _lost(one: _Installed, two: _Installed, name: str) -> Iterator[tuple[PlatformImage, Objection]]:
    """Files that a package lists on both platforms, and that one has not."""
    for there, here in ((one, two), (two, one)):
        site, package = there.packages[name]
        gone = set(absent(there.python, site, package)[0])
        if not gone or site.is_shared:
            continue
        other_site, other = here.packages[name]
        gone_here = set(absent(here.python, other_site, other)[0])
        kept = {_portable(path) for path in other.record if path not in gone_here}
        present = {_portable(path) for path in package.record if path not in gone}
        lost = sorted(path for path in gone if (each := _portable(path)) in kept and each not in present)
        if lost:
            yield (
                there.python.image,
                Objection(
                    CheckKind.DIFFERS,
                    Severity.FAILURE,
                    f"{there.platform} lacks files of {package.name}: {shown(lost)}",
                    package.file,
                    names=(package.name,),
                ),
            )


def _portable(path: str) -> str:
    """A file's path without what it says of the platform."""
    return _without_hashes(_TAGGED.sub(".so", path))
