"""Whether a Go build needs cgo, and what it takes to have it for every platform alike.

`CGO_ENABLED` defaults to 1 on the build platform when a C compiler is there and to 0 when cross-compiling
(Go `src/cmd/go/internal/cfg/cfg.go`, `defaultCgoEnabled`), so that a mere pin makes the platforms differ.
The decision here is the same for all platforms. Debian's cross compilers: packages `gcc-<triplet>` and
`libc6-dev-<arch>-cross`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from functools import partial

from xbuild.dockerfile.model import Copy
from xbuild.plan.context import Context
from xbuild.plan.cross import debian
from xbuild.plan.facts.filesystem import Kind, Write, absolute, is_within, overlaps
from xbuild.plan.model import Evidence, Question, Reason, Setting
from xbuild.plan.recipes.recipe import context_path, copied_path
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Need, Surroundings
from xbuild.plan.toolchains.go.imports import c_importer
from xbuild.plan.toolchains.go.listing import listing_probe, read_listing
from xbuild.text import expression, value

CGO = Setting(
    "go",
    "cgo",
    (
        ("auto", "decided by evidence, alike for all platforms"),
        ("keep", "as the original build has it"),
        ("off", "CGO_ENABLED=0"),
    ),
)


# Modules that do not work, or do not build, without cgo; whether they need a C++ compiler too.
NEEDS_CGO: dict[str, bool] = {
    "github.com/mattn/go-sqlite3": False,
    "github.com/mutecomm/go-sqlcipher": False,
    "github.com/confluentinc/confluent-kafka-go": False,
    "github.com/h2non/bimg": False,
    "github.com/davidbyttow/govips": False,
    "github.com/linxGnu/grocksdb": True,
    "github.com/tecbot/gorocksdb": True,
    "github.com/godror/godror": False,
    "github.com/marcboeker/go-duckdb": True,
    "github.com/duckdb/duckdb-go": True,
    "github.com/gen2brain/go-fitz": False,
    "github.com/hybridgroup/gocv": True,
    "gocv.io/x/gocv": True,
    "github.com/libgit2/git2go": False,
    "github.com/miekg/pkcs11": False,
    "github.com/ThalesIgnite/crypto11": False,
    "rogchap.com/v8go": True,
    "github.com/bytecodealliance/wasmtime-go": True,
    "github.com/wasmerio/wasmer-go": True,
    "github.com/pebbe/zmq4": False,
    "github.com/veandco/go-sdl2": False,
    "github.com/go-gl/gl": False,
    "github.com/canonical/go-dqlite": False,
}

# Flags that fail or change without cgo (`go help build`; Go `src/cmd/go/internal/work/init.go`).
_NEEDED_FLAGS = ("-race", "-msan", "-asan")
_NEEDED_MODES = ("c-shared", "c-archive", "shared", "plugin")
_PIE_NEEDS = ("arm", "386", "riscv64", "s390x")
_QUESTION_FLAGS = ("-tags", "-mod", "-modfile")
# Alpine packages that bring no C compiler along; any other may.
_WITHOUT_COMPILER = frozenset(
    words(
        "git ca-certificates ca-certificates-bundle tzdata bash curl wget openssh openssh-client make upx "
        "jq tar gzip xz zip unzip mercurial subversion bzr gnupg tree file coreutils findutils grep sed "
        "gawk diffutils patch rsync musl musl-utils su-exec tini dumb-init openssl libcap libcap-utils "
        "shadow sudo tzdata-utils protobuf protobuf-dev protoc yq alpine-conf busybox binutils git-lfs "
        "linux-headers musl-dev libc-dev pkgconfig pkgconf less vim nano htop procps util-linux mailcap "
        "openssl-dev zlib-dev sqlite-dev sqlite go-task task docker-cli python3 nodejs npm yarn perl"
    )
)


@value()
class Decision:
    """What cgo takes: variables of the command, what must have run before, and what it rests on.
    `is_off` tells that the command builds without cgo on every platform.
    """

    added: tuple[tuple[str, str], ...] = ()
    before: tuple[tuple[int, tuple[str, ...], str], ...] = ()
    needs: tuple[Need, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    notes: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    reasons: tuple[Reason, ...] = ()
    is_off: bool = False


def decide(call: Call, packages: Sequence[str | None], *, has_module: bool, is_independent: bool) -> Decision:
    """The decision for one compile command; `has_module` is False for `go install path@version`."""
    told = _told(call, is_independent=is_independent)
    if told is not None:
        return told
    if _OTHER_GO.search(call.around.image.name):
        return _unsure(
            call, "the Go of this base image takes its cryptography from C, which needs cgo", _CURE
        )
    if call.around.settings.of(CGO) == "keep":
        return _with_cgo(call, "go.cgo: keep", has_cxx=True)
    if not has_module:
        return _unsure(call, "whether it uses cgo cannot be looked up", "set CGO_ENABLED=0 in front of it")
    return _look(call, packages)


def _told(call: Call, *, is_independent: bool) -> Decision | None:
    """The decision where the command, its environment, a setting or the want of a compiler tells it."""
    value, is_plain = _value(call)
    demand = _flag_demand(call)
    if not is_plain:
        return _unsure(call, "what CGO_ENABLED is cannot be told", "write CGO_ENABLED=0 or CGO_ENABLED=1")
    if value is None and _is_set_to_unknown(call, "GOEXPERIMENT"):
        return _unsure(call, "what GOEXPERIMENT is cannot be told, and some of its values need cgo", _CURE)
    if value == "0":
        return Decision(evidence=(Evidence("CGO_ENABLED=0 rules cgo out", call.place),), is_off=True)
    if is_independent:
        return _independent(call, demand)
    if value == "1":
        return _with_cgo(call, "CGO_ENABLED=1 asks for cgo", has_cxx=True, is_on=True)
    if demand is not None:
        return _with_cgo(call, f"{demand} needs cgo", has_cxx=True)
    if call.around.settings.of(CGO) == "off":
        return _without_cgo(call, "go.cgo: off")
    return _ruled_out(call) if _has_no_compiler(call) else None


def _independent(call: Call, demand: str | None) -> Decision:
    """A build for a platform that is written out."""
    if demand is None and (_has_no_compiler(call) or _is_other_system(call)):
        return Decision(evidence=(Evidence("cgo is off by default here, on every platform", call.place),))
    return _unsure(call, "it names its GOARCH, and cgo is on for one of them only", "set CGO_ENABLED=0")


def _unsure(call: Call, text: str, cure: str) -> Decision:
    return Decision(reasons=(Reason(f"`{call.spelled()}`: {text}", call.place, cure=cure),))


def _value(call: Call) -> tuple[str | None, bool]:
    """CGO_ENABLED as the command sees it, and whether that could be told (unset counts as told)."""
    if "CGO_ENABLED" in call.assignments:
        word, kind = call.assignments["CGO_ENABLED"]
        text = word.value
        if text is None and len(word.expansions) == 1:
            variable = call.variables.get(word.expansions[0].name)
            text = variable.text if variable is not None else None
        return text, text in ("0", "1") and kind.is_right and kind.name != "TARGET"
    variable = call.variables.get("CGO_ENABLED")
    if variable is None or (variable.origin == "shell") or variable.text == "":
        return None, True
    return variable.text, variable.text in ("0", "1") and variable.kind.name == "PORTABLE"


def _is_other_system(call: Call) -> bool:
    """Whether GOOS is not linux: always cross-compiled then, wherever it runs."""
    return _environment_text(call, "GOOS") not in (None, "", "linux")


def _flag_demand(call: Call) -> str | None:
    spelled = " ".join((*(w.raw for w in call.words), *(t or "" for t in call.texts)))
    if _EXTERNAL.search(f"{spelled} {_environment_text(call, 'GOFLAGS') or ''}"):
        return "-linkmode=external"
    texts = [t for t in call.texts[1:] if t is not None]
    texts += (_environment_text(call, "GOFLAGS") or "").replace("'", "").split()
    for at, text in enumerate(texts):
        following = texts[at + 1] if at + 1 < len(texts) else ""
        name, has_value, value = text.partition("=")
        value = value if has_value else following
        if name in _NEEDED_FLAGS and value != "false":
            return name
        if name == "-buildmode" and value in _NEEDED_MODES:
            return f"-buildmode={value}"
        if name == "-buildmode" and value == "pie" and _has_any(call.around, _PIE_NEEDS):
            return "-buildmode=pie"
        if name == "-tags" and "netcgo" in re.split(r"[ ,]", value.strip("'\"")):
            return "-tags netcgo"
    experiment = _environment_text(call, "GOEXPERIMENT") or ""
    return f"GOEXPERIMENT={experiment}" if re.search(r"crypto|fips", experiment) else None


_EXTERNAL = expression(r"-linkmode[=\s]+[\"'\\\\]*external")
_CURE = "set CGO_ENABLED=0 or CGO_ENABLED=1"
# Go distributions whose cryptography is a C library: boringcrypto, Red Hat's go-toolset, Microsoft's Go.
_OTHER_GO = expression(r"boring|fips|go-toolset|openshift|microsoft|redhat|rhel|/ubi")


def _is_set_to_unknown(call: Call, name: str) -> bool:
    """Whether an environment variable is set to something that cannot be told."""
    is_set = name in call.assignments or (
        (variable := call.variables.get(name)) is not None and variable.origin != "shell"
    )
    return is_set and _environment_text(call, name) is None


def _environment_text(call: Call, name: str) -> str | None:
    """An environment variable as the command sees it, as far as it is known."""
    if name in call.assignments:
        return call.assignments[name][0].value
    variable = call.variables.get(name)
    return None if variable is None or variable.origin == "shell" else variable.text


def _has_any(around: Surroundings, architectures: Iterable[str]) -> bool:
    return around.platforms is None or any(p.architecture in architectures for p in around.platforms)


def _has_no_compiler(call: Call) -> bool:
    """Whether no C compiler is there: neither in the image, nor by a package or file added since."""
    if call.around.image.has_compiler is not False or _compiler(call) is not None:
        return False
    if call.writes.where(_may_hold_compiler) or _BY_XX.search(call.around.text):
        return False
    if _is_set_to_unknown(call, "PATH"):
        return False
    more = [f for f in (_environment_text(call, "PATH") or SEARCHED[0]).split(":") if f not in SEARCHED]
    if any(not folder.startswith("/") or call.writes.where(partial(_is_in, folder)) for folder in more):
        return False
    names = {re.split(r"[=<>~@]", p)[0] for p in call.packages}
    return names <= _WITHOUT_COMPILER or all(n.startswith(".") or n in _WITHOUT_COMPILER for n in names)


SEARCHED = (
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
    "/go/bin",
    "/usr/local/go/bin",
)
_BY_XX = expression(r"\bxx-(apk|apt|apt-get)\b[^\n;&]*\b(gcc|g\+\+|clang|build-base|build-essential)\b")
# The names of packages that apk installs whatever it is asked to do.
_WORLD = "/etc/apk/world"
_COMPILERS = expression(r"/(gcc|cc|clang)(-[\d.]+)?$")


def _may_hold_compiler(made: Write) -> bool:
    """Whether something other than packages and copies of the context may put `gcc` into PATH, or name it."""
    if made.path is not None and (_COMPILERS.search(made.path) or is_within(_WORLD, made.path)):
        # xx's image goes over the root, and has its own programs alone.
        return not _is_known(made) and (made.path != "/" or made.is_context or not _is_brought(made))
    return any(_is_in(folder, made) for folder in SEARCHED)


def _is_known(made: Write) -> bool:
    """Whether what was written is packages, nothing, or what Go makes."""
    return made.is_package or made.is_empty or made.by[1:2] == ("go",) or made.kind is Kind.CROSS


def _is_brought(made: Write) -> bool:
    return made.kind is Kind.PORTABLE and made.by[:1] == ("COPY",)


def _is_in(folder: str, made: Write) -> bool:
    """Whether programs by names that are not told may be in a folder, other than from the context."""
    if made.path is None:
        return True
    is_there = is_within(posixpath.normpath(folder), made.path)
    return is_there and not (_is_known(made) or _is_brought(made))


def _ruled_out(call: Call) -> Decision:
    """No C compiler in the builder: Go 1.20 and later then builds without cgo by itself.

    Earlier ones come with their own packages precompiled with cgo (Go 1.20 release notes, "Cgo"), so that
    net and os/user use the C library natively, and nothing else can.
    """
    version = call.around.image.version
    if version is None or version >= (1, 20):
        evidence = Evidence("the builder image has no C compiler, so cgo is off", call.place)
        return Decision(() if version is not None else (("CGO_ENABLED", "0"),), evidence=(evidence,))
    if call.around.settings.of(CGO) == "keep":
        return _unsure(call, "go.cgo: keep, and there is no C compiler", "install gcc and musl-dev")
    why = "the builder image has no C compiler, so that nothing but the standard library can use cgo"
    return _without_cgo(call, why)


def _without_cgo(call: Call, why: str, standard: Sequence[str] = ()) -> Decision:
    uses = f" ({', '.join(standard)})" if standard else ""
    note = (
        f"line {call.place.line}: CGO_ENABLED=0 for every platform{uses}: names are resolved by Go's "
        "own resolver "
        "instead of the C library's (`go.cgo: keep` in .xbuild.yaml avoids it)"
    )
    evidence = (Evidence(why, call.place),)
    return Decision(added=(("CGO_ENABLED", "0"),), evidence=evidence, notes=(note,), is_off=True)


# -- looking for cgo


def _look(call: Call, packages: Sequence[str | None]) -> Decision:
    question = _question(call, packages)
    told = call.around.knowledge.answers.get(question.key) if question is not None else None
    if told is not None:
        answer = read_listing(told)
        if answer.toolchain:
            return _unsure(call, f"its Go is `{answer.toolchain}`, which may need cgo", _CURE)
        if "plugin" in answer.standard:
            return _with_cgo(call, "package plugin works with cgo only", has_cxx=answer.has_cxx)
        if answer.packages:
            named = ", ".join(answer.packages[:3])
            return _with_cgo(
                call, f"`go list -deps` found packages that use cgo: {named}", has_cxx=answer.has_cxx
            )
        return _without_cgo(
            call,
            "`go list -deps` found no package outside the standard library that uses cgo",
            answer.standard,
        )
    if _is_from_context_alone(call) and _context_has_no_cgo(call.around.context):
        return _without_cgo(call, "no Go file of the project or its vendor folder imports C")
    importer = c_importer(call, packages)
    if importer is not None:
        has_cxx = any(f.endswith((".cc", ".cpp", ".cxx")) for f in call.around.context.files())
        return _with_cgo(call, f"{importer} imports C", has_cxx=has_cxx)
    files = manifests(call)
    needing = _known_module(call.around.context, files)
    if needing is not None and not (question is not None and call.around.knowledge.may_ask):
        why = f"go.mod or go.sum names {needing}, which needs cgo"
        return _with_cgo(call, why, has_cxx=NEEDS_CGO[needing])
    why = "no module known to need cgo is named in go.mod or go.sum"
    if needing is not None:
        why = f"go.mod or go.sum names {needing}; whether what is built needs it, the builder is asked"
    elif not files:
        why = "the go.mod that it uses is not in the build context"
    decision = _without_cgo(call, why)
    condition = (
        f"that no package built on line {call.place.line} uses cgo (an engine can tell: `go list -deps`)"
    )
    return Decision(
        decision.added,
        evidence=decision.evidence,
        notes=decision.notes,
        conditions=(condition,),
        questions=(question,) if question is not None else (),
    )


def _question(call: Call, packages: Sequence[str | None]) -> Question | None:
    """The question, to be asked where the command stands; in a recipe, in front of what calls it."""
    if call.directory is None or any(p is None or "*" in p for p in packages):
        return None
    in_recipe = call.writes.where(_is_in_recipe)
    if any(w.path is None or overlaps(w.path, call.directory) for w in in_recipe):
        return None
    flags = _question_flags(call)
    if flags is None or any("*" in flag for flag in flags):
        return None
    arguments = (*flags, *(p for p in packages if p is not None))
    variables = _question_variables(call)
    return Question(
        call.around.stage,
        call.number,
        f"{call.directory}:{' '.join(f'{n}={t}' for n, t in variables)}:{' '.join(arguments)}",
        f"which packages of line {call.place.line} use cgo",
        listing_probe(call.directory, arguments, variables, call.around.platforms),
        call.command.span.start,
        call.directory,
    )


def _is_in_recipe(made: Write) -> bool:
    return made.place.file is not None and not _is_harmless(made)


def _question_variables(call: Call) -> tuple[tuple[str, str], ...]:
    """What is set for this command alone and may change the answer."""
    exported = {n: v.text for n, v in call.variables.items() if v.origin == "export"}
    assigned = {n: word.value for n, (word, _) in call.assignments.items()}
    return tuple(
        (name, text)
        for name, text in sorted({**exported, **assigned}.items())
        if text is not None and (name.startswith("GO") or name.startswith("CGO_")) and name not in _NOT_ASKED
    )


def _question_flags(call: Call) -> tuple[str, ...] | None:
    found: list[str] = []
    texts = call.texts
    for at, text in enumerate(texts):
        name = (text or "").split("=", 1)[0]
        if name in _QUESTION_FLAGS:
            value = text if text and "=" in text else None
            if value is None:
                following = texts[at + 1] if at + 1 < len(texts) else None
                if following is None:
                    return None
                value = f"{name}={following}"
            found.append(value)
    return tuple(found)


_NOT_ASKED = ("GOOS", "GOARCH", "GOARM", "GOAMD64", "CGO_ENABLED")
_IMPORT_C = expression(r'(?:^|[;(])\s*(?:import\s*)?\(?\s*(?:\w+\s+)?["`](?:C|plugin)["`]', re.MULTILINE)
# A file that is compiled only with cgo, or only without, although it imports nothing of C.
_TAG_CGO = expression(r"^//(?:go:build|\s*\+build)\s.*\bcgo\b", re.MULTILINE)
_REQUIRE = expression(r"^\s*require\b", re.MULTILINE)
# From Go 1.14 on in go.mod the vendor folder is used without being asked for (`go help modules`).
_GO_LINE = expression(r"^\s*go\s+1\.(\d+)", re.MULTILINE)


_HARMLESS = (
    ("go", "mod", "download"),
    ("go", "mod", "verify"),
    ("go", "mod", "vendor"),
    ("go", "generate"),
    ("go", "build"),
    ("go", "install"),
)
_ARCHIVE = expression(r"\.(tar(\.\w+)?|t[gbx]z2?|tzst|gz|bz2|xz|zst)$")


def is_from_context(call: Call) -> bool:
    """Whether all that stands in the module where the command runs came from the build context."""
    root = module_root(call)
    if root is None or _unpacks(call):
        return False
    copied, others = call.writes.where(_is_copied), call.writes.where(_is_from_elsewhere)
    is_copied, has_others = (
        any(w.path is None or overlaps(w.path, root) for w in found) for found in (copied, others)
    )
    return is_copied and not has_others


def _is_copied(made: Write) -> bool:
    return made.is_context and not made.is_empty


def _is_from_elsewhere(made: Write) -> bool:
    return not made.is_context and not _is_harmless(made)


def _is_harmless(made: Write) -> bool:
    """Whether what was written brings no packages that use cgo."""
    return made.is_empty or made.by[1:4] in _HARMLESS or made.by[1:3] in _HARMLESS


def module_root(call: Call) -> str | None:
    """The outermost folder around the command that has a go.mod of the context; else a folder above both."""
    if call.directory is None:
        return None
    parts = call.directory.strip("/").split("/")
    folders = ["/" + "/".join(parts[:n]) for n in range(1, len(parts) + 1)]
    return next((f for f in folders if context_path(call, f"{f}/go.mod") is not None), folders[0])


def _unpacks(call: Call) -> bool:
    """Whether an ADD of the stage may unpack an archive of the context, whose files cannot be looked at."""
    graph = call.scope.graph
    added = [
        source.lstrip("./")
        for stage in graph.chain_of(call.scope.stage)
        for i in graph.stages[stage].instructions
        if isinstance(i, Copy) and i.keyword == "ADD"
        for source in i.sources
    ]
    files = call.around.context.files() if any(any(c in source for c in "*?[") for source in added) else ()
    return any(
        "$" in source or any(_ARCHIVE.search(f) for f in (source, *(n for n in files if fnmatch(n, source))))
        for source in added
    )


def _is_from_context_alone(call: Call) -> bool:
    """Whether an official Go compiles nothing but files of the context: no other modules, no GOPATH."""
    image = call.around.image
    is_official = image.name == "golang" and (image.version is None or image.version >= (1, 13))
    is_own = call.writes.touch("/usr/local/go")
    modules = _environment_text(call, "GO111MODULE")
    workspace = _environment_text(call, "GOWORK")
    if not is_official or is_own or modules not in (None, "", "on") or workspace not in (None, "", "off"):
        return False
    if any(_is_set_to_unknown(call, n) for n in ("GO111MODULE", "GOWORK", "GOFLAGS")):
        return False
    return not _fetches(call) and is_from_context(call)


def _fetches(call: Call) -> bool:
    """Whether the command may add modules, or take others than the vendor folder's, or files elsewhere."""
    flags = (_environment_text(call, "GOFLAGS") or "").split()
    outside = any(t is not None and t.endswith(".go") and t.startswith(("/", "..")) for t in call.texts)
    return outside or any(
        t is None or "-mod=mod" in t or "-modfile" in t or "-overlay" in t or t == "mod"
        for t in (*call.texts[1:], *flags)
    )


