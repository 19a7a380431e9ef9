"""The table of architectures against what the tools say that it takes its names from.

`tests/fixtures/architectures/` holds their lists, each with the command or file that it is from.
"""

from __future__ import annotations

import os
import struct
import sys
import sysconfig
from collections import Counter
from pathlib import Path

import pytest

from xbuild.architectures import ARCHITECTURES, BY_SPELLING, Architecture
from xbuild.errors import PlatformError
from xbuild.platforms import Platform, known_names
from xbuild.verify.elf import ElfFile, facts_of, open_elf

LISTS = Path(__file__).parents[1] / "fixtures" / "architectures"
EM = {"386": "386", "amd64": "X86_64", "arm": "ARM", "arm64": "AARCH64", "ppc64le": "PPC64", "s390x": "S390",
      "riscv64": "RISCV", "loong64": "LOONGARCH", "mips64le": "MIPS"}  # fmt: skip


def listed(name: str) -> dict[str, tuple[str, ...]]:
    """The lines of a list: first word → the others."""
    lines = [line.split() for line in (LISTS / f"{name}.txt").read_text("utf-8").splitlines()]
    return {first: tuple(rest) for first, *rest in lines if first != "#"}


def width_and_order(row: Architecture) -> set[str]:
    return {str(row.machine.bits), "little" if row.machine.little_endian else "big"}


@pytest.fixture(params=ARCHITECTURES, ids=lambda row: row.docker)
def row(request: pytest.FixtureRequest) -> Architecture:
    assert isinstance(request.param, Architecture)
    return request.param


def test_debian(row: Architecture) -> None:
    facts = {(gnu, multiarch): {bits, order} for bits, order, gnu, multiarch in listed("debian").values()}
    assert facts[row.gnu, row.multiarch] == width_and_order(row)
    if row.debian:
        assert listed("debian")[row.debian][2:] == (row.gnu, row.multiarch)
    else:
        assert row.docker == "arm/v6"


def test_go(row: Architecture) -> None:
    assert f"linux/{row.goarch}" in listed("go")


def test_rust(row: Architecture) -> None:
    assert set(listed("rust")[row.rust]) == width_and_order(row)


@pytest.mark.parametrize(
    ("name", "column", "without"),
    [
        ("dotnet", "dotnet", {"arm/v5", "mips64le"}),
        ("wheel", "wheel", {"arm/v5", "arm/v6", "mips64le"}),
        ("npm", "npm", set()),
        ("qemu", "qemu", set()),
    ],
)
def test_other_lists(name: str, column: str, without: set[str]) -> None:
    names = {row.docker: getattr(row, column) for row in ARCHITECTURES}
    assert {docker for docker, each in names.items() if not each} == without
    assert {each for each in names.values() if each} <= listed(name).keys()


def test_elf(row: Architecture) -> None:
    assert listed("elf")[EM[row.architecture]] == (str(row.machine.number),)


def test_loaders(row: Architecture) -> None:
    assert listed("loaders")[row.gnu] == row.loaders


def test_this_machine() -> None:
    """The kernel, Python's own tag and the interpreter's ELF header name one row."""
    names = {each.uname for each in ARCHITECTURES}
    assert os.uname().machine in names
    tag = sysconfig.get_platform().removeprefix("linux-")
    here = next(row for row in ARCHITECTURES if row.wheel == tag)
    assert here.machine.bits == 8 * struct.calcsize("P")
    assert here.machine.little_endian is (sys.byteorder == "little")
    elf = open_elf(Path(sys.executable).resolve().read_bytes())
    assert isinstance(elf, ElfFile)
    facts = facts_of(elf)
    assert (facts.machine, facts.bits) == (here.machine.number, here.machine.bits)
    assert facts.interpreter is None or facts.interpreter in here.loaders


def test_no_name_means_two_architectures() -> None:
    architectures = {(name, row.architecture) for row in ARCHITECTURES for name in row.names}
    assert not {name: n for name, n in Counter(name for name, _ in architectures).items() if n > 1}
    spelled = Counter(name for row in ARCHITECTURES for name in (row.docker, *row.spellings))
    assert set(spelled.values()) == {1}
    assert len(BY_SPELLING) == len(spelled)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("amd64", "amd64"), ("x86_64", "amd64"), ("x86-64", "amd64"), ("X86_64", "amd64"),
        ("amd64/v1", "amd64"), ("x86_64/v2", "amd64/v2"),
        ("i386", "386"), ("aarch64", "arm64"), ("arm64/v8", "arm64"),
        ("aarch64/v8", "arm64"), ("arm64/8", "arm64"), ("arm", "arm/v7"), ("arm/7", "arm/v7"),
        ("arm/5", "arm/v5"), ("arm/v6", "arm/v6"), ("armhf", "arm/v7"), ("armel", "arm/v6"),
    ],
)  # fmt: skip
def test_normal_form_as_containerd_has_it(text: str, expected: str) -> None:
    platform = Platform.parse(f"linux/{text}")
    assert str(platform) == f"linux/{expected}"
    assert platform.facts.docker == expected


@pytest.mark.parametrize(
    "text", ["linux/x64", "linux/armv7", "linux/arm64/v9", "linux/armhf/v6", "windows/amd64", "linux/mips"]
)
def test_what_docker_does_not_take(text: str) -> None:
    with pytest.raises(PlatformError):
        Platform.parse(text)


def test_facts_of_a_variant_that_nobody_builds_for() -> None:
    assert Platform("linux", "arm64", "v8.2").facts.docker == "arm64"
    assert Platform("linux", "arm", "v8").facts.docker == "arm/v7"
    assert [Platform.parse(f"linux/{name}").facts.docker for name in known_names()] == list(known_names())
