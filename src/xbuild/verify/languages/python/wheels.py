"""Tags of wheels and markers of requirements, for a platform: by pypa's own `packaging`.

It is imported when an image has Python in it, and not before. A wheel that was built where it is installed
says `linux_aarch64`, which promises nothing about the C library; `manylinux_2_28_aarch64` and
`musllinux_1_2_aarch64` do (PEP 600, PEP 656).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from xbuild.architectures import ARCHITECTURES
from xbuild.platforms import Platform
from xbuild.verify.languages.python.sites import Interpreter

_LONGEST = 512
_MOST_COMBINATIONS = 1_000

_PLATFORM = re.compile(
    r"(?P<system>(?P<many>manylinux)(?:1|2010|2014|_(?P<major>\d+)_(?P<minor>\d+))|(?P<musl>musllinux)_\d+_\d+|linux)"
    r"_(?P<architecture>\w+)"
)
_LEVELS = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}

# What else wheels for a machine are called: Python says what the kernel says, and a 32-bit Python may run on
# the kernel of the 64-bit sibling.
_ALSO = {"386": ("i386", "i486", "i586"), "arm": ("armv8l",)}


def _wheel_architectures(platform: Platform) -> frozenset[str]:
    rows = [row for row in ARCHITECTURES if row.architecture == platform.architecture]
    names = {name for row in rows for name in (row.wheel, row.uname) if name}
    return frozenset(names.union(_ALSO.get(platform.architecture, ())))


def platform_objection(tag: str, platform: Platform, c_library: str | None, glibc: str | None) -> str | None:
    """Why the last part of a tag does not fit, in a word; None when it does.

    `c_library` is that of the interpreter, `glibc` its version; None for what is not known.
    """
    found = _PLATFORM.fullmatch(tag)
    if tag == "any":
        return None
    if found is None:
        return "platform"
    if found["architecture"] not in _wheel_architectures(platform):
        return "platform"
    if (found["musl"] and c_library == "glibc") or (found["many"] and c_library == "musl"):
        return "C library"
    if found["many"] and c_library == "glibc" and glibc is not None:
        level = _LEVELS.get(found["system"]) or (int(found["major"]), int(found["minor"]))
        if level > tuple(int(part) for part in glibc.split(".")):
            return "glibc"
    return None


def _split(tag: str) -> list[tuple[str, str, str]] | None:
    """What one compressed tag stands for; None when that cannot be told."""
    parts = tag.lower().split("-")
    if len(tag) > _LONGEST or len(parts) != 3 or not all(parts):
        return None
    python, abi, platform = (part.split(".") for part in parts)
    if len(python) * len(abi) * len(platform) > _MOST_COMBINATIONS:
        return None
    return [(one, two, three) for one in python for two in abi for three in platform]


def objection(
    tags: Sequence[str],
    platform: Platform,
    interpreters: Sequence[Interpreter],
    glibc: str | None,
    *,
    is_shared: bool = False,
) -> tuple[str, str] | None:
    """Why a wheel with these tags is not for a platform, and for what it would have to be; None when it is.

    `interpreters`: those that may load it; with none, and in a folder `is_shared` by all versions, only the
    platform is judged. The reason is "tag" for what is no tag.
    """
    every: dict[tuple[str, str, str], None] = {}
    for tag in dict.fromkeys(tags):
        found = _split(tag)
        if found is None or len(every) > _MOST_COMBINATIONS:
            return "tag", "three parts"
        every.update(dict.fromkeys(found))
    kinds = {each.c_library for each in interpreters}
    c_library = next(iter(kinds)) if len(kinds) == 1 else None
    names = {tag[2] for tag in every}
    reasons = {name: platform_objection(name, platform, c_library, glibc) for name in names}
    fitting = [tag for tag in every if reasons[tag[2]] is None]
    if not fitting:
        return _expected(reasons, platform, c_library, glibc)
    if not interpreters or is_shared:
        return None
    known = {(each.version, each.name, each.abi) for each in interpreters}
    if any(tag in _supported(*each, tag[2]) for each in known for tag in fitting):
        return None
    return "interpreter", " or ".join(dict.fromkeys(each.abi for each in interpreters))


def _expected(
    reasons: dict[str, str | None], platform: Platform, c_library: str | None, glibc: str | None
) -> tuple[str, str]:
    """Of several reasons the one that is nearest to fitting."""
    architecture = platform.facts.wheel or platform.facts.uname
    if "glibc" in reasons.values():
        return "glibc", f"glibc {glibc} at most"
    if "C library" in reasons.values():
        return "C library", f"{'musl' if c_library == 'musl' else 'many'}linux_{architecture}"
    return "platform", f"linux_{architecture}"


@lru_cache(256)
def _supported(version: str, name: str, abi: str, platform: str) -> frozenset[tuple[str, str, str]]:
    """The tags with this last part that an interpreter takes."""
    from packaging import tags

    numbers = tuple(int(part) for part in version.split("."))
    native: Iterator[tags.Tag]
    if name.startswith("cp"):
        native = tags.cpython_tags(numbers, [abi], [platform])
    else:
        native = tags.generic_tags(name, [abi], [platform])
    pure = tags.compatible_tags(numbers, name, [platform])
    return frozenset((tag.interpreter, tag.abi, tag.platform) for found in (native, pure) for tag in found)


class Requirement:
    """One requirement of a package: whom it is for, and whether a marker asks for it on a platform."""

    def __init__(self, text: str) -> None:
        """Raises ValueError for what is no requirement."""
        from packaging.requirements import Requirement as Parsed
        from packaging.utils import canonicalize_name

        try:
            parsed = Parsed(text)
        except RecursionError as error:
            raise ValueError("is nested too deeply") from error
        self.name: str = canonicalize_name(parsed.name)
        self.has_marker = parsed.marker is not None
        self._marker = parsed.marker
        self._extras = ("", *sorted(set(re.findall(r"""extra\s*==\s*["']([^"']{1,100})["']""", text)))[:50])

    def applies(self, platform: Platform, version: str, *, with_extras: bool) -> bool | None:
        """Whether it is asked for, also by an extra or not; None when the marker cannot be told."""
        if self._marker is None:
            return True
        environment = {
            "implementation_name": "cpython",
            "implementation_version": f"{version}.0",
            "os_name": "posix",
            "platform_machine": platform.facts.uname,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{version}.0",
            "python_version": version,
            "sys_platform": "linux",
        }
        extras = self._extras if with_extras else ("",)
        try:
            return any(self._marker.evaluate({**environment, "extra": extra}) for extra in extras)
        except (ValueError, RecursionError):
            return None


@lru_cache(4096)
def canonical(name: str) -> str:
    """The one spelling of a package's name (PEP 503)."""
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)


@lru_cache(1024)
def required(texts: tuple[str, ...]) -> tuple[Requirement, ...]:
    """The requirements among the lines of a package; what is none is passed over."""
    found = []
    for text in texts:
        try:
            found.append(Requirement(text))
        except ValueError:
            continue
    return tuple(found)
