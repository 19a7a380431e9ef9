"""Commands that only call a recipe (`make`, `task`, `./build.sh`, …): look into the file in the build
context.

A recipe can be handled when all that it compiles takes its variables from the environment: then they are set
in front of the command, and the file stays as it is. A recipe that also runs tools for the build machine is
left alone, because these would get the target's variables too.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from xbuild.dockerfile.model import Copy
from xbuild.dockerfile.script import Script, Word
from xbuild.dockerfile.shell import parse_script
from xbuild.graph.model import StageGraph
from xbuild.graph.scope import Scope
from xbuild.plan import makefile
from xbuild.plan.commands import GENERATORS, anything, operands, option, runs_what_it_compiles
from xbuild.plan.filesystem import Kind, Write, absolute, is_within, join
from xbuild.plan.makefile import UNKNOWN, Line, NotToldError, parse_makefile, recipe_of
from xbuild.plan.model import Change, Evidence, InsertRun, Place, Reason, SetEnvironment
from xbuild.plan.toolchain import Call, Effect, Variable

# What decides for which platform a recipe compiles, how, and where to.
_GUARDED = re.compile(
    r"GO(OS|ARCH|ARM|ARM64|AMD64|386|FLAGS|BIN|PATH|EXPERIMENT|ENV|ROOT|WORK|CACHE|MODCACHE)"
    r"|CGO_\w+|CC|CXX|AR|FC|PKG_CONFIG\w*|HOME|XDG_\w+|(TARGET|BUILD)(PLATFORM|OS|ARCH|VARIANT)"
)
_ORDER = ("CGO_ENABLED", "CC", "CXX", "PKG_CONFIG", "GOOS", "GOARCH", "GOARM", "GOAMD64")
_ROUNDS = 5
_TARGET = {"GOOS": "$TARGETOS", "GOARCH": "$TARGETARCH"}
_FILLED_IN = re.compile(r"""'"(\$[({].*?[)}])"'""")
_REFERENCE = re.compile(r"\$(?:\{(?P<braced>\w+)\}|(?P<plain>\w+))")
_CURE = "let it take GOOS and GOARCH from the environment, or call go build in the Dockerfile"


@dataclass(frozen=True, slots=True)
class _Recipe:
    """What a command runs: a shell script of its lines, and which file and line each line of it came from.

    `exported` are variables that the command's own arguments put into the recipe's environment, where
    nothing in front of the command can change them; `positional` are a script's `$1`, `$2`, … and `$@`.
    """

    file: str
    script: str
    lines: tuple[int, ...]
    name: str
    directory: str | None
    exported: Mapping[str, Variable] = field(default_factory=dict)
    positional: Mapping[str, Variable] = field(default_factory=dict)

    def place(self, offset: int) -> Place:
        row = self.script.count("\n", 0, offset)
        return Place(self.lines[min(row, len(self.lines) - 1)] if self.lines else 1, self.file)


Walked = tuple[Sequence[Effect], Sequence[Call], Sequence[Write]]
Walk = Callable[[Call, Script, Mapping[str, Variable], Callable[[int], Place]], Walked]


def judge(call: Call, walk: Walk) -> Effect | None:
    """The effect of a command that calls a recipe; None for other commands."""
    name = call.texts[0]
    if name is None:
        return None
    program = posixpath.basename(name)
    finder = _FINDERS.get(program) if name == program or program in ("make", "gmake") else None
    if finder is None and _is_script(call, name):
        finder = _script
    if finder is None:
        return None
    try:
        return _handle(call, finder, walk, {})
    except _CannotTellError as error:
        refused = error
    try:
        return _handle(call, finder, walk, _TARGET)
    except _CannotTellError:
        return replace(anything(call), reasons=(refused.reason,))


class _CannotTellError(Exception):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.text)
        self.reason = reason


def _refuse(call: Call, text: str, place: Place | None = None, cure: str = _CURE) -> _CannotTellError:
    where = f" ({place.file}:{place.line})" if place is not None and place.file is not None else ""
    return _CannotTellError(Reason(f"`{call.spelled()}`: {text}{where}", place or call.place, cure=cure))


# -- files of the build context


# Commands that write somewhere in a folder, and change no file that a command was read from.
_SPARING = re.compile(r"(xx-)?go (?!run|generate|tool)|go (run|tool) [\w.-]+/|mkdir |WORKDIR ")


def context_path(call: Call, path: str | None) -> str | None:
    """The file of the build context that stands at `path` in the stage, if a COPY put it there and
    nothing can have changed it since.
    """
    found, change = _placed(call, path)
    return found if change is None else None


def copied_path(call: Call, path: str) -> str | None:
    """The file of the build context that a COPY put at `path`, whatever happened to it since."""
    return _placed(call, path)[0]


def _placed(call: Call, path: str | None) -> tuple[str | None, Write | None]:
    """The file of the build context that a COPY put at `path`, and what may have changed it since."""
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
    return made.path == path or not (_SPARING.match(made.text) or made.text.partition(" ")[0] in GENERATORS)


def _may_bring(copy: Copy, source: str, path: str, files: Sequence[str]) -> bool:
    """Whether a source with a pattern in it may stand for a file of that name, or for a folder."""
    if not any(c in source for c in "*?[$"):
        return False
    into_folder = copy.destination.endswith("/") or copy.destination == "."
    if copy.keyword != "COPY" or not into_folder or any(c in source for c in "$[\\") or ".." in source:
        return True
    pattern = posixpath.normpath(source.lstrip("/"))
    depth = pattern.count("/") + 1
    matched = {entry for f in files if fnmatchcase(entry := "/".join(f.split("/")[:depth]), pattern)}
    names = {posixpath.basename(entry) for entry in matched}
    return not matched or not matched <= set(files) or posixpath.basename(path) in names


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
_ARCHIVE = re.compile(r"\.(tar|tgz|tbz2?|txz|t?gz|t?bz2|t?xz|t?zst)(\.\w+)?$|://|^git@")


def _copied(scope: Scope, copy: Copy, path: str, call: Call) -> str | None:
    destination = scope.expand_known(copy.destination).text
    where = absolute(destination, scope.workdir()) if destination is not None else None
    if where is None or destination is None:
        return None
    into_folder = destination.endswith(("/", "/.")) or destination == "." or len(copy.sources) > 1
    for source in copy.sources:
        clean = posixpath.normpath(source.lstrip("/") or ".")
        is_file = clean != "." and call.around.context.read(clean) is not None
        if is_file:
            target = posixpath.join(where, posixpath.basename(clean)) if into_folder else where
            if target == path:
                return clean
        elif is_within(path, where):
            candidate = posixpath.normpath(posixpath.join(clean, posixpath.relpath(path, where)))
            if call.around.context.read(candidate) is not None:
                return candidate
    return None


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


_CURE_OF_MISSING = "COPY it from the build context, or call go build in the Dockerfile"


# -- finders: which recipe a command runs


def _make(call: Call, given: frozenset[str]) -> _Recipe:
    folder = option(call, "-C", "--directory")[1]
    directory = absolute(folder, call.directory) if folder else call.directory
    named = option(call, "-f", "--file", "--makefile")[1]
    candidates = (named,) if named else ("GNUmakefile", "makefile", "Makefile")
    found = next((f for c in candidates if (f := _read(call, absolute(c, directory))) is not None), None)
    if found is None:
        raise _missing(call, [absolute(c, directory) for c in candidates], "its Makefile")
    exported = _command_line(call)
    _check_options(call)
    words = operands(call, _MAKE_OPTIONS)
    targets = tuple(w for w in words if w and "=" not in w and not w.isdigit())
    overrides = {n: v.text if v.kind is Kind.PORTABLE else None for n, v in exported.items()}
    environment = {
        *(n for n, v in call.variables.items() if v.origin in ("env", "arg", "platform", "export")),
        *call.assignments,
        *given,
    }
    folder = posixpath.dirname(found[0])
    files = frozenset(f[len(folder) :].lstrip("/") for f in call.around.context.files(folder))
    around = makefile.Surroundings(overrides, environment, files, directory, call.directory)
    try:
        made = recipe_of(parse_makefile(found[1]), targets, around, lambda n: bool(_GUARDED.fullmatch(n)))
    except NotToldError as error:
        place = Place(error.line, found[0])
        text = f"what it runs cannot be told: {error.text}"
        raise _refuse(call, text, place, "write it without, or call go build in the Dockerfile") from error
    recipe = _assemble(found[0], " ".join(targets) or "its first target", made.lines, directory)
    if any(_GUARDED.fullmatch(n) for n in exported) and any(_CALLS_MAKE.search(x.text) for x in made.lines):
        raise _refuse(call, "its variables go on to another make", Place(made.lines[0].line, found[0]))
    own = {name: _exported(call, value) for name, value in made.exported.items()}
    return replace(recipe, exported={**own, **exported})


_CALLS_MAKE = re.compile(r"(^|[;&|(\s])g?make\s")
_SHELL_EXPANSION = re.compile(
    r"\$\{?(?P<name>\w+)\}?|\$\((?:git|date|pwd|echo|go\s+env\s+GO(?:PATH|BIN))\b[^$`;|&]*\)"
)


def _exported(call: Call, value: str) -> Variable:
    """A variable that the Makefile exports, with shell expansions in its value."""
    if "$" not in value and "`" not in value:
        return Variable(value, Kind.PORTABLE, "export")
    names = [m["name"] for m in _SHELL_EXPANSION.finditer(value) if m["name"]]
    named = [call.variables[n] for n in names if n in call.variables]
    is_known = "$" not in _SHELL_EXPANSION.sub("", value) and "`" not in value
    kind = join((Kind.PORTABLE if is_known else Kind.UNKNOWN, *(v.kind for v in named)))
    depends = frozenset(d for n in names for d in (n, *_depends(call, n)))
    return Variable(None, kind, "export", depends)


def _check_options(call: Call) -> None:
    """Refuse options of make, also those of its environment, that change what it runs."""
    variables = ("MAKEFLAGS", "MFLAGS", "GNUMAKEFLAGS", "MAKEFILES")
    for text in call.texts[1:]:
        if text and text.startswith("-") and _PLAIN_OPTION.fullmatch(text) is None:
            raise _refuse(call, f"`{text}` is not followed")
    for name in variables:
        variable = call.variables.get(name)
        text = variable.text if variable is not None else ""
        if name in call.assignments or text is None or not _JOBS.fullmatch(text):
            raise _refuse(call, f"{name} changes what it runs")


_JOBS = re.compile(r"(-?-?(j|jobs=?)\d*)?")
_PLAIN_OPTION = re.compile(
    r"-[sSBwrRkj]+\d*|-[jlOCfI].*|--(no-print-directory|silent|quiet|always-make|keep-going|trace"
    r"|print-directory|no-builtin-rules|no-builtin-variables|warn-undefined-variables)"
    r"|--(jobs|load-average|output-sync|max-load|directory|file|makefile|include-dir)(=.*)?"
)
_MAKE_OPTIONS = ("-C", "-f", "-j", "--directory", "--file", "--makefile", "--jobs", "-o", "-W", "-I")


def _command_line(call: Call) -> dict[str, Variable]:
    """`make NAME=value`: wins over file and environment, and goes into the recipe's environment."""
    found: dict[str, Variable] = {}
    for word, text, kind in zip(call.words[1:], call.texts[1:], call.kinds[1:], strict=True):
        if word.raw.startswith(("-j", "--jobs", "-l")):
            continue
        if text is not None and text.startswith(("-E", "--eval")):
            raise _refuse(call, f"`{text}` is not followed")
        reference = _reference(word)
        variable = call.variables.get(reference[1]) if reference is not None else None
        if reference is not None and variable is not None and variable.origin != "shell":
            found[reference[0]] = replace(variable, origin="export")
            continue
        if text is None or kind is not Kind.PORTABLE:
            raise _refuse(call, "its arguments cannot be told")
        name, equals, value = text.partition("=")
        if equals and not name.startswith("-"):
            found[name.rstrip(":?")] = Variable(value, kind, "export")
    return found


