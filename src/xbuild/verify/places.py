"""Tables: names of ELF machines, and the places where files for another platform belong.

A place excuses a foreign file (a warning instead of a failure); it never excuses the program that the image
runs.
"""

from __future__ import annotations

import re

# e_machine (gABI registry and the Linux kernel's uapi/linux/elf-em.h) → name as `readelf` users know it
MACHINE_NAMES: dict[int, str] = {
    0: "none",
    2: "SPARC",
    3: "Intel 80386",
    4: "MC68000",
    8: "MIPS",
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
"""Machines that Linux user programs run on. The rest is code for devices, virtual machines or nothing."""

# Names of architectures in triplets, Debian, Go, npm, Python and Rust file names → e_machine
_NAMES: dict[int, str] = {
    3: r"i[3-6]86|386|x86|ia32|linux32|win32",
    62: r"x86[_-]64(?:_?v[1-4])?|amd64(?:v[1-4])?|x64|x32|linux64|win64",
    40: r"arm(?:eb|el|hf)?|armv[4-8]\w?l?|aarch32",
    183: r"aarch64(?:_be)?|arm64(?:ec|_?v\d)?",
    20: r"powerpc|ppc",
    21: r"powerpc64(?:le)?|ppc64(?:le|el)?",
    22: r"s390x?",
    8: r"mips\w*",
    243: r"riscv(?:64|32)?\w*",
    258: r"loong(?:arch)?64|loong64",
    43: r"sparc\w*",
    50: r"ia64",
    15: r"hppa\w*",
    0x9026: r"alpha",
    4: r"m68k",
    42: r"sh4\w*",
    247: r"bpf(?:eb|el)?",
}
_NAME = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    + "|".join(f"(?P<m{number}>{names})" for number, names in _NAMES.items())
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

# Path (from the root, with a leading slash) → why foreign files are there
_PLACES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"/prebuilds?/[^/]*(?:linux|darwin|win32|android|freebsd|openbsd)[^/]*/"), "npm prebuilds"),
    # debugpy brings the libraries of several platforms in every wheel.
    (re.compile(r"/pydevd_attach_to_process/"), "debugger helpers"),
    (
        re.compile(r"^(?:/usr)?/lib/firmware/|^/boot/|^/usr/lib/(?:grub|u-boot|syslinux|ISOLINUX|efi)/"),
        "firmware",
    ),
    (re.compile(r"^/usr/share/(?:qemu|seabios|openbios|slof|firmware|edk2|OVMF|AAVMF)[^/]*/"), "firmware"),
    (re.compile(r"/(?:testdata|test-data|test_data)/"), "test data"),
    (
        re.compile(r"^/usr/(?:local|lib)/go(?:-[\d.]+)?/(?:src|pkg|test)/|^/usr/share/go-[\d.]+/"),
        "Go toolchain",
    ),
    (re.compile(r"/pkg/mod/"), "Go module cache"),
    (re.compile(r"/lib/rustlib/"), "Rust toolchain"),
    (re.compile(r"^/usr/lib/gcc-cross/|^/usr/lib/llvm-\d+/lib/clang/|/lib/zig/"), "cross toolchain"),
    (re.compile(r"^(?:/usr)?/lib/debug/|/\.build-id/"), "debug information"),
    (re.compile(r"^(?:/usr)?/(?:lib32|libx32|libo32|libn32|libilp32)/"), "libraries of another ABI"),
    (re.compile(r"/qemu-[a-z0-9_]+(?:-static)?$|^/usr/(?:lib|libexec)/qemu"), "QEMU"),
    (re.compile(r"^/usr/lib/modules/|^/lib/modules/"), "kernel modules"),
)


def machine_name(number: int) -> str:
    """`AArch64`, or `machine 999` for what has no name here."""
    return MACHINE_NAMES.get(number, f"machine {number}")


def place_of(path: str, machine: int) -> str | None:
    """Why a file for another machine than `machine` may be at this path, or None."""
    for pattern, reason in _PLACES:
        if pattern.search(path):
            return reason
    for part in path.split("/")[1:-1]:
        if _TRIPLET.fullmatch(part):
            named = _NAME.search(part)
            if named is not None and named.lastgroup != f"m{machine}":
                return f"{part} names another platform"
    return None


def family_of(path: str) -> str | None:
    """The path with every name of an architecture replaced: what files made for several platforms share."""
    common = _NAME.sub("*", path)
    return common if common != path else None
