"""Walk through a RUN's script: which command runs where, with what in its environment, and what it does.

Everything that cannot be told from the text is taken for the worst. The walk does not follow control flow:
every command is taken to run, in the order of the text. What a variable holds is followed (see
`variables.py`): what a subshell sets ends with it, what a branch sets may or may not hold behind it.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType

from xbuild.dockerfile.model import Run
from xbuild.dockerfile.script import Assignment, Command, Expansion, Redirect, Script, Word
from xbuild.graph.model import PLATFORM_ARGS
from xbuild.graph.scope import Scope
from xbuild.plan.context import UnreadError
from xbuild.plan.facts.filesystem import (
    ANY,
    EVERY,
    Kind,
    Write,
    Writes,
    absolute,
    holds_fixed,
    is_within,
    join,
    kind_of,
    may_be_folder,
    overlaps,
    seen_from,
    through_links,
    without_glob,
)
from xbuild.plan.facts.releases import is_for_one
from xbuild.plan.model import Place, Reason
from xbuild.plan.programs.printing import existence
from xbuild.plan.programs.program import Builtin, Program, anything, asking_machines, is_device
from xbuild.plan.reading.brought import PRINTERS, REDIRECTED
from xbuild.plan.reading.foreign import foreign_program, has_untold_path, search_path
from xbuild.plan.reading.machine_names import (
    is_naming,
    named,
    selected,
    spelled_command,
    spelled_variable,
)
from xbuild.plan.reading.variables import (
    Frames,
    assigned_names,
    calculated_names,
    is_unchanged,
    processes,
    set_in_loop,
)
from xbuild.plan.recipes import recipe as recipes
from xbuild.plan.recipes.own_files import context_file, path_folders
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect, Surroundings, Toolchain, Variable, shortened
from xbuild.platforms import Platform
from xbuild.text import Span, expression

_MAX_DEPTH = 4
_PROCESSES = frozenset(("subshell", "substitution", "pipeline", "background", "function"))
_FAILING = tuple((str(code),) for code in range(1, 256))
_BRANCHES = frozenset(("if", "elif", "else", "case", "while", "until", "for", "or", "function"))
_MACHINE_VARIABLES = frozenset(
    ("HOSTTYPE", "MACHTYPE", "OSTYPE", "CPUTYPE", "BASH_VERSINFO", "PROCESSOR_ARCHITECTURE")
)
# What the shell sets by itself.
_SHELL_VARIABLES = frozenset(("REPLY", "BASH_REMATCH", "PIPESTATUS", "MAPFILE", "COPROC"))
_ANYTHING = "/*"  # what is not known may begin with a folder
_OF_THE_SYSTEM = expression(r"(/usr)?/(lib|include)\w*[/*]|/(proc|sys)/")
_NAMES_BUILDER = expression(r"\bBUILD(ARCH|PLATFORM)\b")
_MACHINE_NAME = expression(r"ARCH|PLATFORM|MACHINE|TRIPL|CPU|HOST_?TYPE", re.IGNORECASE)
_GLOB = expression(r"[*?[]")
_BETWEEN = expression(r"[\s()]+(?:\[[^\]]*\]=)?")  # and the name of an array's element
# Brace expansion (bash manual), which is none behind `$`.
_BRACES = expression(r"(?<![$\\])\{[^{}]*(?:,|\.\.)[^{}]*\}")
_PART_OF = expression(r":(?![-=?+])(?s:.*)")  # `${NAME:1:2}`, told by numbers or what is calculated
_QUOTED_ASSIGNMENT = expression(r"[\"']([A-Za-z_]\w*)=")
_ENV_ASSIGNMENT = expression(r"[\"']?[A-Za-z_]\w*=")
# What the shell hands on as one word, and looks for no files by.
_ONE_WORD = expression(r"[\w.,:;=@%+/-]+")
_POSITIONAL = expression(r"[0-9]+|[@*#_]")
_BIN = expression(r"/s?bin/[^/]+$")
_SYSTEM_FOLDERS = ("/bin", "/usr/bin", "/sbin", "/usr/sbin")
_CALCULATING = ("((", "let")
_IN_THE_SHELL = frozenset(words("eval mapfile readarray getopts trap builtin coproc enable alias let"))
_CATCHING = frozenset(("negation", "or", "background", "substitution", "function"))
# Of these the last part alone tells.
_PARTS = ("pipeline", "for", "while", "until")
# Inside these a command may not run, or not only once.
_UNCERTAIN = frozenset(
    ("if", "elif", "else", "case", "while", "until", "for", "or", "function", "background")
)


@dataclass
class RunWalk:
    """What one RUN did: the effects of its commands in order, the calls that they came from, and the packages
    that are there behind it. `reasons`: why the machine cannot be given the target's name in it.
    """

    effects: list[Effect] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    packages: frozenset[str] = frozenset()


def walk_run(
    run: Run,
    script: Script,
    *,
    around: Surroundings,
    scope: Scope,
    instruction: int,
    writes: Writes,
    toolchains: Sequence[Toolchain],
    is_editable: bool,
    line_of: Callable[[int], Place],
    packages: frozenset[str],
) -> RunWalk:
    """Walk a script; `writes` is what the stage wrote so far and is extended by what the script writes."""
    walker = _Walker(run, script, around, scope, instruction, writes, toolchains, is_editable, line_of)
    walker.packages = packages
    return walker.walk()


_JOINING = frozenset(("and", "or", "negation"))
_Level = tuple[int, ...]  # where each construct around it starts
_InList = tuple[_Level, int]


class _Lists:
    """The and-or lists of a script: whether a failure in one of them is caught by a `||`."""

    def __init__(self, script: Script) -> None:
        commands = sorted(script.commands, key=_start)
        self.sets_e = any(
            c.name == "set" and any("e" in (w.value or "") for w in c.words[1:]) for c in commands
        )
        self.last_apart = max((c.span.start for c in commands if not _goes_on(c)), default=-1)
        self.places: dict[int, tuple[_InList, ...]] = {}
        self.joined: dict[str, set[_InList]] = {kind: set() for kind in _JOINING}
        self.last: dict[_Level, tuple[int, int]] = {}
        for command in commands:
            self.places[command.span.start] = tuple(self.places_of(command))

    def places_of(self, command: Command) -> Iterator[_InList]:
        """The lists around the command, the outermost first: each a level and its number there.

        A substitution belongs to the list of the command that it stands in.
        """
        level: _Level = ()
        joined: list[str] = []
        for scope in (*command.scopes, None):
            if scope is not None and scope.kind in _JOINING:
                joined.append(scope.kind)
                continue
            start = command.span.start if scope is None else scope.span.start
            number, last = self.last.get(level, (0, -1))
            is_nested = scope is not None and scope.kind == "substitution"
            number += start != last and not joined and not is_nested
            self.last[level] = (number, last if is_nested else start)
            for kind in joined:
                self.joined[kind].add((level, number))
            yield level, number
            if scope is not None:
                level, joined = (*level, start), []

    def has_or(self, command: Command) -> bool:
        """Whether a list that the command stands in has a `||`."""
        return any(place in self.joined["or"] for place in self.places[command.span.start])

    def has_and(self, command: Command) -> bool:
        return any(place in self.joined["and"] for place in self.places[command.span.start])


def _goes_on(command: Command) -> bool:
    return command.is_inside("and") or command.is_inside("or") or command.is_inside("pipeline")


def _is_of_target(kinds: Iterable[Kind]) -> bool:
    return any(kind in (Kind.TARGET, Kind.CROSS) for kind in kinds)


class _Walker:
    def __init__(
        self,
        run: Run,
        script: Script,
        around: Surroundings,
        scope: Scope,
        instruction: int,
        writes: Writes,
        toolchains: Sequence[Toolchain],
        is_editable: bool,
        line_of: Callable[[int], Place],
    ) -> None:
        self.run, self.script, self.around, self.scope = run, script, around, scope
        self.instruction, self.writes, self.toolchains = instruction, writes, toolchains
        self.is_editable = is_editable
        self.line_of = line_of
        self.start = self.here = scope.workdir()
        self.variables = _from_environment(scope, is_for_builder=instruction in around.for_builder)
        secrets = (name for m in run.mounts if m.type == "secret" and (name := m.get("env")))
        self.variables |= {name: Variable(None, Kind.PORTABLE, "export") for name in secrets}
        self.condition = self.choice = Kind.PORTABLE
        self.loops: dict[Span, int] = {}
        self.outputs: dict[Span, Kind] = {}
        self.directories: list[tuple[Command, str | None]] = []
        self.result = RunWalk()
        self.packages: frozenset[str] = frozenset()
        self.commands = sorted(script.commands, key=_start)
        self.done: set[Span] = set()
        self.has_tested = False
        self.tested = self.folder_kind = Kind.PORTABLE
        self.may_have_ended = self.is_input_replaced = self.compares = self.is_set_elsewhere = False
        self.mounted = tuple(
            t for m in run.mounts if (t := m.get("target")) is not None and not self.is_fleeting(t)
        )
        self.lists = _Lists(script)
        self.depth = 0
        self.frames = Frames(script)
        self.assigned = assigned_names(script, self.may_set)

    def walk(self) -> RunWalk:
        for command in self.script.commands:
            self.visit(command)
        self.result.packages = self.packages
        return self.result

    def visit(self, command: Command) -> None:
        if command.span in self.done:
            return
        self.done.add(command.span)
        for inner in self.inside(command.span):
            if inner is not command:
                self.visit(inner)
        self.enter(command)
        # A loop's variable may decide a case, and a case whether a loop goes through anything.
        self.note_loops(command)
        self.note_case_words(command)
        self.note_loops(command)
        self.outputs[command.span] = self.execute(command)

    def inside(self, span: Span) -> list[Command]:
        """The commands that stand in `span`, in order."""
        first = bisect_left(self.commands, span.start, key=_start)
        behind = bisect_right(self.commands, span.end, key=_start)
        return [command for command in self.commands[first:behind] if command.span in span]

    # -- variables and words

    def note_case_words(self, command: Command) -> None:
        kinds: list[Kind] = []
        for word in self.script.case_words:
            if word.span.start <= command.span.start and command.span not in word.span:
                kinds += [
                    self.expansion_kind(e) for e in word.expansions
                ]  # no name of a file is matched here
        self.condition, self.choice = join((self.condition, *kinds)), join((self.choice, *kinds))
        self.compares |= join(kinds) >= Kind.BUILD and _is_of_target(kinds)

    def enter(self, command: Command) -> None:
        """The variables as this command finds them, and whether it runs at all.

        A command of its own, behind `;` or a new line, runs whatever a test before it said, as long as
        nothing there could end the script. In a recipe a failure may end the recipe alone.
        """
        if not command.scopes and not self.may_have_ended and self.depth == 0:
            self.condition, self.compares, self.choice = self.folder_kind, False, Kind.PORTABLE
        self.here = self.directory(command)
        self.variables, loops = self.frames.enter(command, self.variables, may_skip=self.has_tested)
        for loop in loops:
            self.loops[loop.span] = len(self.writes)
            self.variables.update(set_in_loop(self.script, loop.span, self.variables))

    def note_loops(self, command: Command) -> None:
        for loop in self.script.loops:
            if command.span in loop.span and not any(command.span in w.span for w in loop.words or ()):
                kind = Kind.UNKNOWN if loop.words is None else join(self.held_kind(w) for w in loop.words)
                texts = {w.value for w in loop.words or ()}
                only = texts.pop() if len(texts) == 1 else None
                before = self.variables.get(loop.variable)
                origin = "shell" if before is None or before.origin == "shell" else "export"
                self.variables[loop.variable] = Variable(only, join((kind, self.condition)), origin)

    def kind(self, word: Word) -> Kind:
        """What the value of a word depends on."""
        kinds = [self.expansion_kind(e) for e in word.expansions]
        if word.raw.startswith(("~-", "~+")):
            kinds.append(self.foreign_variable("OLDPWD"))
        kinds += [self.kind_of_names(pattern, word) for pattern in self.patterns(word)]
        if self.around.names_target and _is_of_target(kinds):
            self.check_place(word)
        return join(kinds)

    def patterns(self, word: Word) -> Iterator[str]:
        """The names of files that the shell looks for in place of a word: its own pattern, one in what a
        variable holds, or in what stands there for one that is not set.
        """
        bare = [e for e in word.expansions if e.kind == "variable" and not e.quoted]
        held = (v.text for e in bare if (v := self.variables.get(e.name)) is not None)
        texts = (*held, *(e.operator for e in bare if e.operator.lstrip(":")[:1] in ("-", "=", "+")))
        if word.is_glob or any(text and any(_patterns_in(text)) for text in texts):
            yield from _patterns_in(_render(word, self.variables, unknown=_ANYTHING) or _ANYTHING)

    def kind_of_names(self, pattern: str, word: Word) -> Kind:
        """What it depends on which names of files a pattern stands for."""
        where = absolute(pattern, self.here)
        return kind_of(self.writes, where, is_name=True, is_pattern=not word.expansions)

    def held_kind(self, word: Word) -> Kind:
        """The same of a word that a variable holds, which may fill it in where patterns are looked for."""
        told = _patterns_in(_render(word, self.variables, unknown="") or "")
        return join((self.kind(word), *(self.kind_of_names(pattern, word) for pattern in told)))

    def check_place(self, word: Word) -> None:
        """What lies in folders that are named for the machine is there by its own name alone."""
        text = _render(word, self.variables, unknown="*") or ""
        if "*" in text and _OF_THE_SYSTEM.match(text):
            reason = Reason(
                f"{shortened(word.raw)} is there for the machine alone", self.line_of(word.span.start)
            )
            self.result.reasons.append(reason)

    def expansion_kind(self, expansion: Expansion) -> Kind:
        if expansion.kind == "variable":
            if expansion.name == "?":
                return self.tested
            if self.script.text.startswith("${!", expansion.span.start) or expansion.operator == "@P":
                return Kind.UNKNOWN  # the variable that another one names, or what a prompt would say
            variable = self.variables.get(expansion.name)
            own = variable.kind if variable is not None else self.foreign_variable(expansion.name)
            part = _PART_OF.fullmatch(expansion.operator)
            return join((own, self.index_kind(expansion.operator))) if part is not None else own
        if expansion.kind == "arithmetic":
            return join(
                v.kind
                for n, v in self.variables.items()
                if n in self.script.text[expansion.span.start : expansion.span.end]
            )
        inner = [c for c in self.inside(expansion.span) if c.span != expansion.span]
        here, frames = self.variables, list(self.frames.frames)
        for command in inner:
            self.visit(command)
        self.variables, self.frames.frames = here, frames
        if not inner:
            return Kind.UNKNOWN
        text = self.script.text[expansion.span.start : expansion.span.end]
        if any(pattern.fullmatch(text) for toolchain in self.toolchains for pattern in toolchain.same):
            return Kind.PORTABLE
        return join(self.outputs.get(c.span, Kind.UNKNOWN) for c in inner)

    def foreign_variable(self, name: str) -> Kind:
        """A variable that neither the Dockerfile nor the script sets: the shell's own, or the base
        image's.
        """
        if name in _MACHINE_VARIABLES:
            return Kind.BUILD
        if self.is_set_elsewhere:
            return Kind.UNKNOWN
        if _POSITIONAL.fullmatch(name) or name in _SHELL_VARIABLES:
            return Kind.UNKNOWN
        if name in ("PWD", "OLDPWD") and any(target is None for _, target in self.directories):
            return Kind.UNKNOWN
        is_automatic = name in PLATFORM_ARGS
        if not is_automatic and not self.around.image.is_plain and _MACHINE_NAME.search(name):
            return Kind.UNKNOWN
        return Kind.PORTABLE

    def text(self, word: Word) -> str | None:
        """The word with known variables filled in and quotes removed, or None."""
        if word.value is not None:
            return word.value
        if _BRACES.search(word.raw):
            return None  # several words
        if word.is_glob and not word.expansions:
            return _render(word, self.variables)
        if word.raw.startswith("~"):
            is_root = self.scope.user() in ("", "root", "0") and "HOME" not in self.variables
            return "/root" + word.raw[1:] if is_root and re.fullmatch(r"~(/[\w./-]*)?", word.raw) else None
        return _render(word, self.variables)

    def assign(self, assignment: Assignment, origin: str, command: Command) -> None:
        if is_unchanged(assignment) and (known := self.variables.get(assignment.name)) is not None:
            if known.origin == "shell":
                self.variables[assignment.name] = replace(known, origin=origin)
            return
        index = Kind.PORTABLE
        if "[" in assignment.name:  # one of an array's
            index = self.index_kind(assignment.name)
            assignment = replace(assignment, name=assignment.name.partition("[")[0], append=True)
        kind = join((self.held_kind(assignment.value), index, self.condition))
        text = self.text(assignment.value)
        before = self.variables.get(assignment.name)
        if before is not None and before.origin in ("shell", "export"):
            kind = join((kind, before.kind))
            text = text if text == before.text else None
        elif command.scopes and any(s.kind in _BRANCHES for s in command.scopes) and before is not None:
            kind, text = join((kind, before.kind)), None
        if assignment.append:
            text = None
        dependencies = _platform_names(assignment.value, self.variables)
        if before is not None and before.origin != "shell":
            origin = "export"  # What is in the environment stays in it.
        by_target = self.spelled_here(assignment, command) if before is None and not assignment.append else {}
        self.variables[assignment.name] = Variable(text, kind, origin, dependencies, by_target=by_target)

    def spelled(self, word: Word) -> Mapping[Platform, str]:
        """What a word is on each platform, as far as the name of the target decides it."""
        if word.is_glob or (word.expansions and self.kind(word) is not Kind.TARGET):
            return {}
        found: dict[Platform, str] = {}
        for platform in self.around.platforms or ():
            told = {e.span: text for e in word.expansions if (text := self.spelled_expansion(e, platform))}
            text = _render(word, self.variables, told=told)
            if text is not None and _ONE_WORD.fullmatch(text):
                found[platform] = text
        return found

    def spelled_expansion(self, expansion: Expansion, platform: Platform) -> str | None:
        if expansion.kind == "variable":
            variable = self.variables.get(expansion.name)
            is_plain = variable is not None and not expansion.operator
            return spelled_variable(variable, expansion.name, platform) if variable and is_plain else None
        inner = [c for c in self.inside(expansion.span) if c.span != expansion.span]
        if expansion.kind != "substitution" or not inner:
            return None
        if all(command.is_inside("case") for command in inner):
            inner = [command for command in inner if platform in self.runs_on(command)]
        if len(inner) != 1 or inner[0].redirects or inner[0].assignments:
            return None
        scopes = [s for s in inner[0].scopes if s.span in expansion.span and s.span != expansion.span]
        if any(s.kind not in ("case", "item") or s.redirects for s in scopes):
            return None
        name, *given = (word.value for word in inner[0].words)
        if name == "echo" and len(given) == 1 and not inner[0].words[1].raw.startswith("-"):
            return self.spelled(inner[0].words[1]).get(platform)
        return spelled_command((name, *given), platform)

    def runs_on(self, command: Command) -> frozenset[Platform]:
        """The platforms on which a command runs that stands in a `case` over the name of the target."""
        around = next(s.span for s in command.scopes if s.kind == "case")
        subject = next(word for word in self.script.case_words if word.span in around)
        return selected(self.script, command, self.spelled(subject)) or frozenset()

    def spelled_here(self, assignment: Assignment, command: Command) -> Mapping[Platform, str]:
        """The same of what a command assigns, on the platforms on which it runs."""
        kinds = [scope.kind for scope in command.scopes]
        is_sure = {*kinds} <= {"and", "group", "case", "item"} and kinds.count("case") < 2
        if not is_sure or self.lists.has_or(command) or (self.has_tested and "and" in kinds):
            return {}
        if "case" not in kinds:
            return self.spelled(assignment.value)
        on = self.runs_on(command)
        return {p: text for p, text in self.spelled(assignment.value).items() if p in on}

    def spelled_of(
        self, fields: Sequence[tuple[Word, str | None]], assignments: Mapping[str, tuple[Word, Kind]]
    ) -> Mapping[int | str, Mapping[Platform, str]]:
        """Of the words and assignments of a command those that are known on every platform, and differ."""
        named: list[tuple[int | str, Word]] = [(n, word) for n, (word, _) in enumerate(fields)]
        named += [(name, word) for name, (word, _) in assignments.items()]
        unknown = ((n, word) for n, word in named if word.expansions and self.text(word) is None)
        found = {n: self.spelled(word) for n, word in unknown}
        return {
            n: told for n, told in found.items() if told and len(told) == len(self.around.platforms or ())
        }

    def index_kind(self, name: str) -> Kind:
        """What it depends on which element of an array is named."""
        index = name.partition("[")[2] or name
        if "$(" in index or "`" in index:
            return Kind.UNKNOWN
        return join(v.kind for n, v in self.variables.items() if n in index)

    # -- commands

    def execute(self, command: Command) -> Kind:
        words, assignments, wrapper = self.unwrap(command)
        self.assign_defaults(command)
        if not words:
            for assignment in command.assignments:
                self.assign(assignment, "shell", command)
            self.redirect_alone(command)
            return join((self.stdin(command), *(self.kind(a.value) for a in command.assignments)))
        self.open_redirects(command)
        call = self.call(command, words, assignments, wrapper)
        effect = self.effect(call)
        self.result.calls.append(call)
        self.result.effects.append(effect)
        is_certain = self.is_certain(command) and not self.may_have_ended
        by = ("RUN", *call.command_words)
        is_fixed = any(read is not None and holds_fixed(call.writes, read) for read in effect.reads)
        for made in effect.writes:
            is_whole = is_certain and not self.is_caught(command) and not self.is_mounted(made.path)
            made = replace(
                made,
                kind=join((made.kind, call.condition)),
                by=made.by or by,
                is_file=made.is_file and is_whole and not self.goes_into(effect, made),
                is_unseen=_may_bring_links(made),
            )
            self.writes += through_links(self.writes, made)
            if is_fixed and made.kind is Kind.BUILD and not made.is_package:
                self.writes += through_links(self.writes, replace(made, kind=Kind.FIXED, is_file=False))
        if effect.packages:
            self.packages |= {*effect.packages}
        self.redirect(call, effect, is_certain=is_certain)
        self.remember(call, effect)
        return effect.output

    def assign_defaults(self, command: Command) -> None:
        """`${NAME:=value}` and arithmetic give a variable a value wherever they stand."""
        targets = [r.target for r in command.redirects if r.target is not None]
        for word in (*command.words, *(a.value for a in command.assignments), *targets):
            for expansion in word.expansions:
                is_default = expansion.kind == "variable" and expansion.operator.startswith(("=", ":="))
                before = self.variables.get(expansion.name)
                if is_default and (before is None or not before.text):
                    kind = join((self.kind(word), self.condition))
                    self.variables[expansion.name] = _set(before, kind)
                elif expansion.kind == "arithmetic":
                    self.calculate(self.script.text[expansion.span.start : expansion.span.end], command)
        if command.words and command.words[0].value in _CALCULATING:
            self.calculate(self.script.text[command.span.start : command.span.end], command)

    def calculate(self, text: str, command: Command) -> None:
        for name in calculated_names(text):
            self.variables[name] = _set(
                self.variables.get(name), join((self.condition, self.calculated(command)))
            )

    def calculated(self, command: Command) -> Kind:
        """What a command depends on that calculates: its words, and what stands in it without a word."""
        text = self.script.text[command.span.start : command.span.end]
        named = (v.kind for n, v in self.variables.items() if n in text)
        outputs = (self.outputs.get(c.span, Kind.UNKNOWN) for c in self.inside(command.span) if c != command)
        return join((*(self.kind(w) for w in command.words), *named, *outputs))

    def is_fleeting(self, target: str) -> bool:
        """Whether nothing is known of a mounted folder, and its reader will say so again behind the RUN."""
        path = absolute(target, self.start)
        return path is not None and any(
            w.kind is Kind.UNKNOWN and w.by == ("RUN",) for w in self.writes.exactly(path)
        )

    def is_mounted(self, path: str | None) -> bool:
        """Whether what is written there is gone behind the RUN, and what lies below it is there again."""
        return path is not None and any("$" in t or overlaps(path, t) for t in self.mounted)

    def goes_into(self, effect: Effect, made: Write) -> bool:
        """Whether a command that puts its file into a folder of that name, if there is one, may find one."""
        if not effect.puts_into_folders or made.path is None:
            return False
        return may_be_folder(self.writes, made.path, made.kind)

    def is_certain(self, command: Command) -> bool:
        """Whether the command runs whenever the RUN succeeds: not in a branch, not behind a test."""
        if any(s.kind in _UNCERTAIN for s in command.scopes) or self.lists.has_or(command):
            return False
        pipeline = next((s for s in reversed(command.scopes) if s.kind == "pipeline"), None)
        if pipeline is not None and self.inside(pipeline.span)[-1].span.start >= command.span.end:
            return False  # if it fails, the others go on
        return not (self.has_tested and command.is_inside("and"))

    def unwrap(self, command: Command) -> tuple[tuple[Word, ...], dict[str, tuple[Word, Kind]], str | None]:
        """Take `env A=b`, `time`, … off the front of a command."""
        assignments = {a.name: (a.value, self.kind(a.value)) for a in command.assignments}
        words = command.words
        wrapper: str | None = None
        while len(words) > 1 and (program := self.program(words[0].value)) and program.is_wrapper:
            rest = words[1:]
            if words[0].value == "env":
                if rest[0].raw.startswith("-"):
                    break
                while rest and _ENV_ASSIGNMENT.match(rest[0].raw):
                    name, value = _env_argument(rest[0])
                    assignments[name] = (value, self.kind(rest[0]))
                    rest = rest[1:]
            elif rest[0].raw.startswith("-"):
                break
            if not rest:
                break
            wrapper = words[0].value
            words = rest
        return words, assignments, wrapper

    def call(
        self,
        command: Command,
        words: tuple[Word, ...],
        assignments: dict[str, tuple[Word, Kind]],
        wrapper: str | None,
    ) -> Call:
        fields = [field for word in words for field in self.fields(word)]
        return Call(
            around=self.around,
            scope=self.scope,
            run=self.run,
            instruction=self.instruction,
            number=self.around.offset + self.instruction,
            command=command,
            words=tuple(word for word, _ in fields),
            texts=tuple(text for _, text in fields),
            kinds=tuple(join((self.kind(word), self.fixed(command, fields, text))) for word, text in fields),
            directory=self.directory(command),
            place=self.line_of(command.span.start),
            writes=self.writes.snapshot(),
            variables=dict(self.variables),
            assignments=assignments,
            stdin=self.stdin(command),
            condition=self.condition,
            kind_of=self.expansion_kind,
            packages=self.packages,
            wrapper=wrapper,
            is_editable=self.is_editable,
            script=self.script.text,
            may_fail_unseen=self.is_caught(command) or any(map(command.is_inside, _PARTS)),
            walk=self.walk_recipe,
            by_target=self.spelled_of(fields, assignments),
        )

    def fixed(self, command: Command, fields: Sequence[tuple[Word, str | None]], address: str | None) -> Kind:
        """The kind of what is fetched from an address by its name alone."""
        program = self.program(fields[0][1]) if fields else None
        is_download = program is not None and program.is_download
        if not is_download or not is_for_one(address, self.around.machines) or self.is_for_builder(command):
            return Kind.PORTABLE
        return Kind.BUILD if self.instruction in self.around.for_builder else Kind.FIXED

    def is_for_builder(self, command: Command) -> bool:
        """Whether BuildKit's name of the build machine may decide that a command runs."""
        deciding = (s for s in command.scopes if s.kind in _BRANCHES or (s.kind == "and" and self.has_tested))
        before = (self.script.text[s.span.start : command.span.start] for s in deciding)
        return any(_NAMES_BUILDER.search(text) for text in before)

    def fields(self, word: Word) -> list[tuple[Word, str | None]]:
        """A word as the shell hands it on: one that is a bare variable falls apart at its blanks."""
        text = self.text(word)
        if text is None:
            return [(word, self.pattern(word))]
        if word.raw in ('"$@"', '"${@}"'):
            return [(word, part) for part in text.split()]
        if word.value is not None or all(e.quoted for e in word.expansions):
            return [(word, text)]
        if len(word.expansions) == 1 and word.expansions[0].span == word.span:
            if "IFS=" in self.script.text:
                return [(word, None)]
            return [(word, part) for part in text.split()]
        return [(word, None if re.search(r"[\s*?\[]", text) else text)]

    def pattern(self, word: Word) -> str | None:
        """A word that is known in part: what is not known stands as `*`. None when it may begin with
        anything.
        """
        text = _render(word, self.variables, unknown="*")
        if text is None or text.startswith("*") or word.raw.startswith("~"):
            return None
        braces = _BRACES.search(text)
        return text if braces is None else text[: braces.start()] + "*" if braces.start() else None

    def effect(self, call: Call) -> Effect:
        """What a command does; one that needs a platform ARG which the script hides is not followed."""
        try:
            effect = self.judged(call)
        except UnreadError as error:
            reason = Reason(
                f"`{call.spelled()}`: {error}",
                call.place,
                cure="leave it out by .dockerignore if nothing needs it",
            )
            effect = replace(anything(call), reasons=(reason,))
        if call.texts[0] in _CALCULATING:
            kind = join((effect.output, self.calculated(call.command)))
            effect = replace(effect, output=kind, is_test=True)
        if any("${!" in word.raw for word in call.words):
            effect = replace(effect, sees_environment=True)
        if self.decides(call, effect) or self.ends_by_comparison(call):
            text = f"`{call.spelled()}` compares the machine that it runs on with the target, and would fail"
            reason = Reason(text, call.place, cure="drop it, or compare with $BUILDARCH")
            return replace(effect, reasons=(*effect.reasons, reason), cannot_run=True)
        is_told = bool(self.around.for_builder) and effect.is_test and effect.output >= Kind.BUILD
        if is_told and not self.is_caught(call.command):
            text = f"`{call.spelled()}` may fail with what is fetched for another machine"
            return replace(effect, reasons=(*effect.reasons, Reason(text, call.place)), cannot_run=True)
        missed = self.missed(call)
        if missed is not None:
            spelled, line = call.spelled(), missed.place.line
            text = f"`{spelled}` looks by the machine's name for what line {line} has for the target"
            reason = Reason(text, call.place, missed.path, "look for it by $TARGETARCH")
            return replace(effect, reasons=(*effect.reasons, reason), cannot_run=True)
        hidden = next((n.name for n in effect.needs if self.is_hidden(call, n.name)), None)
        if hidden is None or effect.reasons:
            return effect
        reason = Reason(
            f"`{call.spelled()}` needs BuildKit's {hidden}, and the script sets a variable of that name",
            call.place,
            cure="give the script's own variable another name",
        )
        return replace(anything(call), reasons=(reason,))

    def decides(self, call: Call, effect: Effect) -> bool:
        """Whether a test of the machine against something of the target can make the RUN fail."""
        if not effect.is_test or effect.output < Kind.BUILD or self.around.is_pinned_by_author:
            return False
        return _is_of_target((*call.kinds, call.stdin)) and not self.is_caught(call.command)

    def missed(self, call: Call) -> Write | None:
        """What a command looks for by the name of the machine, and may have the target's name."""
        program = self.program(call.texts[0])
        if self.around.is_pinned_by_author or (program is not None and program.is_download):
            return None
        named = [
            without_glob(path)
            for text, kind in zip(call.texts[1:], call.kinds[1:], strict=True)
            if kind is Kind.BUILD and text and "*" in text and "://" not in text and (path := call.seen(text))
        ]
        of_target = self.writes.where(_is_told_of_target) if named else ()
        return next((w for w in of_target if any(overlaps(w.path or "/", path) for path in named)), None)

    def ends_by_comparison(self, call: Call) -> bool:
        """Whether `exit 1` stands behind a test of the machine against something of the target."""
        is_exit = call.texts[0] == "exit" and call.texts[1:2] in _FAILING
        return (
            is_exit and self.compares and call.condition >= Kind.BUILD and not self.around.is_pinned_by_author
        )

    def is_caught(self, command: Command) -> bool:
        """Whether the script may go on, and succeed, although this command failed."""
        if any(s.kind in _CATCHING or s.condition for s in command.scopes) or self.lists.has_or(command):
            return True
        return not self.lists.sets_e and self.lists.last_apart >= command.span.end

    def is_hidden(self, call: Call, name: str) -> bool:
        """Whether a platform ARG may not hold what BuildKit gave it."""
        if name in self.assigned or (name in call.assignments and not self.is_same(call, name)):
            return True
        variable = self.variables.get(name)
        if variable is None or variable.origin not in ("shell", "export"):
            return False
        return variable.text is not None or variable.kind > Kind.TARGET

    def is_same(self, call: Call, name: str) -> bool:
        return re.fullmatch(rf'"?\$(?:{name}|\{{{name}\}})"?', call.assignments[name][0].raw) is not None

    def judged(self, call: Call) -> Effect:
        if not call.texts:
            return anything(call)
        if call.texts[0] in self.script.functions or call.texts[0] is None or self.is_replaced(call):
            return anything(call)
        foreign = self.foreign(call)
        if foreign is not None:
            return foreign
        own = self.own_program(call)
        if own is not None and not is_naming(call):
            return self.of_the_project(call, own)
        is_own = own is not None
        naming = named(call) if not is_own else None
        if naming is not None:
            return naming
        for toolchain in self.toolchains:
            effect = toolchain.judge(call)
            if effect is not None:
                return effect if effect.toolchain else replace(effect, toolchain=toolchain.name)
        program = self.program(call.texts[0])
        if program is not None:
            return program.effect(call) if not is_own else anything(call)
        return recipes.judge(call, self.walk_recipe, self.toolchains) or anything(call)

    def is_replaced(self, call: Call) -> bool:
        """Whether the stage wrote a script of that name, by `>` or `tee`, where programs are looked for."""
        name = posixpath.basename(call.texts[0] or "/")
        made = [w for w in self.writes.called(name) if not w.is_package and w.by[:2] in PRINTERS]
        folders = search_path(call) if made else ()
        is_untold = bool(made) and has_untold_path(call)
        return is_untold or any(
            _BIN.search(w.path or "") or posixpath.dirname(w.path or "") in folders for w in made
        )

    def own_program(self, call: Call) -> str | None:
        """The file of the build context that a program which is described has its name from, or one that
        such a program starts; None where none stands in a folder of PATH.
        """
        called = call.texts[0] or "/"
        name = posixpath.basename(called)
        scripts = (posixpath.basename(t or "") for t in call.texts[1:2] if name in recipes.SHELLS)
        names = {name, *scripts}
        if not (is_naming(call) or any(n in self.around.programs for n in names)):
            return None
        files = self.around.context.files()
        named = _names(files)
        started = [n for t in self.toolchains if not names.isdisjoint(_programs_of(t)) for n in t.started]
        program = self.around.programs.get(name)
        started += program.starts(call) if program is not None and program.starts is not None else ()
        at_paths = (context_file(call, call.seen(n)) for n in started if "/" in n)
        own = next((file for file in at_paths if file is not None and file in files), None)
        if own is not None:
            return own
        handed = [self.writes[n] for n in self.writes.numbers(_is_brought)]
        for number, wanted in enumerate((called, *started)):
            brought = {w.path for w in self.writes.called(wanted) if self.is_own(call, w, number > 0)}
            around = [w for w in handed if _may_bring(w, wanted, named)]
            if "/" in wanted or not (wanted in named or brought or around):
                continue
            for folder in dict.fromkeys((*search_path(call), *path_folders(call))):
                path = f"{folder}/{wanted}"
                found = (recipes.copied_path(call, path), context_file(call, path))
                if path in brought or any(file in files for file in found):
                    return path
                if any(is_within(path, w.path or "/") for w in around):
                    return path
                near = (*self.writes.exactly(folder), *self.writes.exactly(posixpath.dirname(folder)))
                if any(self.is_copied(call, w, path) for w in near):
                    return path
            if has_untold_path(call):
                return f"a folder of PATH/{wanted}"
        return None

    def is_own(self, call: Call, made: Write, is_started: bool) -> bool:
        """Whether what stands there is of the build context: put there by an instruction or a command, or, of
        what another program starts, made of text here, in another stage or elsewhere.
        """
        if made.is_context or made.is_empty:
            return not made.is_empty
        program = self.program((*made.by, None, None)[1])
        is_fetched = made.by[:1] != ("RUN",) or (program is not None and program.is_download)
        is_text = made.by[:2] in PRINTERS or (is_fetched and made.kind is Kind.PORTABLE)
        is_strange = is_started and is_text and not made.is_package
        return is_strange or self.is_copied(call, made, made.path or "/")

    def is_copied(self, call: Call, made: Write, path: str) -> bool:
        """Whether a command copied a file of the build context to `path`, or to a folder around it."""
        inside = posixpath.relpath(path, made.path or "/")
        places = [*map(without_glob, made.copy_of), *((made.target,) if made.link is not None else ())]
        if inside != ".":
            places = [posixpath.join(p, n) for p in places for n in (inside, posixpath.basename(path))]
        files = self.around.context.files()
        named = _names(files)
        return any(
            any(file in files for file in (recipes.copied_path(call, place), context_file(call, place)))
            or any(_may_bring(w, posixpath.basename(place), named) for w in self.writes.covering(place))
            for place in places
        )

    def of_the_project(self, call: Call, path: str) -> Effect:
        """A program of the project's own in place of one that is described may do anything."""
        name = posixpath.basename(path)
        text = f"`{call.spelled()}`: {path} is not known to be the {name} of the image"
        reason = Reason(text, call.place, cure="give it another name")
        return replace(anything(call), reasons=(reason,))

    def may_set(self, name: str | None) -> bool:
        """Whether a command may set shell variables by their names; one that is not described may."""
        program = self.program(name)
        return program is None or program.builtin is not None

    def may_set_any(self, call: Call, effect: Effect) -> bool:
        """Whether a command that is not understood runs in the shell itself, where it may set anything."""
        name = call.texts[0]
        program = self.program(name)
        is_inside = name is None or name in self.script.functions or name in _IN_THE_SHELL
        is_inside = is_inside or (program is not None and program.builtin is not None)
        return is_inside and any(w.path is None and w.kind is Kind.UNKNOWN for w in effect.writes)

    def program(self, name: str | None) -> Program | None:
        """The description of a program that is called by its name, or from a folder of the system."""
        if name is None:
            return None
        folder, slash, own = name.rpartition("/")
        return self.around.programs.get(own) if not slash or folder in _SYSTEM_FOLDERS else None

    def walk_recipe(
        self,
        call: Call,
        script: Script,
        variables: Mapping[str, Variable],
        line_of: Callable[[int], Place],
    ) -> tuple[Sequence[Effect], Sequence[Call], Sequence[Write]]:
        """Walk the script of a recipe as if it stood here; nothing of it is kept."""
        if self.depth >= _MAX_DEPTH:
            return [anything(call)], [call], ()
        writes = call.writes.fork()
        inner = _Walker(
            self.run,
            script,
            self.around,
            self.scope,
            self.instruction,
            writes,
            self.toolchains,
            True,
            line_of,
        )
        inner.variables = dict(variables)
        inner.start = inner.here = call.directory
        inner.condition = self.condition
        inner.packages = self.packages
        inner.depth = self.depth + 1
        result = inner.walk()
        return result.effects, result.calls, writes[len(call.writes) :]

    def foreign(self, call: Call) -> Effect | None:
        """A program that was made for the target cannot run in a pinned stage."""
        if any(t.is_own is not None and t.is_own(call) for t in self.toolchains):
            return None
        found = foreign_program(call)
        if found is None:
            return None
        name, made = found
        program = "" if name == call.texts[0] else f", `{name}`"
        text, cure = _FOREIGN[made.kind]
        reason = Reason(
            f"`{call.spelled()}` runs a program {text}{program} (line {made.place.line})",
            call.place,
            made.path,
            cure,
        )
        return Effect(
            writes=(Write(None, Kind.UNKNOWN, call.place, call.spelled()),),
            output=Kind.UNKNOWN,
            reasons=(reason,),
            questions=asking_machines(call) if made.kind is Kind.FIXED else (),
            is_foreign_run=made.kind is Kind.CROSS and self.around.is_shipped(made.path or "/"),
            cannot_run=True,
        )

    def redirect_alone(self, command: Command) -> None:
        """`> FILE`: an empty file."""
        for redirect in command.redirects:
            if redirect.target is not None and ">" in redirect.operator:
                kind = join((self.condition, self.kind(redirect.target)))
                made = Write(
                    self.redirected(redirect, command),
                    kind,
                    self.line_of(command.span.start),
                    ">",
                    by=REDIRECTED,
                )
                self.writes += through_links(self.writes, made)

    def open_redirects(self, command: Command) -> None:
        """A command finds the files of its redirects there, empty; by what name may depend on the machine."""
        outer = (r for scope in command.scopes for r in scope.redirects)
        for redirect in (*command.redirects, *outer):
            if redirect.target is None or ">" not in redirect.operator:
                continue
            kind = self.kind(redirect.target)
            if not kind.is_right:
                made = Write(
                    self.redirected(redirect, command),
                    kind,
                    self.line_of(command.span.start),
                    ">",
                    by=REDIRECTED,
                )
                self.writes += through_links(self.writes, made)

    def redirected(self, redirect: Redirect, command: Command) -> str | None:
        """The file of a redirect."""
        target = self.text(redirect.target) if redirect.target is not None else None
        return seen_from(self.writes, target, self.directory(command)) if target is not None else None

    def redirect(self, call: Call, effect: Effect, *, is_certain: bool) -> None:
        kind = join((effect.output, call.condition, *call.kinds))
        outer = (r for scope in call.command.scopes for r in scope.redirects)
        for redirect in (*call.command.redirects, *outer):
            if redirect.target is None or ">" not in redirect.operator:
                continue
            target = self.text(redirect.target)
            if redirect.operator == ">&" and re.fullmatch(r"\d+-?|-", redirect.target.raw):
                continue
            if target in ("/dev/null", "/dev/stderr", "/dev/stdout"):
                continue
            path = call.seen(target)
            is_file = path is not None and is_certain and redirect.operator in (">", ">|", "&>")
            is_file = is_file and redirect in call.command.redirects and not self.is_mounted(path)
            named = join((kind, self.kind(redirect.target)))
            made = Write(path, named, call.place, call.spelled(), is_file, by=REDIRECTED)
            self.writes += through_links(self.writes, made)

    def remember(self, call: Call, effect: Effect) -> None:
        """What a command leaves behind in the shell: its folder, its variables, and what was tested."""
        command = call.command
        if self.may_end(call):
            self.may_have_ended = True
        self.note_test(call, effect)
        self.tested = join((self.tested, self.condition, effect.output))
        program = self.program(call.texts[0])
        is_end = program is not None and program.builtin is Builtin.END
        if is_end and any(r.operator.startswith("<") for r in command.redirects):
            self.is_input_replaced = True
        change = _BUILTINS.get(program.builtin) if program is not None and program.builtin else None
        if change is not None:
            change(self, call, effect)
        for name, text in effect.sets:
            told = text if self.is_certain(command) else None
            self.variables[name] = Variable(told, join((Kind.PORTABLE, self.condition)), "export")
        is_exported = program is not None and program.builtin is Builtin.EXPORT
        for assignment in command.exports:
            is_told = is_exported or any(t and t.startswith("-") and "x" in t for t in call.texts[1:])
            self.assign(assignment, "export" if is_told else "shell", command)
        if self.may_set_any(call, effect):
            self.is_set_elsewhere = True
            self.directories.append((command, None))
            for name, variable in self.variables.items():
                self.variables[name] = _set(variable, Kind.UNKNOWN)

    def note_test(self, call: Call, effect: Effect) -> None:
        """What a command decides by its success."""
        command = call.command
        decides = effect.is_test or any(s.condition for s in command.scopes) or self.lists.has_or(command)
        self.has_tested |= decides
        if effect.is_test:
            self.choice = join((self.choice, effect.output))
        if call.texts[0] in ("break", "continue") and self.choice >= Kind.BUILD:
            self.goes_round_by_machine(command)
        if decides:
            self.condition = join((self.condition, effect.output))
        if not effect.is_test and (decides or (self.lists.has_and(command) and self.is_caught(command))):
            self.condition = join((self.condition, self.status(call, effect)))
        if decides:
            self.compares |= effect.output >= Kind.BUILD and _is_of_target((*call.kinds, call.stdin))

    def status(self, call: Call, effect: Effect) -> Kind:
        """What it depends on whether a command succeeds: what it is told, and whether files that it names are
        there.
        """
        if is_naming(call):
            return join(call.kinds)  # it says one thing or another, and succeeds
        redirects = (r.target for r in call.command.redirects if r.target is not None)
        texts = (*call.texts[1:], *(self.text(target) for target in redirects))
        named = (t for t in texts if t is not None and "://" not in t and not is_device(t))
        is_script = self.program(call.texts[0]) is None or call.texts[0] in recipes.SHELLS
        said = (effect.output,) if is_script and not effect.toolchain else ()
        return join((*call.kinds, *said, *(existence(call, text) for text in named)))

    def goes_round_by_machine(self, command: Command) -> None:
        """How often a loop runs depends on the machine, and so all that is set and written in it."""
        loop = next((s for s in reversed(command.scopes) if s.span in self.loops), None)
        if loop is None:
            return
        for name in set_in_loop(self.script, loop.span, self.variables):
            self.variables[name] = _set(self.variables.get(name), Kind.BUILD)
        written = self.writes[self.loops[loop.span] :]
        for made in [w for w in written if w.kind < Kind.BUILD]:
            self.writes += (replace(made, kind=Kind.BUILD, is_file=False),)

    def changes_directory(self, call: Call, _effect: Effect) -> None:
        self.directories.append((call.command, self.changed_directory(call)))
        if call.condition >= Kind.BUILD:
            self.folder_kind = join((self.folder_kind, call.condition))

    def sources(self, _call: Call, _effect: Effect) -> None:
        for told in _RELEASE_NAMES & self.variables.keys():
            self.variables[told] = _set(self.variables[told], Kind.PORTABLE)

    def unsets(self, call: Call, _effect: Effect) -> None:
        for word in call.words[1:]:
            if word.value in self.variables:
                self.variables[word.value or ""] = Variable(None, Kind.UNKNOWN, "export")

    def reads_into(self, call: Call, _effect: Effect) -> None:
        for word in call.words[1:]:
            name = re.sub(r"-\w*?a|-.*", "", word.value or "", count=1)
            if name:
                self.variables[name] = _set(self.variables.get(name), Kind.UNKNOWN)

    def prints_into(self, call: Call, effect: Effect) -> None:
        program = self.program("printf")
        given = program.read(call) if program is not None else None
        for into in given.values("-v") if given is not None else ():
            if into is not None:
                self.variables[into] = _set(self.variables.get(into), join((effect.output, call.condition)))

    def exports(self, call: Call, effect: Effect) -> None:
        for word in call.words[1:]:
            known = self.variables.get(word.value or "")
            if known is not None and known.origin == "shell":
                self.variables[word.value or ""] = replace(known, origin="export")
        self.declares(call, effect)

    def declares(self, call: Call, _effect: Effect) -> None:
        for word in call.words[1:]:
            quoted = _QUOTED_ASSIGNMENT.match(word.raw)
            if quoted is not None:
                kind = join((self.kind(word), self.condition))
                text = word.value.partition("=")[2] if word.value is not None else None
                is_told = kind is Kind.PORTABLE and self.is_certain(call.command)
                self.variables[quoted[1]] = Variable(text if is_told else None, kind, "export")

    def may_end(self, call: Call) -> bool:
        """Whether the script may end here, and count as successful."""
        first, second = (*(word.value for word in call.command.words[:2]), None, None)[:2]
        wrapped = second if first in ("command", "builtin") else None
        programs = [self.program(name) for name in (call.texts[0], first, wrapped)]
        told = {program.builtin for program in programs if program is not None}
        if Builtin.OPTIONS in told:
            return any(t is None or re.match(r"-\w*n|noexec$", t) for t in call.texts[1:])
        is_apart = self.depth > 0 or any(s.kind in _PROCESSES for s in call.command.scopes)
        # In no process of its own `exit 1` lets the whole RUN fail.
        is_failure = call.texts[0] == "exit" and call.texts[1:2] in _FAILING and not is_apart
        return Builtin.END in told and not is_failure

    def changed_directory(self, call: Call) -> str | None:
        if call.texts[0] != "cd" or not self.is_certain(call.command) or len(call.texts) == 1:
            return None
        target = call.texts[-1]
        is_told = target is not None and target != "-" and "*" not in target
        return absolute(target or "", call.directory) if is_told else None

    def directory(self, command: Command) -> str | None:
        """Where a command runs: the last `cd` that is still in force for it."""
        around = processes(command)
        for change, target in reversed(self.directories):
            if all(process in around for process in processes(change)):
                return target
        return self.start

    def stdin(self, command: Command) -> Kind:
        kinds: list[Kind] = []
        if any(self.script.text.startswith(">(", s.span.start) for s in command.scopes):
            kinds.append(Kind.UNKNOWN)
        if self.is_input_replaced:
            kinds.append(Kind.UNKNOWN)
        for pipeline in (s for s in command.scopes if s.kind == "pipeline"):
            before = (c.span for c in self.inside(pipeline.span) if c.span.start < command.span.start)
            kinds += [self.outputs[span] for span in before if span in self.outputs]
        outer = (r for scope in command.scopes for r in scope.redirects)
        kinds += [self.redirected_input(redirect, command) for redirect in (*command.redirects, *outer)]
        return join(kinds)

    def heredoc_kind(self, text: str) -> Kind:
        """What a heredoc says, as if its variables were expanded."""
        kinds = [Kind.UNKNOWN] if "$(" in text or "`" in text else []
        for sign, name in _IN_HEREDOC.findall(text):
            known = self.variables.get(name)
            kinds.append(
                Kind.UNKNOWN if sign == "!" else known.kind if known else self.foreign_variable(name)
            )
        return join(kinds)

    def redirected_input(self, redirect: Redirect, command: Command) -> Kind:
        if redirect.heredoc is not None:
            return self.heredoc_kind(redirect.heredoc)
        if redirect.operator == "<&":
            return Kind.UNKNOWN
        if redirect.operator == "<" and redirect.target is not None:
            return kind_of(self.writes, self.redirected(redirect, command))
        if redirect.operator == "<<<" and redirect.target is not None:
            return self.kind(redirect.target)
        return Kind.PORTABLE