def _reference(word: Word) -> tuple[str, str] | None:
    """NAME and VARIABLE of `NAME=$VARIABLE`."""
    name, equals, value = word.raw.partition("=")
    match = _REFERENCE.fullmatch(value.strip('"'))
    if not equals or match is None or not name.isidentifier():
        return None
    return name, match["braced"] or match["plain"]


def _assemble(file: str, name: str, lines: Sequence[Line], directory: str | None) -> _Recipe:
    """Each line of a recipe runs in a shell of its own."""
    script, numbers = [f"cd {directory or ''}"], [lines[0].line if lines else 1]
    for line in lines:
        rows = f"( {line.text}\n)".split("\n")
        script += rows
        numbers += [line.line + n for n in range(len(rows) - 1)] + [line.line]
    return _Recipe(file, "\n".join(script), tuple(numbers), name, directory)


def _is_script(call: Call, name: str) -> bool:
    if posixpath.basename(name) in ("sh", "bash", "ash", "dash"):
        at = next((n for n, t in enumerate(call.texts) if n and (t is None or not t.startswith("-"))), None)
        options = [t for t in call.texts[1:at] if t and not t.startswith("--")]
        return at is not None and not any("c" in o or "s" in o for o in options)
    return "/" in name and _placed(call, absolute(name, call.directory))[0] is not None


