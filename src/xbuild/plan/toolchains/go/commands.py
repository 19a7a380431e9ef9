"""Go: the compiler targets every platform by itself; cgo brings a C compiler along.

Sources: `go help environment`, `go help build`, `go help install`, Go `src/internal/buildcfg/cfg.go`
(GOARM, GOAMD64; an empty value is the default), Go `src/cmd/go/internal/cfg/cfg.go` (CGO_ENABLED defaults
to 0 when cross-compiling), docker-library/golang (GOPATH). Docker's architecture names are the GOARCH names
for all platforms known here.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from xbuild.dockerfile.script import Expansion
from xbuild.plan.demands import assigned
from xbuild.plan.facts.filesystem import (
    TOOL_FOLDERS,
    Kind,
    Write,
    is_in_any,
    join,
    overlaps,
    through_links,
)
from xbuild.plan.model import Evidence, Place, Reason
from xbuild.plan.programs.generators import generated, read_kind
from xbuild.plan.programs.program import anything, plain, source_kind, told_kind, word_kind, write
from xbuild.plan.reading.foreign import foreign_program
from xbuild.plan.recipes.own_files import written_by_tests
from xbuild.plan.recipes.recipe import context_path, copied_path
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Demand, Effect, Need
from xbuild.plan.toolchains.go import cgo
from xbuild.plan.toolchains.go.arguments import (
    binary_name,
    environment_text,
    flag,
    is_read,
    packages_of,
    with_single_dashes,
)
from xbuild.plan.toolchains.go.folders import go_cache, gopath_of, install_folder, module_cache
from xbuild.plan.toolchains.go.plugins import why_plugins_matter
from xbuild.plan.toolchains.go.programs import EMBEDDERS, GENERATORS, runs_what_it_compiles
from xbuild.plan.toolchains.go.sources import why_arguments_matter, why_not_portable
from xbuild.plan.toolchains.go.wiring import SUBSTITUTION, asks_go_told, wire
from xbuild.text import Span, expression

# What `go env` answers alike on every platform.
_ANSWERED_ALIKE = frozenset(
    words(
        "GOPATH GOMODCACHE GOCACHE GOBIN GOVERSION GOPROXY GOSUMDB GOFLAGS GOMOD GOWORK GO111MODULE "
        "GOPRIVATE GONOSUMDB GONOPROXY GOINSECURE GOTMPDIR GOENV GOEXPERIMENT GOVCS GOTOOLCHAIN GOTELEMETRY "
        "GOAUTH GODEBUG GCCGO"
    )
)


def judge(call: Call) -> Effect | None:
    """The effect of `go …` and `xx-go …`; None for other commands."""
    name = call.texts[0]
    if name is None:
        return None
    program = posixpath.basename(name)
    if program in ("go", "xx-go") and "--wrap" not in call.texts:
        call = replace(call, texts=with_single_dashes(call.texts))
    if program == "xx-go":
        return replace(_xx_go(call), puts_into_folders=True)
    strange = why_plugins_matter(call, program)
    if strange is not None:
        return _unknown(call, strange)
    if runs_what_it_compiles(call):
        return _generator(call)
    if program != "go" or name not in ("go", "/usr/local/go/bin/go", "/usr/lib/go/bin/go"):
        return None
    has_folder, folder = flag(call, "-C")
    if call.texts[1:2] == ("-C",):
        call = _without_folder(call)
    verb = next((t for t in call.texts[1:] if t is None or not t.startswith("-")), "")
    if verb is None:
        return _unknown(call, "its subcommand cannot be read")
    handler = _VERBS.get(verb)
    if has_folder:
        call = replace(call, directory=call.seen(folder))
    effect = handler(call) if handler else _unknown(call, f"`go {verb}` is not known")
    runs_others = any(t and t.startswith(("-toolexec", "-vettool", "-exec")) for t in call.texts)
    is_own = verb in ("run", "generate", "tool") and not _runs_module(call)
    made = tuple(replace(w, adds=w.path is not None and not is_own) for w in effect.writes)
    sees = runs_others or verb not in _BLIND
    here = verb in ("run", "test", "generate", "install", "tool") and not effect.compiles
    reads = () if verb in ("env", "help", "version") else effect.reads
    return replace(
        effect, writes=made, reads=reads, sees_environment=sees, puts_into_folders=True, runs_here=here
    )


def _runs_module(call: Call) -> bool:
    """Whether what `go run` or `go tool` runs is named by an import path: no program of the project's own."""
    package = next((p for p in packages_of(call) if p), None)
    return package is not None and not package.startswith((".", "/")) and "/" in package


# Verbs that take nothing from a variable which is no setting of Go's.
_BLIND = frozenset(words("mod env version build install get list vet work clean fmt fix doc help"))


def _without_folder(call: Call) -> Call:
    """`go -C FOLDER VERB …` as `go VERB …`."""
    words, texts, kinds = ((x[0], *x[3:]) for x in (call.words, call.texts, call.kinds))
    return replace(call, words=words, texts=texts, kinds=kinds)


