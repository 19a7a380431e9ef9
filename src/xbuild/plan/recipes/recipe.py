"""Commands that only call a recipe: a script in the build context is read; `make`, `just` and `task` are
asked what they would run.

A recipe can be handled when all that it compiles takes its variables from the environment: then they are set
in front of the command, and the file stays as it is. A recipe that also runs tools for the build machine is
left alone, because these would get the target's variables too.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import lru_cache, partial

from xbuild.dockerfile.model import Copy
from xbuild.dockerfile.script import Script, Word
from xbuild.dockerfile.shell import parse_script
from xbuild.graph.model import StageGraph
from xbuild.graph.scope import Scope
from xbuild.plan.demands import is_plain
from xbuild.plan.facts.filesystem import Kind, Write, absolute, is_within, join, overlaps, resolved
from xbuild.plan.model import Evidence, Place, Probe, Question, Reason
from xbuild.plan.programs.program import anything, plain, word_kind
from xbuild.plan.recipes import elsewhere
from xbuild.plan.recipes.dryrun import NotToldError, read_dry_run, script_for, target_names
from xbuild.plan.toolchain import Call, Demand, Effect, Toolchain, Variable
from xbuild.platforms import parse_platforms
from xbuild.text import Span, expression, fresh, value

_ROUNDS = 5
_FILLED_IN = expression(r"""'"(\$[({].*?[)}])"'""")
_DEPENDS = elsewhere.DEPENDS
_CURE = "let it take the target from the environment, or call the compiler in the Dockerfile"


@value()
class _Recipe:
    """What a command runs: a shell script of its lines, and which place each part of it came from.

    `asked` are parts whose output went into the other lines; `elsewhere` tells what speaks against it that
    every image says the same there, and what question would tell. `positional` are a script's `$0`, `$1`, …
    and `$@`.
    """

    told: str
    script: str
    name: str
    place: Callable[[int], Place]
    asked: tuple[Span, ...] = ()
    elsewhere: Callable[[], tuple[str, Question | None]] = lambda: (_DEPENDS, None)
    positional: Mapping[str, Variable] = fresh(dict)


Walked = tuple[Sequence[Effect], Sequence[Call], Sequence[Write]]
Walk = Callable[[Call, Script, Mapping[str, Variable], Callable[[int], Place]], Walked]


SHELLS = ("sh", "bash", "ash", "dash")


def judge(call: Call, walk: Walk, toolchains: Sequence[Toolchain]) -> Effect | None:
    """The effect of a command that calls a recipe; None for other commands."""
    name = call.texts[0]
    if name is None:
        return None
    program = posixpath.basename(name)
    if program in SHELLS and call.texts[1:] == ("-c", ""):
        return plain(call, word_kind(call))  # an argument that is empty: nothing is run
    finder = _FINDERS.get(program) if name == program or program in ("make", "gmake") else None
    if finder is None and _is_script(call, name):
        finder = _script
    if finder is None:
        return None
    refused: list[_CannotTellError] = []
    for seeds in ({}, {name: text for t in toolchains for name, text in t.target}):
        try:
            return _handle(call, finder, walk, toolchains, seeds)
        except _CannotTellError as error:
            refused.append(error)
    questions = tuple(e.question for e in refused if e.question is not None)
    return replace(anything(call), reasons=(refused[0].reason,), questions=questions)


class _CannotTellError(Exception):
    """`question` would tell."""

    def __init__(self, reason: Reason, question: Question | None = None) -> None:
        super().__init__(reason.text)
        self.reason, self.question = reason, question


def _refuse(call: Call, text: str, place: Place | None = None, cure: str = _CURE) -> _CannotTellError:
    where = f" ({place.file}:{place.line})" if place is not None and place.file is not None else ""
    return _CannotTellError(Reason(f"`{call.spelled()}`: {text}{where}", place or call.place, cure=cure))


# -- files of the build context


def context_path(call: Call, path: str | None) -> str | None:
    """The file of the build context that stands at `path` in the stage, if a COPY put it there and
    nothing can have changed it since.
    """
    found, change = _placed(call, path)
    return found if change is None else None


def copied_path(call: Call, path: str) -> str | None:
    """The file of the build context that a COPY put at `path`, whatever happened to it since."""
    return _placed(call, path)[0]


def may_be_copied(call: Call, path: str) -> bool:
    """Whether the build context may have brought a file to `path` that `context_path` does not name: what is
    copied cannot be told from the text, or it was changed since.
    """
    if _placed(call, path)[0] is not None:
        return True
    if any(w.is_context for w in call.writes.covering(path)) and not call.around.context.files():
        return True
    graph = call.scope.graph
    return any(
        _may_hide(Scope(graph, stage, index), instruction, path, call)
        for stage in graph.chain_of(call.scope.stage)
        for index, instruction in _copies(graph, stage)
        if stage != call.scope.stage or index < call.instruction
    )


def _placed(call: Call, path: str | None) -> tuple[str | None, Write | None]:
    """The file of the build context that a COPY put at `path`, and what may have changed it since; through
    symbolic links that came along.
    """
    path = resolved(call.writes, path) if path is not None else None
    if path is None:
        return None, None
    graph, found, line = call.scope.graph, None, 0
    for stage in graph.chain_of(call.scope.stage):
        end = call.instruction if stage == call.scope.stage else len(graph.stages[stage].instructions)
        for index, instruction in _copies(graph, stage):
            if index < end:
                scope = Scope(graph, stage, index)
                here = _copied(scope, instruction, path, call)
                if here is not None or _may_hide(scope, instruction, path, call):
                    found, line = here, instruction.first_line
    copies = (n for n in call.writes.numbers(_is_context) if call.writes[n].place == Place(line))
    later = call.writes.covering(path, max(copies, default=-1) + 1)
    return found, next((made for made in later if _may_change(made, path)), None)


def _copies(graph: StageGraph, stage: int) -> Sequence[tuple[int, Copy]]:
    """The instructions of a stage that copy from the build context, with their numbers."""
    memo: dict[int, Sequence[tuple[int, Copy]]] = graph.memo.setdefault("copies", {})
    if stage not in memo:
        instructions = enumerate(graph.stages[stage].instructions)
        memo[stage] = [(n, i) for n, i in instructions if isinstance(i, Copy) and i.from_ is None]
    return memo[stage]


def _is_context(made: Write) -> bool:
    return made.is_context


def _may_change(made: Write, path: str) -> bool:
    if made.path is None and made.kind is Kind.UNKNOWN:
        return False  # After it nothing is sure; what it is called is the better reason.
    if made.is_context or (made.path is not None and not is_within(path, made.path)):
        return False
    return made.path == path or not (made.adds or made.is_empty)


def _may_bring(copy: Copy, source: str, path: str, files: tuple[str, ...]) -> bool:
    """Whether a source with a pattern in it may stand for a file of that name, or for a folder."""
    if not any(c in source for c in "*?[$"):
        return False
    into_folder = copy.destination.endswith("/") or copy.destination == "."
    if copy.keyword != "COPY" or not into_folder or any(c in source for c in "$[\\") or ".." in source:
        return True
    matched = _matched(source, files)
    return matched == (source,) or posixpath.basename(path) in {posixpath.basename(m) for m in matched}


def _may_hide(scope: Scope, copy: Copy, path: str, call: Call) -> bool:
    """Whether what is copied cannot be told from the text, and may be this file."""
    destination = scope.expand_known(copy.destination).text
    where = absolute(destination, scope.workdir()) if destination is not None else None
    files = call.around.context.files()
    is_plain = not copy.heredocs and not any(_may_bring(copy, s, path, files) for s in copy.sources)
    is_whole = copy.flag("exclude") is None and copy.flag("parents") is None
    is_archive = copy.keyword == "ADD" and any(_ARCHIVE.search(source) for source in copy.sources)
    return not (is_plain and is_whole and not is_archive) and (where is None or is_within(path, where))


# What ADD unpacks, or fetches from elsewhere.
_ARCHIVE = expression(r"\.(tar|tgz|tbz2?|txz|t?gz|t?bz2|t?xz|t?zst)(\.\w+)?$|://|^git@")


def _copied(scope: Scope, copy: Copy, path: str, call: Call) -> str | None:
    destination = scope.expand_known(copy.destination).text
    where = absolute(destination, scope.workdir()) if destination is not None else None
    if where is None or destination is None:
        return None
    if not is_within(path, where):
        where = resolved(call.writes, where) or where  # `/bin` is a link
    into_folder = destination.endswith(("/", "/.")) or destination == "." or len(copy.sources) > 1
    for source in (one for pattern in copy.sources for one in _matched(pattern, call.around.context.files())):
        clean = posixpath.normpath(source.lstrip("/") or ".")
        is_file = clean != "." and call.around.context.is_file(clean)
        if is_file:
            target = posixpath.join(where, posixpath.basename(clean)) if into_folder else where
            if target == path:
                return clean
        elif is_within(path, where):
            candidate = posixpath.normpath(posixpath.join(clean, posixpath.relpath(path, where)))
            if call.around.context.is_file(candidate):
                return candidate
    return None


def folders_copied(call: Call) -> Iterator[tuple[str, str]]:
    """Where COPY put folders of the build context, and which; "" is all of it, or cannot be told."""
    graph, files = call.scope.graph, call.around.context.files()
    for stage in graph.chain_of(call.scope.stage):
        for index, copy in _copies(graph, stage):
            scope = Scope(graph, stage, index)
            where = absolute(scope.expand_known(copy.destination).text or "/", scope.workdir())
            if where is None or (stage == call.scope.stage and index >= call.instruction):
                continue
            for source in (one for pattern in copy.sources for one in _matched(pattern, files)):
                clean = posixpath.normpath(source.lstrip("/") or ".")
                if not call.around.context.is_file(clean) and "://" not in source:
                    yield where, "" if clean == "." or any(c in clean for c in "*?[$") else clean


def _matched(pattern: str, files: tuple[str, ...]) -> tuple[str, ...]:
    """The files that a source with `*` or `?` in it stands for, if it stands for files alone; else itself."""
    if not any(c in pattern for c in "*?") or any(c in pattern for c in "$[\\") or ".." in pattern:
        return (pattern,)
    return _named(pattern, files)


@lru_cache(maxsize=64)  # Every file that is looked for asks for the same few patterns again.
def _named(pattern: str, files: tuple[str, ...]) -> tuple[str, ...]:
    clean = posixpath.normpath(pattern.lstrip("/"))
    depth = clean.count("/") + 1
    found = {entry for f in files if fnmatchcase(entry := "/".join(f.split("/")[:depth]), clean)}
    return tuple(sorted(found)) if found and found <= set(files) else (pattern,)


def _read(call: Call, path: str | None) -> tuple[str, str] | None:
    name = context_path(call, path)
    text = call.around.context.read(name) if name is not None else None
    return (name, text) if name is not None and text is not None else None


def _missing(call: Call, paths: Sequence[str | None], what: str) -> _CannotTellError:
    change = next((made for path in paths if (made := _placed(call, path)[1]) is not None), None)
    if change is None:
        return _refuse(call, f"{what} is not in the build context", None, _CURE_OF_MISSING)
    text = f"{what} may have been changed by `{change.text}` of line {change.place.line}"
    return _refuse(call, text, None, "change it before the image is built")


_CURE_OF_MISSING = "COPY it from the build context, or call the compiler in the Dockerfile"


# -- make, just and task: asked


_PLATFORMS = parse_platforms(("amd64", "arm64", "linux/arm/v7", "386", "ppc64le", "s390x", "riscv64"))
_CHANGES_NOTHING = expression(r"(-j|--jobs|-l|--load-average|--max-load).*")
_PLAIN_ARG = expression(r"""["']?\$\{?(TARGET(?:PLATFORM|OS|ARCH|VARIANT))\}?["']?""")


def _asked(call: Call, added: Mapping[str, str], program: str) -> _Recipe:
    """What a program says that it would run, when what is `added` is in its environment."""
    question = _question(call, added, program)
    answer = call.around.knowledge.answers.get(question.key)
    if answer is None:
        text = f"what it runs is not told here: {program} has to be asked, in the builder"
        cure = "plan or build with an engine, or call the compiler in the Dockerfile"
        raise _CannotTellError(_refuse(call, text, None, cure).reason, question)
    try:
        run = read_dry_run(program, answer)
    except NotToldError as error:
        cure = "write it without, or call the compiler in the Dockerfile"
        raise _refuse(call, f"what it runs cannot be told: {error}", None, cure) from error
    own = next((name for name in added if name in run.exported), None)
    if own is not None:
        raise _refuse(call, f"it sets {own} itself, whatever the environment says")
    for made in call.writes:
        bad = not made.kind.is_right and any(made.path and overlaps(made.path, f) for f in run.folders)
        if bad or (made.path is None and not made.kind.is_right):
            text = f"it may read what line {made.place.line} left (`{made.text}`)"
            raise _refuse(call, text, made.place, "move that step to a stage of its own")
    told = f"{program} -n"
    names = {*added, *target_names(" ".join(added.values()))}
    return _Recipe(
        told,
        run.script,
        call.spelled(),
        lambda at: Place(run.line(at), told),
        run.asked,
        partial(elsewhere.compare, call, program, run, question, _question(call, {}, program), names),
    )


def _question(call: Call, added: Mapping[str, str], program: str) -> Question:
    """The question, to be put right in front of the command: its words mean there what they mean to it."""
    script = call.run.script
    if script is None or script.text != call.script or not call.is_editable:
        raise _refuse(call, f"{program} can be asked only where a RUN calls it in shell form")
    words = tuple(dict.fromkeys(call.words[1:]))
    kinds = dict(zip(call.words[1:], call.kinds[1:], strict=True))
    for word in words:
        if not kinds[word].is_right and not _CHANGES_NOTHING.match(word.raw):
            raise _refuse(call, f"`{word.raw}` {_DEPENDS}")
    given = {name: word.raw for name, (word, _) in call.assignments.items()}
    bad = next((n for n, (_, kind) in call.assignments.items() if not kind.is_right), None)
    if bad is not None or not all(name.isidentifier() for name in given):
        raise _refuse(call, f"{bad or 'what is set in front of it'} {_DEPENDS}")
    prefix = {**_for_target(call, words), **given, **added}
    platforms = call.around.platforms or _PLATFORMS
    if len({p.architecture for p in platforms}) == 1:
        platforms = (*platforms, next(p for p in _PLATFORMS if p.architecture != platforms[0].architecture))
    return Question(
        call.around.stage,
        call.number,
        " ".join((*(f"{n}={t}" for n, t in added.items()), call.spelled())),
        f"what `{call.spelled()}` of line {call.place.line} would run",
        Probe(
            script_for(
                program,
                " ".join(f"{name}={text}" for name, text in prefix.items()),
                " ".join(word.raw for word in words),
                sorted(target_names(" ".join(added.values()))),
            ),
            tuple(map(str, platforms)),
            is_exact=True,
            has_mounts=False,
        ),
        call.command.span.start,
        call.directory,
    )


def _for_target(call: Call, words: Sequence[Word]) -> dict[str, str]:
    """Variables that hold an ARG of the target platform: where the question is put they hold the
    builder's.
    """
    named = {e.name for word in words for e in word.expansions if e.kind == "variable"}
    named |= {
        e.name for word, _ in call.assignments.values() for e in word.expansions if e.kind == "variable"
    }
    found: dict[str, str] = {}
    for name, variable in call.variables.items():
        if variable.origin == "shell" and name not in named:
            continue
        if not variable.kind.is_right:
            raise _refuse(call, f"{name}, which it may read, {_DEPENDS}")
        if variable.kind is Kind.TARGET and variable.origin != "platform":
            source = _source_of(call, name)
            if source is None or name in named:
                raise _refuse(call, f"what {name} is for the target cannot be told")
            found[name] = source
    return found


def _source_of(call: Call, name: str) -> str | None:
    """`$TARGETARCH` or the like, when nothing else is ever given to a variable."""
    script = parse_script(call.script)
    given = [a.value.raw for c in script.commands for a in (*c.assignments, *c.exports) if a.name == name]
    value = call.scope.lookup(name)
    given += [value.raw] if value is not None and value.raw else []
    found = {f"${match[1]}" if (match := _PLAIN_ARG.fullmatch(raw)) else None for raw in given}
    return found.pop() if len(found) == 1 else None


# -- scripts of the build context


def _is_script(call: Call, name: str) -> bool:
    if posixpath.basename(name) in SHELLS:
        at = next((n for n, t in enumerate(call.texts) if n and (t is None or not t.startswith("-"))), None)
        options = [t for t in call.texts[1:at] if t and not t.startswith("--")]
        return at is not None and not any("c" in o or "s" in o for o in options)
    return "/" in name and _placed(call, call.seen(name))[0] is not None


class NotReadError(Exception):
    """A script that a command calls cannot be read."""


def script_of(call: Call) -> tuple[str, str] | None:
    """The file and the text of the script of the build context that a command calls; None for other commands.
    The text begins with a line that changes into the folder where it runs. Raises NotReadError.
    """
    name = call.texts[0] if call.texts else None
    if name is None or not _is_script(call, name):
        return None
    try:
        recipe = _script(call, {})
    except _CannotTellError as error:
        raise NotReadError(error.reason.text) from error
    return recipe.told, recipe.script


def _script(call: Call, _added: Mapping[str, str]) -> _Recipe:
    name = call.texts[0] or ""
    arguments = tuple(zip(call.words[1:], call.texts[1:], call.kinds[1:], strict=True))
    if posixpath.basename(name) in SHELLS:
        at = next(n for n, (_, t, _) in enumerate(arguments) if t is None or not t.startswith("-"))
        name, arguments = arguments[at][1] or "", arguments[at + 1 :]
    found = _read(call, call.seen(name))
    if found is None:
        raise _missing(call, [call.seen(name)], name)
    file, text = found
    first = text.split("\n", 1)[0]
    if first.startswith("#!") and not re.search(r"\b(sh|bash|ash|dash)\b", first):
        raise _refuse(call, "it is not a shell script", Place(1, file))
    if _PLAIN_ARGUMENT.fullmatch(name):
        text = _OWN_FOLDER.sub(posixpath.dirname(name) or ".", text)
    if "BASH_SOURCE" in text:
        raise _refuse(call, "it looks at its own place in a way that is not followed", Place(1, file))
    own = {"0": Variable(name, Kind.PORTABLE, "shell")}
    return _Recipe(
        file,
        f"cd {call.directory or ''}\n{text}",
        f"{posixpath.basename(file)} of {file}",
        lambda at: Place(max(f"\n{text}".count("\n", 0, at - len(f"cd {call.directory or ''}")), 1), file),
        positional={**own, **({} if _MOVES_ARGUMENTS.search(text) else _positional(call, arguments))},
    )


# `$(dirname "$0")` and its kin: the folder of the script itself.
_OWN_FOLDER = expression(
    r"""\$\(\s*dirname\s+(?:--\s+)?("?)\$(?:0|\{0\}|BASH_SOURCE|\{BASH_SOURCE(?:\[0\])?\})\1\s*\)"""
    r"""|\$\{(?:0|BASH_SOURCE(?:\[0\])?)%/\*\}"""
)
# Behind these `$1` is another one; in a function it is the function's.
_MOVES_ARGUMENTS = expression(r"\b(shift|getopts|function)\b|\bset\s+(--|[^-\s])|\w\s*\(\s*\)")
_PLAIN_ARGUMENT = expression(r"[\w./:=@+,-]+")


def _positional(call: Call, arguments: Sequence[tuple[Word, str | None, Kind]]) -> dict[str, Variable]:
    """`$1` to `$9`, `$@` and `$*` of a script; a value with a blank in it is not followed."""
    found = {str(number): Variable("", Kind.PORTABLE, "shell") for number in range(1, 10)}
    for number, (word, text, kind) in enumerate(arguments, 1):
        depends = frozenset(
            d for e in word.expansions if e.kind == "variable" for d in (e.name, *_depends(call, e.name))
        )
        is_plain = text is not None and _PLAIN_ARGUMENT.fullmatch(text)
        found[str(number)] = Variable(text if is_plain else None, kind, "shell", depends)
    given = [found[str(number)] for number in range(1, len(arguments) + 1)]
    texts = [v.text for v in given]
    whole = None if None in texts else " ".join(t or "" for t in texts)
    together = Variable(
        whole, join(v.kind for v in given), "shell", frozenset(d for v in given for d in v.depends_on)
    )
    return {**found, "@": together, "*": together, "#": Variable(str(len(given)), Kind.PORTABLE, "shell")}


# What a command runs, when what is given is in its environment.
Finder = Callable[[Call, Mapping[str, str]], _Recipe]

_FINDERS: dict[str, Finder] = {
    "make": partial(_asked, program="make"),
    "gmake": partial(_asked, program="gmake"),
    "just": partial(_asked, program="just"),
    "task": partial(_asked, program="task"),
    "go-task": partial(_asked, program="go-task"),
}


# -- what the recipe does

Before = tuple[int, tuple[str, ...], str]


def _handle(
    call: Call, finder: Finder, walk: Walk, toolchains: Sequence[Toolchain], seeds: Mapping[str, str]
) -> Effect:
    """Walk the recipe with the target's variables in the environment, until nothing in it would have to
    change. `seeds` are put there from the start.
    """
    added = dict(seeds)
    before: list[Before] = []
    for _ in range(_ROUNDS):
        recipe = finder(call, added)
        script = parse_script(recipe.script)
        if script.has_error:
            raise _refuse(call, "its shell lines cannot be read without doubt", recipe.place(0))
        environment = {**_environment(call, added), **recipe.positional}
        effects, inner, writes = walk(call, script, environment, recipe.place)
        _check(call, recipe, effects, inner)
        new = _demanded(zip(inner, effects, strict=True), call, recipe, before)
        again = next((name for name in new if name in added), None)
        if again is not None:
            raise _refuse(call, f"it sets {again} itself, whatever the environment says", recipe.place(0))
        if not new:
            break
        added.update(new)
    else:
        raise _refuse(call, "its variables could not be settled")
    needed = {need.name for effect in effects for need in effect.needs}
    idle = [name for name, value in seeds.items() if value.removeprefix("$") not in needed]
    if idle:
        return _handle(call, finder, walk, toolchains, {n: v for n, v in seeds.items() if n not in idle})
    order = [name for toolchain in toolchains for name in toolchain.variables]
    added = dict(sorted(added.items(), key=lambda pair: order.index(pair[0]) if pair[0] in order else 99))
    return _effect(call, recipe, effects, writes, added, before)


def _environment(call: Call, added: Mapping[str, str]) -> dict[str, Variable]:
    """What the recipe's process sees: exported variables, the command's assignments, and what is added."""
    known = {n: v for n, v in call.variables.items() if v.origin in ("env", "arg", "platform", "export")}
    for name, (word, kind) in call.assignments.items():
        depends = frozenset(
            d for e in word.expansions if e.kind == "variable" for d in (e.name, *_depends(call, e.name))
        )
        known[name] = Variable(word.value, kind, "export", depends)
    for name, text in added.items():
        depends = frozenset(re.findall(r"TARGET[A-Z]+", text))
        literal = None if depends or "$" in text else text
        known[name] = Variable(literal, Kind.TARGET if depends else Kind.PORTABLE, "export", depends)
    return known


def _depends(call: Call, name: str) -> frozenset[str]:
    variable = call.variables.get(name)
    return variable.depends_on if variable is not None else frozenset()


def _check(call: Call, recipe: _Recipe, effects: Sequence[Effect], inner: Sequence[Call]) -> None:
    """Refuse what a recipe must not do, naming its line."""
    is_settled = False
    for effect, command in zip(effects, inner, strict=True):
        if effect.reasons:
            first = effect.reasons[0]
            place = first.place if first.place.file is not None else command.place
            raise _refuse(call, _FILLED_IN.sub(r"\1", first.text), place, first.cure or _CURE)
        is_said = command.texts[0] == ":" and _is_asked(recipe, command)
        if is_said and not is_settled and not join(command.kinds).is_right:
            _compare(call, recipe, command.words[1].raw[3:-2], zip(effects, inner, strict=True))
            is_settled = True
        if _may_be_stale(call, recipe, command, effect):
            text = f"`{command.spelled()}` is asked after lines that may change what it says"
            raise _refuse(call, text, None, "let it take the value from the environment")
    compiling = [c for e, c in zip(effects, inner, strict=True) if e.compiles]
    for effect, command in zip(effects, inner, strict=True):
        if compiling and effect.runs_here and not effect.compiles:
            raise _refuse(
                call,
                f"it also runs `{command.spelled()}`, which would get the target's variables too",
                command.place,
                "call the two from RUN instructions of their own",
            )


def _compare(call: Call, recipe: _Recipe, said: str, pairs: Iterable[tuple[Effect, Call]]) -> None:
    """Refuse what depends on the machine, unless every image says the same to all that is asked."""
    is_told = all(elsewhere.is_of_image(effect) for effect, command in pairs if _is_asked(recipe, command))
    why, question = recipe.elsewhere() if is_told else (_DEPENDS, None)
    if why:
        text = f"what `{said}` says goes into it, and {why}"
        refused = _refuse(call, text, None, "let it take the value from the environment")
        raise _CannotTellError(refused.reason, question)


def _is_asked(recipe: _Recipe, command: Call) -> bool:
    return any(command.command.span in span for span in recipe.asked)


def _may_be_stale(call: Call, recipe: _Recipe, command: Call, effect: Effect) -> bool:
    """Whether what a line has made by then would change what is asked here, before any line has run."""
    if not _is_asked(recipe, command):
        return False
    made = [w for w in command.writes[len(call.writes) :] if not w.is_empty]
    return any(p is None or w.path is None or overlaps(p, w.path) for p in effect.reads for w in made)


def _demanded(
    pairs: Iterable[tuple[Call, Effect]], call: Call, recipe: _Recipe, before: list[Before]
) -> dict[str, str]:
    """The assignments that the recipe's commands need; what must have run before is collected."""
    found: dict[str, str] = {}
    for command, effect in pairs:
        before += [run for run in effect.demand.before if run not in before]
        if not is_plain(command, effect):
            text = f"`{command.spelled()}` in it would have to be changed"
            raise _refuse(call, text, _place_of(effect, recipe))
        for name, text in effect.demand.environment:
            if found.setdefault(name, text) != text:
                why = f"its commands need different values of {name}"
                raise _refuse(call, why, _place_of(effect, recipe))
    return found


def _place_of(effect: Effect, recipe: _Recipe) -> Place:
    place = next((e.place for e in effect.evidence if e.place is not None), None)
    return place or recipe.place(0)


def _effect(
    call: Call,
    recipe: _Recipe,
    effects: Sequence[Effect],
    writes: Sequence[Write],
    added: Mapping[str, str],
    before: Sequence[Before],
) -> Effect:
    notes = tuple(n.replace("line ", f"{recipe.told} line ", 1) for e in effects for n in e.notes)
    where = Evidence(f"what `{call.spelled()}` runs was looked into ({recipe.told})", call.place)
    compiles = any(e.compiles for e in effects)
    return Effect(
        writes=tuple(writes),
        reads=tuple(dict.fromkeys((None, *(path for e in effects for path in e.reads)))),
        output=Kind.UNKNOWN,
        demand=Demand(tuple(added.items()), f"`{recipe.name}` takes them", before=tuple(before)),
        needs=tuple(n for e in effects for n in e.needs),
        evidence=(where, *(v for e in effects for v in e.evidence)),
        notes=notes,
        conditions=tuple(c for e in effects for c in e.conditions),
        questions=tuple(replace(q, at=call.command.span.start) for e in effects for q in e.questions),
        packages=tuple(p for e in effects for p in e.packages),
        compiles=compiles,
        toolchain=next((e.toolchain for e in effects if e.compiles), None),
    )
