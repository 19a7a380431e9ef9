"""One platform's Python: do its packages, environments and interpreters fit each other and the platform?

Every ELF file's machine is judged elsewhere, whatever its language. Here, for what has the right machine:

- A module's ending must be one that an interpreter loads which looks there: each has them in its own bytes. A
  module for another version is passed over without a word, as if it were not there. Several of one name for
  several versions are meant; so is one beside a `.py` of its name.
- What is for another C library than the interpreter's is wrong, unless its path says that it is for that one.
- A wheel's tags must fit platform and interpreter, as the installer would have it.
- What `RECORD` lists of code and is not there, beside code that is, is a warning: images are slimmed, and
  whole folders, bytecode, tests, examples and metadata are ordinary.
- A library that a wheel brings along has a hash in its name (auditwheel) or lies in a folder `*.libs`. Who
  needs one must find it; all other libraries may come from anywhere at run time.
- A virtual environment's `python` must lead to a program, and its home have an interpreter of its version.
- Compiled files for another version are not used: a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from xbuild.verify.checks import CheckKind, Objection, Severity
from xbuild.verify.languages.python.notes import is_slimmed, magic_numbers
from xbuild.verify.languages.python.sites import (
    Package,
    PythonFiles,
    Site,
    Venv,
    group_by_owner,
)
from xbuild.verify.languages.python.wheels import objection
from xbuild.verify.layers import File
from xbuild.verify.loader import c_library_of, elf_of
from xbuild.verify.mismatch import mismatch_of
from xbuild.verify.places import machines_named, place_of

_SUFFIX = re.compile(r"\.(?:cpython-\w+|pypy\w+-pp\w+|abi3t?\b)[\w-]*\.so$")
_BROUGHT_ALONG = re.compile(r"-[0-9a-f]{8}(?=[.\-_])")
_NAMED_FOR = {"musl": re.compile(r"musl"), "glibc": re.compile(r"glibc|gnu|manylinux")}
_PROGRAM = re.compile(r"(?:python|pypy)(?:3(?:\.\d+)?t?)?")
_SHOWN = 3
_FEW = 3
_MOST = 100
"""Libraries that are missing: with more, that is enough to know."""

_fails = partial(Objection, severity=Severity.FAILURE)
_warns = partial(Objection, severity=Severity.WARNING)


def objections(python: PythonFiles) -> Iterator[Objection]:
    """Everything that one platform's Python is not as it should be."""
    for site in python.sites.values():
        yield from _unseen(python, site)
        yield from _modules(python, site)
        yield from _c_library(python, site)
        yield from _libraries(python, site)
        yield from _bytecode(python, site)
        for package in site.packages.values():
            yield from _package(python, site, package)
    yield from _loose(python)
    yield from _configurations(python)
    for venv in python.venvs:
        yield from _venv(python, venv)


def _one_of(several: Sequence[object]) -> str:
    return f", one of {len(several)}" if len(several) > 1 else ""


def shown(names: Sequence[str]) -> str:
    """The first few of many names, and how many there are beside."""
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + rest


def _unseen(python: PythonFiles, site: Site) -> Iterator[Objection]:
    """A site that no interpreter looks into, in an image that has some."""
    if site.interpreters or not python.interpreters or site.is_pypy:
        return
    files = [*(package.file for package in site.packages.values()), *site.libraries]
    if files and not site.path.endswith("/lib-dynload"):
        there = ", ".join(sorted({each.version + "t" * each.is_threaded for each in python.interpreters}))
        yield _warns(
            CheckKind.INTERPRETER,
            message=f"no interpreter of the image looks into {site.path}",
            file=files[0],
            expected=there,
            found=site.version + "t" * site.threads,
        )


def _fitting(python: PythonFiles, files: Sequence[File]) -> Iterator[File]:
    for file in files:
        elf = elf_of(file)
        if elf is not None and mismatch_of(elf, python.image.platform) is None:
            yield file


def suffix_of(file: File) -> str:
    """The ending of an extension module that is for some interpreters only; empty for all others."""
    found = _SUFFIX.search(file.path.rpartition("/")[2])
    return found[0] if found is not None else ""


