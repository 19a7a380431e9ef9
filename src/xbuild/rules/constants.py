"""Where a file names one architecture that it is wanted for, and nothing around it decides on that.

What rules about constant architectures share: they are rows about these places.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from xbuild.dockerfile.model import Arg, Copy, Env, Instruction, Run
from xbuild.dockerfile.script import Command, Construct, Script, Word
from xbuild.graph.model import PLATFORM_ARGS, ImageBase, Stage
from xbuild.graph.platform import BUILD, TARGET, runs_on
from xbuild.plan.facts.images import bound_to
from xbuild.plan.facts.releases import architectures_in, names_of
from xbuild.rules.rule import Finding, RuleContext, RunScript
from xbuild.text import Span, expression, value

_ASKING = expression(
    r"\b(?:uname|arch|print-architecture|print-arch)\b(?!=)"
    r"|\$\{?[#!]?\w*(?:arch|platform|machine|cpu)",
    re.IGNORECASE,
)
_PART = expression(r"[^\s\"'`;|&()<>]+")
# What else the name of a file says about one platform.
_ALSO = frozenset(("windows", "x86", "arm"))
_TESTS = ("[", "[[", "test")


@value()
class Constant:
    """A place that names an architecture: part of a shell word, of the value of an ARG or ENV, or of a source
    of COPY or ADD.

    `text` is the whole word or value and `span` its place in the source, `part` what of it stands between
    blanks and quotes and names the architecture, `at` where; `$` stands in both for all that is expanded.
    `command` is the command of a RUN that it is given to, `name` the variable that it is the value of.
    """

    stage: Stage
    index: int
    instruction: Instruction
    text: str
    span: Span
    part: str
    at: Span
    architecture: str
    command: Command | None = None
    name: str = ""

    @property
    def program(self) -> str:
        """The program that the word is given to, without its folder; "" if there is none."""
        name = self.command.name if self.command is not None else None
        return (name or "").rpartition("/")[2]

    def word(self) -> Span:
        """The place of the architecture."""
        found = names_of((self.architecture,)).search(self.part)
        assert found is not None
        return Span(*found.span()).shift(self.at.start)


def is_for_one(context: RuleContext, stage: Stage) -> bool:
    """Whether a stage is meant for one platform, or another rule says so of it: the file or the stage is
    named for it, a variable chooses it among others, it is pinned to it, its base image is for it.
    """
    memo: dict[int, bool] = context.graph.memo.setdefault("for one platform", {})
    if stage.index not in memo:
        memo[stage.index] = _is_for_one(context, stage)
    return memo[stage.index]


def _is_for_one(context: RuleContext, stage: Stage) -> bool:
    graph = context.graph
    root = graph.stages[graph.root_of(stage.index)]
    if is_named_for_one(context) or runs_on(graph, stage.index) not in (BUILD, TARGET):
        return True
    if isinstance(root.base, ImageBase) and bound_to(root.base.reference) is not None:
        return True
    names = [graph.stages[index].name or "" for index in graph.chain_of(stage.index)]
    return any(architectures_in(name) or is_chosen(context, name) for name in names)


def is_named_for_one(context: RuleContext) -> bool:
    """Whether the file, or one of the folders that it is in, is called for a platform."""
    parts = re.split(r"[/\\]", context.dockerfile.source.path)[-5:]
    words = re.split(r"[-_.]", parts[-1].lower())
    return bool(architectures_in("/".join(parts))) or not _ALSO.isdisjoint(words)


def is_chosen(context: RuleContext, name: str) -> bool:
    """Whether a FROM or COPY --from chooses the stage of this name by a platform variable."""
    stem = name.rpartition("-")[0] or name.rpartition("_")[0]
    texts = (i.logical.text for i in context.dockerfile.instructions if i.keyword in ("FROM", "COPY"))
    return bool(stem) and any(f"{stem}-$" in t or f"{stem}_$" in t for t in texts if _has_platform(t))


def _has_platform(text: str) -> bool:
    return any(f"${name}" in text or f"${{{name}" in text for name in PLATFORM_ARGS)


def told_once(
    context: RuleContext,
    places: Iterable[Constant],
    text: str,
    cure: Callable[[Constant], str] = lambda _: "",
) -> Iterator[Finding]:
    """A finding for the first place of each line; `{path}`, its last `{name}` and `{architecture}` are put
    into `text`, and `cure` is what is said behind it.
    """
    seen: set[int] = set()
    for place in places:
        span = place.word()
        line = context.dockerfile.source.line_of(span.start)
        if line not in seen:
            seen.add(line)
            raw = context.dockerfile.source[place.at]
            name = raw.rstrip("/").rpartition("/")[2]
            told = text.format(path=raw, name=name, architecture=place.architecture)
            yield Finding(span, told + cure(place))


def constants(context: RuleContext) -> tuple[Constant, ...]:
    """All such places of a file. An instruction that names several of the wanted architectures has none: it
    is about all of them.
    """
    memo: dict[str, tuple[Constant, ...]] = context.graph.memo.setdefault("constants", {})
    if "all" not in memo:
        memo["all"] = tuple(_constants(context))
    return memo["all"]


def _constants(context: RuleContext) -> Iterator[Constant]:
    wanted = tuple(sorted({platform.architecture for platform in context.platforms}))
    for stage, index, instruction in context.instructions(Run, Arg, Env, Copy):
        named = architectures_in(instruction.logical.text + _documents(instruction), wanted)
        if len(named) != 1 or is_for_one(context, stage):
            continue
        for text, span, command, name in _texts(context, stage, index, instruction):
            for found in _PART.finditer(text):
                if architectures_in(found[0], wanted) and not (
                    len(found[0]) < len(text) and _asks(text, by_name=False)
                ):
                    at = Span(*found.span()).shift(span.start)
                    (one,) = named
                    yield Constant(stage, index, instruction, text, span, found[0], at, one, command, name)


def _documents(instruction: Instruction) -> str:
    return "".join(document.content for document in instruction.heredocs)


_Text = tuple[str, Span, Command | None, str]


def _texts(context: RuleContext, stage: Stage, index: int, instruction: Instruction) -> Iterator[_Text]:
    source = context.dockerfile.source
    if isinstance(instruction, Run) and instruction.script is not None:
        yield from _in_script(RunScript(stage, index, instruction, context.script(instruction)))
    elif isinstance(instruction, Arg | Env):
        for pair in instruction.pairs:
            if pair.value_span is not None:
                yield _without_variables(source[pair.value_span]), pair.value_span, None, pair.key
    elif isinstance(instruction, Copy):
        for given in instruction.sources:
            at = instruction.arguments.text.find(given)
            if at >= 0:
                span = instruction.arguments.to_source(Span(at, at + len(given)))
                yield _without_variables(given), span, None, ""


_VARIABLE = expression(r"\$\{[^}]*\}|\$\w+")


def _without_variables(text: str) -> str:
    return _VARIABLE.sub(lambda found: "$" * len(found[0]), text)


def _in_script(shell: RunScript) -> Iterator[_Text]:
    """The words of all commands on which no question for the architecture decides."""
    script = shell.script
    for number, command in enumerate(script.commands):
        if is_decided(script, number):
            continue
        words = [(word, "") for word in command.words]
        words += [(a.value, a.name) for a in (*command.assignments, *command.exports)]
        words += [(r.target, "") for r in command.redirects if r.target is not None]
        for word, name in words:
            text = _literal(word)
            span = shell.span(word.span)
            if len(span) == len(text):  # else it is broken over lines, and offsets in it are not known
                yield text, span, command, name


def _literal(word: Word) -> str:
    """The word as it stands there, `$` in place of what is expanded."""
    text = word.raw
    for expansion in word.expansions:
        start, end = expansion.span.start - word.span.start, expansion.span.end - word.span.start
        text = text[:start] + "$" * (end - start) + text[end:]
    return text


def is_decided(script: Script, number: int) -> bool:
    """Whether a command runs only where the script has asked for the architecture."""
    command = script.commands[number]
    for scope in command.scopes:
        if scope.kind == "case" and _asks_in_case(script, scope):
            return True
        if scope.kind in ("if", "while", "until") and _asks_in_condition(script, scope):
            return True
    is_behind = any(scope.kind in ("and", "or") for scope in command.scopes)
    before = script.commands[:number]
    return is_behind and any(c.name in _TESTS and _asks(_text(script, c.span)) for c in before)


def _asks_in_case(script: Script, scope: Construct) -> bool:
    return any(w.span in scope.span and _asks(w.raw) for w in script.case_words)


def _asks_in_condition(script: Script, scope: Construct) -> bool:
    return any(
        c.span in scope.span
        and any(s.condition and s.kind in ("if", "elif", scope.kind) for s in c.scopes)
        and _asks(_text(script, c.span))
        for c in script.commands
    )


def _text(script: Script, span: Span) -> str:
    return script.text[span.start : span.end]


def _asks(text: str, *, by_name: bool = True) -> bool:
    return _ASKING.search(text) is not None or (by_name and bool(architectures_in(text)))
