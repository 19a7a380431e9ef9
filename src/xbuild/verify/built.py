"""What a program says about how it was built, whatever its language; `languages/` has who can read it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from xbuild.platforms import Platform
from xbuild.verify.elf import Data, ElfFile


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


class Note(NamedTuple):
    """What one file says to a language beside how it was built, in that language's own terms."""

    kind: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Language:
    """Who can read what the programs and the other files of one language say."""

    name: str
    read: Callable[[ElfFile], Built | None] | None = None
    from_json: Callable[[Any], Built] | None = None
    places: tuple[tuple[str, str], ...] = ()
    """Patterns of paths where its tools keep files for other platforms, and what is there."""
    wants: Callable[[str], int] | None = None
    """How many bytes of the file at a path it wants to see, 0 when it is none of its own. ELF files: all."""
    begins: Callable[[bytes, int], int] | None = None
    """The same of a file that begins so and has so many bytes, whatever it is called."""
    note: Callable[[str, Data, int], Note | None] | None = None
    """What it notes of a path, the bytes that it wanted, and how many the file has."""
