"""Platform (`linux/arm/v7`): parse, compare, print, and the machine an ELF file for it must name.

Normalisation follows containerd's `platforms/database.go`, by the table in `architectures.py`: `aarch64` is
arm64, `x86_64` is amd64, `armhf` is arm/v7, `armel` is arm/v6, arm alone is arm/v7, arm64/v8 is arm64,
amd64/v1 is amd64.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xbuild.architectures import ARCHITECTURES, BY_SPELLING, Architecture, Machine
from xbuild.errors import PlatformError
from xbuild.text import value

MACHINES: Mapping[str, Machine] = {row.architecture: row.machine for row in ARCHITECTURES}


@value(order=True)
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
        row = BY_SPELLING.get("/".join(parts[1:]))
        if row is None:  # another spelling of the architecture in front of a variant: `x86_64/v2`
            plain = BY_SPELLING.get(architecture)
            row = BY_SPELLING.get(f"{plain.docker}/{variant}") if plain is not None else None
        if os != "linux" or row is None:
            raise PlatformError(
                f"platform {text!r} is not known",
                expected="linux/ and one of " + ", ".join(known_names()),
                hint="correct --platform",
            )
        return cls(os, row.architecture, row.variant)

    @property
    def facts(self) -> Architecture:
        """The names of its architecture; of the plain one when its variant is none that is known here."""
        return BY_SPELLING.get(f"{self.architecture}/{self.variant}") or BY_SPELLING[self.architecture]

    @property
    def machine(self) -> Machine:
        return MACHINES[self.architecture]

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


def known_names() -> tuple[str, ...]:
    """`architecture[/variant]` for every known platform."""
    return tuple(row.docker for row in ARCHITECTURES)


def parse_platforms(values: Iterable[str]) -> tuple[Platform, ...]:
    """Platforms of repeated and comma-separated options, in order, each once."""
    names = [name for value in values for name in value.split(",") if name.strip()]
    return tuple(dict.fromkeys(Platform.parse(name) for name in names))
