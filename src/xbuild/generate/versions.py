"""Versions of languages: what a project asks for, and the base image of that version.

The tables hold the minor versions that were current in November 2026 and that the official images have (Node:
releases of the npm package `node`; Python: its releases with wheels and images for Debian 12).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

Version = tuple[int, int, int]

SUITE = "bookworm"

# Major version → its newest minor version.
NODES = {"16": "16.20", "18": "18.20", "20": "20.20", "22": "22.23", "24": "24.21", "26": "26.10"}
NODE = "24"
# The first minor version of those that came before Debian 12 which has an image on it.
NODE_FIRST = {"16": 20, "18": 16, "20": 3}
# The first minor version of those whose npm (10.1) can be told of another processor; those of 16 never could.
NODE_TOLD = {"16": 99, "18": 19, "20": 9}
# The oldest Go with an image on Debian 12.
GO_OLDEST = (1, 19)
# Minor version of Python → the release of Debian that its usual images stand on, of the two that they have.
PYTHONS = {
    "3.14": "trixie",
    "3.13": "trixie",
    "3.12": "bookworm",
    "3.11": "bookworm",
    "3.10": "bookworm",
    "3.9": "bookworm",
}
# Minor version of Python → the distroless image that has it, as Debian's own Python.
DISTROLESS = {"3.11": "debian12", "3.13": "debian13"}
# The C library of these, as uv names it: the newest of its names that is not newer.
LEVELS = {"bookworm": "manylinux_2_36", "trixie": "manylinux_2_40"}
PYTHON = "3.13"
# Package → the newest Python that it runs on, from which version of the package on.
# Sources: Django's FAQ on installation, the wheels of numpy and pandas.
PYTHON_LIMITS: dict[str, tuple[tuple[Version, str], ...]] = {
    "django": (
        ((2, 2, 0), "3.9"),
        ((3, 2, 0), "3.10"),
        ((4, 1, 0), "3.11"),
        ((4, 2, 0), "3.12"),
        ((5, 1, 0), "3.13"),
        ((5, 2, 0), "3.14"),
    ),
    "numpy": (
        ((1, 19, 0), "3.9"),
        ((1, 21, 0), "3.10"),
        ((1, 23, 0), "3.11"),
        ((1, 26, 0), "3.12"),
        ((2, 1, 0), "3.13"),
        ((2, 3, 0), "3.14"),
    ),
    "pandas": (
        ((1, 1, 0), "3.9"),
        ((1, 3, 0), "3.10"),
        ((1, 5, 0), "3.11"),
        ((2, 1, 0), "3.12"),
        ((2, 2, 3), "3.13"),
        ((2, 3, 0), "3.14"),
    ),
}
UV = "0.13"
BUN = "1.4"

_NUMBERS = re.compile(r"v?(\d+)(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:[-+][0-9A-Za-z.+-]*)?$")
_COMPARED = re.compile(r"\s*(\^|~|>=|<=|>|<|=)?\s*(\S+)")


def minor(text: str) -> str | None:
    """`1.24.3` → `1.24`; None for what has no minor version."""
    found = re.match(r"v?(\d+)\.(\d+)(?![\w])", text.strip())
    return f"{found[1]}.{found[2]}" if found else None


def newest_python(package: str, version: str) -> str | None:
    """The newest Python that a version of a package runs on, where a table tells of it."""
    given = [int(n) for n in re.findall(r"\d+", version)[:3]]
    low = (*given, 0, 0, 0)[:3]
    rows = [python for least, python in PYTHON_LIMITS.get(package, ()) if low >= least]
    return rows[-1] if given and rows else None


def newest_node(wanted: str) -> str | None:
    """The newest known major version of Node, the usual one first, that a range of npm's allows.

    Source: docs of npm's `semver`. None for a range that is not understood or that allows no known version.
    """
    allows = node_range(wanted)
    if allows is None:
        return None
    order = sorted(NODES, key=lambda name: (name != NODE, -int(name)))
    return next((name for name in order if any(allows(v) for v in _versions_of(name))), None)


def _versions_of(major: str) -> Iterable[Version]:
    """The release that the image of a major version holds today, or a later one of its line."""
    first, second = (int(part) for part in NODES[major].split("."))
    return ((first, second, 0), (first, second, 99))


def node_range(text: str) -> Callable[[Version], bool] | None:
    """A range of npm's as a question to versions, or None when it is not understood."""
    alternatives = [_all_of(part) for part in text.split("||")]
    if not all(alternatives):
        return None
    return lambda version: any(
        test is not None and all(one(version) for one in test) for test in alternatives
    )


def _all_of(text: str) -> list[Callable[[Version], bool]] | None:
    text = re.sub(r"\s+-\s+", " - ", text.strip())
    span = re.fullmatch(r"(\S+) - (\S+)", text)
    words = [(">=", span[1]), ("<=", span[2])] if span else _COMPARED.findall(text)
    found: list[Callable[[Version], bool]] = []
    for sign, word in words or [("", "*")]:
        test = _test(sign, word)
        if test is None:
            return None
        found.append(test)
    return found


def _test(sign: str, word: str) -> Callable[[Version], bool] | None:
    if word in ("*", "x", "X", "latest", "node", "lts/*", "lts"):
        return lambda _: True
    numbers = _NUMBERS.match(word)
    if numbers is None:
        return None
    given = [int(n) for n in numbers.groups() if n is not None and n.isdecimal()]
    low = (*given, 0, 0, 0)[:3]
    least: Version = (low[0], low[1], low[2])
    # The first version that is no longer meant by a partial one: 20 → 21.0.0, 20.3 → 20.4.0.
    behind: Version = (given[0], given[1] + 1, 0) if len(given) == 2 else (given[0] + 1, 0, 0)
    is_whole = len(given) == 3
    upper: dict[str, Version] = {
        "^": (given[0] + 1, 0, 0),
        "~": (given[0], given[1] + 1, 0) if len(given) > 1 else (given[0] + 1, 0, 0),
        "": behind,
        "=": behind,
    }
    if sign in upper:
        end = upper[sign]
        if is_whole and sign in ("", "="):
            return lambda version: version == least
        return lambda version: least <= version < end
    tests: dict[str, Callable[[Version], bool]] = {
        ">=": lambda version: version >= least,
        ">": lambda version: version > least if is_whole else version >= behind,
        "<": lambda version: version < least,
        "<=": lambda version: version <= least if is_whole else version < behind,
    }
    return tests[sign]
