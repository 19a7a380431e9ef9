"""uv: its installers are told of the target by `--python-platform`, natively, for each target in turn.

uv evaluates markers and tags of wheels for that platform. What it built for another it refuses since 0.9.16,
by trial; before, it is told to build nothing. What calls itself pure is looked into (`_SCAN`). Which versions
know the option was read off their `--help`: 0.4.0 to 0.13.9, `uv pip` always, `uv sync` since 0.7.21. Its
levels of manylinux are 2_17, 2_28 and 2_31, and since 0.5.31 all from 2_31 to 2_40.

Sources: uv's documentation, "Command-line reference", "Environment variables", "Settings", "Using uv in
Docker"; PEP 517, 621 and 735.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from xbuild.architectures import ARCHITECTURES
from xbuild.plan.facts.filesystem import (
    PROGRAM_FOLDERS,
    TOOL_FOLDERS,
    Kind,
    Write,
    is_within,
    join,
    overlaps,
)
from xbuild.plan.facts.positions import ancestors
from xbuild.plan.model import Evidence, Probe, Question, Reason, sections
from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import (
    Program,
    anything,
    plain,
    source_kind,
    told_kind,
    where,
    word_kind,
    write,
)
from xbuild.plan.recipes.own_files import UntoldError, mount_target
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Demand, Effect, Need
from xbuild.plan.toolchains.python.environments import MADE, Prefix, environment, is_virtual, made
from xbuild.plan.toolchains.python.fitting import Libc
from xbuild.plan.toolchains.python.projects import (
    FILES,
    MACHINES,
    UvProject,
    check_settings,
    is_on,
    of_lock,
    setting,
)
from xbuild.plan.toolchains.python.pythons import SYSTEM, UV, interpreter, libc
from xbuild.plan.toolchains.python.told import check_failure, stranger
from xbuild.plan.toolchains.python.wanted import (
    check_options,
    local_places,
    named_in_file,
    named_on_line,
    places_set,
    set_names,
)
from xbuild.text import Span, expression, value

Version = tuple[int, ...]

# -- the option

_SINCE: Mapping[str, Version] = {"sync": (0, 7, 21), "install": (0, 4), "pip sync": (0, 4)}
_LEVELS: tuple[tuple[Version, tuple[int, ...]], ...] = (
    ((0, 5, 31), (17, 28, *range(31, 41))),
    ((0, 4), (17, 28, 31)),
)
_REFUSING: Version = (0, 9, 16)
_NEWEST = max(_LEVELS[0][1])
_ARMS = " ".join(f"({docker}) echo {name} ;;" for docker, name in MACHINES.items())
_MACHINE = f"$(case $TARGETARCH in {_ARMS} esac)"
_OPTION = "--python-platform"
_LIBRARIES = {"glibc": "manylinux_2_{}", "musl": "unknown-linux-musl"}
"""What uv calls an image's C library; the latter is musllinux_1_2 (0.4.0 to 0.13.9, by trial)."""
_OURS = expression(re.escape(f'"{_MACHINE}-') + r'(manylinux_2_\d+|unknown-linux-musl)"')
_WHY = "uv is told of the target: its wheels, and markers that are true there"
_WHY_FIRST = "this uv would install what it builds for the machine that it runs on: nothing is built at first"


def _library(call: Call, version: Version | None) -> Libc | None:
    """The C library of the image, in the newest version that it has and uv knows; None where the name of the
    image does not tell. A wheel for a newer one than that is not taken, here as on the target.
    """
    image, platforms = call.around.image, call.around.platforms
    if platforms is None or any(p.architecture not in MACHINES for p in platforms):
        raise UntoldError(
            f"uv can be told of {' and '.join(f'linux/{name}' for name in MACHINES)} alone",
            "name the platforms" if platforms is None else None,
        )
    if image.family not in ("debian", "alpine"):
        raise UntoldError(
            "which C library its wheels are for is known in Debian and Alpine variants of the python image",
            "start from one such as python:3.13-slim",
        )
    told = libc(image)
    if told is None and image.family == "alpine":
        raise UntoldError(
            "which musl the image has is not told",
            "name Alpine's release, 3.13 or later: python:3.9-alpine3.20",
        )
    return told if told is None or told[0] == "musl" else ("glibc", (2, _level(told[1][1], version)))


