"""What a program does, described once: its options, what it reads and writes, what its output depends on.

A description is complete or it does not count: a command line that its grammar does not cover, an operand
that it has no role for, and a program that is not described at all may read and write anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum, auto
from functools import cache, cached_property

from xbuild.plan.facts.filesystem import Kind, Write, join, kind_of, left_aside, without_glob
from xbuild.plan.model import Machines, Question
from xbuild.plan.programs.grammar import Grammar, Reading, Style, Takes, grammar, read
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect
from xbuild.text import expression


class Role(StrEnum):
    """What an operand is to a program."""

    TEXT = "text"  # no path
    READ = "read"  # a file or folder that it reads
    WRITE = "write"  # a file that it writes, whole
    MAKE = "make"  # a file or folder that is there afterwards, with nothing in it but what words say
    CHANGE = "change"  # removed, or changed without a look at what is in it (mode, owner)


class Prints(StrEnum):
    """What output and exit status depend on."""

    INPUT = auto()  # words, input, and the files it reads
    WORDS = auto()  # its words alone
    MACHINE = auto()  # the machine it runs on


class Environment(StrEnum):
    """Which variables it sees."""

    NAMED = auto()  # those that its words name
    WHOLE = auto()  # all that are exported


class Builtin(StrEnum):
    """What it does to the shell that runs it."""

    DIRECTORY = auto()  # cd
    SOURCE = auto()  # .
    UNSET = auto()
    ASSIGN_NAMED = auto()  # read
    PRINTF = auto()  # -v NAME
    DECLARE = auto()
    EXPORT = auto()
    OPTIONS = auto()  # set
    END = auto()  # exit, return, exec


Does = Callable[[Call, Reading], Effect | None]


@dataclass(frozen=True, eq=False)
class Program:
    """One program, or several that take the same options and do the same.

    `names`: words of a text. `options`: its grammar (`programs.grammar`). `operands`: a role for each, the
    last one with `*` for all that follow; "" for none. `instead`: options that take the place of the first
    operand. `here`: whether it reads the current folder when it is given no operand. `variables`: settings
    from the environment that work like options. `settings`: names of files that do; one with a slash behind
    it is that of a folder in which they lie. `does`: for what rows cannot say; None from it means that the
    command line is not understood. `is_extra`: no base image brings it along by itself; then packages of
    its name or of `packages` may, or what `brought_by` tells of. `starts`: the programs that its words have
    it start. `is_wrapper`: it runs the command that its operands are. `is_download`: it fetches what
    its operands name. `takes_target`: it compiles for the machine that it is told. `still`: verbs that
    change nothing which a question to the builder is about.
    `verbs`: programs of their own, by first operand; the options of this one stand in front of it.
    """

    names: str
    options: str = ""
    operands: str = ""
    prints: Prints = Prints.INPUT
    does: Does | None = None
    style: Style = Style.GNU
    instead: tuple[str, ...] = ()
    here: bool = False
    environment: Environment = Environment.NAMED
    variables: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    is_test: bool = False
    is_extra: bool = False
    brought_by: Callable[[Call], bool] | None = None
    packages: str = ""
    starts: Callable[[Call], Iterable[str]] | None = None
    still: tuple[str, ...] = ()
    is_wrapper: bool = False
    is_download: bool = False
    takes_target: bool = False
    puts_into_folders: bool = False
    builtin: Builtin | None = None
    verbs: Mapping[str, Program] = field(default_factory=dict)

    @cached_property
    def grammar(self) -> Grammar:
        return grammar(self.options)

    @cached_property
    def roles(self) -> tuple[Role, ...]:
        return tuple(Role(word.rstrip("*")) for word in self.operands.split())

    def role(self, number: int, given: Reading) -> Role | None:
        """The role of operand `number`; None when the description has none for it."""
        roles = self.roles
        if given.has(*self.instead):
            roles = roles[1:]
        if number < len(roles):
            return roles[number]
        return roles[-1] if roles and self.operands.endswith("*") else None

    def read(self, call: Call) -> Reading | None:
        """The call's words by the grammar, or None when it does not cover them."""
        if any(n in call.assignments or _is_set(call, n) for n in self.all_variables):
            return None
        if any(self.is_told_by(call, name) for name in self.settings):
            return None
        return read(self.grammar, call.texts[1:], open_words(call), self.style, patterns(call))

    @cached_property
    def all_variables(self) -> tuple[str, ...]:
        """`variables`, and what has options end at the first operand (glibc manual 25.1.1)."""
        is_gnu = self.style in (Style.GNU, Style.TAR)
        return (*self.variables, "POSIXLY_CORRECT") if is_gnu else self.variables

    def is_told_by(self, call: Call, name: str) -> bool:
        """Whether something else than the program itself wrote such a file."""
        if name.endswith("/"):
            found: Iterable[Write] = call.writes.where(_is_in_repository)
        else:
            found = call.writes.called(name)
        return any(call.program_name not in w.by for w in found)

    def effect(self, call: Call) -> Effect:
        """What the call does; anything, if its words are not understood."""
        if call.texts[1:] in (("--version",), ("--help",)) and self.style is not Style.NONE:
            return plain(call, Kind.BUILD)
        given = self.read(call)
        if given is None:
            return anything(call)
        if self.verbs:
            return self.verb(call, given)
        made = self.does(call, given) if self.does is not None else self.performed(call, given)
        if made is None:
            return anything(call)
        if not self.is_test and not self.puts_into_folders:
            return made
        return replace(made, is_test=self.is_test, puts_into_folders=self.puts_into_folders)

    def verb(self, call: Call, given: Reading) -> Effect:
        """The effect of the verb, which sees the words behind it."""
        name = given.operands[0] if given.operands else None
        program = self.verbs.get(name) if name is not None else None
        if program is None or not given.places:
            return anything(call)
        rest = given.places[0] + 1
        inner = read(
            program.grammar,
            call.texts[1:][rest:],
            shifted(open_words(call), rest),
            program.style,
            shifted(patterns(call), rest),
        )
        if inner is None:
            return anything(call)
        front = tuple(o for o in given.options if o.at < rest)
        both = Reading((*front, *inner.options), inner.operands, tuple(p + rest for p in inner.places))
        made = program.does(call, both) if program.does is not None else program.performed(call, both)
        return made if made is not None else anything(call)

    def performed(self, call: Call, given: Reading) -> Effect | None:
        """What the rows say."""
        operands = tuple((self.role(n, given), text) for n, text in enumerate(given.operands))
        if any(role is None for role, _ in operands):
            return None
        of = {role: tuple(t for r, t in operands if r is role) for role in Role}
        named = tuple(o.value for o in given.options if o.kind is Takes.READS)
        reads = (*of[Role.READ], *named)
        if self.here and not of[Role.READ]:
            reads = (*reads, ".")
        writes = (*of[Role.WRITE], *(o.value for o in given.options if o.kind is Takes.WRITES))
        kind = told_kind(call) if self.environment is Environment.WHOLE else word_kind(call)
        held = join((kind, call.stdin, *(source_kind(call, path) for path in reads)))
        told = join((kind, *(source_kind(call, path) for path in named)))
        seen = join(source_kind(call, path) for path in (*of[Role.MAKE], *of[Role.CHANGE]))
        output = {Prints.INPUT: max(held, seen), Prints.WORDS: kind, Prints.MACHINE: Kind.BUILD}[self.prints]
        return Effect(
            writes=(
                *(write(call, p, max(held, output), is_file=True) for p in writes if not is_device(p)),
                *(replace(write(call, p, told), is_empty=True) for p in of[Role.MAKE]),
                *changed(call, of[Role.CHANGE], told),
            ),
            reads=tuple(where(call, path) for path in (*reads, *of[Role.CHANGE]) if path != "-"),
            output=output,
            sees_environment=self.environment is Environment.WHOLE,
        )