def _unknown(call: Call, text: str, cure: str | None = None) -> Effect:
    effect = anything(call)
    return replace(effect, reasons=(Reason(f"`{call.spelled()}`: {text}", call.place, cure=cure),))


# -- verbs that do not compile for the image


def _reads(call: Call) -> Effect:
    return Effect(output=word_kind(call))


# What a template of `go list` may ask for that is the same on every platform.
_LISTED = frozenset(
    words(
        "ImportPath Dir Name Path Version Module Main GoMod GoVersion Doc Standard Root Replace Indirect "
        "if else end not and or eq ne len with range join define printf print println"
    )
)
_LIST_SAME = frozenset(
    ("-f", "-m", "-mod", "-modfile", "-tags", "-e", "-find", "-u", "-versions", "-buildvcs")
)


def _list(call: Call) -> Effect:
    """Module names and package paths are the same everywhere; the rest goes by GOARCH."""
    flags = {t.partition("=")[0] for t in call.texts[1:] if t is not None and t.startswith("-")}
    has_template, template = flag(call, "-f")
    asked = set(re.findall(r"[A-Za-z]\w*", " ".join(re.findall(r"\{\{(.*?)\}\}", template or "", re.DOTALL))))
    allowed = _LIST_SAME | ({"-json"} if "-m" in flags else set())
    is_same = flags <= allowed and asked <= _LISTED and not (has_template and template is None)
    is_same = is_same and ("-m" in flags or not any(_is_pattern(p) for p in packages_of(call)))
    return Effect(output=word_kind(call) if is_same else Kind.BUILD)


def _is_pattern(package: str | None) -> bool:
    """Whether which packages it names depends on GOARCH (`go help packages`, build constraints)."""
    return package is None or "..." in package or package in ("all", "std", "cmd", "tool", "work")


def _vet(call: Call) -> Effect:
    """Checks for the build platform; what it finds is told of that one."""
    return Effect(output=Kind.BUILD, notes=_runs_here(call))


def _documents(_call: Call) -> Effect:
    """What there is to document depends on GOARCH."""
    return Effect(output=Kind.BUILD)


def _runs_here(call: Call) -> tuple[str, ...]:
    return (f"line {call.place.line}: `{call.spelled()}` now runs on the build platform",)


# The third word that `go version` prints is the release; the platform is the fourth.
RELEASE = expression(
    r"""(?:\$\(|`)\s*go\s+version\s*\|\s*"""
    r"""(?:awk\s+[{'"\s]*print\s+\\?\$3[}'";\s]*|cut\s+-d\s*(?:' '|" "|\\ )\s+-f\s*3\s*)(?:\)|`)"""
)
TARGETED = ("GOOS", "GOARCH", "GOARM", "GOAMD64")


def _natively(call: Call) -> tuple[Demand, Reason | None]:
    """What the environment says about the target must not reach a program that runs during the build.

    An empty value stands for the default (Go `src/internal/buildcfg/cfg.go`, `envOr`).
    """
    if call.around.is_pinned_by_author:
        return Demand(), None
    assigned = {n: call.assignments[n][0].value for n in TARGETED if n in call.assignments}
    if assigned and assigned != {"GOOS": "linux"}:
        return Demand(), Reason(
            f"`{call.spelled()}` names the platform of a program that runs during the build",
            call.place,
            cure="drop GOOS and GOARCH in front of it",
        )
    named = [n for n in TARGETED if (v := call.variables.get(n)) and v.origin != "shell" and v.text != ""]
    named = [n for n in named if not (n == "GOOS" and call.variables[n].text == "linux")]
    if not named:
        return Demand(), None
    if not call.is_editable:
        return Demand(), Reason(f"`{call.spelled()}` would run a program made for the target", call.place)
    return Demand(tuple((n, "") for n in named), "it runs during the build, on the build platform"), None


def _generator(call: Call) -> Effect:
    """What calls go and runs what it compiles must not see the target's variables."""
    demand, reason = _natively(call)
    if reason is not None:
        return replace(anything(call), reasons=(reason,))
    return replace(generated(call, read_kind(call, call.texts[1:])), demand=demand, runs_here=True)


def _version(_call: Call) -> Effect:
    return Effect(output=Kind.BUILD)


def _env(call: Call) -> Effect:
    names = [t for t in call.texts[2:] if t is not None]
    if "-w" in names or "-u" in names:
        return _env_write(call)
    asked = {n for n in names if not n.startswith("-")}
    told = {n: v.kind for n, v in call.variables.items() if v.origin != "shell" and v.text != ""}
    kinds = (Kind.PORTABLE if n in _ANSWERED_ALIKE else told.get(n, Kind.BUILD) for n in asked)
    return Effect(output=join(kinds) if asked else Kind.BUILD)


