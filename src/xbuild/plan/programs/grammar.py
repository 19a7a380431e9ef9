"""How a command line is read: by the grammar of its options, wholly or not at all.

A grammar is a text of items, each an option with all its spellings, the first being its name:

    -a,--all              a flag
    -o,--output=          takes a value: `-oX`, `-o X`, `--output X`, `--output=X`
    --backup[=]           may have a value, in the same word only
    -o,--output=>         a file that is written
    -C,--directory=<      a file or folder that is read
    -t,--target=/         a folder or file that is written into
    -I*                   begins so; what follows in the same word is its value
    -NUM                  `-5`, a number

An option that the grammar does not list makes the command line unread, and so does a short form of a long
option: what is not understood is not trusted.

Sources: POSIX.1-2024 XBD 12.2 (utility syntax guidelines), glibc manual 25.1 (getopt_long: options behind
operands, bundles, `--`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cache

from xbuild.text import expression, value


class Style(StrEnum):
    """The order and form of options."""

    GNU = "gnu"  # anywhere, short ones bundled
    FIRST = "first"  # in front of all operands; the first operand ends them
    LONG = "long"  # long names with one dash, `-o X` and `-o=X` (openssl and many more)
    TAR = "tar"  # as GNU, and the first word may be a bundle without its dash
    NONE = "none"  # no options: every word is an operand


class Takes(StrEnum):
    """What an option takes."""

    NONE = ""
    TEXT = "="
    MAYBE = "[=]"
    WRITES = "=>"
    READS = "=<"
    INTO = "=/"
    REST = "*"


@value()
class Spelling:
    """One spelling of an option: the option's name, and what it takes."""

    name: str
    value: Takes


@value()
class Grammar:
    """A table of options by spelling; `prefixes` are those that begin so; `has_number` allows `-5`."""

    spellings: Mapping[str, Spelling]
    prefixes: tuple[tuple[str, Spelling], ...] = ()
    has_number: bool = False

    @property
    def may_write(self) -> bool:
        """Whether one of the options names a file or folder that is written."""
        return any(s.value in (Takes.WRITES, Takes.INTO) for s in self.spellings.values())


@value()
class Option:
    """An option that stands there. `value` is None where it takes none or it cannot be told; `at` is the
    index of its word.
    """

    name: str
    kind: Takes
    value: str | None
    at: int


@value()
class Reading:
    """A command line that was read: its options in order, its operands, and the words of these."""

    options: tuple[Option, ...] = ()
    operands: tuple[str | None, ...] = ()
    places: tuple[int, ...] = ()

    def has(self, *names: str) -> bool:
        return any(o.name in names for o in self.options)

    def values(self, *names: str) -> tuple[str | None, ...]:
        """The values of these options, in order; None for one that cannot be told."""
        return tuple(o.value for o in self.options if o.name in names)

    def value(self, name: str, default: str | None = None) -> str | None:
        """The last value of an option, or `default` when it does not stand there."""
        return next(reversed(self.values(name)), default)


_ITEM = expression(r"(?P<names>[^=\[*]+)(?P<value>|=|\[=\]|=>|=<|=/|\*)")


@cache
def grammar(text: str) -> Grammar:
    """The grammar that a text states (see above). Raises ValueError for an item that is none."""
    spellings: dict[str, Spelling] = {}
    prefixes: list[tuple[str, Spelling]] = []
    has_number = False
    for item in text.split():
        match = _ITEM.fullmatch(item)
        if match is None:
            raise ValueError(f"no option: {item}")
        names = match["names"].split(",")
        spelling = Spelling(names[0], Takes(match["value"]))
        for name in names:
            if name == "-NUM":
                has_number = True
            elif spelling.value is Takes.REST:
                prefixes.append((name, spelling))
            elif name in spellings or not name.startswith("-"):
                raise ValueError(f"{name} stands there twice, or is no option")
            else:
                spellings[name] = spelling
    return Grammar(spellings, tuple(prefixes), has_number)


class _UnreadError(Exception):
    """The grammar does not cover a word."""


def read(
    known: Grammar,
    texts: Sequence[str | None],
    open_words: frozenset[int],
    style: Style = Style.GNU,
    patterns: frozenset[int] = frozenset(),
) -> Reading | None:
    """Read the words behind a program's name; None when a word is not covered.

    `texts` are the words, None where one cannot be told; `open_words` are the indexes of those that may be
    options or several words (an unquoted variable). Such a word is taken for an operand only where no
    option could name a file to be written. `patterns` are the indexes of those that match names of files.
    """
    try:
        return _LineReader(known, texts, open_words, style, patterns).read()
    except _UnreadError:
        return None