_REPOSITORY = expression(r"/\.git/(hooks\b|config\b|info\b)?")


def _is_in_repository(made: Write) -> bool:
    """Below `.git`, unless it came as it is and git runs and obeys none of it (gitrepository-layout(5))."""
    found = _REPOSITORY.search(made.path) if made.path is not None else None
    return found is not None and (found[1] is not None or not made.is_context)


def _is_set(call: Call, name: str) -> bool:
    variable = call.variables.get(name)
    return variable is not None and variable.origin != "shell"


def open_words(call: Call) -> frozenset[int]:
    """The indexes, behind the name, of words that may be options or several words: an unquoted variable or
    substitution with nothing of a path behind it, and `"$@"`.
    """
    return frozenset(
        at
        for at, (word, text) in enumerate(zip(call.words[1:], call.texts[1:], strict=True))
        if text is None and not _IS_ONE_WORD.fullmatch(word.raw)
    )


_IS_ONE_WORD = expression(r'"(?!\$\{?@).*"|\$(?:\w+|\{\w+\})/.*', re.DOTALL)


def patterns(call: Call) -> frozenset[int]:
    """The indexes, behind the name, of words that match names of files."""
    return frozenset(at for at, word in enumerate(call.words[1:]) if word.is_glob)


def shifted(places: Iterable[int], by: int) -> frozenset[int]:
    return frozenset(p - by for p in places if p >= by)


# -- what effects are made of


def anything(call: Call) -> Effect:
    """Not looked into: may read and write anything anywhere."""
    return Effect(writes=(Write(None, Kind.UNKNOWN, call.place, call.spelled()),))


def asking_machines(call: Call) -> tuple[Question, ...]:
    """The question which machines build, unless it was answered."""
    around = call.around
    question = Question(around.stage, around.offset, "machines", "which machines build", Machines())
    return () if question.key in around.knowledge.answers else (question,)