def _script(call: Call, _given: frozenset[str]) -> _Recipe:
    name = call.texts[0] or ""
    arguments = tuple(zip(call.words[1:], call.texts[1:], call.kinds[1:], strict=True))
    if posixpath.basename(name) in ("sh", "bash", "ash", "dash"):
        at = next(n for n, (_, t, _) in enumerate(arguments) if t is None or not t.startswith("-"))
        name, arguments = arguments[at][1] or "", arguments[at + 1 :]
    found = _read(call, absolute(name, call.directory))
    if found is None:
        raise _missing(call, [absolute(name, call.directory)], name)
    file, text = found
    first = text.split("\n", 1)[0]
    if first.startswith("#!") and not re.search(r"\b(sh|bash|ash|dash)\b", first):
        raise _refuse(call, "it is not a shell script", Place(1, file))
    if "$0" in text or "BASH_SOURCE" in text:
        raise _refuse(call, "it looks at its own place, which is not followed", Place(1, file))
    return _Recipe(
        file,
        f"cd {call.directory or ''}\n{text}",
        (1, *range(1, text.count("\n") + 2)),
        posixpath.basename(file),
        call.directory,
        positional={} if _MOVES_ARGUMENTS.search(text) else _positional(call, arguments),
    )


# Behind these `$1` is another one; in a function it is the function's.
_MOVES_ARGUMENTS = re.compile(r"\b(shift|getopts|function)\b|\bset\s+(--|[^-\s])|\w\s*\(\s*\)")
_PLAIN_ARGUMENT = re.compile(r"[\w./:=@+,-]+")


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


