"""Other installers: what of theirs is the same everywhere, and why the rest is not pinned.

An export prints a lock file, with its markers, and asks no machine. An installation asks the machine that it
runs on, in processes that are not told of the target.

Sources: python-poetry/poetry-plugin-export `exporter.py` (all of the lock, markers in words); pypa/pipenv
`routines/requirements.py`; Poetry "Commands", "Configuration"; PDM, Pipenv, Hatch, pip-tools, pipx and conda
command references.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from xbuild.plan.facts.filesystem import Kind, join
from xbuild.plan.model import Reason
from xbuild.plan.programs.grammar import Reading, Style, Takes
from xbuild.plan.programs.program import Does, Program, anything, plain, source_kind, told_kind, where, write
from xbuild.plan.recipes.own_files import context_file
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect
from xbuild.plan.toolchains.python.environments import environment, replaced
from xbuild.plan.toolchains.python.tools import TOOLS


def _refuses(why: str, cure: str) -> Does:
    """Anything, and why."""

    def does(call: Call, _given: Reading) -> Effect:
        reason = Reason(f"`{call.spelled()}`: {why}", call.place, cure=cure)
        return replace(anything(call), reasons=(reason,), toolchain="python")

    return does


def _is_tool(call: Call) -> bool:
    """Whether the program is what a command of this stage has installed for the build machine, and nothing
    else.
    """
    own = environment(call, "python3")
    made = call.writes.called(call.texts[0] or "")
    is_known = bool(made) and all(w.kind is Kind.BUILD and w.is_file and w.by[:1] == ("RUN",) for w in made)
    return own is not None and is_known and replaced(call, own) is None


def _exports(*files: str) -> Does:
    """Prints what the first of `files`, a lock file of the build context, says; all of them are read."""

    def does(call: Call, given: Reading) -> Effect | None:
        lock = context_file(call, call.seen(files[0]))
        if given.operands or not _is_tool(call) or lock is None or not call.around.context.is_file(lock):
            return None
        kind = join((told_kind(call), *(source_kind(call, where(call, path)) for path in files)))
        outputs = (o.value for o in given.options if o.kind is Takes.WRITES)
        writes = tuple(write(call, path, kind, is_file=True) for path in outputs)
        return replace(plain(call, kind, writes, files), toolchain="python")

    return does


def _configures(call: Call, given: Reading) -> Effect | None:
    if not _is_tool(call) or len(given.operands) != 2:
        return None
    return plain(call, Kind.BUILD, (write(call, "/root/.config/pypoetry", Kind.BUILD),))


def _adds(call: Call, given: Reading) -> Effect | None:
    """A plugin beside it."""
    own = environment(call, "python3")
    name = given.operands[-1] if given.operands else None
    known = TOOLS.get((name or "").partition("=")[0].partition("@")[0].rstrip("~^><!"))
    if own is None or given.operands[:1] != ("add",) or len(given.operands) != 2 or known is None:
        return None
    if not _is_tool(call):
        return None
    return plain(
        call, Kind.BUILD, (write(call, folder, Kind.BUILD) for folder in (*own.folders, "/root/.cache"))
    )


_QUIET = "-n,--no-interaction -q,--quiet -v,--verbose --no-ansi --ansi --no-plugins --no-cache"
_OWN = "{} installs in processes of its own, which ask the machine that they run on"
_POETRY = _refuses(_OWN.format("poetry"), "poetry export -o requirements.txt, and install that by pip or uv")
_PDM = _refuses(_OWN.format("pdm"), "pdm export -o requirements.txt, and install that by pip or uv")
_PIPENV = _refuses(
    _OWN.format("pipenv"), "pipenv requirements > requirements.txt, and install that by pip or uv"
)
_CONDA = _refuses(
    "its packages are for the machine that it runs on",
    "install wheels by pip or uv, in an official python image",
)


def _verbs(names: str, does: Does) -> Mapping[str, Program]:
    return {name: Program(name, style=Style.NONE, does=does) for name in words(names)}


POETRY = Program(
    "poetry",
    _QUIET,
    style=Style.FIRST,
    is_extra=True,
    verbs={
        **_verbs("install sync add update remove run build lock env show check version publish", _POETRY),
        "export": Program(
            "export",
            f"{_QUIET} -f,--format= -o,--output=> --without-hashes --without-urls --with= --without= --only= "
            "--dev -E,--extras= --all-extras --all-groups",
            does=_exports("poetry.lock", "pyproject.toml"),
        ),
        "config": Program("config", _QUIET, does=_configures),
        "self": Program("self", _QUIET, does=_adds),
    },
)
PIPENV = Program(
    "pipenv",
    "-q,--quiet -v,--verbose",
    style=Style.FIRST,
    is_extra=True,
    verbs={
        **_verbs("install sync update upgrade uninstall lock run verify graph check clean", _PIPENV),
        "requirements": Program(
            "requirements",
            "--dev --dev-only --hash --exclude-markers --categories=",
            does=_exports("Pipfile.lock"),
        ),
    },
)
PDM = Program("pdm", style=Style.NONE, is_extra=True, does=_PDM)
HATCH = Program(
    "hatch",
    style=Style.NONE,
    is_extra=True,
    does=_refuses(
        "hatch installs into environments of its own, and runs what is in them",
        "install the project's requirements by pip or uv",
    ),
)
PIP_COMPILE = Program(
    "pip-compile",
    style=Style.NONE,
    is_extra=True,
    does=_refuses(
        "it resolves for the machine that it runs on",
        "compile the file beside the Dockerfile, by uv pip compile --universal, and COPY it",
    ),
)
PIP_SYNC = Program(
    "pip-sync",
    style=Style.NONE,
    is_extra=True,
    does=_refuses(_OWN.format("pip-sync"), "pip install -r, in a new virtual environment"),
)
PIPX = Program(
    "pipx",
    style=Style.NONE,
    is_extra=True,
    does=_refuses(_OWN.format("pipx"), "make a virtual environment, and install into it by its pip"),
)
CONDA = Program("conda mamba micromamba conda-lock", style=Style.NONE, is_extra=True, does=_CONDA)
PROGRAMS = (POETRY, PIPENV, PDM, HATCH, PIP_COMPILE, PIP_SYNC, PIPX, CONDA)
