"""Which wheels a target takes, and which markers are true there."""

from __future__ import annotations

import itertools
import platform
import subprocess
import sys

import pytest
from packaging.markers import Marker, default_environment
from packaging.tags import sys_tags

from xbuild.architectures import ARCHITECTURES
from xbuild.plan.toolchains.python.fitting import (
    Target,
    admits,
    environment,
    fits,
    holds,
    is_pure,
    normalised,
)

ARM = Target((3, 12), "aarch64", ("glibc", (2, 36)))
AMD = Target((3, 12), "x86_64", ("glibc", (2, 36)))
MUSL = Target((3, 12), "aarch64", ("musl", (1, 2)))
OLD = Target((3, 7), "x86_64", ("glibc", (2, 17)))

WHEELS = {
    "a-1-py3-none-any.whl": (ARM, AMD, MUSL, OLD),
    "a-1-py2.py3-none-any.whl": (ARM, AMD, MUSL, OLD),
    "a-1-2build-py3-none-any.whl": (ARM, AMD, MUSL, OLD),
    "a-1-py312-none-any.whl": (ARM, AMD, MUSL),
    "a-1-cp312-none-any.whl": (ARM, AMD, MUSL),
    "a-1-py2-none-any.whl": (),
    "a-1-py313-none-any.whl": (),
    "a-1-cp312-cp312-manylinux_2_17_aarch64.manylinux2014_aarch64.whl": (ARM,),
    "a-1-cp312-cp312-manylinux_2_36_aarch64.whl": (ARM,),
    "a-1-cp312-cp312-manylinux_2_37_aarch64.whl": (),
    "a-1-cp312-cp312-manylinux_2_16_aarch64.whl": (),
    "a-1-cp312-cp312-manylinux_2_39_aarch64.manylinux_2_28_aarch64.whl": (ARM,),
    "a-1-cp312-cp312-linux_aarch64.whl": (ARM, MUSL),
    "a-1-cp312-cp312-musllinux_1_1_aarch64.whl": (MUSL,),
    "a-1-cp312-cp312-musllinux_1_3_aarch64.whl": (),
    "a-1-cp312-cp312-musllinux_2_0_aarch64.whl": (),
    "a-1-cp312-cp312t-manylinux_2_17_aarch64.whl": (),
    "a-1-cp311.cp312-abi3.cp312-manylinux_2_17_aarch64.whl": (ARM,),
    "a-1-cp37-abi3-manylinux2014_aarch64.whl": (ARM,),
    "a-1-cp313-abi3-manylinux2014_aarch64.whl": (),
    "a-1-cp38-cp38-manylinux2014_aarch64.whl": (),
    "a-1-py3-none-manylinux2014_aarch64.whl": (ARM,),
    "a-1-cp37-cp37m-manylinux1_x86_64.whl": (OLD,),
    "a-1-cp37-cp37-manylinux1_x86_64.whl": (),
    "a-1-py3-none-manylinux1_x86_64.whl": (AMD, OLD),
    "a-1-py3-none-manylinux2010_x86_64.whl": (AMD, OLD),
    "a-1-py3-none-manylinux_2_5_x86_64.whl": (AMD, OLD),
    "a-1-py3-none-manylinux_2_4_x86_64.whl": (),
    "a-1-py3-none-manylinux2015_x86_64.whl": (),
    "a-1-py3-none-macosx_11_0_arm64.whl": (),
    "a-1-pp310-pypy310_pp73-manylinux_2_17_aarch64.whl": (),
    "a-1-py3-none-any.zip": (),
    "a-py3-none-any.whl": (),
    "": (),
    ".".join("a" * 300) + "-1-py3-none-any.whl": (),
    "a-1-" + "-".join([".".join("abcdefghij" * 10)] * 3) + ".whl": (),
}  # fmt: skip


@pytest.mark.parametrize("name", WHEELS)
def test_wheels_that_fit(name: str) -> None:
    assert [target for target in (ARM, AMD, MUSL, OLD) if fits(name, target)] == list(WHEELS[name])


