"""How long what a script's command sets holds: shell variables in subshells, branches and loops.

What is set within a process of its own (subshell, part of a pipeline, background, function body, command
substitution) ends with it. What is set in a branch, a loop or behind a test may or may not hold afterwards:
its text is unknown then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from xbuild.dockerfile.script import Assignment, Command, Construct, Script, Word
from xbuild.graph.model import PLATFORM_ARGS
from xbuild.plan.facts.filesystem import Kind, join
from xbuild.plan.toolchain import Variable
from xbuild.platforms import Platform
from xbuild.text import Span, expression

Variables = dict[str, Variable]

_CLOSED = frozenset(("subshell", "substitution", "pipeline", "function", "background"))
_LOOPS = frozenset(("for", "while", "until"))
_BRANCHES = _LOOPS | {"if", "elif", "else", "case", "item", "or"}
# Only one of these runs.
_ALTERNATIVES = frozenset(("elif", "else", "item"))
_CALCULATED = expression(
    r"([A-Za-z_]\w*)(?:\[[^]]*\])?\s*(?:(?:[-+*/%&|^]|<<|>>)?=(?!=)|\+\+|--)|(?:\+\+|--)\s*([A-Za-z_]\w*)"
)


@dataclass
class _Frame:
    """A construct that the walk is in.

    `start` are the variables at its start, or behind its condition; `ends` those at the ends of the
    alternatives that were left already, `has_else` tells that one of them runs for sure.
    """

    kind: str
    span: Span
    part: Span | None
    start: Variables
    is_condition: bool = False
    ends: list[Variables] = field(default_factory=list)
    has_else: bool = False


class Frames:
    """The constructs around the command that the walk is at."""

    def __init__(self, script: Script) -> None:
        self.text = script.text
        self.frames: list[_Frame] = []

    def enter(
        self, command: Command, variables: Variables, *, may_skip: bool
    ) -> tuple[Variables, tuple[Construct, ...]]:
        """The variables as `command` finds them, after those in force before it, and the loops begun.

        `may_skip` tells that a test stood before, so that the right side of `&&` may not run.
        """
        wanted = tuple(_constructs(command, may_skip=may_skip))
        common = 0
        for frame, (scope, part) in zip(self.frames, wanted, strict=False):
            is_same = (frame.kind, frame.span, frame.part) == (scope.kind, scope.span, part)
            if not is_same and not self.is_continued(frame, scope):
                break
            frame.span = scope.span
            common += 1
        while len(self.frames) > common:
            variables = self.leave(variables)
        for frame, (scope, _) in zip(self.frames, wanted, strict=False):
            if frame.is_condition and not scope.condition:
                frame.start, frame.is_condition = dict(variables), False
        loops: list[Construct] = []
        for scope, part in wanted[common:]:
            if scope.kind in _ALTERNATIVES and self.frames:
                variables = self.alternative(variables)
            self.frames.append(_Frame(scope.kind, scope.span, part, dict(variables), scope.condition))
            if scope.kind in _LOOPS:
                loops.append(scope)
        return dict(variables), tuple(loops)

    def alternative(self, variables: Variables) -> Variables:
        """What the next alternative starts from."""
        around = self.frames[-1]
        if around.kind != "case" and not around.ends:
            around.ends.append(variables)
        # `;&` runs into the next one.
        return _either(around.start, variables) if ";&" in self.text else around.start

    def leave(self, variables: Variables) -> Variables:
        """What holds behind the innermost construct."""
        frame = self.frames.pop()
        if frame.kind in _CLOSED:
            return frame.start
        if frame.kind in _ALTERNATIVES and self.frames:
            around = self.frames[-1]
            around.ends.append(variables)
            if frame.kind != "item":
                around.start = frame.start  # The next alternative stands behind this one's condition.
            around.has_else |= frame.kind == "else"
            return around.start
        if not frame.ends:
            return _either(frame.start, variables)
        result = frame.ends[0] if frame.has_else else frame.start
        for end in frame.ends:
            result = _either(result, end)
        return result

    def is_continued(self, frame: _Frame, scope: Construct) -> bool:
        """Whether `scope` is the next link of the chain `a && b && c` that the walk is in."""
        if frame.kind != "and" or scope.kind != "and":
            return False
        between = re.sub(r"\\\n|#[^\n]*|\s", "", self.text[frame.span.end : scope.span.start])
        return between == "&&"


def processes(command: Command) -> tuple[tuple[Construct, Span | None], ...]:
    """The processes of their own that a command runs in; what it sets there, such as a directory, ends with
    them.
    """
    return tuple(found for found in _constructs(command, may_skip=False) if found[0].kind in _CLOSED)


def _constructs(command: Command, *, may_skip: bool) -> Iterator[tuple[Construct, Span | None]]:
    """The scopes around a command that matter; each part of a pipeline is one of its own."""
    scopes = command.scopes
    for at, scope in enumerate(scopes):
        if scope.kind == "pipeline":
            yield scope, scopes[at + 1].span if at + 1 < len(scopes) else command.span
        elif scope.kind in _CLOSED or scope.kind in _BRANCHES or (scope.kind == "and" and may_skip):
            yield scope, None


def _either(before: Mapping[str, Variable], after: Mapping[str, Variable]) -> Variables:
    """What is known where it is not known which of two holds."""
    found: Variables = {}
    for name in {**before, **after}:
        one, other = before.get(name), after.get(name)
        if one is not None and one == other:
            found[name] = one
            continue
        both = [v for v in (one, other) if v is not None]
        texts = {v.text for v in both}
        text = texts.pop() if len(both) > 1 and len(texts) == 1 else None
        origin = "shell" if all(v.origin == "shell" for v in both) else "export"
        found[name] = Variable(text, join(v.kind for v in both), origin, by_target=_by_target(both))
    return found


def _by_target(either: Sequence[Variable]) -> Mapping[Platform, str]:
    """What holds on each platform, where the name of the target decides which of these it is."""
    names = [platform for variable in either for platform in variable.by_target]
    is_told = all(variable.by_target for variable in either) and len(names) == len({*names})
    return {p: text for v in either for p, text in v.by_target.items()} if is_told else {}


# -- what a script sets


def is_unchanged(assignment: Assignment) -> bool:
    """`NAME=$NAME`, `NAME=${NAME:-default}` for a platform ARG that BuildKit never leaves empty."""
    word, name = assignment.value, assignment.name
    if name not in PLATFORM_ARGS or assignment.append or not word.expansions:
        return False
    first = word.expansions[0]
    is_whole = (
        first.span.start - word.span.start in (0, 1)
        and word.raw.strip('"')
        == word.raw[first.span.start - word.span.start : first.span.end - word.span.start]
    )
    is_plain = first.operator == "" or (first.operator.startswith((":-", "-")) and "VARIANT" not in name)
    return first.kind == "variable" and first.name == name and is_whole and is_plain


def assigned_names(script: Script, may_set: Callable[[str | None], bool]) -> frozenset[str]:
    """The platform ARGs that a script gives another value anywhere in it; `may_set` tells of a command, by
    its name, whether it may set a variable that one of its words names.
    """
    if not any(name in script.text for name in PLATFORM_ARGS):
        return frozenset()
    found = {loop.variable for loop in script.loops}
    for command in script.commands:
        own = command.exports if command.words else command.assignments
        found |= {a.name for a in own if not is_unchanged(a)}
        if command.words and may_set(command.words[0].value):
            found |= set(_set_by_name(command))
        for word in (*command.words, *(a.value for a in command.assignments)):
            for expansion in word.expansions:
                text = script.text[expansion.span.start : expansion.span.end]
                if expansion.kind == "arithmetic":
                    found |= set(calculated_names(text))
                elif expansion.operator.startswith(("=", ":=")) and "VARIANT" in expansion.name:
                    found.add(expansion.name)
        if command.words and command.words[0].value == "((":
            found |= set(calculated_names(script.text[command.span.start : command.span.end]))
    return frozenset(found & set(PLATFORM_ARGS))


def _set_by_name(command: Command) -> Iterator[str]:
    """`read NAME`, `unset NAME`, `printf -v NAME`, …: whole words that are such a name, or end in one."""
    for word in command.words[1:]:
        yield from _NAME_AT_END.findall(word.value or "")


_NAME_AT_END = expression(r"(?:^|\W)([A-Za-z_]\w*)(?:=.*)?$", re.DOTALL)


def calculated_names(text: str) -> tuple[str, ...]:
    """The variables that an arithmetic expression changes."""
    return tuple(one or other for one, other in _CALCULATED.findall(text))


def set_in_loop(script: Script, span: Span, variables: Mapping[str, Variable]) -> Variables:
    """What the second round of a loop finds otherwise than the first: what is set in it behind a use."""
    inside = [c for c in script.commands if c.span in span]
    kinds = _kinds_in_loop(script, span, inside, variables)
    found: Variables = {}
    for at, command in enumerate(inside):
        for assignment in command.exports if command.words else command.assignments:
            name, before = assignment.name, variables.get(assignment.name)
            is_read = at > 0 and (bool(command.words) or (before is not None and before.origin != "shell"))
            text = script.text[span.start : assignment.value.span.end]
            if name not in found and (is_read or re.search(rf"(?<!\w){re.escape(name)}\b(?!=)", text)):
                origin = "export" if command.words and is_read else _origin(before)
                found[name] = Variable(None, kinds[name], origin)
    return found


def _kinds_in_loop(
    script: Script, span: Span, inside: Sequence[Command], variables: Mapping[str, Variable]
) -> dict[str, Kind]:
    """The kinds of what a loop sets, whichever round it is in; what a command prints may be anything."""
    assignments = [a for c in inside for a in (c.exports if c.words else c.assignments)]
    kinds = {name: variable.kind for name, variable in variables.items()}
    for loop in script.loops:
        if loop.span in span:
            kinds[loop.variable] = join(_kind_of_word(script, w, kinds) for w in loop.words or ())
    for _ in range(len(assignments) + 1):
        before = dict(kinds)
        for assignment in assignments:
            value = _kind_of_word(script, assignment.value, kinds)
            kinds[assignment.name] = join((kinds.get(assignment.name, Kind.PORTABLE), value))
        if kinds == before:
            break
    return kinds


def _kind_of_word(script: Script, word: Word, kinds: Mapping[str, Kind]) -> Kind:
    found = [Kind.PORTABLE]
    for expansion in word.expansions:
        if expansion.kind == "variable":
            found.append(kinds.get(expansion.name, Kind.PORTABLE))
        elif expansion.kind == "arithmetic":
            text = script.text[expansion.span.start : expansion.span.end]
            found += [kind for name, kind in kinds.items() if name in text]
        else:
            found.append(Kind.UNKNOWN)
    return join(found)


def _origin(before: Variable | None) -> str:
    return "shell" if before is None or before.origin == "shell" else "export"
