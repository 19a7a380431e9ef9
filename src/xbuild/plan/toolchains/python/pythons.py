"""Images with Python: their rows, which interpreter and which C library they bring, and whether what was
installed in one is at home in another.

Sources: docker-library/python `Dockerfile-linux.template` (Python and pip in /usr/local, no WORKDIR, no
compiled files left) and its `versions.json` (Debian release of a tag); astral-sh/uv `Dockerfile` and
`.github/workflows/build-docker.yml` (uv and uvx in / of the plain image, in /usr/local/bin of the derived
ones); glibc of Debian's releases from their packages `libc6`; GoogleContainerTools/distroless `README.md`.
"""

from __future__ import annotations

import re

from xbuild.plan.facts.images import Image, ImageRow
from xbuild.plan.toolchain import Misfit
from xbuild.plan.toolchains.python.fitting import Libc
from xbuild.text import expression

PATH = "/usr/local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SYSTEM = "/usr/local"
"""Where the interpreter of these images lies."""

# All that lies beside the interpreter.
_PROGRAMS = (
    "/usr/local/bin",
    r"(python|pip|idle|pydoc|2to3|easy_install|pyvenv|wheel|uvx?|f2py)[\w.-]*",
)
# pip alone (before 3.12 with setuptools and wheel): text, the same on every platform; and root's own, empty.
_SAME = ("/usr/local/lib/python{}/site-packages", "/root/.local")

PYTHON = ImageRow(
    "python",
    "/",
    (("PATH", PATH, (1, 0)),),
    same_folders=_SAME,
    own_programs=(_PROGRAMS,),
)
UV = ImageRow(
    "ghcr.io/astral-sh/uv",
    "/",
    (("PATH", PATH, (1, 0)),),
    family="",
    same_folders=_SAME,
    own_programs=(_PROGRAMS,),
    version=r".*\bpython(\d+)\.(\d+)",
)
IMAGES = (PYTHON, UV)
WITH_OWN = ("squidfunk/mkdocs-material", "sphinxdoc/sphinx", "sphinxdoc/sphinx-latexpdf")
"""Images that are made from an official one of Python (squidfunk/mkdocs-material `Dockerfile`,
sphinx-doc/sphinx-docker-images `base/Dockerfile`), whose tags do not tell its version.
"""

# Debian's releases: glibc, and the version of python3.
_RELEASES = {
    "buster": ((2, 28), (3, 7)),
    "bullseye": ((2, 31), (3, 9)),
    "bookworm": ((2, 36), (3, 11)),
    "trixie": ((2, 41), (3, 13)),
}
_DISTROLESS = {"11": "bullseye", "12": "bookworm", "13": "trixie"}


def interpreter(image: Image) -> tuple[int, int] | None:
    """The version of the Python that an image is known to bring in /usr/local, as far as its tag tells."""
    return image.version if image.row in IMAGES else None


_DISTRIBUTIONS = r"(debian|ubuntu|buildpack-deps)$"
# Whose Python it may be that is not known: patterns for the name of the image and for the program or a folder
# of PATH, and what that is. The first that fits is told.
_OTHERS = (
    (r".*(conda|mamba|miniforge)", "", "conda's Python is for the machine that it runs on"),
    (r".*", r".*/\.?pyenv/", "a Python that pyenv makes is for the machine that it runs on"),
    (r".*", r".*/\.local/share/uv/", "a Python that uv downloads is for the machine that it runs on"),
    (
        _DISTRIBUTIONS,
        r"(.*/)?(python|pip)3\.\d+$",
        "what brings this version of Python is not known",
    ),
    (_DISTRIBUTIONS, "", "Debian's and Ubuntu's own Python is not told of the target"),
    (r"alpine$", "", "Alpine's own Python is not told of the target"),
)
_OFFICIAL = "start from an official python image with its version, such as python:3.13-slim-bookworm"


def whose(image: Image, program: str, path: str = "") -> tuple[str, str]:
    """Why the Python that a program belongs to is not known, and what would help; `path` is PATH."""
    if image.row in IMAGES and interpreter(image) is None:
        return "the name of the image does not tell its Python", _OFFICIAL
    for name, where, text in _OTHERS:
        if re.match(name, image.name) and any(re.match(where, p) for p in (program, *path.split(":"))):
            return text, _OFFICIAL
    return "which Python this is cannot be told", f"{_OFFICIAL}, and set PATH by ENV, in full"


def release(image: Image) -> str | None:
    """The release of Debian or Alpine that the name of an image tells ("bookworm", "alpine3.21"), or None."""
    distroless = re.fullmatch(r"gcr\.io/distroless/python3?-debian(\d+)", image.name)
    if distroless is not None:
        return _DISTROLESS.get(distroless[1])
    words = re.split(r"[-:]", image.tag)
    return next((w for w in words if w in _RELEASES or _ALPINE.fullmatch(w)), None)


def libc(image: Image) -> Libc | None:
    """An image's C library and its version, as far as its name tells."""
    found = release(image)
    if image.family == "debian":
        return ("glibc", _RELEASES[found][0]) if found in _RELEASES else None
    alpine = _ALPINE.fullmatch(found or "")
    is_new = int(alpine[1]) >= _NEWER_MUSL[0] if alpine else (image.version or (0, 0)) >= _NEWER_MUSL[1]
    return ("musl", (1, 2)) if image.family == "alpine" and is_new else None


# musl 1.2 came with Alpine 3.13 (its release notes); the images of Python 3.10 were never on an older one.
_NEWER_MUSL = (13, (3, 10))
_ALPINE = expression(r"alpine3\.(\d+)")


def _at_home(image: Image) -> tuple[int, int] | None:
    """The version of Python that runs what was installed, in an image that takes it."""
    if image.name.startswith("gcr.io/distroless/python3"):
        found = release(image)
        return _RELEASES[found][1] if found is not None else None
    return interpreter(image)


def fits(made_in: Image, taken_into: Image) -> Misfit | None:
    """What was installed for one interpreter and one C library is at home where both are the same."""
    made, taken = interpreter(made_in), _at_home(taken_into)
    if made is None or taken is None:
        where = made_in if made is None else taken_into
        text = (
            f"takes what was installed, and which Python {where.reference or 'its base'} brings is not told"
        )
        return Misfit(text, "name an official python image with its version, such as python:3.13-slim")
    if made != taken:
        text = f"has Python {taken[0]}.{taken[1]}, and takes what was installed for {made[0]}.{made[1]}"
        return Misfit(text, "build and run with one version of Python")
    is_distroless = taken_into.name.startswith("gcr.io/distroless")
    family = "debian" if is_distroless else taken_into.family
    if made_in.family != family:
        has, needs = _LIBRARIES.get(family, "another C library"), _LIBRARIES.get(made_in.family, "another")
        return Misfit(f"has {has}, and takes what was installed for {needs}", "use one base for both")
    one, other = release(made_in), release(taken_into)
    if one != other and None not in (one, other):
        name = "Debian " if other in _RELEASES else ""
        return Misfit(
            f"is made from {name}{other}, and takes what was installed in {one}", "use one release for both"
        )
    return None


_LIBRARIES = {"debian": "glibc", "alpine": "musl"}
