"""Debian's C cross compilers: packages `gcc-<triplet>` and `libc6-dev-<arch>-cross`, and libraries for
another architecture side by side with the build machine's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from xbuild.architectures import ARCHITECTURES
from xbuild.graph.scope import Scope
from xbuild.plan.cross.libraries import SIDE_BY_SIDE
from xbuild.plan.facts.filesystem import Kind, overlaps
from xbuild.plan.facts.images import Image
from xbuild.plan.model import Reason
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call
from xbuild.platforms import Platform
from xbuild.text import expression, value

COMPILER = "xbuild-cc"
CXX_COMPILER = "xbuild-cxx"
PKG_CONFIG = "xbuild-pkg-config"
# These leave no room for Debian's cross compilers beside them.
_MULTILIB = ("gcc-multilib", "g++-multilib")
_ROOT = ("", "root", "0", "0:0", "root:root")


@value()
class Cross:
    """Debian's names for one architecture: its own, the package suffix of its gcc, the triplet of its
    tools, and the folder of its libraries below /usr/lib.
    """

    debian: str
    package: str
    triplet: str
    library: str


# Debian's armhf is ARMv7 (wrong for arm/v6), and it has no packages for arm/v5 with hard float.
CROSS: dict[str, Cross] = {
    row.docker: Cross(row.debian, row.gnu.replace("_", "-"), row.gnu, row.multiarch)
    for row in ARCHITECTURES
    if row.docker in ("amd64", "arm64", "arm/v7", "386", "ppc64le", "s390x")
}


@value()
class Revision:
    """A release of which Debian's cross compilers are of another revision than its gcc, and what the code
    for some architectures (Debian's names) has not for that.
    """

    release: str
    gcc: str
    cross: str
    lacks: tuple[tuple[str, str], ...]


# Debian's package index of bookworm: gcc-12-base against cpp-12-*-linux-gnu* (without `cross1` behind it);
# changelog of gcc-12 12.2.0-14+deb12u1.
REVISIONS = (
    Revision(
        "bookworm",
        gcc="12.2.0-14+deb12u1",
        cross="12.2.0-14",
        lacks=(("arm64", "the fix of CVE-2023-4039 (a stack protector that dynamic arrays get around)"),),
    ),
)


def revision_note(image: Image, platforms: Sequence[Platform] | None) -> str | None:
    """What to say of the cross compiler that is installed in an image: where it is of another revision than
    the release's own gcc, or may be since the image's name does not tell the release.
    """
    found = next((row for row in REVISIONS if image.release in (row.release, "")), None)
    if found is None:
        return None
    names = [CROSS[cross_key(p)].debian for p in platforms or () if cross_key(p) in CROSS]
    lacks = [f"for {name} it lacks {what}" for name, what in found.lacks if name in names or not platforms]
    return "; ".join(
        (f"Debian {found.release}'s cross compiler is gcc {found.cross}, its own gcc is {found.gcc}", *lacks)
    )


def insert_at(call: Call) -> int:
    """Behind the last package installation of the stage before this RUN, or right behind FROM."""
    last = max((w.place.line for w in call.writes.exactly("/usr/bin") if w.kind is Kind.BUILD), default=0)
    return call.around.after_line(last, call.number)


def is_for_all(call: Call, name: str) -> bool:
    platforms = call.around.platforms or ()
    triplets = {CROSS[cross_key(p)].triplet for p in platforms if cross_key(p) in CROSS}
    return bool(platforms) and len(triplets) == 1 and any(name.startswith(t) for t in triplets)


def _unseen_libraries(call: Call, packages: Collection[str]) -> str | None:
    """C libraries that may be there for the build machine alone, and that no package name tells."""
    for name in sorted(packages):
        if name == "?" or name.endswith(".deb") or name.startswith((".", "/")):
            what = "a package whose name cannot be told" if name == "?" else f"the package file {name}"
            return f"{what} may bring C libraries for the build machine alone"
    alone = next((n for n in dev_packages(packages) if n not in SIDE_BY_SIDE), None)
    if alone is not None:
        return f"{alone} is not known to be installable for several architectures side by side"
    for made in call.writes:
        is_own = made.is_package or made.kind.is_right or made.is_change
        if not is_own and (made.path is None or any(overlaps(made.path, f) for f in _LIBRARY_FOLDERS)):
            return (
                f"what line {made.place.line} leaves (`{made.text}`) may be C libraries for the build machine"
            )
    image = call.around.image
    name = image.name.rpartition("/")[2]
    if name in _FULL_OF_LIBRARIES and not re.search(r"slim|scm|curl|alpine", image.tag):
        return f"{image.reference} brings C libraries of its own, for the build machine alone"
    return None


_LIBRARY_FOLDERS = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/include",
    "/usr/local/lib",
    "/usr/local/include",
    "/opt",
)
# Made from buildpack-deps with its libraries (docker-library/buildpack-deps, `Dockerfile.template`).
_FULL_OF_LIBRARIES = frozenset(words("buildpack-deps python ruby node perl rust gcc openjdk php"))


def why_not(call: Call, packages: Collection[str], why: str, without: str) -> Reason | None:
    """Why no C cross compiler can be had for a command that needs one because of `why`; `without` says how
    to do without. `packages` are those installed in the stage.
    """
    unseen = _unseen_libraries(call, packages)
    if unseen is not None:
        return Reason(
            f"`{call.spelled()}`: {why}, and {unseen}",
            call.place,
            cure=f"{without} if the program can do without, or install the libraries by name",
        )
    unknown = sorted(_dev_names(packages) - set(dev_packages(packages)))
    found = why_no_compiler(call, packages, why, without)
    if found is not None or not unknown:
        return found
    return Reason(
        f"`{call.spelled()}`: {why}, and how {unknown[0]} is installed for the target is not known",
        call.place,
        cure="leave it out, or install a cross compiler and it by hand",
    )


def why_no_compiler(call: Call, packages: Collection[str], why: str, without: str) -> Reason | None:
    """The same for a command that takes no libraries of the system's but the C library."""
    image = call.around.image
    place = Scope(call.scope.graph, call.scope.stage, insert_at(call) - call.around.offset)
    users = (call.scope.user(), place.user())
    if any(user not in _ROOT for user in users):
        what = "whom the base image makes its user is not known" if None in users else "the stage is not root"
        return Reason(
            f"`{call.spelled()}`: {why}, and {what}, so that no cross compiler can be installed",
            call.place,
            cure="write USER root" if None in users else "install the cross compiler before USER",
        )
    if image.family != "debian":
        return Reason(
            f"`{call.spelled()}`: {why}, and no C cross compiler is known for this base image",
            call.place,
            cure=f"use a Debian-based builder, or {without} if the program works without",
        )
    if image.is_archived or image.name == "ubuntu" or any(p.startswith(_MULTILIB) for p in packages):
        what = (
            "the packages of its Debian release have moved to the archive"
            if image.is_archived
            else "Ubuntu keeps other architectures' packages on other servers"
            if image.name == "ubuntu"
            else "gcc-multilib leaves no room for cross compilers"
        )
        return Reason(
            f"`{call.spelled()}`: {why}, and {what}",
            call.place,
            cure="use a builder based on a current Debian release",
        )
    wrong = [str(p) for p in call.around.platforms or () if cross_key(p) not in CROSS]
    if wrong:
        return Reason(
            f"`{call.spelled()}`: {why}, and Debian has no C library for {', '.join(wrong)}",
            call.place,
            cure=f"leave that platform out, or {without} if the program works without",
        )
    return None


def cross_key(platform: Platform) -> str:
    """The key of `CROSS` for a platform, whether there is one or not."""
    return f"arm/{platform.variant}" if platform.architecture == "arm" else platform.architecture


def dev_packages(packages: Iterable[str]) -> tuple[str, ...]:
    """The development libraries among installed Debian packages (`libfoo-dev`), without versions."""
    return tuple(sorted(n for n in _dev_names(packages) if n.startswith("lib") or n in SIDE_BY_SIDE))


def _dev_names(packages: Iterable[str]) -> frozenset[str]:
    names = {
        re.split(r"[=:/+]", p)[0] if not p.startswith("lib") else re.split(r"[=:/]", p)[0] for p in packages
    }
    return frozenset(n for n in names if n.endswith("-dev") and not _NO_LIBRARY.fullmatch(n))


# What the cross compiler brings itself, and what no C code is linked with.
_NO_LIBRARY = expression(
    r"libc6-dev.*|libc-dev|linux-libc-dev|dpkg-dev|systemd-dev|x11proto.*-dev|xtrans-dev|"
    r"libstdc\+\+-.*-dev|libgcc-.*-dev|(python|ruby|php|nodejs|tcl|lua|perl|ghc|guile)[\d.]*(-all)?-dev"
)


def install_lines(
    platforms: Sequence[Platform] | None, libraries: Sequence[str], *, has_cxx: bool
) -> tuple[str, ...]:
    """The script that installs the cross compilers, and one wrapper that chooses among them by TARGETARCH.

    The wrapper goes by three names.
    """
    wrapper = " ".join(_quoted(line) for line in _wrapper(keys_of(platforms)))
    return (
        *package_lines(platforms, libraries, has_cxx=has_cxx),
        f"mkdir -p {_FOLDER}; printf '%s\\n' {wrapper} > {_FOLDER}/{COMPILER};",
        f"chmod 755 {_FOLDER}/{COMPILER};",
        " ".join(f"ln -sf {COMPILER} {_FOLDER}/{name};" for name in (CXX_COMPILER, PKG_CONFIG)).rstrip(";"),
    )


def keys_of(platforms: Sequence[Platform] | None) -> tuple[str, ...]:
    """The keys of `CROSS` for a list of platforms, or for any."""
    return tuple(CROSS) if platforms is None else tuple(dict.fromkeys(cross_key(p) for p in platforms))


def package_lines(
    platforms: Sequence[Platform] | None, libraries: Sequence[str], *, has_cxx: bool
) -> tuple[str, ...]:
    """The script that installs the cross compilers.

    The architecture that the stage runs on needs no cross packages: its own compiler has its triplet as a
    name too. Lists of packages that are there stay for later commands.
    """
    lines = ["set -e; native=$(dpkg --print-architecture); packages=;"]
    lines += [f"lists=$(find {_LISTS} -name '*Release' 2>/dev/null || :);"]
    lines += [_packages_line(CROSS[key], libraries, has_cxx=has_cxx) for key in keys_of(platforms)]
    lines.append(
        "apt-get update; apt-get install -y --no-install-recommends $packages; "
        f'if [ -z "$lists" ]; then rm -rf {_LISTS}/*; fi;'
    )
    return tuple(lines)


_FOLDER = "/usr/local/bin"
_LISTS = "/var/lib/apt/lists"


def _packages_line(cross: Cross, libraries: Sequence[str], *, has_cxx: bool) -> str:
    names = [
        f"gcc-{cross.package}",
        *([f"g++-{cross.package}"] if has_cxx else []),
        f"libc6-dev-{cross.debian}-cross",
    ]
    names += [f"{library}:{cross.debian}" for library in libraries]
    foreign = f" dpkg --add-architecture {cross.debian};" if libraries else ""
    return f'if [ "$native" != {cross.debian} ]; then{foreign} packages="$packages {" ".join(names)}"; fi;'


def _wrapper(keys: Sequence[str]) -> tuple[str, ...]:
    """A shell script that is compiler, C++ compiler or pkg-config by the name it is called by."""
    cases = " ".join(
        f"{key.replace('/', '')}) t={CROSS[key].triplet} l={CROSS[key].library};;" for key in keys
    )
    unknown = '*) echo "no C compiler for $TARGETARCH" >&2; exit 1;;'
    return (
        "#!/bin/sh",
        f'case "$TARGETARCH${{TARGETVARIANT#v[1234]}}" in {cases} {unknown} esac',
        'case "$0" in *-cc) exec "$t-gcc" "$@";; *-cxx) exec "$t-g++" "$@";; esac',
        'PKG_CONFIG_LIBDIR="/usr/lib/$l/pkgconfig:/usr/share/pkgconfig" exec pkg-config "$@"',
    )


def _quoted(line: str) -> str:
    return f"'{line}'"
