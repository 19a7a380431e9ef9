"""One ELF file against one platform: machine, class, byte order, system, ABI, CPU level, Go settings."""

from __future__ import annotations

import re
from dataclasses import dataclass

from xbuild.platforms import Platform
from xbuild.verify.checks import Kind
from xbuild.verify.elf import ET_REL, ElfFacts
from xbuild.verify.gobuildinfo import GoBuildInfo
from xbuild.verify.places import machine_name
from xbuild.verify.variants import judged_as


@dataclass(frozen=True, slots=True)
class Mismatch:
    """How a file contradicts a platform. `can_run` when some machines of the platform could run it."""

    kind: Kind
    message: str
    expected: str
    found: str
    can_run: bool = False


# ELF gABI, EI_OSABI: System V and GNU/Linux run on Linux; ARM and standalone values name no system.
_LINUX_OSABI = (0, 3, 64, 97, 255)
_OSABI_NAMES = {1: "HP-UX", 2: "NetBSD", 6: "Solaris", 7: "AIX", 8: "IRIX", 9: "FreeBSD", 12: "OpenBSD"}

# Tag_CPU_arch of "Addenda to, and Errata in, the ABI for the Arm Architecture": highest value that runs
_ARM_LIMIT = {"v5": 5, "v6": 9, "v7": 13, "v8": 20}
_ARM_NAMES = {
    1: "ARMv4",
    2: "ARMv4T",
    3: "ARMv5T",
    4: "ARMv5TE",
    5: "ARMv5TEJ",
    6: "ARMv6",
    7: "ARMv6KZ",
    8: "ARMv6T2",
    9: "ARMv6K",
    10: "ARMv7",
    14: "ARMv8-A",
}

# 64-bit platform → the machine of its 32-bit sibling, which its kernel usually runs too
_SIBLINGS = {"amd64": 3, "arm64": 40}

_EF_RISCV_FLOAT = 0x6  # RISC-V psABI: 0 soft, 2 single, 4 double, 6 quad; Linux distributions use double
_EF_PPC64_ABI = 0x3  # Power ELF ABI: 1 and 2; little endian Linux uses 2


def mismatch_of(elf: ElfFacts, platform: Platform, go: GoBuildInfo | None = None) -> Mismatch | None:
    """The first way in which a file is not for a platform, or None when it is."""
    platform = judged_as(platform)
    return (
        _wrong_machine(elf, platform)
        or _wrong_abi(elf, platform)
        or _wrong_level(elf, platform)
        or (_wrong_go(go, platform) if go is not None else None)
    )


def describe(elf: ElfFacts) -> str:
    """`64-bit AArch64`, with the byte order when it is big."""
    order = "" if elf.little_endian else " big-endian"
    return f"{elf.bits}-bit{order} {machine_name(elf.machine)}"


def _wrong_machine(elf: ElfFacts, platform: Platform) -> Mismatch | None:
    machine = platform.machine
    order = "" if machine.little_endian else " big-endian"
    expected = f"{machine.bits}-bit{order} {machine_name(machine.number)}"
    found = describe(elf)
    if elf.machine != machine.number:
        return Mismatch(Kind.MACHINE, f"is for {machine_name(elf.machine)}", expected, found)
    if elf.bits != machine.bits:
        return Mismatch(Kind.CLASS, f"is {elf.bits}-bit", expected, found)
    if elf.little_endian != machine.little_endian:
        found = (
            f"{elf.bits}-bit {'little' if elf.little_endian else 'big'}-endian {machine_name(elf.machine)}"
        )
        return Mismatch(Kind.BYTE_ORDER, "has the other byte order", expected, found)
    if elf.osabi not in _LINUX_OSABI:
        name = _OSABI_NAMES.get(elf.osabi, f"operating system {elf.osabi}")
        return Mismatch(Kind.OS, f"is for {name}", "Linux", name)
    return None


def _wrong_abi(elf: ElfFacts, platform: Platform) -> Mismatch | None:
    architecture = platform.architecture
    if architecture == "arm" and elf.arm_hard_float is not None and elf.type != ET_REL:
        hard = platform.variant != "v5"
        # A static program calls nobody who passes floats the other way.
        if elf.arm_hard_float != hard and (elf.dynamic or elf.arm_hard_float):
            names = {True: "hard-float (armhf)", False: "soft-float (armel)"}
            return Mismatch(Kind.ABI, f"is {names[not hard]}", names[hard], names[not hard])
    if architecture == "ppc64le" and elf.flags & _EF_PPC64_ABI == 1:
        return Mismatch(Kind.ABI, "is for ABI version 1", "ELF ABI version 2", "ELF ABI version 1")
    if architecture == "riscv64" and elf.flags & _EF_RISCV_FLOAT != 4 and elf.dynamic:
        return Mismatch(Kind.ABI, "does not use the double-float ABI", "lp64d", f"e_flags {elf.flags:#x}")
    return None


