"""Debian's linkers for the platforms of images, unpacked into the cache instead of installed."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from .debian import PRIVATE_TRIPLETS, Apt, Archive, unpack
from .process import BedError, run, step
from .settings import HOST_ARCHITECTURE, Bed

PACKAGES = tuple(f"binutils-{triplet.replace('_', '-')}" for triplet in PRIVATE_TRIPLETS.values())
SUITE = "bookworm"
# Every Debian has these, and a program may have no others than its loader's.
LEFT_OUT = ("libc6_", "gcc-")
LOADERS = {"amd64": "/lib64/ld-linux-x86-64.so.2", "arm64": "/lib/ld-linux-aarch64.so.1"}
_one_at_a_time = threading.Lock()


def link(bed: Bed, archive: Archive, architecture: str, objects: list[Path | str], program: Path) -> None:
    """A program for one of the platforms; it finds libraries in `../lib` first, as official Pythons do."""
    tools = _tools(bed, archive)
    triplet = PRIVATE_TRIPLETS[architecture]
    libraries = tools / "usr/lib" / PRIVATE_TRIPLETS[HOST_ARCHITECTURE]
    run(
        tools / f"usr/bin/{triplet}-ld", "-pie", "--strip-all", "--build-id=sha1", "--hash-style=gnu",
        "-z", "relro", "-z", "noexecstack", "-dynamic-linker", LOADERS[architecture],
        "-rpath", "$ORIGIN/../lib", "--allow-shlib-undefined", "-o", program, *objects,
        env={"LD_LIBRARY_PATH": str(libraries)},
    )  # fmt: skip


def _tools(bed: Bed, archive: Archive) -> Path:
    target = bed.cache / "linker"
    with _one_at_a_time:
        if not target.exists():
            with step("fetching and unpacking Debian's linkers"):
                _unpack(bed, archive, target)
    return target


def _unpack(bed: Bed, archive: Archive, target: Path) -> None:
    """Beside the target first: what an interrupt leaves must not pass for the whole."""
    apt = Apt(bed.cache / "apt/linker", HOST_ARCHITECTURE, archive.sources(SUITE))
    archives, fresh = apt.folder / "archives", target.with_name(f"{target.name}.new")
    for folder in (archives, fresh):
        shutil.rmtree(folder, ignore_errors=True)
    apt.update()
    debs = apt.download(PACKAGES, archives)
    unpack([deb for deb in debs if not deb.name.startswith(LEFT_OUT)], fresh)
    if not (fresh / "usr/bin").exists():
        raise BedError(f"no linker in {', '.join(deb.name for deb in debs)}: bed/linker.py has to follow")
    fresh.rename(target)
    shutil.rmtree(archives)
