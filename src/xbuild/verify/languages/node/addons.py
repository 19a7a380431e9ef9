"""One platform's Node.js: are its addons (`*.node`) for the C library of the program that loads them?

Every ELF file's machine is judged elsewhere. An addon of the right machine and of another C library is loaded
by the same `dlopen`: glibc's loader finds no `libc.musl-*.so.1`; musl's takes the place of `libc.so.6`, but
not of `ld-linux-*.so.*`, and packages look for the one made for musl by name (`detect-libc`, node-gyp-build).

- Packages may bring an addon for each C library (`prebuilds/`, `@img/sharp-linux-x64` beside
  `@img/sharp-linuxmusl-x64`): where one for the right C library is beside it, under the same name but for
  words of platforms, nothing is wrong.
- In `prebuilds/` a package's own loader chooses, and one that is named for no C library is meant for all: a
  warning, and of those for glibc only when musl's loader cannot load them.
- Anything else is what an installer chose, or compiled: a failure.

What loads them is told by the programs named `node`; where these do not agree, or run on musl by way of
gcompat, nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from xbuild.verify.checks import CheckKind, Objection, Objections, PlatformImage, Severity
from xbuild.verify.elf import ElfFacts
from xbuild.verify.layers import File
from xbuild.verify.loader import Search, c_library_of, elf_of, loader_at
from xbuild.verify.mismatch import mismatch_of
from xbuild.verify.places import place_of

_PROGRAM = "node"
_PREBUILDS = re.compile(r"/prebuilds?/")
_GLIBC_WORDS = r"(?:(?<=linux)|(?<![a-z]))(?:glibc|gnu)(?:eabi(?:hf)?)?(?![a-z])"
_MUSL_WORDS = r"(?:(?<=linux)|(?<![a-z]))musl(?:eabi(?:hf)?)?(?![a-z])"
_NAMED_FOR_GLIBC = re.compile(_GLIBC_WORDS, re.IGNORECASE)
# What tells the C library in a path, and nothing else.
_LIBC_WORDS = re.compile(rf"[-_.]?(?:{_GLIBC_WORDS}|{_MUSL_WORDS})", re.IGNORECASE)
_OTHER = {"musl": "glibc", "glibc": "musl"}


def judge_images(images: Sequence[PlatformImage]) -> Objections:
    """All objections to these platforms of one image."""
    return Objections(tuple(tuple(objections(image)) for image in images))


def objections(image: PlatformImage) -> Iterator[Objection]:
    """The addons of one platform that its Node.js cannot load."""
    addons = list(_addons(image))
    node = _node(image) if addons else None
    wanted = _runs_on(image, node) if node is not None else None
    if node is None or wanted is None:
        return
    served = {_without_libc(file.path) for file, _, kind in addons if kind == wanted}
    for file, elf, kind in addons:
        if kind != wanted and _without_libc(file.path) not in served:
            yield from _objection(image, node, file, elf, kind)


def _addons(image: PlatformImage) -> Iterator[tuple[File, ElfFacts, str]]:
    """The addons for the platform's machine that say which C library they need."""
    for file in image.contents:
        elf = elf_of(file) if file.path.endswith(".node") else None
        if elf is None or mismatch_of(elf, image.platform) is not None:
            continue
        kind = c_library_of(elf)
        if kind is not None and place_of(file.path, image.platform.machine.number, elf.machine) is None:
            yield file, elf, kind


def _node(image: PlatformImage) -> ElfFacts | None:
    """The program, where all of that name need the same C library."""
    found = [
        elf
        for file in image.contents
        if file.path.endswith(f"/{_PROGRAM}") and (elf := elf_of(file)) is not None and elf.interpreter
    ]
    return found[0] if len({c_library_of(elf) for elf in found}) == 1 else None


def _runs_on(image: PlatformImage, node: ElfFacts) -> str | None:
    """The C library that the program gets from its loader, where that is the one it was made for."""
    loader = loader_at(image.files, node.interpreter or "")
    if loader is None or loader.preloaded:
        return None
    kind = "glibc" if loader.musl is None else "musl"
    return kind if c_library_of(node) == kind else None


def _without_libc(path: str) -> str:
    return _LIBC_WORDS.sub("", path)


def _objection(
    image: PlatformImage, node: ElfFacts, file: File, elf: ElfFacts, kind: str
) -> Iterator[Objection]:
    severity = Severity.FAILURE
    if _PREBUILDS.search(file.path):
        is_for_all = kind == "glibc" and not _NAMED_FOR_GLIBC.search(file.path)
        if is_for_all and _is_loadable(image, node, file, elf):
            return
        severity = Severity.WARNING
    yield Objection(
        CheckKind.ABI,
        severity,
        "is an addon for another C library than Node.js has here",
        file,
        expected=_OTHER[kind],
        found=kind,
    )


def _is_loadable(image: PlatformImage, node: ElfFacts, file: File, elf: ElfFacts) -> bool:
    """Whether the program's loader finds all that an addon needs."""
    loader = loader_at(image.files, node.interpreter or "")
    if loader is None:
        return False
    search = Search(image, node, loader)
    return all(
        search.is_loaded(name, set()) or search.find(name, file, elf, ())[0] is not None
        for name in elf.needed
    )
