"""What is known about base images by their names, without looking at them: a row per image, those of a
language from its toolchain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from xbuild.architectures import ARCHITECTURES
from xbuild.dockerfile.frontend import HUB
from xbuild.graph.model import ImageFacts
from xbuild.plan.table import words
from xbuild.text import expression, value

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
_MIRRORS = (*HUB, "library/")
# Images that have no content of their own outside the folders of a distribution: official ones, also in the
# folder of one architecture (`arm64v8/debian`), and distributions in registries of their own.
_PLAIN = frozenset(
    words(
        "debian ubuntu alpine buildpack-deps node python gcc fedora rockylinux almalinux "
        "amazonlinux centos busybox archlinux openjdk eclipse-temurin ruby php perl maven gradle photon "
        "rockylinux/rockylinux almalinux/9-base amazonlinux/amazonlinux quay.io/centos/centos "
        "registry.fedoraproject.org/fedora cgr.dev/chainguard/wolfi-base"
    )
) | {f"registry.access.redhat.com/ubi{n}/ubi{k}" for n in (8, 9, 10) for k in ("", "-minimal", "-micro")}
# What some of them have outside the folders of a distribution all the same.
_OWN = {
    "eclipse-temurin": ("/opt/java",),
    "maven": ("/opt/java", "/usr/share/maven"),
    "gradle": ("/opt/java", "/opt/gradle"),
    "openjdk": ("/opt", "/usr/local"),
    "node": ("/opt", "/usr/local"),
}
# Debian's releases by number, as its own image has them in its tags.
_NUMBERS = {"11": "bullseye", "12": "bookworm", "13": "trixie"}
# Alpine's own image has them as its tags, others behind its name (docker-library/official-images).
_ALPINE = expression(r"(\d+\.\d+(?:\.\d+)?|edge)$")
_ON_ALPINE = expression(r"(?:^|-)alpine(\d+\.\d+)$")
# Debian releases whose packages have moved to the archive, so that apt-get update fails.
_ARCHIVED = ("jessie", "stretch", "buster")
# Images that hold only scripts or data, the same for every platform.
_PORTABLE = ("tonistiigi/xx", "crazymax/xx")


@value()
class ImageRow:
    """An official image of a language, which has nothing of its own outside the folders of a distribution and
    those named here.

    `version` is what tells in a tag, from its start on, the version of the language. `environment`: name,
    value, and the version since which it is set. `family`: that of tags that name none, but for those with
    one of `other` in them. `with_compiler`: families whose variants have a C compiler, the others having
    none; None if that cannot be told. `same_folders`: empty, or the same for every platform (`{}` is the
    version). `own_folders`: where the language lies. `own_programs`: a folder, and all that the image has of
    its own in it, as the names match. `archived`: the last version made from a Debian release whose packages
    can no longer be installed. `releases`: the Debian release of tags that name none, by the version since
    which it is that one; empty where it cannot be told.
    """

    name: str
    workdir: str
    environment: tuple[tuple[str, str, tuple[int, int]], ...] = ()
    family: str = "debian"
    other: tuple[str, ...] = ("windows", "nanoserver")
    with_compiler: tuple[str, ...] | None = None
    same_folders: tuple[str, ...] = ()
    own_folders: tuple[str, ...] = ()
    own_programs: tuple[tuple[str, str], ...] = ()
    archived: tuple[int, int] = (0, 0)
    version: str = r"(\d+)\.(\d+)"
    releases: tuple[tuple[tuple[int, int], str], ...] = ()


@value()
class Image:
    """What a reference tells. `family` is "debian", "alpine" or "" (unknown); `version` that of a language's
    image, or None; `row` what is known of it.

    `has_compiler` is None when it cannot be known whether a C compiler is in the image. `is_plain`: it has
    nothing of its own outside the folders of a distribution. `is_archived`: its packages can no longer be
    installed. `same_folders` and `own_folders` as in `ImageRow`. `release`: the
    name of Debian's, the number of Alpine's; empty where that is not told.
    """

    reference: str | None = None
    name: str = ""
    tag: str = ""
    family: str = ""
    version: tuple[int, int] | None = None
    has_compiler: bool | None = None
    same_folders: tuple[str, ...] = ()
    own_folders: tuple[str, ...] = ()
    is_plain: bool = False
    is_archived: bool = False
    release: str = ""
    row: ImageRow | None = None

    @property
    def has_onbuild(self) -> bool:
        """Whether its tag says that it brings instructions (ONBUILD) for what is made from it."""
        return "onbuild" in self.tag

    def has_no(self, path: str) -> bool:
        """Whether it is known that the image has nothing of its own at this path, a file's in a folder of
        which all names are known.
        """
        folder, _, name = path.rpartition("/")
        known = dict(self.row.own_programs).get(folder) if self.row is not None else None
        return known is not None and name != "" and re.fullmatch(known, name) is None


def describe(reference: str | None, rows: Sequence[ImageRow]) -> Image:
    """The image that a reference names, as far as its name tells."""
    if reference is None:
        return Image()
    name, tag = _split(reference)
    row = next((r for r in rows if r.name == name), None)
    family = _family(name, tag, row)
    is_archived = any(word in tag for word in _ARCHIVED)
    if row is None:
        folder, _, last = name.rpartition("/")
        known = (*_PLAIN, *(r.name for r in rows))
        is_plain = name in known or (folder in _ARCHITECTURES and last in known)
        same = ("/",) if name in _PORTABLE else ()
        return Image(
            reference,
            name,
            tag,
            family,
            same_folders=same,
            own_folders=_OWN.get(last, ()),
            is_plain=is_plain,
            is_archived=is_archived,
            release=_release(name, tag, (), None),
        )
    found = re.match(row.version, tag)
    version = (int(found[1]), int(found[2])) if found else None
    told = f"{version[0]}.{version[1]}" if version is not None else None
    return Image(
        reference,
        name,
        tag,
        family,
        version,
        has_compiler=None if row.with_compiler is None else family in row.with_compiler,
        same_folders=tuple(f.format(told) for f in row.same_folders if told or "{" not in f),
        own_folders=row.own_folders,
        is_plain=True,
        is_archived=is_archived or (version is not None and version <= row.archived),
        release=_release(name, tag, row.releases, version),
        row=row,
    )


def configs_of(answer: str) -> tuple[Mapping[str, Mapping[str, Any]], bool] | None:
    """What `buildx imagetools inspect` says of an image: its configs by platform, and whether the reference
    names an index; None where it cannot be read.
    """
    import json

    try:
        told = json.loads(answer)
        images = told if "os" not in told else {f"{told['os']}/{told['architecture']}": told}
        return {name: image.get("config") or {} for name, image in images.items()}, images is told
    except (ValueError, KeyError, AttributeError, TypeError):
        return None


def is_portable(reference: str | None) -> bool:
    """Whether the image is known to hold the same files for every platform."""
    return reference is not None and _split(reference)[0] in _PORTABLE


def bound_to(reference: str | None) -> str | None:
    """The one platform that an image is for, where its name says so: `arm64v8/alpine`, `static:latest-arm64`,
    `balenalib/raspberrypi3-alpine`, anything of Windows'. Docker's name of it where it has one.
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
_WINDOWS = expression(
    r"(^|[/:-])(nanoserver|windowsservercore|servercore)([/:-]|$)|(^|/)windows[/:]|:windows"
)


