"""Tables: names of ELF machines, and the places where files for another platform belong.

A place excuses a foreign file (a warning instead of a failure); it never excuses the program that the image
runs, nor what lies on PATH.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from xbuild.architectures import ARCHITECTURES
from xbuild.platforms import Platform
from xbuild.verify.languages import LANGUAGES

# e_machine (gABI registry and the Linux kernel's uapi/linux/elf-em.h) → name as `readelf` users know it
MACHINE_NAMES: dict[int, str] = {
    0: "none",
    2: "SPARC",
    3: "Intel 80386",
    4: "MC68000",
    6: "Intel MCU",
    8: "MIPS",
    10: "MIPS RS3000",
    15: "PA-RISC",
    18: "SPARC v8+",
    20: "PowerPC",
    21: "PowerPC64",
    22: "IBM S/390",
    40: "ARM",
    42: "SuperH",
    43: "SPARC v9",
    50: "IA-64",
    62: "x86-64",
    83: "AVR",
    92: "OpenRISC",
    93: "ARC",
    94: "Xtensa",
    106: "Blackfin",
    164: "Hexagon",
    183: "AArch64",
    189: "MicroBlaze",
    190: "CUDA",
    195: "ARCv2",
    220: "Z80",
    224: "AMD GPU",
    243: "RISC-V",
    247: "eBPF",
    252: "C-SKY",
    258: "LoongArch",
    0x9026: "Alpha",
}

CPUS = frozenset({2, 3, 4, 8, 15, 18, 20, 21, 22, 40, 42, 43, 50, 62, 92, 183, 189, 243, 252, 258, 0x9026})
"""Machines that Linux distributions are, or were, made for."""

DEVICES = frozenset(
    {
        83,
        95,
        105,
        137,
        140,
        141,
        142,
        144,
        164,
        165,
        186,
        190,
        198,
        203,
        204,
        205,
        220,
        224,
        244,
        247,
        250,
        251,
    }
)
"""Microcontrollers, signal processors, GPUs, virtual machines: data for the program that loads it."""

# e_machine → what else files and folders are named for it, besides the names in the table of architectures
_ALSO: dict[int, str] = {
    # before 386: x86_64 begins with x86
    62: r"x32|linux64|win64",
    3: r"x86|linux32|win32",
    40: r"arm(?:eb)?|armv[4-8]\w?l?|aarch32",
    183: r"aarch64_be|aarch_64|arm64ec",
    20: r"powerpc|ppc",
    21: r"powerpc64|ppc64|ppcle_64",
    22: r"s390",
    8: r"mips\w*",
    243: r"riscv(?:64|32)?\w*",
    43: r"sparc\w*",
    50: r"ia64",
    15: r"hppa\w*",
    0x9026: r"alpha",
    4: r"m68k",
    42: r"sh4\w*",
    247: r"bpf(?:eb|el)?",
}


def _names() -> dict[int, str]:
    """e_machine → a pattern of its names."""
    found = {number: {also} for number, also in _ALSO.items()}
    for row in ARCHITECTURES:
        found.setdefault(row.machine.number, set()).update(map(re.escape, row.names))
    return {number: "|".join(sorted(names)) for number, names in found.items()}


_NAMES = _names()
# Names are used loosely within a kin: x86 for x86-64, arm for AArch64, sparc and mips for all of them
_KIN = {62: 3, 6: 3, 183: 40, 21: 20, 2: 43, 18: 43, 10: 8}

# What may follow a name: the level of the CPU, as goreleaser names folders (`amd64_v1`, `arm64_v8.0`,
# `arm_6`, `386_sse2`), and the width, as os-maven-plugin writes it (`x86_32`, `s390_64`).
_LEVEL = r"(?:[-_]?v\d(?:\.\d)?|_(?:[5-7]|sse2|softfloat|hardfloat|power\d+|rva\d\du64|32|64))?"

_NAME = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    + "|".join(f"(?P<m{number}>(?:{names}){_LEVEL})" for number, names in _NAMES.items())
    + r")(?![A-Za-z0-9])",
    re.IGNORECASE,
)

_SYSTEMS = (
    r"linux|gnu\w*|musl\w*|android\w*|none|elf|eabi\w*|darwin|freebsd|netbsd|openbsd|illumos|solaris"
    r"|windows|win32|mingw32|w64"
)
_TRIPLET = re.compile(
    rf"(?:{'|'.join(_NAMES.values())})(?:-[a-z0-9_]+)*-(?:{_SYSTEMS})(?:-[a-z0-9_]+)*(?:\.\d+)?",
    re.IGNORECASE,
)

# What QEMU's user mode emulates (QEMU `configs/targets/*-linux-user.mak`)
_EMULATED = (
    r"aarch64(?:_be)?|alpha|arm(?:eb)?|cris|hexagon|hppa|i386|loongarch64|m68k|microblaze(?:el)?"
    r"|mips(?:64|n32)?(?:el)?|nios2|or1k|ppc(?:64(?:le|abi32)?)?|riscv(?:32|64)|s390x|sh4(?:eb)?"
    r"|sparc(?:32plus|64)?|x86_64|xtensa(?:eb)?"
)

# A system and an architecture in the name of a folder, or of one within the other, in either order
_SYSTEM = r"(?P<system>linux|android|dragonfly|freebsd|illumos|netbsd|openbsd|solaris)"
_PLATFORMS = (
    re.compile(rf"(?<![A-Za-z0-9]){_SYSTEM}(?:[-_]?(?:musl|gnu|glibc))?[-_/]{_NAME.pattern}", re.IGNORECASE),
    re.compile(rf"{_NAME.pattern}[-_](?:[a-z0-9]+[-_])?{_SYSTEM}(?![A-Za-z0-9])", re.IGNORECASE),
)
_LOWEST = {"amd64": "1", "arm64": "8.0"}
_LEVEL_NAMED = re.compile(r"v(\d(?:\.\d)?)\w*$|_([5-7])$", re.IGNORECASE)

_PACKAGES = re.compile(r"/(?:node_modules|site-packages|dist-packages|gems)/")
"""Where an installer puts packages for one platform: another one's is a mistake, whatever it is called."""

