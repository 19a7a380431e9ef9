"""What a toolchain is asked and what it answers."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Protocol

from xbuild.dockerfile.model import Run
from xbuild.dockerfile.script import Command, Expansion, Script, Word
from xbuild.graph.scope import Scope
from xbuild.plan.context import Context
from xbuild.plan.facts.filesystem import Kind, Write, Writes, seen_from
from xbuild.plan.facts.images import Image, ImageRow
from xbuild.plan.model import (
    Change,
    Evidence,
    Knowledge,
    Machines,
    Place,
    Question,
    Reason,
    Setting,
    Settings,
)
from xbuild.plan.table import Work, words
from xbuild.platforms import Platform
from xbuild.text import Span, expression, fresh, value

if TYPE_CHECKING:
    from xbuild.plan.programs.program import Program


_LOGIN = expression(r"(?<=://)[^/@\s\"']+(?=@)")


def shown(text: str) -> str:
    """A text for readers: without the user and the password of an address."""
    return _LOGIN.sub("***", text)


def shortened(text: str) -> str:
    """The same, and not longer than a line may be."""
    told = shown(text)
    return told if len(told) <= 60 else told[:57] + "..."


HELPERS = "/usr/local/lib/xbuild"
"""Where small files of xbuild's own lie in a pinned stage: they tell a program of the target. No stage takes
them.
"""


@value()
class Variable:
    """What a shell or environment variable holds: literal text if known, the kind of its value, where it
    comes from.

    `origin` is "env", "arg", "platform" (Dockerfile), "shell" (assigned in the script) or "export"
    (exported in it). `by_target` is its text on each platform for which that is known.
    """

    text: str | None
    kind: Kind
    origin: str
    depends_on: frozenset[str] = frozenset()
    instruction: int | None = None
    by_target: Mapping[Platform, str] = fresh(dict)


@value()
class Surroundings:
    """What is the same for all commands of a stage.

    `stage` is the index in the graph, `offset` the index of its FROM in the file's instructions,
    `is_shipped` says whether a path of the stage ends up in an image, `is_taken` whether any other stage
    copies or mounts it, `has_children` whether another stage derives from it; `text` is the stage's own text,
    `programs` are all descriptions by name, `tool_folders` where languages keep their programs. With
    `names_target` what names the machine is told to name the target's; `for_builder` are RUNs (indexes in the
    stage) in which the target's names are told to be the build machine's.
    """

    stage: int
    offset: int
    image: Image
    platforms: tuple[Platform, ...] | None
    settings: Settings
    knowledge: Knowledge
    context: Context
    is_pinned_by_author: bool
    is_shipped: Callable[[str], bool]
    text: str
    after_line: Callable[[int, int], int]
    is_taken: Callable[[str], bool]
    has_children: bool
    programs: Mapping[str, Program]
    tool_folders: tuple[str, ...]
    names_target: bool = False
    for_builder: frozenset[int] = frozenset()

    @property
    def machines(self) -> frozenset[str]:
        """Docker's names of the architectures that build, if that was asked."""
        return frozenset(words(self.knowledge.answers.get(Machines().kind, "")))


class Walk(Protocol):
    """Walks the script of a command with these variables in its environment: the effects of its commands,
    these commands, and all that they write. `line_of` tells where a part of the script stands.
    """

    def __call__(
        self,
        call: Call,
        script: Script,
        variables: Mapping[str, Variable],
        line_of: Callable[[int], Place],
    ) -> tuple[Sequence[Effect], Sequence[Call], Sequence[Write]]: ...


@value()
class Call:
    """One command about to run: its words with wrappers (`env`, `time`, …) taken off, and what surrounds it.

    `instruction` is the index within the stage, `number` the index in the file. `texts` are the words as
    far as they are known, variables with known text filled in; `kinds` says for each what it depends on.
    `wrapper` is the wrapper word that stands directly before the command, if any. `is_editable` is False in
    exec form. `script` is the text that the spans point into: the RUN's, or that of a recipe. `mounted` are
    the targets of the RUN's mounts. `may_fail_unseen` tells that the script may go on, and succeed, although
    the command failed. `walk` walks a script that the command runs, as if it stood here. `by_target` are
    texts that the name of the target decides, on each platform: of words, by index, and of assignments, by
    name.
    """

    around: Surroundings
    scope: Scope
    run: Run
    instruction: int
    number: int
    command: Command
    words: tuple[Word, ...]
    texts: tuple[str | None, ...]
    kinds: tuple[Kind, ...]
    directory: str | None
    place: Place
    writes: Writes
    variables: Mapping[str, Variable]
    assignments: Mapping[str, tuple[Word, Kind]]
    stdin: Kind
    condition: Kind
    kind_of: Callable[[Expansion], Kind]
    script: str = ""
    packages: frozenset[str] = frozenset()
    wrapper: str | None = None
    is_editable: bool = True
    may_fail_unseen: bool = False
    walk: Walk | None = None
    by_target: Mapping[int | str, Mapping[Platform, str]] = fresh(dict)

    @property
    def program_name(self) -> str:
        """The name of the program without its folder; "" when it cannot be told."""
        return posixpath.basename(self.texts[0] or "") if self.texts else ""

    @property
    def command_words(self) -> tuple[str, ...]:
        """The program and what is said to it first: the words in front of any that is not known."""
        given = (t for t in self.texts[1:] if t is None or not t.startswith("-"))
        return (self.program_name, *islice(takewhile(bool, given), 2))  # type: ignore[arg-type]

    def seen(self, path: str | None) -> str | None:
        """A path as the command sees it, absolute; None when it cannot be told."""
        return seen_from(self.writes, path, self.directory) if path is not None else None

    def spelled(self) -> str:
        """The command as it stands in the script, shortened, for messages."""
        return shortened(" ".join(word.raw for word in self.words))


