"""Dart, as far as it makes JavaScript: `dart compile exe` and its like are for the machine that they run on.

Sources: dart.dev "dart compile", "dart pub get"; pub packages are sources.
"""

from __future__ import annotations

import posixpath

from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import Program
from xbuild.plan.recipes.own_files import UntoldError, own_text
from xbuild.plan.toolchain import Call, Effect
from xbuild.plan.toolchains.sites.site import Found, builds, made, refused

_LOCKED = "add pubspec.lock: then every platform gets the same packages"


def _locked(call: Call, _given: Reading, folder: str) -> Found:
    """Packages are sources; which ones the lock file tells."""
    if own_text(call, posixpath.join(folder, "pubspec.lock")) is None:
        raise UntoldError("there is no pubspec.lock in the build context", _LOCKED)
    return Found()


_PACKAGES = builds(_locked, source="-C")


def _gets(call: Call, given: Reading) -> Effect | None:
    return _PACKAGES(call, given) if given.operands == ("get",) else None


def _compiles(call: Call, given: Reading) -> Effect | None:
    """`dart compile js FILE`; its packages lie in the cache."""
    files = given.operands[1:]
    if given.operands[:1] != ("js",) or len(files) != 1:
        return None
    try:
        outputs = given.values("-o") or (".",)
        return made(call, (*files, "."), outputs)
    except UntoldError as error:
        return refused(call, error)


DART = Program(
    "dart",
    "--disable-analytics --suppress-analytics",
    style=Style.FIRST,
    verbs={
        "pub": Program("pub", "-C,--directory=< --enforce-lockfile --no-precompile", does=_gets),
        "compile": Program(
            "compile", "-o,--output=/ -O* -m,--minified -v,--verbose --no-source-maps", does=_compiles
        ),
    },
    is_extra=True,
)