def _modules(python: PythonFiles, site: Site) -> Iterator[Objection]:
    """Extension modules that no interpreter loads which looks there."""
    if not site.interpreters:
        return
    for files in group_by_owner(site, list(_lost(python, site))).values():
        yield _fails(
            CheckKind.ABI,
            message=f"is a module that no interpreter loads here{_one_of(files)}",
            file=files[0],
            expected=_tagged(site),
            found=suffix_of(files[0]),
        )


def _lost(python: PythonFiles, site: Site) -> Iterator[File]:
    suffixes = {suffix for each in site.interpreters for suffix in each.suffixes}
    return (file for file in _fitting(python, site.libraries) if _is_lost(python, file, suffixes))


def _tagged(site: Site) -> str:
    """The endings that say most about the interpreters of a site."""
    found = {suffix for each in site.interpreters for suffix in each.suffixes}
    return " or ".join(sorted(suffix for suffix in found if not suffix.startswith(".abi3")))


def _is_lost(python: PythonFiles, file: File, suffixes: set[str]) -> bool:
    """Whether a module has an ending that none of its interpreters loads, and nothing stands in for it."""
    own = suffix_of(file)
    if not own or own in suffixes:
        return False
    stem = file.path[: -len(own)]
    return all(python.image.files.lookup(stem + each) is None for each in (*suffixes, ".so", ".py", ".pyc"))


def _loose(python: PythonFiles) -> Iterator[Objection]:
    """Modules outside of all sites, as a project has them that compiled its own in place."""
    suffixes = {suffix for each in python.interpreters for suffix in each.suffixes}
    if not suffixes:
        return
    lost = [file for file in _fitting(python, python.loose) if _is_lost(python, file, suffixes)]
    if lost:
        yield _warns(
            CheckKind.ABI,
            message=f"is a module that no interpreter of the image loads{_one_of(lost)}",
            file=lost[0],
            expected=" or ".join(sorted(suffixes)),
            found=suffix_of(lost[0]),
        )


def _c_library(python: PythonFiles, site: Site) -> Iterator[Objection]:
    kinds = {each.c_library for each in site.interpreters}
    wanted = kinds.pop() if len(kinds) == 1 else None
    if wanted is None:
        return
    machine = python.image.platform.machine.number
    foreign = []
    lost = frozenset(_lost(python, site))
    for file in _fitting(python, site.libraries):
        elf = elf_of(file)
        found = c_library_of(elf) if elf is not None else None
        if elf is None or found is None or found == wanted or file in lost:
            continue
        named = file.path[len(site.path) :].removesuffix(suffix_of(file)).lower()
        if not _NAMED_FOR[found].search(named) and place_of(file.path, machine, elf.machine) is None:
            foreign.append(file)
    for files in group_by_owner(site, foreign).values():
        yield _fails(
            CheckKind.ABI,
            message=f"is for another C library than the interpreter's{_one_of(files)}",
            file=files[0],
            expected=wanted,
            found="musl" if wanted == "glibc" else "glibc",
        )


def _libraries(python: PythonFiles, site: Site) -> Iterator[Objection]:
    """Libraries that wheels bring along, and that those who need them do not find."""
    interpreter = next(iter(site.interpreters), None)
    if interpreter is None:
        return
    there = {file.path.rpartition("/")[2] for file in site.libraries}
    asked_for = _asked_for(site)
    search = python.search(interpreter)
    missing: dict[str, File] = {}
    for file in _fitting(python, site.libraries):
        elf = elf_of(file)
        if _is_brought_along(file) and file.path.rpartition("/")[2] not in asked_for:
            continue  # nothing loads it: another distribution has replaced who did
        for name in elf.needed if elf is not None else ():
            if elf is None or name in missing or not _BROUGHT_ALONG.search(name) or len(missing) > _MOST:
                continue
            # A library that another loads has the folders of that one's RPATH, too, unless it has a RUNPATH.
            inherits = not elf.runpath and file.path.rpartition("/")[2] in asked_for
            is_told = bool(elf.rpath or elf.runpath) and not inherits
            if not is_told and name in there:
                continue  # found by another, which is told where it is
            found, _ = search.find(name, file, elf, ())
            if found is None:
                missing[name] = file
    for files in group_by_owner(site, list(missing.values())).values():
        names = tuple(name for name, file in missing.items() if file in files)
        yield _fails(
            CheckKind.LIBRARY,
            message=f"does not find what its wheel brought along: {shown(names)}",
            file=files[0],
            names=names if len(names) == 1 else (),
        )


