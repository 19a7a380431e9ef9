"""`uv.lock` of version 1: what the projects of a workspace require, and how that leads to the rest.

Sources: uv `crates/uv-resolver/src/lock/` (`mod.rs`, `serialize.rs`, `installable.rs`); a revision of the
version may only add what an older uv may ignore.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.plan.table import words
from xbuild.plan.toolchains.python.fitting import normalised
from xbuild.plan.toolchains.python.lockfiles.texts import (
    NotReadableError,
    Table,
    check_once,
    file_name,
    masked,
    names_of,
    required,
    table,
    tables,
    text_of,
    texts_of,
)
from xbuild.plan.toolchains.python.locks import Dependency, Lock, LockedPackage, Root, Sourcing

_TOP = words(
    "version revision requires-python resolution-markers supported-markers required-markers conflicts "
    "options manifest package"
)
# All of them had their say when it was locked.
_OPTIONS = words(
    "resolution-mode prerelease-mode prerelease-package fork-strategy exclude-newer exclude-newer-span "
    "exclude-newer-package"
)
_MANIFEST = words(
    "members requirements constraints overrides excludes build-constraints dependency-groups dependency- "
    "metadata"
)
_PACKAGE = words(
    "name version source resolution-markers dependencies optional-dependencies dev-dependencies sdist "
    "wheels metadata"
)
_SOURCES = {
    "registry": Sourcing.REGISTRY,
    "git": Sourcing.GIT,
    "url": Sourcing.URL,
    "path": Sourcing.PATH,
    "directory": Sourcing.DIRECTORY,
    "editable": Sourcing.EDITABLE,
    "virtual": Sourcing.VIRTUAL,
}


def read(path: str, given: Table, project: Table | None) -> Lock:
    table(given, "it", _TOP)
    if given.get("version") != 1 or isinstance(given["version"], bool):
        raise NotReadableError("its version is not 1")
    table(given.get("options", {}), "`options`", _OPTIONS)
    manifest = table(given.get("manifest", {}), "`manifest`", _MANIFEST)
    rows = tables(given.get("package", []), "`package`", _PACKAGE)
    supported = given.get("supported-markers") or given.get("resolution-markers") or []
    packages = check_once(_package(row) for row in rows)
    return Lock(
        path,
        "uv.lock",
        packages,
        (*_members(rows, packages, manifest), *_requirements(manifest)),
        required(given, "requires-python", "it"),
        texts_of(supported, "`supported-markers`"),
        _default_groups(project),
        has_own_extras="conflicts" in given,
    )


def _source(given: Table, where: str) -> tuple[Sourcing, str]:
    source = table(given.get("source"), f"the source of {where}", (*_SOURCES, "subdirectory"))
    kinds = [key for key in source if key in _SOURCES]
    if len(kinds) != 1:
        raise NotReadableError(f"the source of {where} is not known")
    place = text_of(source[kinds[0]], f"the source of {where}")
    return _SOURCES[kinds[0]], masked(place)


def _package(given: Table) -> LockedPackage:
    name = required(given, "name", "a package")
    sourcing, place = _source(given, name)
    wheels = [_wheel(row, name) for row in tables(given.get("wheels", []), f"`wheels` of {name}")]
    optional = table(given.get("optional-dependencies", {}), f"`optional-dependencies` of {name}")
    if "version" in given:
        required(given, "version", name)
    return LockedPackage(
        normalised(name),
        given.get("version"),
        sourcing,
        place,
        tuple(wheels),
        "sdist" in given,
        _dependencies(given.get("dependencies", []), name),
        tuple((normalised(extra), _dependencies(rows, name)) for extra, rows in optional.items()),
    )


def _wheel(given: Table, name: str) -> str:
    key = next((key for key in ("filename", "path", "url") if key in given), None)
    if key is None:
        raise NotReadableError(f"a wheel of {name} has no name")
    return file_name(text_of(given[key], f"a wheel of {name}"))


def _dependencies(rows: object, where: str) -> tuple[Dependency, ...]:
    given = tables(rows, f"what {where} requires", words("name version source extra marker"))
    return tuple(_dependency(row, where) for row in given)


def _dependency(given: Table, where: str) -> Dependency:
    version = required(given, "version", where) if "version" in given else None
    return Dependency(
        normalised(required(given, "name", f"what {where} requires")),
        text_of(given.get("marker", ""), f"a marker of {where}"),
        names_of(given.get("extra", []), f"an extra of {where}"),
        version,
        _source(given, where)[1] if "source" in given else None,
    )


_PROJECTS = (Sourcing.EDITABLE, Sourcing.VIRTUAL, Sourcing.DIRECTORY)


def _members(rows: tuple[Table, ...], packages: tuple[LockedPackage, ...], manifest: Table) -> Iterator[Root]:
    """The projects of the workspace, or the one beside the lock, and what their extras and groups require."""
    members = names_of(manifest.get("members", []), "`members`")
    for row, package in zip(rows, packages, strict=True):
        is_root = package.place == "." and package.sourcing in _PROJECTS
        if package.name not in members if members else not is_root:
            continue
        own = Dependency(package.name, version=package.version, place=package.place)
        yield Root(own, member=package.name)
        for extra, required_there in package.extras:
            yield from (Root(one, extra=extra, member=package.name) for one in required_there)
        groups = table(row.get("dev-dependencies", {}), f"`dev-dependencies` of {package.name}")
        for group, listed in groups.items():
            for one in _dependencies(listed, package.name):
                yield Root(one, group=normalised(group), member=package.name)


_REQUIREMENT = words(
    "name extras marker specifier url git path directory editable virtual index rev tag branch "
    "subdirectory conflict lfs"
)


def _requirements(manifest: Table) -> Iterator[Root]:
    """What a script, or a workspace without a project of its own, requires."""
    groups = table(manifest.get("dependency-groups", {}), "`dependency-groups`")
    for group, listed in (("", manifest.get("requirements", [])), *groups.items()):
        for row in tables(listed, "`manifest`", _REQUIREMENT):
            name = normalised(required(row, "name", "`manifest`"))
            marker = text_of(row.get("marker", ""), f"a marker of {name}")
            extras = names_of(row.get("extras", []), f"an extra of {name}")
            yield Root(Dependency(name, marker, extras), group=normalised(group))


def _default_groups(project: Table | None) -> tuple[str, ...] | None:
    if project is None:
        return None
    settings = table(table(project.get("tool", {}), "`tool`").get("uv", {}), "`tool.uv`")
    given = settings.get("default-groups", ["dev"])
    return None if given == "all" else names_of(given, "`default-groups`")