class _LineReader:
    def __init__(
        self,
        known: Grammar,
        texts: Sequence[str | None],
        open_words: frozenset[int],
        style: Style,
        patterns: frozenset[int],
    ) -> None:
        self.known, self.texts, self.open_words, self.style = known, texts, open_words, style
        self.patterns = patterns
        self.options: list[Option] = []
        self.operands: list[int] = []
        self.at = 0

    def read(self) -> Reading:
        only_operands = self.style is Style.NONE
        while self.at < len(self.texts):
            here, text = self.at, self.texts[self.at]
            self.at += 1
            if only_operands or not self.is_option(here, text):
                self.operands.append(here)
                only_operands = only_operands or self.style is Style.FIRST
            elif text == "--":
                only_operands = True
            else:
                self.option(here, text or "")
        # Of an output that is named twice the first may stay as it was.
        written = [o.name for o in self.options if o.kind is Takes.WRITES]
        if len(written) > len(set(written)):
            raise _UnreadError
        words = tuple(self.texts[n] for n in self.operands)
        return Reading(tuple(self.options), words, tuple(self.operands))

    def is_option(self, here: int, text: str | None) -> bool:
        if text is None:
            if here in self.open_words and self.known.may_write:
                raise _UnreadError
            return False
        if here == 0 and self.style is Style.TAR and not text.startswith("-"):
            self.bundle_without_dash(text)
            return True
        return text.startswith("-") and text != "-"

    def option(self, here: int, text: str) -> None:
        if here == 0 and self.style is Style.TAR and not text.startswith("-"):
            return
        if self.known.has_number and text[1:].isdigit():
            self.add(Spelling("-NUM", Takes.TEXT), text[1:], here)
        elif text.startswith("--") or self.style is Style.LONG:
            self.long(here, text)
        else:
            self.bundle(here, text)

    def long(self, here: int, text: str) -> None:
        name, equals, value = text.partition("=")
        name = "-" + name.lstrip("-") if self.style is Style.LONG else name
        spelling = self.known.spellings.get(name)
        if spelling is None:
            self.prefixed(here, text)
        elif spelling.value is Takes.NONE:
            if equals:
                raise _UnreadError
            self.add(spelling, None, here)
        elif spelling.value is Takes.MAYBE:
            is_told = equals and self.style is not Style.LONG  # there a value is a truth value
            self.add(spelling, self.certain(value) if is_told else _told(value) if equals else None, here)
        elif equals:
            self.add(spelling, _told(value), here)
        else:
            self.add(spelling, self.following(spelling), here)

    def prefixed(self, here: int, text: str) -> None:
        found = next(((p, s) for p, s in self.known.prefixes if text.startswith(p)), None)
        if found is None:
            raise _UnreadError
        self.add(found[1], _told(text[len(found[0]) :]), here)

    def bundle(self, here: int, text: str) -> None:
        if any(text.startswith(p) for p, _ in self.known.prefixes):
            self.prefixed(here, text)
            return
        whole = self.known.spellings.get(text)
        if whole is not None and len(text) > 2:  # `-name` of a program that knows both forms
            takes = whole.value not in (Takes.NONE, Takes.MAYBE)
            self.add(whole, self.following(whole) if takes else None, here)
            return
        for position, letter in enumerate(text[1:], 1):
            spelling = self.known.spellings.get("-" + letter)
            if spelling is None:
                raise _UnreadError
            rest = text[position + 1 :]
            if spelling.value is Takes.NONE:
                self.add(spelling, None, here)
                continue
            if spelling.value is Takes.MAYBE:
                self.add(spelling, self.certain(rest) if rest else None, here)
            else:
                self.add(spelling, _told(rest) if rest else self.following(spelling), here)
            return

    def bundle_without_dash(self, text: str) -> None:
        """Old tar style: all letters first, then their values in that order."""
        for letter in text:
            spelling = self.known.spellings.get("-" + letter)
            if spelling is None:
                raise _UnreadError
            takes = spelling.value not in (Takes.NONE, Takes.MAYBE)
            self.add(spelling, self.following(spelling) if takes else None, 0)

    def following(self, spelling: Spelling) -> str | None:
        """The next word; a pattern there may be several files, of which only the first is the value."""
        is_file = spelling.value in (Takes.READS, Takes.WRITES, Takes.INTO)
        if self.at >= len(self.texts) or (is_file and self.at in self.patterns):
            raise _UnreadError
        self.at += 1
        return self.texts[self.at - 1]

    def certain(self, value: str) -> str:
        """A value that might as well be missing has to be told."""
        told = _told(value)
        if told is None:
            raise _UnreadError
        return told

    def add(self, spelling: Spelling, value: str | None, here: int) -> None:
        self.options.append(Option(spelling.name, spelling.value, value, here))


def _told(value: str) -> str | None:
    """A value that begins with something unknown cannot be told."""
    return None if value.startswith("*") else value


def spellings(known: Grammar) -> Iterator[str]:
    """Every spelling of every option, for tests that make up command lines."""
    yield from known.spellings
    yield from (prefix for prefix, _ in known.prefixes)
