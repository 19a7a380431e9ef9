"""What a program says about how it was built, whatever its language; `languages/` has who can read it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from xbuild.platforms import Platform
from xbuild.verify.elf import ElfFile


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that a program says and that is not what a platform asks for, in words for readers.

    `can_run` when some machines of the platform could run it all the same.
    """

    message: str
    expected: str
    found: str
    can_run: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """What two programs for different platforms say differently; `is_wrong` unless that can be meant."""

    message: str
    one: str
    other: str
    is_wrong: bool = False


class Built(ABC):
    """What one program says about how it was built."""

    __slots__ = ()

    @property
    @abstractmethod
    def language(self) -> str:
        """The name of the language that reads it."""

    @abstractmethod
    def contradiction(self, platform: Platform) -> Claim | None:
        """The first thing that it says against a platform: another system or machine, or too new a CPU."""

    @abstractmethod
    def shortfall(self, platform: Platform) -> Claim | None:
        """That it was built for an older CPU than the platform's variant."""

    @abstractmethod
    def differences(self, other: Built) -> Iterator[Difference]:
        """How it differs from the same program for another platform."""

    @abstractmethod
    def to_json(self) -> Any:
        """It as JSON values; its language's `from_json` is the inverse."""


@dataclass(frozen=True, slots=True)
class Language:
    """Who can read what programs of one language say."""

    name: str
    read: Callable[[ElfFile], Built | None]
    from_json: Callable[[Any], Built]
    places: tuple[tuple[str, str], ...] = ()
    """Patterns of paths where its tools keep files for other platforms, and what is there."""
