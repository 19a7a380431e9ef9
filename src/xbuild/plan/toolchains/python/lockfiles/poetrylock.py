"""`poetry.lock` of lock versions 1.0 to 2.1; before 2.1 only pyproject.toml says what is asked for.

Sources: poetry `packages/locker.py`; poetry-core `factory.py` (tables of requirements).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from xbuild.plan.table import words
from xbuild.plan.toolchains.python.fitting import normalised
from xbuild.plan.toolchains.python.lockfiles.texts import (
    MOST_ALIKE,
    NotReadableError,
    Table,
    check_once,
    exactly,
    files_of,
    is_wheel,
    masked,
    names_of,
    required,
    table,
    tables,
    text_of,
    texts_of,
    without_requirements,
)
from xbuild.plan.toolchains.python.locks import Dependency, Lock, LockedPackage, Root, Sourcing

_PACKAGE = words(
    "name version description category optional develop python-versions groups markers files dependencies "
    "extras source"
)
_DEPENDENCY = words(
    "version extras optional markers python platform source allow-prereleases allows-prereleases path url "
    "file git branch tag rev subdirectory develop"
)
_SOURCES = {
    "legacy": Sourcing.REGISTRY,
    "git": Sourcing.GIT,
    "hg": Sourcing.GIT,
    "url": Sourcing.URL,
    "file": Sourcing.PATH,
    "directory": Sourcing.DIRECTORY,
}


def read(path: str, given: Table, project: Table | None) -> Lock:
    table(given, "it", words("package extras metadata"))
    metadata = table(given.get("metadata"), "`metadata`")
    version = required(metadata, "lock-version", "`metadata`")
    if version not in ("1.0", "1.1", "2.0", "2.1"):
        raise NotReadableError(f"its lock-version is {version[:20]}")
    rows = tables(given.get("package", []), "`package`", _PACKAGE)
    packages = check_once(_package(row, metadata) for row in rows)
    settings = _settings(project)
    if version == "2.1":
        pairs = zip(rows, packages, strict=True)
        roots = [root for row, package in pairs for root in _groups(row, package)]
        packages = tuple(without_requirements(package) for package in packages)
    elif settings is None:
        roots = [Root(exactly(package)) for package in packages]
    else:
        roots = list(_roots(settings, given))
    python = required(metadata, "python-versions", "`metadata`")
    return Lock(
        path,
        "poetry.lock",
        packages,
        tuple(roots),
        python,
        default_groups=_default_groups(project),
        named_extras=tuple(normalised(name) for name in table(given.get("extras", {}), "`extras`")),
    )


def _package(given: Table, metadata: Table) -> LockedPackage:
    name = required(given, "name", "a package")
    source = table(given.get("source", {}), f"the source of {name}")
    kind = text_of(source.get("type", "legacy"), f"the source of {name}")
    if kind not in _SOURCES:
        raise NotReadableError(f"the source of {name} is not known")
    place = masked(text_of(source.get("url", ""), f"the source of {name}"))
    develop = given.get("develop", False)
    sourcing = _SOURCES[kind]
    if sourcing is Sourcing.DIRECTORY and develop is True:
        sourcing = Sourcing.EDITABLE
    version = required(given, "version", name)
    files = _files(given, metadata, name, version)
    wheels, has_sdist = files_of(files) if files is not None else (None, None)
    plain, extras = _dependencies(given, name)
    python = text_of(given.get("python-versions", ""), f"`python-versions` of {name}")
    return LockedPackage(normalised(name), version, sourcing, place, wheels, has_sdist, plain, extras, python)


def _files(given: Table, metadata: Table, name: str, version: str) -> tuple[str, ...] | None:
    """Before version 2.0 all files of a name, whatever their version, stand together at the end."""
    own = given.get("files")
    if own is not None:
        return tuple(required(row, "file", f"a file of {name}") for row in tables(own, f"`files` of {name}"))
    listed = table(metadata.get("files", {}), "`metadata.files`").get(name)
    if listed is None:
        return None
    files = (required(row, "file", f"a file of {name}") for row in tables(listed, f"the files of {name}"))
    return tuple(file for file in files if not is_wheel(file) or file.split("-")[1:2] == [version])


_Extras = tuple[tuple[str, tuple[Dependency, ...]], ...]


def _dependencies(given: Table, name: str) -> tuple[tuple[Dependency, ...], _Extras]:
    """(what it always requires, what its extras do)."""
    plain: list[Dependency] = []
    optional: list[Dependency] = []
    for key, listed in table(given.get("dependencies", {}), f"`dependencies` of {name}").items():
        for dependency, is_optional in _requirements(key, listed, name):
            (optional if is_optional else plain).append(dependency)
    named: dict[str, list[Dependency]] = {}
    for one in optional:
        named.setdefault(one.name, []).append(one)
    extras = []
    for extra, lines in table(given.get("extras", {}), f"`extras` of {name}").items():
        listed = dict.fromkeys(first_name(line) for line in texts_of(lines, f"`extras` of {name}"))
        extras.append((normalised(extra), tuple(one for key in listed for one in named.get(key, ()))))
    return tuple(plain), tuple(extras)


def first_name(line: str) -> str:
    return normalised(re.split(r"[\s\[(;<>=!~@]", line.strip(), maxsplit=1)[0])


def _requirements(name: str, listed: object, where: str) -> Iterator[tuple[Dependency, bool]]:
    """A version, a table, or several of them; with each, whether it is optional."""
    several = listed if isinstance(listed, list) else [listed]
    if len(several) > MOST_ALIKE:
        raise NotReadableError(f"{where} requires {name} too often")
    for given in several:
        if isinstance(given, str):
            yield Dependency(normalised(name), versions=given), False
            continue
        row = table(given, f"what {where} requires of {name}", _DEPENDENCY)
        platform = text_of(row.get("platform", ""), f"`platform` of {name}")
        parts = [
            text_of(row.get("markers", ""), f"a marker of {name}"),
            f"sys_platform == '{platform}'" if platform and "'" not in platform else "",
        ]
        marker = " and ".join(f"({part})" for part in parts if part)
        extras = names_of(row.get("extras", []), f"an extra of {name}")
        python = text_of(row.get("python", ""), f"`python` of {name}")
        versions = text_of(row.get("version", ""), f"the version of {name}")
        one = Dependency(normalised(name), marker, extras, None, None, python, versions)
        yield one, row.get("optional") is True


def _groups(row: Table, package: LockedPackage) -> Iterator[Root]:
    """Since version 2.1, each package says for which groups it is installed, and when."""
    name = package.name
    given = row.get("markers", "")
    markers = given if isinstance(given, dict) else dict.fromkeys(row.get("groups", ()), given)
    for group in texts_of(row.get("groups"), f"`groups` of {name}"):
        marker = text_of(markers.get(group, ""), f"a marker of {name}")
        yield Root(exactly(package, marker), group="" if group == "main" else normalised(group))


def _settings(project: Table | None) -> Table | None:
    settings = table((project or {}).get("tool", {}), "`tool`").get("poetry")
    return None if settings is None else table(settings, "`tool.poetry`")


def _roots(settings: Table, lock: Table) -> Iterator[Root]:
    """What the project asks for, as its pyproject.toml says."""
    extras: dict[str, list[str]] = {}
    for extra, listed in table(lock.get("extras", {}), "`extras`").items():
        for line in texts_of(listed, "`extras`"):
            extras.setdefault(first_name(line), []).append(normalised(extra))
    for group, listed in _tables(settings):
        for name, given in listed.items():
            if normalised(name) == "python":
                continue
            for dependency, is_optional in _requirements(name, given, "the project"):
                for extra in extras.get(dependency.name, ()) if is_optional else ("",):
                    yield Root(dependency, group, extra)


def _tables(settings: Table) -> Iterator[tuple[str, Table]]:
    yield "", table(settings.get("dependencies", {}), "`tool.poetry.dependencies`")
    yield "dev", table(settings.get("dev-dependencies", {}), "`tool.poetry.dev-dependencies`")
    for group, row in table(settings.get("group", {}), "`tool.poetry.group`").items():
        listed = table(row, f"group {group}").get("dependencies", {})
        yield "" if group == "main" else normalised(group), table(listed, f"group {group}")


def _default_groups(project: Table | None) -> tuple[str, ...] | None:
    """All that are not optional."""
    if project is None:
        return None
    settings = _settings(project) or {}
    rows = table(settings.get("group", {}), "`tool.poetry.group`")
    optional = {name for name, row in rows.items() if table(row, f"group {name}").get("optional") is True}
    named = (*rows, *table(project.get("dependency-groups", {}), "`dependency-groups`"))
    dev = ("dev",) if "dev-dependencies" in settings else ()
    return tuple(dict.fromkeys((*dev, *(normalised(name) for name in named if name not in optional))))