# What `go env -w` may set without any effect on what is compiled, and where to.
_FETCHING = frozenset(
    words(
        "GO111MODULE GOPROXY GOPRIVATE GONOPROXY GOSUMDB GONOSUMDB GOINSECURE GOVCS GOAUTH GOTELEMETRY "
        "GOCACHE GOMODCACHE GOTMPDIR"
    )
)
_HARMLESS_FLAGS = expression(
    r"(-mod=(mod|vendor|readonly)|-modcacherw|-trimpath|-buildvcs=(false|true|auto)|-v|-x|-insecure|-p=\d+)"
)


def _env_write(call: Call) -> Effect:
    """`go env -w`: a setting for every later go command, which nothing else shows."""
    others: list[str] = []
    for text in (t for t in call.texts[2:] if t is None or not t.startswith("-")):
        name, _, value = ("?", "", "") if text is None else text.partition("=")
        is_harmless = name in _FETCHING or (
            name == "GOFLAGS" and all(_HARMLESS_FLAGS.fullmatch(f) for f in value.split())
        )
        if not is_harmless:
            others.append(name)
    if others:
        return _unknown(
            call,
            f"sets {', '.join(sorted(others))} for every later go command",
            "use ENV, or set it in front of the go command that needs it",
        )
    return plain(call, word_kind(call))


def _modules(call: Call) -> Effect:
    """`go mod` and `go work`: to a module elsewhere on the machine it is not followed."""
    operands = packages_of(call)
    named = (t.rpartition("=")[2] for t in call.texts[2:] if t is not None and t != "-o")
    is_edit = any(t in ("edit", "use", "init") for t in call.texts[2:3])
    if is_edit and any(p.startswith("/") for p in named):
        return _unknown(call, "it names a module by an absolute path", "name it relative to this one")
    folders = (module_cache(call), call.directory)
    if operands[:1] == ("vendor",):
        kind = join(
            (word_kind(call), *(source_kind(call, p) for p in (".", *_other_modules(call)) if p[:2] != "//"))
        )
        into = write(call, flag(call, "-o")[1], kind) if flag(call, "-o")[0] else write(call, ".", kind)
        made = (Write(f, Kind.PORTABLE, call.place, call.spelled()) for f in folders if f is not None)
        return Effect(writes=(*made, into), output=kind)
    return Effect(
        writes=tuple(Write(f, Kind.PORTABLE, call.place, call.spelled()) for f in folders if f is not None),
        output=word_kind(call),
    )


def _get(call: Call) -> Effect:
    """Adds modules; before Go 1.18 it also installed programs."""
    effect = _modules(call)
    version = call.around.image.version
    if "-d" in call.texts or (version is not None and version >= (1, 18)):
        return effect
    folder = install_folder(call)
    return replace(effect, writes=(*effect.writes, Write(folder, Kind.BUILD, call.place, call.spelled())))


def _run(call: Call) -> Effect:
    package = next((p for p in packages_of(call) if p), None)
    name = binary_name(package) if package else None
    demand, reason = _natively(call)
    if reason is not None:
        return replace(anything(call), reasons=(reason,))
    is_known = name in GENERATORS and package is not None and not package.startswith(".")
    strange = why_plugins_matter(call, name) if is_known else None
    if is_known and strange is None and not _is_told_of_machine(call):
        return _generated(call, name, demand)
    why = strange or _why_not_run_alike(call, package)
    if why is None:
        return _generated(call, None, demand)
    return _unknown(
        call,
        f"what the program writes cannot be told ({why}), and it now would run on the build platform",
        "run it before the image is built and COPY its output, or in a stage of its own",
    )


def _generated(call: Call, program: str | None, demand: Demand) -> Effect:
    """What a program makes that writes the same text everywhere, unless what it reads is not the same.

    `program` None is one of the project's own, which may read all that is here.
    """
    kind = read_kind(call, call.texts[2:])
    if program is None or program in EMBEDDERS:
        kind = join((kind, source_kind(call, ".")))
    kind = word_kind(call) if kind.is_right else join((kind, word_kind(call)))
    return Effect(writes=(write(call, ".", kind),), output=kind, notes=_runs_here(call), demand=demand)


def _why_not_run_alike(call: Call, package: str | None) -> str | None:
    """Why a program of the project's own may write different text on another platform."""
    if package is None or not package.startswith("."):
        return "it is not known"
    if word_kind(call) >= Kind.BUILD or _is_told_of_machine(call):
        return "what it is told depends on the machine"
    folder = posixpath.dirname(package) if package.endswith(".go") else package
    where = call.seen(folder)
    place = context_path(call, posixpath.join(where, "main.go")) if where is not None else None
    if place is None or where is None:
        return "its source is not in the build context"
    source = posixpath.dirname(place)
    for name in call.around.context.files(source):
        if context_path(call, posixpath.join(where, posixpath.relpath(name, source or "."))) != name:
            return f"{name} was changed during the build"
    return why_not_portable(call.around.context, source or ".")