def _context_has_no_cgo(context: Context) -> bool:
    """Whether all code that can be built is in the context (no module is fetched), and none of it imports
    C.
    """
    files = context.files()
    go_files = [f for f in files if f.endswith(".go")]
    manifests = [f for f in files if f.rpartition("/")[2] == "go.mod" and not f.startswith("vendor/")]
    if not go_files or not manifests:
        return False
    has_vendor = "vendor/modules.txt" in files and manifests == ["go.mod"]
    texts = [context.read(f) or "" for f in manifests]
    requires = any(_REQUIRE.search(text) for text in texts)
    is_used = all((found := _GO_LINE.search(text)) and int(found[1]) >= 14 for text in texts)
    if requires and not (has_vendor and is_used):
        return False
    if any(f.endswith((".swig", ".swigcxx")) or f.rpartition("/")[2] == "go.work" for f in files):
        return False
    sources = [context.read(f) for f in go_files]  # None: a link that leads out, for one
    return all(t is not None and not _IMPORT_C.search(t) and not _TAG_CGO.search(t) for t in sources)


def manifests(call: Call) -> tuple[str, ...]:
    """The files of the context that name the modules which the command uses (`go help modules`)."""
    files = call.around.context.files()
    if any(name.rpartition("/")[2] == "go.work" for name in files):
        return tuple(f for f in files if f.rpartition("/")[2] in ("go.mod", "go.sum", "go.work"))
    for folder in _upwards(call.directory):
        for place in (copied_path(call, f"{folder}/go.mod"), _mounted(call, f"{folder}/go.mod")):
            if place is not None and place in files:
                return (place, place.removesuffix(".mod") + ".sum")
    is_cloned = bool(call.writes.where(_is_clone))
    return ("go.mod", "go.sum") if "go.mod" in files and not is_cloned else ()


