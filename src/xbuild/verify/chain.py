"""What an image runs: from entrypoint and command through PATH, links, `#!` lines and the dynamic loader.

How names become files: `execve(2)` for interpreter lines, `ld.so(8)` for glibc's search order, musl's
`ldso/dynlink.c` for musl's; Debian adds the multiarch folders to glibc's default ones.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from xbuild.verify.checks import Kind, PlatformImage, Severity
from xbuild.verify.elf import ElfFacts
from xbuild.verify.layers import File
from xbuild.verify.mismatch import describe

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What container runtimes use when the config has no PATH (moby `oci/defaults`)."""

_SHELLS = ("/bin/sh", "/bin/bash", "/bin/ash", "/usr/bin/sh", "/usr/bin/bash", "sh", "bash", "ash")
_MAX_SCRIPTS = 5
"""execve follows four interpreter lines in a row, then gives up."""
_MAX_LIBRARIES = 2000

# Architecture → Debian's multiarch folders (Debian wiki, "Multiarch/Tuples")
_TRIPLETS: dict[str, tuple[str, ...]] = {
    "386": ("i386-linux-gnu", "i686-linux-gnu"),
    "amd64": ("x86_64-linux-gnu",),
    "arm": ("arm-linux-gnueabihf", "arm-linux-gnueabi"),
    "arm64": ("aarch64-linux-gnu",),
    "ppc64le": ("powerpc64le-linux-gnu",),
    "s390x": ("s390x-linux-gnu",),
    "riscv64": ("riscv64-linux-gnu",),
    "loong64": ("loongarch64-linux-gnu",),
    "mips64le": ("mips64el-linux-gnuabi64",),
}


