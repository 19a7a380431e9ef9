"""An image's interpreters, and the folders of modules that they look into, each with what is installed there.

Where an interpreter looks: the documentation of `site` and `sysconfig`, PEP 405 for virtual environments,
Debian's Python policy for `/usr/lib/python3/dist-packages`, which all of Debian's interpreters share. A
folder that pip filled with `--target` names no version: any interpreter may be told to look there.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from xbuild.verify.built import Note
from xbuild.verify.checks import PlatformImage
from xbuild.verify.elf import ElfFacts
from xbuild.verify.languages.python.notes import Noted
from xbuild.verify.layers import File
from xbuild.verify.loader import Loader, Search, c_library_of, elf_of, loader_at
from xbuild.verify.mismatch import mismatch_of

_SITE = re.compile(
    r"(?P<prefix>.*)/lib(?:64|32)?/(?:python(?P<version>3(?:\.\d+)?)(?P<threads>t?)|pypy(?P<pypy>3\.\d+))"
    r"/(?:site-packages|dist-packages|lib-dynload)(?=/|$)"
)
_PACKAGES = re.compile(r"/(?:(?:site|dist)-packages|node_modules)/")
_PYTHON_2 = re.compile(r"/lib(?:64|32)?/(?:python2|pypy2|pypy/)|/lib-python/2")
_METADATA = re.compile(r"(?P<site>.*)/(?P<name>[^/]+\.(?:dist-info|egg-info))(?:/(?P<file>[^/]+))?")
_CACHED = re.compile(r"\.(cpython-\d+)(?:\.opt-\w+)?\.pyc$")
_SUFFIX = re.compile(
    r"\.(?:cpython-(?P<major>\d)(?P<minor>\d+)(?P<flags>[a-z]*)|pypy(?P<pypy>\d{2,3})-(?P<pp>pp\d+))"
)

# Copies of what is, or was, installed elsewhere: uv's and pip's caches, conda's archives, temporary folders.
_CACHES = re.compile(r"/\.cache/|/uv/(?:archive|builds|sdists)-v\d+/|/pkgs/[^/]+-[^/]+-[^/]+/|^/tmp/")

# Bounds against hostile images: no real one comes near them.
_MOST_INTERPRETERS = 200
_MOST_ENVIRONMENTS = 1_000
_MOST_LISTED = 500_000


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A program or library that runs Python, and the endings of the modules that it loads."""

    file: File
    elf: ElfFacts
    prefix: str
    version: str
    """`3.13`"""
    name: str
    """As tags of wheels have it: `cp313`, `pp39`."""
    abi: str
    """The same: `cp313t`, `cp37m`, `pypy39_pp73`."""
    suffixes: tuple[str, ...]

    @property
    def c_library(self) -> str | None:
        return c_library_of(self.elf)

    @property
    def is_threaded(self) -> bool:
        """Whether it is built without the global lock."""
        return self.abi.startswith("cp") and self.abi.endswith("t")

    def loads(self, suffix: str) -> bool:
        """Whether it loads modules with an ending, all of what follows the first dot of the name."""
        return suffix == ".so" or suffix in self.suffixes


def _interpreter(file: File, note: Note) -> Interpreter | None:
    elf = elf_of(file)
    found = next((match for suffix in note.values if (match := _SUFFIX.match(suffix))), None)
    if elf is None or found is None:
        return None
    above = re.match(r"(.*)/(?:bin|lib(?:64|32)?)/", file.path)
    prefix = above[1] if above is not None else ""
    if found["pypy"]:
        short = found["pypy"]
        return Interpreter(
            file,
            elf,
            prefix,
            f"{short[0]}.{short[1:]}",
            f"pp{short}",
            f"pypy{short}_{found['pp']}",
            note.values,
        )
    name = f"cp{found['major']}{found['minor']}"
    version = f"{found['major']}.{found['minor']}"
    return Interpreter(file, elf, prefix, version, name, name + found["flags"], note.values)


@dataclass(frozen=True, slots=True)
class Venv:
    """A virtual environment: `pyvenv.cfg` and what it says."""

    file: File
    prefix: str
    home: str
    version: str


@dataclass(slots=True)
class Package:
    """What is installed: its folder of metadata, and what the files there say."""

    file: File
    """The first of them."""
    wheel: File | None = None
    name: str = ""
    version: str = ""
    required: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    record: tuple[str, ...] = ()
    damage: list[tuple[File, str]] = field(default_factory=list)

    def learn(self, file: File, note: Note) -> None:
        """What one file of the folder says."""
        if note.kind == Noted.METADATA:
            self.name, self.version, *required = note.values
            self.required = tuple(required)
        elif note.kind == Noted.WHEEL:
            self.tags, self.wheel = note.values, file
        elif note.kind == Noted.RECORD:
            self.record = note.values
        elif note.kind == Noted.UNREADABLE:
            self.damage.append((file, note.values[0]))


