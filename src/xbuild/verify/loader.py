"""The dynamic loader that a program reaches, and where it looks for libraries.

A program names its loader by path (PT_INTERP); which loader that is, is told by the file that the path
leads to through links. On Alpine `ld-linux-x86-64.so.2` may be a link to musl's loader (libc6-compat, or made
by hand), or gcompat's little program, which starts musl's loader with `libgcompat.so.0` preloaded (gcompat
`loader/loader.c`). Search order: `ld.so(8)` for glibc; Debian adds the multiarch folders to its default ones.
For musl `ldso/dynlink.c`, `load_library`: its loader is itself the libraries that it names there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from xbuild.architectures import ARCHITECTURES, Machine
from xbuild.verify.checks import PlatformImage
from xbuild.verify.elf import ElfFacts
from xbuild.verify.layers import File, FileSystem
from xbuild.verify.scan import GLIBC_PREFIXES, Entry

_MUSL = re.compile(r"(?:ld-musl-|libc\.musl-)(?P<architecture>.+?)\.so(?:\..*)?|libc\.so")
_GLIBC = re.compile(r"ld-linux.*|ld(?:64)?\.so\..*|ld-\d.*")

# `reserved` in musl's `load_library`: names of libraries that the loader is itself. libcrypt and libresolv
# are not among them.
_MUSL_ITSELF = ("libc.", "libpthread.", "librt.", "libm.", "libdl.", "libutil.", "libxnet.")
_MUSL_FOLDERS = ("/lib", "/usr/local/lib", "/usr/lib")
# musl's `fixup_rpath` knows no other, and then takes none of the folders.
_NOT_ORIGIN = re.compile(r"\$(?!ORIGIN|\{ORIGIN\})")

# As programs and libraries need them.
_NEEDS_MUSL = re.compile(r"libc\.musl-.+|ld-musl-.+|libc\.so")
_NEEDS_GLIBC = re.compile(
    r"(?:libc|libm|libpthread|libdl|librt|libresolv|libutil)\.so\.\d|ld-linux.*|ld64\.so.*"
)

_GCOMPAT = "/lib/libgcompat.so.0"


def elf_of(file: File | None) -> ElfFacts | None:
    """The facts of a file that is a whole ELF file."""
    content = file.entry.content if file is not None else None
    return content.elf if content is not None and isinstance(content.elf, ElfFacts) else None


def c_library_of(elf: ElfFacts) -> str | None:
    """`musl` or `glibc`, as the file needs it; None when it says neither, or both."""
    names = {
        kind
        for kind, pattern in (("musl", _NEEDS_MUSL), ("glibc", _NEEDS_GLIBC))
        if any(pattern.fullmatch(name) for name in elf.needed)
    }
    return names.pop() if len(names) == 1 else None


@dataclass(frozen=True, slots=True)
class Loader:
    """The files through which a program is loaded, the last one being the loader that looks for libraries."""

    files: tuple[File, ...] = ()
    musl: str | None = None
    """musl's name for its architecture; empty when no name tells it, None when it is not musl's loader."""
    preloaded: tuple[str, ...] = ()


def loader_at(files: FileSystem, path: str) -> Loader | None:
    """The loader that a path leads to; None when there is no file, or gcompat's without a musl to start."""
    file = files.lookup(path)
    if file is None or file.entry.kind == "dir":
        return None
    elf = elf_of(file)
    soname = elf.soname if elf is not None else None
    # What a file says of itself counts before what it is called: it may be a copy, or a hard link. Alpine's
    # musl has a soname, that of others has none; glibc's always has one.
    for name in (soname or "", _name(file.entry.path), _name(path)):
        found = _MUSL.fullmatch(name)
        if found is not None:
            return Loader((file,), found["architecture"] or "")
        if _GLIBC.fullmatch(name):
            break
    if elf is not None and soname is None and files.lookup(_GCOMPAT) is not None:
        real = _musl_loader(files, elf)
        return None if real is None else Loader((file, real[0]), real[1], (_GCOMPAT,))
    return Loader((file,))


def _musl_loader(files: FileSystem, program: ElfFacts) -> tuple[File, str] | None:
    """musl's loader for the machine of a program, and musl's name for that."""
    for name in files.children("/lib"):
        found = _MUSL.fullmatch(name)
        file = files.lookup(f"/lib/{name}") if found is not None else None
        if found is not None and found["architecture"] and file is not None and _is_like(file, program):
            return file, found["architecture"]
    return None


def _is_like(file: File, program: ElfFacts) -> bool:
    """Whether a file is for the machine, class and byte order of a program."""
    elf = elf_of(file)
    return elf is not None and _is_for(Machine(elf.machine, elf.bits, elf.little_endian), program)


def _is_for(machine: Machine, program: ElfFacts) -> bool:
    return machine == Machine(program.machine, program.bits, program.little_endian)


def _name(path: str) -> str:
    return path.rpartition("/")[2]


