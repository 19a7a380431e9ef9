"""Whether the packages of a build may be compiled on one machine for another, by what cargo said of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from xbuild.architectures import BY_SPELLING
from xbuild.plan.toolchain import shown
from xbuild.plan.toolchains.rust.build_scripts import USED, BuildScript, read_script
from xbuild.plan.toolchains.rust.crate_probe import BuiltPackage, Crates
from xbuild.plan.toolchains.rust.crate_tables import (
    EXCUSED,
    HELPERS,
    HOLDS_FOR,
    LIBRARIES,
    MACROS,
    OPTIONAL,
    TEXT_ALONE,
)
from xbuild.platforms import Platform
from xbuild.text import expression, value


@value()
class CrateJudgement:
    """`refused`: why it may not, each with what would help. `libraries` are Debian's packages that have to be
    there for the target; `asked` those of the names of pkg-config that the builder knows otherwise.
    `compiled` are packages that compile C. `scripts` and `macros` is how many there are; `starts`
    are the programs that build scripts start.
    """

    refused: tuple[tuple[str, str], ...] = ()
    libraries: frozenset[str] = frozenset()
    compiled: tuple[str, ...] = ()
    has_cxx: bool = False
    scripts: int = 0
    macros: int = 0
    starts: frozenset[str] = frozenset()


def judge_crates(crates: Crates, platforms: Sequence[Platform] | None) -> CrateJudgement:
    """What follows for these platforms; None for any."""
    every = frozenset(
        name.replace("-", "_") for p in crates.packages for name in (p.name, *p.called, *p.renamed)
    )
    others = {p.name.replace("-", "_"): p.source for p in crates.packages if p.source}
    is_alike = _are_alike(platforms)
    scripts = {p: read_script(p.script, p.modules) for p in crates.packages if p.script is not None}
    refused = [
        r
        for p, script in scripts.items()
        for r in _script_refused(p, script, _names(p, every), is_alike, _holds(p, platforms))
    ]
    refused += [
        (
            f"the build script of {p.name} uses {name} from {shown(others[name])}, which no table knows",
            _ask(p),
        )
        for p, script in scripts.items()
        for name in sorted(script.uses & USED & others.keys())
    ]
    refused += [
        (
            f"the build script of {p.name} uses {name}, which is another package by that name",
            "use it by its own name",
        )
        for p, script in scripts.items()
        for name in sorted(script.uses.intersection(n.replace("-", "_") for n in p.renamed))
    ]
    refused += [r for p in crates.packages if p.macro is not None for r in _macro_refused(p, is_alike)]
    libraries, lacking = _libraries(crates)
    compiled = [
        p
        for p, s in scripts.items()
        if {"cc", "cmake", "openssl_src", "pkg_config"} & s.uses & _names(p, every)
    ]
    return CrateJudgement(
        tuple(dict.fromkeys((*refused, *lacking))),
        libraries,
        tuple(sorted({p.name for p in compiled})),
        any(s.has_cxx for p, s in scripts.items() if p in compiled),
        len(scripts),
        sum(p.macro is not None for p in crates.packages),
        frozenset(name for script in scripts.values() for name in script.starts),
    )


def _are_alike(platforms: Sequence[Platform] | None) -> bool:
    """Whether all have the words and the order of bytes that a build machine has."""
    if platforms is None:
        return False
    machines = [BY_SPELLING[str(p).partition("/")[2]].machine for p in platforms]
    return all(m.bits == 64 and m.little_endian for m in machines)


def _is_known(package: BuiltPackage, table: Collection[str]) -> bool:
    """Whether a table speaks of it: by its name, in the registry that is cargo's default."""
    return package.source == "" and package.name in table


def _holds(package: BuiltPackage, platforms: Sequence[Platform] | None) -> bool:
    """Whether the row of a package is one for these platforms, and for the features that it has."""
    if package.name not in HOLDS_FOR:
        return True
    architectures, features = HOLDS_FOR[package.name]
    asked = {p.architecture for p in platforms} if platforms is not None else {""}
    return asked <= {*architectures} and package.features.isdisjoint(features)


