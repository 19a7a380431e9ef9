"""Languages whose programs say how they were built: one language, one room. They are asked in this order."""

from __future__ import annotations

from typing import Any

from xbuild.verify.built import Built, Language
from xbuild.verify.elf import ElfFile
from xbuild.verify.languages.go import language as go

LANGUAGES: tuple[Language, ...] = (go.LANGUAGE,)


def read_built(elf: ElfFile) -> Built | None:
    """What a program says about how it was built, or None when it says nothing that is understood."""
    return next((built for each in LANGUAGES if (built := each.read(elf)) is not None), None)


def to_json(built: Built | None) -> Any:
    """JSON values; `from_json` is the inverse."""
    return built and [built.language, built.to_json()]


def from_json(value: Any) -> Built | None:
    """What `to_json` made into JSON; raises KeyError for a language that is not known."""
    return value and {each.name: each for each in LANGUAGES}[value[0]].from_json(value[1])
