"""What a language finds in a folder, and what it makes of it: which template, filled with which values."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from xbuild.errors import ContextError, UsageError
from xbuild.generate.template import Values


class SourceTree(Protocol):
    """The project's files as the build context would send them; `plan.context.Context` has these methods."""

    def read(self, path: str) -> str | None:
        """Text of a file (UTF-8, errors replaced), or None when it is not there or is left out."""

    def files(self, folder: str = "") -> tuple[str, ...]:
        """All file paths below a folder, sorted, with `/`, from the root of the tree on."""


@dataclass(frozen=True)
class Seen:
    """One thing that was recognised, and where. `is_sure` is False for what is only likely."""

    text: str
    file: str
    line: int | None = None
    is_sure: bool = True

    @property
    def place(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True)
class EntryPoint:
    """Something that can become the image's program. `name` is what `--entry` takes; `other_names` it takes
    too; `target` is what the language makes of it (a package's folder, the words of a command).
    """

    name: str
    seen: Seen
    target: tuple[str, ...] = ()
    other_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """A project of one language: the folder that it is in ("" for the root), its entries, and whether these
    serve (a program that runs in the image) or the project is only built to files for a web server.
    """

    language: str
    folder: str
    marker: str
    entries: tuple[EntryPoint, ...] = ()
    is_site: bool = False

    def inside(self, path: str) -> str:
        """A path below the candidate's folder, from the root on."""
        return posixpath.normpath(posixpath.join(self.folder, path))


@dataclass(frozen=True)
class Shape:
    """A template's name, and what it is filled with.

    `values` are its placeholders by name, `switches` the parts of it that count. `notes` say what was left
    out or is to be looked at; `ignored` are patterns for `.dockerignore` beside those of every project.
    `runtimes` are switches for other runtime images than the usual one, each with what keeps it away, if
    anything does.
    """

    template: str
    values: Values
    switches: frozenset[str] = frozenset()
    seen: tuple[Seen, ...] = ()
    notes: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    runtimes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Bundle:
    """A web frontend that a service serves: how it is built, and the folder it is built to, from the root on.
    `values` and `switches` are those of the part `web` of a template.
    """

    output: str
    values: Values
    switches: frozenset[str]
    seen: tuple[Seen, ...] = ()
    marker: str = ""
    ignored: tuple[str, ...] = ()


class UnreadyError(ContextError):
    """The project lacks something without which no image can be made again as it was: a lock file first."""


class ChoiceError(UsageError):
    """Several things could be meant; the message lists them."""


Find = Callable[[SourceTree, str], Candidate | None]
Draw = Callable[[SourceTree, Candidate, EntryPoint | None], Shape]
# Tree, project and the folder that a frontend is built to, from the root on: where the project takes it in.
Takes = Callable[[SourceTree, Candidate, str], Seen | None]
# Tree, project and the folder of a frontend: where the project's own build builds it.
Builds = Callable[[SourceTree, Candidate, str], Seen | None]


@dataclass(frozen=True)
class ProjectKind:
    """A language: `find` looks into a folder that has one of the `markers` (patterns of file names), `draw`
    says what image is made of what was found. Both raise UnreadyError. `interpreters` start a file that
    `--entry` names, by its ending. `takes` says where a frontend's output is compiled into the program,
    `builds` where the project's own build makes a frontend.

    One that `gives_way` counts only where nothing else of the folder can become an image: documentation
    beside a program is none of its own. One without markers is only found when its name is asked for.
    """

    name: str
    markers: tuple[str, ...]
    find: Find
    draw: Draw
    interpreters: Mapping[str, str] = field(default_factory=dict)
    takes: Takes | None = None
    builds: Builds | None = None
    gives_way: bool = False
