"""What a twin is: a program, how the author's words reach it, and where the helper puts it."""

from __future__ import annotations

from xbuild.text import value

MOUNT = "/.xbuild-7c1f"
"""Where a helper is mounted while a RUN lasts, and nowhere else: no layer may hold this name. It is
short enough for paths in it to take the place of the loader's and its cache's in native programs.
"""
HELPER = "/.xbuild-helper"
"""The folder in the helper's own stage in which the files of the twins' rooms stand."""
OUT = "/.xbuild-out"
"""What the helper's stage makes: all that is mounted."""
TARGET = "/.xbuild-target"
"""Where the helper sees the same image for the target platform."""
TERMINATOR = "XBUILD-7C1F"
"""The name that ends the here-documents of the helper's files."""


@value()
class SharedCache:
    """Folders (a pattern) that RUNs with twins share with builds that have none, where they are mounted as a
    cache: all that is put there is equal by proof, for the reason given. `has_built`: programs of other twins
    make what is there, so that it is equal only while nothing else is accepted of these (`Twin.choices`).
    """

    pattern: str
    why: str
    has_built: bool = False


@value()
class Twin:
    """A program and its native twin.

    `programs` are the names by which PATH leads to it. `modules` are those of its that an interpreter
    (`interpreters`, a pattern) runs with `-m`, `paths` (a pattern) words that name it elsewhere: PATH leads
    to neither, so that `variable`, which the helper's `env` sets where the twin fits, is written in front of
    the word. `environment`: the module that makes environments with an `activate`, behind which PATH leads to
    theirs before ours. `families` are those of base images (`facts.images.Image`); `images` the names of the
    only official ones that have the program, if it is not one of a distribution. `by_default`: it is used
    unless the project says otherwise; others are where it names them. `is_called_by_others`: in these images
    also what is no program that is described may start it (make, scripts, generators). `factors` are the
    least and the largest measured ratio of emulated to assisted time, of steps (of a whole build it is less).

    A twin that other programs start, and words of a RUN do not name, is of use where its program is there: in
    images whose name and tag fit `provided_by`, and behind RUNs that install one of `packages`. `starters`
    are those other programs, and `installers` ones that start it for few of the things that they install,
    and count where such a package, or one of `headers`, was installed. All of these are patterns. Commands of
    `package_managers` name packages, and start nothing of that.
    `compilers` are those of the starters that have nothing but files of theirs compiled. Of `sources` each is
    a pattern of such files, and for how many bytes one counts before what it holds; below `least` bytes of
    them a RUN that starts nothing else takes less time than a helper.

    `telling` are words of a RUN with which its place would be printed or written: each a pattern, why, and
    whether only files that are shipped with the stage matter. `choices` are what may be accepted for it
    (`assist.NAME` in the settings), with what that means. `refused`: releases of the
    distribution (patterns) for which the helper makes none unless a choice says otherwise, and why. `absent`:
    other families of images that have its program, and why there is none for them. `caches`: see SharedCache.
    """

    name: str
    programs: tuple[str, ...]
    families: tuple[str, ...]
    factors: tuple[float, float]
    modules: tuple[str, ...] = ()
    interpreters: str = ""
    paths: str = ""
    variable: str = ""
    environment: str = ""
    images: tuple[str, ...] = ()
    by_default: bool = False
    is_called_by_others: bool = False
    starters: str = ""
    installers: str = ""
    provided_by: str = ""
    packages: str = ""
    headers: str = ""
    package_managers: tuple[str, ...] = ()
    compilers: str = ""
    sources: tuple[tuple[str, int], ...] = ()
    least: int = 0
    telling: tuple[tuple[str, str, bool], ...] = ()
    choices: tuple[tuple[str, str], ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    absent: tuple[tuple[str, str], ...] = ()
    caches: tuple[SharedCache, ...] = ()
