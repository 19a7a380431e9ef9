"""Alpine's apk, run on this machine for systems of any architecture, and what its database says.

The lines of the database `/lib/apk/db/installed` are a letter, a colon and a value each, packages apart by an
empty line; `F:` begins a folder, `R:` is a file in it, `M:` and `a:` their owner, group and mode (apk-tools,
`src/database.c`).
"""

from __future__ import annotations

import os
import re
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .process import run

DATABASE = "lib/apk/db/installed"
SCRIPTS = "lib/apk/db/scripts.tar.gz"
TRIGGERS = "lib/apk/db/triggers"
# Letter of the database → what `apk mkpkg` calls it.
FIELDS = {
    "P": "name", "V": "version", "A": "arch", "T": "description", "U": "url", "L": "license", "o": "origin",
    "m": "maintainer", "t": "build-time", "k": "provider-priority", "D": "depends", "p": "provides",
    "r": "replaces", "i": "install-if",
}  # fmt: skip
QUICK = ("--compression", "deflate:1")


@dataclass(frozen=True)
class Apk:
    """apk-tools from a system for this machine, with the loader and libraries beside them."""

    home: Path
    architecture: str

    def run(self, *words: str | Path) -> str:
        loader = self.home / f"lib/ld-musl-{self.architecture}.so.1"
        libraries = f"{self.home}/lib:{self.home}/usr/lib"
        return run(loader, "--library-path", libraries, self.home / "sbin/apk", *words)

    def at(self, root: Path, architecture: str, *words: str | Path) -> str:
        """On that root, which may be of another architecture: so no scripts run, and no network is used."""
        return self.run(
            "--root", root, "--arch", architecture, "--no-network", "--no-logfile", "--sync=no",
            words[0], "--no-scripts", *words[1:],
        )  # fmt: skip


@dataclass
class Package:
    """One package as it is installed: what it is, and its folders and files with owner, group and mode."""

    fields: dict[str, str] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.fields["P"]

    @property
    def label(self) -> str:
        return f"{self.name}-{self.fields['V']}"


def installed(root: Path) -> Iterator[Package]:
    """The packages that a root's database lists."""
    for record in (root / DATABASE).read_text().split("\n\n"):
        if package := _read(record):
            yield package


def _read(record: str) -> Package | None:
    package, folder, file = Package(), "", ""
    for line in record.splitlines():
        letter, _, value = line.partition(":")
        if letter == "F":
            folder = value
            package.folders[folder] = ""
        elif letter == "R":
            file = f"{folder}/{value}".lstrip("/")
            package.files[file] = ""
        elif letter == "M":
            package.folders[folder] = value
        elif letter == "a":
            package.files[file] = value
        else:
            package.fields[letter] = value
    return package if package.fields else None


def restore_modes(root: Path) -> None:
    """Give what packages own the modes that they give it: what unpacks a disk leaves the special bits out."""
    for package in installed(root):
        for name, noted in (*package.folders.items(), *package.files.items()):
            path = root / name
            if noted and path.exists() and not path.is_symlink():
                user, group, mode = noted.split(":")[:3]
                os.chown(path, int(user), int(group))
                path.chmod(int(mode, 8))


# Making packages


@dataclass(frozen=True)
class Repository:
    """A folder of packages for one architecture, each signed with that key, and an index of them."""

    apk: Apk
    folder: Path
    key: Path

    def add_installed(self, package: Package, root: Path, work: Path) -> None:
        """What was installed from a package there, as that package: files, scripts, triggers and all."""
        shutil.rmtree(work, ignore_errors=True)
        tree = work / "tree"
        tree.mkdir(parents=True)
        for name in package.folders:
            _copy_folder(root / name, tree / name)
        for name in package.files:
            os.link(root / name, tree / name, follow_symlinks=False)
        info = {FIELDS[letter]: value for letter, value in package.fields.items() if letter in FIELDS}
        self.add(info, tree, dict(_scripts(root, package, work)), _triggers(root, package))
        shutil.rmtree(work)

    def add(
        self,
        info: dict[str, str],
        tree: Path,
        scripts: dict[str, Path] | None = None,
        triggers: Iterable[str] = (),
    ) -> None:
        """A package with that folder's files. Scripts go by when they run: `post-install`, `trigger`."""
        words: list[str | Path] = []
        for name, value in info.items():
            words += ["--info", f"{name}:{value}"] if value else []
        for kind, script in (scripts or {}).items():
            words += ["--script", f"{kind}:{script}"]
        for path in triggers:
            words += ["--trigger", path]
        output = self.folder / f"{info['name']}-{info['version']}.apk"
        self.apk.run("mkpkg", *QUICK, "--sign-key", self.key, *words, "--files", tree, "--output", output)

    def index(self) -> None:
        packages = sorted(self.folder.glob("*.apk"))
        output = self.folder / "APKINDEX.tar.gz"
        self.apk.run("mkndx", "--allow-untrusted", "--sign-key", self.key, "--output", output, *packages)


def _copy_folder(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True, parents=True)
    shutil.copystat(source, target)
    status = source.stat()
    os.chown(target, status.st_uid, status.st_gid)


def _scripts(root: Path, package: Package, work: Path) -> Iterator[tuple[str, Path]]:
    pattern = re.compile(rf"{re.escape(package.label)}\.X1[0-9a-f]+\.(?P<kind>[a-z-]+)")
    with tarfile.open(root / SCRIPTS) as archive:
        for member in archive:
            found = pattern.fullmatch(member.name)
            content = archive.extractfile(member) if found else None
            if found and content:
                path = work / found["kind"]
                path.write_bytes(content.read())
                path.chmod(0o755)
                yield found["kind"], path


def _triggers(root: Path, package: Package) -> list[str]:
    """The folders whose changes the package's trigger waits for."""
    for line in (root / TRIGGERS).read_text().splitlines():
        digest, *paths = line.split()
        if digest == package.fields["C"]:
            return paths
    return []
