""".NET: published for the target's machine by the SDK of the build machine."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from xbuild.generate.excerpts import (
    exec_form,
    exists,
    first_seen,
    is_plain,
    line_of,
    plain,
    read_json,
    search,
    table,
)
from xbuild.generate.shape import Candidate, EntryPoint, ProjectKind, Seen, Shape, SourceTree, UnreadyError
from xbuild.generate.template import Values

# Frameworks whose SDK knows `-a` by Docker's names of processors, and whose images come with a user.
_NETS = ("8.0", "9.0", "10.0")
_ENDINGS = (".csproj", ".fsproj", ".vbproj")
_SOLUTIONS = ("*.sln", "*.slnx")
# Kinds of projects, by their SDK: the runtime image, and whether the output can be started.
_SDKS = {
    "Microsoft.NET.Sdk.Web": ("aspnet", True),
    "Microsoft.NET.Sdk.Worker": ("runtime", True),
    "Microsoft.NET.Sdk": ("runtime", False),
}
# Properties that make a program for one kind of machine, or without the runtime of the image.
_BOUND = ("RuntimeIdentifier", "PublishAot", "PublishTrimmed", "SelfContained", "PublishSingleFile")
# Files that a restore reads beside the projects.
_FILES = (
    "Directory.Build.props",
    "Directory.Build.targets",
    "Directory.Packages.props",
    "NuGet.config",
    "nuget.config",
    "NuGet.Config",
    "global.json",
)
# A lock file holds only under `--locked-mode`, and that wants a part for every platform.
_LOCK = "packages.lock.json"
_LOCKED = re.compile(r'(?s)/linux-(?:x64|arm64)": .*/linux-(?:x64|arm64)": ')
_NO_LOCK = f"there is no {_LOCK}: a restore may choose newer packages of its packages"
_UNLOCKED = f"{_LOCK} is not held to: it has no parts for linux-x64 and linux-arm64 (RuntimeIdentifiers)"
_PORT = re.compile(r"https?://[\w.*+\[\]:]+?:(\d{2,5})")
_WEB_PORT = "8080"


@dataclass(frozen=True)
class ProjectFile:
    """A project file: its path, its SDK, its properties, those of Directory.Build.props among them."""

    path: str
    sdk: str
    root: ElementTree.Element
    properties: Mapping[str, str]

    @property
    def name(self) -> str:
        return posixpath.basename(self.path).rpartition(".")[0]

    @property
    def is_program(self) -> bool:
        told = self.properties.get("OutputType", "").lower()
        is_test = any(
            "Microsoft.NET.Test.Sdk" in str(e.get("Include")) for e in self.root.iter("PackageReference")
        )
        if is_test or self.properties.get("IsTestProject", "").lower() == "true" or self.sdk not in _SDKS:
            return False
        return told in ("exe", "winexe") if told else _SDKS[self.sdk][1]


def find(tree: SourceTree, folder: str) -> Candidate | None:
    """A solution with its projects, or a project alone; what a folder above holds is part of that."""
    files = tree.files(folder)
    above = folder
    while above:
        above = posixpath.dirname(above)
        if any(
            posixpath.dirname(p) == above and p.endswith((".sln", ".slnx", *_ENDINGS))
            for p in tree.files(above)
        ):
            return None
    paths = [path for path in files if path.endswith(_ENDINGS)]
    own = [path for path in files if posixpath.dirname(path) == folder]
    marker = next(
        (p for p in own if p.endswith((".sln", ".slnx"))), next((p for p in own if p in paths), None)
    )
    if marker is None:
        return None
    candidate = Candidate("dotnet", folder, marker)
    projects = [project for path in paths if (project := _read(tree, candidate, path)) is not None]
    entries = tuple(_entry(tree, project) for project in projects if project.is_program)
    return Candidate("dotnet", folder, marker, entries)


def _entry(tree: SourceTree, project: ProjectFile) -> EntryPoint:
    text = "ASP.NET" if project.sdk == "Microsoft.NET.Sdk.Web" else "a program"
    seen = first_seen(tree, project.path, r"<OutputType>|<Project\b", text)
    return EntryPoint(project.name, seen, (project.path,), (project.path, posixpath.dirname(project.path)))


def _parse(tree: SourceTree, path: str) -> ElementTree.Element | None:
    text = tree.read(path)
    if text is None:
        return None
    try:
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise UnreadyError("the file declares entities", file=path, hint="take them out")
        root = ElementTree.fromstring(text.removeprefix("\ufeff"))
    except ElementTree.ParseError as error:
        line = error.position[0]
        raise UnreadyError("the file is no XML", file=path, line=line, hint="mend it") from error
    for element in root.iter():
        element.tag = str(element.tag).rpartition("}")[2]
    return root


def _read(tree: SourceTree, candidate: Candidate, path: str) -> ProjectFile | None:
    root = _parse(tree, path)
    shared = _parse(tree, candidate.inside("Directory.Build.props"))
    if root is None or root.tag != "Project":
        return None
    properties: dict[str, str] = {}
    for each in (shared, root):
        if each is not None:
            properties.update({e.tag: (e.text or "").strip() for e in each.findall("PropertyGroup/*")})
    return ProjectFile(path, str(root.get("Sdk") or "").partition("/")[0], root, properties)


def draw(tree: SourceTree, candidate: Candidate, entry: EntryPoint | None) -> Shape:
    if entry is None:
        raise UnreadyError(
            "no program was recognised: no project of the web or worker SDK, and none with OutputType Exe",
            file=candidate.marker,
            hint="a library needs no image",
        )
    project = _read(tree, candidate, entry.target[0])
    assert project is not None
    _check(tree, candidate, project)
    net, net_seen = _framework(tree, candidate, project)
    _check_sdk(tree, candidate, net)
    assembly = plain(
        project.properties.get("AssemblyName") or project.name, project.path, "the assembly's name"
    )
    image = "aspnet" if _is_web(project) else _SDKS[project.sdk][0]
    needed = list(dict.fromkeys(_needed(tree, candidate, project)))
    places = list(dict.fromkeys(posixpath.dirname(path) for path in needed))
    locks = [p for place in places if exists(tree, p := posixpath.join(place, _LOCK))]
    is_locked = bool(locks) and all(_LOCKED.search(tree.read(path) or "") for path in locks)
    port = _port(tree, project) if image == "aspnet" else None
    values: Values = {
        "net": net,
        "image": image,
        "files": tuple(_files(tree, candidate, needed)),
        "settings": tuple(_settings(tree, candidate, places)),
        "part": tuple(_relative(candidate, place) for place in places if place != candidate.folder),
        "project": _relative(candidate, project.path),
        "locked": " --locked-mode" if is_locked else "",
        "entrypoint": exec_form(["dotnet", f"/app/{assembly}.dll"]),
        "port": (port[0],) if port else (),
    }
    notes = ["HEALTHCHECK is left out: the runtime image has no program that could ask"]
    if not is_locked:
        notes.insert(0, _UNLOCKED if locks else _NO_LOCK)
    if port is None:
        notes.insert(0, "EXPOSE is left out: no port was recognised in the program")
    seen = (net_seen, entry.seen, *((port[1],) if port else ()))
    return Shape("dotnet", values, frozenset(), seen, tuple(notes), ("**/bin", "**/obj"))


def _relative(candidate: Candidate, path: str) -> str:
    place = posixpath.relpath(path, candidate.folder or ".")
    return plain(place, path, "the project's path")


def _files(tree: SourceTree, candidate: Candidate, needed: Sequence[str]) -> Iterator[str]:
    """What a restore reads in the folder itself, as one line of names."""
    own = [posixpath.basename(path) for path in needed if posixpath.dirname(path) == candidate.folder]
    beside = [name for name in (*_FILES, *([_LOCK] if own else [])) if exists(tree, candidate.inside(name))]
    if own or beside:
        yield " ".join(plain(name, candidate.marker, "the project's file") for name in (*own, *beside))


def _settings(tree: SourceTree, candidate: Candidate, places: Sequence[str]) -> Iterator[str]:
    """Folders between that one and the projects, with files that a restore reads."""
    found: dict[str, None] = {}
    for each in places:
        place = posixpath.dirname(each) if each != candidate.folder else each
        while place != candidate.folder:
            if any(exists(tree, posixpath.join(place, name)) for name in _FILES):
                found[_relative(candidate, place)] = None
            place = posixpath.dirname(place)
    yield from found


def takes(tree: SourceTree, candidate: Candidate, output: str) -> Seen | None:
    """A frontend's output that is published with the program."""
    for path in tree.files(candidate.folder):
        web = posixpath.join(posixpath.dirname(path), "wwwroot")
        if path.endswith(_ENDINGS) and (output == web or output.startswith(f"{web}/")):
            return Seen(f"{output}/ is published with the program", path)
    return None


