"""C and C++ by CMake: cross compilers on the build machine, libraries of the project's own."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from xbuild.generate.excerpts import exec_form, exists, line_of, plain, search
from xbuild.generate.shape import Candidate, EntryPoint, ProjectKind, Seen, Shape, SourceTree, UnreadyError
from xbuild.generate.template import Values

_FILE = "CMakeLists.txt"
# Debian 12's.
_CMAKE = (3, 25)
_ASIDE = frozenset(
    {"test", "tests", "example", "examples", "benchmark", "benchmarks", "third_party", "vendor", "docs"}
)
_CALL = re.compile(
    r"^[ \t]*(\w+)[ \t]*\(((?:[^()\"#]|\"(?:[^\"\\]|\\.)*\"|#[^\n]*\n|\([^()]*\))*)\)", re.MULTILINE
)
# What comes with the compiler and the C library.
_PACKAGES = frozenset({"Threads"})
_LINKED = frozenset({
    "PUBLIC", "PRIVATE", "INTERFACE", "m", "dl", "rt", "pthread", "Threads::Threads", "stdc++", "stdc++fs",
    "atomic", "util", "optimized", "debug", "general",
})  # fmt: skip
_LANGUAGES = {"C", "CXX", "NONE"}
_PORT = re.compile(
    r"\bhtons\(\s*(\d{2,5})\s*\)|\.(?:listen|port|bind)\(\s*(?:\"[\w.:]*\",\s*)?(\d{4,5})\b|"
    r"\b(?:constexpr|const)\b[^;\n]*\b[pP]ort\w*\s*=\s*(\d{4,5})\b|#define\s+\w*PORT\w*\s+(\d{4,5})\b"
)
_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".h", ".hpp")
_BY_HAND = "write the Dockerfile as for one platform: xbuild build makes the rest of it"
_MANAGERS = {"vcpkg.json": "vcpkg", "conanfile.txt": "Conan", "conanfile.py": "Conan"}
_FETCHING = ("fetchcontent_declare", "externalproject_add", "cpmaddpackage")
# Calls that look for, or start, what is not there when the build is for another machine.
_REFUSED = {
    "pkg_check_modules": "a library of the system is looked for",
    "pkg_search_module": "a library of the system is looked for",
    "find_library": "a library of the system is looked for",
    "try_run": "a program for the target is started while it is built",
    "enable_language": "another language is compiled",
}


@dataclass(frozen=True)
class CMakeCall:
    """A command of CMake's with its words, and where it is."""

    name: str
    words: tuple[str, ...]
    file: str
    line: int


def find(tree: SourceTree, folder: str) -> Candidate | None:
    marker = posixpath.normpath(posixpath.join(folder, _FILE))
    candidate = Candidate("cmake", folder, marker)
    calls = list(_calls(tree, candidate))
    # Without `project` it is part of another; one that is added by a folder above, too.
    if not any(call.name == "project" and call.file == marker for call in calls) or _is_added(tree, folder):
        return None
    entries = tuple(_entries(calls))
    return Candidate("cmake", folder, marker, entries)


def _is_added(tree: SourceTree, folder: str) -> bool:
    above = folder
    while above:
        above = posixpath.dirname(above)
        if exists(tree, posixpath.normpath(posixpath.join(above, _FILE))):
            return True
    return False


def _calls(tree: SourceTree, candidate: Candidate) -> Iterator[CMakeCall]:
    """Every command of the project's files, but for tests and examples."""
    for path in tree.files(candidate.folder):
        place = posixpath.relpath(path, candidate.folder or ".").split("/")
        is_ours = place[-1] == _FILE or place[-1].endswith(".cmake")
        if is_ours and not _ASIDE & set(place[:-1]):
            text = tree.read(path) or ""
            for found in _CALL.finditer(text):
                words = re.findall(r"\"(?:[^\"\\]|\\.)*\"|[^\s\"()]+", re.sub(r"#[^\n]*", "", found[2]))
                line = line_of(text, found.start(1))
                yield CMakeCall(found[1].lower(), tuple(word.strip('"') for word in words), path, line)


def _entries(calls: list[CMakeCall]) -> Iterator[EntryPoint]:
    project = next((c.words[0] for c in calls if c.name == "project" and c.words), "app")
    for call in calls:
        if call.name == "add_executable" and call.words and not {"ALIAS", "IMPORTED"} & set(call.words):
            name = re.sub(r"\$\{(?:PROJECT_NAME|CMAKE_PROJECT_NAME)\}", project, call.words[0])
            if "$" not in name and not re.search(r"(?:^|[_-])tests?(?:$|[_-])|benchmark", name):
                yield EntryPoint(name, Seen("a program", call.file, call.line), (name,))


