"""What the archives of an image hold for other machines, and whether that is wrong.

A program loads its jars together: those in one file, or in the folders of one application. Of each library in
them, by its name without machine and system:

- one for the platform, or none for any Linux machine: right;
- some for other Linux machines alone: wrong where the artifact is one of several, of which the machine that
  built it chose: the name of its jar says so, or a row here does, or this project made it, for that one
  machine. Else a warning: the published artifact is the same everywhere, and has nothing for this platform.

Sources: the artifacts themselves, as `docs/coverage.md` lists them; os-maven-plugin
(`os.detected.classifier`), "JavaFX and OpenJFX" (`linux`, `linux-aarch64`), LWJGL 3
(`natives-linux-arm64`).
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from xbuild.verify.checks import CheckKind, Objection, Objections, PlatformImage, Severity
from xbuild.verify.languages.java.jars import ArchiveNote, Native, natives_of
from xbuild.verify.layers import File
from xbuild.verify.mismatch import describe, mismatch_of

HOTSPOT = {"amd64": "amd64", "arm64": "aarch64", "386": "x86", "arm": "arm", "s390x": "s390"}
"""How HotSpot calls an architecture, where that is not Docker's name (OpenJDK `abstract_vm_version.cpp`)."""

_MACHINES = (
    r"x86[_-]?64|x86[_-]?32|x86|x64|amd64|i[3-6]86|aarch[_-]?64|arm[_-]?64|arm[_-]?32|armv\d\w*|armhf|armel|arm"
    r"|ppc64le|ppcle[_-]64|ppc64|ppc|s390x|s390[_-]64|riscv64|loong\w*64|mips\w*|sparc\w*|ia64|64|32|v\d"
)
_SYSTEMS = (
    r"linux|gnu\w*|glibc|musl|alpine|unix|windows?|win|osx|mac(?:os)?x?|darwin|apple|android|freebsd|openbsd"
)
_WORDS = re.compile(rf"(?<![a-z0-9])(?:{_SYSTEMS})?[-_]?(?:{_MACHINES}|{_SYSTEMS})(?![a-z0-9])")
_OTHER_SYSTEM = re.compile(
    r"(?i)(?<![a-z])(?:android|freebsd|openbsd|netbsd|dragonfly\w*|sunos|solaris|aix|hp-?ux)(?![a-z])"
)
_CLASSIFIED = re.compile(rf"[-_.](?:natives?[-_])?(?:linux|{_MACHINES})(?:[-_.][\w.-]*)?$", re.IGNORECASE)
# Libraries of which each artifact has one machine's alone, by their paths.
_ONE_EACH = re.compile(
    r"libnetty_(?:transport|tcnative|resolver|quiche)\w*_(?:x86_64|aarch_64|riscv64)\.so$"
    r"|^lib(?:prism|glass|javafx|decora|fxplugins|gstreamer-lite|jfx|avplugin)\w*(?:-[\w.-]+)?\.so$"
    r"|^linux/\w+/org/lwjgl/|^org/bytedeco/.*/linux-\w+/|^libskiko-linux-\w+\.so$|^lib/linux-\w+/libbrotli\.so$"
)
_PARTS = re.compile(
    r"(?:/(?:lib|libs|main|boot|quarkus|app|deployment|dependenc(?:y|ies)|snapshot-dependencies"
    r"|spring-boot-loader|application|jars|plugins|BOOT-INF|WEB-INF|classes))+$"
)


def judge_images(images: Sequence[PlatformImage]) -> Objections:
    """All objections to these platforms of one image."""
    return Objections(tuple(tuple(_objections(image)) for image in images))


def _objections(image: PlatformImage) -> Iterator[Objection]:
    programs: dict[str, list[tuple[File, Native]]] = defaultdict(list)
    for file in image.contents:
        noted = file.entry.content.note if file.entry.content is not None else None
        if noted is None:
            continue
        if noted.kind == ArchiveNote.NATIVES:
            groups = [(file, native) for native in natives_of(noted)]
            programs[_program_of(file.path, has_inner=any(n.archive for _, n in groups))] += groups
            trouble = noted.values[-1]
            if trouble.startswith("\x00"):
                yield from _unopened(image, file, trouble[1:])
        elif noted.kind == ArchiveNote.UNOPENED:
            yield from _unopened(image, file, noted.values[0])
        elif noted.kind == ArchiveNote.CLASS_DATA:
            yield from _class_data(image, file, noted.values[0])
    for held in programs.values():
        yield from _libraries(image, held)