def test_pure() -> None:
    assert is_pure("a-1-py3-none-any.whl")
    assert not is_pure("a-1-py3-none-manylinux2014_aarch64.whl")


def test_as_this_interpreter_itself() -> None:
    """Where the tests run: what the library says of its own machine, for every tag that it knows."""
    libc, version = platform.libc_ver()
    major, minor = (int(part) for part in version.split(".")[:2])
    target = Target(sys.version_info[:2], platform.machine(), (libc, (major, minor)))
    assert libc == "glibc"
    taken = list(sys_tags())
    assert all(fits(f"a-1-{tag}.whl", target) for tag in taken)
    interpreters = {tag.interpreter for tag in taken} | {"cp399", "py399", "pp310"}
    abis = {tag.abi for tag in taken} | {"cp399", "pypy310_pp73"}
    platforms = {tag.platform for tag in taken} | {"win32", "musllinux_1_2_x86_64", "manylinux_2_4_x86_64"}
    known = {str(tag) for tag in taken}
    for parts in itertools.product(interpreters, abis, platforms):
        assert fits(f"a-1-{'-'.join(parts)}.whl", target) == ("-".join(parts) in known), parts


@pytest.mark.parametrize("row", ARCHITECTURES, ids=lambda row: row.docker)
def test_every_architecture_takes_wheels_that_are_called_like_it(row: object) -> None:
    (own,) = [one for one in ARCHITECTURES if one is row]
    target = Target((3, 13), own.uname, ("glibc", (2, 41)))
    assert fits("a-1-py3-none-any.whl", target)
    assert fits(f"a-1-cp313-cp313-manylinux_2_39_{own.wheel}.whl", target) == bool(own.wheel)
    assert environment(target)["platform_machine"][0] == own.uname


def test_a_machine_that_is_not_known() -> None:
    target = Target((3, 13), "sparc64", ("glibc", (2, 41)))
    assert fits("a-1-py3-none-any.whl", target)
    assert not fits("a-1-cp313-cp313-manylinux_2_39_sparc64.whl", target)


# -- markers

MARKERS = {
    "": True,
    "python_version >= '3.8'": True,
    "python_version == '3.12'": True,
    "python_version in '3.11 3.12'": True,
    "'3.12' <= python_version": True,
    "python_version < '3.12'": False,
    "python_version ~= '3.11'": True,
    "python_version": None,
    "python_full_version >= '3.12'": True,
    "python_full_version < '3.13'": True,
    "python_full_version >= '3.12.3'": None,
    "'3.12.3' <= python_full_version": None,
    "python_full_version >= '3.13.1'": False,
    "python_full_version == '3.12.*'": True,
    "python_full_version != '3.12.*'": False,
    "python_full_version == '3.12.4'": None,
    "python_full_version == '3.11.4'": False,
    "python_full_version != '3.11.*'": True,
    "python_full_version == '3.*'": True,
    "python_full_version ~= '3.11'": True,
    "python_full_version ~= '3.12.3'": None,
    "python_full_version ~= '3.11.3'": False,
    "python_full_version === '3.12.4'": None,
    "implementation_version >= '3.12'": True,
    "platform_machine == 'aarch64'": True,
    "platform_machine == 'arm64'": False,
    "platform_machine in 'x86_64 aarch64'": True,
    "platform_machine not in 'x86_64 aarch64'": False,
    "sys_platform == \"win32\"": False,
    "platform_system == 'Linux' and os_name == 'posix'": True,
    "os.name == 'posix'": True,
    "platform_python_implementation == 'CPython' and implementation_name == 'cpython'": True,
    "platform_release >= '5'": None,
    "platform_version == 'a'": None,
    "platform_release >= '5' and sys_platform == 'win32'": False,
    "platform_release >= '5' or sys_platform == 'linux'": True,
    "platform_release >= '5' or sys_platform == 'win32'": None,
    "sys_platform == 'win32' and (python_version < '3' or platform_machine == 'aarch64')": False,
    "(sys_platform == 'win32' and python_version < '3') or platform_machine == 'aarch64'": True,
    "sys_platform == 'linux' or python_version < '3' and sys_platform == 'win32'": True,
    "extra == 'fast'": True,
    "extra == 'slow'": False,
    "extra != 'slow'": True,
    "'Fast_' != extra": True,
    "extra in 'fast'": None,
    "'dev' in dependency_groups": True,
    "'docs' not in dependency_groups": True,
    "'fast' in extras": True,
    "extras in 'fast'": None,
    "unknown == 'a'": None,
    "'a' == 'a'": None,
    "sys_platform == os_name": None,
    "sys_platform = 'linux'": None,
    "sys_platform == 'linux": None,
    "sys_platform == 'linux' and": None,
    "(sys_platform == 'linux'": None,
    "sys_platform == 'linux')": None,
    "sys_platform not 'linux'": None,
    "python_version >= 'a'": None,
    "sys_platform == \"a'b\"": False,
    "(" * 40 + "sys_platform == 'linux'" + ")" * 40: True,
    "(" * 100_000: None,
    " or ".join(["sys_platform == 'win32'"] * 2000): False,
    "sys_platform == 'linux'" + " " * 100_000: None,
}  # fmt: skip