@lru_cache(maxsize=8)
def _names(files: tuple[str, ...]) -> frozenset[str]:
    """What files are called, without their folders."""
    return frozenset(file.rpartition("/")[2] for file in files)


def _is_brought(made: Write) -> bool:
    return bool(made.brought)


def _may_bring(made: Write, name: str, files: frozenset[str]) -> bool:
    return not made.brought.isdisjoint((name, EVERY)) or (ANY in made.brought and name in files)


@lru_cache(maxsize=64)
def _programs_of(toolchain: Toolchain) -> frozenset[str]:
    return frozenset(name for program in toolchain.programs for name in program.names.split())


def _is_told_of_target(made: Write) -> bool:
    return made.path is not None and made.kind in (Kind.TARGET, Kind.CROSS) and not made.is_package


def _may_bring_links(made: Write) -> bool:
    """Whether a command filled a folder with what has no writes of its own."""
    is_told = made.is_file or made.is_empty or made.is_change or made.is_listed or made.is_package
    return not is_told and made.link is None and made.path is not None


_IN_HEREDOC = expression(r"\$\{?([#!]?)(\w+|[?@*#!$-])")


_MADE_FOR_TARGET = "made for the target"
_FOREIGN: Mapping[Kind, tuple[str, str]] = {
    Kind.FIXED: (
        "fetched for one machine alone, and another may build",
        "fetch it by $BUILDARCH, or get the tool from an image or a stage of its own",
    ),
    Kind.CROSS: (_MADE_FOR_TARGET, "run it in a later stage, or leave the check to a test outside the build"),
    Kind.TARGET: (
        _MADE_FOR_TARGET,
        "take the one for $BUILDARCH, or get the tool from an image or a stage of its own",
    ),
}