def _is_web(project: ProjectFile) -> bool:
    frameworks = project.root.iter("FrameworkReference")
    return any(each.get("Include") == "Microsoft.AspNetCore.App" for each in frameworks)


def _framework(tree: SourceTree, candidate: Candidate, project: ProjectFile) -> tuple[str, Seen]:
    told = project.properties.get("TargetFramework") or project.properties.get("TargetFrameworks") or ""
    pattern = r"<TargetFrameworks?>"
    file = project.path
    if first_seen(tree, file, pattern, "").line is None:
        file = candidate.inside("Directory.Build.props")
    line = first_seen(tree, file, pattern, "").line
    known = [
        word.removeprefix("net") for word in re.split(r"[;\s]+", told) if word.removeprefix("net") in _NETS
    ]
    if len(known) != 1:
        raise UnreadyError(
            f"no image of .NET is known for the framework {told or 'that is not told'}",
            file=file if told else project.path,
            line=line,
            expected=f"one of {', '.join(f'net{net}' for net in _NETS)}",
            hint="name one",
        )
    return known[0], Seen(f".NET {known[0]}", file, line)


def _check(tree: SourceTree, candidate: Candidate, project: ProjectFile) -> None:
    """What makes a program for one machine, or needs what the images do not have, is refused."""
    for name in _BOUND:
        value = project.properties.get(name, "")
        if value and value.lower() != "false":
            files = (project.path, candidate.inside("Directory.Build.props"))
            file = next(
                (f for f in files if first_seen(tree, f, f"<{name}>", "").line is not None), project.path
            )
            raise UnreadyError(
                f"{name} makes a program of its own for each kind of machine, for which there is no template",
                file=file,
                line=first_seen(tree, file, f"<{name}>", "").line,
                hint="take it out, or write the Dockerfile by hand",
            )


