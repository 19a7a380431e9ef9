"""What `make TARGET` would run: a reader for the part of GNU make in which that can be told from the text.

Sources: GNU make manual, sections 4 (rules), 5 (recipes), 6 (variables: `=`, `:=`, `?=`, `+=`; the
environment loses against the file except for `?=`), 8 (functions), 10 (implicit rules). What is not
understood becomes part of a reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_ASSIGN = re.compile(
    r"^(?P<export>export\s+)?(?P<name>[\w.-]+)\s*(?P<op>\?=|:::?=|::?=|\+=|!=|=)\s*(?P<value>.*)$"
)
_RULE = re.compile(r"^(?P<targets>[^:=\t#][^:=]*?)\s*(?P<colons>::?)(?!=)\s*(?P<rest>.*)$")
# Functions on a line of their own: they print or stop, or may define anything.
_SAYS = re.compile(r"\s*\$[({](info|warning|error)\b(?!.*\bshell\b)")
_DOES = re.compile(r"\s*\$[({](eval|call|foreach|if|or|and|shell|file|guile|let)\b")
_CONDITION = re.compile(r"^\s*(ifeq|ifneq|ifdef|ifndef)\b")
_FOUND_FILES = re.compile(r"""\$\(find [^()]*-name ["']\*(?P<suffix>\.\w+)["'][^()]*\)""")
_GO_ENV = re.compile(r"\bgo\s+env\s+(\w+)")
UNKNOWN = "xbuild-cannot-tell"
"""The command that stands, in a recipe, for what make would have put there."""
# What make fills in before the shell sees the line: it counts in single quotes too.
_OPEN, _CLOSE = "\x00", "\x01"
_CANNOT_TELL = f"{_OPEN}$({UNKNOWN}){_CLOSE}"
_DIRECTIVES = frozenset(
    ("include", "-include", "sinclude", "unexport", "undefine", "override", "private", "load", "-load")
)
# The values that make gives by itself (GNU make manual, sections 10.3 and "Other Special Variables").
_BUILT_IN = {
    **dict.fromkeys(
        (
            "MAKE_HOST",
            "MAKE_VERSION",
            "MAKECMDGOALS",
            "MAKEFLAGS",
            "MFLAGS",
            "MAKEFILES",
            "MAKEFILE_LIST",
            "MAKELEVEL",
            "MAKEOVERRIDES",
            "MAKE_COMMAND",
            "MAKE_TERMOUT",
            "MAKE_TERMERR",
            ".DEFAULT_GOAL",
            ".FEATURES",
            ".INCLUDE_DIRS",
            ".VARIABLES",
        ),
        _CANNOT_TELL,
    ),
    "SHELL": "/bin/sh",
    "RM": "rm -f",
    "CC": "cc",
    "CXX": "g++",
    "AR": "ar",
    "LD": "ld",
}
_SHELL = re.compile(
    r"(/usr/bin/env +(-S +)?)?(/usr)?(/local)?(/bin/)?(ba|da|a)?sh( +-[euxo]+( +pipefail)?)*"
    r"|\$\(shell +(which|command -v) +(ba|da|a)?sh\)"
)
_SHELL_FLAGS = re.compile(r"(-[euxcoO]+( +(pipefail|errexit|nounset|inherit_errexit))? *)+")
_NOTHING = re.compile("")
_END = 1 << 30


class NotToldError(Exception):
    """What make would do cannot be told; `line` is where in the Makefile."""

    def __init__(self, text: str, line: int) -> None:
        super().__init__(text)
        self.text, self.line = text, line


@dataclass(frozen=True, slots=True)
class Line:
    """One recipe line as the shell gets it, with make's variables filled in; `line` is its number in the
    file.
    """

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class _Clause:
    """What a line stands under: the text of an `ifeq` (or its kin), and whether it has to hold."""

    text: str
    line: int
    holds: bool


_Clauses = tuple[_Clause, ...]
_Content = TypeVar("_Content")


@dataclass(frozen=True, slots=True)
class _Conditional(Generic[_Content]):
    """A line, and all conditions that it stands under."""

    content: _Content
    line: int
    clauses: _Clauses


@dataclass
class _Rule:
    """One `target: prerequisites` and the recipe lines below it."""

    line: int
    prerequisites: str
    clauses: _Clauses
    is_double: bool = False
    recipe: list[_Conditional[str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Assignment:
    value: str
    line: int
    operator: str
    clauses: _Clauses
    is_exported: bool

    @property
    def is_immediate(self) -> bool:
        return self.operator in (":=", "::=", ":::=")


@dataclass
class Makefile:
    """A parsed Makefile: rules by target, assignments by name in order, and lines that could not be
    understood. `exports` holds the names of an `export`, none for all; `own_variables` targets for which
    a variable is set.
    """

    rules: dict[str, list[_Rule]] = field(default_factory=dict)
    assignments: dict[str, list[_Assignment]] = field(default_factory=dict)
    targets: list[_Conditional[str]] = field(default_factory=list)
    odd: list[_Conditional[str]] = field(default_factory=list)
    exports: list[_Conditional[tuple[str, ...]]] = field(default_factory=list)
    own_variables: list[_Conditional[str]] = field(default_factory=list)


def parse_makefile(text: str) -> Makefile:
    """Read a Makefile; never raises."""
    return _Parser().parse(text)


class _Parser:
    """`current` are the rules that a recipe line belongs to, `stack` the conditions in force; `has_doubt`
    tells that a line under a condition may have ended the rule (GNU make `src/read.c`, `eval`).
    """

    def __init__(self) -> None:
        self.made = Makefile()
        self.current: list[_Rule] = []
        self.stack: list[_Clauses] = []
        self.has_doubt = False

    @property
    def clauses(self) -> _Clauses:
        return tuple(clause for clauses in self.stack for clause in clauses)

    def parse(self, text: str) -> Makefile:
        for line, number in _logical_lines(text):
            if line.startswith("\t") and self.current:
                self.recipe(line[1:], number)
                continue
            bare = line.split("#", 1)[0] if "#" in line and "\\#" not in line else line
            bare = bare.lstrip() if line.startswith("\t") else bare
            if bare.strip() and not self.condition(bare.strip(), number):
                self.plain(bare, number)
        if self.stack:
            self.odd("a condition without endif", self.stack[-1][-1].line)
        return self.made

    def odd(self, text: str, number: int) -> None:
        self.made.odd.append(_Conditional(text, number, self.clauses))

    def recipe(self, text: str, number: int) -> None:
        if self.has_doubt:
            self.odd(text.strip(), number)
        for rule in self.current:
            rule.recipe.append(_Conditional(text, number, self.clauses))

    def condition(self, line: str, number: int) -> bool:
        """Whether the line is a directive of a conditional, which is noted."""
        word, _, rest = " ".join(line.split()).partition(" ")
        if _CONDITION.match(line):
            self.stack.append((_Clause(line, number, holds=True),))
        elif word == "endif":
            if self.stack:
                self.stack.pop()
        elif word == "else" and self.stack:
            *before, last = self.stack[-1]
            passed = (*before, _Clause(last.text, last.line, holds=False))
            is_more = _CONDITION.match(rest.strip()) is not None
            more = (_Clause(rest.strip(), number, holds=True),) if is_more else ()
            self.stack[-1] = (*passed, *more)
        else:
            return False
        return True

    def end_rule(self) -> None:
        self.has_doubt = bool(self.current) and bool(self.stack)
        if not self.stack:
            self.current = []

    def plain(self, line: str, number: int) -> None:
        words = line.split()
        assignment = _ASSIGN.match(line.lstrip())
        line = line.rstrip()
        if words[0] == "define" and len(words) > 1:
            self.end_rule()
            unknown = _Assignment("", number, "!=", self.clauses, is_exported=False)
            self.made.assignments.setdefault(words[1], []).append(unknown)
        elif "define" in words[:3]:
            self.end_rule()
            self.odd(line, number)
        elif assignment is not None:
            self.end_rule()
            is_exported = bool(assignment["export"])
            value, operator = assignment["value"], assignment["op"]
            entry = _Assignment(value, number, operator, self.clauses, is_exported)
            self.made.assignments.setdefault(assignment["name"], []).append(entry)
        elif words[0] == "export":
            self.end_rule()
            self.made.exports.append(_Conditional(tuple(words[1:]), number, self.clauses))
        elif words[0] == "vpath" or _SAYS.match(line):
            self.end_rule()
        elif _DOES.match(line):
            self.end_rule()
            self.odd(line, number)
        elif (rule := _RULE.match(line)) is not None and words[0] not in _DIRECTIVES:
            self.rule(rule, number)
        else:
            self.end_rule()
            self.odd(line, number)

    def rule(self, match: re.Match[str], number: int) -> None:
        rest = match["rest"].split("##", 1)[0]
        targets = match["targets"].split()
        prerequisites, _, inline = rest.partition(";")
        self.current, self.has_doubt = [], False
        if _ASSIGN.match(rest.strip()) or re.match(r"^\s*(export|private|override)\s", rest):
            self.made.own_variables += [_Conditional(t, number, self.clauses) for t in targets]
            return
        if ".EXPORT_ALL_VARIABLES" in targets:
            self.made.exports.append(_Conditional((), number, self.clauses))
        for target in targets:
            rule = _Rule(number, prerequisites, self.clauses, match["colons"] == "::")
            if inline.strip():
                rule.recipe.append(_Conditional(inline.strip(), number, self.clauses))
            self.made.rules.setdefault(target, []).append(rule)
            self.made.targets.append(_Conditional(target, number, self.clauses))
            self.current.append(rule)


def _logical_lines(text: str) -> list[tuple[str, int]]:
    """Lines with continuations joined; inside a recipe the backslash stays for the shell."""
    found: list[tuple[str, int]] = []
    pending, start = "", 0
    inside_define = False
    for number, raw in enumerate(text.splitlines(), 1):
        if raw.startswith("define ") or inside_define:
            inside_define = not raw.startswith("endef")
            if not inside_define:
                continue
            found.append(("define " + raw.split()[1] if raw.startswith("define ") else "", number))
            continue
        start = start or number
        piece = (
            raw
            if not pending
            else (pending + raw.removeprefix("\t") if pending.startswith("\t") else pending + raw.lstrip())
        )
        if raw.endswith("\\") and not raw.endswith("\\\\"):
            pending = piece + "\n" if piece.startswith("\t") else piece[:-1].rstrip() + " "
            continue
        found.append((piece, start))
        pending, start = "", 0
    if pending:
        found.append((pending, start))
    return found


@dataclass
class _Reader:
    """Expansion under given command-line variables and environment. `before` is the line at which make
    stands while it reads the file: assignments below it are not known there yet.
    """

    makefile: Makefile
    overrides: Mapping[str, str | None]
    environment: Set[str]
    directory: str | None
    started_in: str | None
    lines: list[Line] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    before: int = _END

    def holds(self, clauses: _Clauses) -> bool | None:
        """Whether what stands under these conditions is read by make; None when it cannot be told."""
        decided = [self.decide(clause) for clause in clauses]
        return False if False in decided else None if None in decided else True

    def decide(self, clause: _Clause) -> bool | None:
        directive, _, rest = clause.text.partition(" ")
        with_not = directive in ("ifneq", "ifndef")
        is_met = self.is_defined(rest.strip(), clause.line) if directive in ("ifdef", "ifndef") else None
        sides = _sides(rest.strip())
        if directive in ("ifeq", "ifneq") and sides is not None:
            one, other = (self.at(clause.line, side) for side in sides)
            is_met = None if one is None or other is None else one == other
        return None if is_met is None else (is_met != with_not) == clause.holds

    def at(self, line: int, text: str) -> str | None:
        """The literal text that make reads at a line; None when it depends on anything else."""
        kept, self.before = self.before, min(self.before, line)
        try:
            expanded = self.expand(text, line)
        except NotToldError:
            return None
        finally:
            self.before = kept
        return None if _OPEN in expanded or "$" in expanded else expanded

    def is_defined(self, name: str, line: int) -> bool | None:
        """`ifdef`: whether the variable has a value, however empty that turns out."""
        text = self.at(line, f"$({name})") if re.fullmatch(r"[\w.-]+", name) else None
        assigned = any(entry.line < line for entry in self.makefile.assignments.get(name, []))
        if text is None or (not text and assigned):
            return None
        return bool(text)

    def only_read(self, entries: list[_Assignment]) -> list[_Assignment] | None:
        """The assignments that make has read so far; None when that cannot be told."""
        found = [(self.holds(entry.clauses), entry) for entry in entries if entry.line < self.before]
        return (
            None if any(is_read is None for is_read, _ in found) else [e for is_read, e in found if is_read]
        )

    def target(self, name: str, at: int, files: frozenset[str]) -> None:
        if name in self.done:
            return
        self.done.add(name)
        rules = self.rules_of(name)
        if not rules:
            if name in files and not self.may_have_rule(name):
                return
            raise NotToldError(f"no rule for `{name}` could be read", at)
        at = rules[0].line
        needed = " ".join(rule.prerequisites for rule in rules).replace("|", " ")
        prerequisites = _filled_in(self.expand(needed, at), at)
        prerequisites = _FOUND_FILES.sub(
            lambda m: " " if self.has_no_rule_for(m["suffix"]) else m[0], prerequisites
        )
        if UNKNOWN in prerequisites or "$" in prerequisites:
            raise NotToldError(f"what `{name}` needs cannot be told", at)
        words = prerequisites.split()
        for word in words:
            self.target(word, at, files)
        automatic = {"@": name, "<": words[0] if words else "", "^": " ".join(words), "+": " ".join(words)}
        for rule in rules:
            self.recipe_of(rule, automatic)

    def read_for(self, name: str) -> Iterator[_Rule]:
        for target, rules in self.makefile.rules.items():
            if target == name or ("$" in target and name in (self.names(target) or ())):
                yield from rules

    def rules_of(self, name: str) -> list[_Rule]:
        found: list[_Rule] = []
        for rule in self.read_for(name):
            is_read = self.holds(rule.clauses)
            if is_read is None:
                condition = rule.clauses[-1]
                text = f"the rule for `{name}` depends on `{condition.text}` of line {condition.line}"
                raise NotToldError(text, rule.line)
            if is_read:
                found.append(rule)
        if sum(bool(rule.recipe) for rule in found) > 1 and not all(rule.is_double for rule in found):
            raise NotToldError(f"there are several recipes for `{name}`", found[-1].line)
        return found

    def recipe_of(self, rule: _Rule, automatic: Mapping[str, str]) -> None:
        before = len(self.lines)
        for line in rule.recipe:
            is_read = self.holds(line.clauses)
            if is_read is None:
                condition = line.clauses[-1]
                text = f"a line of its recipe depends on `{condition.text}` of line {condition.line}"
                raise NotToldError(text, line.line)
            if is_read:
                self.recipe(line.content, line.line, automatic)
        if ".ONESHELL" in self.makefile.rules and len(self.lines) > before + 1:
            raise NotToldError("its lines run in one shell (.ONESHELL)", rule.line)

    def may_have_rule(self, name: str) -> bool:
        """Whether a rule whose target is a pattern or cannot be told may be for this file."""
        return any(
            ("$" in target and self.names(target) is None)
            or ("%" in target and name.endswith(target.rpartition("%")[2]))
            for target in self.makefile.rules
        )

    def names(self, target: str) -> list[str] | None:
        """The targets that the left side of a rule names; None when they cannot be told."""
        is_whole = all(target.count(one) == target.count(other) for one, other in ("()", "{}"))
        text = self.at(_END, target) if is_whole else None
        return text.split() if text is not None else None

    def default(self) -> str:
        """The first target, or what .DEFAULT_GOAL says."""
        entries = self.makefile.assignments.get(".DEFAULT_GOAL", [])
        if entries:
            goal = self.at(_END, "$(.DEFAULT_GOAL)")
            if goal is None or len(goal.split()) > 1:
                raise NotToldError("its .DEFAULT_GOAL cannot be told", entries[-1].line)
            if goal.strip():
                return goal.strip()
        for target in self.makefile.targets:
            if (target.content.startswith(".") and "/" not in target.content) or "%" in target.content:
                continue
            is_read = self.holds(target.clauses)
            if is_read is None:
                raise NotToldError("its first target depends on a condition", target.line)
            names = self.names(target.content) if is_read else []
            if names is None:
                raise NotToldError("its first target cannot be told", target.line)
            if names:
                return names[0]
        raise NotToldError("it has no target", 1)

    def has_no_rule_for(self, suffix: str) -> bool:
        """Whether no rule makes files with this suffix, so that found ones are sources."""
        return not any(target.endswith(suffix) or "%" in target for target in self.makefile.rules)

    def recipe(self, text: str, line: int, automatic: Mapping[str, str]) -> None:
        plain = text.lstrip("@-+ \t")
        expanded = _filled_in(self.expand(plain, line, automatic), line)
        if expanded.strip() and not expanded.lstrip().startswith("#"):
            self.lines.append(Line(expanded, line))

    def expand(self, text: str, line: int, automatic: Mapping[str, str] | None = None, depth: int = 0) -> str:
        if depth > 20:
            raise NotToldError("a variable refers to itself", line)
        pieces: list[str] = []
        at = 0
        while at < len(text):
            if text[at] != "$" or at + 1 == len(text):
                pieces.append(text[at])
                at += 1
                continue
            follows = text[at + 1]
            if follows == "$":
                pieces.append("$")
                at += 2
            elif follows in "({":
                end = _closing(text, at + 1)
                pieces.append(self.reference(text[at + 2 : end], line, automatic or {}, depth))
                at = end + 1
            else:
                known = automatic or {}
                pieces.append(known[follows] if follows in known else self.variable(follows, depth))
                at += 2
        return "".join(pieces)

    def reference(self, inner: str, line: int, automatic: Mapping[str, str], depth: int) -> str:
        name, _, rest = inner.partition(" ")
        if rest and name == "shell":
            asked = _GO_ENV.search(rest)
            if asked is not None and asked[1] in self.overrides:
                return _CANNOT_TELL  # Before GNU make 4.4 the command line's variables do not reach $(shell).
            return f"{_OPEN}$({self.expand(rest, line, automatic, depth + 1)}){_CLOSE}"
        if rest and name in ("strip", "info"):
            return " ".join(self.expand(rest, line, automatic, depth + 1).split()) if name == "strip" else ""
        if inner in ("@D", "@F") or rest or ":" in inner or "$" in inner:
            return automatic.get(inner, _CANNOT_TELL)
        if inner in automatic:
            return automatic[inner]
        return self.variable(inner, depth)

    def variable(self, name: str, depth: int) -> str:
        reference = f"{_OPEN}${{{name}}}{_CLOSE}"
        if name in self.overrides:
            given = self.overrides[name]
            return reference if given is None else given
        if name == "MAKE":
            return "make"
        if name in ("CURDIR", "PWD") and name not in self.makefile.assignments:
            return (self.directory if name == "CURDIR" else self.started_in) or _CANNOT_TELL
        entries = self.makefile.assignments.get(name, [])
        if not entries and name not in self.environment and name in _BUILT_IN:
            return _BUILT_IN[name]
        read = self.only_read(entries)
        if read is None or any(entry.operator == "!=" for entry in read):
            return _CANNOT_TELL
        value: str = reference if name in self.environment else ""
        from_file = is_immediate = False
        for entry in read:
            if entry.operator == "?=" and (name in self.environment or from_file):
                continue
            if entry.operator != "+=":
                is_immediate = entry.is_immediate
            expanded = self.value(entry, is_immediate=is_immediate, depth=depth)
            value = f"{value} {expanded}" if entry.operator == "+=" and value else expanded
            from_file = True
        return value

    def value(self, entry: _Assignment, *, is_immediate: bool, depth: int) -> str:
        """What an assignment assigns; with `:=` from what is known at its line."""
        kept = self.before
        if is_immediate:
            self.before = min(kept, entry.line)
        try:
            return self.expand(entry.value, entry.line, None, depth + 1)
        finally:
            self.before = kept


def _sides(text: str) -> tuple[str, str] | None:
    """The two arguments of `ifeq`: `(a,b)`, `"a" "b"` or `'a' 'b'`."""
    if text.startswith("(") and text.endswith(")"):
        depth = 0
        for at, step in enumerate(text[:-1]):
            depth += (step in "({") - (step in ")}")
            if step == "," and depth == 1:
                return text[1:at].rstrip(), text[at + 1 : -1].lstrip()
        return None
    quoted = re.fullmatch(r"""(["'])(.*?)\1\s*(["'])(.*?)\3""", text)
    return (quoted[2], quoted[4]) if quoted is not None else None


def _filled_in(text: str, line: int) -> str:
    """The recipe line with what make fills in written so that the shell's reading of the line shows it:
    where that stands in single quotes, these are closed around it.
    """
    if _OPEN not in text:
        return text
    if "`" in text:
        raise NotToldError("a line has backticks, and values that make fills in", line)
    pieces: list[str] = []
    quotes, depths = [""], [0]
    at = inside = 0
    while at < len(text):
        step, quote = text[at], quotes[-1]
        if step == "\\" and quote != "'":
            step = text[at : at + 2]
        elif step == _OPEN:
            step, inside = ("'\"" if quote == "'" and not inside else ""), inside + 1
        elif step == _CLOSE:
            inside -= 1
            step = "\"'" if quote == "'" and not inside else ""
        elif not inside:
            _follow(text, at, quotes, depths)
        pieces.append(step)
        at += len(step) if len(step) == 2 and step[0] == "\\" else 1
    return "".join(pieces)


def _follow(text: str, at: int, quotes: list[str], depths: list[int]) -> None:
    """Keep track of quotes, also of those inside `$(…)`, where they start anew."""
    step, quote = text[at], quotes[-1]
    if quote == "'":
        quotes[-1] = "" if step == "'" else quote
    elif step == "(" and text[at - 1 : at] == "$":
        quotes.append("")
        depths.append(0)
    elif step == '"':
        quotes[-1] = "" if quote else step
    elif quote:
        return
    elif step == "'":
        quotes[-1] = step
    elif step == "(":
        depths[-1] += 1
    elif step == ")" and depths[-1]:
        depths[-1] -= 1
    elif step == ")" and len(quotes) > 1:
        quotes.pop()
        depths.pop()


def _closing(text: str, at: int) -> int:
    """Index of the bracket that closes the one at `at`."""
    pairs = {"(": ")", "{": "}"}
    opening, closing = text[at], pairs[text[at]]
    depth = 0
    for index in range(at, len(text)):
        if text[index] == opening:
            depth += 1
        elif text[index] == closing:
            depth -= 1
            if depth == 0:
                return index
    return len(text)


@dataclass(frozen=True, slots=True)
class Commands:
    """The shell lines that make would run, in order, and what the Makefile itself puts into their
    environment: the text, in which shell expansions may stand.
    """

    lines: tuple[Line, ...]
    exported: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What make is started with. `overrides` are variables of the command line, None where the value is
    that of the environment variable of this name; `environment` the names that make finds in its
    environment; `files` those that exist; `directory` is where it works, `started_in` where the shell stood.
    """

    overrides: Mapping[str, str | None]
    environment: Set[str]
    files: frozenset[str]
    directory: str | None
    started_in: str | None


def recipe_of(
    makefile: Makefile, targets: tuple[str, ...], around: Surroundings, is_guarded: Callable[[str], bool]
) -> Commands:
    """What make would run; the values of exported variables that are guarded must be known.

    Raises NotToldError with the line in the Makefile where something cannot be told.
    """
    reader = _Reader(makefile, around.overrides, around.environment, around.directory, around.started_in)
    for line in makefile.odd:
        if reader.holds(line.clauses) is not False:
            raise NotToldError(f"`{line.content}` is not followed", line.line)
    _check_shell(reader)
    for target in targets or (reader.default(),):
        reader.target(target, 1, around.files)
    for own in makefile.own_variables:
        named = reader.names(own.content) if "%" not in own.content else None
        if reader.holds(own.clauses) is not False and (named is None or reader.done & set(named)):
            raise NotToldError(f"`{own.content}` has variables of its own", own.line)
    names = sorted(makefile.assignments)
    exported = {n: v for n in names if (v := _exported(reader, n, is_guarded(n))) is not None}
    return Commands(tuple(reader.lines), exported)


def _check_shell(reader: _Reader) -> None:
    """Recipes are read as those of a POSIX shell."""
    for name, plain in (("SHELL", _SHELL), (".SHELLFLAGS", _SHELL_FLAGS), (".RECIPEPREFIX", _NOTHING)):
        for entry in reader.makefile.assignments.get(name, []):
            if not plain.fullmatch(entry.value.strip()) and reader.holds(entry.clauses) is not False:
                raise NotToldError(f"`{name}` is `{entry.value}`", entry.line)


def _exported(reader: _Reader, name: str, is_guarded: bool) -> str | None:
    """The value that the Makefile gives an environment variable of its recipes; None when it does not.

    Exported are variables that it says to export, and those that came from the environment (GNU make
    manual, section 5.7.2).
    """
    makefile, is_given = reader.makefile, name in reader.environment
    entries = [e for e in makefile.assignments[name] if reader.holds(e.clauses) is not False]
    if is_given:
        entries = [entry for entry in entries if entry.operator != "?="]
    entries = [entry for entry in entries if entry.value.strip() != f"$(shell go env {name})"]
    if name in (*reader.overrides, "SHELL", "MAKEFLAGS") or not entries or not name.isidentifier():
        return None
    asked = [reader.holds(e.clauses) for e in makefile.exports if name in e.content or not e.content]
    asked += [reader.holds(e.clauses) for e in entries if e.is_exported]
    if not is_given and all(is_read is False for is_read in asked):
        return None
    value = reader.variable(name, 0)
    if reader.directory is not None:
        value = value.replace(f"{_OPEN}$(pwd){_CLOSE}", reader.directory)
    if is_guarded and ("$" in value or _OPEN in value or not (is_given or True in asked)):
        raise NotToldError(f"it sets {name} itself, whatever the environment says", entries[-1].line)
    return value.replace(_OPEN, "").replace(_CLOSE, "")
