"""`pdm.lock` of lock versions 4.3 to 4.5; pyproject.toml has its say where the lock does not tell groups.

Sources: pdm `project/lockfile/pdmlock.py`, `models/repositories/lock.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from xbuild.plan.table import words
from xbuild.plan.toolchains.python.fitting import normalised
from xbuild.plan.toolchains.python.lockfiles.texts import (
    NotReadableError,
    Table,
    dependency_of,
    exactly,
    file_name,
    files_of,
    masked,
    names_of,
    required,
    table,
    tables,
    text_of,
    texts_of,
    version_of,
    without_requirements,
)
from xbuild.plan.toolchains.python.locks import Dependency, Lock, LockedPackage, Root, Sourcing

_PACKAGE = words(
    "name version extras requires_python summary groups marker dependencies files git hg svn bzr ref "
    "revision url path editable subdirectory"
)
_METADATA = words("groups strategy lock_version content_hash targets lock_inputs cross_platform static_urls")
_STRATEGIES = words("cross_platform static_urls direct_minimal_versions inherit_metadata")


def read(path: str, given: Table, project: Table | None) -> Lock:
    table(given, "it", words("metadata package"))
    metadata = table(given.get("metadata"), "`metadata`", _METADATA)
    version = required(metadata, "lock_version", "`metadata`")
    if re.fullmatch(r"4\.[3-5](\.\d+)?", version) is None:
        raise NotReadableError(f"its lock_version is {version[:20]}")
    strategies = texts_of(metadata.get("strategy", ["cross_platform"]), "`strategy`")
    unknown = next((name for name in strategies if name not in _STRATEGIES), None)
    if unknown is not None:
        raise NotReadableError(f"its strategy is {unknown[:40]}")
    rows = tables(given.get("package", []), "`package`", _PACKAGE)
    is_told = "inherit_metadata" in strategies
    packages = tuple(_packages(rows))
    if is_told:
        roots = [root for row in rows for root in _groups(row)]
        packages = tuple(without_requirements(package) for package in packages)
    elif project is None:
        roots = [Root(exactly(package)) for package in packages]
    else:
        roots = list(_roots(project))
    python = _python(metadata, strategies)
    groups = names_of(metadata.get("groups", []), "`groups`")
    return Lock(
        path,
        "pdm.lock",
        packages,
        tuple(roots),
        python,
        default_groups=_default_groups(project),
        named_groups=tuple(group for group in groups if group != "default"),
    )


def _python(metadata: Table, strategies: tuple[str, ...]) -> str:
    """It has to be one for any platform."""
    targets = tables(metadata.get("targets", []), "`targets`")
    has_targets = "targets" in metadata
    if not has_targets and ("cross_platform" not in strategies or metadata.get("cross_platform") is False):
        raise NotReadableError("it is for the machine that it was made on")
    if any(key != "requires_python" for row in targets for key in row):
        raise NotReadableError("it is for the platforms that it names")
    return required(targets[0], "requires_python", "`targets`") if len(targets) == 1 else ""


def _packages(rows: tuple[Table, ...]) -> Iterator[LockedPackage]:
    """A package with extras stands once more for each set of them: here they are one."""
    found: dict[tuple[str, str | None, str], list[Table]] = {}
    for row in rows:
        name = normalised(required(row, "name", "a package"))
        found.setdefault((name, version_of(row, name), _source(row)[1]), []).append(row)
    for (name, version, place), own in found.items():
        sets = [names_of(row.get("extras", []), f"an extra of {name}") for row in own]
        if len({frozenset(extras) for extras in sets}) < len(sets):
            raise NotReadableError(f"{name} stands twice in it")
        wheels, has_sdist = files_of(dict.fromkeys(file for row in own for file in _files(row, name)))
        pairs = zip(sets, own, strict=True)
        required_by = [(extras, tuple(_dependencies(row, name))) for extras, row in pairs]
        yield LockedPackage(
            name,
            version,
            _source(own[0])[0],
            place,
            wheels,
            has_sdist,
            tuple(one for extras, lines in required_by if not extras for one in lines),
            tuple((extra, lines) for extras, lines in required_by for extra in extras),
            text_of(own[0].get("requires_python", ""), f"`requires_python` of {name}"),
        )


def _source(row: Table) -> tuple[Sourcing, str]:
    name = text_of(row.get("name"), "a name")
    for key in ("git", "hg", "svn", "bzr", "url", "path"):
        if key in row:
            place = masked(required(row, key, name))
            is_archive = re.search(r"\.(whl|zip|tar(\.\w+)?|t[gbx]z2?)([#?]|$)", place) is not None
            if key == "url":
                return Sourcing.URL, place
            if key == "path" and is_archive:
                return Sourcing.PATH, place
            if key == "path":
                return Sourcing.EDITABLE if row.get("editable") is True else Sourcing.DIRECTORY, place
            return Sourcing.GIT, place
    return Sourcing.REGISTRY, ""


def _files(row: Table, name: str) -> Iterator[str]:
    for given in tables(row.get("files", []), f"`files` of {name}"):
        key = "file" if "file" in given else "url"
        yield file_name(required(given, key, f"a file of {name}"))


def _dependencies(row: Table, name: str) -> Iterator[Dependency]:
    for line in texts_of(row.get("dependencies", []), f"`dependencies` of {name}"):
        yield dependency_of(line, name)


def _groups(row: Table) -> Iterator[Root]:
    name = normalised(required(row, "name", "a package"))
    marker = text_of(row.get("marker", ""), f"a marker of {name}")
    one = Dependency(name, marker, (), version_of(row, name), _source(row)[1])
    for group in texts_of(row.get("groups"), f"`groups` of {name}"):
        yield Root(one, group="" if group == "default" else normalised(group))


def _roots(project: Table) -> Iterator[Root]:
    own = table(project.get("project", {}), "`project`")
    optional = table(own.get("optional-dependencies", {}), "`optional-dependencies`")
    dev = _dev(project)
    for group, lines in (("", own.get("dependencies", [])), *optional.items(), *dev.items()):
        for line in _lines(lines, dev, group, ()):
            editable = re.fullmatch(r"\s*(?:-e|--editable)\s.*#egg=([\w.-]+).*", line)
            yield Root(dependency_of(editable[1] if editable else line, f"group {group}"), normalised(group))


def _lines(lines: object, dev: Table, group: str, above: tuple[str, ...]) -> Iterator[str]:
    """Of a group, with those that it includes (PEP 735)."""
    if group in above or len(above) > 8 or not isinstance(lines, list):
        raise NotReadableError(f"group {group} is not one")
    for line in lines:
        if isinstance(line, str):
            yield line
            continue
        other = required(table(line, f"group {group}", ("include-group",)), "include-group", f"group {group}")
        yield from _lines(dev.get(other), dev, other, (*above, group))


def _dev(project: Table) -> dict[str, Any]:
    settings = table(table(project.get("tool", {}), "`tool`").get("pdm", {}), "`tool.pdm`")
    old = table(settings.get("dev-dependencies", {}), "`dev-dependencies`")
    return {**old, **table(project.get("dependency-groups", {}), "`dependency-groups`")}


def _default_groups(project: Table | None) -> tuple[str, ...] | None:
    return None if project is None else tuple(normalised(name) for name in _dev(project))