def _level(has: int, version: Version | None) -> int:
    """The newest level of manylinux that glibc 2.HAS has, and uv knows."""
    known = next(levels for since, levels in _LEVELS if (version or (99,)) >= since)
    level = max((n for n in known if n <= has), default=None)
    if level is None or (level != has and has <= _NEWEST):
        raise UntoldError(f"this uv has no name for wheels for glibc 2.{has}", "use uv 0.8 or newer")
    return level


def _word(library: Libc | None) -> str:
    """The word behind the option; with `$level` in it where that is asked for."""
    name, (_, minor) = library or ("glibc", (2, "$level"))
    return f'"{_MACHINE}-{_LIBRARIES[name].format(minor)}"'


# -- which uv, and what else has a say

_LATEST: Version = (99,)
_TAG = expression(r"(\d+)\.(\d+)(?:\.(\d+))?(?:-|$)")


def _version(call: Call) -> Version | None:
    """What the tag tells of the image that uv comes from; of `0.7` the first that is called so, of a tag
    without a version the latest. None where it comes from elsewhere.
    """
    graph, found = call.scope.graph, []
    for stage in graph.chain_of(call.scope.stage):
        for edge in graph.edges_into(stage):
            root = getattr(edge.source, "stage", None)
            source = graph.stages[graph.root_of(root)].base if root is not None else edge.source
            reference = getattr(source, "reference", None) or ""
            name, _, tag = reference.partition("@")[0].rpartition(":")
            if name == UV.name:
                found.append(_TAG.match(tag))
    if call.around.image.row is UV:
        found.append(_TAG.match(call.around.image.tag))
    told = found[0] if len(found) == 1 else None
    if told is None:
        return _LATEST if len(found) == 1 else None
    return tuple(int(n) for n in told.groups(default="0"))


_HARMLESS = frozenset(
    words(
        "UV_COMPILE_BYTECODE UV_COMPILE_BYTECODE_TIMEOUT UV_LINK_MODE UV_CACHE_DIR UV_NO_CACHE "
        "UV_PYTHON_DOWNLOADS UV_PROJECT_ENVIRONMENT UV_SYSTEM_PYTHON UV_HTTP_TIMEOUT UV_HTTP_RETRIES "
        "UV_HTTP_CONNECT_TIMEOUT UV_REQUEST_TIMEOUT UV_INDEX_URL UV_EXTRA_INDEX_URL UV_DEFAULT_INDEX "
        "UV_INDEX UV_INDEX_STRATEGY UV_FROZEN UV_LOCKED UV_NO_DEV UV_NO_PROGRESS UV_CONCURRENT_DOWNLOADS "
        "UV_CONCURRENT_INSTALLS UV_CONCURRENT_BUILDS UV_TOOL_BIN_DIR UV_TOOL_DIR UV_NATIVE_TLS "
        "UV_SYSTEM_CERTS UV_BREAK_SYSTEM_PACKAGES UV_NO_INSTALLER_METADATA UV_NO_EDITABLE "
        "UV_VERIFY_HASHES UV_REQUIRE_HASHES UV_NO_MANAGED_PYTHON UV_INSECURE_HOST UV_KEYRING_PROVIDER "
        "UV_EXCLUDE_NEWER UV_PREVIEW "
        "PYTHONDONTWRITEBYTECODE PYTHONUNBUFFERED PYTHONFAULTHANDLER PYTHONHASHSEED PYTHONIOENCODING "
        "PYTHONUTF8 PYTHON_VERSION PYTHON_SHA256"
    )
)
_TELLING = expression(
    r"UV_(?!INDEX_\w+_(?:USERNAME|PASSWORD)$)|_PYTHON|PYTHON[A-Z]|(?:HOME|XDG_\w+|CONDA_PREFIX)$"
)