def _is_brought_along(file: File) -> bool:
    """Whether a wheel's maker has named it, by a sum, for those that load it and nobody else."""
    return _BROUGHT_ALONG.search(file.path.rpartition("/")[2]) is not None


def _asked_for(site: Site) -> frozenset[str]:
    """The names that libraries need, but for those needed only by what nothing loads."""
    by_name = {file.path.rpartition("/")[2]: file for file in site.libraries}
    todo = [file for file in site.libraries if not _is_brought_along(file)]
    found = set[str]()
    while todo:
        elf = elf_of(todo.pop())
        names = [n for n in (elf.needed if elf is not None else ()) if n not in found]
        found.update(names)
        todo += [by_name[n] for n in names if n in by_name and _is_brought_along(by_name[n])]
    return frozenset(found)


def _bytecode(python: PythonFiles, site: Site) -> Iterator[Objection]:
    versions = {each.version for each in site.interpreters}
    if not versions or site.is_pypy:
        return
    numbers = [magic_numbers(version) for version in versions]
    if not all(numbers):
        return
    wrong = [
        file
        for file, magic in site.bytecode
        if not any(magic in each for each in numbers) and _is_used(python, file, versions)
    ]
    if wrong:
        yield _warns(
            CheckKind.BUILD,
            message=f"is not compiled for Python {' or '.join(sorted(versions))}{_one_of(wrong)}",
            file=wrong[0],
        )
    tags = {f"cpython-{version.replace('.', '')}" for version in versions}
    others = {name: file for found in site.cached.values() for name, file in found.items()}
    # Some wheels bring compiled files along, for whatever Python.
    if len(others) >= _FEW and not tags & site.cached.keys():
        yield _warns(
            CheckKind.BUILD,
            message=f"all compiled files of {site.path} are for another Python and of no use",
            file=next(iter(others.values())),
            expected=" or ".join(sorted(tags)),
            found=", ".join(sorted(site.cached)),
        )


def _is_used(python: PythonFiles, file: File, versions: set[str]) -> bool:
    """Whether a compiled file is one that these versions would take: named for them, or without a source."""
    name = file.path.rpartition("/")[2]
    if is_slimmed(file.path):
        return False
    if "/__pycache__/" in file.path:
        return any(f".cpython-{version.replace('.', '')}." in name for version in versions)
    return python.image.files.lookup(file.path[:-1]) is None


def _package(python: PythonFiles, site: Site, package: Package) -> Iterator[Objection]:
    for file, damage in package.damage:
        yield _warns(CheckKind.PACKAGE, message=damage, file=file)
    yield from _tags(python, site, package)
    if site.is_shared or _is_conda(python, site):
        return
    _, lost = absent(python, site, package)
    if lost:
        yield _warns(
            CheckKind.PACKAGE,
            message=f"lists what is not there: {shown(lost)}",
            file=package.file,
            names=(package.name,),
        )


_MEANT = {
    "tag": "has a tag that cannot be read",
    "platform": "is a wheel for another platform",
    "C library": "is a wheel for another C library",
    "glibc": "is a wheel for a newer glibc",
    "interpreter": "is a wheel for another interpreter",
}


def _tags(python: PythonFiles, site: Site, package: Package) -> Iterator[Objection]:
    if not package.tags:
        return
    found = objection(
        package.tags, python.image.platform, site.interpreters, python.glibc, is_shared=site.is_shared
    )
    if found is None:
        return
    reason, expected = found
    is_wrong = reason != "tag" and not _is_label(python, site, package, reason)
    yield Objection(
        CheckKind.PACKAGE,
        Severity.FAILURE if is_wrong else Severity.WARNING,
        _MEANT[reason],
        package.wheel or package.file,
        expected,
        shown(package.tags),
        names=(package.name,),
    )


def _is_label(python: PythonFiles, site: Site, package: Package, reason: str) -> bool:
    """Whether a tag that does not fit says little about the files.

    What conda built is labelled for where that was done; a wheel whose modules are all for the platform was
    labelled wrongly; one that is for no ABI is more portable than it says.
    """
    files = python.image.files
    if _is_conda(python, site):
        return True
    if reason == "interpreter":
        return all(tag.split("-")[1:2] == ["none"] for tag in package.tags)
    native = [found for path in package.record if (found := files.lookup(f"{site.path}/{path}")) is not None]
    elfs = [elf for file in native if (elf := elf_of(file)) is not None]
    if reason == "platform":
        return bool(elfs) and all(mismatch_of(elf, python.image.platform) is None for elf in elfs)
    return False


