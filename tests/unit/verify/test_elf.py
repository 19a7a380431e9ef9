"""ELF bytes → facts, for every machine, and for bytes that are no ELF file at all."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.verify.builder import Elf
from xbuild.platforms import MACHINES
from xbuild.verify.elf import ElfFacts, Unreadable, facts_of, is_elf, open_elf


def read_elf(data: bytes) -> ElfFacts | Unreadable:
    elf = open_elf(data)
    return elf if isinstance(elf, Unreadable) else facts_of(elf)


def facts(elf: Elf) -> ElfFacts:
    found = read_elf(elf.build())
    assert isinstance(found, ElfFacts)
    return found


@pytest.mark.parametrize("architecture", sorted(MACHINES))
def test_every_machine(architecture: str) -> None:
    found = facts(Elf(architecture))
    machine = MACHINES[architecture]
    assert (found.machine, found.bits, found.little_endian) == (
        machine.number,
        machine.bits,
        machine.little_endian,
    )
    assert found.problem is None
    assert not found.dynamic


@pytest.mark.parametrize("architecture", ["amd64", "arm", "s390x", "386"])
def test_what_is_linked(architecture: str) -> None:
    found = facts(
        Elf(
            architecture,
            kind=3,
            interpreter="/lib/ld.so",
            needed=("libc.so.6", "libm.so.6"),
            soname="libx.so.1",
            rpath="/a:/b",
            runpath="$ORIGIN/../lib",
            versions=(("libm.so.6", ("GLIBC_2.29",)), ("libc.so.6", ("GLIBC_2.34", "GLIBC_2.17"))),
        )
    )
    assert found.versions == ("libc.so.6 GLIBC_2.17", "libc.so.6 GLIBC_2.34", "libm.so.6 GLIBC_2.29")
    assert found.interpreter == "/lib/ld.so"
    assert found.needed == ("libc.so.6", "libm.so.6")
    assert found.soname == "libx.so.1"
    assert found.rpath == ("/a", "/b")
    assert found.runpath == ("$ORIGIN/../lib",)
    assert found.dynamic


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_x86_level_of_the_property_note(level: int) -> None:
    assert facts(Elf("amd64", x86_level=level)).x86_level == level
    assert facts(Elf("386", x86_level=level)).x86_level == level


@pytest.mark.parametrize(
    ("flags", "vfp", "expected"),
    [
        (0x5000400, None, True),
        (0x5000200, None, False),
        (0x5000000, 1, True),
        (0x5000000, 0, False),
        (0x5000002, None, None),
    ],
)
def test_arm_float_abi(flags: int, vfp: int | None, expected: bool | None) -> None:
    found = facts(Elf("arm", flags=flags, arm_vfp=vfp, arm_arch=10))
    assert found.arm_hard_float is expected
    assert found.arm_arch == 10


def test_flags_and_osabi() -> None:
    found = facts(Elf("ppc64le", flags=2, osabi=9))
    assert (found.flags, found.osabi) == (2, 9)


@pytest.mark.parametrize("size", [4, 15, 20, 63])
def test_a_header_that_breaks_off(size: int) -> None:
    assert isinstance(read_elf(Elf("amd64").build()[:size]), Unreadable)


def test_undefined_class_and_byte_order() -> None:
    data = bytearray(Elf("amd64").build())
    data[4] = 3
    assert isinstance(read_elf(bytes(data)), Unreadable)


def test_a_file_that_breaks_off_after_its_header_still_tells_its_machine() -> None:
    found = read_elf(Elf("arm64", kind=3, interpreter="/lib/ld.so", needed=("a",)).build()[:80])
    assert isinstance(found, ElfFacts)
    assert found.machine == 183
    assert found.problem is not None


def test_packed_files_without_sections_tell_their_machine() -> None:
    """UPX leaves a valid header and two segments, and no section headers."""
    data = bytearray(Elf("arm64").build())
    struct.pack_into("<Q", data, 40, 0)
    struct.pack_into("<HHH", data, 58, 0, 0, 0)
    found = read_elf(bytes(data))
    assert isinstance(found, ElfFacts)
    assert found.machine == 183


def test_no_magic() -> None:
    assert not is_elf(b"#!/bin/sh\n")
    assert isinstance(read_elf(b""), Unreadable)


@given(st.binary(max_size=600))
def test_any_bytes_after_the_magic(data: bytes) -> None:
    assert isinstance(read_elf(b"\x7fELF" + data), ElfFacts | Unreadable)


_REAL = [
    Elf(a, kind=3, interpreter="/l", needed=("x",), x86_level=2, arm_arch=6).build() for a in ("amd64", "arm")
]


@given(
    st.sampled_from(_REAL),
    st.lists(st.tuples(st.integers(0, 700), st.binary(min_size=1, max_size=8)), max_size=6),
)
def test_damaged_files(data: bytes, changes: list[tuple[int, bytes]]) -> None:
    damaged = bytearray(data)
    for at, new in changes:
        damaged[at : at + len(new)] = new
    assert isinstance(read_elf(bytes(damaged)), ElfFacts | Unreadable)
