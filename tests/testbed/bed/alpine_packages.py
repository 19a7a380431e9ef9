"""The packages that the bed's Alpine images find, in a folder of theirs: Alpine's mirrors are not reached.

Three kinds. What is on the disk that Alpine comes from is Alpine's own, with its scripts and triggers: curl,
ca-certificates, sudo, openrc and what they need. A few programs of Debian's, linked statically, stand in
for Alpine's. The rest has the names that Dockerfiles ask for most, so that `apk add` does all that it does,
and no content: a program of such a package says so and fails.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import alpine, apk, node
from .debian import unpack_one
from .oci import Layer, Platform
from .process import step
from .recipes import COMPILERS, Kitchen, _fingerprint, _status_file, debian_layer

FOLDER = "usr/share/xbuild-testbed/packages"
CODE = ("apk.py", "alpine.py", "alpine_packages.py", "qcow2.py")
# The kernel's: large, and never in an image.
LEFT_OUT = ("linux-virt", "mkinitfs")
VERSION = "1.0-r0"
# Debian's package, and the path of what is taken from it → where Alpine has that.
FROM_DEBIAN = {
    "bash": ("bash-static", "usr/bin/bash-static", "bin/bash"),
    "tini": ("tini", "usr/bin/tini-static", "sbin/tini"),
    "tzdata": ("tzdata", "usr/share/zoneinfo", "usr/share/zoneinfo"),
}
# Name → the programs that it would bring.
STAND_INS = {
    "autoconf": "autoconf", "automake": "automake", "binutils": "ld as objdump", "clang": "clang clang++",
    "cmake": "cmake", "dumb-init": "dumb-init", "g++": "g++ c++", "gcc": "gcc cc", "git": "git",
    "gnupg": "gpg", "jq": "jq", "lld": "lld ld.lld", "libtool": "libtool", "make": "make",
    "nodejs": "node", "npm": "npm npx", "openssh-client": "ssh", "openssl": "openssl", "perl": "perl",
    "pkgconf": "pkgconf pkg-config", "postgresql-client": "psql", "protoc": "protoc", "py3-pip": "pip3",
    "python3": "python3", "rsync": "rsync", "shadow": "useradd groupadd usermod", "sqlite": "sqlite3",
    "su-exec": "su-exec", "upx": "upx", "yarn": "yarn",
    # Without programs, or with those that busybox has, too.
    "cargo": "cargo", "coreutils": "", "file": "file", "findutils": "", "fortify-headers": "", "gcompat": "",
    "grep": "", "gzip": "", "icu-libs": "", "libc-dev": "", "libffi": "", "libffi-dev": "", "libpq": "",
    "libpq-dev": "", "libxml2": "", "libxml2-dev": "", "libxslt": "", "libxslt-dev": "", "linux-headers": "",
    "musl-dev": "", "ncurses-dev": "", "openssl-dev": "", "patch": "patch", "postgresql-dev": "",
    "postgresql-libs": "", "procps": "", "python3-dev": "", "readline": "", "sed": "", "sqlite-dev": "",
    "sqlite-libs": "", "tar": "", "unzip": "", "vips-dev": "", "wget": "", "xz": "", "zip": "zip",
    "zlib-dev": "", "zstd": "zstd", "gawk": "gawk", "build-base": "", "alpine-sdk": "",
}  # fmt: skip
DEPENDS = {
    "build-base": "binutils file fortify-headers g++ gcc libc-dev make patch",
    "alpine-sdk": "build-base git",
    "libc-dev": "musl-dev",
    "g++": "gcc libstdc++",
    "gcc": "binutils libgcc",
    "npm": "nodejs",
}
_one_at_a_time = threading.RLock()
STAND_IN = """#!/bin/sh
echo "{name}: a stand-in of the test bed's, which only has its name" >&2
exit 127
"""


@dataclass(frozen=True)
class Own:
    """A package of the bed's: a folder with its files."""

    name: str
    tree: Path
    version: str = VERSION
    depends: str = ""
    provides: str = ""