def _unopened(image: PlatformImage, file: File, why: str) -> Iterator[Objection]:
    """What was not looked into is said of what this Dockerfile added."""
    if _is_added(image, file):
        message, reason = "was not opened, or not all of it", "what it holds was not looked at"
        yield Objection(CheckKind.UNREADABLE, Severity.WARNING, message, file, found=why, reason=reason)


def _is_added(image: PlatformImage, file: File) -> bool:
    return file.layer >= len(image.layers) or image.layers[file.layer].added


def _class_data(image: PlatformImage, file: File, made_for: str) -> Iterator[Objection]:
    architecture = image.platform.architecture
    wanted = HOTSPOT.get(architecture, architecture)
    if made_for != wanted:
        message = "is class data of a virtual machine for another architecture"
        yield Objection(CheckKind.MACHINE, Severity.FAILURE, message, file, wanted, made_for)


def _program_of(path: str, *, has_inner: bool) -> str:
    """What loads an archive: itself, if it holds others; else what the folder of its application is."""
    return path if has_inner else _PARTS.sub("", posixpath.dirname(path)) + "/"


def _libraries(image: PlatformImage, held: Sequence[tuple[File, Native]]) -> Iterator[Objection]:
    by_name: dict[str, list[tuple[File, Native]]] = defaultdict(list)
    for file, native in held:
        by_name[library_name(native.path)].append((file, native))
    for name, found in sorted(by_name.items()):
        linux = [
            (f, n)
            for f, n in found
            if n.elf is not None and not _OTHER_SYSTEM.search(f"{n.archive}/{n.path}")
        ]
        if not linux or any(
            n.elf is not None and mismatch_of(n.elf, image.platform) is None for _, n in linux
        ):
            continue
        yield from _objection(image, name, found, linux)


def _objection(
    image: PlatformImage,
    name: str,
    found: Sequence[tuple[File, Native]],
    linux: Sequence[tuple[File, Native]],
) -> Iterator[Objection]:
    file, native = linux[0]
    assert native.elf is not None
    machines = sorted({describe(n.elf) for _, n in linux if n.elf is not None})
    is_for_several = len(machines) > 1 or len(found) > len(linux)
    is_wrong = not is_for_several and (_is_chosen(file, native) or _is_own(file, native))
    if not is_wrong and not _is_added(image, file):
        return
    where = f"{native.archive}!/{native.path}".removeprefix("!/")
    yield Objection(
        CheckKind.MACHINE,
        Severity.FAILURE if is_wrong else Severity.WARNING,
        f"has {name} for other machines alone: {where}",
        file,
        expected=str(image.platform),
        found=", ".join(machines),
        reason=""
        if is_wrong
        else "the artifact is the same on every machine, and has none for this platform",
        names=(where, posixpath.basename(native.path)),
    )


def _is_chosen(file: File, native: Native) -> bool:
    """Whether its artifact is one of several, one a machine."""
    jar = posixpath.basename(native.archive or file.path)
    return _CLASSIFIED.search(jar.rpartition(".")[0]) is not None or _ONE_EACH.search(native.path) is not None


def _is_own(file: File, native: Native) -> bool:
    """Whether the project itself may have made it: nothing says that it was published by others."""
    noted = file.entry.content.note if file.entry.content is not None else None
    own = noted.values[0] if noted is not None else ""
    if not native.archive:
        return True
    return not native.group or native.group == own


def library_name(path: str) -> str:
    """What it is called on every machine and system: `libfoo-linux-x86_64.so` and `foo.dll` are `foo`."""
    name = posixpath.basename(path).lower()
    name = re.sub(r"\.(?:so|dylib|jnilib|dll|exe|bin)(?=[._-]|$).*$", "", name)
    plain = _WORDS.sub("", name)
    return re.sub(r"[-_.]+", "-", plain).strip("-").removeprefix("lib") or name