@value()
class Need:
    """A platform ARG that an instruction needs (index within the stage)."""

    name: str
    instruction: int
    reason: str


@value()
class Demand:
    """What must be so where a command runs, for its result to be right.

    `environment` are variables and their values as shell text ("" for none), `why` says what for. `words` are
    parts of the script, what must stand there instead, and why; `behind` is what must run right behind the
    command, and why. `before` are RUNs that must have run once for all platforms: in front of which
    instruction of the file, their lines, and why.
    """

    environment: tuple[tuple[str, str], ...] = ()
    why: str = ""
    words: tuple[tuple[Span, str, str], ...] = ()
    behind: tuple[str, str] | None = None
    before: tuple[tuple[int, tuple[str, ...], str], ...] = ()


@value()
class Effect:
    """What a command does: what it writes and reads, what its output depends on, and what must be changed for
    it.

    The defaults are the worst case. `reads` are absolute paths, None for anything; `output` is the kind of
    what it prints and of its exit status, which matters where `is_test`; `sees_environment` tells that it may
    read variables which its words do not name, `puts_into_folders` that a file of its goes into a folder of
    that name if there is one. `reasons` make the stage unsure. `is_foreign_run` marks those that mean: this
    runs what it ships; `cannot_run` those of any program made for the target, which fail even where nothing
    is taken.
    `compiles` tells that it makes something for the target, `runs_here`
    that it makes and runs programs for the build machine, which must not be told of the target. `sets` are
    exported variables that the shell has from then on, with their text.
    """

    writes: tuple[Write, ...] = ()
    reads: tuple[str | None, ...] = (None,)
    output: Kind = Kind.UNKNOWN
    is_test: bool = False
    sees_environment: bool = True
    puts_into_folders: bool = False
    demand: Demand = Demand()
    needs: tuple[Need, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    reasons: tuple[Reason, ...] = ()
    notes: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    packages: tuple[str, ...] = ()
    compiles: bool = False
    runs_here: bool = False
    is_foreign_run: bool = False
    cannot_run: bool = False
    sets: tuple[tuple[str, str], ...] = ()
    toolchain: str | None = None


class Judge(Protocol):
    def __call__(self, call: Call) -> Effect | None: ...


class Finish(Protocol):
    """Changes that can only be decided once the whole stage was seen (cache mounts)."""

    def __call__(
        self, calls: Sequence[Call], effects: Sequence[Effect], around: Surroundings
    ) -> tuple[Change, ...]: ...


class IsOwn(Protocol):
    """Whether the program that is called is the language's own, however much for the target lies about it."""

    def __call__(self, call: Call) -> bool: ...


class Fits(Protocol):
    """Why what was made for the target in one image would not be at home in another, or None."""

    def __call__(self, made_in: Image, taken_into: Image) -> Misfit | None: ...


@value()
class Misfit:
    """`text` goes on behind the name of the stage that takes what was made."""

    text: str
    cure: str


@value()
class SourceFiles:
    """The source files of a language: how their names end, a line that changes a program but not what it does
    (`{}` stands for a text that is new each time), and, if it can be told, what stands in the file with
    which a program starts and how the names of tests end.
    """

    suffix: str
    line: str
    start: str = ""
    tests: str = ""


@value()
class EqualCache:
    """Folders (a pattern of the whole path) that a cache mount may share with builds for any platform: all
    that is left there is equal by proof, for the reason given.
    """

    pattern: str
    why: str


@value()
class Toolchain:
    """A language: `judge` says what a command does, or None when the command is not of this language;
    `programs` are described by themselves, `images` are those that bring it.

    `started` are programs that its own look for in PATH. `folders` hold its programs, `caches` what it keeps
    from run to run, `cache_variables` name further such folders. `equal_caches` are folders in which nothing
    is another on another machine, and `equal_variables` name such; `own_caches` are patterns of folders in
    which its programs keep for themselves what they made, to be found again: mounted as a cache of the build
    machine's own they hold what the same stages left there. `same` are substitutions, as they are written,
    that give the same everywhere.

    `target` are variables, and what they must be, that make its compiler work for the target; `variables` all
    that may be set in front of it, in the order in which they are written. `settings` are what a user can
    choose, in a section of the toolchain's name. `work` are the kinds of work that its commands do, what
    takes longest first. `is_own` and `fits` answer as they say, where a language has something to say to it.
    """

    name: str
    judge: Judge
    finish: Finish | None = None
    is_own: IsOwn | None = None
    fits: Fits | None = None
    programs: tuple[Program, ...] = ()
    images: tuple[ImageRow, ...] = ()
    started: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    caches: tuple[str, ...] = ()
    cache_variables: tuple[str, ...] = ()
    equal_caches: tuple[EqualCache, ...] = ()
    equal_variables: tuple[str, ...] = ()
    own_caches: tuple[str, ...] = ()
    same: tuple[re.Pattern[str], ...] = ()
    target: tuple[tuple[str, str], ...] = ()
    variables: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    work: tuple[Work, ...] = ()
    sources: tuple[SourceFiles, ...] = ()