def _is_clone(made: Write) -> bool:
    return made.by[1:3] == ("git", "clone")


def _upwards(folder: str | None) -> Iterator[str]:
    while folder is not None:
        yield folder.rstrip("/")
        folder = posixpath.dirname(folder) if folder not in ("/", "") else None


def _mounted(call: Call, path: str) -> str | None:
    """The file of the context that `RUN --mount=type=bind` shows at `path`."""
    for mount in call.run.mounts:
        target = absolute(mount.get("target") or "", call.scope.workdir())
        if mount.type == "bind" and mount.get("from") is None and target is not None:
            source = (mount.get("source") or "").strip("/")
            if is_within(path, target):
                return posixpath.normpath(posixpath.join(source, posixpath.relpath(path, target)))
    return None


def _known_module(context: Context, names: Sequence[str]) -> str | None:
    """The first module of the table that is required, or whose code go.sum has a sum of; the sum of its
    go.mod alone only says that it was looked at.
    """
    for name in names:
        text = context.read(name) or ""
        for module in NEEDS_CGO:
            line = rf"^\s*(?:require\s+)?{re.escape(module)}(?:/v\d+)?\s+v\S+(?<!/go\.mod)(\s|$)"
            if module in text and re.search(line, text, re.MULTILINE):
                return module
    return None