def _tool(call: Call) -> Effect:
    name = next((t for t in call.texts[2:] if t and not t.startswith("-")), None)
    if name in ("cover", "pprof"):
        return Effect(
            writes=tuple(write(call, p, Kind.BUILD) for p in (".", *_left(call))), output=Kind.BUILD
        )
    if name in ("nm", "objdump", "trace", "vet", "doc") or (name == "buildid" and "-w" not in call.texts):
        return Effect(output=Kind.BUILD)
    demand, reason = _natively(call)
    if name in GENERATORS and reason is None and why_plugins_matter(call, name) is None:
        return _generated(call, name, demand)
    return _unknown(call, "what the tool writes cannot be told")


_DIRECTIVE = expression(r"^//go:generate[ \t]+(.*)$", re.MULTILINE)


def _generate(call: Call) -> Effect:
    """Portable if every `//go:generate` of the context names a generator whose text is the same
    everywhere.
    """
    demand, refused = _natively(call)
    if refused is not None:
        return replace(anything(call), reasons=(refused,))
    texts = {f: call.around.context.read(f) for f in call.around.context.files() if f.endswith(".go")}
    if not texts or not cgo.is_from_context(call) or None in texts.values():
        return _unknown(call, "the files with //go:generate lines cannot be looked at")
    for name, text in texts.items():
        for match in _DIRECTIVE.finditer(text or ""):
            program = _directive_program(match[1])
            line = match.string.count("\n", 0, match.start()) + 1
            why = _why_not_generated_alike(call, match[1], program, posixpath.dirname(name))
            if why is not None:
                reason = Reason(
                    f"`{call.spelled()}` runs `{match[1].strip()}`, whose output cannot be told to be "
                    f"the same on every platform: {why}",
                    Place(line, name),
                    cure="run it before the image is built and commit its output, or in a stage of its own",
                )
                return replace(anything(call), reasons=(reason,))
    return Effect(
        writes=(write(call, ".", Kind.PORTABLE),),
        output=word_kind(call),
        demand=demand,
        evidence=(
            Evidence(
                "every //go:generate names a generator whose text is the same on every platform", call.place
            ),
        ),
        notes=_runs_here(call),
    )


def _why_not_generated_alike(call: Call, directive: str, program: str | None, folder: str) -> str | None:
    """Why what a `//go:generate` line runs may write different text on another platform."""
    asked = why_arguments_matter(directive)
    if asked is not None:
        return asked
    if _is_told_of_machine(call):
        return "a variable in its environment depends on the machine"
    if program is None:
        package = _own_package(directive)
        if package is None:
            return "the program is not known"
        return why_not_portable(call.around.context, posixpath.join(folder, package))
    if program not in GENERATORS:
        return "the program is not known"
    inner = replace(call, directory=call.seen(folder or "."))
    given = [text.strip("\"'") for text in directive.split()[1:]]
    read = join((read_kind(inner, given), source_kind(inner, ".") if program in EMBEDDERS else Kind.PORTABLE))
    if not read.is_right:
        return "it reads what is not the same on every platform"
    given = directive[directive.index(program) :].split() if program in directive.split() else [program]
    started = replace(inner, texts=tuple(given))
    foreign = foreign_program(started)
    return f"`{foreign[0]}` is made for the target" if foreign else why_plugins_matter(started, program)


def _is_told_of_machine(call: Call) -> bool:
    """Whether an exported variable, an assignment or a condition in front of it carries the machine's
    name.
    """
    return told_kind(call) >= Kind.BUILD


def _own_package(directive: str) -> str | None:
    """The folder that `go run ./FOLDER …` names, relative to where it runs."""
    words = directive.split()
    if words[:2] != ["go", "run"] or len(words) < 3 or not words[2].startswith("."):
        return None
    return posixpath.dirname(words[2]) or "." if words[2].endswith(".go") else words[2]


def _directive_program(text: str) -> str | None:
    words = text.split()
    while words and (("=" in words[0] and not words[0].startswith("-")) or words[0] in ("env", "-command")):
        words = words[1:]
    if words[:2] in (["go", "run"], ["go", "tool"]):
        package = next((w for w in words[2:] if not w.startswith("-")), "")
        return None if package.startswith(".") else binary_name(package)
    return words[0] if words else None


# -- verbs that compile


def _build(call: Call) -> Effect:
    return _compile(call, _build_output(call))


def _test(call: Call) -> Effect:
    if "-c" in call.texts and call.directory is not None:
        output = _build_output(call)
        if any(w.path and call.around.is_shipped(w.path) for w in output):
            return _compile(call, output)
    demand, reason = _natively(call)
    if reason is not None:
        return replace(anything(call), reasons=(reason,))
    # A test runs in the folder of its package (`go help test`), and may write what it likes there.
    places = (".", *(p for p in packages_of(call) if p and p.startswith(("..", "/"))))
    aside = () if "-c" in call.texts or call.around.is_pinned_by_author else places
    return Effect(
        writes=(
            *(write(call, p, Kind.BUILD) for p in _left(call)),
            *(written_by_tests(call, call.seen(p.removesuffix("...") or ".")) for p in aside),
        ),
        output=Kind.BUILD,
        notes=_runs_here(call),
        demand=demand,
    )