@dataclass(slots=True)
class Site:
    """A folder of modules, and the interpreters that look there; none when the image has none that would."""

    path: str
    prefix: str = ""
    version: str = ""
    """`3.13`, empty when the folder names none."""
    threads: bool = False
    is_shared: bool = False
    """Whether it is the folder that all interpreters of a distribution share; that, and not pip, fills it."""
    interpreters: tuple[Interpreter, ...] = ()
    venv: Venv | None = None
    is_own: bool = False
    """Whether the interpreters look there without being told."""
    packages: dict[str, Package] = field(default_factory=dict)
    libraries: list[File] = field(default_factory=list)
    """ELF files."""
    bytecode: list[tuple[File, int]] = field(default_factory=list)
    is_pypy: bool = False
    cached: dict[str, dict[str, File]] = field(default_factory=dict)
    """`cpython-313` → what has compiled files for it, with one of them each."""


class PythonFiles:
    """What of an image is Python's."""

    def __init__(self, image: PlatformImage) -> None:
        self.image = image
        self.interpreters: list[Interpreter] = []
        """Those for the platform."""
        self.projects: dict[str, tuple[str, ...]] = {}
        """Where a project names what it requires, and what; files of packages are none."""
        self.venvs: list[Venv] = []
        self.loose: list[File] = []
        """Extension modules outside of all sites."""
        self.configurations: list[File] = []
        """`_sysconfigdata_*.py`: how an interpreter was built (CPython `Lib/sysconfig`)."""
        self.sites: dict[str, Site] = {}
        self._listed = 0
        self._folders: dict[str, frozenset[str]] = {}
        noted = [(file, note) for file in image.contents if (note := _note_of(file)) is not None]
        for file, note in noted:
            self._program(file, note)
        self._gather(noted)
        venvs = {venv.prefix: venv for venv in self.venvs}
        for site in self.sites.values():
            site.venv = venvs.get(site.prefix)
            self._find_interpreters(site)

    def __bool__(self) -> bool:
        return bool(self.interpreters or self.venvs or self.sites)

    def _program(self, file: File, note: Note) -> None:
        if note.kind == Noted.INTERPRETER:
            found = _interpreter(file, note)
            is_fitting = found is not None and mismatch_of(found.elf, self.image.platform) is None
            if found is not None and is_fitting and len(self.interpreters) < _MOST_INTERPRETERS:
                self.interpreters.append(found)
        elif note.kind == Noted.PROJECT and not _PACKAGES.search(file.path):
            self.projects[file.path] = note.values
        elif note.kind == Noted.ENVIRONMENT and len(self.venvs) < _MOST_ENVIRONMENTS:
            self.venvs.append(Venv(file, file.path.rpartition("/")[0], *note.values))

    def _gather(self, noted: Sequence[tuple[File, Note]]) -> None:
        packages = [
            (match, file, note)
            for file, note in noted
            if (match := _METADATA.fullmatch(file.path)) is not None and not _CACHES.search(file.path)
        ]
        for match, file, note in sorted(packages, key=lambda found: found[0]["site"].count("/")):
            site = self._site_for(match["site"], match["name"])
            if site is not None:
                package = site.packages.setdefault(match["name"], Package(file))
                package.learn(file, note)
                self._listed += len(note.values) if note.kind == Noted.RECORD else 0
                if self._listed > _MOST_LISTED:
                    package.record = ()
        for file in self.image.contents:
            if elf_of(file) is not None and not _CACHES.search(file.path):
                self._library(file)
        for file, note in noted:
            site = self._around(file.path) if note.kind == Noted.BYTECODE else None
            if site is not None:
                site.bytecode.append((file, int(note.values[0])))
        if self:
            self._names()

    def _names(self) -> None:
        """What names alone tell."""
        for file in self.image.files:
            name = file.path.rpartition("/")[2]
            found = _CACHED.search(name)
            site = self._around(file.path) if found is not None else None
            if found is not None and site is not None:
                site.cached.setdefault(found[1], {}).setdefault(owner(site, file), file)
            elif name.startswith("_sysconfigdata_") and name.endswith(".py"):
                self.configurations.append(file)

    def _site_for(self, folder: str, name: str) -> Site | None:
        """The site that a folder with metadata is; None for one that a package brings along."""
        found = self._around(folder + "/")
        if found is not None or _PYTHON_2.search(folder):
            return found if found is not None and found.path == folder else None
        # A project that was installed in place has an `.egg-info` beside whatever else it consists of.
        return self.sites.setdefault(folder, Site(folder)) if name.endswith(".dist-info") else None

    def _around(self, path: str) -> Site | None:
        """The site that a file lies in; one whose folder tells that it is a site need not be known."""
        found = _SITE.match(path)
        if found is not None:
            return self._named(found)
        for end in _ends(path):
            site = self.sites.get(path[:end])
            if site is not None:
                return site
        return None

    def _named(self, found: re.Match[str]) -> Site:
        if found[0] not in self.sites:
            version = found["version"] or found["pypy"] or ""
            self.sites[found[0]] = Site(
                found[0],
                found["prefix"],
                version if "." in version else "",
                bool(found["threads"]),
                is_shared=version == "3",
                is_pypy=bool(found["pypy"]),
            )
        return self.sites[found[0]]

    def _library(self, file: File) -> None:
        site = self._around(file.path)
        if site is not None:
            site.libraries.append(file)
        elif _SUFFIX.search(file.path.rpartition("/")[2]):
            self.loose.append(file)

    def _find_interpreters(self, site: Site) -> None:
        """Those of the same version, and of them those that the site belongs to; for a folder that names no
        version all, of Debian's shared one those of the distribution.
        """
        fitting = [
            each
            for each in self.interpreters
            if not site.version or (each.version == site.version and each.is_threaded == site.threads)
        ]
        prefix = site.prefix
        if site.venv is not None:
            home = self.image.files.lookup(site.venv.home)
            prefix = (home.path if home is not None else site.venv.home).rpartition("/")[0]
        # Debian's Python has its own modules in /usr/lib, and looks into /usr/local/lib as well.
        prefixes = {prefix, "/usr"} if site.path.startswith("/usr/local/lib/") else {prefix}
        own = [each for each in fitting if each.prefix in prefixes]
        site.is_own = bool(own) and bool(site.prefix)
        site.interpreters = tuple(own if site.is_own else fitting)

    def has(self, site: Site, path: str) -> bool:
        """Whether there is something at a path within a site; each folder is looked up once."""
        folder, _, name = path.rpartition("/")
        if f"{site.path}/{folder}" not in self._folders:
            self._look_into(site.path, folder.split("/") if folder else [])
        return name in self._folders.get(f"{site.path}/{folder}", ())

    def _look_into(self, top: str, parts: Sequence[str]) -> None:
        """Every folder on the way, as far as there are any: what is not there is not looked for again."""
        path, names = f"{top}/", frozenset(self.image.files.children(top))
        self._folders[path] = names
        for at, part in enumerate(parts):
            path += f"/{part}" if at else part
            if path not in self._folders:
                there = self.image.files.children(path) if part in names else ()
                self._folders[path] = frozenset(there)
            names = self._folders[path]

    def search(self, interpreter: Interpreter) -> Search:
        """Where an interpreter looks for libraries; of musl's loader its name for the machine matters."""
        loader = Loader()
        if interpreter.c_library == "musl":
            names = (path for path in self.image.platform.facts.loaders if "musl" in path)
            found = (loader_at(self.image.files, path) for path in names)
            is_musl = (each for each in found if each is not None and each.musl is not None)
            loader = next(is_musl, Loader(musl=""))
        return Search(self.image, interpreter.elf, loader)

    @cached_property
    def glibc(self) -> str | None:
        """The version of the glibc that interpreters are loaded with; others may be there to link with."""
        for each in self.interpreters:
            file, _ = self.search(each).find("libc.so.6", each.file, each.elf, ())
            note = _note_of(file) if file is not None else None
            if note is not None and note.kind == Noted.C_LIBRARY:
                return note.values[0]
        return None


def _note_of(file: File) -> Note | None:
    note = file.entry.content.note if file.entry.content is not None else None
    return note if note is not None and note.kind.startswith("python-") else None


def _ends(path: str) -> Iterator[int]:
    """Where each folder of a path ends, the deepest first."""
    end = path.rfind("/")
    while end > 0:
        yield end
        end = path.rfind("/", 0, end)


def owner(site: Site, file: File) -> str:
    """What of a site a file belongs to: the first name within."""
    return file.path[len(site.path) + 1 :].partition("/")[0]


def group_by_owner(site: Site, files: Sequence[File]) -> dict[str, list[File]]:
    """Files of a site by what they belong to, in order."""
    found: dict[str, list[File]] = defaultdict(list)
    for file in files:
        found[owner(site, file)].append(file)
    return dict(found)