# -- building with cgo


def _with_cgo(call: Call, why: str, *, has_cxx: bool, is_on: bool = False) -> Decision:
    evidence = (Evidence(why, call.place),)
    compiler = _compiler(call)
    if compiler is not None:
        return _own_compiler(call, compiler, evidence, is_on)
    packages = _c_packages(call)
    refusal = debian.why_not(call, packages, why, "set CGO_ENABLED=0")
    if refusal is not None:
        return Decision(reasons=(refusal,))
    added: list[tuple[str, str]] = [] if is_on else [("CGO_ENABLED", "1")]
    added += [("CC", debian.COMPILER)]
    if has_cxx:
        added.append(("CXX", debian.CXX_COMPILER))
    libraries = debian.dev_packages(packages)
    if libraries:
        added.append(("PKG_CONFIG", debian.PKG_CONFIG))
    lines = debian.install_lines(call.around.platforms, libraries, has_cxx=has_cxx)
    if any(name in call.assignments or name in call.variables for name in _C_FLAGS):
        return _unsure(
            call,
            f"{why}, and CGO_CFLAGS and the like may hold what is right for one platform only",
            "drop them",
        )
    # The install step names every platform of the list, so that it runs once for all; it stands as early as
    # it can.
    before = (debian.insert_at(call), lines, f"{why}: a C cross compiler for the target")
    needs = (Need("TARGETARCH", call.instruction, "cgo"), Need("TARGETVARIANT", call.instruction, "cgo"))
    note = debian.revision_note(call.around.image, call.around.platforms)
    notes = (f"line {call.place.line}: {note}",) if note is not None else ()
    return Decision(tuple(added), (before,), needs, evidence, notes)


