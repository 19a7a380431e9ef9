"""What V8 has serialised (`value-serializer.cc`, version 15), but for the order in its maps and sets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

_PLAIN = {b"_", b"0", b"T", b"F", b"-"}
_VERSION = b"\xff\x0f"


class SerializedError(ValueError):
    """A tag that is not known, or an end in the middle."""


def digest(data: bytes) -> bytes:
    """Equal for two texts that differ in nothing but in which order entries of maps and sets were added.

    Raises SerializedError.
    """
    if not data.startswith(_VERSION):
        raise SerializedError("another version")
    reader = _Values(data, len(_VERSION))
    try:
        found = reader.value()
    except (IndexError, RecursionError) as error:
        raise SerializedError("no end") from error
    if reader.at != len(data):
        raise SerializedError("more behind the end")
    return found


class _Values:
    """Values come as bytes: what is plain as it stands there, what holds others as a sum over these."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at
        self.known: list[bytes | None] = []

    def take(self, count: int) -> bytes:
        taken = self.data[self.at : self.at + count]
        if len(taken) != count:
            raise SerializedError("no end")
        self.at += count
        return taken

    def tag(self) -> bytes:
        found = self.take(1)
        return self.tag() if found == b"\0" else found  # padding

    def number(self) -> int:
        value, shift = 0, 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def value(self) -> bytes:
        return self.tagged(self.tag())

    def tagged(self, tag: bytes) -> bytes:
        if tag in _PLAIN:
            return tag
        if tag in b"IU":
            return tag + str(self.number()).encode()
        if tag == b"N":
            return tag + self.take(8)
        if tag in b'"cS':
            return tag + self.take(self.number())
        if tag == b"^":
            found = self.known[self.number()]
            if found is None:
                raise SerializedError("a value within itself")
            return found
        return self.holder(tag)

    def holder(self, tag: bytes) -> bytes:
        number = len(self.known)
        self.known.append(None)
        if tag == b"o":
            parts = list(self.entries(b"{", 1))
        elif tag == b"A":
            parts = [self.value() for _ in range(self.number())]
            parts += self.entries(b"$", 2)
        elif tag == b";":
            parts = sorted(self.entries(b":", 1))
        elif tag == b"'":
            parts = sorted(self.until(b",", 1))
        else:
            raise SerializedError(f"tag {tag!r}")
        found = tag + hashlib.sha256(b"".join(b"%d:" % len(part) + part for part in parts)).digest()
        self.known[number] = found
        return found

    def until(self, end: bytes, numbers: int) -> Iterator[bytes]:
        while (tag := self.tag()) != end:
            yield self.tagged(tag)
        for _ in range(numbers):
            self.number()

    def entries(self, end: bytes, numbers: int) -> Iterator[bytes]:
        """Key and value as one."""
        parts = self.until(end, numbers)
        for key in parts:
            value = next(parts, None)
            if value is None:
                raise SerializedError("a key without a value")
            yield b"%d:" % len(key) + key + value
