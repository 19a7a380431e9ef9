"""`pylock.toml` of lock version 1.0 (PyPA "pylock.toml Specification", PEP 751)."""

from __future__ import annotations

from xbuild.plan.table import words
from xbuild.plan.toolchains.python.fitting import normalised
from xbuild.plan.toolchains.python.lockfiles.texts import (
    NotReadableError,
    Table,
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
)
from xbuild.plan.toolchains.python.locks import Lock, LockedPackage, Root, Sourcing

_TOP = words(
    "lock-version environments requires-python extras dependency-groups default-groups created-by "
    "packages tool"
)
_PACKAGE = words(
    "name version marker requires-python dependencies vcs directory archive index sdist wheels "
    "attestation-identities tool"
)


def read(path: str, given: Table, project: Table | None) -> Lock:  # noqa: ARG001  # it is all in the lock
    table(given, "it", _TOP)
    version = required(given, "lock-version", "it")
    if version != "1.0":
        raise NotReadableError(f"its lock-version is {version[:20]}")
    rows = tables(given.get("packages"), "`packages`", _PACKAGE)
    made = [_package(row) for row in rows]
    packages = _distinct([package for package, _ in made])
    roots = tuple(Root(exactly(package, marker)) for package, marker in made)
    return Lock(
        path,
        "pylock.toml",
        packages,
        roots,
        text_of(given.get("requires-python", ""), "`requires-python`"),
        texts_of(given.get("environments", []), "`environments`"),
        names_of(given.get("default-groups", []), "`default-groups`"),
        named_groups=names_of(given.get("dependency-groups", []), "`dependency-groups`"),
        named_extras=names_of(given.get("extras", []), "`extras`"),
    )


def _distinct(packages: list[LockedPackage]) -> tuple[LockedPackage, ...]:
    """One may stand there for several markers, alike but for its files."""
    return tuple(dict.fromkeys(packages))


def _package(given: Table) -> tuple[LockedPackage, str]:
    name = required(given, "name", "a package")
    marker = text_of(given.get("marker", ""), f"the marker of {name}")
    wheels = [_file(row, name) for row in tables(given.get("wheels", []), f"`wheels` of {name}")]
    sourcing, place = Sourcing.REGISTRY, ""
    kinds = [key for key in ("vcs", "directory", "archive") if key in given]
    if len(kinds) > 1 or (kinds and (wheels or "sdist" in given)):
        raise NotReadableError(f"{name} comes from several places")
    has_sdist = "sdist" in given
    if kinds:
        source = table(given[kinds[0]], f"`{kinds[0]}` of {name}")
        found = source.get("path", source.get("url"))
        place = masked(text_of(found, f"`{kinds[0]}` of {name}"))
        sourcing = {"vcs": Sourcing.GIT, "archive": Sourcing.URL}.get(kinds[0], Sourcing.DIRECTORY)
        if source.get("editable") is True:
            sourcing = Sourcing.EDITABLE
        if kinds[0] == "archive":
            found_wheels, has_sdist = files_of([file_name(place)])
            wheels = list(found_wheels)
    python = text_of(given.get("requires-python", ""), f"`requires-python` of {name}")
    version = version_of(given, name)
    package = LockedPackage(
        normalised(name), version, sourcing, place, tuple(wheels), has_sdist, python=python
    )
    return package, marker


def _file(given: Table, name: str) -> str:
    if "name" in given:
        return required(given, "name", f"a wheel of {name}")
    key = "path" if "path" in given else "url"
    return file_name(required(given, key, f"a wheel of {name}"))