def _task(call: Call, given: frozenset[str]) -> _Recipe:
    """go-task: a `Taskfile.yml` whose task has plain commands and nothing else that decides what runs."""
    names = ("Taskfile.yml", "Taskfile.yaml", "taskfile.yml", "taskfile.yaml")
    found = next((f for n in names if (f := _read(call, absolute(n, call.directory))) is not None), None)
    if found is None:
        raise _missing(call, [absolute(n, call.directory) for n in names], "its Taskfile")
    wanted = [w for w in operands(call) if w is not None] or ["default"]
    lines: list[Line] = []
    exported = _task_environment(call, found[0], found[1], given)
    for name in wanted:
        lines += _task_lines(call, found[0], found[1], name)
    recipe = _assemble(found[0], " ".join(wanted), lines, call.directory)
    return replace(recipe, exported=exported)


_TASK_SECTION = re.compile(r"(version|output|method|run|interval|silent|vars|tasks):")
_TASK_VARIABLE = re.compile(
    r"""\s+(?P<name>\w+):\s+(?P<quote>["']?)(?P<text>[\w./:=@, +-]+)(?P=quote)\s*(#.*)?"""
)


def _task_environment(call: Call, file: str, text: str, given: frozenset[str]) -> dict[str, Variable]:
    """The `env` of the whole Taskfile: what is in the environment already stays as it is there."""
    found: dict[str, Variable] = {}
    section = ""
    for number, row in enumerate(text.split("\n"), 1):
        if not row.strip() or row.lstrip().startswith(("#", "---")):
            continue
        if not row[0].isspace():
            section = row.split(":")[0]
            if _TASK_SECTION.match(row) is None and row.rstrip() != "env:":
                raise _refuse(call, f"`{row.strip()}` is not followed", Place(number, file))
        elif section == "env":
            variable = _TASK_VARIABLE.fullmatch(row)
            if variable is None:
                raise _refuse(call, f"`{row.strip()}` is not followed", Place(number, file))
            name = variable["name"]
            if name in given or name in call.assignments or name in call.variables:
                raise _refuse(call, f"{name} is set in two places", Place(number, file))
            found[name] = Variable(variable["text"].strip(), Kind.PORTABLE, "export")
    return found