_PREBUILDS = re.compile(r"/prebuilds?/(?=[^/]*(?:linux|android|freebsd|openbsd)[^/]*/)")
"""npm's folders for several platforms, named for them."""

_EMULATOR = re.compile(rf"/qemu-(?:{_EMULATED})(?:-static)?$|^/usr/(?:lib|libexec)/qemu")

# Path (from the root, with a leading slash) → why foreign files are there
_PLACES: tuple[tuple[re.Pattern[str], str], ...] = (
    # yarn 1 keeps there what it fetched: every optional package, whatever platform it is for.
    (re.compile(r"/v\d+/npm-[^/]+-[0-9a-f]{40}(?:-integrity)?/node_modules/"), "yarn's cache"),
    # debugpy brings the libraries of several platforms in every wheel.
    (re.compile(r"/pydevd_attach_to_process/"), "debugger helpers"),
    (
        re.compile(r"^(?:/usr)?/lib/firmware/|^/boot/|^/usr/lib/(?:grub|u-boot|syslinux|ISOLINUX|efi)/"),
        "firmware",
    ),
    (re.compile(r"^/usr/share/(?:qemu|seabios|openbios|slof|firmware|edk2|OVMF|AAVMF)[^/]*/"), "firmware"),
    (re.compile(r"/(?:test[-_]?data|(?:test[-_]?)?fixtures|__fixtures__)/"), "test data"),
    *((re.compile(pattern), what) for language in LANGUAGES for pattern, what in language.places),
    (re.compile(r"/lib/rustlib/"), "Rust toolchain"),
    (re.compile(r"^/usr/lib/gcc-cross/|^/usr/lib/llvm-\d+/lib/clang/|/lib/zig/"), "cross toolchain"),
    (re.compile(r"^(?:/usr)?/lib/debug/|/\.build-id/"), "debug information"),
    (
        re.compile(r"^(?:/usr)?/(?:lib32|libx32|libo32|libn32|libilp32)/|/x86_64-linux-gnux32/"),
        "libraries of another ABI",
    ),
    (re.compile(r"^/usr/lib/modules/|^/lib/modules/"), "kernel modules"),
)


def machine_name(number: int) -> str:
    """`AArch64`, or `machine 999` for what has no name here."""
    return MACHINE_NAMES.get(number, f"machine {number}")


def place_of(path: str, machine: int, found: int) -> str | None:
    """Why a file for the machine `found` may be at this path in an image for `machine`, or None."""
    for pattern, reason in _PLACES:
        if pattern.search(path):
            return reason
    prebuilds = _PREBUILDS.search(path)
    if prebuilds is not None and is_named_for(machines_named(path[prebuilds.end() :]), machine, found):
        return "npm prebuilds"
    for part in path.split("/")[1:-1]:
        if _TRIPLET.fullmatch(part) and is_named_for(machines_named(part), machine, found):
            return f"{part} names another platform"
    return None


def is_emulator(path: str) -> bool:
    """Whether a file is one of QEMU's, wherever it is for."""
    return _EMULATOR.search(path) is not None


def platform_named(path: str, platform: Platform, found: int, *, at_level: bool = False) -> str | None:
    """Why a file for the machine `found` may be in its folder: that is named for another platform, system and
    architecture, and each architecture that the path names fits the file.

    `at_level`: it is for the image's own machine and asks too much of it; then the level must be named.
    """
    named = machines_named(path)
    if _PACKAGES.search(path) or any(_KIN.get(name, name) != _KIN.get(found, found) for name in named):
        return None
    own = platform.variant.removeprefix("v") or _LOWEST.get(platform.architecture, "")
    for match in (m for each in _PLATFORMS for m in each.finditer(path.rpartition("/")[0] + "/")):
        level = _LEVEL_NAMED.search(match[0])
        is_other_level = at_level and level is not None and (level[1] or level[2]) != own
        if match["system"].lower() != "linux" or platform.machine.number not in named or is_other_level:
            return f"{match[0].strip('/')} names another platform"
    return None


def machines_named(text: str) -> frozenset[int]:
    """The machines whose names are in a text."""
    return frozenset(int(str(match.lastgroup)[1:]) for match in _NAME.finditer(text))


def is_named_for(named: frozenset[int], machine: int, found: int) -> bool:
    """Whether names fit a file for the machine `found`, and none says that it is for `machine`."""
    return machine not in named and any(_KIN.get(name, name) == _KIN.get(found, found) for name in named)


def families_of(path: str) -> Iterator[tuple[int, str]]:
    """Each machine that a path names, and the path without that name: what its relatives share."""
    for number in machines_named(path):
        group = f"m{number}"
        yield number, _NAME.sub(lambda match: "*" if match.lastgroup == group else match[0], path)  # noqa: B023


def without_names(path: str) -> str:
    """A path with `*` for every name of an architecture."""
    return _NAME.sub("*", path)