def _names(package: BuiltPackage, every: frozenset[str]) -> frozenset[str]:
    """The packages that its build script can use: all of the build, but those it has no feature for."""
    asked = OPTIONAL.get(package.name, ()) if package.source == "" else ()
    return every - {name.replace("-", "_") for name in asked if name not in package.features}


def _script_refused(
    package: BuiltPackage, script: BuildScript, names: frozenset[str], is_alike: bool, holds: bool
) -> Iterator[tuple[str, str]]:
    told = f"the build script of {package.name}"
    excused = EXCUSED[package.name] if _is_known(package, EXCUSED) and holds else frozenset()
    for kind, text in script.findings:
        is_absent = kind == "uses" and text.removeprefix("it uses ") not in names
        is_absent = is_absent or (kind == "cmake" and "cmake" not in names)
        if kind not in excused and not is_absent:
            yield f"{told} cannot be told to do the same on every machine: {text}", _ask(package)
    uses_pkg_config = "pkg_config" in script.uses and "pkg_config" in names
    if uses_pkg_config and not _is_known(package, LIBRARIES):
        yield f"{told} looks for libraries of the system, and which these are is not known", _ask(package)
    if script.is_of_words and not is_alike and not _is_known(package, TEXT_ALONE):
        yield f"{told} may write what depends on the size of a word or the order of bytes", _ask(package)


def _ask(package: BuiltPackage) -> str:
    if package.is_own:
        return "have it ask for CARGO_CFG_TARGET_ARCH and the like, and nothing of its own machine"
    return f"do without {package.name}, if the program can"


# What cargo tells of the package, the same for every target.
_OF_CARGO = expression(r"(?:env::var(?:_os)?|(?:option_)?env!)\(\"(?:CARGO_(?!CFG)\w+|OUT_DIR)\"")


def _macro_refused(package: BuiltPackage, is_alike: bool) -> Iterator[tuple[str, str]]:
    if _is_known(package, MACROS):
        return
    told = f"the macro {package.name}"
    if not is_alike:
        yield f"{told} is not known to write the same for machines of another kind of word", _ask(package)
    telling = [word for word in package.macro or () if not _OF_CARGO.fullmatch(word)]
    if is_alike and telling:
        named = ", ".join(telling[:3])
        yield f"{told} may look at the machine that it runs on (`{named}`)", _ask(package)
    other = next((name for name in package.helpers if name not in HELPERS), None)
    if other is not None:
        yield f"{told} uses {other}, which is not known to leave the machine alone", _ask(package)


def _libraries(crates: Crates) -> tuple[frozenset[str], tuple[tuple[str, str], ...]]:
    """Debian's packages of the libraries that the build takes from the system, and what is in the way."""
    found: set[str] = set()
    lacking: list[tuple[str, str]] = []
    for package in crates.packages:
        library = LIBRARIES.get(package.name) if package.source == "" else None
        if library is None or package.features.intersection(library.bundled):
            continue
        if library.asks and not package.features.intersection(library.asks):
            continue
        folder = crates.system.get(library.name)
        if folder is None:
            continue  # It brings its own then, or fails on every machine.
        if not folder.startswith(("/usr/lib/", "/usr/share/")):
            text = f"{package.name} takes {library.name} from {folder}, which is for the build machine alone"
            lacking.append((text, f"install {library.package}"))
        found.add(library.package)
    return frozenset(found), tuple(lacking)


def told(judgement: CrateJudgement) -> Iterable[str]:
    """What was looked at, for readers."""
    if judgement.scripts or judgement.macros:
        yield (
            f"{judgement.scripts} build scripts and {judgement.macros} macros were looked into: none asks "
            "for its own machine"
        )
    else:
        yield "its packages have neither build scripts nor macros"
    if judgement.compiled:
        names = ", ".join(judgement.compiled[:6]) + (", …" if len(judgement.compiled) > 6 else "")
        yield f"C is compiled for the target: {names}"