def _is_conda(python: PythonFiles, site: Site) -> bool:
    """Whether conda keeps account of what is installed there, in a folder of its own."""
    return bool(site.prefix) and python.image.files.lookup(f"{site.prefix}/conda-meta") is not None


def absent(python: PythonFiles, site: Site, package: Package) -> tuple[list[str], list[str]]:
    """Of the code that a package lists: all that is not there, and that of it whose folder still has some.

    A compiled file in the place of its source stands in for it.
    """
    gone = [
        path
        for path in package.record
        if not python.has(site, path) and not (path.endswith(".py") and python.has(site, path + "c"))
    ]
    if len(gone) == len(package.record):
        return gone, []
    there = {path.rpartition("/")[0] for path in set(package.record).difference(gone)}
    return gone, [path for path in gone if path.rpartition("/")[0] in there]


def _configurations(python: PythonFiles) -> Iterator[Objection]:
    """`_sysconfigdata_*.py` for another machine only; beside one for the right machine it is meant."""
    own = python.image.platform.machine.number
    folders: dict[str, list[tuple[File, frozenset[int]]]] = {}
    for file in python.configurations:
        named = machines_named(file.path.rpartition("/")[2])
        folders.setdefault(file.path.rpartition("/")[0], []).append((file, named))
    for found in folders.values():
        if all(named and own not in named for _, named in found):
            file = found[0][0]
            yield _fails(
                CheckKind.MACHINE,
                message="is the configuration of an interpreter for another platform",
                file=file,
                expected=python.image.platform.facts.gnu,
                found=file.path.rpartition("/")[2],
            )


def _venv(python: PythonFiles, venv: Venv) -> Iterator[Objection]:
    """What is wrong with a virtual environment; a warning when it is not used as one."""
    problem = _problem(python, venv)
    if problem is None:
        return
    message, expected, found = problem
    folders = (python.image.config.variable("PYTHONPATH") or "").split(":")
    is_library = any(folder.startswith(venv.prefix + "/") for folder in folders)
    is_unused = not python.interpreters and f"{venv.prefix}/bin" not in python.image.command_folders
    make = _warns if is_library or is_unused else _fails
    yield make(
        CheckKind.INTERPRETER,
        message=f"the environment cannot be used: {message}",
        file=venv.file,
        expected=expected,
        found=found,
    )


def _problem(python: PythonFiles, venv: Venv) -> tuple[str, str, str] | None:
    """What is wrong with an environment's `python`, or with its home: message, expected and found.

    One without any `python` was taken for its packages.
    """
    files = python.image.files
    names = (name for name in files.children(f"{venv.prefix}/bin") if _PROGRAM.fullmatch(name))
    programs = [f"{venv.prefix}/bin/{name}" for name in names]
    there = [file for path in programs if (file := files.lookup(path)) is not None]
    if not programs:
        return None
    if not there:
        link = files.lookup(programs[0], follow=False)
        return f"{programs[0]} leads nowhere", "a program", link.entry.link if link is not None else ""
    if not any(_is_program(file) for file in there):
        return f"{programs[0]} leads to no program", "a program", there[0].path
    return _home(python, venv) if venv.home else None


def _is_program(file: File) -> bool:
    content = file.entry.content
    return content is not None and content.format in ("elf", "script")


def _home(python: PythonFiles, venv: Venv) -> tuple[str, str, str] | None:
    """What is wrong with the interpreter's folder: message, expected and found."""
    files = python.image.files
    names = [name for name in files.children(venv.home) if _PROGRAM.fullmatch(name)]
    found = [file for name in names if (file := files.lookup(f"{venv.home}/{name}")) is not None]
    if not any(_is_program(file) for file in found):
        return f"its home {venv.home} has no interpreter", venv.version or "python", ", ".join(names)
    versions = {match[1] for file in found if (match := re.search(r"(?:python|pypy)(3\.\d+)", file.path))}
    if venv.version and versions and venv.version not in versions:
        return f"its home {venv.home} has another Python", venv.version, ", ".join(sorted(versions))
    return None
