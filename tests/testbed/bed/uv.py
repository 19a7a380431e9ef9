"""uv's images: which there are, what they are based on, and the programs from its wheels on the Python index.

The wheels for musl hold what the official images have: programs linked statically, which run everywhere.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from . import wheels
from .process import BedError
from .settings import Bed

HUB = "ghcr.io/astral-sh/uv"
# The last release of each line: what a tag of two numbers means. A tag of three numbers is any release.
RELEASES = {
    "0.4": "0.4.30",
    "0.5": "0.5.31",
    "0.6": "0.6.17",
    "0.7": "0.7.22",
    "0.8": "0.8.24",
    "0.9": "0.9.30",
    "0.10": "0.10.12",
    "0.11": "0.11.33",
    "0.12": "0.12.24",
    "0.13": "0.13.9",
}
NEWEST = [*RELEASES.values()][-1]
# As the index names what images call so.
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
# Lines from which on: there are images with a system; these have UV_TOOL_BIN_DIR; `debian` is trixie.
FIRST_BASED, FIRST_TOOL_FOLDER, FIRST_TRIXIE = (0, 4), (0, 8), (0, 9)
BASED = re.compile(
    r"(?:(?P<version>\d+\.\d+(?:\.\d+)?)-)?"
    r"(?:python(?P<python>3\.\d+)-(?P<suite>[a-z]+)|(?P<debian>debian|trixie|bookworm))(?P<slim>-slim)?"
)
BARE = re.compile(r"latest|\d+\.\d+(?:\.\d+)?")
EXAMPLES = f"latest, {NEWEST}, 0.13, debian-slim, trixie, 0.13-python3.13-trixie-slim and the like"


@dataclass(frozen=True)
class Image:
    """One of uv's images: its release and tags, and what it is based on; the bare one has no suite."""

    version: str
    tags: tuple[str, ...]
    suite: str = ""
    python: str = ""
    slim: bool = False

    @property
    def variables(self) -> tuple[str, ...]:
        has_folder = self.suite and _line(self.version) >= FIRST_TOOL_FOLDER
        return ("UV_TOOL_BIN_DIR=/usr/local/bin",) if has_folder else ()


def image(tag: str) -> Image:
    """What a tag of uv's images stands for."""
    if BARE.fullmatch(tag):
        version = _version(tag)
        return Image(version, _tags(version))
    found = BASED.fullmatch(tag)
    version = _version(found["version"] or NEWEST) if found else ""
    if not found or _line(version) < FIRST_BASED:
        raise BedError(f"no recipe for {HUB}:{tag}: there are {EXAMPLES}")
    slim = found["slim"] or ""
    if python := found["python"]:
        suite = found["suite"]
        bases = [f"python{python}-{suite}{slim}"]
    else:
        default = "trixie" if _line(version) >= FIRST_TRIXIE else "bookworm"
        suite = default if found["debian"] == "debian" else found["debian"]
        bases = [f"{name}{slim}" for name in ((suite, "debian") if suite == default else (suite,))]
    return Image(version, _tags(version, bases), suite, python or "", bool(slim))


def _version(asked: str) -> str:
    """`0.8.1` is itself, `0.8` the last of its line."""
    asked = NEWEST if asked == "latest" else asked
    if asked.count(".") == 1 and asked not in RELEASES:
        raise BedError(f"no recipe for {HUB}:{asked}: the lines are {', '.join(RELEASES)}")
    return RELEASES.get(asked, asked)


def _line(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def _tags(version: str, bases: list[str] | None = None) -> tuple[str, ...]:
    """All tags of such an image: the last release of its line has more of them, and that of all most."""
    line = version.rpartition(".")[0]
    versions = [version, *([line] if RELEASES.get(line) == version else [])]
    if bases is None:
        return (*versions, *(["latest"] if version == NEWEST else []))
    named = [f"{each}-{base}" for base in bases for each in versions]
    return (*named, *(bases if version == NEWEST else []))


def install(bed: Bed, version: str, architecture: str, target: Path) -> None:
    """Put the programs of that release into a folder."""
    target.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(_wheel(bed, version, architecture)) as wheel:
        for name in ("uv", "uvx"):
            path = target / name
            path.write_bytes(wheel.read(f"uv-{version}.data/scripts/{name}"))
            path.chmod(0o755)


def _wheel(bed: Bed, version: str, architecture: str) -> Path:
    if architecture not in ARCHITECTURES:
        raise BedError(f"images of uv are made for {' and '.join(ARCHITECTURES)}, not for {architecture}")
    platform = f"musllinux_1_1_{ARCHITECTURES[architecture]}"
    return wheels.fetch(bed, wheels.Wheel("uv", version, architecture, platform))
