"""`Pipfile.lock` of spec 6, which names no files.

Sources: pipenv `utils/locking.py`, `utils/dependencies.py`.
"""

from __future__ import annotations

import re

from xbuild.plan.table import words
from xbuild.plan.toolchains.python.fitting import normalised
from xbuild.plan.toolchains.python.lockfiles.texts import (
    NotReadableError,
    Table,
    exactly,
    masked,
    names_of,
    required,
    table,
    text_of,
)
from xbuild.plan.toolchains.python.locks import Lock, LockedPackage, Root, Sourcing

_PACKAGE = words(
    "version hashes markers index extras git ref path file editable subdirectory name sys_platform "
    "platform_machine os_name python_version platform_system"
)
_MARKERS = words("sys_platform platform_machine os_name python_version platform_system")


def read(path: str, given: Table, project: Table | None) -> Lock:  # noqa: ARG001  # Pipfile is beside it
    meta = table(given.get("_meta"), "`_meta`")
    if meta.get("pipfile-spec") != 6:
        raise NotReadableError("its pipfile-spec is not 6")
    requires = table(meta.get("requires", {}), "`requires`", words("python_version python_full_version"))
    versions = {key: text_of(version, "`requires`") for key, version in requires.items()}
    told = (f"{key} == '{version}'" for key, version in versions.items() if "'" not in version)
    environments = (" and ".join(told),) if versions else ()
    packages: dict[tuple[str, str | None, str], LockedPackage] = {}
    roots: list[Root] = []
    for category, listed in given.items():
        if category == "_meta":
            continue
        for name, row in table(listed, f"`{category}`").items():
            package, marker = _package(name, table(row, name, _PACKAGE))
            packages[package.name, package.version, package.place] = package
            group = "" if category == "default" else normalised(category)
            roots.append(Root(exactly(package, marker), group))
    return Lock(path, "Pipfile.lock", tuple(packages.values()), tuple(roots), "", environments, ())


def _package(name: str, given: Table) -> tuple[LockedPackage, str]:
    """(the package, its marker): hashes name no files."""
    where = normalised(name)
    version = text_of(given.get("version", ""), f"the version of {where}")
    pinned = version.removeprefix("==") if re.fullmatch(r"==[\w.!+-]+", version) else None
    names_of(given.get("extras", []), f"`extras` of {where}")
    parts = [text_of(given.get("markers", ""), f"`markers` of {where}")]
    parts += (f"{key} {text_of(given[key], where)}" for key in _MARKERS if key in given)
    marker = " and ".join(f"({part})" for part in parts if part)
    sourcing, place = _source(given, where)
    return LockedPackage(where, pinned, sourcing, place), marker


def _source(given: Table, where: str) -> tuple[Sourcing, str]:
    for key, sourcing in (("git", Sourcing.GIT), ("file", Sourcing.URL), ("path", Sourcing.DIRECTORY)):
        if key in given:
            place = masked(required(given, key, where))
            is_editable = sourcing is Sourcing.DIRECTORY and given.get("editable") is True
            if key == "path" and place.endswith((".whl", ".zip", ".gz")):
                sourcing = Sourcing.PATH
            return Sourcing.EDITABLE if is_editable else sourcing, place
    return Sourcing.REGISTRY, ""