_LEAVES = expression(
    r"--?(?:test\.)?(c|o|output|\w*profile|outputdir|trace|fuzzcachedir|gocoverdir|testlogfile)(?:=(.*))?",
    re.DOTALL,
)


def _left(call: Call) -> tuple[str | None, ...]:
    """Where a test or a tool was asked to write something (`go help testflag`; it is not expected to by
    itself): here, and at what such a flag names.
    """
    found: list[str | None] = ["."] if any(t is None for t in call.texts[1:]) else []
    following = (*call.texts[2:], ".")
    for text, behind in zip(call.texts[1:], following, strict=True):
        match = _LEAVES.fullmatch(text or "")
        if match is not None:
            found += [".", match[2] or behind] if match[1] != "c" else ["."]
    return tuple(dict.fromkeys(found))


def _build_output(call: Call) -> tuple[Write, ...]:
    has_output, path = flag(call, "-o")
    if has_output:
        if path == "/dev/null":
            return ()
        packages = packages_of(call)
        if path and path.endswith("/") and packages and all(p and _is_named(p) for p in packages):
            names = [path + binary_name(p) for p in packages if p]
            return tuple(write(call, name, Kind.CROSS, is_file=True) for name in names)
        return (write(call, path, Kind.CROSS, is_file=path is not None),)
    return (write(call, ".", Kind.CROSS),)


def _is_named(package: str) -> bool:
    """Whether the path of a package ends in the name of the program that it makes."""
    return (
        not any(c in package for c in "*[")
        and "..." not in package
        and posixpath.basename(package) not in ("", ".", "..")
    )


def _install(call: Call) -> Effect:
    """Shipped: compiled for the target; else a tool for the build, which stays as it is."""
    packages = packages_of(call)
    folder = install_folder(call)
    if folder is None:
        return _unknown(
            call,
            "where it writes to is not known (GOBIN, GOPATH)",
            "set ENV GOBIN, or write `go build -o PATH` instead",
        )
    names = [binary_name(p) if p and _is_named(p.split("@")[0]) else None for p in packages]
    paths = [posixpath.join(folder, n) if n else folder for n in names] or [folder]
    is_moved = "_${TARGETARCH}/* " in call.script[call.command.span.end :]
    if not is_moved and not any(_is_shipped(call, p) for p in paths):
        made = tuple(Write(p, Kind.BUILD, call.place, call.spelled()) for p in paths)
        demand, reason = _natively(call)
        if reason is not None:
            return replace(anything(call), reasons=(reason,))
        note = f"line {call.place.line}: `{call.spelled()}` is a tool for the build and stays native"
        return Effect(writes=made, notes=(note,), output=Kind.BUILD, demand=demand)
    used = next((n for n in names if n and _is_used_later(call, n)), None)
    if used is not None:
        return _unknown(call, f"`{used}` is shipped and also used during the build", "install it twice")
    writes = tuple(Write(p, Kind.CROSS, call.place, call.spelled(), p != folder) for p in paths)
    if any(p and "@" in p for p in packages):
        return _install_versioned(call, folder, writes)
    return _install_local(call, folder, writes)


def _is_shipped(call: Call, path: str) -> bool:
    """Whether a path ends up in an image, by its own name or through a symbolic link."""
    landed = through_links(call.writes, Write(path, Kind.CROSS, call.place, ""))
    return any(w.path is None or call.around.is_shipped(w.path) for w in landed)


def _install_local(call: Call, folder: str, writes: tuple[Write, ...]) -> Effect:
    """`go install` refuses or moves its output when cross-compiling; `go build -o FOLDER/` does neither."""
    version = call.around.image.version
    if version is not None and version < (1, 13):
        return _unknown(call, "`go build -o FOLDER/` needs Go 1.13", "write `go build -o PATH` instead")
    effect = _compile(call, writes)
    verb = next((w for w in call.words if w.value == "install"), None)
    if verb is None:
        return _unknown(call, "the word `install` does not stand there", "write `go install` out")
    if effect.reasons:
        return effect
    why = "go install writes elsewhere when cross-compiling; go build -o writes to the same place for all"
    word = (verb.span, f"build -o {folder}/", why)
    return replace(effect, demand=replace(effect.demand, words=(*effect.demand.words, word)))