def _check_surroundings(call: Call) -> None:
    names = (n for n in set_names(call) if _TELLING.match(n) and n not in _HARMLESS)
    bad = next(names, None)
    if bad is not None:
        raise UntoldError(f"{bad} is set, which changes what uv does")
    if call.scope.user() not in ("", "root", "0"):
        raise UntoldError("only root's uv is known")
    if interpreter(call.around.image) is None or environment(call, "python3") is None:
        raise stranger(call)
    check_settings(call)
    made = next(iter(call.writes.where(_is_setting)), None)
    if made is not None:
        raise UntoldError(f"line {made.place.line} may put settings for uv into {made.path}")


def _is_setting(one: Write) -> bool:
    if one.is_package or one.path is None:
        return False
    return any(overlaps(one.path, folder) for folder in _SETTINGS)


_SETTINGS = ("/etc/uv", "/etc/xdg/uv", "/root/.config/uv")


def _check_mounts(call: Call, folders: Sequence[str]) -> None:
    """Nothing is installed into a mount, or found in one that is not looked into."""
    settings = (*_SETTINGS, *(posixpath.join(f, n) for f in ancestors(call.directory or "/") for n in FILES))
    for mount in call.run.mounts:
        target = mount_target(call, mount)
        is_read = mount.type in ("", "bind")
        is_uv = is_read and target in _UV_ITSELF
        if (
            target is None
            or any(is_within(f, target) or (not is_uv and is_within(target, f)) for f in folders)
            or (not is_read and any(overlaps(f, target) for f in settings))
        ):
            kind = mount.type or "bind"
            raise UntoldError(f"what --mount=type={kind} brings has a say in what is installed")


_UV_ITSELF = tuple(f"{folder}/{name}" for folder in PROGRAM_FOLDERS for name in ("uv", "uvx"))


# -- uv is asked

_EXIT = "xbuild: exit code "
_SCAN = (
    "import os,sys;"
    'print("python",os.path.realpath(sys.argv[1]+"/bin/python"));'
    '[print("elf",int.from_bytes(h[18:20],"little" if h[5]==1 else "big"),p) '
    "for r in sys.argv[1:] for d,_,n in os.walk(r) for f in n for p in [os.path.join(d,f)] "
    'if os.path.isfile(p) and not os.path.islink(p) for h in [open(p,"rb").read(20)] if h[:4]==b"\\x7fELF"];'
    '[print("direct",d) for r in sys.argv[1:] for d,_,n in os.walk(r) if "direct_url.json" in n]'
)
"""Run with folders: where the Python of the first leads, the machine of every ELF file (gABI, e_machine),
and what comes from elsewhere than an index (PEP 610).
"""


def _question(call: Call, asked: str, folders: Sequence[str], *, has_level: bool) -> Question:
    """It is run as it will be, in a container that is thrown away, for nothing but what it leaves."""
    scan = f"python3 -c '{_SCAN}' {' '.join(folders)}" + ("" if has_level else '; echo "level $level"')
    script = f'{{ {asked} 2>&1; echo "{_EXIT}$?"; {scan}; }}'
    return Question(
        call.around.stage,
        call.number,
        call.spelled(),
        f"whether all that `{call.spelled()}` of line {call.place.line} installs is for the target",
        Probe(script, tuple(f"linux/{p.architecture}" for p in call.around.platforms or ()), is_exact=True),
        call.command.span.start,
        call.directory,
    )


_NUMBERS = {row.docker: row.machine.number for row in ARCHITECTURES if row.docker in MACHINES}
_ELF = expression(r"^elf (\d+) (.+)$", re.MULTILINE)
_PYTHON = expression(r"^python (.+)$", re.MULTILINE)
_DIRECT = expression(r"^direct (.+)$", re.MULTILINE)
_LEVEL = expression(r"^level (\d+)$", re.MULTILINE)
_UNKNOWN_OPTION = expression(r"unexpected argument '--python-platform'")
_NEEDS = expression(
    r"(?:Failed to (?:build|download and build)|Unable to build) `?([\w.-]+)|"
    r"(?:distribution|wheel)[^\n`]*`([\w.-]+)|Because ([\w.-]+)"
)


