"""What is known about base images by their names, without looking at them.

Facts of the official `golang` images: docker-library/golang `Dockerfile-linux.template` (WORKDIR /go,
GOPATH=/go, GOTOOLCHAIN=local since 1.21, PATH; Debian variants are made from buildpack-deps:scm and install
g++, gcc, libc6-dev, make and pkg-config, Alpine variants have no C compiler).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from xbuild.architectures import ARCHITECTURES
from xbuild.dockerfile.frontend import HUB
from xbuild.graph.model import ImageFacts
from xbuild.plan.table import words

_DEBIAN = (
    "bookworm",
    "bullseye",
    "buster",
    "stretch",
    "trixie",
    "forky",
    "sid",
    "debian",
    "jammy",
    "noble",
    "focal",
)
_GO_ENVIRONMENT = {
    "GOPATH": "/go",
    "GOTOOLCHAIN": "local",
    "PATH": "/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}
_MIRRORS = (*HUB, "library/")
# Images that have no content of their own outside the folders of a distribution: official ones, also in the
# folder of one architecture (`arm64v8/debian`), and distributions in registries of their own.
_PLAIN = frozenset(
    words(
        "golang debian ubuntu alpine buildpack-deps node python rust gcc fedora rockylinux almalinux "
        "amazonlinux centos busybox archlinux openjdk eclipse-temurin ruby php perl maven gradle photon "
        "rockylinux/rockylinux almalinux/9-base amazonlinux/amazonlinux quay.io/centos/centos "
        "registry.fedoraproject.org/fedora cgr.dev/chainguard/wolfi-base"
    )
) | {f"registry.access.redhat.com/ubi{n}/ubi{k}" for n in (8, 9, 10) for k in ("", "-minimal", "-micro")}
# Debian releases whose packages have moved to the archive, so that apt-get update fails.
_ARCHIVED = ("jessie", "stretch", "buster")
# Images that hold only scripts or data, the same for every platform.
_PORTABLE = ("tonistiigi/xx", "crazymax/xx")


@dataclass(frozen=True, slots=True)
class Image:
    """What a reference tells. `family` is "debian", "alpine" or "" (unknown); `version` of Go, or None.

    `has_compiler` is None when it cannot be known whether a C compiler is in the image. `same_folders` hold
    nothing, or the same for every platform. `is_plain`: it has nothing of its own outside the folders of a
    distribution. `is_archived`: its packages can no longer be
    installed.
    """

    reference: str | None = None
    name: str = ""
    tag: str = ""
    family: str = ""
    version: tuple[int, int] | None = None
    has_compiler: bool | None = None
    same_folders: tuple[str, ...] = ()
    is_plain: bool = False
    is_archived: bool = False


def describe(reference: str | None) -> Image:
    """The image that a reference names, as far as its name tells."""
    if reference is None:
        return Image()
    name, tag = _split(reference)
    family = _family(name, tag)
    folder, _, last = name.rpartition("/")
    is_plain = name in _PLAIN or (folder in _ARCHITECTURES and last in _PLAIN)
    is_archived = any(word in tag for word in _ARCHIVED)
    if name != "golang":
        same = ("/",) if name in _PORTABLE else ()
        return Image(reference, name, tag, family, None, None, same, is_plain, is_archived)
    version = re.match(r"(\d+)\.(\d+)", tag)
    return Image(
        reference,
        name,
        tag,
        family,
        (int(version[1]), int(version[2])) if version else None,
        has_compiler=family == "debian",
        same_folders=("/go",),
        is_plain=True,
        is_archived=is_archived or _is_older(version, (1, 15)),
    )


def _is_older(version: re.Match[str] | None, than: tuple[int, int]) -> bool:
    """golang images up to 1.15 are made from Debian buster or older by default."""
    return version is not None and (int(version[1]), int(version[2])) <= than


def is_portable(reference: str | None) -> bool:
    """Whether the image is known to hold the same files for every platform."""
    return reference is not None and _split(reference)[0] in _PORTABLE


def bound_to(reference: str | None) -> str | None:
    """The one platform that an image is for, where its name says so: `arm64v8/golang`, `static:latest-arm64`,
    `balenalib/raspberrypi3-alpine`, anything of Windows'. A name of GOARCH where it is one.
    """
    if reference is None:
        return None
    name, tag = _split(reference)
    if _WINDOWS.search(f"{name}:{tag}"):
        return "windows"
    *folders, last = name.split("/")
    if folders[:1] == ["balenalib"]:
        return last.partition("-")[0]
    tag, last = tag.replace("x86_64", "amd64"), last.replace("x86_64", "amd64")
    # A number behind a dot is one of a version.
    pieces = [w for w in re.split(r"[-_.]", tag) if w != "386" or re.search(r"(^|[-_])386([-_]|$)", tag)]
    parts = re.split(r"[-_]", last)
    ends = [p for p in (parts[0], parts[-1]) if len(parts) > 1 and (p != "arm" or p is parts[-1])]
    return next((_ARCHITECTURES[w] for w in (*folders, *ends, *pieces) if w in _ARCHITECTURES), None)


# docker-library/official-images `README.md` ("Architectures other than amd64?"), and what tags end in.
_ARCHITECTURES = {name: row.goarch for row in ARCHITECTURES for name in row.names}
_WINDOWS = re.compile(
    r"(^|[/:-])(nanoserver|windowsservercore|servercore)([/:-]|$)|(^|/)windows[/:]|:windows"
)


def facts(reference: str) -> ImageFacts | None:
    """Working directory and environment of images known by name, for `graph.model.Options.image_facts`."""
    image = describe(reference)
    if image.name in ("debian", "ubuntu", "alpine", "buildpack-deps"):
        return ImageFacts(workdir="/", user="", is_complete=False)
    if image.name != "golang":
        return None
    environment = dict(_GO_ENVIRONMENT)
    if image.version is not None and image.version < (1, 21):
        del environment["GOTOOLCHAIN"]
    return ImageFacts(workdir="/go", user="", env=environment, is_complete=False)


def _split(reference: str) -> tuple[str, str]:
    plain = reference.split("@", 1)[0]
    folder, _, last = plain.rpartition("/")
    last, _, tag = last.partition(":")
    name = f"{folder}/{last}" if folder else last
    changed = True
    while changed:
        changed = False
        for mirror in _MIRRORS:
            if name.startswith(mirror):
                name, changed = name[len(mirror) :], True
    return name, tag


def _family(name: str, tag: str) -> str:
    if "alpine" in tag or name == "alpine":
        return "alpine"
    if name in ("debian", "ubuntu", "buildpack-deps") or any(word in tag for word in _DEBIAN):
        return "debian"
    if name == "golang" and not any(word in tag for word in ("windows", "nanoserver", "tip")):
        return "debian"
    return ""
