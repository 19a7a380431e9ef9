"""QEMU for foreign programs, also inside containers (the F flag: opened once, here)."""

from __future__ import annotations

import re
from pathlib import Path

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
            _write(_line(bed, guest, name))
            added.append(name)
    if added:
        with (bed.run / "binfmt").open("a") as record:
            record.writelines(f"{name}\n" for name in added)
        say(f"registered {', '.join(added)}")


def unregister(bed: Bed) -> None:
    """Take back what `register` added."""
    record = bed.run / "binfmt"
    for name in record.read_text().split() if record.exists() else []:
        if (HANDLERS / name).exists():
            (HANDLERS / name).write_text("-1")
    record.unlink(missing_ok=True)


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


def _write(line: str) -> None:
    (HANDLERS / "register").write_text(line)