_C_FLAGS = (
    "CGO_CFLAGS",
    "CGO_CPPFLAGS",
    "CGO_CXXFLAGS",
    "CGO_LDFLAGS",
    "CGO_FFLAGS",
    "PKG_CONFIG",
    "PKG_CONFIG_PATH",
)


def _c_packages(call: Call) -> frozenset[str]:
    """The packages that may hold something of C's."""
    return frozenset(p for p in call.packages if not p.startswith("golang-"))


def _compiler(call: Call) -> str | None:
    if "CC" in call.assignments:
        return call.assignments["CC"][0].raw
    variable = call.variables.get("CC")
    return None if variable is None or variable.origin == "shell" else (variable.text or "$CC")


def _own_compiler(call: Call, compiler: str, evidence: tuple[Evidence, ...], is_on: bool) -> Decision:
    """CC is set by hand, or by an earlier rewrite."""
    name = compiler.strip("\"'").rpartition("/")[2]
    needs = tuple(Need(n, call.instruction, "cgo") for n in ("TARGETARCH", "TARGETVARIANT"))
    if name == debian.COMPILER:
        return Decision(evidence=evidence, needs=needs)
    if is_on and (name in ("xx-clang", "xx-cc") or "TARGET" in compiler or debian.is_for_all(call, name)):
        return Decision(evidence=(*evidence, Evidence(f"CC={compiler} is for the target", call.place)))
    return _unsure(call, f"CC={compiler} is not known to compile for every platform", "leave CC to xbuild")