@pytest.mark.parametrize("marker", MARKERS)
def test_markers(marker: str) -> None:
    assert holds(marker, ARM, ("fast",), ("dev",)) is MARKERS[marker]


def test_extras_and_groups_that_are_not_known() -> None:
    assert holds("extra == 'a' or 'b' in dependency_groups", ARM, None, None) is None


def test_a_version_that_is_known_wholly() -> None:
    target = Target((3, 12, 4), "x86_64", ("glibc", (2, 36)))
    assert holds("python_full_version >= '3.12.3'", target) is True
    assert holds("python_full_version == '3.12.4'", target) is True


@pytest.mark.parametrize(
    ("machine", "marker", "answer"),
    [
        ("i686", "platform_machine == 'i686'", None),
        ("i686", "platform_machine == 'aarch64'", False),
        ("armv7l", "platform_machine != 'x86_64'", True),
        ("armv7l", "platform_machine == 'aarch64'", None),
    ],
)
def test_what_a_kernel_calls_itself_to_32_bits(machine: str, marker: str, answer: bool | None) -> None:
    assert holds(marker, Target((3, 12), machine, ("glibc", (2, 36)))) is answer


def test_markers_as_the_library_has_them_here() -> None:
    """Where the tests run, nothing that is told differs from what the interpreter says."""
    libc, version = platform.libc_ver()
    major, minor = (int(part) for part in version.split(".")[:2])
    target = Target(sys.version_info[:2], platform.machine(), (libc, (major, minor)))
    own = default_environment()
    for name, literal, operator in itertools.product(
        own, [*map(str, own.values()), "3.12", "3.9.*", "linux"], ("==", "!=", "<", ">=", "in", "not in")
    ):
        marker = f"{name} {operator} '{literal}'"
        told = holds(marker, target)
        assert told is None or told == Marker(marker).evaluate(), marker


@pytest.mark.parametrize(
    ("versions", "answer"),
    [
        ("", True),
        ("*", True),
        (">=3.9", True),
        (">=3.9,<4", True),
        (" >= 3.9 , < 3.12 ", False),
        (">=3.12.4", None),
        (">=3.12.4,<3.11", False),
        ("==3.12.*", True),
        ("!=3.0.*,!=3.1.*,>=2.7", True),
        ("~=3.12", True),
        ("^3.11", None),
        (">=3.8 || >=4", None),
        ("3.12", None),
        ("'", None),
        (",,,", True),
    ],
)
def test_versions_of_python(versions: str, answer: bool | None) -> None:
    assert admits(versions, ARM) is answer


def test_names() -> None:
    assert normalised(" Typing_Extensions..x ") == "typing-extensions-x"


def test_the_command_line_does_not_pay_for_it() -> None:
    script = "import sys, xbuild.plan.toolchains.python.requirements; assert 'packaging' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
