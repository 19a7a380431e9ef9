"""Debian packages without installing them: a private apt per architecture, used for downloads only."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import files
from .process import BedError, run, say, step, succeeds

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
PRIVATE_TRIPLETS = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}
_one_at_a_time = threading.Lock()
_updated: set[Path] = set()
# Seconds before each try: an archive may be away for a moment.
PAUSES = (0, 5, 20)


class ArchiveError(BedError):
    """The package archive has nothing, or nothing consistent, for an architecture."""


@dataclass(frozen=True)
class Archive:
    """The Debian mirrors this machine uses itself."""

    main: str
    security: str | None

    def sources(self, suite: str) -> list[str]:
        """Lines for a sources.list; a rolling suite has neither updates nor security."""
        if suite in ("sid", "unstable"):
            return [f"deb [signed-by={KEYRING} check-valid-until=no] {self.main} {suite} main"]
        lines = [f"deb [signed-by={KEYRING}] {self.main} {name} main" for name in (suite, f"{suite}-updates")]
        if self.security:
            lines.append(f"deb [signed-by={KEYRING}] {self.security} {suite}-security main")
        return lines


def find_archive(folder: Path) -> Archive:
    """From the machine's own apt, so that mirrors and proxies of the place are used.

    Where its package lists are empty, as in container images, they are fetched into that folder.
    """
    own = (
        f"Dir::State={folder}", f"Dir::State::lists={folder}/lists/", f"Dir::Cache={folder}",
        "APT::Sandbox::User=root",
    )  # fmt: skip
    options = [word for setting in own for word in ("-o", setting)]
    with _one_at_a_time:
        if found := _listed_archive() or _listed_archive(*options):
            return found
        (folder / "lists/partial").mkdir(parents=True, exist_ok=True)
        with step("fetching the package lists that this machine's apt has not"):
            succeeds("apt-get", *options, "update")
        if found := _listed_archive(*options):
            return found
    raise BedError("apt lists no Debian archive: set one up in /etc/apt, or use an engine of your own")


def _listed_archive(*options: str) -> Archive | None:
    listed = run(
        "apt-get", *options, "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(ORIGIN)",
        "Created-By: Packages",
    )  # fmt: skip
    main = security = None
    for line in listed.splitlines():
        address, codename, origin = line.split(" ", 2)
        if origin != "Debian" or codename.endswith("-backports"):
            continue
        if codename.endswith("-security"):
            security = security or address
        else:
            main = main or address
    return Archive(main, security) if main else None


def host_suite() -> str:
    found = re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    if found is None:
        raise BedError("this machine's Debian release is unknown: /etc/os-release names none")
    return found[1]


@dataclass(frozen=True)
class Apt:
    """An apt of its own: folder, sources and architecture; nothing of the machine's is changed."""

    folder: Path
    architecture: str
    sources: Sequence[str]
    pins: Sequence[tuple[str, int]] = ()
    status: Path = Path("/dev/null")

    def update(self) -> None:
        """Fetch the package lists, once; a suite that fails is left out, if another one answers."""
        if self.folder not in _updated:
            with step(f"fetching package lists for {self.architecture}"):
                self._update()
            _updated.add(self.folder)

    def _update(self) -> None:
        for name in ("lists/partial", "archives/partial"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        stanza = "Package: *\nPin: release n={}\nPin-Priority: {}\n\n"
        files.write(self.folder / "etc/preferences", "".join(stanza.format(*pin) for pin in self.pins))
        good: list[str] = []
        for pause in PAUSES:
            time.sleep(pause)
            self._use(self.sources)
            if succeeds(*self._command("apt-get"), "update", "--error-on=any"):
                return
            good = [line for line in self.sources if self._answers(line)]
            if good:
                break
        if not good:
            raise ArchiveError(f"no Debian suite answers for {self.architecture}: {'; '.join(self.sources)}")
        say(f"{self.architecture}: going on without {len(self.sources) - len(good)} Debian suite(s)")
        self._use(good)
        run(*self._command("apt-get"), "update")

    def simulate(self, *packages: str) -> list[tuple[str, bool]] | None:
        """What installing would bring, each with whether it replaces an installed one; None if impossible."""
        try:
            told = run(*self._command("apt-get"), *QUIET, "--simulate", "install", *packages)
        except BedError:
            return None
        return [
            (name, bool(old)) for name, old in re.findall(r"^Inst (\S+) (\[\S+\] )?\(", told, re.MULTILINE)
        ]

    def download(self, packages: Iterable[str], into: Path) -> list[Path]:
        """Fetch packages and what they need beyond the status file."""
        (into / "partial").mkdir(parents=True, exist_ok=True)
        archives = f"Dir::Cache::archives={into}/"
        run(*self._command("apt-get"), "-o", archives, *QUIET, "--download-only", "install", *packages)
        return sorted(into.glob("*.deb"))

    def download_source(self, name: str, into: Path) -> None:
        """Fetch what a package is made of, as its authors have packed it, from sources of `deb-src`."""
        run(*self._command("apt-get"), *QUIET, "--download-only", "--tar-only", "source", name, cwd=into)

    def required(self) -> list[str]:
        """The packages that every Debian system has."""
        stanzas = run(*self._command("apt-cache"), "dumpavail").split("\n\n")
        names = set()
        for stanza in stanzas:
            if re.search(r"^(Priority: required|Essential: yes)$", stanza, re.MULTILINE):
                names.update(re.findall(r"^Package: (\S+)$", stanza, re.MULTILINE))
        return sorted(names)

    def names(self, pattern: str) -> list[str]:
        """Every package whose whole name matches."""
        return [
            name
            for name in run(*self._command("apt-cache"), "pkgnames").split()
            if re.fullmatch(pattern, name)
        ]

    def answering(self) -> list[tuple[str, str]]:
        """Address and suite of the sources that `update` found to answer."""
        lines = (self.folder / "etc/sources.list").read_text().splitlines()
        return [(words[-3], words[-2]) for words in (line.split() for line in lines)]

    def _use(self, sources: Iterable[str]) -> None:
        files.write(self.folder / "etc/sources.list", "".join(f"{line}\n" for line in sources))

    def _answers(self, source: str) -> bool:
        self._use([source])
        return succeeds(*self._command("apt-get"), "update", "--error-on=any")

    def _command(self, program: str) -> list[str]:
        settings = {
            "APT::Architecture": self.architecture,
            "APT::Architectures": self.architecture,
            "APT::Sandbox::User": "root",
            "APT::Update::Post-Invoke": "",
            "Acquire::Languages": "none",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
            "Acquire::Retries": "3",
            "Dir::State": str(self.folder),
            "Dir::State::lists": f"{self.folder}/lists/",
            "Dir::State::status": str(self.status),
            "Dir::Cache": str(self.folder),
            "Dir::Cache::archives": f"{self.folder}/archives/",
            "Dir::Cache::pkgcache": "pkgcache.bin",
            "Dir::Cache::srcpkgcache": "srcpkgcache.bin",
            "Dir::Etc::sourcelist": f"{self.folder}/etc/sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": f"{self.folder}/etc/preferences",
            "Dir::Etc::preferencesparts": "/dev/null",
        }
        return [program, *(word for key, value in settings.items() for word in ("-o", f"{key}={value}"))]


QUIET = ("--yes", "--quiet", "--no-install-recommends")


def unpack(packages: Iterable[Path], root: Path) -> None:
    """The files of packages, without running their scripts; /bin and /lib stay links to /usr."""
    root.mkdir(parents=True, exist_ok=True)
    merge_usr(root)
    for package in packages:
        unpack_one(package, root)


def unpack_one(package: Path, root: Path) -> list[str]:
    """Unpack one package; returns the paths it holds, as dpkg lists them.

    Never two at a time into one root: tar narrows a folder's mode while it fills it.
    """
    listed = run(
        "bash", "-eo", "pipefail", "-c",
        'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink --no-overwrite-dir -v -C "$2"',
        "bash", package, root,
    )  # fmt: skip
    return ["/." if name == "./" else name[1:].rstrip("/") for name in listed.splitlines()]


def merge_usr(root: Path, more: Iterable[str] = ()) -> None:
    for name in ("bin", "sbin", "lib", *more):
        (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        if not (root / name).is_symlink():
            (root / name).symlink_to(f"usr/{name}")
