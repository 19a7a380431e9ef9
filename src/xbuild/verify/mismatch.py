"""One ELF file against one platform: machine, class, byte order, system, ABI, CPU level, its own words."""

from __future__ import annotations

from dataclasses import dataclass

from xbuild.platforms import Platform
from xbuild.verify.built import Built
from xbuild.verify.checks import CheckKind
from xbuild.verify.elf import ET_REL, ElfFacts
from xbuild.verify.places import machine_name
from xbuild.verify.variants import judged_as


@dataclass(frozen=True, slots=True)
class Mismatch:
    """How a file contradicts a platform. `can_run` when some machines of the platform could run it."""

    kind: CheckKind
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

_EF_RISCV_FLOAT = 0x6  # RISC-V psABI: 0 soft, 2 single, 4 double, 6 quad; Linux distributions use double
_EF_PPC64_ABI = 0x3  # Power ELF ABI: 1 and 2; little endian Linux uses 2


def mismatch_of(elf: ElfFacts, platform: Platform, built: Built | None = None) -> Mismatch | None:
    """The first way in which a file is not for a platform, or None when it is."""
    platform = judged_as(platform)
    return (
        _wrong_machine(elf, platform)
        or _wrong_abi(elf, platform)
        or _wrong_level(elf, platform)
        or (_contradiction(built, platform) if built is not None else None)
    )


def _contradiction(built: Built, platform: Platform) -> Mismatch | None:
    claim = built.contradiction(platform)
    if claim is None:
        return None
    return Mismatch(CheckKind.BUILD, claim.message, claim.expected, claim.found, claim.can_run)


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
        return Mismatch(CheckKind.MACHINE, f"is for {machine_name(elf.machine)}", expected, found)
    if elf.bits != machine.bits:
        return Mismatch(CheckKind.CLASS, f"is {elf.bits}-bit", expected, found)
    if elf.little_endian != machine.little_endian:
        found = (
            f"{elf.bits}-bit {'little' if elf.little_endian else 'big'}-endian {machine_name(elf.machine)}"
        )
        return Mismatch(CheckKind.BYTE_ORDER, "has the other byte order", expected, found)
    if elf.osabi not in _LINUX_OSABI:
        name = _OSABI_NAMES.get(elf.osabi, f"operating system {elf.osabi}")
        return Mismatch(CheckKind.OS, f"is for {name}", "Linux", name)
    return None


def _wrong_abi(elf: ElfFacts, platform: Platform) -> Mismatch | None:
    architecture = platform.architecture
    if architecture == "arm" and elf.arm_hard_float is not None and elf.type != ET_REL:
        hard = platform.variant != "v5"
        # A static program calls nobody who passes floats the other way.
        if elf.arm_hard_float != hard and (elf.dynamic or elf.arm_hard_float):
            names = {True: "hard-float (armhf)", False: "soft-float (armel)"}
            return Mismatch(CheckKind.ABI, f"is {names[not hard]}", names[hard], names[not hard])
    if architecture == "ppc64le" and elf.flags & _EF_PPC64_ABI == 1:
        return Mismatch(CheckKind.ABI, "is for ABI version 1", "ELF ABI version 2", "ELF ABI version 1")
    if architecture == "riscv64" and elf.flags & _EF_RISCV_FLOAT != 4 and elf.dynamic:
        return Mismatch(
            CheckKind.ABI, "does not use the double-float ABI", "lp64d", f"e_flags {elf.flags:#x}"
        )
    return None


def _wrong_level(elf: ElfFacts, platform: Platform) -> Mismatch | None:
    if platform.architecture == "amd64" and elf.x86_level > _amd64_level(platform):
        found = f"x86-64-v{elf.x86_level}"
        expected = f"x86-64-v{_amd64_level(platform)} at most"
        return Mismatch(CheckKind.CPU, f"needs {found}", expected, found, can_run=True)
    limit = _ARM_LIMIT.get(platform.variant, 0)
    if platform.architecture == "arm" and elf.arm_arch is not None and elf.arm_arch > limit:
        found = _ARM_NAMES.get(elf.arm_arch, f"ARM architecture {elf.arm_arch}")
        return Mismatch(
            CheckKind.CPU, f"needs {found}", f"ARM{platform.variant} at most", found, can_run=True
        )
    return None


def _amd64_level(platform: Platform) -> int:
    return int(platform.variant[1:] or 1)
