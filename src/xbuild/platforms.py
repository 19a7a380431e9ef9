"""Platform (`linux/arm/v7`): parse, compare, print, and the machine an ELF file for it must name.

Normalisation follows containerd's `platforms/database.go`: `aarch64` is arm64, `x86_64` is amd64, `armhf` is
arm/v7, `armel` is arm/v6, arm alone is arm/v7, arm64/v8 is arm64, amd64/v1 is amd64.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xbuild.errors import PlatformError

_ALIASES: dict[tuple[str, str], tuple[str, str]] = {
    ("x86_64", ""): ("amd64", ""),
    ("x86-64", ""): ("amd64", ""),
    ("amd64", "v1"): ("amd64", ""),
    ("aarch64", ""): ("arm64", ""),
    ("arm64", "8"): ("arm64", ""),
    ("arm64", "v8"): ("arm64", ""),
    ("aarch64", "v8"): ("arm64", ""),
    ("i386", ""): ("386", ""),
    ("i486", ""): ("386", ""),
    ("i586", ""): ("386", ""),
    ("i686", ""): ("386", ""),
    ("armhf", ""): ("arm", "v7"),
    ("armel", ""): ("arm", "v6"),
    ("arm", ""): ("arm", "v7"),
    ("arm", "5"): ("arm", "v5"),
    ("arm", "6"): ("arm", "v6"),
    ("arm", "7"): ("arm", "v7"),
}

_VARIANTS: dict[str, tuple[str, ...]] = {
    "amd64": ("", "v2", "v3", "v4"),
    "arm64": ("",),
    "arm": ("v5", "v6", "v7"),
    "386": ("",),
    "ppc64le": ("",),
    "s390x": ("",),
    "riscv64": ("",),
    "loong64": ("",),
    "mips64le": ("",),
}


@dataclass(frozen=True, slots=True, order=True)
class Machine:
    """What an ELF header must say: e_machine (ELF gABI, EM_*), class in bits, byte order."""

    number: int
    bits: int
    little_endian: bool


MACHINES: dict[str, Machine] = {
    "386": Machine(3, 32, True),
    "amd64": Machine(62, 64, True),
    "arm": Machine(40, 32, True),
    "arm64": Machine(183, 64, True),
    "ppc64le": Machine(21, 64, True),
    "s390x": Machine(22, 64, False),
    "riscv64": Machine(243, 64, True),
    "loong64": Machine(258, 64, True),
    "mips64le": Machine(8, 64, True),
}


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """What an image is for, in normal form; build one with `Platform.parse`."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """`linux/arm64`, `linux/arm/v7`, `arm64` … in normal form.

        Raises PlatformError for anything that is not a Linux platform known here.
        """
        parts = text.strip().lower().split("/")
        if len(parts) == 1:
            parts = ["linux", *parts]
        if not 2 <= len(parts) <= 3 or not all(parts):
            raise PlatformError(
                f"platform {text!r} cannot be read",
                expected="os/architecture[/variant], for example linux/amd64 or linux/arm/v7",
                hint="correct --platform",
            )
        os, architecture, variant = (*parts, "")[:3]
        architecture, variant = _ALIASES.get((architecture, variant), (architecture, variant))
        architecture, variant = (
            _ALIASES.get((architecture, ""), (architecture, ""))
            if not variant
            else (
                architecture,
                variant,
            )
        )
        if os != "linux" or variant not in _VARIANTS.get(architecture, ()):
            raise PlatformError(
                f"platform {text!r} is not known",
                expected="linux/ and one of " + ", ".join(known_names()),
                hint="correct --platform",
            )
        return cls(os, architecture, variant)

    @property
    def machine(self) -> Machine:
        return MACHINES[self.architecture]

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


def known_names() -> tuple[str, ...]:
    """`architecture[/variant]` for every known platform."""
    return tuple("/".join(p for p in (a, v) if p) for a, variants in _VARIANTS.items() for v in variants)


def parse_platforms(values: Iterable[str]) -> tuple[Platform, ...]:
    """Platforms of repeated and comma-separated options, in order, each once."""
    names = [name for value in values for name in value.split(",") if name.strip()]
    return tuple(dict.fromkeys(Platform.parse(name) for name in names))
