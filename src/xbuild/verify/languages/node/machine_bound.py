"""What node has to say about an image: of each platform by itself, then across them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xbuild.architectures import ARCHITECTURES
from xbuild.verify.checks import CheckKind, Objection, Objections, PlatformImage, Severity
from xbuild.verify.languages.node.machine_files import MachineFile
from xbuild.verify.layers import File

_NAMES = {row.docker: row.npm for row in ARCHITECTURES if row.npm}
_KINDS = frozenset(str(kind) for kind in MachineFile)
_MADE = {
    MachineFile.CODE_CACHE: "a code cache of V8",
    MachineFile.EXECUTABLE: "made for a single executable, with a snapshot or a code cache",
}


def judge_files(images: Sequence[PlatformImage]) -> Objections:
    """All objections to these platforms of one image."""
    alone = tuple(tuple(_snapshots(image)) for image in images)
    return Objections(alone, tuple(_shared(images)))


def _noted(image: PlatformImage) -> Iterator[tuple[File, str, str]]:
    """The files with a note of node's: what it is of, and its value."""
    for file in image.contents:
        note = file.entry.content.note if file.entry.content is not None else None
        if note is not None and note.kind in _KINDS and note.values:
            yield file, note.kind, note.values[0]


def _snapshots(image: PlatformImage) -> Iterator[Objection]:
    """A snapshot of another machine than the platform's: node refuses it."""
    platform = image.platform
    wanted = _NAMES.get(f"{platform.architecture}/{platform.variant}") or _NAMES.get(platform.architecture)
    for file, kind, found in _noted(image):
        if kind == MachineFile.SNAPSHOT and wanted is not None and found != wanted:
            text = f"{file.path} is a snapshot of node for {found}"
            yield Objection(CheckKind.MACHINE, Severity.FAILURE, text, file, wanted, found)


def _shared(images: Sequence[PlatformImage]) -> Iterator[tuple[PlatformImage, Objection]]:
    """One file for several architectures of what V8 takes only on the machine that made it."""
    seen: dict[tuple[str, str, str], PlatformImage] = {}
    for image in images:
        for file, kind, value in _noted(image):
            if kind not in _MADE:
                continue
            first = seen.setdefault((file.path, kind, value), image)
            if first.platform.architecture != image.platform.architecture:
                text = f"{file.path} is {_MADE[MachineFile(kind)]}, and the same for {first.platform}"
                found = f"that of {first.platform}"
                expected = f"one of its own for {image.platform}"
                yield image, Objection(CheckKind.MACHINE, Severity.FAILURE, text, file, expected, found)