def _task_rows(text: str) -> list[tuple[int, str]]:
    """The rows below `tasks:`, with their numbers."""
    rows = list(enumerate(text.split("\n"), 1))
    start = next((n for n, (_, row) in enumerate(rows) if re.match(r"tasks:\s*(#.*)?$", row)), len(rows))
    below = rows[start + 1 :]
    end = next((n for n, (_, row) in enumerate(below) if re.match(r"[^\s#]", row)), len(below))
    return below[:end]


def _task_lines(call: Call, file: str, text: str, name: str) -> list[Line]:
    """The `cmds` of a task, read by indentation: only plain strings of one task without `deps`."""
    rows = _task_rows(text)
    outer = min((len(row) - len(row.lstrip()) for _, row in rows if row.strip()), default=0)
    heading = re.compile(rf"^\s{{{outer}}}[\"']?{re.escape(name)}[\"']?:\s*$")
    at = next((n for n, (_, row) in enumerate(rows) if heading.match(row)), None)
    if at is None:
        raise _refuse(call, f"task `{name}` cannot be found", Place(1, file))
    lines: list[Line] = []
    inside = False
    for number, row in rows[at + 1 :]:
        stripped = row.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if len(row) - len(row.lstrip()) <= outer:
            break
        item = re.match(r"^-\s+(?:cmd:\s+)?(?P<quote>['\"]?)(?P<text>.*?)(?P=quote)$", stripped)
        if stripped == "cmds:":
            inside = True
        elif re.match(r"^(desc|summary|silent|sources|generates|aliases|method|label):", stripped):
            inside = inside and stripped.startswith("silent:")
        elif inside and item is not None and _is_plain_item(item):
            if "{{" in item["text"]:
                raise _refuse(call, "it uses template values", Place(number, file))
            lines.append(Line(item["text"], number))
        elif inside or not re.match(r"^- \S+$", stripped):
            raise _refuse(call, f"`{stripped}` in it is not followed", Place(number, file))
    return lines


def _is_plain_item(item: re.Match[str]) -> bool:
    """Whether an entry of a YAML list is the command as it stands."""
    escape = {"": None, "'": "'", '"': "\\"}[item["quote"]]
    if escape is not None:
        return escape not in item["text"]
    return not re.match(r"^[|>{\[&*!%@`]|^(task|defer|for|vars):", item["text"]) and ": " not in item["text"]


def _mage(call: Call, _given: frozenset[str]) -> _Recipe:
    raise _refuse(
        call,
        "a mage target is a Go program, and what it runs cannot be told from its text",
        _named(call, "magefile.go"),
    )


def _goreleaser(call: Call, _given: frozenset[str]) -> _Recipe:
    names = (".goreleaser.yml", ".goreleaser.yaml", "goreleaser.yml", "goreleaser.yaml")
    place = next((p for n in names if (p := _named(call, n)) is not None), None)
    raise _refuse(
        call,
        "goreleaser decides by its own configuration what it builds",
        place,
        "call go build in the Dockerfile",
    )


def _named(call: Call, name: str) -> Place | None:
    return Place(1, name) if call.around.context.read(name) is not None else None


# What a command runs, when the names given are in its environment.
Finder = Callable[[Call, frozenset[str]], _Recipe]

_FINDERS: dict[str, Finder] = {
    "make": _make,
    "gmake": _make,
    "task": _task,
    "go-task": _task,
    "mage": _mage,
    "goreleaser": _goreleaser,
}


# -- what the recipe does


def _handle(call: Call, finder: Finder, walk: Walk, seeds: Mapping[str, str]) -> Effect:
    """Walk the recipe with the target's variables in the environment, until nothing in it would have to
    change. `seeds` are put there from the start.
    """
    added = dict(seeds)
    inserts: list[Change] = []
    for _ in range(_ROUNDS):
        recipe = finder(call, frozenset(added))
        script = parse_script(recipe.script)
        if script.has_error:
            raise _refuse(call, "its shell lines cannot be read without doubt", recipe.place(0))
        for name, wanted in added.items():
            if name in recipe.exported and recipe.exported[name].text != wanted:
                raise _refuse(call, f"it sets {name} itself, whatever the environment says", recipe.place(0))
        environment = {**_environment(call, added), **recipe.exported, **recipe.positional}
        effects, inner, writes = walk(call, script, environment, recipe.place)
        _check(call, effects, inner)
        new = _demanded(call, zip(inner, effects, strict=True), recipe, inserts)
        if not new.keys() - added.keys():
            break
        added.update(new)
    else:
        raise _refuse(call, "its variables could not be settled")
    needed = {need.name for effect in effects for need in effect.needs}
    idle = [name for name, value in seeds.items() if value.removeprefix("$") not in needed]
    if idle:
        return _handle(call, finder, walk, {n: v for n, v in seeds.items() if n not in idle})
    return _effect(call, recipe, effects, writes, added, inserts)


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


