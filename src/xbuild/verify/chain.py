"""What an image runs: from entrypoint and command through PATH, links, `#!` lines and the dynamic loader.

How names become files: `execve(2)` for interpreter lines, `loader.py` for libraries.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace

from xbuild.verify.checks import CheckKind, PlatformImage, Severity
from xbuild.verify.elf import ElfFacts
from xbuild.verify.layers import File
from xbuild.verify.loader import Loader, Search, elf_of, loader_at
from xbuild.verify.mismatch import describe

_SHELLS = ("/bin/sh", "/bin/bash", "/bin/ash", "/usr/bin/sh", "/usr/bin/bash", "sh", "bash", "ash")
_MAX_SCRIPTS = 5
"""execve follows four interpreter lines in a row, then gives up."""
_MAX_LIBRARIES = 2000


@dataclass(frozen=True, slots=True)
class Link:
    """A file that is needed to run the image, what for, and by which other file."""

    file: File
    role: str
    needed_by: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is needed and not there, or cannot be run; `name` is a library's, as it is asked for."""

    kind: CheckKind
    severity: Severity
    message: str
    path: str
    needed_by: str = ""
    file: File | None = None
    name: str = ""


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
            self.problems.append(Problem(CheckKind.COMMAND, Severity.FAILURE, message, self._absolute(name)))
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
            self.problems.append(Problem(CheckKind.COMMAND, Severity.WARNING, message, words[0]))
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
        for folder in self._image.command_folders:
            file = self._fs.lookup(f"{folder}/{name}")
            if file is not None and file.entry.kind == "file" and file.entry.mode & 0o111:
                return file
        return None

    def _program(self, file: File, role: str, needed_by: str, depth: int, *, strict: bool = True) -> None:
        if file.path in self._seen:
            return
        self._seen.add(file.path)
        content = file.entry.content
        if strict and not file.entry.mode & 0o111:
            self._cannot_run(file, f"{role} is not executable (mode {file.entry.mode:04o})", needed_by)
        if content is None or content.format in ("ar", "text", "noted"):
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
        self.problems.append(
            Problem(CheckKind.COMMAND, Severity.FAILURE, message, file.path, needed_by, file)
        )

    def _script(self, file: File, line: str, depth: int) -> None:
        name, _, rest = line.partition(" ")
        if depth >= _MAX_SCRIPTS or not name:
            self._cannot_run(file, "its #! line cannot be followed", "")
            return
        interpreter = self._fs.lookup(name) if name.startswith("/") else None
        if interpreter is None or interpreter.entry.kind == "dir":
            message = f"its interpreter {name} is not in the image"
            self.problems.append(
                Problem(CheckKind.INTERPRETER, Severity.FAILURE, message, name, file.path, file)
            )
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
                Problem(CheckKind.INTERPRETER, Severity.FAILURE, message, words[0], file.path, file)
            )
            return
        self._program(program, f"the interpreter of {file.path}", file.path, depth + 1)

    def _linked(self, file: File, elf: ElfFacts) -> None:
        """The dynamic loader and, from there, every needed library."""
        loader = self._loader_of(file, elf, Severity.FAILURE)
        if loader is not None:
            for each in loader.files:
                if each.path not in self._seen:
                    self._seen.add(each.path)
                    self.files.append(Link(each, f"the dynamic loader of {file.path}", file.path))
            self.problems.extend(self._libraries(file, elf, loader))

    def _loader_of(self, file: File, elf: ElfFacts, severity: Severity) -> Loader | None:
        """The loader of a program; of one that names none, what glibc's would do with it."""
        if elf.interpreter is None:
            return Loader()
        loader = loader_at(self._fs, elf.interpreter)
        if loader is None:
            there = self._fs.lookup(elf.interpreter) is not None
            what = "starts musl's, which is not in the image" if there else "is not in the image"
            message = f"its dynamic loader {elf.interpreter} {what}"
            self.problems.append(
                Problem(CheckKind.INTERPRETER, severity, message, elf.interpreter, file.path, file)
            )
        return loader

    def _libraries(self, program: File, elf: ElfFacts, loader: Loader) -> list[Problem]:
        """Breadth first, as the loader does; a name that is loaded once serves everybody."""
        search = Search(self._image, elf, loader)
        loaded = search.names_of_loader()
        nowhere: tuple[str, ...] = ()
        pending = [(name, program, elf, nowhere) for name in (*loader.preloaded, *elf.needed)]
        missing: list[Problem] = []
        while pending and len(loaded) < _MAX_LIBRARIES:
            name, by, needing, inherited = pending.pop(0)
            if search.is_loaded(name, loaded):
                continue
            loaded.add(name)
            found, wrong = search.find(name, by, needing, inherited)
            if found is None:
                missing.append(self._not_found(name, by, wrong))
                continue
            library = elf_of(found)
            if library is None:
                continue
            if found.path not in self._seen:
                self._seen.add(found.path)
                self.files.append(Link(found, f"library {name}", by.path))
            loaded.update(search.names_of(library))
            handed = search.handed_down(by, needing, inherited)
            pending.extend((other, found, library, handed) for other in library.needed)
        return missing

    def _not_found(self, name: str, by: File, wrong: File | None) -> Problem:
        if wrong is None:
            message = f"needed library {name} is not in the image"
            return Problem(CheckKind.LIBRARY, Severity.FAILURE, message, name, by.path, by, name)
        elf = elf_of(wrong)
        what = describe(elf) if elf is not None else "no ELF file"
        message = f"needed library {name} is there only as {what}"
        return Problem(CheckKind.LIBRARY, Severity.FAILURE, message, wrong.path, by.path, wrong, name)

    def _programs_on_path(self) -> None:
        """Programs that this Dockerfile put on PATH: a missing loader or library is worth a warning."""
        for file in self._image.contents:
            elf = elf_of(file)
            if file.path in self._seen or elf is None or elf.interpreter is None:
                continue
            if not self._image.is_command(file) or not self._is_added(file):
                continue
            machine = self._image.platform.machine
            if (elf.machine, elf.bits) == (machine.number, machine.bits):
                self._on_path(file, elf)

    def _on_path(self, file: File, elf: ElfFacts) -> None:
        loader = self._loader_of(file, elf, Severity.WARNING)
        if loader is None:
            return
        kept, self.files = self.files, []
        seen, self._seen = self._seen, set()
        missing = self._libraries(file, elf, loader)
        self.problems.extend(replace(problem, severity=Severity.WARNING) for problem in missing)
        self.files, self._seen = kept, seen

    def _is_added(self, file: File) -> bool:
        layers = self._image.layers
        return file.layer >= len(layers) or layers[file.layer].added


def words_of(script: str) -> tuple[str, ...]:
    """The words of a shell script's first command, without assignments and `exec`; empty if unclear."""
    try:
        words = shlex.split(script, comments=True)
    except ValueError:
        return ()
    while words and (words[0] == "exec" or re.fullmatch(r"[A-Za-z_]\w*=.*", words[0], re.DOTALL)):
        words.pop(0)
    return tuple(words)
