"""Go: a static program, or one with cgo and the C compiler of every platform."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from xbuild.generate.excerpts import exec_form, exists, line_of, own_files, plain, search
from xbuild.generate.ports import is_own
from xbuild.generate.shape import Candidate, EntryPoint, ProjectKind, Seen, Shape, SourceTree, UnreadyError
from xbuild.generate.template import Values
from xbuild.generate.versions import GO_OLDEST, SUITE, minor

_MODULE = re.compile(r"^module\s+\"?([^\s\"]+)", re.MULTILINE)
_VERSION = re.compile(r"^go\s+(\d\S*)", re.MULTILINE)
_TOOLCHAIN = re.compile(r"^toolchain\s+go(\d\S*)", re.MULTILINE)
_REQUIRED = re.compile(r"^\s*(?:require\s+)?([\w.-]+\.[\w.-]+/\S+)\s+v\d", re.MULTILINE)
_REPLACED = re.compile(r"^\s*(?:replace\s+)?\S+(?:\s+v\S+)?\s*=>\s*(\.{1,2}/\S*|\.{1,2})\s*$", re.MULTILINE)
_PACKAGE = re.compile(r"^package\s+(\w+)", re.MULTILINE)
_MAIN = re.compile(r"^func\s+main\s*\(\s*\)", re.MULTILINE)
_IGNORED = re.compile(r"^//(?:go:build\s+ignore\b|\s*\+build\s+ignore\b)", re.MULTILINE)
_C = re.compile(r'^\s*import\s+"C"', re.MULTILINE)
# What a program listens on: every address; what a variable says, with a text near it; the machine's own.
_PORT = re.compile(r'"(?:0\.0\.0\.0|\[::\])?:(\d{2,5})"')
_PORT_VARIABLE = re.compile(
    r'"(?:(?:HTTP|SERVER|APP|API|WEB|LISTEN|GRPC)_)?PORT"(?:[^\n]*\n){0,4}?[^\n]*?":?(\d{4,5})"'
)
_PORT_INSIDE = re.compile(
    r'^[^\n]*(?:listen|serve|bind)[^\n]*"(?:localhost|127\.0\.0\.1):(\d{2,5})"', re.IGNORECASE | re.MULTILINE
)
_READS = re.compile(
    r"(?:ParseGlob|ParseFiles|LoadHTMLGlob|LoadHTMLFiles|http\.Dir|os\.Open|os\.ReadFile|os\.DirFS|ReadDir|"
    r"ServeFile|Static|StaticFile|StaticFS|SendFile)\([^\n]*"
)
_FIRST_PART = re.compile(r"\"(?:\./)?([\w.-]+)(?:/[^\"\n]*)?\"")
# A program with C++ in it needs its library in the runtime image.
_CXX = (".cc", ".cpp", ".cxx")
# Folders whose programs serve the project's development, not its users.
_ASIDE = frozenset(
    {"example", "examples", "testdata", "test", "tests", "tools", "hack", "scripts", "vendor", "e2e"}
)

# Modules that need cgo and bring the C that they compile: no library of the system is used.
_CGO_BUNDLED = (
    "github.com/mattn/go-sqlite3",
    "github.com/confluentinc/confluent-kafka-go",
    "github.com/DataDog/zstd",
)
# Modules that need cgo and a library of the system.
_CGO_LIBRARIES = {
    "github.com/h2non/bimg": "libvips-dev",
    "github.com/davidbyttow/govips": "libvips-dev",
    "gopkg.in/gographics/imagick": "libmagickwand-dev",
    "github.com/libgit2/git2go": "libgit2-dev",
    "github.com/google/gopacket/pcap": "libpcap-dev",
    "gocv.io/x/gocv": "libopencv-dev",
    "github.com/otiai10/gosseract": "libtesseract-dev",
    "github.com/pebbe/zmq4": "libzmq3-dev",
    "github.com/godror/godror": "Oracle's client",
}


def find(tree: SourceTree, folder: str) -> Candidate | None:
    marker = posixpath.normpath(posixpath.join(folder, "go.mod"))
    text = tree.read(marker) or ""
    module = _MODULE.search(text)
    name = module[1].rstrip("/").split("/") if module else [posixpath.basename(folder) or "app"]
    # A major version ends a module's path and is no name (https://go.dev/ref/mod#major-version-suffixes).
    own = name[-2] if len(name) > 1 and re.fullmatch(r"v\d+", name[-1]) else name[-1]
    entries = sorted(_entries(tree, folder, own), key=lambda e: (not _is_first(e), e.target))
    firsts = [entry for entry in entries if _is_first(entry)]
    return Candidate("go", folder, marker, tuple(firsts or entries))


def _is_first(entry: EntryPoint) -> bool:
    parts = entry.target[0].removeprefix("./").split("/")
    return parts == ["."] or parts[0] == "cmd"


def _entries(tree: SourceTree, folder: str, own: str) -> Iterator[EntryPoint]:
    modules = [posixpath.dirname(p) for p in tree.files(folder) if posixpath.basename(p) == "go.mod"]
    found: dict[str, Seen] = {}
    for path in own_files(tree, folder, ".go"):
        place = posixpath.relpath(posixpath.dirname(path) or ".", folder or ".")
        is_other = any(m != folder and (path.startswith(m + "/")) for m in modules if len(m) > len(folder))
        if path.endswith("_test.go") or is_other or _ASIDE & set(place.split("/")):
            continue
        text = tree.read(path) or ""
        package = _PACKAGE.search(text)
        start = _MAIN.search(text)
        if package is None or package[1] != "main" or start is None or _IGNORED.search(text):
            continue
        found.setdefault(place, Seen("a program", path, line_of(text, start.start())))
    for place, seen in found.items():
        name = own if place == "." else posixpath.basename(place)
        target = "." if place == "." else f"./{place}"
        yield EntryPoint(name, seen, (target,), (place, target))


def draw(tree: SourceTree, candidate: Candidate, entry: EntryPoint | None) -> Shape:
    text = tree.read(candidate.marker) or ""
    if entry is None:
        raise UnreadyError(
            "there is no program in this module: no package `main` with a function `main`",
            file=candidate.marker,
            hint="a library needs no image",
        )
    version, version_seen = _version(text, candidate.marker)
    name = plain(entry.name, entry.seen.file, "the program's name")
    target = plain(entry.target[0], entry.seen.file, "the package's folder")
    seen = [version_seen, Seen(f"the program {name} ({target})", entry.seen.file, entry.seen.line)]
    notes: list[str] = []
    modules = _modules(tree, candidate, text, notes)
    template = _cgo(tree, candidate, text, seen)
    port = _port(tree, candidate, entry, notes)
    if port is None:
        notes.append("EXPOSE is left out: no port was recognised in the program")
    else:
        seen.append(port[1])
    values: Values = {
        "go": version,
        "program": name,
        "package": target,
        "entrypoint": exec_form([f"/usr/local/bin/{name}"]),
        "replaced": modules or (),
        "port": (port[0],) if port else (),
        "runtime": "cc" if any(own_files(tree, candidate.folder, end) for end in _CXX) else "base",
        "data": _read_at_run_time(tree, candidate, seen),
    }
    notes.append("HEALTHCHECK is left out: the runtime image has no program that could ask")
    switches = frozenset({"modules"} if modules is not None else ())
    return Shape(template, values, switches, tuple(seen), tuple(notes))


def _version(text: str, marker: str) -> tuple[str, Seen]:
    found = [f for f in (_TOOLCHAIN.search(text), _VERSION.search(text)) if f is not None]
    for one in found:
        version = minor(one[1])
        if version is not None and tuple(map(int, version.split("."))) < GO_OLDEST:
            # The line names the least version: a newer Go compiles the module as that one did.
            oldest = ".".join(map(str, GO_OLDEST))
            told = f"Go {oldest}, the oldest that there is on {SUITE}: {version} or newer is asked for"
            return oldest, Seen(told, marker, line_of(text, one.start()))
        if version is not None:
            return version, Seen(f"Go {version}", marker, line_of(text, one.start()))
    raise UnreadyError(
        "the version of Go is not told", file=marker, expected="a line such as `go 1.24`", hint="go mod tidy"
    )


def _modules(tree: SourceTree, candidate: Candidate, text: str, notes: list[str]) -> tuple[str, ...] | None:
    """The folders of modules that are part of the project, for what `go mod download` reads; None where
    nothing is downloaded.
    """
    if exists(tree, "go.work"):
        notes.append("modules have no layer of their own: go.work says which are read")
        return None
    if exists(tree, candidate.inside("vendor/modules.txt")):
        return None
    if not exists(tree, candidate.inside("go.sum")):
        if _REQUIRED.search(text):
            raise UnreadyError(
                "there is no go.sum, so that the modules' contents are not told",
                file=candidate.marker,
                hint="go mod tidy",
            )
        return None
    folders: list[str] = []
    for found in _REPLACED.finditer(text):
        folder = posixpath.normpath(found[1])
        if folder.startswith(".."):
            raise UnreadyError(
                f"the module {found[1]} is outside of the folder",
                file=candidate.marker,
                line=line_of(text, found.start()),
                hint="run xbuild generate in the folder that holds both, or vendor it (go mod vendor)",
            )
        if folder != "." and exists(tree, posixpath.join(folder, "go.mod")):
            folders.append(plain(folder, candidate.marker, "the module's folder"))
    return tuple(dict.fromkeys(folders))


def _cgo(tree: SourceTree, candidate: Candidate, text: str, seen: list[Seen]) -> str:
    """The template; what needs a library that the system would have to bring is refused."""
    for module, package in _CGO_LIBRARIES.items():
        found = re.search(rf"^\s*(?:require\s+)?{re.escape(module)}\b", text, re.MULTILINE)
        if found is not None:
            raise UnreadyError(
                f"{module} is compiled against {package}, for which there is no template",
                file=candidate.marker,
                line=line_of(text, found.start()),
                hint="write the Dockerfile as for one platform: xbuild build makes the rest of it",
            )
    for module in _CGO_BUNDLED:
        found = re.search(rf"^\s*(?:require\s+)?{re.escape(module)}(?:/v\d+)?\s", text, re.MULTILINE)
        if found is not None:
            seen.append(Seen(f"cgo: {module}", candidate.marker, line_of(text, found.start())))
            return "go-cgo"
    sources = [p for p in own_files(tree, candidate.folder, ".go") if not p.endswith("_test.go")]
    for path, _, line in search(tree, sources, _C):
        seen.append(Seen('cgo: import "C"', path, line))
        return "go-cgo"
    return "go-static"


def _port(
    tree: SourceTree, candidate: Candidate, entry: EntryPoint, notes: list[str]
) -> tuple[str, Seen] | None:
    """The port that the program is likely to listen on: its own package is looked at first, those of other
    programs not at all.
    """
    own = candidate.inside(entry.target[0])
    sources = [p for p in own_files(tree, candidate.folder, ".go") if not p.endswith("_test.go")]
    sources = [p for p in sources if not p.startswith("vendor/") and not _ASIDE & set(p.split("/"))]
    others = {
        posixpath.dirname(path)
        for path, package, _ in search(tree, sources, _PACKAGE)
        if package[1] == "main" and (posixpath.dirname(path) or ".") != own
    }
    sources = [p for p in sources if posixpath.dirname(p) not in others]
    sources.sort(key=lambda path: (posixpath.dirname(path) or ".") != own)
    for pattern in (_PORT, _PORT_VARIABLE, _PORT_INSIDE):
        for path, found, line in search(tree, sources, pattern):
            if not is_own(found[1]):
                continue
            if pattern is _PORT_INSIDE:
                notes.append(
                    f"{path}:{line}: an address that nothing outside of a container reaches: let the program"
                    " listen on every address"
                )
            return found[1], Seen(f"port {found[1]}", path, line, is_sure=False)
    return None


def _read_at_run_time(tree: SourceTree, candidate: Candidate, seen: list[Seen]) -> tuple[str, ...]:
    """Folders of the project that the program seems to read while it runs."""
    sources = [p for p in own_files(tree, candidate.folder, ".go") if not p.endswith("_test.go")]
    folders: dict[str, None] = {}
    for path, found, line in search(tree, sources, _READS):
        for folder in _FIRST_PART.findall(found[0]):
            inside = tree.files(candidate.inside(folder))
            if inside and not any(p.endswith(".go") for p in inside) and folder not in folders:
                folders[plain(folder, path, "the folder")] = None
                seen.append(Seen(f"{folder}/ is read at run time", path, line, is_sure=False))
    return tuple(sorted(folders))


LANGUAGE = ProjectKind("go", ("go.mod",), find, draw)