def _install_versioned(call: Call, folder: str, writes: tuple[Write, ...]) -> Effect:
    effect = _compile(call, writes, has_module=False)
    if effect.reasons:
        return effect
    gopath = gopath_of(call)
    if gopath is None:
        return _unknown(call, "GOPATH is not known", "set GOPATH, or write `go build -o PATH`")
    cross = f"{gopath}/bin/${{TARGETOS}}_${{TARGETARCH}}"
    made = Write(posixpath.join(gopath, "bin"), Kind.CROSS, call.place, call.spelled(), is_listed=True)
    effect = replace(effect, writes=(made, *effect.writes))
    needs = (*effect.needs, *(Need(n, call.instruction, "go install") for n in ("TARGETOS", "TARGETARCH")))
    text = call.script
    if cross in text[call.command.span.end :]:
        return replace(effect, needs=needs)
    own = posixpath.join(gopath, "bin")
    packages = packages_of(call)
    if folder != own and not all(p and _is_named(p.split("@")[0]) for p in packages):
        return _unknown(call, "the names of its programs are not known", "name the packages one by one")
    native = " ".join(f"{own}/{binary_name(p)}" for p in packages if p)
    if any(
        s.kind in ("pipeline", "negation", "background", "or") or s.condition for s in call.command.scopes
    ):
        return _unknown(call, "its output would have to be moved afterwards", "give it a RUN of its own")
    made_here = f"else mv {native} {folder}/; " if folder != own else ""
    moves = (
        f" && mkdir -p {folder}" if folder != own else ""
    ) + f" && if [ -d {cross} ]; then mv {cross}/* {folder}/ && rmdir {cross}; {made_here}fi"
    behind = (moves, "go install writes to a folder of its own when cross-compiling")
    # GOBIN is refused when cross-compiling (Go `src/cmd/go/internal/work/build.go`).
    without = (("GOBIN", ""),) if environment_text(call, "GOBIN")[0] else ()
    demand = effect.demand
    demand = replace(demand, environment=(*demand.environment, *without), behind=behind)
    return replace(effect, demand=demand, needs=needs)


def _is_used_later(call: Call, name: str) -> bool:
    """Whether the stage's text names the program as a word of its own anywhere else."""
    text = call.around.text
    spelled = len(re.findall(rf"(?<![\w./@-]){re.escape(name)}(?![\w./@-])", text))
    return spelled > 0 and name not in ("server", "app", "main")


def _compile(call: Call, writes: tuple[Write, ...], *, has_module: bool = True) -> Effect:
    refusal = _refusal(call)
    if refusal is not None:
        return replace(anything(call), reasons=(refusal,))
    wiring = wire(call)
    if wiring.reasons:
        return replace(anything(call), reasons=wiring.reasons)
    decision = cgo.decide(
        call, packages_of(call), has_module=has_module, is_independent=wiring.is_independent
    )
    if decision.reasons:
        return replace(anything(call), reasons=decision.reasons)
    kind = Kind.PORTABLE if wiring.is_independent else Kind.CROSS
    substituted, substitution_needs = _substitutions(call)
    environment = (*decision.added, *wiring.added)
    demand = Demand(environment, "compile for the target", substituted, before=decision.before)
    spans = [*(s for s, _ in assigned(call, environment)), *(s for s, _, _ in substituted)]
    broken = _broken(call, spans)
    if broken is not None:
        return replace(anything(call), reasons=(broken,))
    is_static = decision.is_off and not flag(call, "-buildmode")[0]
    return Effect(
        writes=tuple(replace(w, kind=kind, is_static=is_static) for w in writes),
        output=join((kind, word_kind(call))) if kind is Kind.PORTABLE else kind,
        demand=demand,
        needs=(*wiring.needs, *decision.needs, *substitution_needs),
        evidence=(
            Evidence(f"`{call.spelled()}` compiles for the platform it is told", call.place),
            *decision.evidence,
        ),
        notes=(*wiring.notes, *decision.notes),
        conditions=decision.conditions,
        questions=decision.questions,
        compiles=True,
    )


def _refusal(call: Call) -> Reason | None:
    """Why this command cannot be edited, or what it reads is not accounted for."""
    if not is_read(call):
        return Reason(
            f"`{call.spelled()}` has an option that is not known",
            call.place,
            cure="write its options out, and none but those of `go help build`",
        )
    if not call.is_editable:
        return Reason(
            f"`{call.spelled()}` is in exec form, in which no variable is expanded",
            call.place,
            cure="write it in shell form: RUN go build …",
        )
    if call.condition >= Kind.BUILD:
        return Reason(
            f"whether `{call.spelled()}` runs depends on the machine (uname, dpkg, …)",
            call.place,
            cure="test $TARGETARCH instead",
        )
    if any(s.kind == "substitution" and call.script[s.span.start] == "`" for s in call.command.scopes):
        return Reason(
            f"`{call.spelled()}` stands in backticks, in which nothing can be added safely",
            call.place,
            cure="write $(…) in their place",
        )
    bad_word = _machine_word(call)
    if bad_word is not None:
        raw, kind = bad_word
        known = kind is Kind.BUILD
        what = "depends on the machine that the build runs on" if known else "cannot be told"
        return Reason(
            f"`{raw}` {what}, and goes into `{call.spelled()}`",
            call.place,
            cure="use $TARGETARCH in its place" if known else "write it out",
        )
    return _unaccounted(call) or _settings(call) or _another_go(call)