def facts(reference: str, rows: Sequence[ImageRow]) -> ImageFacts | None:
    """Working directory and environment of images known by name, for `graph.model.Options.image_facts`."""
    image = describe(reference, rows)
    if image.name in ("debian", "ubuntu", "alpine", "buildpack-deps"):
        return ImageFacts(workdir="/", user="", is_complete=False)
    if image.row is None:
        return None
    newest = image.version or (99, 0)
    environment = {name: value for name, value, since in image.row.environment if newest >= since}
    return ImageFacts(workdir=image.row.workdir, user="", env=environment, is_complete=False)


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


def _release(
    name: str,
    tag: str,
    releases: Sequence[tuple[tuple[int, int], str]],
    version: tuple[int, int] | None,
) -> str:
    named = next((word for word in _DEBIAN if word in tag and word != "debian"), "")
    alpine = _ALPINE.match(tag) if name.rpartition("/")[2] == "alpine" else _ON_ALPINE.search(tag)
    if alpine is not None:
        return alpine[1]
    number = re.match(r"\d+", tag) if name.rpartition("/")[2] == "debian" else None
    if named or number is not None:
        return named or _NUMBERS.get(number[0] if number else "", "")
    since = [release for first, release in sorted(releases) if version is not None and first <= version]
    return since[-1] if since else ""


def _family(name: str, tag: str, row: ImageRow | None) -> str:
    if "alpine" in tag or name == "alpine":
        return "alpine"
    if name in ("debian", "ubuntu", "buildpack-deps", "node") or any(word in tag for word in _DEBIAN):
        return "debian"
    return row.family if row is not None and not any(word in tag for word in row.other) else ""
