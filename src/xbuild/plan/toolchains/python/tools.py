"""What an installer brings for the stage's own use: it is run here, for the build machine, and not shipped.

Where a command installs nothing but tools, they are installed for the machine that runs them; with anything
else among them all of it is for the target, and running one of them is then refused like any such program.
pip, setuptools and wheel are text, the same everywhere, and so is what they need.

Sources: the projects' own pages on PyPI (console scripts, dependencies; "Platform :: Any" files alone).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from xbuild.plan.facts.filesystem import Kind, Write
from xbuild.plan.programs.program import word_kind, write
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call
from xbuild.text import expression, value


@value()
class Tool:
    """A tool: the `programs` that it brings, and whether it and all that it needs is text."""

    programs: tuple[str, ...] = ()
    is_pure: bool = False


_PURE = {"pip": "pip pip3", "setuptools": "", "wheel": "wheel"}
_NATIVE = {
    "build": "pyproject-build",
    "cmake": "cmake ctest cpack",
    "conan": "conan",
    "cython": "cython cythonize cygdb",
    "flit": "flit",
    "flit-core": "",
    "hatch": "hatch",
    "hatchling": "hatchling",
    "maturin": "maturin",
    "meson": "meson",
    "ninja": "ninja",
    "nox": "nox",
    "pdm": "pdm",
    "pip-tools": "pip-compile pip-sync",
    "pipenv": "pipenv",
    "pipx": "pipx",
    "poetry": "poetry",
    "poetry-core": "",
    "poetry-dynamic-versioning": "poetry-dynamic-versioning",
    "poetry-plugin-export": "",
    "pre-commit": "pre-commit",
    "scikit-build-core": "",
    "setuptools-rust": "",
    "setuptools-scm": "setuptools-scm",
    "tox": "tox",
    "twine": "twine",
    "uv": "uv uvx",
    "virtualenv": "virtualenv",
}
TOOLS = {
    **{name: Tool(words(programs), is_pure=True) for name, programs in _PURE.items()},
    **{name: Tool(words(programs)) for name, programs in _NATIVE.items()},
}
"""By the name of a project, as PyPI normalizes it."""

_REQUIREMENT = expression(
    r"(?P<name>[A-Za-z0-9][\w.-]*)\s*(?P<extras>\[[^]]*\])?\s*(?P<version>[\w\s.*+!<>=~,-]*)"
)


def tool(requirement: str | None) -> Tool | None:
    """The tool that a requirement names, in any version; None for anything else, and behind a marker."""
    found = _REQUIREMENT.fullmatch((requirement or "").strip())
    if found is None:
        return None
    known = TOOLS.get(re.sub(r"[-_.]+", "-", found["name"]).lower())
    # An extra may bring anything along.
    return Tool(known.programs) if known is not None and found["extras"] else known


def tools_of(requirements: Iterable[str | None]) -> tuple[Tool, ...] | None:
    """All of them, if these are tools alone."""
    found = tuple(tool(requirement) for requirement in requirements)
    return tuple(t for t in found if t is not None) if found and None not in found else None


def installed(call: Call, tools: Iterable[Tool], folders: Iterable[str], programs: str) -> tuple[Write, ...]:
    """What is written where `tools` are installed natively: into `folders`, and their programs into the
    folder `programs`.
    """
    known = tuple(tools)
    kind = max(word_kind(call), Kind.PORTABLE if all(t.is_pure for t in known) else Kind.BUILD)
    names = (name for t in known for name in t.programs)
    return (
        *(write(call, folder, kind) for folder in folders),
        *(write(call, f"{programs}/{name}", kind, is_file=True) for name in names),
    )