def _check_answer(answer: str, platforms: Sequence[str], *, is_environment: bool) -> None:
    """Raises what speaks against it."""
    told = sections(answer)
    for platform in platforms:
        text = told.get(platform, "")
        output, end, found = text.rpartition(_EXIT)
        if _UNKNOWN_OPTION.search(output):
            raise UntoldError("this uv has no --python-platform there", "use uv 0.8 or newer")
        if not end or not found.startswith("0\n"):
            named = _NEEDS.search(output)
            name = next(filter(None, named.groups()), None) if named else None
            raise UntoldError(
                f"uv cannot install {name or 'all of it'} for {platform} without building it there",
                "take a version that has wheels for every platform",
            )
        python = _PYTHON.search(found)
        if python is None or (is_environment and not python[1].startswith(f"{SYSTEM}/bin/")):
            raise UntoldError("the environment is not for the Python of the image")
        direct = _DIRECT.search(found)
        if direct is not None and not is_environment:
            raise UntoldError(f"{direct[1]} is of what is built, or comes from an address")
        wanted = _NUMBERS[platform.partition("/")[2]]
        foreign = next((m[2] for m in _ELF.finditer(found) if int(m[1]) != wanted), None)
        if foreign is not None:
            raise UntoldError(
                f"it builds {foreign} for the machine that it runs on",
                "take a version that has wheels for every platform",
            )


# -- installing


@value()
class _Install:
    """An installer's call that is to be told of the target.

    `verb` is the word behind which that is said; `evidence` gives what is known without asking, for a C
    library. `where` are the folders that it installs into,
    `writes` what else it writes. `asked` is put in front of the command when uv is asked, `instead` behind
    its verb: so that what is there already, for the build machine, has no say; `scanned`, words of the shell,
    is looked into then, where the first of them `is_environment`, for the Python that it is for.
    `builds`: the project itself is built by it. `read` is what it reads beside what lies where it runs.
    """

    verb: int
    since: Version
    where: tuple[str, ...]
    writes: tuple[Write, ...] = ()
    is_environment: bool = False
    builds: bool = False
    evidence: Callable[[Libc | None], str] | None = None
    asked: str = ""
    instead: str = ""
    scanned: tuple[str, ...] = ()
    read: tuple[str | None, ...] = ()


_INDEXES = words("UV_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL UV_DEFAULT_INDEX")


def _wire(call: Call, given: Reading, install: _Install) -> Effect:
    """The effect of an installer, told of the target, or told already."""
    script = call.run.script
    if not call.is_editable or script is None or script.text != call.script:
        raise UntoldError("only where a RUN calls it, in shell form, can it be told of the target")
    check_failure(call)
    version = _version(call)
    if version is not None and version < install.since:
        told, since = ".".join(map(str, version)), ".".join(map(str, install.since))
        raise UntoldError(f"uv {told} has no --python-platform there", f"use uv {since} or newer")
    library = _library(call, version)
    _check_mounts(call, install.where)
    indexes = given.values("-i", "--extra-index-url", "--default-index", "--index")
    read = (*install.read, *local_places(indexes), *places_set(call, *_INDEXES))
    sources = tuple(source_kind(call, path) for path in read)
    is_sure = not any(w.path is None and w.kind is Kind.UNKNOWN for w in call.writes)
    if is_sure and not all(kind.is_right for kind in sources):
        raise UntoldError("what it reads is not the same for every platform, nor right for the target")
    cache = write(call, setting(call, "UV_CACHE_DIR") or "/root/.cache/uv", Kind.BUILD)
    kind = join((told_kind(call), Kind.CROSS, *sources))
    effect = Effect(
        writes=(*(write(call, folder, kind) for folder in install.where), cache, *install.writes),
        reads=(call.directory, *(where(call, path) for path in read)),
        output=join((kind, Kind.TARGET)),
        sees_environment=False,
        needs=(Need("TARGETARCH", call.instruction, "uv"),),
        compiles=True,
        toolchain="python",
    )
    if given.has(_OPTION):
        if not any(_OURS.fullmatch(word.raw) for word in call.words):
            raise UntoldError("it names a platform of its own", "leave out --python-platform")
        return effect
    is_quiet = (version is None or version < _REFUSING) and not given.has("--no-build")
    evidence = install.evidence(library) if install.evidence is not None else ""
    if not evidence:
        evidence, library = _told(call, install, library, is_quiet=is_quiet)
    elif version in (None, _LATEST) or library is None:
        library = _ask_briefly(call, install, library)
    start, option = _added(call, install, _word(library), is_quiet=is_quiet)
    end = call.words[install.verb].span.end
    words = [(Span(end, end), option, _WHY)]
    if start:
        at = call.command.span.start
        words.insert(0, (Span(at, at), start, _WHY_FIRST))
    return replace(effect, demand=Demand(words=tuple(words)), evidence=(Evidence(evidence, call.place),))