def _another_go(call: Call) -> Reason | None:
    """A program called go that the project puts in front of the real one."""
    path = call.variables.get("PATH")
    folders = (path.text or "").split(":") if path is not None and path.text else cgo.SEARCHED
    files = call.around.context.files()
    for folder in (f.rstrip("/") for f in folders if f.startswith("/")):
        name = f"{folder}/go"
        made = next((w for w in call.writes.exactly(name) if not w.is_package), None)
        if made is not None or ((place := copied_path(call, name)) is not None and place in files):
            where = made.place if made is not None else call.place
            text = f"{name} is not known to be the go command that `{call.spelled()}` means"
            return Reason(text, where, name, "give it another name")
    return None


def _settings(call: Call) -> Reason | None:
    """Settings of Go that change what is compiled and that cannot be read."""
    told, flags = environment_text(call, "GOFLAGS")
    if told and (flags is None or re.search(r"(^|\s)'?--?(o|C|toolexec|overlay|compiler)\b", flags)):
        text = f"what GOFLAGS asks of `{call.spelled()}` cannot be told"
        return Reason(text, call.place, cure="write these flags behind go build")
    told_kinds = {n: v.kind for n, v in call.variables.items() if v.origin != "shell"}
    told_kinds.update((n, kind) for n, (_, kind) in call.assignments.items())
    for name, kind in told_kinds.items():
        if kind >= Kind.BUILD and _READ_BY_GO.fullmatch(name):
            text = f"{name}, which `{call.spelled()}` reads, depends on the machine or cannot be told"
            return Reason(text, call.place, cure="set it to a value that is the same everywhere")
    told, file = environment_text(call, "GOENV")
    if told and file not in ("", "off"):
        return Reason(f"GOENV gives `{call.spelled()}` settings from a file", call.place, cure="use ENV")
    for made in call.writes.where(_is_settings):
        text = f"line {made.place.line} writes a file of settings that `{call.spelled()}` reads"
        return Reason(text, made.place, made.path, "use ENV")
    return None


def _is_settings(made: Write) -> bool:
    return made.path is not None and bool(re.search(r"/\.config/go(/|$)|/usr/local/go/go\.env$", made.path))


# `go help environment`; GOOS, GOARCH, GOARM and CGO_ENABLED are looked at where they are set.
_READ_BY_GO = expression(
    r"GO(386|AMD64|ARM64|MIPS|MIPS64|PPC64|RISCV64|WASM|EXPERIMENT|FLAGS|ENV|ROOT|TOOLCHAIN|FIPS140|DEBUG|WORK|PATH)"
    r"|GO111MODULE|GO_EXTLINK_ENABLED|CGO_(?!ENABLED$)\w+|PATH"
)
# How many compilers run at once is not seen in what they make.
_PROCESSORS = expression(r"""["']?\$\((nproc( --all)?|getconf _NPROCESSORS_ONLN)\)["']?""")


def _machine_word(call: Call) -> tuple[str, Kind] | None:
    """A word that is not the same on every machine, shortened, and what it depends on."""
    for at, (word, kind) in enumerate(zip(call.words, call.kinds, strict=True)):
        if kind >= Kind.BUILD and not (call.texts[at - 1] == "-p" and _PROCESSORS.fullmatch(word.raw)):
            bad = [e for e in word.expansions if call.kind_of(e) >= Kind.BUILD and not _is_go_env(call, e)]
            if bad:
                raw = word.raw if len(word.raw) <= 60 else word.raw[:57] + "..."
                return raw, join(call.kind_of(e) for e in bad)
    return None


def _is_go_env(call: Call, expansion: Expansion) -> bool:
    return SUBSTITUTION.match(call.script[expansion.span.start : expansion.span.end]) is not None


def _broken(call: Call, spans: Sequence[Span]) -> Reason | None:
    """A word to be replaced that has a comment in its midst, over several lines, cannot be."""
    script = call.run.script if call.run.script is not None and call.run.script.text == call.script else None
    source = call.scope.graph.dockerfile.source.text
    for span in spans:
        offsets = script.offsets[span.start : span.end] if script is not None else ()
        if any("#" in source[a + 1 : b] for a, b in pairwise(offsets)):
            return Reason(f"a word of `{call.spelled()}` has a comment in its midst", call.place)
    return None


def _substitutions(call: Call) -> tuple[tuple[tuple[Span, str, str], ...], tuple[Need, ...]]:
    """`$(go env GOARCH)` in an argument is expanded before the prefix applies: it would name the build
    platform.
    """
    words: list[tuple[Span, str, str]] = []
    needs: list[Need] = []
    for word in dict.fromkeys(call.words):
        for expansion in word.expansions:
            match = SUBSTITUTION.match(call.script[expansion.span.start : expansion.span.end])
            if match is None or asks_go_told(call, expansion, "TARGET" + match[1][2:]):
                continue
            name = "TARGET" + match[1][2:]
            why = f"`go env {match[1]}` would name the build platform"
            words.append((expansion.span, f"${{{name}}}", why))
            needs.append(Need(name, call.instruction, "stamped into the binary"))
    return tuple(words), tuple(needs)


