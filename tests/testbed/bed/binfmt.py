"""QEMU for foreign programs, also inside containers (the F flag: opened once, here)."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from . import files
from .process import run, say
from .settings import HOST_ARCHITECTURE, Bed

HANDLERS = Path("/proc/sys/fs/binfmt_misc")
# The machine runs its own kind itself, and x86-64 runs i386.
GUESTS = ("aarch64", "arm", "s390x", "ppc64le", "riscv64", "x86_64", "i386")
NATIVE = {"amd64": ("x86_64", "i386"), "arm64": ("aarch64",)}
# Where images have other names for them
DOCKER = {"aarch64": "arm64", "x86_64": "amd64", "i386": "386"}

# What the image registers with: the words, and the way, of tonistiigi/binfmt.
PROGRAM = """\
#!/bin/sh
set -eu
folder=/proc/sys/fs/binfmt_misc
if [ "$#" != 2 ] || [ "$1" != --install ]; then
    echo "usage: binfmt --install all|NAME,NAME" >&2
    exit 2
fi
cd /usr/lib/binfmt.d
[ "$2" = all ] && set -- --install "$(ls)"
[ -e $folder/register ] || busybox mount -t binfmt_misc binfmt_misc $folder
for name in $(echo "$2" | tr , ' '); do
    [ -e "$name" ] || { echo "installing: $name: unsupported architecture" >&2; exit 1; }
    if [ -e "$folder/$(cut -d: -f2 "$name")" ]; then
        echo "installing: $name: already registered"
    else
        cat "$name" > $folder/register
        echo "installing: $name OK"
    fi
done
"""


def register(bed: Bed) -> None:
    """Register what is missing; handlers that are there and good for containers stay as they are."""
    if not (HANDLERS / "register").exists():
        run("mount", "-t", "binfmt_misc", "binfmt_misc", HANDLERS)
    added = []
    for guest in _foreign():
        if not _is_good(guest):
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


def fill_image(bed: Bed, root: Path) -> None:
    """A stand-in for the image that registers QEMU: Debian's programs and lines, and `PROGRAM`."""
    for guest in _foreign():
        fields = _shipped(bed, guest)
        interpreter = fields[6].lstrip("/")
        (root / interpreter).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(bed.packages / interpreter, root / interpreter)
        files.write(root / "usr/lib/binfmt.d" / DOCKER.get(guest, guest), ":".join(fields))
    files.write(root / "usr/bin/binfmt", PROGRAM, mode=0o755)


def _foreign() -> list[str]:
    return [guest for guest in GUESTS if guest not in NATIVE[HOST_ARCHITECTURE]]


def _line(bed: Bed, guest: str, name: str) -> str:
    """Debian's own registration line for that guest, with the unpacked QEMU as interpreter."""
    _, _, kind, offset, magic, mask, interpreter, flags = _shipped(bed, guest)
    program = bed.packages / interpreter.lstrip("/")
    return ":".join(("", name, kind, offset, magic, mask, str(program), flags))


def _shipped(bed: Bed, guest: str) -> tuple[str, ...]:
    """The fields of Debian's line, with the flag for containers."""
    folder = bed.packages / "usr/lib/binfmt.d"
    shipped = next(path for kind in ("", "-static") if (path := folder / f"qemu-{guest}{kind}.conf").exists())
    *fields, flags = shipped.read_text().strip().split(":")
    return (*fields, flags if "F" in flags else f"{flags}F")