def _added(call: Call, install: _Install, word: str, *, is_quiet: bool) -> tuple[str, str]:
    """What stands in front of the command, and behind its verb. A uv that `is_quiet` about what it builds for
    the machine that it runs on is told to build nothing but the project.
    """
    option = f" {_OPTION} {word}"
    if not is_quiet:
        return "", option
    if not install.builds:
        return "", f"{option} --no-build"
    span, end = call.command.span, call.words[install.verb].span.end
    first = f"{call.script[span.start : end]}{option} --no-build --no-install-project"
    return f"{first}{call.script[end : span.end].rstrip()} && ", option


class _OpenError(Exception):
    """uv has to be asked."""

    def __init__(self, question: Question) -> None:
        super().__init__(question.text)
        self.question = question


def _ask_briefly(call: Call, install: _Install, library: Libc | None) -> Libc:
    """That this uv has the option, and the C library; all else is known. Raises as `_told` does."""
    verb = " ".join(text or "" for text in call.texts[1 : install.verb + 1])
    is_musl = library is not None and library[0] == "musl"
    asked = "" if is_musl else f"; {_ASK_LEVEL}echo level $level"
    script = f"uv {verb} --help 2>&1 | grep -c -e {_OPTION}{asked}"
    text = f"whether `uv {verb}` has {_OPTION}" + ("" if is_musl else ", and which C library the image has")
    question = Question(
        call.around.stage,
        call.number,
        f"uv {verb}",
        text,
        Probe(script, has_mounts=True),
        call.command.span.start,
        call.directory,
    )
    answer = call.around.knowledge.answers.get(question.key)
    if answer is None:
        raise _OpenError(question)
    if answer.splitlines()[:1] in ([], ["0"]):
        raise UntoldError("this uv has no --python-platform there", "use uv 0.8 or newer")
    return library if is_musl and library is not None else _glibc(_LEVEL.search(answer))


def _glibc(level: re.Match[str] | None) -> Libc:
    """That of what the image said. Raises UntoldError if it said nothing."""
    if level is None:
        raise UntoldError("which C library the image has cannot be told")
    return "glibc", (2, int(level[1]))


_LIBC = "import platform;print(platform.libc_ver()[1].split(chr(46))[1])"
_QUICKLY = "UV_COMPILE_BYTECODE=0 UV_LINK_MODE=copy"  # what it leaves is thrown away
_ASK_LEVEL = f"level=$(python3 -c '{_LIBC}') && {{ test $level -le {_NEWEST} || level={_NEWEST}; }} && "


def _told(call: Call, install: _Install, library: Libc | None, *, is_quiet: bool) -> tuple[str, Libc]:
    """What uv said, when it was asked, and the C library. Raises _OpenError where it was not asked,
    UntoldError if the answer is a no.
    """
    span, end = call.command.span, call.words[install.verb].span.end
    start, option = _added(call, install, _word(library), is_quiet=is_quiet)
    line = start + call.script[span.start : end] + option + install.instead + call.script[end : span.end]
    line = line.replace("\\\n", " ")
    if "\n" in line:
        raise UntoldError("a command of several lines cannot be put to uv", "write it on one")
    first = _ASK_LEVEL if library is None else ""
    question = _question(
        call, f"{first}{install.asked}{_QUICKLY} {line}", install.scanned, has_level=library is not None
    )
    answer = call.around.knowledge.answers.get(question.key)
    if answer is None:
        raise _OpenError(question)
    platforms = tuple(dict.fromkeys(f"linux/{p.architecture}" for p in call.around.platforms or ()))
    _check_answer(answer, platforms, is_environment=install.is_environment)
    text = "uv installed all of it for every platform, and built nothing for the machine that it ran on"
    return text, library or _glibc(_LEVEL.search(answer))


