"""Go: the compiler targets every platform by itself; cgo brings a C compiler along.

Sources: `go help environment`, `go help build`, `go help install`, Go `src/internal/buildcfg/cfg.go`
(GOARM, GOAMD64; an empty value is the default), Go `src/cmd/go/internal/cfg/cfg.go` (CGO_ENABLED defaults
to 0 when cross-compiling), docker-library/golang (GOPATH). Docker's architecture names are the GOARCH names
for all platforms known here.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from xbuild.dockerfile.script import Expansion, Word
from xbuild.plan import cgo
from xbuild.plan.commands import (
    EMBEDDERS,
    GENERATORS,
    anything,
    generates,
    read_kind,
    runs_what_it_compiles,
    source_kind,
    told_kind,
    word_kind,
    write,
)
from xbuild.plan.filesystem import (
    TOOL_FOLDERS,
    Kind,
    Write,
    absolute,
    is_in_any,
    join,
    overlaps,
    through_links,
    without_glob,
)
from xbuild.plan.generators import why_arguments_matter, why_not_portable
from xbuild.plan.model import AddMount, Change, Evidence, Place, Reason, ReplaceInScript, SetEnvironment
from xbuild.plan.programs import foreign_program
from xbuild.plan.recipes import context_path
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect, Need, Surroundings, Toolchain
from xbuild.text import Span

# What each variable must be for the target, and the ARG that it comes from. The `case` forms are for
# platform lists in which both arm and an amd64 variant may occur: Go 1.21 refuses GOARM=3 for amd64 and
# GOAMD64=v7 for arm.
_ARM = "${TARGETVARIANT#v}"
_ARM_ONLY = '$(case "$TARGETARCH" in (arm) echo "${TARGETVARIANT#v}";; esac)'
_AMD64 = "$TARGETVARIANT"
_AMD64_ONLY = '$(case "$TARGETARCH" in (amd64) echo "$TARGETVARIANT";; esac)'

_VALUE_FLAGS = frozenset(
    words(
        "-o -p -C -asmflags -buildmode -buildvcs -compiler -gccgoflags -gcflags -installsuffix -ldflags "
        "-mod -modfile -overlay -pgo -pkgdir -tags -toolexec -covermode -coverpkg -exec -run -timeout "
        "-count -f"
    )
)
_BOOLEAN_BUILDVCS = frozenset(("-buildvcs", "-pgo"))
_ANSWERS_MACHINE = frozenset(
    (
        "GOARCH",
        "GOHOSTARCH",
        "GOHOSTOS",
        "GOOS",
        "GOARM",
        "GOAMD64",
        "CC",
        "CXX",
        "CGO_ENABLED",
        "GOEXE",
        "GOTOOLDIR",
    )
)
# What every Linux answers alike.
_LINUX = re.compile(
    r"""^["']?\$\((?:uname -s *\| *tr ['"]?(?:A-Z|\[:upper:\]|\[A-Z\])['"]? """
    r"""['"]?(?:a-z|\[:lower:\]|\[a-z\])['"]?|go env GOOS)\)["']?$"""
)
_SUBSTITUTION = re.compile(r"^(?:\$\(|`)\s*go\s+env\s+(GOARCH|GOOS)\s*(?:\)|`)$")


def judge(call: Call) -> Effect | None:
    """The effect of `go …` and `xx-go …`; None for other commands."""
    name = call.texts[0]
    if name is None:
        return None
    program = posixpath.basename(name)
    if program in ("go", "xx-go") and "--wrap" not in call.texts:
        call = replace(call, texts=_with_single_dashes(call.texts))
    if program == "xx-go":
        return _xx_go(call)
    if runs_what_it_compiles(call):
        return _generator(call)
    if program != "go" or name not in ("go", "/usr/local/go/bin/go", "/usr/lib/go/bin/go"):
        return None
    verb = next((t for t in call.texts[1:] if t is None or not t.startswith("-")), "")
    if verb is None:
        return _unknown(call, "its subcommand cannot be read")
    handler = _VERBS.get(verb)
    has_folder, folder = _flag(call, "-C")
    if has_folder:
        call = replace(call, directory=absolute(folder, call.directory) if folder is not None else None)
    return handler(call) if handler else _unknown(call, f"`go {verb}` is not known")


def _with_single_dashes(texts: tuple[str | None, ...]) -> tuple[str | None, ...]:
    """`--race` is `-race` (Go `src/flag/flag.go`, `parseOne`), up to the first package."""
    found = list(texts)
    operands = 0
    skip = False
    for at, text in enumerate(texts[1:], 1):
        if skip:
            skip = False
        elif text is not None and text.startswith("-"):
            found[at] = text = "-" + text.lstrip("-") if len(text) > 2 else text
            skip = text in _VALUE_FLAGS and text not in _BOOLEAN_BUILDVCS
        elif (operands := operands + 1) > 1:
            break
    return tuple(found)


def _flag(call: Call, name: str) -> tuple[bool, str | None]:
    """Whether a flag of the go command stands there, and its value: `-o X` or `-o=X`; the last one counts."""
    found: tuple[bool, str | None] = (False, None)
    texts = call.texts
    for at, text in enumerate(texts[1:], 1):
        if text == name:
            found = (True, texts[at + 1] if at + 1 < len(texts) else None)
        elif text is not None and text.startswith(name + "="):
            found = (True, text[len(name) + 1 :] or None)
    return found


def _unknown(call: Call, text: str, cure: str | None = None) -> Effect:
    effect = anything(call)
    return replace(effect, reasons=(Reason(f"`{call.spelled()}`: {text}", call.place, cure=cure),))