def _check_sdk(tree: SourceTree, candidate: Candidate, net: str) -> None:
    """global.json must let the image's SDK be used."""
    path = candidate.inside("global.json")
    sdk = table(read_json(tree, path), "sdk")
    version = str(sdk.get("version") or "")
    policy = str(sdk.get("rollForward") or "latestPatch")
    is_free = policy.lower() in ("latestmajor", "major") or (
        version.startswith(f"{net}.")
        and policy.lower() in ("latestminor", "minor", "latestfeature", "feature")
    )
    if version and not is_free:
        raise UnreadyError(
            f"the SDK {version} with rollForward {policy} may not be the one of the image sdk:{net}",
            file=path,
            line=first_seen(tree, path, r'"version"\s*:', "").line,
            expected=f'"version": "{net}.100", "rollForward": "latestFeature"',
            hint="let newer ones be used",
        )


def _needed(
    tree: SourceTree, candidate: Candidate, project: ProjectFile, above: tuple[str, ...] = ()
) -> Iterator[str]:
    """The project file, and those that it refers to. Raises UnreadyError for one outside of the folder."""
    yield project.path
    for each in project.root.iter("ProjectReference"):
        told = str(each.get("Include") or "").replace("\\", "/")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(project.path), told))
        inner = _read(tree, candidate, path) if is_plain(told) and not path.startswith("..") else None
        if inner is None:
            line = first_seen(tree, project.path, re.escape(str(each.get("Include"))), "").line
            raise UnreadyError(
                f"the project {told} is not in the folder",
                file=project.path,
                line=line,
                hint="run xbuild generate in the folder that holds both",
            )
        if path not in (*above, project.path):
            yield from _needed(tree, candidate, inner, (*above, project.path))


def _port(tree: SourceTree, project: ProjectFile) -> tuple[str, Seen]:
    """The port of the images of .NET, unless the program names one of its own."""
    folder = posixpath.dirname(project.path)
    settings = posixpath.join(folder, "appsettings.json")
    text = tree.read(settings) or ""
    found = re.search(r'"Url"\s*:\s*"https?://[^":]+:(\d{2,5})', text)
    if found is not None:
        return found[1], Seen(f"port {found[1]}", settings, line_of(text, found.start()))
    sources = [p for p in tree.files(folder) if p.endswith((".cs", ".fs"))]
    listens = re.compile(r"(?:UseUrls|\.Run|Urls\.Add)\(\s*\"" + _PORT.pattern)
    for path, match, line in search(tree, sources, listens):
        return match[1], Seen(f"port {match[1]}", path, line, is_sure=False)
    seen = Seen(f"port {_WEB_PORT}, as the images of .NET set it", project.path, is_sure=False)
    return _WEB_PORT, seen


LANGUAGE = ProjectKind(
    "dotnet", (*_SOLUTIONS, *(f"*{ending}" for ending in _ENDINGS)), find, draw, takes=takes
)