def draw(tree: SourceTree, candidate: Candidate, entry: EntryPoint | None) -> Shape:
    if entry is None:
        raise UnreadyError(
            "there is no program: no add_executable with a plain name",
            file=candidate.marker,
            hint="a library needs no image",
        )
    calls = list(_calls(tree, candidate))
    _check(tree, candidate, calls)
    program = plain(entry.target[0], entry.seen.file, "the program's name")
    port = _port(tree, candidate)
    fetched = next((call for call in calls if call.name in _FETCHING), None)
    values: Values = {
        "packages": " ".join(
            ["cmake", "ninja-build", "ccache", "g++", *(["ca-certificates", "git"] if fetched else [])]
        ),
        "program": program,
        "entrypoint": exec_form([f"/usr/local/bin/{program}"]),
        "port": (port[0],) if port else (),
    }
    notes = ["HEALTHCHECK is left out: the runtime image has no program that could ask"]
    if port is None:
        notes.insert(0, "EXPOSE is left out: no port was recognised in the program")
    if any(call.name == "install" and {"DIRECTORY", "FILES"} & set(call.words) for call in calls):
        notes.insert(0, "only the program is in the image: other files that are installed are left out")
    project = next(call for call in calls if call.name == "project" and call.file == candidate.marker)
    seen = [
        Seen("CMake", project.file, project.line),
        Seen(f"the program {program}", entry.seen.file, entry.seen.line),
    ]
    if fetched is not None:
        seen.append(Seen(f"sources of {fetched.words[0]} are fetched", fetched.file, fetched.line))
    seen += [port[1]] if port else []
    return Shape("cmake", values, frozenset(), tuple(seen), tuple(notes), ("build", "cmake-build-*"))


def _check(tree: SourceTree, candidate: Candidate, calls: list[CMakeCall]) -> None:
    """Raises UnreadyError for what the cross compilers alone cannot build."""
    for name, manager in _MANAGERS.items():
        if exists(tree, candidate.inside(name)):
            raise UnreadyError(
                f"there is no template for {manager}", file=candidate.inside(name), hint=_BY_HAND
            )
    programs = {call.words[0] for call in calls if call.name == "add_executable" and call.words}
    for call in calls:
        text = _objection(call, programs)
        if text:
            raise UnreadyError(text, file=call.file, line=call.line, hint=_BY_HAND)
    _check_linked(calls)
    sources = [path for path in tree.files(candidate.folder) if path.endswith((_FILE, ".cmake"))]
    for path, found, line in search(tree, sources, re.compile(r"-m(?:arch|cpu|tune)=native")):
        text = f"{found[0]} makes a program for the machine that builds it"
        raise UnreadyError(text, file=path, line=line, hint="take it out")


def _check_linked(calls: list[CMakeCall]) -> None:
    """Libraries that neither the project nor the compiler brings; what is fetched may bring some."""
    if any(call.name in _FETCHING for call in calls):
        return
    own = {call.words[0] for call in calls if call.name in ("add_library", "add_executable") and call.words}
    for call in calls:
        words = call.words[1:] if call.name in ("target_link_libraries", "link_libraries") else ()
        for word in words:
            if word not in own and word not in _LINKED and not word.startswith(("-Wl,", "$", "-pthread")):
                text = f"{word} would have to be installed for each platform, for which there is no template"
                raise UnreadyError(text, file=call.file, line=call.line, hint=_BY_HAND)


def _objection(call: CMakeCall, programs: set[str]) -> str:
    """What is wrong with a command, or nothing."""
    words = call.words
    if call.name == "find_package" and words and words[0] not in _PACKAGES:
        return f"{words[0]} would have to be installed for each platform, for which there is no template"
    if call.name in _REFUSED:
        return f"{call.name}: {_REFUSED[call.name]}, for which there is no template"
    if call.name == "add_library" and {"SHARED", "MODULE"} & set(words):
        return (
            f"{words[0]} is a shared library, which the image would need too: there is no template for that"
        )
    if call.name in ("add_custom_command", "add_custom_target") and programs & set(words):
        started = min(programs & set(words))
        if "COMMAND" in words and words[words.index("COMMAND") + 1 :][:1] == (started,):
            return f"{started} is started while it is built, which it cannot be for another platform"
    if call.name == "cmake_minimum_required" and words[1:2]:
        least = re.match(r"(\d+)\.(\d+)", words[1])
        if least is not None and (int(least[1]), int(least[2])) > _CMAKE:
            return f"CMake {least[0]} is asked for, and Debian 12 has {_CMAKE[0]}.{_CMAKE[1]}"
    if call.name == "project" and "LANGUAGES" in words:
        others = [
            word
            for word in words[words.index("LANGUAGES") + 1 :]
            if word.isupper() and word not in _LANGUAGES
        ]
        if others:
            return f"the language {others[0]} has no template"
    return ""


def _port(tree: SourceTree, candidate: Candidate) -> tuple[str, Seen] | None:
    files = tree.files(candidate.folder)
    sources = [p for p in files if p.endswith(_SOURCES) and not _ASIDE & set(p.split("/"))]
    for path, found, line in search(tree, sources, _PORT):
        port = next(group for group in found.groups() if group)
        if 0 < int(port) < 65536:
            return port, Seen(f"port {port}", path, line, is_sure=False)
    return None


LANGUAGE = ProjectKind("cmake", (_FILE,), find, draw)