# -- verbs that do not compile for the image


def _reads(call: Call) -> Effect:
    return Effect(output=join((word_kind(call), Kind.PORTABLE)))


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
    has_template, template = _flag(call, "-f")
    asked = set(re.findall(r"[A-Za-z]\w*", " ".join(re.findall(r"\{\{(.*?)\}\}", template or "", re.DOTALL))))
    allowed = _LIST_SAME | ({"-json"} if "-m" in flags else set())
    is_same = flags <= allowed and asked <= _LISTED and not (has_template and template is None)
    return Effect(output=word_kind(call) if is_same else Kind.BUILD)


def _vet(call: Call) -> Effect:
    """Checks for the build platform; its result ships nowhere."""
    return Effect(output=word_kind(call), notes=_runs_here(call))


def _runs_here(call: Call) -> tuple[str, ...]:
    return (f"line {call.place.line}: `{call.spelled()}` now runs on the build platform",)


_TARGETED = ("GOOS", "GOARCH", "GOARM", "GOAMD64")


def _natively(call: Call) -> tuple[tuple[Change, ...], Reason | None]:
    """What the environment says about the target must not reach a program that runs during the build.

    An empty value stands for the default (Go `src/internal/buildcfg/cfg.go`, `envOr`).
    """
    if call.around.is_pinned_by_author:
        return (), None
    if any(n in call.assignments for n in _TARGETED):
        return (), Reason(
            f"`{call.spelled()}` names the platform of a program that runs during the build",
            call.place,
            cure="drop GOOS and GOARCH in front of it",
        )
    named = [n for n in _TARGETED if (v := call.variables.get(n)) and v.origin != "shell" and v.text != ""]
    named = [n for n in named if not (n == "GOOS" and call.variables[n].text == "linux")]
    if not named:
        return (), None
    if not call.is_editable:
        return (), Reason(f"`{call.spelled()}` would run a program made for the target", call.place)
    change = _set_environment(call, tuple((n, "") for n in named), ())
    return (replace(change, reason="it runs during the build, on the build platform"),), None


def _generator(call: Call) -> Effect | None:
    """What calls go and runs what it compiles must not see the target's variables."""
    changes, reason = _natively(call)
    if reason is not None:
        return replace(anything(call), reasons=(reason,))
    return replace(generates(call), changes=changes) if changes else None


def _version(_call: Call) -> Effect:
    return Effect(output=Kind.BUILD)


def _env(call: Call) -> Effect:
    names = [t for t in call.texts[2:] if t is not None]
    if "-w" in names or "-u" in names:
        return _env_write(call)
    asked = {n for n in names if not n.startswith("-")}
    return Effect(output=Kind.BUILD if not asked or asked & _ANSWERS_MACHINE else Kind.PORTABLE)