def _start(command: Command) -> int:
    return command.span.start


# os-release(5)
_RELEASE_NAMES = frozenset(
    words(
        "NAME VERSION ID ID_LIKE VERSION_ID VERSION_CODENAME PRETTY_NAME LOGO VARIANT VARIANT_ID BUILD_ID "
        "IMAGE_ID IMAGE_VERSION RELEASE_TYPE CPE_NAME ANSI_COLOR HOME_URL DOCUMENTATION_URL SUPPORT_URL "
        "BUG_REPORT_URL PRIVACY_POLICY_URL SUPPORT_END PLATFORM_ID UBUNTU_CODENAME DEBIAN_CODENAME "
        "DEBIAN_VERSION_FULL"
    )
)
_BUILTINS: Mapping[Builtin, Callable[[_Walker, Call, Effect], None]] = {
    Builtin.DIRECTORY: _Walker.changes_directory,
    Builtin.SOURCE: _Walker.sources,
    Builtin.UNSET: _Walker.unsets,
    Builtin.ASSIGN_NAMED: _Walker.reads_into,
    Builtin.PRINTF: _Walker.prints_into,
    Builtin.EXPORT: _Walker.exports,
    Builtin.DECLARE: _Walker.declares,
}


def _from_environment(scope: Scope, *, is_for_builder: bool = False) -> dict[str, Variable]:
    """The variables of the Dockerfile; with `is_for_builder` the target's names are about to be replaced."""
    found: dict[str, Variable] = {}
    for name, value in scope.environment().items():
        depends = value.depends_on | ({name} if value.kind == "platform" else frozenset())
        kind = Kind.TARGET if any(d.startswith("TARGET") for d in depends) else Kind.PORTABLE
        kind = Kind.BUILD if is_for_builder and name in PLATFORM_ARGS and kind is Kind.TARGET else kind
        found[name] = Variable(value.text, kind, value.kind, frozenset(depends), value.instruction)
    return found


