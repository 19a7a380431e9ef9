"""Where a Python project's own modules are: whether its build makes a package of them, and from which folder
on they import each other.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Any

from xbuild.generate.excerpts import exists, table
from xbuild.generate.shape import Candidate, SourceTree

_IMPORTED = re.compile(r"^[ \t]*(?:from|import)[ \t]+(\w+)", re.MULTILINE)
# What setuptools passes over when it looks for packages by itself (its `FlatLayoutPackageFinder`).
_PASSED_OVER = frozenset({
    "ci", "bin", "debian", "doc", "docs", "documentation", "manpages", "news", "newsfragments", "changelog",
    "test", "tests", "unit_test", "unit_tests", "example", "examples", "scripts", "tools", "util", "utils",
    "python", "build", "benchmark", "benchmarks", "exercise", "exercises", "htmlcov", "tasks", "fabfile",
    "site_scons",
})  # fmt: skip

Told = Mapping[str, Any]


def makes_a_package(tree: SourceTree, candidate: Candidate, project: Told) -> bool:
    """Whether the project's build finds modules to make a package of. True for a build that is not known."""
    if "build-system" not in project or table(dict(project), "tool", "uv").get("package", True) is not True:
        return False
    backend = str(table(dict(project), "build-system").get("build-backend") or "setuptools")
    test = _BACKENDS.get(backend.split(".")[0])
    return test is None or test(tree, candidate, project)


def _name(project: Told) -> str:
    own = table(dict(project), "project").get("name") or table(dict(project), "tool", "poetry").get("name")
    return re.sub(r"[-_.]+", "_", str(own or ""))


def _is_module(tree: SourceTree, candidate: Candidate, place: str) -> bool:
    folder = candidate.inside(place)
    return exists(tree, f"{folder}.py") or any(p.endswith((".py", ".pyi")) for p in tree.files(folder))


def _is_named(tree: SourceTree, candidate: Candidate, name: str) -> bool:
    """A module of that name, or of the same in small letters, in the project's folder or in `src`."""
    names = {name, name.lower()}
    return any(_is_module(tree, candidate, f"{top}{each}") for top in ("", "src/") for each in names)


def _poetry(tree: SourceTree, candidate: Candidate, project: Told) -> bool:
    told = table(dict(project), "tool", "poetry")
    if told.get("package-mode") is False:
        return False
    packages = told.get("packages")
    if not isinstance(packages, list):
        return _is_named(tree, candidate, _name(project))
    places = [
        posixpath.join(str(each.get("from", "")), str(each.get("include", "")))
        for each in packages
        if isinstance(each, dict)
    ]
    return all("*" in place or _is_module(tree, candidate, place.removesuffix(".py")) for place in places)


def _hatchling(tree: SourceTree, candidate: Candidate, project: Told) -> bool:
    told = table(dict(project), "tool", "hatch", "build")
    return bool(told) or _is_named(tree, candidate, _name(project))


def _uv_build(tree: SourceTree, candidate: Candidate, project: Told) -> bool:
    told = table(dict(project), "tool", "uv", "build-backend")
    if "module-name" in told:
        return True
    root = str(told.get("module-root", "src"))
    return _is_module(tree, candidate, posixpath.join(root, _name(project).lower()))


def _flit(tree: SourceTree, candidate: Candidate, project: Told) -> bool:
    named = table(dict(project), "tool", "flit", "module").get("name")
    return _is_named(tree, candidate, str(named or _name(project)).replace(".", "/"))


def _setuptools(tree: SourceTree, candidate: Candidate, project: Told) -> bool:
    told = table(dict(project), "tool", "setuptools")
    is_told = any(key in told for key in ("packages", "py-modules", "package-dir", "ext-modules"))
    own = any(exists(tree, candidate.inside(name)) for name in ("setup.py", "setup.cfg"))
    if is_told or own or tree.files(candidate.inside("src")):
        return True
    inside = (posixpath.relpath(path, candidate.folder or ".") for path in tree.files(candidate.folder))
    tops = {path.split("/")[0] for path in inside if "/" in path}
    return sum(top.isidentifier() and top not in _PASSED_OVER for top in tops) <= 1


_BACKENDS: Mapping[str, Callable[[SourceTree, Candidate, Told], bool]] = {
    "poetry": _poetry,
    "hatchling": _hatchling,
    "uv_build": _uv_build,
    "flit_core": _flit,
    "setuptools": _setuptools,
}


def starting_folder(tree: SourceTree, candidate: Candidate, path: str) -> str:
    """The folder, from the project's on, in which a module finds the project's others: the first from the
    project's own downwards that has one of those that it imports. The project's own ("") if none has.
    """
    folder = posixpath.dirname(posixpath.relpath(path, candidate.folder or "."))
    parts = [part for part in folder.split("/") if part]
    wanted = dict.fromkeys(_IMPORTED.findall(tree.read(path) or ""))
    for depth in range(len(parts) + 1):
        place = "/".join(parts[:depth])
        if place == "src":
            continue
        here = ["", "src/"] if not place else [f"{place}/"]
        if any(_is_module(tree, candidate, f"{top}{name}") for top in here for name in wanted):
            return place
    return ""