@dataclass(frozen=True, slots=True)
class Link:
    """A file that is needed to run the image, what for, and by which other file."""

    file: File
    role: str
    needed_by: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is needed and not there, or cannot be run."""

    kind: Kind
    severity: Severity
    message: str
    path: str
    needed_by: str = ""
    file: File | None = None


class Chain:
    """Everything that the image's entrypoint and command need, and what of it is missing."""

    def __init__(self, image: PlatformImage) -> None:
        self._image = image
        self._fs = image.files
        self.files: list[Link] = []
        self.problems: list[Problem] = []
        self._seen: set[str] = set()
        self._start()
        self._programs_on_path()

    def _start(self) -> None:
        config = self._image.config
        entrypoint, cmd = config.entrypoint, config.cmd
        argv = (*entrypoint, *cmd)
        if not argv or not argv[0]:
            return
        role = "the entrypoint" if entrypoint else "the command"
        self._command(argv[0], role)
        self._shell_script(argv, role)
        if entrypoint and cmd:
            # The command may be arguments only; as a program it counts when it is one.
            self._if_program(cmd[0], "the command")
            self._shell_script(cmd, "the command")
        for word in argv[1:]:
            if word.startswith("/"):
                self._if_program(word, f"{word}, named in {role},")

    def _command(self, name: str, role: str) -> None:
        file = self._resolve(name)
        if file is None:
            message = f"{role} {name} is not in the image"
            self.problems.append(Problem(Kind.COMMAND, Severity.FAILURE, message, self._absolute(name)))
            return
        self._program(file, role, "", 0)

    def _if_program(self, name: str, role: str) -> None:
        file = self._resolve(name)
        if file is not None and file.entry.mode & 0o111 and file.entry.content is not None:
            self._program(file, role, "", 0, strict=False)

    def _shell_script(self, argv: tuple[str, ...], role: str) -> None:
        """The first command of `["/bin/sh", "-c", "…"]`, when it can be read."""
        if (
            len(argv) < 3
            or argv[0] not in _SHELLS
            or not argv[1].startswith("-")
            or not argv[1].endswith("c")
        ):
            return
        words = words_of(argv[2])
        if not words or any(mark in words[0] for mark in "$`(){}|&;<>*"):
            return
        if words[0].startswith("/") and self._resolve(words[0]) is None:
            message = f"{words[0]}, which {role} starts, is not in the image"
            self.problems.append(Problem(Kind.COMMAND, Severity.WARNING, message, words[0]))
            return
        self._if_program(words[0], role)

    def _absolute(self, name: str) -> str:
        if "/" not in name or name.startswith("/"):
            return name
        return f"{self._image.config.working_dir.rstrip('/')}/{name}"

    def _resolve(self, name: str) -> File | None:
        """The file that a command name means: as a path, or by PATH."""
        if "/" in name:
            file = self._fs.lookup(self._absolute(name))
            return file if file is not None and file.entry.kind != "dir" else None
        for folder in self._path_folders:
            file = self._fs.lookup(f"{folder}/{name}")
            if file is not None and file.entry.kind == "file" and file.entry.mode & 0o111:
                return file
        return None

    @cached_property
    def _path_folders(self) -> tuple[str, ...]:
        path = self._image.config.variable("PATH")
        return tuple(folder for folder in (path or _DEFAULT_PATH).split(":") if folder)

    def _program(self, file: File, role: str, needed_by: str, depth: int, *, strict: bool = True) -> None:
        if file.path in self._seen:
            return
        self._seen.add(file.path)
        content = file.entry.content
        if strict and not file.entry.mode & 0o111:
            self._cannot_run(file, f"{role} is not executable (mode {file.entry.mode:04o})", needed_by)
        if content is None or content.format in ("ar", "text"):
            if strict:
                self._cannot_run(
                    file, f"{role} is neither an ELF file nor a script with a #! line", needed_by
                )
        elif content.format == "elf":
            self.files.append(Link(file, role, needed_by))
            if isinstance(content.elf, ElfFacts):
                self._linked(file, content.elf)
        elif content.format == "script":
            self._script(file, content.text, depth)
        elif content.format in ("pe", "macho"):
            system = {"pe": "Windows", "macho": "macOS"}[content.format]
            self._cannot_run(file, f"{role} is a program for {system}", needed_by)

    def _cannot_run(self, file: File, message: str, needed_by: str) -> None:
        self.problems.append(Problem(Kind.COMMAND, Severity.FAILURE, message, file.path, needed_by, file))

    def _script(self, file: File, line: str, depth: int) -> None:
        name, _, rest = line.partition(" ")
        if depth >= _MAX_SCRIPTS or not name:
            self._cannot_run(file, "its #! line cannot be followed", "")
            return
        interpreter = self._fs.lookup(name) if name.startswith("/") else None
        if interpreter is None or interpreter.entry.kind == "dir":
            message = f"its interpreter {name} is not in the image"
            self.problems.append(Problem(Kind.INTERPRETER, Severity.FAILURE, message, name, file.path, file))
            return
        self._program(interpreter, f"the interpreter of {file.path}", file.path, depth + 1)
        if name.rpartition("/")[2] == "env":
            self._through_env(file, rest, depth)

    def _through_env(self, file: File, rest: str, depth: int) -> None:
        """`#!/usr/bin/env [-S] [NAME=value] program …`."""
        words = [word for word in rest.split() if not word.startswith("-") and "=" not in word]
        if not words:
            return
        program = self._resolve(words[0])
        if program is None:
            message = f"its interpreter {words[0]} is not on the image's PATH"
            self.problems.append(
                Problem(Kind.INTERPRETER, Severity.FAILURE, message, words[0], file.path, file)
            )
            return
        self._program(program, f"the interpreter of {file.path}", file.path, depth + 1)

    def _linked(self, file: File, elf: ElfFacts) -> None:
        """The dynamic loader and, from there, every needed library."""
        loader = self._loader_of(file, elf, Severity.FAILURE)
        if elf.interpreter is not None and loader is None:
            return
        missing = self._libraries(file, elf)
        self.problems.extend(missing)

    def _loader_of(self, file: File, elf: ElfFacts, severity: Severity) -> File | None:
        if elf.interpreter is None:
            return None
        loader = self._fs.lookup(elf.interpreter)
        if loader is None or loader.entry.kind == "dir":
            message = f"its dynamic loader {elf.interpreter} is not in the image"
            self.problems.append(
                Problem(Kind.INTERPRETER, severity, message, elf.interpreter, file.path, file)
            )
            return None
        if severity is Severity.FAILURE and loader.path not in self._seen:
            self._seen.add(loader.path)
            self.files.append(Link(loader, f"the dynamic loader of {file.path}", file.path))
        return loader

    def _libraries(self, program: File, elf: ElfFacts) -> list[Problem]:
        """Breadth first, as the loader does; a name that is loaded once serves everybody."""
        search = _Search(self._image, elf)
        loaded = {elf.interpreter.rpartition("/")[2]} if elf.interpreter else set()
        pending = [(name, program, elf, elf.rpath) for name in elf.needed]
        missing: list[Problem] = []
        while pending and len(loaded) < _MAX_LIBRARIES:
            name, by, needing, inherited = pending.pop(0)
            if name in loaded or search.is_loader(name):
                continue
            loaded.add(name)
            found, wrong = search.find(name, by, needing, inherited)
            if found is None:
                missing.append(self._not_found(name, by, wrong))
                continue
            content = found.entry.content
            library = content.elf if content is not None else None
            if not isinstance(library, ElfFacts):
                continue
            if found.path not in self._seen:
                self._seen.add(found.path)
                self.files.append(Link(found, f"library {name}", by.path))
            if library.soname:
                loaded.add(library.soname)
            below = (*library.rpath, *inherited) if not library.runpath else inherited
            pending.extend((other, found, library, below) for other in library.needed)
        return missing

    def _not_found(self, name: str, by: File, wrong: File | None) -> Problem:
        if wrong is None:
            message = f"needed library {name} is not in the image"
            return Problem(Kind.LIBRARY, Severity.FAILURE, message, name, by.path, by)
        content = wrong.entry.content
        elf = content.elf if content is not None else None
        what = describe(elf) if isinstance(elf, ElfFacts) else "no ELF file"
        message = f"needed library {name} is there only as {what}"
        return Problem(Kind.LIBRARY, Severity.FAILURE, message, wrong.path, by.path, wrong)

    def _programs_on_path(self) -> None:
        """Programs that this Dockerfile put on PATH: a missing loader or library is worth a warning."""
        folders = {
            file.path for folder in self._path_folders if (file := self._fs.lookup(folder)) is not None
        }
        for file in self._image.contents:
            content = file.entry.content
            elf = content.elf if content is not None else None
            if file.path in self._seen or not isinstance(elf, ElfFacts) or elf.interpreter is None:
                continue
            if file.path.rpartition("/")[0] not in folders or not self._is_added(file):
                continue
            machine = self._image.platform.machine
            if (elf.machine, elf.bits) == (machine.number, machine.bits):
                self._on_path(file, elf)

    def _on_path(self, file: File, elf: ElfFacts) -> None:
        if self._loader_of(file, elf, Severity.WARNING) is None:
            return
        kept, self.files = self.files, []
        seen, self._seen = self._seen, set()
        for problem in self._libraries(file, elf):
            self.problems.append(
                Problem(
                    problem.kind,
                    Severity.WARNING,
                    problem.message,
                    problem.path,
                    problem.needed_by,
                    problem.file,
                )
            )
        self.files, self._seen = kept, seen

    def _is_added(self, file: File) -> bool:
        layers = self._image.layers
        return file.layer >= len(layers) or layers[file.layer].added