def _proved(call: Call, given: Reading, find: str) -> Effect:
    """What `_FINDERS[find]` makes of it, or why the stage stays."""
    try:
        _check_surroundings(call)
        return _wire(call, given, _FINDERS[find](call, given))
    except UntoldError as error:
        return _stays(call, error)
    except _OpenError as error:
        text = f"{error.question.text} is not told here: uv has to be asked, in the builder"
        reason = Reason(f"`{call.spelled()}`: {text}", call.place, cure="plan or build with an engine")
        return replace(anything(call), reasons=(reason,), questions=(error.question,), toolchain="python")


def _stays(call: Call, error: UntoldError) -> Effect:
    """Not pinned, and why."""
    reason = Reason(f"`{call.spelled()}`: {error}", call.place, cure=error.cure)
    return replace(anything(call), reasons=(reason,), toolchain="python")


def _sync(call: Call, given: Reading) -> _Install:
    """`uv sync`: all of the lock file, and nothing else, is in the project's environment afterwards."""
    project = UvProject.at(call, call.directory) if call.directory is not None else None
    if project is None:
        raise UntoldError("pyproject.toml is not in the build context, or not where it runs")
    folder = call.seen(setting(call, "UV_PROJECT_ENVIRONMENT") or ".venv")
    assert folder is not None
    if any(overlaps(folder, tools) for tools in (*TOOL_FOLDERS, SYSTEM)) or is_within(project.folder, folder):
        raise UntoldError(f"{folder} is not a folder of its own")
    is_installed = project.is_built and not given.has("--no-install-project")
    is_known = not is_installed or project.is_built_of_what_is_there(call)
    own: tuple[Write, ...] = (Write(folder, word_kind(call), call.place, call.spelled(), by=MADE),)
    if not is_known or project.has_local_sources:
        own = (*own, *(write(call, path, Kind.UNKNOWN) for path in (project.folder, folder)))
    if not given.has("--frozen", "--locked") and not is_on(call, "UV_FROZEN", "UV_LOCKED"):
        own = (*own, write(call, f"{project.folder}/uv.lock", Kind.PORTABLE))
    return _Install(
        call.texts.index("sync"),
        _SINCE["sync"],
        (folder,),
        own,
        is_environment=True,
        builds=is_installed,
        evidence=partial(of_lock, call, given, project),
        asked=f"rm -rf {shlex.quote(folder)} && ",
        scanned=(shlex.quote(folder), shlex.quote(project.folder)),
        read=(project.folder,) if is_installed else (),
    )


def _into(call: Call, given: Reading) -> tuple[tuple[str, ...], bool]:
    """The folders that `uv pip` installs into, and whether an option of its own says so (uv, "Using Python
    environments").
    """
    version = interpreter(call.around.image)
    assert version is not None
    own = given.value("-t") or given.value("--prefix")
    if own is not None or given.has("-t", "--prefix"):
        folder = where(call, own)
        if folder is None or any(overlaps(folder, tools) for tools in (*TOOL_FOLDERS, SYSTEM)):
            raise UntoldError("what it installs into is not a folder of its own")
        return (folder,), True
    if given.has("--system") or is_on(call, "UV_SYSTEM_PYTHON"):
        return Prefix(SYSTEM, version).folders, False
    told = given.value("-p") if given.has("-p") else (setting(call, "VIRTUAL_ENV") or ".venv")
    folder = call.seen(told.removesuffix("/bin/python")) if told else None
    if folder == SYSTEM:
        return Prefix(SYSTEM, version).folders, False
    if folder is None or not is_virtual(call, folder):
        raise UntoldError(
            "which environment it installs into cannot be told",
            "make one with uv venv or python -m venv and name it by VIRTUAL_ENV, or give --system",
        )
    return Prefix(folder, version).folders, False