class Search:
    """Where one program's dynamic loader looks for libraries."""

    def __init__(self, image: PlatformImage, program: ElfFacts, loader: Loader) -> None:
        self._image = image
        self._fs = image.files
        self._program = program
        self._loader = loader
        own = image.platform.facts
        rows = sorted((r for r in ARCHITECTURES if _is_for(r.machine, program)), key=lambda r: r is not own)
        self._triplets = tuple(dict.fromkeys(name for row in rows for name in (row.multiarch, row.gnu)))
        self._default = tuple(self._glibc_folders() if loader.musl is None else self._musl_folders())

    def names_of_loader(self) -> set[str]:
        """The names under which the loader is loaded itself."""
        return {_name(self._program.interpreter or "")} if self._loader.musl is None else set()

    def is_loaded(self, name: str, loaded: set[str]) -> bool:
        """Whether a name is served by what is loaded already; musl's loader serves the C library's names."""
        return name in loaded or (self._loader.musl is not None and name.startswith(_MUSL_ITSELF))

    def names_of(self, library: ElfFacts) -> tuple[str, ...]:
        """What else a library serves than the name it was found under: its soname, but not with musl."""
        return (library.soname,) if library.soname and self._loader.musl is None else ()

    def handed_down(self, file: File, elf: ElfFacts, inherited: tuple[str, ...]) -> tuple[str, ...]:
        """The folders that a file adds to those of the libraries that it needs, and of what they need.

        With glibc that is its RPATH, and nothing when it has a RUNPATH; musl makes no difference.
        """
        if self._loader.musl is None and elf.runpath:
            return inherited
        return (*self._own(file, elf.runpath or elf.rpath), *inherited)

    def find(
        self, name: str, by: File, needing: ElfFacts, inherited: tuple[str, ...]
    ) -> tuple[File | None, File | None]:
        """The library, or else the first one of that name that is for something else."""
        wrong: File | None = None
        for path in self._candidates(name, by, needing, inherited):
            file = self._fs.lookup(path)
            if file is None or file.entry.kind != "file":
                continue
            if _is_like(file, self._program):
                return file, wrong
            wrong = wrong or file
            if self._loader.musl is not None:
                break  # glibc's passes over files of another machine or class ("wrong ELF class")
        return None, wrong

    def _candidates(
        self, name: str, by: File, needing: ElfFacts, inherited: tuple[str, ...]
    ) -> Iterator[str]:
        if "/" in name:
            yield name
            return
        environment = self._image.library_folders
        own = self._own(by, needing.runpath or needing.rpath)
        if self._loader.musl is not None:
            folders = (*environment, *own, *inherited)
        elif needing.runpath:
            folders = (*environment, *own)
        else:
            folders = (*own, *inherited, *environment)
        for folder in (*folders, *self._default):
            yield f"{folder}/{name}"

    def _own(self, file: File, folders: tuple[str, ...]) -> tuple[str, ...]:
        if self._loader.musl is not None and any(map(_NOT_ORIGIN.search, folders)):
            return ()
        return tuple(each for folder in folders for each in self._expand(folder, file))

    def _expand(self, folder: str, by: File) -> Iterator[str]:
        """`$ORIGIN` is the folder of the file that has the path; `$LIB` differs between distributions."""
        for form in ("$ORIGIN", "${ORIGIN}"):
            folder = folder.replace(form, by.path.rpartition("/")[0])
        if "$LIB" not in folder and "${LIB}" not in folder:
            yield folder
            return
        for value in (*(f"lib/{triplet}" for triplet in self._triplets), "lib64", "lib"):
            yield folder.replace("${LIB}", value).replace("$LIB", value)

    def _glibc_folders(self) -> Iterator[str]:
        path = self._loader.files[-1].path if self._loader.files else ""
        prefix = next((f"/{each}" for each in GLIBC_PREFIXES if path.startswith(f"/{each}")), None)
        if prefix is not None:
            yield from self._configured(f"{prefix}etc/ld.so.conf", 0)
            yield from (f"{prefix}lib64", f"{prefix}lib")
            return
        yield from self._configured("/etc/ld.so.conf", 0)
        yield from (f"{root}/{triplet}" for triplet in self._triplets for root in ("/lib", "/usr/lib"))
        yield from ("/lib64", "/usr/lib64", "/lib", "/usr/lib", "/lib32", "/usr/lib32")

    def _configured(self, path: str, depth: int) -> Iterator[str]:
        """Folders of an `ld.so.conf` file and of the files it includes (`ldconfig(8)`)."""
        for line in self._text(path).splitlines():
            words = line.partition("#")[0].replace(",", " ").replace(":", " ").split()
            if words[:1] == ["include"] and depth < 3:
                for pattern in words[1:]:
                    folder, _, name = pattern.rpartition("/")
                    start, _, end = name.partition("*")
                    for child in self._fs.children(folder or "/etc"):
                        if child.startswith(start) and child.endswith(end):
                            yield from self._configured(f"{folder or '/etc'}/{child}", depth + 1)
            elif words[:1] != ["hwcap"]:
                yield from (word for word in words if word.startswith("/"))

    def _musl_folders(self) -> tuple[str, ...]:
        """Folders of `/etc/ld-musl-<architecture>.path`, of any architecture when no name tells which.

        Where one is there but names none there are none; of one that was not read nothing is known.
        """
        start = f"ld-musl-{self._loader.musl}" + ("." if self._loader.musl else "")
        names = (
            name for name in self._fs.children("/etc") if name.startswith(start) and name.endswith(".path")
        )
        files = [file.entry for name in names if (file := self._fs.lookup(f"/etc/{name}")) is not None]
        text = "\n".join(_text_of(each) for each in files)
        folders = tuple(part for part in text.replace("\n", ":").split(":") if part)
        is_told = bool(self._loader.musl and files and all(_text_of(each) or not each.size for each in files))
        return folders if folders or is_told else _MUSL_FOLDERS

    def _text(self, path: str) -> str:
        file = self._fs.lookup(path)
        return _text_of(file.entry) if file is not None else ""


def _text_of(entry: Entry) -> str:
    """What a file says that tells the loader where to look."""
    content = entry.content
    return content.text if content is not None and content.format == "text" else ""