def _platform_names(word: Word, variables: Mapping[str, Variable]) -> frozenset[str]:
    names: set[str] = set()
    for expansion in word.expansions:
        variable = variables.get(expansion.name) if expansion.kind == "variable" else None
        if variable is not None:
            names |= variable.depends_on
    return frozenset(names)


def _set(before: Variable | None, kind: Kind) -> Variable:
    """A variable that now holds something else, which the text does not tell."""
    if before is None:
        return Variable(None, kind, "shell")
    return Variable(None, join((before.kind, kind)), "shell" if before.origin == "shell" else "export")


def _env_argument(word: Word) -> tuple[str, Word]:
    """`NAME=value` given to `env`, as name and a word for the value with its own span."""
    name, _, raw = word.raw.partition("=")
    start = word.span.start + len(name) + 1
    value = word.value.partition("=")[2] if word.value is not None else None
    return name, Word(Span(start, word.span.end), raw, value, word.expansions, word.is_glob)


def _render(
    word: Word,
    variables: Mapping[str, Variable],
    unknown: str | None = None,
    told: Mapping[Span, str] = MappingProxyType({}),
) -> str | None:
    """Quote removal and expansion of plain variables, and of what is `told`; what is not known becomes
    `unknown`, or all of it None.
    """
    expansions = _outermost(word.expansions)
    pieces: list[str] = []
    at, quoted = 0, False
    raw, base = word.raw, word.span.start
    while at < len(raw):
        expansion = expansions.get(at + base)
        if expansion is not None:
            variable = variables.get(expansion.name) if expansion.kind == "variable" else None
            text = told.get(expansion.span, variable.text if variable is not None else None)
            if text is None or (not text and expansion.operator) or expansion.operator[:2] not in ("", ":-"):
                text = unknown
            if text is None:
                return None
            pieces.append(text)
            at = expansion.span.end - base
        elif not quoted and raw[at : at + 2] in ("$'", '$"'):  # with escapes, or for another language
            if unknown is None:
                return None
            pieces.append(unknown)
            break
        elif raw[at] == '"':
            quoted = not quoted
            at += 1
        elif raw[at] == "'" and not quoted:
            end = raw.find("'", at + 1)
            pieces.append(raw[at + 1 : end])
            at = end + 1
        elif raw[at] == "\\" and at + 1 < len(raw):
            is_kept = quoted and raw[at + 1] not in '$`"\\\n'
            pieces.append(raw[at : at + 2] if is_kept else raw[at + 1].strip("\n"))
            at += 2
        else:
            pieces.append(raw[at])
            at += 1
    return "".join(pieces)


def _patterns_in(text: str) -> Iterator[str]:
    """The patterns in a text that falls apart at its blanks."""
    for part in _BETWEEN.split(text) if _GLOB.search(text) else ():
        braces = _BRACES.search(part)
        pattern = part if braces is None else part[: braces.start()] + "*"
        if _GLOB.search(pattern):
            yield pattern


def _outermost(expansions: Iterable[Expansion]) -> dict[int, Expansion]:
    found: dict[int, Expansion] = {}
    end = -1
    for expansion in sorted(expansions, key=lambda e: (e.span.start, -e.span.end)):
        if expansion.span.start >= end:
            found[expansion.span.start] = expansion
            end = expansion.span.end
    return found