def _pip_install(call: Call, given: Reading) -> _Install:
    """`uv pip install` and `uv pip sync`."""
    verb = call.texts.index("pip") + 1
    check_options(given)
    files = given.values("-r", "-c", "--override")
    if call.texts[verb] == "sync":
        files = (*files, *given.operands)
    else:
        named_on_line(given.operands)
        if any("*" in (name or "").partition("==")[0] for name in given.operands):
            raise UntoldError("what it installs cannot be told", "name the releases: only versions may vary")
    if not given.operands and not given.has("-r"):
        raise UntoldError("what it installs is not named")
    for path in files:
        _check_file(call, path)
    folders, is_named = _into(call, given)
    told = given.values("-f")
    found = (*(None for path in told if path is None), *local_places(told))
    install = _Install(verb, _SINCE["install"], folders, read=(*files, *found))
    if is_named:
        folder = shlex.quote(folders[0])
        return replace(install, asked=f"rm -rf {folder} && ", scanned=(folder,))
    return replace(install, asked="d=$(mktemp -d) && ", instead=' --target "$d"', scanned=('"$d"',))


def _check_file(call: Call, path: str | None) -> None:
    """It names releases alone: a file of requirements, or a project's pyproject.toml."""
    if posixpath.basename(path or "") != "pyproject.toml":
        named_in_file(call, path)
        return
    project = UvProject.at(call, posixpath.dirname(call.seen(path) or ""))
    if project is None or project.table("tool", "uv", "sources") or project.is_dynamic:
        raise UntoldError(f"what {path} requires is not told by itself")
    project.check(call)
    named_on_line(project.required)


_FINDERS = {"sync": _sync, "pip": _pip_install}

# -- what else uv does


def _makes(call: Call, given: Reading) -> Effect | None:
    """`uv venv`: links to the image's interpreter, nothing that is downloaded."""
    try:
        _check_surroundings(call)
        if len(given.operands) > 1:
            raise UntoldError("which environment it makes cannot be told")
        wanted = given.value("-p")
        has = interpreter(call.around.image)
        assert has is not None
        own = f"{has[0]}.{has[1]}"
        names = (own, f"python{own}", "python3", "python", f"{SYSTEM}/bin/python", f"{SYSTEM}/bin/python3")
        if given.has("-p") and wanted not in names:
            raise UntoldError(f"it may be for another Python than the image's {own}")
        folder = given.operands[0] if given.operands else ".venv"
        if folder is None or (not given.operands and setting(call, "UV_PROJECT_ENVIRONMENT") is not None):
            raise UntoldError("which environment it makes cannot be told")
        return made(call, folder)
    except UntoldError as error:
        return _stays(call, error)


def _for_itself(call: Call, _given: Reading) -> Effect | None:
    """`uv tool install`: programs for the stage's own use, made for the machine that it runs on."""
    try:
        _check_surroundings(call)
        told = (setting(call, name) for name in ("UV_TOOL_DIR", "UV_TOOL_BIN_DIR", "UV_CACHE_DIR"))
        folders = (*_TOOL_FOLDERS, *filter(None, told))
        return plain(call, Kind.BUILD, (write(call, folder, Kind.BUILD) for folder in folders))
    except UntoldError as error:
        return _stays(call, error)


# uv's image has them in /usr/local/bin, since 0.8.
_TOOL_FOLDERS = ("/root/.local/share/uv/tools", "/root/.local/bin", "/usr/local/bin", "/root/.cache/uv")


def _refuses(text: str, cure: str, call: Call, _given: Reading) -> Effect:
    reason = Reason(f"`{call.spelled()}` {text}", call.place, cure=cure)
    return replace(anything(call), reasons=(reason,), toolchain="python")