def layer(kitchen: Kitchen) -> Layer:
    """The packages of both architectures, the key they are signed with, and where apk finds them."""

    def fill(root: Path) -> None:
        alpine.copy(repository(kitchen), _made(root / FOLDER))
        key = alpine.key(kitchen.bed)
        shutil.copy(key.with_name(f"{key.name}.pub"), _made(root / "etc/apk/keys"))
        (root / "etc/apk/repositories").write_text(f"/{FOLDER}\n")

    with _one_at_a_time:
        return kitchen.layer("alpine-packages", "packages of the test bed's", fill, *CODE)


def repository(kitchen: Kitchen) -> Path:
    """The folder of those packages, made once; one folder in it for each architecture."""
    alpine_folder = kitchen.bed.cache / "alpine"
    folder = alpine_folder / f"packages-{_fingerprint('packages', CODE)}"
    with _one_at_a_time:
        if not folder.exists():
            _make(kitchen, folder)
    return folder


def _make(kitchen: Kitchen, folder: Path) -> None:
    with step("making packages for Alpine"):
        fresh, key = kitchen.tree("alpine-packages-new"), alpine.key(kitchen.bed)
        with ThreadPoolExecutor(len(COMPILERS)) as pool:
            list(pool.map(lambda platform: _fill(kitchen, platform, fresh, key), COMPILERS))
        fresh.rename(folder)


def _fill(kitchen: Kitchen, platform: Platform, folder: Path, key: Path) -> None:
    bed, architecture = kitchen.bed, platform.fields["architecture"]
    name = alpine.NAMES[architecture]
    made = apk.Repository(alpine.tools(bed), _made(folder / name), key)
    system = alpine.machine(bed, architecture)
    # Beside the system, so that files can be linked.
    work = system.with_name(f"{system.name}.packages")
    for package in apk.installed(system):
        if package.name not in LEFT_OUT:
            made.add_installed(package, system, work)
    for each in _own(kitchen, platform):
        info = {"name": each.name, "version": each.version, "arch": name}
        made.add({**info, "depends": each.depends, "provides": each.provides}, each.tree)
    made.index()


def _own(kitchen: Kitchen, platform: Platform) -> Iterator[Own]:
    work = kitchen.tree(f"alpine-own-{platform.key}")
    yield from _from_debian(kitchen, platform, work)
    yield from _libraries(kitchen, platform, work)
    for name, programs in STAND_INS.items():
        tree = _made(work / "stand-ins" / name)
        for program in programs.split():
            path = _made(tree / "usr/bin") / program
            path.write_text(STAND_IN.format(name=program))
            path.chmod(0o755)
        yield Own(name, tree, depends=DEPENDS.get(name, ""))
    shutil.rmtree(work)


def _from_debian(kitchen: Kitchen, platform: Platform, work: Path) -> Iterator[Own]:
    debian_layer(kitchen, platform)
    apt = kitchen.apt(platform, _status_file(kitchen, platform.key).read_text())
    wanted = {debian for debian, _, _ in FROM_DEBIAN.values()}
    debs = apt.download(("--reinstall", *sorted(wanted)), _made(work / "debs"))
    spare = _made(work / "debian")
    for deb in debs:
        if deb.name.partition("_")[0] in wanted:
            unpack_one(deb, spare)
    for name, (_, source, target) in FROM_DEBIAN.items():
        tree = _made(work / name)
        found = next(path for path in (spare / source, spare / source.removeprefix("usr/")) if path.exists())
        (_made((tree / target).parent), found.rename(tree / target))
        yield Own(name, tree)


def _libraries(kitchen: Kitchen, platform: Platform, work: Path) -> Iterator[Own]:
    """The compiler's libraries for musl, which Node.js brings, under the names that all programs know."""
    architecture = platform.fields["architecture"]
    for name, library in (("libgcc", "libgcc_s.so.1"), ("libstdc++", "libstdc++.so.6")):
        tree = _made(work / name)
        node.musl_library(kitchen.bed, library, architecture, _made(tree / "usr/lib"))
        depends = "libgcc" if name == "libstdc++" else ""
        yield Own(name, tree, depends=depends, provides=f"so:{library}={library.rpartition('.')[2]}")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