class _Search:
    """Where one program's dynamic loader looks for libraries."""

    def __init__(self, image: PlatformImage, program: ElfFacts) -> None:
        self._image = image
        self._fs = image.files
        self._program = program
        name = (program.interpreter or "").rpartition("/")[2]
        self._musl = name.startswith("ld-musl-")
        self._triplets = _TRIPLETS.get(image.platform.architecture, ())

    def is_loader(self, name: str) -> bool:
        """musl's loader is the C library; its names are never searched for."""
        return self._musl and (name == "libc.so" or name.startswith(("libc.musl-", "ld-musl-")))

    def find(
        self, name: str, by: File, needing: ElfFacts, inherited: tuple[str, ...]
    ) -> tuple[File | None, File | None]:
        """The library, or else the first one of that name that is for something else."""
        wrong: File | None = None
        for path in self._candidates(name, by, needing, inherited):
            file = self._fs.lookup(path)
            if file is None or file.entry.kind != "file":
                continue
            content = file.entry.content
            elf = content.elf if content is not None else None
            # The loader passes over files of another machine or class and looks further ("wrong ELF class").
            same = isinstance(elf, ElfFacts) and (elf.machine, elf.bits, elf.little_endian) == (
                self._program.machine,
                self._program.bits,
                self._program.little_endian,
            )
            if same:
                return file, wrong
            wrong = wrong or file
        return None, wrong

    def _candidates(
        self, name: str, by: File, needing: ElfFacts, inherited: tuple[str, ...]
    ) -> Iterator[str]:
        if "/" in name:
            yield name
            return
        own = needing.runpath or needing.rpath
        first = () if needing.runpath else (*needing.rpath, *inherited)
        environment = (self._image.config.variable("LD_LIBRARY_PATH") or "").replace(";", ":").split(":")
        for folder in (*first, *filter(None, environment), *own):
            for expanded in self._expand(folder, by):
                yield f"{expanded}/{name}"
        for folder in self._musl_folders if self._musl else self._glibc_folders:
            yield f"{folder}/{name}"

    def _expand(self, folder: str, by: File) -> Iterator[str]:
        """`$ORIGIN` is the folder of the file that has the path; `$LIB` differs between distributions."""
        for form in ("$ORIGIN", "${ORIGIN}"):
            folder = folder.replace(form, by.path.rpartition("/")[0])
        if "$LIB" not in folder and "${LIB}" not in folder:
            yield folder
            return
        for value in (*(f"lib/{triplet}" for triplet in self._triplets), "lib64", "lib"):
            yield folder.replace("${LIB}", value).replace("$LIB", value)

    @cached_property
    def _glibc_folders(self) -> tuple[str, ...]:
        multiarch = [f"{root}/{triplet}" for triplet in self._triplets for root in ("/lib", "/usr/lib")]
        configured = tuple(self._configured("/etc/ld.so.conf", 0))
        return (*configured, *multiarch, "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/lib32", "/usr/lib32")

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

    @cached_property
    def _musl_folders(self) -> tuple[str, ...]:
        name = (self._program.interpreter or "").rpartition("/")[2]
        architecture = name.removeprefix("ld-musl-").split(".so", 1)[0]
        text = self._text(f"/etc/ld-musl-{architecture}.path")
        folders = tuple(part for part in text.replace("\n", ":").split(":") if part)
        return folders or ("/lib", "/usr/local/lib", "/usr/lib")

    def _text(self, path: str) -> str:
        file = self._fs.lookup(path)
        content = file.entry.content if file is not None else None
        return content.text if content is not None and content.format == "text" else ""


def words_of(script: str) -> tuple[str, ...]:
    """The words of a shell script's first command, without assignments and `exec`; empty if unclear."""
    try:
        words = shlex.split(script, comments=True)
    except ValueError:
        return ()
    while words and (words[0] == "exec" or re.fullmatch(r"[A-Za-z_]\w*=.*", words[0], re.DOTALL)):
        words.pop(0)
    return tuple(words)
