"""Languages whose programs say how they were built: one language, one room. They are asked in this order."""

from __future__ import annotations

from typing import Any

from xbuild.verify.built import Built, Language, Note
from xbuild.verify.elf import Data, ElfFile
from xbuild.verify.languages.go import language as go
from xbuild.verify.languages.java import jars as java
from xbuild.verify.languages.node import machine_files as node
from xbuild.verify.languages.python import notes as python

LANGUAGES: tuple[Language, ...] = (go.LANGUAGE, java.LANGUAGE, node.LANGUAGE, python.LANGUAGE)


def read_built(elf: ElfFile) -> Built | None:
    """What a program says about how it was built, or None when it says nothing that is understood."""
    readers = (each.read for each in LANGUAGES if each.read is not None)
    return next((built for read in readers if (built := read(elf)) is not None), None)


def wanted(path: str) -> int:
    """How many bytes of the file at a path some language wants to see; 0 for nearly every file."""
    return max(each.wants(path) for each in LANGUAGES if each.wants is not None)


def wanted_by_beginning(head: bytes, size: int) -> int:
    """The same of a file that begins so and has so many bytes, whatever it is called."""
    return max(each.begins(head, size) for each in LANGUAGES if each.begins is not None)


def read_note(path: str, data: Data, size: int) -> Note | None:
    """What the language that wants a file notes of it; `data` are its first bytes, of `size`."""
    for each in LANGUAGES:
        if each.wants is not None and each.note is not None and each.wants(path):
            return each.note(path, data, size)
    head = bytes(data[:64])
    for each in LANGUAGES:
        if each.begins is not None and each.note is not None and each.begins(head, size):
            return each.note(path, data, size)
    return None


def to_json(built: Built | None) -> Any:
    """JSON values; `from_json` is the inverse."""
    return built and [built.language, built.to_json()]


def from_json(value: Any) -> Built | None:
    """What `to_json` made into JSON; raises KeyError for a language that is not known."""
    return value and _READERS[value[0]](value[1])


_READERS = {each.name: each.from_json for each in LANGUAGES if each.from_json is not None}
