"""Rust: one compiler on the build machine, with the linker of each platform."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xbuild.generate.excerpts import (
    exec_form,
    exists,
    first_seen,
    is_member,
    line_of,
    plain,
    read_toml,
    search,
    table,
)
from xbuild.generate.languages.rust_libraries import check_libraries, needs_cxx, tools
from xbuild.generate.shape import Candidate, EntryPoint, ProjectKind, Seen, Shape, SourceTree, UnreadyError
from xbuild.generate.template import Values
from xbuild.generate.versions import minor

_RUST = "1.99"
_TOOLCHAINS = ("rust-toolchain.toml", "rust-toolchain")
_SETTINGS = (".cargo/config.toml", ".cargo/config")
_KINDS = ("bin", "example", "test", "bench")
_PORT = re.compile(
    r"\"[\w.:\[\]]*:(\d{4,5})\"|\(\s*\[\s*\d+\s*,\s*\d+\s*,\s*\d+\s*,\s*\d+\s*\]\s*,\s*(\d{4,5})\s*\)|"
    r"\(\s*\"[\d.]+\"\s*,\s*(\d{4,5})\s*\)"
)
_PORT_VARIABLE = re.compile(r"\bvar\(\s*\"\w*PORT\"\s*\)")
_DIGITS = re.compile(r"\b(\d{4,5})\b")
# Where a frontend's output is compiled into the program: rust-embed, include_dir.
_EMBEDS = (
    r"#\[folder\s*=\s*\"(?:\$CARGO_MANIFEST_DIR/)?(?:\./)?{}/?\"",
    r"include_dir!\(\s*\"\$CARGO_MANIFEST_DIR/{}/?\"",
)


@dataclass(frozen=True)
class Crate:
    """A package of the workspace: its folder from the root on, and its Cargo.toml."""

    place: str
    marker: str
    data: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(table(self.data, "package").get("name") or posixpath.basename(self.place) or "app")


def find(tree: SourceTree, folder: str) -> Candidate | None:
    candidate = Candidate("rust", folder, posixpath.normpath(posixpath.join(folder, "Cargo.toml")))
    if _is_member(tree, folder):
        return None
    packages = _packages(tree, candidate)
    entries = tuple(entry for package in packages for entry in _entries(tree, package))
    return Candidate("rust", folder, candidate.marker, entries)


def _is_member(tree: SourceTree, folder: str) -> bool:
    """Whether a workspace of a folder above counts for it."""
    above = folder
    while above:
        above = posixpath.dirname(above)
        marker = posixpath.normpath(posixpath.join(above, "Cargo.toml"))
        if "workspace" in read_toml(tree, marker):
            return True
    return False


def _packages(tree: SourceTree, candidate: Candidate) -> tuple[Crate, ...]:
    """The package of the folder, and the members of its workspace."""
    data = read_toml(tree, candidate.marker)
    workspace = table(data, "workspace")
    found = [Crate(".", candidate.marker, data)] if "package" in data else []
    places = {posixpath.dirname(p) for p in tree.files(candidate.folder) if p.endswith("/Cargo.toml")}
    members = [str(member) for member in _list(workspace, "members")]
    excluded = [posixpath.normpath(str(member)) for member in _list(workspace, "exclude")]
    for folder in sorted(places - {candidate.folder}):
        place = posixpath.relpath(folder, candidate.folder or ".")
        if place not in excluded and any(is_member(place, member) for member in members):
            marker = posixpath.join(folder, "Cargo.toml")
            found.append(Crate(place, marker, read_toml(tree, marker)))
    return tuple(found)


def _list(data: Mapping[str, Any], name: str) -> list[Any]:
    value = data.get(name)
    return value if isinstance(value, list) else []


def _entries(tree: SourceTree, package: Crate) -> Iterator[EntryPoint]:
    """The programs of a package: its default, else all."""
    folder = posixpath.dirname(package.marker)
    sources = dict(_programs(tree, package))
    default = table(package.data, "package").get("default-run")
    for name, path in sources.items():
        if default in (None, name):
            text = tree.read(path) or ""
            start = re.search(r"^\s*(?:pub\s+)?(?:async\s+)?fn\s+main\s*\(", text, re.MULTILINE)
            seen = Seen("a program", path, line_of(text, start.start()) if start else None)
            yield EntryPoint(name, seen, (package.name, name, folder), (package.place,))


def _programs(tree: SourceTree, package: Crate) -> Iterator[tuple[str, str]]:
    """Names of programs and their first files (https://doc.rust-lang.org/cargo/reference/cargo-targets.html)."""
    folder = posixpath.dirname(package.marker)

    def inside(path: str) -> str:
        return posixpath.normpath(posixpath.join(folder, path))

    told = [each for each in _list(package.data, "bin") if isinstance(each, dict)]
    paths = [inside(str(each.get("path"))) for each in told]
    if table(package.data, "package").get("autobins") is not False:
        found = [(package.name, inside("src/main.rs"))] if exists(tree, inside("src/main.rs")) else []
        for path in tree.files(inside("src/bin")):
            place = posixpath.relpath(path, inside("src/bin"))
            if place.endswith(".rs") and "/" not in place:
                found.append((place.removesuffix(".rs"), path))
            elif place.count("/") == 1 and place.endswith("/main.rs"):
                found.append((place.removesuffix("/main.rs"), path))
        yield from ((name, path) for name, path in found if path not in paths)
    for each in told:
        if "name" in each and "path" in each and exists(tree, inside(str(each["path"]))):
            yield str(each["name"]), inside(str(each["path"]))


def draw(tree: SourceTree, candidate: Candidate, entry: EntryPoint | None) -> Shape:
    packages = _packages(tree, candidate)
    if entry is None:
        raise UnreadyError(
            "there is no program: no src/main.rs, no src/bin, and no [[bin]]",
            file=candidate.marker,
            hint="a library needs no image",
        )
    lock = candidate.inside("Cargo.lock")
    if not exists(tree, lock):
        raise UnreadyError(
            "there is no Cargo.lock, so that the crates' versions are not told",
            file=candidate.marker,
            hint="cargo generate-lockfile",
        )
    crates = _crates(tree, lock)
    check_libraries(tree, lock, crates)
    _check_settings(tree, candidate)
    _check_paths(tree, packages)
    name, version_seen = _version(tree, candidate, packages)
    package, program, folder = entry.target
    own = plain(program, entry.seen.file, "the program's name")
    port = _port(tree, folder)
    is_vendored = _is_vendored(tree, candidate)
    stubs, markers = _stubs(tree, candidate, packages)
    values: Values = {
        "rust": name,
        "markers": () if is_vendored else tuple(markers),
        "settings": (".cargo",) if tree.files(candidate.inside(".cargo")) else (),
        "stubs": " ".join(stubs),
        "folders": " ".join(sorted({posixpath.dirname(stub) or "." for stub in stubs})),
        "own": " ".join(f"--package {plain(each, lock, 'the package')}" for each in _local(crates)),
        "package": plain(package, entry.seen.file, "the package's name"),
        "program": own,
        "features": _features(packages, package, program),
        "tools": " ".join(tools(crates)),
        "compiler": "g++" if needs_cxx(crates) else "gcc",
        "entrypoint": exec_form([f"/usr/local/bin/{own}"]),
        "port": (port[0],) if port else (),
    }
    notes = ["HEALTHCHECK is left out: the runtime image has no program that could ask"]
    if port is None:
        notes.insert(0, "EXPOSE is left out: no port was recognised in the program")
    if is_vendored:
        notes.insert(0, "crates have no layer of their own: they are in the folder")
    seen = (
        version_seen,
        Seen(f"packages that the lock file names: {len(crates)}", lock),
        Seen(f"the program {own}, of the package {package}", entry.seen.file, entry.seen.line),
        *((port[1],) if port else ()),
    )
    switches = frozenset({*(() if is_vendored else ("fetched",)), *(("tools",) if tools(crates) else ())})
    return Shape("rust", values, switches, seen, tuple(notes), ("target", "**/target"))


def _features(packages: Sequence[Crate], package: str, program: str) -> str:
    """The features without which cargo refuses to build that program."""
    data = next(each.data for each in packages if each.name == package)
    told = (each for each in _list(data, "bin") if isinstance(each, dict) and each.get("name") == program)
    wanted = [str(feature) for each in told for feature in _list(each, "required-features")]
    words = ",".join(plain(each, "Cargo.toml", "the feature") for each in wanted)
    return f" --features {words}" if words else ""


def _crates(tree: SourceTree, lock: str) -> dict[str, dict[str, Any]]:
    """The lock file's packages by name; of several versions the dependencies of all."""
    found: dict[str, dict[str, Any]] = {}
    packages = _list(read_toml(tree, lock), "package")
    for each in (package for package in packages if isinstance(package, dict)):
        known = found.setdefault(str(each.get("name")), {"dependencies": [], "source": each.get("source")})
        known["dependencies"] += [str(d).split(" ")[0] for d in _list(each, "dependencies")]
    return found


def _local(crates: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The packages that are in the folder."""
    return sorted(name for name, crate in crates.items() if crate["source"] is None)


def _version(tree: SourceTree, candidate: Candidate, packages: Sequence[Crate]) -> tuple[str, Seen]:
    """The minor version of the image: the toolchain's, else a usual one that is new enough."""
    for name in _TOOLCHAINS:
        path = candidate.inside(name)
        text = tree.read(path)
        if text is None:
            continue
        found = re.search(r"^\s*channel\s*=\s*[\"']([^\"']+)|^([\w.-]+)\s*$", text, re.MULTILINE)
        channel = (found[1] or found[2]) if found is not None else "stable"
        line = line_of(text, found.start()) if found is not None else None
        if channel == "stable":
            return _RUST, Seen(f"Rust {_RUST}, for stable", path, line, is_sure=False)
        version = minor(channel)
        if version is None:
            raise UnreadyError(
                f"there is no image of Rust {channel}",
                file=path,
                line=line,
                expected="a version such as 1.95",
                hint="write the Dockerfile as for one platform: xbuild build makes the rest of it",
            )
        return version, Seen(f"Rust {version}", path, line)
    marker, least = _least(tree, candidate, packages)
    if least is not None:
        line = first_seen(tree, marker, r"^rust-version\s*=", "").line
        version = _RUST if _numbers(least) <= _numbers(_RUST) else least
        return version, Seen(f"Rust {version}, for {least} and later", marker, line)
    return _RUST, Seen(f"Rust {_RUST}: no version is asked for", candidate.marker, is_sure=False)


def _least(tree: SourceTree, candidate: Candidate, packages: Sequence[Crate]) -> tuple[str, str | None]:
    """The newest `rust-version` of all packages, as a minor version, and its file."""
    shared = table(read_toml(tree, candidate.marker), "workspace", "package").get("rust-version")
    told = [(candidate.marker, shared)]
    told += [(p.marker, table(p.data, "package").get("rust-version")) for p in packages]
    found = [(marker, version) for marker, each in told if (version := minor(f"{each}")) is not None]
    return max(found, key=lambda pair: _numbers(pair[1]), default=(candidate.marker, None))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _check_settings(tree: SourceTree, candidate: Candidate) -> None:
    """What binds the program to the machine that builds it is refused."""
    for name in _SETTINGS:
        path = candidate.inside(name)
        text = tree.read(path) or ""
        found = re.search(r"target-cpu=native", text)
        if found is not None:
            raise UnreadyError(
                "target-cpu=native makes a program for the machine that builds it",
                file=path,
                line=line_of(text, found.start()),
                hint="take it out, or name a processor",
            )


def _check_paths(tree: SourceTree, packages: Sequence[Crate]) -> None:
    """Packages outside of the folder are not in the build context."""
    for package in packages:
        text = tree.read(package.marker) or ""
        for found in re.finditer(r"\bpath\s*=\s*[\"']([^\"']+)[\"']", text):
            place = posixpath.normpath(posixpath.join(package.place, found[1]))
            if place.startswith(("..", "/")):
                raise UnreadyError(
                    f"the package {found[1]} is outside of the folder",
                    file=package.marker,
                    line=line_of(text, found.start()),
                    hint="run xbuild generate in the folder that holds both",
                )


def _is_vendored(tree: SourceTree, candidate: Candidate) -> bool:
    return any("replace-with" in (tree.read(candidate.inside(name)) or "") for name in _SETTINGS)


def _stubs(tree: SourceTree, candidate: Candidate, packages: Sequence[Crate]) -> tuple[list[str], list[str]]:
    """Files that cargo looks for when it reads a Cargo.toml, and folders of those, from the project's on."""
    stubs: dict[str, None] = {}
    markers: dict[str, None] = {}
    local = {posixpath.dirname(p) for p in tree.files(candidate.folder) if p.endswith("Cargo.toml")}
    known = {posixpath.dirname(package.marker) for package in packages}
    named = [p for package in packages for p in _path_packages(package) if p in local - known]
    extra = [Crate(posixpath.relpath(p, candidate.folder or "."), f"{p}/Cargo.toml", {}) for p in named]
    for package in (*packages, *extra):
        folder = posixpath.dirname(package.marker)
        data = package.data or read_toml(tree, package.marker)
        if package.place != ".":
            markers[plain(package.place, package.marker, "the package's folder")] = None
        paths = ["src/main.rs", "src/lib.rs"]
        paths += [str(table(data, "lib").get("path") or "src/lib.rs")]
        for kind in _KINDS:
            for each in _list(data, kind):
                paths += _paths_of(kind, each) if isinstance(each, dict) else []
        for path in paths:
            place = posixpath.normpath(posixpath.join(package.place, path))
            if exists(tree, posixpath.normpath(posixpath.join(folder, path))):
                stubs[plain(place, package.marker, "the file's name")] = None
        for path in tree.files(posixpath.normpath(posixpath.join(folder, "src/bin"))):
            if path.endswith(".rs"):
                stubs[plain(posixpath.relpath(path, candidate.folder or "."), path, "the file's name")] = None
    return list(stubs), list(markers)


def _path_packages(package: Crate) -> Iterator[str]:
    """Folders of packages that are named by their path, from the root on."""
    kinds = ("dependencies", "build-dependencies", "dev-dependencies")
    tables = [table(package.data, kind) for kind in kinds]
    tables.append(table(package.data, "workspace", "dependencies"))
    for each in tables:
        for value in each.values():
            if isinstance(value, dict) and "path" in value:
                folder = posixpath.dirname(package.marker)
                yield posixpath.normpath(posixpath.join(folder, str(value["path"])))


def _paths_of(kind: str, target: Mapping[str, Any]) -> list[str]:
    folders = {"bin": "src/bin", "example": "examples", "test": "tests", "bench": "benches"}
    if "path" in target:
        return [str(target["path"])]
    name = str(target.get("name"))
    return [f"{folders[kind]}/{name}.rs", f"{folders[kind]}/{name}/main.rs"]


def _port(tree: SourceTree, folder: str) -> tuple[str, Seen] | None:
    """The port that the program is likely to listen on."""
    sources = [p for p in tree.files(posixpath.normpath(posixpath.join(folder, "src"))) if p.endswith(".rs")]
    for path, found, line in search(tree, sources, _PORT):
        port = next(group for group in found.groups() if group)
        if 0 < int(port) < 65536:
            return port, Seen(f"port {port}", path, line, is_sure=False)
    for path, found, line in search(tree, sources, _PORT_VARIABLE):
        digits = _DIGITS.search(tree.read(path) or "", found.end(), found.end() + 120)
        if digits is not None:
            return digits[1], Seen(f"port {digits[1]}", path, line, is_sure=False)
    return None


def takes(tree: SourceTree, candidate: Candidate, output: str) -> Seen | None:
    """A frontend's output that is compiled into the program."""
    for package in _packages(tree, candidate):
        folder = posixpath.dirname(package.marker)
        place = posixpath.relpath(output, folder or ".")
        sources = [p for p in tree.files(folder) if p.endswith(".rs")]
        pattern = re.compile("|".join(each.format(re.escape(place)) for each in _EMBEDS))
        for path, _, line in search(tree, sources, pattern):
            return Seen(f"{output}/ is part of the program", path, line)
    return None


LANGUAGE = ProjectKind("rust", ("Cargo.toml",), find, draw, takes=takes)
