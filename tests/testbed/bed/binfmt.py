"""QEMU for foreign programs, also inside containers (the F flag: opened once, here)."""

from __future__ import annotations

import re
from pathlib import Path

from . import files
from .process import run, say
from .settings import HOST_ARCHITECTURE, Bed

HANDLERS = Path("/proc/sys/fs/binfmt_misc")
# The machine runs its own kind itself, and x86-64 runs i386.
GUESTS = ("aarch64", "arm", "s390x", "ppc64le", "riscv64", "x86_64", "i386")
NATIVE = {"amd64": ("x86_64", "i386"), "arm64": ("aarch64",)}


def register(bed: Bed) -> None:
    """Register what is missing; handlers that are there and good for containers stay as they are."""
    if not (HANDLERS / "register").exists():
        run("mount", "-t", "binfmt_misc", "binfmt_misc", HANDLERS)
    added = []
    for guest in GUESTS:
        if guest not in NATIVE[HOST_ARCHITECTURE] and not _is_good(guest):
            name = f"qemu-{guest}" if not (HANDLERS / f"qemu-{guest}").exists() else f"{bed.name}-{guest}"
            added.append(name)
            # Noted first: what is registered can be taken back, whatever happens in between.
            files.write(_record(bed), "".join(f"{each}\n" for each in (*_noted(bed), name)))
            (HANDLERS / "register").write_text(_line(bed, guest, name))
    if added:
        say(f"registered {', '.join(added)}")


def unregister(bed: Bed) -> None:
    """Take back what `register` added."""
    for name in _noted(bed):
        if (HANDLERS / name).exists():
            (HANDLERS / name).write_text("-1")
    _record(bed).unlink(missing_ok=True)


def _noted(bed: Bed) -> list[str]:
    return _record(bed).read_text().split() if _record(bed).exists() else []


def _record(bed: Bed) -> Path:
    return bed.run / "binfmt"


def _is_good(guest: str) -> bool:
    for entry in HANDLERS.iterdir():
        if entry.name in ("register", "status"):
            continue
        told = entry.read_text()
        if re.search(rf"^interpreter .*/(qemu-{guest}(-static)?|{guest}-binfmt-P)$", told, re.MULTILINE):
            flags = re.search(r"^flags: (\w*)", told, re.MULTILINE)
            if told.startswith("enabled") and flags and "F" in flags[1]:
                return True
    return False


def _line(bed: Bed, guest: str, name: str) -> str:
    """Debian's own registration line for that guest, with the unpacked QEMU as interpreter."""
    folder = bed.packages / "usr/lib/binfmt.d"
    shipped = next(path for kind in ("", "-static") if (path := folder / f"qemu-{guest}{kind}.conf").exists())
    _, _, kind, offset, magic, mask, interpreter, flags = shipped.read_text().strip().split(":")
    program = bed.packages / interpreter.lstrip("/")
    return ":".join(
        ("", name, kind, offset, magic, mask, str(program), flags if "F" in flags else f"{flags}F")
    )