def _check(call: Call, effects: Sequence[Effect], inner: Sequence[Call]) -> None:
    """Refuse what a recipe must not do, naming its line."""
    for effect, command in zip(effects, inner, strict=True):
        if effect.reasons:
            first = effect.reasons[0]
            if UNKNOWN in first.text:
                raise _refuse(call, "a make variable or function in it cannot be told", command.place)
            place = first.place if first.place.file is not None else command.place
            raise _refuse(call, _FILLED_IN.sub(r"\1", first.text), place, first.cure or _CURE)
    compiling = [c for e, c in zip(effects, inner, strict=True) if e.compiles]
    for effect, command in zip(effects, inner, strict=True):
        if compiling and not effect.compiles and _runs_for_machine(command):
            raise _refuse(
                call,
                f"it also runs `{command.spelled()}`, which would get the target's variables too",
                command.place,
                "call the two from RUN instructions of their own",
            )


def _runs_for_machine(command: Call) -> bool:
    texts = command.texts
    if not texts:
        return False
    is_go = texts[0] == "go" and any(t in ("run", "test", "generate", "install", "tool") for t in texts[1:2])
    return is_go or runs_what_it_compiles(command)


def _demanded(
    call: Call, pairs: Iterable[tuple[Call, Effect]], recipe: _Recipe, inserts: list[Change]
) -> dict[str, str]:
    """The assignments that the recipe's commands need; InsertRun changes are collected."""
    found: dict[str, str] = {}
    for command, effect in pairs:
        for change in effect.changes:
            if isinstance(change, InsertRun):
                if change not in inserts:
                    inserts.append(change)
                continue
            if not isinstance(change, SetEnvironment) or change.replaced:
                text = f"`{command.spelled()}` in it would have to be changed"
                raise _refuse(call, text, _place_of(effect, recipe))
            for name, value in change.assignments:
                if found.setdefault(name, value) != value:
                    raise _refuse(
                        call, f"its commands need different values of {name}", _place_of(effect, recipe)
                    )
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
    inserts: Sequence[Change],
) -> Effect:
    changes: list[Change] = list(inserts)
    replaced = tuple((call.assignments[n][0].span, v) for n, v in added.items() if n in call.assignments)
    added = {name: value for name, value in added.items() if name not in call.assignments}
    if added or replaced:
        at = call.words[0].span.start if call.wrapper not in (None, "env") else call.command.span.start
        wrapper = "env" if added and call.wrapper not in (None, "env") else None
        assignments = tuple(
            sorted(added.items(), key=lambda pair: _ORDER.index(pair[0]) if pair[0] in _ORDER else 99)
        )
        reason = f"`{recipe.name}` of {recipe.file} takes them from the environment"
        changes.append(SetEnvironment(call.number, at, assignments, replaced, reason, wrapper))
    notes = tuple(n.replace("line ", f"{recipe.file} line ", 1) for e in effects for n in e.notes)
    where = Evidence(
        f"`{call.spelled()}` runs `{recipe.name}` of {recipe.file}, which was looked into", call.place
    )
    compiles = any(e.compiles for e in effects)
    return Effect(
        writes=tuple(writes),
        output=Kind.UNKNOWN,
        changes=tuple(changes),
        needs=tuple(n for e in effects for n in e.needs),
        evidence=(where, *(v for e in effects for v in e.evidence)),
        notes=notes,
        conditions=tuple(c for e in effects for c in e.conditions),
        questions=tuple(replace(q, at=call.command.span.start) for e in effects for q in e.questions),
        packages=tuple(p for e in effects for p in e.packages),
        compiles=compiles,
        toolchain="go" if compiles else None,
    )
