"""What `make TARGET` would run: a reader for the part of GNU make in which that can be told from the text.

Sources: GNU make manual, sections 4 (rules), 5 (recipes), 6 (variables: `=`, `:=`, `?=`, `+=`; the
environment loses against the file except for `?=`), 8 (functions), 10 (implicit rules). What is not
understood becomes part of a reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field

_ASSIGN = re.compile(
    r"^(?P<export>export\s+)?(?P<name>[\w.-]+)\s*(?P<op>\?=|:::?=|::?=|\+=|!=|=)\s*(?P<value>.*)$"
)
_RULE = re.compile(r"^(?P<targets>[^:=\t#][^:=]*?)\s*(?P<colons>::?)(?!=)\s*(?P<rest>.*)$")
_CONDITION = re.compile(r"^\s*(ifeq|ifneq|ifdef|ifndef)\b")
_FOUND_FILES = re.compile(r"""\$\(find [^()]*-name ["']\*(?P<suffix>\.\w+)["'][^()]*\)""")
_GO_ENV = re.compile(r"\bgo\s+env\s+(\w+)")
UNKNOWN = "xbuild-cannot-tell"
"""The command that stands, in a recipe, for what make would have put there."""
# What make fills in before the shell sees the line: it counts in single quotes too.
_OPEN, _CLOSE = "\x00", "\x01"
_CANNOT_TELL = f"{_OPEN}$({UNKNOWN}){_CLOSE}"


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


@dataclass
class _Rule:
    line: int
    prerequisites: str
    recipe: list[tuple[str, int]] = field(default_factory=list)
    is_conditional: bool = False


@dataclass(frozen=True, slots=True)
class _Assignment:
    value: str
    line: int
    operator: str
    is_conditional: bool
    is_exported: bool


@dataclass
class Makefile:
    """A parsed Makefile: rules by target, assignments by name in order, and lines that could not be
    understood.
    """

    rules: dict[str, _Rule] = field(default_factory=dict)
    assignments: dict[str, list[_Assignment]] = field(default_factory=dict)
    default: str | None = None
    odd: list[tuple[str, int]] = field(default_factory=list)
    exports: set[str] = field(default_factory=set)
    exports_all: bool = False


def parse_makefile(text: str) -> Makefile:
    """Read a Makefile; never raises."""
    made = Makefile()
    current: list[_Rule] = []
    depth = 0
    for line, number in _logical_lines(text):
        if line.startswith("\t"):
            for rule in current:
                rule.recipe.append((line[1:], number))
            continue
        bare = line.split("#", 1)[0].rstrip() if "#" in line and "\\#" not in line else line.rstrip()
        word = bare.strip().split(None, 1)[0] if bare.strip() else ""
        if not word:
            continue
        if _CONDITION.match(bare):
            depth += 1
        elif word == "endif":
            depth = max(depth - 1, 0)
        elif word in ("else", "unexport", "vpath", "undefine", "override"):
            if word in ("override", "undefine"):
                made.odd.append((bare, number))
        else:
            current = _read_line(made, bare, number, depth > 0, current)
    return made


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


def _read_line(
    made: Makefile, line: str, number: int, conditional: bool, current: list[_Rule]
) -> list[_Rule]:
    assignment = _ASSIGN.match(line.strip())
    if assignment is not None:
        entry = _Assignment(
            assignment["value"].strip(), number, assignment["op"], conditional, bool(assignment["export"])
        )
        made.assignments.setdefault(assignment["name"], []).append(entry)
        return current
    words = line.split()
    if words[0] in ("include", "-include", "sinclude", "define"):
        made.odd.append((line, number))
        return []
    if words[0] == "export":
        made.exports.update(words[1:])
        made.exports_all = made.exports_all or len(words) == 1
        return current
    rule = _RULE.match(line)
    if rule is None:
        if not line.startswith("$("):
            return current
        made.odd.append((line, number))
        return current
    return _read_rule(made, rule, number, conditional)


def _read_rule(made: Makefile, match: re.Match[str], number: int, conditional: bool) -> list[_Rule]:
    rest = match["rest"].split("##", 1)[0]
    targets = match["targets"].split()
    prerequisites, _, inline = rest.partition(";")
    if _ASSIGN.match(rest.strip()) or re.match(r"^\s*export\s", rest):
        made.odd.append((match[0], number))
        for target in targets:
            made.odd.append((f"{target}:", number))
        return []
    made.exports_all = made.exports_all or ".EXPORT_ALL_VARIABLES" in targets
    rules: list[_Rule] = []
    for target in targets:
        before = made.rules.get(target)
        if before is None or target.startswith("."):
            before = made.rules[target] = _Rule(number, "", is_conditional=conditional)
        before.prerequisites += " " + prerequisites
        before.is_conditional = before.is_conditional or conditional
        if inline.strip():
            before.recipe.append((inline.strip(), number))
        rules.append(before)
        if made.default is None and not target.startswith(".") and "%" not in target:
            made.default = target
    return rules


@dataclass
class _Reader:
    """Expansion under given command-line variables and environment."""

    makefile: Makefile
    overrides: Mapping[str, str | None]
    environment: Set[str]
    lines: list[Line] = field(default_factory=list)
    done: set[str] = field(default_factory=set)

    def target(self, name: str, at: int, files: frozenset[str]) -> None:
        if name in self.done:
            return
        self.done.add(name)
        rule = self.makefile.rules.get(name)
        if rule is None:
            if name in files:
                return
            raise NotToldError(f"no rule for `{name}` could be read", at)
        if rule.is_conditional:
            raise NotToldError(f"the rule for `{name}` depends on a condition", rule.line)
        prerequisites = _filled_in(self.expand(rule.prerequisites.replace("|", " "), rule.line), rule.line)
        prerequisites = _FOUND_FILES.sub(
            lambda m: " " if self.has_no_rule_for(m["suffix"]) else m[0], prerequisites
        )
        if UNKNOWN in prerequisites or "$" in prerequisites:
            raise NotToldError(f"what `{name}` needs cannot be told", rule.line)
        words = prerequisites.split()
        for word in words:
            self.target(word, rule.line, files)
        automatic = {"@": name, "<": words[0] if words else "", "^": " ".join(words), "+": " ".join(words)}
        for text, line in rule.recipe:
            self.recipe(text, line, automatic)

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
        if name == "CURDIR":
            return "$PWD"
        assignments = self.makefile.assignments.get(name, [])
        value: str | None = reference if name in self.environment else ""
        from_file = False
        for entry in assignments:
            if entry.is_conditional or entry.operator == "!=":
                return _CANNOT_TELL
            if entry.operator == "?=":
                if name in self.environment or from_file:
                    continue
                value, from_file = self.expand(entry.value, entry.line, None, depth + 1), True
            elif entry.operator == "+=":
                value = f"{value} {self.expand(entry.value, entry.line, None, depth + 1)}".strip()
            else:
                value, from_file = self.expand(entry.value, entry.line, None, depth + 1), True
        return value or ""


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
    environment among the names that were asked about.
    """

    lines: tuple[Line, ...]
    exported: Mapping[str, str]


def recipe_of(
    makefile: Makefile,
    targets: tuple[str, ...],
    overrides: Mapping[str, str | None],
    environment: Set[str],
    files: frozenset[str],
    guarded: frozenset[str],
) -> Commands:
    """What make would run. `overrides` are variables of the command line, None where the value is that of
    the environment variable of this name, `environment` the names that
    make finds in its environment, `guarded` those whose value the caller must know.

    Raises NotToldError with the line in the Makefile where something cannot be told.
    """
    for text, line in makefile.odd:
        if not text.endswith(":") or text[:-1] in targets:
            raise NotToldError(f"`{text}` is not followed", line)
    reader = _Reader(makefile, overrides, environment)
    exported = {name: value for name in sorted(guarded) if (value := _exported(reader, name)) is not None}
    for target in targets or ((makefile.default,) if makefile.default else ()):
        reader.target(target, 1, files)
    if not targets and makefile.default is None:
        raise NotToldError("it has no target", 1)
    return Commands(tuple(reader.lines), exported)


def _exported(reader: _Reader, name: str) -> str | None:
    """The value that the Makefile gives an environment variable of its recipes; None when it does not.

    Exported are variables that it says to export, and those that came from the environment (GNU make
    manual, section 5.7.2).
    """
    makefile, is_given = reader.makefile, name in reader.environment
    entries = makefile.assignments.get(name, [])
    if is_given:
        entries = [entry for entry in entries if entry.operator != "?="]
    entries = [entry for entry in entries if entry.value != f"$(shell go env {name})"]
    is_exported = is_given or makefile.exports_all or any(entry.is_exported for entry in entries)
    if name in reader.overrides or not entries or not (is_exported or name in makefile.exports):
        return None
    value = reader.variable(name, 0)
    if "$" in value or _OPEN in value:
        raise NotToldError(f"it sets {name} itself, whatever the environment says", entries[-1].line)
    return value