def _wrong_level(elf: ElfFacts, platform: Platform) -> Mismatch | None:
    if platform.architecture == "amd64" and elf.x86_level > _amd64_level(platform):
        found = f"x86-64-v{elf.x86_level}"
        expected = f"x86-64-v{_amd64_level(platform)} at most"
        return Mismatch(Kind.CPU, f"needs {found}", expected, found, can_run=True)
    limit = _ARM_LIMIT.get(platform.variant, 0)
    if platform.architecture == "arm" and elf.arm_arch is not None and elf.arm_arch > limit:
        found = _ARM_NAMES.get(elf.arm_arch, f"ARM architecture {elf.arm_arch}")
        return Mismatch(Kind.CPU, f"needs {found}", f"ARM{platform.variant} at most", found, can_run=True)
    return None


def _amd64_level(platform: Platform) -> int:
    return int(platform.variant[1:] or 1)


# GOARCH → its setting → levels from lowest to highest, and the one a platform without variant has (Go
# `internal/buildcfg`); arm and amd64 take the platform's variant instead.
GO_LEVELS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "amd64": ("GOAMD64", ("v1", "v2", "v3", "v4"), "v1"),
    "arm": ("GOARM", ("5", "6", "7"), "7"),
    "ppc64le": ("GOPPC64", ("power8", "power9", "power10"), "power8"),
    "riscv64": ("GORISCV64", ("rva20u64", "rva22u64", "rva23u64"), "rva20u64"),
}


def _wrong_go(go: GoBuildInfo, platform: Platform) -> Mismatch | None:
    for key, wanted in (("GOOS", platform.os), ("GOARCH", platform.architecture)):
        value = go.setting(key)
        if value is not None and value != wanted:
            return Mismatch(Kind.GO, f"was built with {key}={value}", f"{key}={wanted}", f"{key}={value}")
    found, highest = go_level(go, platform)
    if found is not None and highest is not None and found > highest:
        key, levels, _ = GO_LEVELS[platform.architecture]
        expected = f"{key}={levels[highest]} at most"
        shown = f"{key}={levels[found]}"
        return Mismatch(Kind.GO, f"was built with {shown}", expected, shown, can_run=True)
    if platform.architecture == "arm64":
        return _wrong_goarm64(go, platform)
    return None


_ARM64_LEVEL = re.compile(r"v?([89])(?:\.(\d))?")


def _wrong_goarm64(go: GoBuildInfo, platform: Platform) -> Mismatch | None:
    """GOARM64 is `v8.0` to `v9.5` with options `,lse` and `,crypto`; linux/arm64 promises v8.0."""
    value = go.setting("GOARM64")
    if value is None:
        return None
    base, *options = value.split(",")
    highest, found = _arm64_level(platform.variant) or 0, _arm64_level(base)
    promised = {"lse"} if highest else set()  # part of v8.1
    if found is not None and found <= highest and promised.issuperset(options):
        return None
    expected = f"GOARM64={platform.variant} at most" if highest else "GOARM64=v8.0"
    return Mismatch(Kind.GO, f"was built with GOARM64={value}", expected, f"GOARM64={value}", can_run=True)


def _arm64_level(text: str) -> int | None:
    """`v8.N` is N; `v9.N` has what `v8.(N+5)` has (Go `internal/buildcfg`)."""
    found = _ARM64_LEVEL.fullmatch(text)
    return None if found is None else int(found[2] or 0) + (5 if found[1] == "9" else 0)


def go_level(go: GoBuildInfo, platform: Platform) -> tuple[int | None, int | None]:
    """Level of a Go program, and the platform's, as positions in the table."""
    if platform.architecture not in GO_LEVELS:
        return None, None
    key, levels, default = GO_LEVELS[platform.architecture]
    value = (go.setting(key) or "").partition(",")[0]
    if value not in levels:
        return None, None
    variant = judged_as(platform).variant
    wanted = str(min(int(variant[1:]), 7)) if platform.architecture == "arm" else variant
    return levels.index(value), levels.index(wanted if wanted in levels else default)
