"""gcc's compilers proper and binutils' as and ld: those of Debian's cross compiler of the same revision.

Which official images have a compiler: docker-library's `Dockerfile-debian.template` and the like of each
(made from buildpack-deps but for the slim ones; those of rust install one). That of gcc itself has another.
What a toolchain knows of its images is not said again.
"""

from __future__ import annotations

from xbuild.plan.cross.debian import REVISIONS
from xbuild.plan.twins.twin import Twin

TWIN = Twin(
    "gcc",
    (),
    ("debian",),
    (1.5, 7.0),
    absent=(("alpine", "Alpine has no gcc that compiles for another machine"),),
    starters=(
        r"gcc|g\+\+|cc|c\+\+|c[89]9|gfortran|\w+-gcc(?:-\d+)?|g?make|cmake|ninja|meson|scons|waf"
        r"|configure|autoreconf|setup\.py|node-gyp|cargo|Makefile\.PL|pecl|phpize"
        r"|docker-php-ext-install|luarocks"
    ),
    installers=(
        r"pip3?(?:\.\d+)?|python3?(?:\.\d+)? -m (?:pip|build)|pipx|uv|poetry|pdm|pipenv|npm|npx|yarn|pnpm"
        r"|gem|bundler?|rake|cpanm?|Rscript|[\w./-]+\.sh|(?<=\./)[\w./-]+"
    ),
    provided_by=r"(?:buildpack-deps|node|perl|php|python|ruby)(?::(?!.*slim).*)?|rust(?::.*)?",
    packages=r"build-essential|build-base|(?:gcc|g\+\+|gfortran)(?:-\d+)?",
    headers=r"lib[\w.+-]+-dev|python3(?:\.\d+)?-dev|ruby-dev|default-lib[\w-]+-dev",
    package_managers=("apt-get", "apt", "aptitude", "dpkg", "apk"),
    compilers=r"(?:gcc|g\+\+|cc|c\+\+|c[89]9)(?:-\d+)?|g?make",
    sources=(
        (r".*\.[csS]", 10_000),
        (r".*\.(?:C|cc|cpp|cxx|c\+\+)", 25_000),
        (r".*\.(?:h|hh|hpp|hxx|inc)", 0),
    ),
    least=55_000,
    telling=(
        (
            r"-print-(?:prog-name|search-dirs)|COMPILER_PATH|GCC_EXEC_PREFIX",
            "the RUN asks where the compiler is",
            False,
        ),
        (
            r"(?:\b(?:gcc|cc|CC|CXX)|[gc]\+\+)(?:-\d+)?[\"}]*(?:\s+[^\s;|&]+)*?\s+(?:-v|-###|--verbose)(?!\S)"
            r"|-Wl,(?:-v|-V|--ver)",
            "the RUN has the compiler say what it starts",
            False,
        ),
        (
            r"(?<![\w.-])(?:cmake|meson)(?![\w.-])",
            "cmake and meson write down what the compiler says it starts",
            True,
        ),
    ),
    choices=(
        (
            "release",
            "the cross compiler may be one of the same release but of another revision; "
            + "".join(
                f"on {r.release}, for {name}, it lacks {what}, " for r in REVISIONS for name, what in r.lacks
            )
            + "and what it compiles names another revision in .comment",
        ),
    ),
    refused=tuple(
        (
            r.release,
            f"Debian {r.release}'s cross compiler is gcc {r.cross}, its own gcc is {r.gcc} (`assist: "
            "{gcc: release}` in .xbuild.yaml accepts that)",
        )
        for r in REVISIONS
    ),
    by_default=True,
)
