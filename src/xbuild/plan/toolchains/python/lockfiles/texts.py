"""What readers of lock files share: texts to tables, tables to values that are checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from xbuild.plan.toolchains.python.fitting import normalised
from xbuild.plan.toolchains.python.locks import Dependency, LockedPackage
from xbuild.text import expression

LARGEST = 8 * 1024 * 1024
"""In characters: the largest locks of public projects have a fifth of it."""
MOST_ALIKE = 200
"""Of packages of one name."""
_MOST_DOTS = 64
_LONGEST_LINE = 1024 * 1024
Table = Mapping[str, Any]


class NotReadableError(Exception):
    """Why a lock cannot be read, as the end of a sentence."""


def parse(text: str, *, is_json: bool = False) -> dict[str, Any]:
    """A TOML or JSON text of bounded size and depth, as a table."""
    if len(text) > LARGEST:
        raise NotReadableError(f"it is larger than {LARGEST // 1024**2} MiB")
    try:
        if is_json:
            import json

            found = json.loads(text, object_pairs_hook=_once)
        else:
            import tomllib

            _check_keys(text)
            found = tomllib.loads(text)
    except RecursionError:
        raise NotReadableError("it is nested too deep") from None
    except ValueError:
        raise NotReadableError(f"it is no {'JSON' if is_json else 'TOML'}") from None
    return dict(table(found, "it"))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotReadableError("something stands twice in it")
    return found


_STRING = expression(r"\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'")


def _check_keys(text: str) -> None:
    """A key of very many parts takes the library time that grows with the square of their number."""
    for line in text.split("\n"):
        if len(line) > _LONGEST_LINE or line.count(".") > _MOST_DOTS < _STRING.sub("", line).count("."):
            raise NotReadableError("a line of it is longer than a tool writes")


def table(found: object, where: str, known: Iterable[str] | None = None) -> Table:
    """It is a table, and has no keys but those that are known."""
    if not isinstance(found, dict):
        raise NotReadableError(f"{where} is not a table")
    unknown = next((key for key in found if known is not None and key not in known), None)
    if unknown is not None:
        raise NotReadableError(f"{where} has `{unknown[:40]}`, which is not known")
    return found


def tables(found: object, where: str, known: Iterable[str] | None = None) -> tuple[Table, ...]:
    if not isinstance(found, list):
        raise NotReadableError(f"{where} is not a list")
    return tuple(table(item, where, known) for item in found)


def text_of(found: object, where: str) -> str:
    if not isinstance(found, str):
        raise NotReadableError(f"{where} is not a text")
    return found


def texts_of(found: object, where: str) -> tuple[str, ...]:
    if not isinstance(found, list):
        raise NotReadableError(f"{where} is not a list")
    return tuple(text_of(item, where) for item in found)


def required(given: Table, key: str, where: str) -> str:
    if key not in given:
        raise NotReadableError(f"{where} has no {key}")
    return text_of(given[key], f"{key} of {where}")


def names_of(found: object, where: str) -> tuple[str, ...]:
    return tuple(normalised(name) for name in texts_of(found, where))


def masked(text: str) -> str:
    """A text with addresses in it, without who asks there, and without what is asked (`?token=…`)."""
    if "://" not in text:
        return text
    return "".join(_masked(part) if "://" in part else part for part in re.split(r"(\s)", text))


def _masked(address: str) -> str:
    scheme, _, rest = address.partition("://")
    if "://" in rest:
        return f"{scheme}://***"
    host = rest.partition("/")[0]
    # A password may have a slash or an @ in it that should have been escaped: up to the last @ all goes.
    if "@" in host or re.fullmatch(r"[^:]*(:\d*)?", host) is None:
        rest = f"***@{rest.rpartition('@')[2]}"
    asked, mark, fragment = rest.partition("#")
    path, query, _ = asked.partition("?")
    return f"{scheme}://{path}{query}{'***' if query else ''}{mark}{fragment}"


def file_name(place: str) -> str:
    name = re.split(r"[?#]", place)[0].replace("\\", "/").rstrip("/").rpartition("/")[2]
    return re.sub(r"%([2-7][0-9A-Fa-f])", lambda match: chr(int(match[1], 16)), name)


def is_wheel(name: str) -> bool:
    return name.lower().endswith(".whl")


def check_once(packages: Iterable[LockedPackage]) -> tuple[LockedPackage, ...]:
    found: dict[tuple[str, str | None, str], LockedPackage] = {}
    for package in packages:
        key = package.name, package.version, package.place
        if key in found:
            raise NotReadableError(f"{package.name} stands twice in it")
        found[key] = package
    return tuple(found.values())


def files_of(names: Iterable[str]) -> tuple[tuple[str, ...], bool]:
    """(wheels, whether there is something else)."""
    every = tuple(names)
    wheels = tuple(name for name in every if is_wheel(name))
    return wheels, len(wheels) < len(every)


def dependency_of(line: str, where: str) -> Dependency:
    """`name[extra]>=1; marker`: which version, only the lock says."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        found = Requirement(line)
    except InvalidRequirement:
        raise NotReadableError(f"{where} has something that is no requirement") from None
    extras = tuple(sorted(normalised(extra) for extra in found.extras))
    return Dependency(normalised(found.name), str(found.marker or ""), extras, versions=str(found.specifier))


def exactly(package: LockedPackage, marker: str = "") -> Dependency:
    return Dependency(package.name, marker, (), package.version, package.place)


def without_requirements(package: LockedPackage) -> LockedPackage:
    """For formats that say of each package itself when it is installed."""
    return LockedPackage(
        package.name, package.version, package.sourcing, package.place, package.wheels, package.has_sdist
    )


def version_of(row: Table, name: str) -> str | None:
    return required(row, "version", name) if "version" in row else None