def word_kind(call: Call) -> Kind:
    """What the words of a command and the conditions around it depend on, and settings for every program."""
    given = (kind for name, (_, kind) in call.assignments.items() if name in _FOR_ALL)
    known = (call.variables[name] for name in _FOR_ALL if name in call.variables)
    return join((*call.kinds, call.condition, *given, *(v.kind for v in known if v.origin != "shell")))


# Variables that change what programs print or write, whatever their words are (POSIX.1-2024 XBD 8.2; GNU
# coreutils, git and zstd manuals).
_FOR_ALL = words(
    "LANG LANGUAGE LC_ALL LC_COLLATE LC_CTYPE LC_MESSAGES LC_NUMERIC LC_TIME TZ COLUMNS BLOCK_SIZE "
    "TIME_STYLE QUOTING_STYLE ZSTD_CLEVEL GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_AUTHOR_DATE "
    "GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL GIT_COMMITTER_DATE"
)


def told_kind(call: Call) -> Kind:
    """What a program started here is told: words, conditions, assignments, exported variables."""
    exported = (v.kind for v in call.variables.values() if v.origin == "export")
    assigned = (kind for _, kind in call.assignments.values())
    return join((word_kind(call), *exported, *assigned))


def where(call: Call, path: str | None) -> str | None:
    """A path as seen from where the command runs, patterns cut off; None when it cannot be told."""
    found = call.seen(path)
    return without_glob(found) if found is not None else None


def write(call: Call, path: str | None, kind: Kind, *, is_file: bool = False) -> Write:
    """A write to `path`, seen from where the command runs; one that is not known may be anywhere."""
    found = call.seen(path)
    is_exact = found is not None and path is not None and without_glob(found) == found and path[-1:] != "/"
    return Write(
        without_glob(found) if found is not None else None,
        kind,
        call.place,
        call.spelled(),
        is_file and is_exact,
    )


def is_device(path: str | None) -> bool:
    """Whether nothing is left of what is written there."""
    return path in ("-", "/dev/null", "/dev/stdout", "/dev/stderr")


def source_kind(call: Call, path: str | None, *, keeps_links: bool = False) -> Kind:
    """The kind of a file that the command reads, or of a folder whose symbolic links it follows or keeps."""
    if path in ("-", "/dev/stdin"):
        return call.stdin
    if path == "/dev/null":
        return Kind.PORTABLE
    if path is None:
        return Kind.UNKNOWN
    pairs = zip(call.words, call.texts, strict=True)
    is_pattern = any(text == path and word.is_glob and not word.expansions for word, text in pairs)
    return join(
        kind_of(call.writes, call.seen(one), keeps_links=keeps_links, is_pattern=is_pattern)
        for one in _spelled(call, path)
    )


def _spelled(call: Call, path: str) -> tuple[str, ...]:
    """What a path of the command's is on each platform, where the name of the target decides it."""
    named = [n for n, text in enumerate(call.texts) if text == path]
    told = call.by_target.get(named[0]) if len(named) == 1 else None
    return tuple(told.values()) if told is not None else (path,)


def taken_kind(call: Call, path: str | None, *, keeps_links: bool = False) -> Kind:
    """The same of what the command takes along: files that lie in a folder beside what is known of it too."""
    kind = source_kind(call, path, keeps_links=keeps_links)
    places = [call.seen(one) for one in _spelled(call, path)] if path is not None else []
    is_aside = any(p is not None and left_aside(call.writes, without_glob(p)) is not None for p in places)
    return join((kind, Kind.BUILD)) if is_aside else kind


def anywhere(call: Call) -> Kind:
    """The kind of a file that is not named: the machine's, if anything but packages was made for it here."""
    return join(made.kind for made in call.writes.where(_is_wrong))


def _is_wrong(made: Write) -> bool:
    return not made.kind.is_right and not made.is_package


def changed(call: Call, paths: Sequence[str | None], kind: Kind) -> tuple[Write, ...]:
    """What is removed, or changed as a whole: other than before only if that differs by machine."""
    if kind < Kind.BUILD:
        return ()
    return tuple(replace(write(call, path, kind), is_change=True) for path in paths)


def plain(call: Call, kind: Kind, writes: Iterable[Write] = (), reads: Iterable[str | None] = ()) -> Effect:
    """An effect of which all is known: what it writes and reads, and that what it prints is of `kind`."""
    return Effect(
        writes=tuple(writes),
        reads=tuple(where(call, path) for path in reads if path != "-"),
        output=kind,
        sees_environment=False,
    )


@cache
def by_name(programs: tuple[Program, ...]) -> Mapping[str, Program]:
    """Descriptions by the names of their programs. Raises ValueError when a name is described twice."""
    found: dict[str, Program] = {}
    for program in programs:
        for name in program.names.split():
            if name in found:
                raise ValueError(f"{name} is described twice")
            found[name] = program
    return found
