"""The script that installs cross compilers, and the wrapper that it writes, run by a real shell; what a plan
says of these compilers.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from xbuild.plan.cross import debian
from xbuild.plan.facts.images import describe
from xbuild.plan.toolchains.go.official import IMAGES
from xbuild.platforms import parse_platforms

ALL = (
    "linux/amd64",
    "linux/amd64/v3",
    "linux/arm64",
    "linux/arm/v7",
    "linux/386",
    "linux/ppc64le",
    "linux/s390x",
)
LIBRARIES = ((), ("libpcap-dev", "zlib1g-dev"))


@pytest.mark.parametrize("platforms", [None, ("linux/arm64",), ALL])
@pytest.mark.parametrize("libraries", LIBRARIES)
@pytest.mark.parametrize("has_cxx", [True, False])
def test_the_script_is_one(
    platforms: tuple[str, ...] | None, libraries: tuple[str, ...], has_cxx: bool
) -> None:
    wanted = parse_platforms(platforms) if platforms is not None else None
    script = " ".join(debian.install_lines(wanted, libraries, has_cxx=has_cxx))
    subprocess.run(["sh", "-n", "-c", script], check=True)
    assert ("g++-" in script) is has_cxx
    assert ("--add-architecture" in script) is bool(libraries)
    assert "\n" not in script


@pytest.fixture
def wrapper(tmp_path: Path) -> Path:
    """A folder with the wrapper under its three names, and compilers that only say who they are."""
    lines = debian.install_lines(parse_platforms(ALL), (), has_cxx=True)
    script = " ".join(line for line in lines if line.startswith(("mkdir", "chmod", "ln")))
    subprocess.run(["sh", "-ec", script.replace("/usr/local/bin", str(tmp_path))], check=True)
    for cross in debian.CROSS.values():
        for tool in ("gcc", "g++"):
            fake(tmp_path / f"{cross.triplet}-{tool}", 'echo "${0##*/}" "$@"')
    fake(tmp_path / "pkg-config", 'echo "$PKG_CONFIG_LIBDIR" "$@"')
    return tmp_path


def fake(file: Path, line: str) -> None:
    file.write_text(f"#!/bin/sh\n{line}\n")
    file.chmod(0o755)


def call(folder: Path, name: str, architecture: str, variant: str = "") -> str:
    environment = {"PATH": f"{folder}:{os.defpath}", "TARGETARCH": architecture, "TARGETVARIANT": variant}
    found = subprocess.run(
        [folder / name, "-c", "two words"], env=environment, check=True, capture_output=True, text=True
    )
    return found.stdout.strip()


@pytest.mark.parametrize(
    ("architecture", "variant", "triplet"),
    [
        ("amd64", "", "x86_64-linux-gnu"),
        ("amd64", "v3", "x86_64-linux-gnu"),
        ("arm64", "", "aarch64-linux-gnu"),
        ("arm", "v7", "arm-linux-gnueabihf"),
        ("386", "", "i686-linux-gnu"),
        ("ppc64le", "", "powerpc64le-linux-gnu"),
        ("s390x", "", "s390x-linux-gnu"),
    ],
)
def test_the_wrapper_chooses(wrapper: Path, architecture: str, variant: str, triplet: str) -> None:
    assert call(wrapper, debian.COMPILER, architecture, variant) == f"{triplet}-gcc -c two words"
    assert call(wrapper, debian.CXX_COMPILER, architecture, variant) == f"{triplet}-g++ -c two words"


def test_pkg_config_looks_where_the_libraries_are(wrapper: Path) -> None:
    assert call(wrapper, debian.PKG_CONFIG, "386").startswith("/usr/lib/i386-linux-gnu/pkgconfig:")


def test_the_wrapper_refuses_others(wrapper: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as error:
        call(wrapper, debian.COMPILER, "arm", "v6")
    assert "no C compiler for arm" in error.value.stderr


def test_development_libraries() -> None:
    packages = ("libpcap-dev=1.10", "libc6-dev", "git", "libz-dev:arm64", "libfoo")
    assert debian.dev_packages(packages) == ("libpcap-dev", "libz-dev")


OTHER = "Debian bookworm's cross compiler is gcc 12.2.0-14, its own gcc is 12.2.0-14+deb12u1"
LACKS = (
    f"{OTHER}; for arm64 it lacks the fix of CVE-2023-4039 (a stack protector that dynamic arrays get around)"
)


@pytest.mark.parametrize(
    ("image", "platforms", "note"),
    [
        ("golang:1.22-bookworm", ("linux/amd64", "linux/arm64"), LACKS),
        ("golang:1.22-bookworm", None, LACKS),
        ("golang:1.22-bookworm", ("linux/amd64", "linux/s390x"), OTHER),
        ("golang:1.22.3", ("linux/arm64",), LACKS),
        ("golang:1.24", ("linux/arm64",), LACKS),
        ("golang", ("linux/arm64",), LACKS),
        ("debian:12-slim", ("linux/arm64",), LACKS),
        ("golang:1.24-trixie", ("linux/arm64",), None),
        ("golang:1.25", ("linux/arm64",), None),
        ("golang:1.22-bullseye", ("linux/arm64",), None),
        ("debian:13", ("linux/arm64",), None),
    ],
)
def test_another_revision_of_gcc_is_told(
    image: str, platforms: tuple[str, ...] | None, note: str | None
) -> None:
    wanted = parse_platforms(platforms) if platforms is not None else None
    assert debian.revision_note(describe(image, IMAGES), wanted) == note