# What `go env -w` may set without any effect on what is compiled, and where to.
_FETCHING = frozenset(
    words(
        "GO111MODULE GOPROXY GOPRIVATE GONOPROXY GOSUMDB GONOSUMDB GOINSECURE GOVCS GOAUTH GOTELEMETRY "
        "GOCACHE GOMODCACHE GOTMPDIR"
    )
)
_HARMLESS_FLAGS = re.compile(
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
    return Effect()


def _modules(call: Call) -> Effect:
    folders = (_module_cache(call), call.directory)
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
    folder = _install_folder(call)
    return replace(effect, writes=(*effect.writes, Write(folder, Kind.BUILD, call.place, call.spelled())))


def _run(call: Call) -> Effect:
    package = next((p for p in _packages(call) if p), None)
    name = _binary_name(package) if package else None
    changes, reason = _natively(call)
    if reason is not None:
        return replace(anything(call), reasons=(reason,))
    is_known = name in GENERATORS and package is not None and not package.startswith(".")
    if is_known and not _is_told_of_machine(call):
        return _generated(call, name, changes)
    why = _why_not_run_alike(call, package)
    if why is None:
        return _generated(call, None, changes)
    return _unknown(
        call,
        f"what the program writes cannot be told ({why}), and it now would run on the build platform",
        "run it before the image is built and COPY its output, or in a stage of its own",
    )


def _generated(call: Call, program: str | None, changes: tuple[Change, ...]) -> Effect:
    """What a program makes that writes the same text everywhere, unless what it reads is not the same.

    `program` None is one of the project's own, which may read all that is here.
    """
    kind = read_kind(call, call.texts[2:])
    if program is None or program in EMBEDDERS:
        kind = join((kind, source_kind(call, ".")))
    kind = word_kind(call) if kind.is_right else join((kind, word_kind(call)))
    return Effect(writes=(write(call, ".", kind),), output=kind, notes=_runs_here(call), changes=changes)


def _why_not_run_alike(call: Call, package: str | None) -> str | None:
    """Why a program of the project's own may write different text on another platform."""
    if package is None or not package.startswith("."):
        return "it is not known"
    if word_kind(call) >= Kind.BUILD or _is_told_of_machine(call):
        return "what it is told depends on the machine"
    folder = posixpath.dirname(package) if package.endswith(".go") else package
    where = absolute(folder, call.directory)
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
    if name in ("cover", "pprof", "nm", "objdump", "trace", "vet", "fix", "doc", "buildid"):
        return Effect(output=Kind.BUILD)
    changes, reason = _natively(call)
    if name in GENERATORS and reason is None:
        return _generated(call, name, changes)
    return _unknown(call, "what the tool writes cannot be told")


_DIRECTIVE = re.compile(r"^//go:generate[ \t]+(.*)$", re.MULTILINE)


def _generate(call: Call) -> Effect:
    """Portable if every `//go:generate` of the context names a generator whose text is the same
    everywhere.
    """
    changes, refused = _natively(call)
    if refused is not None:
        return replace(anything(call), reasons=(refused,))
    files = [f for f in call.around.context.files() if f.endswith(".go")]
    if not files or not cgo.is_from_context(call):
        return _unknown(call, "the files with //go:generate lines cannot be looked at")
    for name in files:
        text = call.around.context.read(name) or ""
        for match in _DIRECTIVE.finditer(text):
            program = _directive_program(match[1])
            line = text.count("\n", 0, match.start()) + 1
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
        changes=changes,
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
    inner = replace(call, directory=absolute(folder or ".", call.directory))
    given = [text.strip("\"'") for text in directive.split()[1:]]
    read = join((read_kind(inner, given), source_kind(inner, ".") if program in EMBEDDERS else Kind.PORTABLE))
    if not read.is_right:
        return "it reads what is not the same on every platform"
    given = directive[directive.index(program) :].split() if program in directive.split() else [program]
    foreign = foreign_program(replace(inner, texts=tuple(given)))
    return f"`{foreign[0]}` is made for the target" if foreign is not None else None


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
        return None if package.startswith(".") else _binary_name(package)
    return words[0] if words else None


# -- verbs that compile


def _build(call: Call) -> Effect:
    return _compile(call, _build_output(call))


def _test(call: Call) -> Effect:
    if "-c" in call.texts and call.directory is not None:
        output = _build_output(call)
        if any(w.path and call.around.is_shipped(w.path) for w in output):
            return _compile(call, output)
    changes, reason = _natively(call)
    if reason is not None:
        return replace(anything(call), reasons=(reason,))
    return Effect(
        writes=(write(call, ".", Kind.BUILD),) if _leaves_files(call) else (),
        output=Kind.BUILD,
        notes=_runs_here(call),
        changes=changes,
    )


def _leaves_files(call: Call) -> bool:
    """Whether `go test` was asked to write something (a test is not expected to by itself)."""
    return any(
        t is None or re.match(r"-(test\.)?(c$|o$|\w*profile|outputdir|trace)", t) for t in call.texts[1:]
    )


def _build_output(call: Call) -> tuple[Write, ...]:
    has_output, path = _flag(call, "-o")
    if has_output:
        if path == "/dev/null":
            return ()
        packages = _packages(call)
        if path and path.endswith("/") and packages and all(p and _is_named(p) for p in packages):
            names = [path + _binary_name(p) for p in packages if p]
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
    packages = _packages(call)
    folder = _install_folder(call)
    if folder is None:
        return _unknown(
            call,
            "where it writes to is not known (GOBIN, GOPATH)",
            "set ENV GOBIN, or write `go build -o PATH` instead",
        )
    names = [_binary_name(p) if p and _is_named(p.split("@")[0]) else None for p in packages]
    paths = [posixpath.join(folder, n) if n else folder for n in names] or [folder]
    is_moved = "_${TARGETARCH}/* " in _script(call)[call.command.span.end :]
    if not is_moved and not any(_is_shipped(call, p) for p in paths):
        made = tuple(Write(p, Kind.BUILD, call.place, call.spelled()) for p in paths)
        changes, reason = _natively(call)
        if reason is not None:
            return replace(anything(call), reasons=(reason,))
        note = f"line {call.place.line}: `{call.spelled()}` is a tool for the build and stays native"
        return Effect(writes=made, notes=(note,), output=Kind.BUILD, changes=changes)
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
    verb = next(w for w in call.words if w.value == "install")
    change = ReplaceInScript(
        call.number,
        verb.span,
        f"build -o {folder}/",
        "go install writes elsewhere when cross-compiling; go build -o writes to the same place for "
        "every platform",
    )
    return effect if effect.reasons else replace(effect, changes=(*effect.changes, change))


def _install_versioned(call: Call, folder: str, writes: tuple[Write, ...]) -> Effect:
    effect = _compile(call, writes, has_module=False)
    if effect.reasons:
        return effect
    gopath = _gopath(call)
    if gopath is None:
        return _unknown(call, "GOPATH is not known", "set GOPATH, or write `go build -o PATH`")
    cross = f"{gopath}/bin/${{TARGETOS}}_${{TARGETARCH}}"
    made = Write(posixpath.join(gopath, "bin"), Kind.CROSS, call.place, call.spelled())
    effect = replace(effect, writes=(made, *effect.writes))
    needs = (*effect.needs, *(Need(n, call.instruction, "go install") for n in ("TARGETOS", "TARGETARCH")))
    text = call.script
    if cross in text[call.command.span.end :]:
        return replace(effect, needs=needs)
    own = posixpath.join(gopath, "bin")
    packages = _packages(call)
    if folder != own and not all(p and _is_named(p.split("@")[0]) for p in packages):
        return _unknown(call, "the names of its programs are not known", "name the packages one by one")
    native = " ".join(f"{own}/{_binary_name(p)}" for p in packages if p)
    if any(
        s.kind in ("pipeline", "negation", "background", "or") or s.condition for s in call.command.scopes
    ):
        return _unknown(call, "its output would have to be moved afterwards", "give it a RUN of its own")
    end = call.command.span.end
    made_here = f"else mv {native} {folder}/; " if folder != own else ""
    change = ReplaceInScript(
        call.number,
        Span(end, end),
        (f" && mkdir -p {folder}" if folder != own else "")
        + f" && if [ -d {cross} ]; then mv {cross}/* {folder}/ && rmdir {cross}; {made_here}fi",
        "go install writes to a folder of its own when cross-compiling",
    )
    changes = (*effect.changes, change)
    if _environment_text(call, "GOBIN")[0]:
        changes = _without_gobin(call, changes)
    return replace(effect, changes=changes, needs=needs)


def _without_gobin(call: Call, changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """GOBIN is refused when cross-compiling (Go `src/cmd/go/internal/work/build.go`)."""
    made = next((c for c in changes if isinstance(c, SetEnvironment)), None)
    change = made or _set_environment(call, (), ())
    if "GOBIN" in call.assignments:
        change = replace(change, replaced=(*change.replaced, (call.assignments["GOBIN"][0].span, "")))
    else:
        change = replace(change, assignments=(*change.assignments, ("GOBIN", "")))
    return (*(c for c in changes if c is not made), change)


def _is_used_later(call: Call, name: str) -> bool:
    """Whether the stage's text names the program as a word of its own anywhere else."""
    text = call.around.text
    spelled = len(re.findall(rf"(?<![\w./@-]){re.escape(name)}(?![\w./@-])", text))
    return spelled > 0 and name not in ("server", "app", "main")


@dataclass(frozen=True, slots=True)
class _Wiring:
    """What must change so that a command compiles for the target."""

    added: tuple[tuple[str, str], ...] = ()
    replaced: tuple[tuple[Span, str], ...] = ()
    changes: tuple[Change, ...] = ()
    needs: tuple[Need, ...] = ()
    reasons: tuple[Reason, ...] = ()
    notes: tuple[str, ...] = ()
    is_independent: bool = False


def _compile(call: Call, writes: tuple[Write, ...], *, has_module: bool = True) -> Effect:
    refusal = _refusal(call)
    if refusal is not None:
        return replace(anything(call), reasons=(refusal,))
    wiring = _wire(call)
    if wiring.reasons:
        return replace(anything(call), reasons=wiring.reasons)
    decision = cgo.decide(call, _packages(call), has_module=has_module, is_independent=wiring.is_independent)
    if decision.reasons:
        return replace(anything(call), reasons=decision.reasons)
    kind = Kind.PORTABLE if wiring.is_independent else Kind.CROSS
    substituted, substitution_needs = _substitutions(call)
    broken = _broken(call, [*(s for s, _ in wiring.replaced), *(c.span for c in substituted)])
    if broken is not None:
        return replace(anything(call), reasons=(broken,))
    added = (*decision.added, *wiring.added)
    changes: list[Change] = [*wiring.changes, *decision.changes, *substituted]
    if added or wiring.replaced:
        changes.append(_set_environment(call, added, wiring.replaced))
    return Effect(
        writes=tuple(replace(w, kind=kind) for w in writes),
        output=join((kind, word_kind(call))) if kind is Kind.PORTABLE else kind,
        changes=tuple(changes),
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


def _set_environment(
    call: Call, added: tuple[tuple[str, str], ...], replaced: tuple[tuple[Span, str], ...]
) -> SetEnvironment:
    """Assignments stand first, where the command's own stand; behind `time` they have to be given to
    `env`.
    """
    wrapper = "env" if call.wrapper not in (None, "env") else None
    at = call.words[0].span.start if call.wrapper is not None else call.command.span.start
    reason = "compile for the target: " + ", ".join(f"{n}={v}" for n, v in added) if added else ""
    fixed = (
        "not a value that is the same for every platform: " + ", ".join(t for _, t in replaced)
        if replaced
        else ""
    )
    return SetEnvironment(
        call.number,
        at,
        added,
        replaced,
        "; ".join(r for r in (reason, fixed) if r),
        wrapper if added else None,
    )


def _refusal(call: Call) -> Reason | None:
    """Why this command cannot be edited, or what it reads is not accounted for."""
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
    if any(s.kind == "substitution" and _script(call)[s.span.start] == "`" for s in call.command.scopes):
        return Reason(
            f"`{call.spelled()}` stands in backticks, in which nothing can be added safely",
            call.place,
            cure="write $(…) in their place",
        )
    bad_word = _machine_word(call)
    if bad_word is not None:
        return Reason(
            f"`{bad_word}` depends on the machine that the build runs on, and goes into `{call.spelled()}`",
            call.place,
            cure="use $TARGETARCH in its place",
        )
    return _unaccounted(call) or _settings(call)


def _settings(call: Call) -> Reason | None:
    """Settings of Go that change what is compiled and that cannot be read."""
    told, flags = _environment_text(call, "GOFLAGS")
    if told and (flags is None or re.search(r"(^|\s)'?--?(o|C|toolexec|overlay|compiler)\b", flags)):
        text = f"what GOFLAGS asks of `{call.spelled()}` cannot be told"
        return Reason(text, call.place, cure="write these flags behind go build")
    told, file = _environment_text(call, "GOENV")
    if told and file not in ("", "off"):
        return Reason(f"GOENV gives `{call.spelled()}` settings from a file", call.place, cure="use ENV")
    for made in call.writes:
        if made.path is not None and re.search(r"/\.config/go(/|$)|/usr/local/go/go\.env$", made.path):
            text = f"line {made.place.line} writes a file of settings that `{call.spelled()}` reads"
            return Reason(text, made.place, made.path, "use ENV")
    return None


# How many compilers run at once is not seen in what they make.
_PROCESSORS = re.compile(r"""["']?\$\((nproc( --all)?|getconf _NPROCESSORS_ONLN)\)["']?""")


def _machine_word(call: Call) -> str | None:
    for at, (word, kind) in enumerate(zip(call.words, call.kinds, strict=True)):
        if kind >= Kind.BUILD and not (call.texts[at - 1] == "-p" and _PROCESSORS.fullmatch(word.raw)):
            bad = [e for e in word.expansions if call.kind_of(e) >= Kind.BUILD and not _is_go_env(call, e)]
            if bad:
                return word.raw if len(word.raw) <= 60 else word.raw[:57] + "..."
    return None


def _is_go_env(call: Call, expansion: Expansion) -> bool:
    return _SUBSTITUTION.match(_script(call)[expansion.span.start : expansion.span.end]) is not None


def _script(call: Call) -> str:
    return call.script


def _broken(call: Call, spans: Sequence[Span]) -> Reason | None:
    """A word to be replaced that has a comment in its midst, over several lines, cannot be."""
    script = call.run.script if call.run.script is not None and call.run.script.text == call.script else None
    source = call.scope.graph.dockerfile.source.text
    for span in spans:
        offsets = script.offsets[span.start : span.end] if script is not None else ()
        if any("#" in source[a + 1 : b] for a, b in pairwise(offsets)):
            return Reason(f"a word of `{call.spelled()}` has a comment in its midst", call.place)
    return None


def _substitutions(call: Call) -> tuple[tuple[ReplaceInScript, ...], tuple[Need, ...]]:
    """`$(go env GOARCH)` in an argument is expanded before the prefix applies: it would name the build
    platform.
    """
    changes: list[ReplaceInScript] = []
    needs: list[Need] = []
    for word in dict.fromkeys(call.words):
        for expansion in word.expansions:
            match = _SUBSTITUTION.match(_script(call)[expansion.span.start : expansion.span.end])
            if match is None or _asks_go_told(call, expansion, "TARGET" + match[1][2:]):
                continue
            name = "TARGET" + match[1][2:]
            changes.append(
                ReplaceInScript(
                    call.number,
                    expansion.span,
                    f"${{{name}}}",
                    f"`go env {match[1]}` would name the build platform",
                )
            )
            needs.append(Need(name, call.instruction, "stamped into the binary"))
    return tuple(changes), tuple(needs)


def _unaccounted(call: Call) -> Reason | None:
    """Something earlier that the compiler may read and that is not known to be right for the target."""
    folder = _install_folder(call)
    elsewhere = (*TOOL_FOLDERS, *((folder,) if folder else ()), *_cache_folders(call))
    for made in call.writes:
        if made.kind.is_right:
            continue
        apart = made.path is not None and is_in_any(made.path, elsewhere)
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


def _cache_folders(call: Call) -> tuple[str, ...]:
    return tuple(f for f in (_go_cache(call.variables), "/tmp/go-build") if f)


# -- wiring


def _wire(call: Call) -> _Wiring:
    parts = [_wire_os(call), _wire_architecture(call)]
    if any(p.reasons for p in parts):
        return parts[0] if parts[0].reasons else parts[1]
    if parts[0].is_independent and _value(call, "GOARCH")[1]:
        return _fixed(call)
    if parts[1].is_independent or parts[0].is_independent:
        return _independent(call, parts)
    parts += [_wire_variant(call, "GOARM"), _wire_variant(call, "GOAMD64")]
    return _Wiring(
        tuple(a for p in parts for a in p.added),
        tuple(r for p in parts for r in p.replaced),
        tuple(c for p in parts for c in p.changes),
        tuple(n for p in parts for n in p.needs),
        (),
        tuple(n for p in parts for n in p.notes),
    )


def _independent(call: Call, parts: Sequence[_Wiring]) -> _Wiring:
    if parts[1].is_independent and not any(p.reasons for p in parts):
        return _fixed(call)
    reason = Reason(
        f"`{call.spelled()}` builds for another system or for several architectures in one stage",
        call.place,
        cure="give each its own stage, or set both GOOS and GOARCH",
    )
    return _Wiring(reasons=(reason,))


def _fixed(call: Call) -> _Wiring:
    """A build for a platform that is written out: the same wherever it runs, once it is written out in
    full.
    """
    if _value(call, "GOARCH")[1] == "arm" and not _value(call, "GOARM")[1]:
        reason = Reason(
            f"`{call.spelled()}` names GOARCH=arm without GOARM, whose default depends on the builder image",
            call.place,
            cure="set GOARM",
        )
        return _Wiring(reasons=(reason,))
    return _Wiring(is_independent=True)


def _wire_os(call: Call) -> _Wiring:
    word, text = _value(call, "GOOS")
    if text == "linux" or (word is None and text is None and "GOOS" not in call.variables):
        if text == "linux":
            return _Wiring()
        return _Wiring(
            added=(("GOOS", "$TARGETOS"),), needs=(Need("TARGETOS", call.instruction, "go build"),)
        )
    if word is not None and _LINUX.match(word.raw):
        return _Wiring()
    if _names(call, "GOOS", "TARGETOS"):
        return _Wiring(needs=(Need("TARGETOS", call.instruction, "GOOS"),))
    if text is not None:
        return _Wiring(is_independent=True)
    return _Wiring(
        reasons=(
            Reason(
                f"what GOOS is in `{call.spelled()}` cannot be told", call.place, cure="write GOOS=$TARGETOS"
            ),
        )
    )


def _wire_architecture(call: Call) -> _Wiring:
    word, text = _value(call, "GOARCH")
    need = (Need("TARGETARCH", call.instruction, "go build"),)
    if word is None and "GOARCH" not in call.variables:
        return _Wiring(added=(("GOARCH", "$TARGETARCH"),), needs=need)
    if _names(call, "GOARCH", "TARGETARCH"):
        return _Wiring(needs=need)
    if text is not None and len(call.around.literal_architectures) > 1:
        return _Wiring(is_independent=True)
    if text and _value(call, "GOOS")[1] in (None, "", "linux"):
        signs = _signs_of_purpose(call, text, is_prefix=word is not None)
        if len(signs) > 1:
            return _Wiring(is_independent=True)
        if signs:
            what = f"`{call.spelled()}` names GOARCH={text}, and {signs[0]}: it may be meant for {text} alone"
            cure = "write GOARCH=$TARGETARCH, or build it in a stage of its own"
            return _Wiring(reasons=(Reason(what, call.place, cure=cure),))
    if word is not None and (text is not None or _is_substitution(call, word)):
        note = f"line {call.place.line}: GOARCH={word.raw} was fixed; it follows the target now"
        return _Wiring(replaced=((word.span, "$TARGETARCH"),), needs=need, notes=(note,))
    variable = call.variables.get("GOARCH")
    if word is None and variable is not None and text is not None:
        note = (
            f"line {call.place.line}: GOARCH={text} was fixed by {_origin(variable.origin)}; it "
            "follows the target now"
        )
        return _Wiring(added=(("GOARCH", "$TARGETARCH"),), needs=need, notes=(note,))
    return _Wiring(
        reasons=(
            Reason(
                f"what GOARCH is in `{call.spelled()}` cannot be told",
                call.place,
                cure="write GOARCH=$TARGETARCH",
            ),
        )
    )


_SPELLINGS = {"amd64": "amd64|x86[_-]64|x64", "arm64": "arm64|aarch64", "386": "386|i386|i686|x86"}
_OTHER_SYSTEM = re.compile(r"\bGOOS=[\"']?(?!linux\b)[a-z]")
_OWN_BUILD = re.compile(r"\bgo\s+(build|install)\b(?!.*@)")


def _signs_of_purpose(call: Call, text: str, *, is_prefix: bool) -> tuple[str, ...]:
    """What speaks against a mere slip where one architecture is written out."""
    found: list[str] = []
    output = _flag(call, "-o")[1] or ""
    if re.search(rf"(?<![a-z0-9])({_SPELLINGS.get(text, re.escape(text))})(?![a-z0-9])", output):
        found.append("so does its output")
    if _OTHER_SYSTEM.search(call.around.text):
        found.append("the stage builds for other systems too")
    pieces = re.split(r"&&|\|\||[;|\n]", call.around.text)
    if is_prefix and any(_OWN_BUILD.search(p) and "GOARCH" not in p for p in pieces):
        found.append("another build of the stage does not")
    return tuple(found)


def _origin(origin: str) -> str:
    return {"env": "an ENV", "arg": "an ARG", "export": "an export"}.get(origin, "the script")


def _is_substitution(call: Call, word: Word) -> bool:
    """GOARCH=$(go env GOARCH), $(dpkg --print-architecture): what the target itself would have said."""
    return bool(word.expansions) and all(
        e.kind == "substitution" and call.kind_of(e) is Kind.BUILD for e in word.expansions
    )


def _wire_variant(call: Call, name: str) -> _Wiring:
    """GOARM and GOAMD64: only for their own architecture, and only when a platform of the list has the
    variant.
    """
    wants_arm, wants_amd64 = _variants(call.around)
    wanted = wants_arm if name == "GOARM" else wants_amd64
    word, text = _value(call, name)
    if not wanted:
        return _Wiring()
    both = wants_arm and wants_amd64
    plain, only = (_ARM, _ARM_ONLY) if name == "GOARM" else (_AMD64, _AMD64_ONLY)
    expression = only if both else plain
    needs: tuple[Need, ...] = (Need("TARGETVARIANT", call.instruction, name),)
    if both:
        needs = (Need("TARGETARCH", call.instruction, name), *needs)
    if word is None and name not in call.variables:
        return _Wiring(added=((name, expression),), needs=needs)
    raw = word.raw if word is not None else ""
    if "TARGETVARIANT" in raw or _names(call, name, "TARGETVARIANT"):
        if both and word is not None and "case" not in raw:
            return _Wiring(replaced=((word.span, expression),), needs=needs)
        return _Wiring(needs=needs)
    if text is not None and _is_only_variant(call.around, name, text):
        return _Wiring()
    if text and name == "GOAMD64" and call.around.platforms is None:
        return _Wiring()  # What its author chose for every amd64 alike.
    if word is not None:
        note = f"line {call.place.line}: {name}={raw} was fixed; it follows the target now"
        return _Wiring(replaced=((word.span, expression),), needs=needs, notes=(note,))
    return _Wiring(added=((name, expression),), needs=needs)


def _variants(around: Surroundings) -> tuple[bool, bool]:
    """Whether the platform list has arm, and whether it has an amd64 variant; any list has both."""
    if around.platforms is None:
        return True, True
    return (
        any(p.architecture == "arm" for p in around.platforms),
        any(p.architecture == "amd64" and p.variant for p in around.platforms),
    )


def _is_only_variant(around: Surroundings, name: str, text: str) -> bool:
    architecture = "arm" if name == "GOARM" else "amd64"
    variants = {p.variant for p in around.platforms or () if p.architecture == architecture}
    return around.platforms is not None and variants <= {"v" + text.removeprefix("v").split(",")[0]}


def _value(call: Call, name: str) -> tuple[Word | None, str | None]:
    """The word that assigns `name` to the command, if any, and the value as far as known from anywhere."""
    if name in call.assignments:
        word, _ = call.assignments[name]
        return word, word.value if word.value is not None else _plain_text(call, word)
    variable = call.variables.get(name)
    if variable is not None and variable.origin == "shell":
        return None, None
    return None, variable.text if variable is not None else None


def _plain_text(call: Call, word: Word) -> str | None:
    """The text of a word that is one variable with known text."""
    if len(word.expansions) != 1 or word.expansions[0].kind != "variable":
        return None
    variable = call.variables.get(word.expansions[0].name)
    stripped = word.raw.strip('"')
    if variable is None or stripped not in (f"${word.expansions[0].name}", f"${{{word.expansions[0].name}}}"):
        return None
    return variable.text


def _names(call: Call, name: str, platform_arg: str) -> bool:
    """Whether `name` gets its value from `platform_arg`: directly, or through variables that were made from
    it.
    """
    if name in call.assignments:
        word, _ = call.assignments[name]
        return any(
            (e.kind == "variable" and (e.name == platform_arg or _depends(call, e.name, platform_arg)))
            or _asks_go_told(call, e, platform_arg)
            for e in word.expansions
        ) or ("case" in word.raw and platform_arg in word.raw)
    variable = call.variables.get(name)
    is_exported = variable is not None and variable.origin != "shell"
    return is_exported and _depends(call, name, platform_arg)


def _asks_go_told(call: Call, expansion: Expansion, platform_arg: str) -> bool:
    """`$(go env GOARCH)` where GOARCH is exported: go answers with what the environment says."""
    match = _SUBSTITUTION.match(_script(call)[expansion.span.start : expansion.span.end])
    variable = call.variables.get(match[1]) if match is not None else None
    return variable is not None and variable.origin != "shell" and platform_arg in variable.depends_on


def _depends(call: Call, name: str, platform_arg: str) -> bool:
    variable = call.variables.get(name)
    return variable is not None and variable.kind.is_right and platform_arg in variable.depends_on


# -- where things are


def _packages(call: Call) -> tuple[str | None, ...]:
    """The package arguments of a go command."""
    found: list[str | None] = []
    skip = False
    seen_verb = False
    for text in call.texts[1:]:
        if skip:
            skip = False
        elif text is not None and text.startswith("-"):
            skip = "=" not in text and text in _VALUE_FLAGS and text not in _BOOLEAN_BUILDVCS
        elif not seen_verb:
            seen_verb = True
        else:
            found.append(text)
    return tuple(found)


def _binary_name(package: str) -> str:
    """Name of the program that a package path gives (`go help install`: the last element that is no major
    version).
    """
    path = package.split("@", 1)[0].rstrip("/")
    name = posixpath.basename(path)
    if re.fullmatch(r"v[2-9]\d*|v1\d+", name):
        name = posixpath.basename(posixpath.dirname(path))
    return name.removesuffix(".go")


# Official images that say nothing of Go.
_WITHOUT_GO_ENVIRONMENT = frozenset(
    words(
        "debian ubuntu alpine buildpack-deps node python rust gcc fedora rockylinux almalinux amazonlinux "
        "centos archlinux ruby php perl maven gradle photon"
    )
)


def _gopath(call: Call) -> str | None:
    """The first folder of GOPATH; None when it is not known."""
    told, text = _environment_text(call, "GOPATH")
    if told and text != "":
        return text.split(":")[0] if text is not None else None
    image = call.around.image
    if image.name.rpartition("/")[2] == "golang":
        return "/go"
    home = _home(call.variables, call.scope.user())
    if "HOME" in call.assignments or image.name not in _WITHOUT_GO_ENVIRONMENT:
        return None
    return posixpath.join(home, "go") if home else None


def _install_folder(call: Call) -> str | None:
    told, text = _environment_text(call, "GOBIN")
    if told and text != "":
        return absolute(text, None) if text is not None else None
    gopath = _gopath(call)
    return posixpath.join(gopath, "bin") if gopath else None


def _environment_text(call: Call, name: str) -> tuple[bool, str | None]:
    """Whether an environment variable is set for the command, and to what as far as known."""
    if name in call.assignments:
        word, _ = call.assignments[name]
        return True, word.value if word.value is not None else _plain_text(call, word)
    variable = call.variables.get(name)
    if variable is None or variable.origin == "shell":
        return False, None
    return True, variable.text


def _module_cache(call: Call) -> str | None:
    variable = call.variables.get("GOMODCACHE")
    if variable is not None:
        return variable.text
    gopath = _gopath(call)
    return posixpath.join(gopath, "pkg/mod") if gopath else None


def _home(variables: Mapping[str, object], user: str | None) -> str | None:
    home = variables.get("HOME")
    if home is not None:
        return getattr(home, "text", None)
    return "/root" if user in ("", "root", "0", "0:0", "root:root") else None


def _go_cache(variables: Mapping[str, object], user: str | None = "") -> str | None:
    for name, suffix in (("GOCACHE", ""), ("XDG_CACHE_HOME", "/go-build")):
        variable = variables.get(name)
        if variable is not None:
            text = getattr(variable, "text", None)
            return None if not text or text == "off" else text + suffix
    home = _home(variables, user)
    return f"{home}/.cache/go-build" if home else None


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
    folder = _install_folder(call)
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
    decision = cgo.decide(call, _packages(call), has_module=True, is_independent=False)
    if decision.reasons:
        return replace(anything(call), reasons=decision.reasons)
    if decision.changes or decision.needs or any(name != "CGO_ENABLED" for name, _ in decision.added):
        return _unknown(
            call,
            "it uses cgo, whose C compiler and libraries xx would have to install for the target",
            "pin the stage by hand, with xx-apk or xx-apt, or set CGO_ENABLED=0",
        )
    changes = (_set_environment(call, decision.added, ()),) if decision.added else ()
    return replace(
        effect,
        changes=changes,
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
    "doc": _reads,
    "help": _reads,
    "telemetry": _reads,
}


# -- cache mounts


def finish(calls: Sequence[Call], effects: Sequence[Effect], around: Surroundings) -> tuple[Change, ...]:
    """Cache mounts for each RUN that compiles and has none."""
    if not around.settings.cache_mounts:
        return ()
    changes: list[Change] = []
    compiling = {
        c.number: c
        for c, e in zip(calls, effects, strict=True)
        if (e.compiles and e.toolchain == TOOLCHAIN.name) or _is_go(c, "build", "install")
    }
    for number, call in compiling.items():
        if any(m.type == "cache" for m in call.run.mounts) or not _is_root(call):
            continue
        folder = _go_cache(call.variables, call.scope.user())
        if _can_mount(folder, calls, number, around):
            reason = "Go's build cache survives from build to build; no build needs what it holds"
            changes.append(AddMount(number, f"type=cache,target={folder}", reason))
        modules = _module_cache(call)
        if (
            modules is not None
            and not call.assignments.keys() & {"GOPATH", "GOMODCACHE"}
            and not around.has_children
            and _can_mount(modules, calls, number, around)
            and _only_run_with_modules(calls, number, modules)
        ):
            reason = "only this RUN downloads or reads modules; they survive from build to build"
            changes.append(AddMount(number, f"type=cache,target={modules}", reason))
    return tuple(changes)


def _is_root(call: Call) -> bool:
    """A cache mount belongs to root, so that no one else can write to it."""
    return call.scope.user() in ("", "root", "0", "0:0", "root:root")


def _can_mount(folder: str | None, calls: Sequence[Call], number: int, around: Surroundings) -> bool:
    """Whether a mount at `folder` is missed by no one: not taken from the stage, not removed by this RUN."""
    if folder is None or not folder.startswith("/") or around.is_taken(folder):
        return False
    own = [c for c in calls if c.number == number]
    return not any(_removes(c, folder) for c in own)


def _removes(call: Call, folder: str) -> bool:
    """A mounted folder cannot be removed or moved away: the RUN would fail."""
    if _is_go(call, "clean"):
        return True
    if call.texts[:1] not in (("rm",), ("rmdir",), ("mv",), ("find",)):
        return False
    paths = [t for t in call.texts[1:] if t is None or not t.startswith("-")]
    found = [
        None if p is None or p.startswith("~") else absolute(without_glob(p), call.directory) for p in paths
    ]
    return any(p is None or overlaps(p, folder) for p in found)


def _is_go(call: Call, *verbs: str) -> bool:
    return bool(call.texts) and call.texts[0] == "go" and any(t in verbs for t in call.texts[1:3])


def _only_run_with_modules(calls: Sequence[Call], number: int, modules: str) -> bool:
    """Whether nothing else puts modules there or reads them, and this RUN does not build from a vendor
    folder.
    """
    first = next(c for c in calls if c.number == number)
    if any(w.path is None or overlaps(w.path, modules) for w in first.writes):
        return False
    others = [c for c in calls if c.number != number and not _leaves_alone(c, modules)]
    own = [c for c in calls if c.number == number]
    unknown = any(c.texts and c.texts[0] is None for c in calls)
    vendored = any(t and "-mod=vendor" in t for c in own for t in c.texts) or any(
        f.startswith("vendor/") for f in (own[0].around.context.files("vendor") if own else ())
    )
    return not others and not unknown and not vendored


# These read files only where they are told to, if at all.
_READS_NOTHING = frozenset(
    words(
        "echo printf true false : exit return test [ [[ export set unset umask date sleep uname arch nproc "
        "mkdir apk apt apt-get yum dnf microdnf tdnf zypper dpkg git curl wget adduser useradd addgroup "
        "groupadd usermod update-ca-certificates ldconfig setcap mktemp id whoami which type"
    )
)
_READS_NAMED = frozenset(
    words(
        "cd cp mv ln install rm rmdir touch tar zip unzip gzip xz ls chmod chown chgrp cat head tail stat du "
        "file find sha256sum md5sum strip upx grep sed tee wc"
    )
)


def _leaves_alone(call: Call, folder: str) -> bool:
    """Whether a command is known to read and write nothing below `folder`."""
    name = call.texts[0] if call.texts else ""
    if name not in _READS_NOTHING and name not in _READS_NAMED:
        return not call.texts
    named = [t if t is None else t[t.find("/") :] if t.startswith("-") else t for t in call.texts[1:]]
    paths = [t for t in named if t is None or (t and "=/" not in t)]
    if name in _READS_NOTHING:
        return not any(t and t.startswith("/") and overlaps(without_glob(t), folder) for t in paths)
    places = [None if t is None else absolute(without_glob(t), call.directory) for t in paths or ["."]]
    return not any(place is None or overlaps(place, folder) for place in places)


TOOLCHAIN = Toolchain(name="go", judge=judge, finish=finish)