_RUNS = partial(
    _refuses,
    "runs what was installed for the target, or for this machine",
    "run it in the image that is made, or outside the build",
)
_QUIET = "-q,--quiet -v,--verbose --no-progress -n,--no-cache --native-tls --no-config "
_INDEX = (
    "-i,--index-url= --extra-index-url= --default-index= --index= -f,--find-links=< --no-index "
    "--index-strategy= --keyring-provider= --resolution= --prerelease= --exclude-newer= "
)
_LINKING = "--link-mode= --compile-bytecode --no-compile-bytecode --reinstall --refresh -U,--upgrade "
_INSTALL = (
    _QUIET
    + _INDEX
    + _LINKING
    + "-r,--requirement=< -c,--constraint=< --override=< -p,--python= --system -t,--target= --prefix= "
    "--python-platform= --no-deps --require-hashes --no-verify-hashes --strict --only-binary= --no-build "
    "--break-system-packages --extra= --all-extras --group= --exact -e,--editable= --no-binary="
)
_SYNC = (
    _QUIET
    + _LINKING
    + "--frozen --locked --no-dev --dev --only-dev --no-install-project --no-install-workspace "
    "--no-install-package= --no-editable --extra= --all-extras --no-extra= --group= --no-group= "
    "--only-group= --all-groups --no-default-groups --python-platform= --exact --inexact --no-build "
    "--no-python-downloads"
)


def _inner(verbs: Mapping[str, Program], verb: str, call: Call, _given: Reading) -> Effect | None:
    """`uv pip VERB` and `uv tool VERB`, as programs of their own."""
    at = call.texts.index(verb) + 1
    program = verbs.get(call.texts[at] or "") if len(call.texts) > at else None
    if program is None or program.does is None:
        return None
    given = program.read(replace(call, words=call.words[at:], texts=call.texts[at:], kinds=call.kinds[at:]))
    return program.does(call, given) if given is not None else None


def _installs(call: Call, given: Reading) -> Effect:
    return _proved(call, given, "pip")


def _syncs(call: Call, given: Reading) -> Effect:
    return _proved(call, given, "sync") if not given.operands else anything(call)


_PIP = {
    "install": Program("install", _INSTALL, "text*", does=_installs),
    "sync": Program("sync", _INSTALL, "text*", does=_installs),
}
_TOOL = {
    "install": Program(
        "install", _QUIET + _INDEX + _LINKING + "-p,--python= --with= --force", "text*", does=_for_itself
    )
}
_EXPORT = (
    "-o,--output-file=> -q,--quiet --no-dev --frozen --locked --no-hashes --no-emit-project --format= "
    "--extra= --group= --all-extras --no-group= --no-annotate --no-header"
)
_BUILDS = partial(
    _refuses, "builds for the machine that it runs on", "install the project with uv sync --no-editable"
)
_PYTHON_OF_UV = partial(
    _refuses, "may bring a Python for the machine that it runs on", "start from an official python image"
)
UVX = Program("uvx", style=Style.NONE, operands="text*", does=_RUNS)
PROGRAM = Program(
    "uv",
    "-q,--quiet -v,--verbose --no-progress -n,--no-cache --no-config --native-tls",
    style=Style.FIRST,
    verbs={
        "sync": Program("sync", _SYNC, "text*", does=_syncs),
        "pip": Program("pip", style=Style.NONE, operands="text*", does=partial(_inner, _PIP, "pip")),
        "venv": Program(
            "venv",
            _QUIET + "-p,--python= --seed --clear --allow-existing --system-site-packages --prompt= "
            "--no-python-downloads --relocatable",
            "make*",
            does=_makes,
        ),
        "tool": Program("tool", style=Style.NONE, operands="text*", does=partial(_inner, _TOOL, "tool")),
        "export": Program("export", _EXPORT, here=True),
        "python": Program("python", style=Style.NONE, operands="text*", does=_PYTHON_OF_UV),
        "cache": Program("cache", "-q,--quiet --force --ci", "text*"),
        "run": Program("run", style=Style.NONE, operands="text*", does=_RUNS),
        "build": Program(
            "build",
            style=Style.NONE,
            operands="text*",
            does=partial(
                _refuses, "builds for the machine that it runs on", "install it with uv sync --no-editable"
            ),
        ),
    },
)
PROGRAMS = (PROGRAM, UVX)