def _unaccounted(call: Call) -> Reason | None:
    """Something earlier that the compiler may read and that is not known to be right for the target."""
    folder = install_folder(call)
    read_elsewhere = _read_elsewhere(call)
    elsewhere = (
        *TOOL_FOLDERS,
        "/usr/local/go",
        *((folder,) if folder else ()),
        *_cache_folders(call),
    )
    for made in call.writes.where(_is_wrong):
        apart = made.path is not None and (made.is_package or is_in_any(made.path, elsewhere))
        apart = apart and not any(overlaps(made.path or "/", read) for read in read_elsewhere)
        if (
            apart
            and made.path is not None
            and call.directory is not None
            and not overlaps(made.path, call.directory)
        ):
            continue
        what = "is for the build platform" if made.kind is Kind.BUILD else "cannot be told"
        return Reason(
            f"`{call.spelled()}` may read what line {made.place.line} left (`{made.text}`), and that {what}",
            made.place,
            made.path,
            "move that step to a stage of its own, or behind the build, or make its output the same "
            "for all platforms",
        )
    return None


def _is_wrong(made: Write) -> bool:
    return not made.kind.is_right


def _read_elsewhere(call: Call) -> tuple[str, ...]:
    """What the command reads among the folders of tools: Go's own sources, and what it is given by path."""
    output = flag(call, "-o")[1]
    given = [text.partition("=")[2] or text for text in call.texts[2:] if text is not None]
    found = [text for text in (*given, *_other_modules(call)) if text.startswith("/") and text != output]
    return ("/usr/local/go/src", "/usr/local/go/pkg", *found)


def _other_modules(call: Call) -> tuple[str, ...]:
    """The folders that `replace` and `use` name (`go help modules`)."""
    texts = "\n".join(call.around.context.read(name) or "" for name in cgo.manifests(call))
    found = re.findall(r"(?:=>|^\s*use|^)[ \t]*[\"`]?(\.\.?/?[^\s\"`]*|/[^\s\"`]+)", texts, re.MULTILINE)
    return tuple(found)


def _cache_folders(call: Call) -> tuple[str, ...]:
    return tuple(f for f in (go_cache(call.variables), "/tmp/go-build") if f)


# -- xx-go


def _xx_go(call: Call) -> Effect:
    """tonistiigi/xx: `xx-go` sets GOOS, GOARCH, GOARM and the C compiler from TARGETPLATFORM."""
    need = Need("TARGETPLATFORM", call.instruction, "xx-go")
    verb = next((t for t in call.texts[1:] if t and not t.startswith("-")), "")
    evidence = (Evidence(f"`{call.spelled()}` compiles for TARGETPLATFORM", call.place),)
    if "--wrap" in call.texts:
        return _unknown(
            call, "it makes every later `go` compile for the target", "write xx-go where go is meant to"
        )
    if verb in ("env", "mod", "list", "version"):
        return Effect(needs=(need,), output=Kind.TARGET)
    if verb not in ("build", "install"):
        return _unknown(call, "it is not known to write the same on every platform")
    refusal = _refusal(call)
    if refusal is not None:
        return replace(anything(call), reasons=(refusal,))
    folder = install_folder(call)
    made = (
        _build_output(call) if verb == "build" else (Write(folder, Kind.CROSS, call.place, call.spelled()),)
    )
    effect = Effect(writes=made, needs=(need,), evidence=evidence, compiles=True, output=Kind.CROSS)
    return effect if call.around.is_pinned_by_author else _xx_go_pinned(call, verb, effect)


def _xx_go_pinned(call: Call, verb: str, effect: Effect) -> Effect:
    """In a stage pinned only now `xx-go` comes to cross-compile: without cgo, and to other folders."""
    if verb == "install":
        return _unknown(
            call,
            "it writes to another folder for each platform when cross-compiling",
            "write `xx-go build -o PATH` instead",
        )
    decision = cgo.decide(call, packages_of(call), has_module=True, is_independent=False)
    if decision.reasons:
        return replace(anything(call), reasons=decision.reasons)
    if decision.before or decision.needs or any(name != "CGO_ENABLED" for name, _ in decision.added):
        return _unknown(
            call,
            "it uses cgo, whose C compiler and libraries xx would have to install for the target",
            "pin the stage by hand, with xx-apk or xx-apt, or set CGO_ENABLED=0",
        )
    return replace(
        effect,
        demand=Demand(decision.added, "compile for the target"),
        evidence=(*effect.evidence, *decision.evidence),
        notes=decision.notes,
        conditions=decision.conditions,
        questions=decision.questions,
    )


_VERBS = {
    "build": _build,
    "install": _install,
    "test": _test,
    "run": _run,
    "generate": _generate,
    "vet": _vet,
    "fmt": _vet,
    "fix": _vet,
    "list": _list,
    "env": _env,
    "mod": _modules,
    "work": _modules,
    "get": _get,
    "version": _version,
    "tool": _tool,
    "clean": _reads,
    "doc": _documents,
    "help": _reads,
    "telemetry": _reads,
}
