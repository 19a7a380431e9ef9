"""Debian's Python in /usr/local, where the official images have theirs, with pip, and managed by nobody else.

dpkg does not know it there. `pip install` goes to /usr/local/lib/python3.X/site-packages, as in those images.
"""

from __future__ import annotations

import configparser
import re
import shutil
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .debian import merge_usr, unpack_one
from .process import BedError


@dataclass(frozen=True)
class Release:
    """Which Debian has it, and what came with that Python (from 3.12 on pip alone does)."""

    suite: str
    packages: tuple[str, ...] = ()
    wheels: tuple[str, ...] = ("pip",)


RELEASES = {
    "3.11": Release(
        "bookworm",
        ("python3-distutils", "python3-setuptools-whl", "python3-wheel-whl"),
        ("pip", "setuptools", "wheel"),
    ),
    "3.13": Release("trixie"),
}

SCRIPT = """\
#!/usr/local/bin/python{version}
import sys
from {module} import {function}
sys.exit({function}())
"""
# What keeps pip out of apt's way, and the archives for linking Python into programs.
UNWANTED = ("EXTERNALLY-MANAGED", "sitecustomize.py", "config-*/*.a")
# What Debian changed, and what CPython has. `site` is frozen into the program, too: no byte may move there.
SITE = ((b"(?<!/)local/lib", b"./././lib"), (b"dist-packages", b"site-packages"))
EDITS = (
    *(("lib/*/site.py", *edit) for edit in SITE),
    *(("bin/python3.*", *edit) for edit in SITE),
    (
        "lib/*/sysconfig.py lib/*/sysconfig/__init__.py",
        b"prefix_scheme = 'posix_local'",
        b"prefix_scheme = 'posix_prefix'",
    ),
    ("lib/*/_sysconfigdata*.py", b"'/usr/(include|lib)/python", rb"'/usr/local/\1/python"),
    # By which setuptools, too, leaves the places as they are.
    ("lib/*/_distutils_system_mod.py", b"return sys.base_prefix != .*", b"return True"),
)


def packages(version: str) -> tuple[str, ...]:
    parts = (f"python{version}", f"python{version}-venv", f"libpython{version}-dev")
    return (*parts, "python3-pip-whl", *RELEASES[version].packages, "ca-certificates", "netbase", "tzdata")


def is_own(package: Path) -> bool:
    """Whether that package goes to /usr/local, or is left out with what only a compiler needs."""
    name = package.name.partition("_")[0]
    return not name.endswith("-whl") and re.match(r"(lib)?python3|.*-dev$", name) is not None


def install(own: Iterable[Path], version: str, spare: Path, root: Path) -> None:
    """Unpack its packages into a spare folder, and take from there what belongs in `root`."""
    merge_usr(spare)
    for package in own:
        unpack_one(package, spare)
    name = f"python{version}"
    library = root / "usr/local/lib" / name
    shutil.copytree(spare / "usr/lib" / name, library, symlinks=True)
    for folder in (spare / "usr/include").glob(f"**/{name}"):
        shutil.copytree(folder, root / "usr/local" / folder.relative_to(spare / "usr"), symlinks=True)
    programs = root / "usr/local/bin"
    programs.mkdir(parents=True)
    shutil.copy2(spare / "usr/bin" / name, programs / name)
    for link, target in (("python3", name), ("python", "python3")):
        (programs / link).symlink_to(target)
    for pattern in UNWANTED:
        for path in library.glob(pattern):
            path.unlink()
    for edit in EDITS:
        _edit(root / "usr/local", *edit)
    (library / "site-packages").mkdir()
    for wheel in RELEASES[version].wheels:
        _install_wheel(next((root / "usr/share/python-wheels").glob(f"{wheel}-*.whl")), version, root)
    shutil.rmtree(spare)


def _edit(local: Path, patterns: str, old: bytes, new: bytes) -> None:
    """A change that finds nothing to change is an error: Debian's Python is another one then."""
    number = 0
    for path in (path for pattern in patterns.split() for path in local.glob(pattern)):
        content, found = re.subn(old, new, path.read_bytes())
        path.write_bytes(content)
        number += found
    if not number:
        raise BedError(f"no {old!r} in {patterns} of Debian's Python: bed/python.py has to follow")


def _install_wheel(wheel: Path, version: str, root: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(root / f"usr/local/lib/python{version}/site-packages")
        entry_points = next((name for name in archive.namelist() if name.endswith("/entry_points.txt")), None)
        text = archive.read(entry_points).decode() if entry_points else ""
    found = configparser.ConfigParser(delimiters=("=",))
    found.read_string(text)
    for name, target in found["console_scripts"].items() if found.has_section("console_scripts") else ():
        module, function = target.split(":")
        script = root / "usr/local/bin" / name
        script.write_text(SCRIPT.format(version=version, module=module, function=function.partition(".")[0]))
        script.chmod(0o755)
