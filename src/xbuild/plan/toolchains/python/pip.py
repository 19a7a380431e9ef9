"""pip: what its verbs install natively for each target, in an official image or a virtual environment of one.

pip runs in the interpreter of its environment and is told what machine the target is (`told`). Whether every
requirement has a wheel for the target, pip is asked in the same way. Tools alone are installed as they are,
for the build machine.

Sources: docker-library/python `Dockerfile-linux.template` (Python and pip in /usr/local, no WORKDIR); pip's
"pip install", "pip wheel", "pip download", "Requirements File Format", "Configuration" and
`_internal/cli/cmdoptions.py` (optparse: a long option may be cut short where it is clear).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from xbuild.plan.facts.filesystem import TOOL_FOLDERS, Kind, is_within, join, overlaps
from xbuild.plan.model import Evidence, Probe, Question, Reason, sections
from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import (
    Does,
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
from xbuild.plan.toolchain import HELPERS, Call, Demand, Effect, Need
from xbuild.plan.toolchains.python import told
from xbuild.plan.toolchains.python.environments import Prefix, brought, environment, replaced
from xbuild.plan.toolchains.python.pythons import IMAGES, SYSTEM
from xbuild.plan.toolchains.python.told import MACHINES, Telling, check_failure, stranger
from xbuild.plan.toolchains.python.tools import TOOLS, installed, tools_of
from xbuild.plan.toolchains.python.wanted import (
    REFUSED,
    check_options,
    local_places,
    named_in_file,
    named_on_line,
    places_set,
    set_names,
)
from xbuild.text import Span, expression, value

USER = "/root/.local"
"""Where `--user` puts things, for root."""
_CACHE = "/root/.cache"
# Variables of pip and of the interpreter that change neither what is installed nor what runs.
_HARMLESS = frozenset(
    words(
        "PIP_NO_CACHE_DIR PIP_DISABLE_PIP_VERSION_CHECK PIP_ROOT_USER_ACTION PIP_NO_INPUT PIP_PROGRESS_BAR "
        "PIP_DEFAULT_TIMEOUT PIP_TIMEOUT PIP_RETRIES PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST "
        "PIP_CERT PIP_PREFER_BINARY PIP_ONLY_BINARY PIP_BREAK_SYSTEM_PACKAGES PIP_NO_COMPILE "
        "PIP_NO_WARN_SCRIPT_LOCATION PYTHONDONTWRITEBYTECODE PYTHONUNBUFFERED PYTHONFAULTHANDLER "
        "PYTHONHASHSEED PYTHONIOENCODING PYTHONUTF8"
    )
)
_TELLING = expression(r"PIP_|_PYTHON|PYTHON[A-Z]|(?:HOME|XDG_\w+)$")


# -- what has to be so


def _check_image(call: Call) -> None:
    image = call.around.image
    if image.row not in IMAGES or image.version is None:
        raise stranger(call)
    if image.family not in ("debian", "alpine") or image.version < (3, 8):
        raise UntoldError(
            "its pip is known in Debian and Alpine variants of the official python image from 3.8 on",
            "name one with its version: python:3.13-slim",
        )
    platforms = call.around.platforms
    if platforms is None or any(p.architecture not in MACHINES for p in platforms):
        raise UntoldError(
            f"pip can be told of the 64-bit platforms {', '.join(MACHINES)} alone",
            "name the platforms" if platforms is None else None,
        )


def _environment(call: Call) -> Prefix:
    """The environment of this pip, with nothing but what came with it having a say in what it does."""
    if call.scope.user() not in ("", "root", "0"):
        raise UntoldError("only root's pip is known", "install before USER")
    found = environment(call) or brought(call)
    if found is None:
        raise stranger(call)
    names = (n for n in set_names(call) if _TELLING.match(n) and n not in _HARMLESS)
    bad = next((n for n in names if n != "PYTHONPATH" or not _is_without_modules(call)), None)
    if bad is not None:
        raise UntoldError(f"{bad} is set, which changes what pip does", f"set {bad} behind it")
    made = replaced(call, found)
    if made is not None:
        raise UntoldError(f"`{made.text}` of line {made.place.line} may have changed pip or its settings")
    return found


def _is_without_modules(call: Call) -> bool:
    """Whether nothing that Python would load can lie yet where PYTHONPATH leads."""
    told = call.variables.get("PYTHONPATH")
    if told is None or told.text is None or "PYTHONPATH" in call.assignments:
        return False
    folders = [where(call, part) for part in told.text.split(":") if part]
    if any(f is None or any(overlaps(f, tools) for tools in (*TOOL_FOLDERS, SYSTEM)) for f in folders):
        return False
    made = [w for w in call.writes if not w.is_package and not w.is_empty]
    return not any(
        w.path is None or (overlaps(w.path, f) and _MODULES.search(w.path) is None)
        for w in made
        for f in folders
        if f is not None
    )


# A single file that is none of Python's.
_MODULES = expression(r"/[^/]+\.(txt|toml|lock|in|cfg|ini|md|yml|yaml|json)$")


def _check_mounts(call: Call, found: Prefix) -> None:
    in_the_way = (found.folder, f"{SYSTEM}/bin", f"{SYSTEM}/lib", "/etc", "/root")
    for mount in call.run.mounts:
        target = mount_target(call, mount) or "/"
        is_cache = mount.type == "cache" and is_within(target, _CACHE)
        is_login = mount.type == "secret" and (
            is_within(target, "/run/secrets") or posixpath.basename(target) == ".netrc"
        )
        is_aside = mount.type in ("", "bind") and not any(overlaps(target, f) for f in in_the_way)
        if mount.get("from") is not None or not (is_cache or is_login or is_aside):
            raise UntoldError(f"what --mount=type={mount.type or 'bind'} brings is not looked into")


def _own_folder(call: Call, path: str | None, option: str) -> str:
    found = where(call, path)
    is_own = found is not None and not any(overlaps(found, f) for f in (*TOOL_FOLDERS, SYSTEM))
    if found is None or not (is_own or found == USER):
        raise UntoldError(f"{option} is not a folder of its own", "install into /deps, for instance")
    return found


# -- where things go


@value()
class _Verb:
    """A verb of pip's that gets wheels: the options that name a folder, the default first, and the words that
    make it try without effect (`{line}` is the command).
    """

    folder: str = ""
    tried: str = ""


_INSTALL = _Verb(
    tried='d=--dry-run && {{ {line} --help | grep -e "$d" > /dev/null || d="--target $(mktemp -d)"; }}'
)
_WHEEL = _Verb("-w", 'd="-w $(mktemp -d)"')
_DOWNLOAD = _Verb("-d", 'd="-d $(mktemp -d)"')


def _destination(call: Call, given: Reading, verb: _Verb, own: Prefix) -> tuple[str, ...]:
    """The folders that are written."""
    if verb.folder:
        return (_own_folder(call, given.value(verb.folder, "."), "where wheels are put"),)
    named = [name for name in ("-t", "--prefix", "--user") if given.has(name)]
    if len(named) > 1 or (named == ["--user"] and own.is_virtual):
        raise UntoldError(f"{' and '.join(named)}: pip refuses that here")
    if named == ["--user"]:
        return (USER,)
    if named:
        return (_own_folder(call, given.value(named[0]), "--target" if named == ["-t"] else named[0]),)
    if call.around.is_shipped(HELPERS):
        raise UntoldError(
            f"{SYSTEM} is taken from here as a whole, with the Python of the build machine in it",
            told.described(own),
        )
    return own.folders


# -- pip is asked

_EXIT = "xbuild: exit code "


def _platforms(call: Call) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"linux/{p.architecture}" for p in call.around.platforms or ()))


def _question(call: Call, verb: _Verb, line: str) -> Question:
    """Run as it will be, for nothing but what it says; a pip before 22.2 has no --dry-run."""
    tried = verb.tried.format(line=line) if "{line}" in verb.tried else verb.tried
    asked = f'{" ".join(told.WRITE)} && {tried} && {{ {line} $d 2>&1; echo "{_EXIT}$?"; }}'
    return Question(
        call.around.stage,
        call.number,
        call.spelled(),
        f"whether all that `{call.spelled()}` of line {call.place.line} installs has a wheel for the target",
        Probe(asked, _platforms(call), is_exact=True),
        call.command.span.start,
        call.directory,
    )


def _lacking(answer: str, platforms: Sequence[str]) -> Iterator[str]:
    """What pip said it could not install, by platform."""
    said = sections(answer)
    for platform in platforms:
        text = said.get(platform, "").rstrip()
        if not text.endswith(f"{_EXIT}0"):
            names = re.findall(
                r"^Collecting ([\w.-]+)|No matching distribution found for ([\w.-]+)", text, re.MULTILINE
            )
            yield f"{''.join(names[-1]) if names else 'all of it'} for {platform}"


# -- verbs that get wheels


def _gets(verb: _Verb) -> Does:
    def does(call: Call, given: Reading) -> Effect | None:
        if not given.operands and not given.has("-r", *REFUSED):
            return None
        try:
            return _tools(call, given, verb) or _kept(call, given, verb) or _cross(call, given, verb)
        except UntoldError as error:
            reason = Reason(f"`{call.spelled()}`: {error}", call.place, cure=error.cure)
            return replace(anything(call), reasons=(reason,), toolchain="python")

    return does


def _tools(call: Call, given: Reading, verb: _Verb) -> Effect | None:
    """Tools alone, for this machine."""
    tools = tools_of(given.operands)
    if tools is None or verb.folder or given.has("-r", "-t", "--prefix", "-f", *REFUSED):
        return None
    own = _environment(call)
    folders = (USER,) if given.has("--user") else own.folders
    programs = f"{USER}/bin" if given.has("--user") else f"{own.folder}/bin"
    for path in given.values("-c"):
        named_in_file(call, path)
    made = (*installed(call, tools, folders, programs), write(call, _CACHE, Kind.BUILD))
    return replace(plain(call, Kind.BUILD, made, given.values("-c")), toolchain="python")


def _kept(call: Call, given: Reading, verb: _Verb) -> Effect | None:
    """What no other stage gets, as it is: for this machine, on which the stage may run it."""
    if verb.folder or given.has("-t", "--prefix", "--user", "-f", *REFUSED):
        return None
    around, folders = call.around, _environment(call).folders
    is_taken = any(around.is_taken(folder) or around.is_shipped(folder) for folder in folders)
    if is_taken or around.has_children:
        return None
    named_on_line(given.operands)
    for path in given.values("-r", "-c"):
        named_in_file(call, path)
    made = (write(call, folder, Kind.BUILD) for folder in (*folders, _CACHE))
    effect = plain(call, Kind.BUILD, made, given.values("-r", "-c"))
    evidence = Evidence("what it installs stays in the stage, and is for the build machine", call.place)
    return replace(effect, evidence=(evidence,), toolchain="python")


def _cross(call: Call, given: Reading, verb: _Verb) -> Effect:
    _check_image(call)
    check_options(given)
    check_failure(call)
    own = _environment(call)
    _check_mounts(call, own)
    folders = _destination(call, given, verb, own)
    files = given.values("-r", "-c")
    named = (*named_on_line(given.operands), *(name for path in files for name in named_in_file(call, path)))
    found = (*_folders(given), *local_places(given.values("-i", "--extra-index-url")))
    found = (*found, *places_set(call, "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"))
    sources = tuple(source_kind(call, path) for path in (*files, *found))
    if not all(kind.is_right for kind in sources):
        raise UntoldError("what it reads is not the same for every platform, nor right for the target")
    telling = Telling(call)
    kind = join((told_kind(call), Kind.CROSS, *sources))
    effect = Effect(
        writes=(
            *(write(call, folder, kind) for folder in (*folders, _CACHE)),
            *(write(call, path, kind) for path in _programs(named, folders, own, verb)),
        ),
        reads=tuple(where(call, path) for path in (*files, *found)),
        output=join((kind, Kind.TARGET)),
        sees_environment=False,
        needs=(Need("TARGETARCH", call.instruction, "pip"),),
        compiles=True,
        toolchain="python",
    )
    if telling.is_there:
        return effect
    if not call.around.settings.helpers:
        raise UntoldError(
            "pip has to be told of the target by a script", "xbuild build, or rewrite --assist, does it"
        )
    if given.has("--no-index") and found and all(kind is Kind.CROSS for kind in sources[len(files) :]):
        return _wired(call, effect, telling, "the wheels that pip looks for were put there for the target")
    return _asked(call, effect, telling, verb)


def _folders(given: Reading) -> tuple[str | None, ...]:
    """The folders of wheels that it looks in; None for one that cannot be told."""
    told = given.values("-f")
    return (*(None for path in told if path is None), *local_places(told))


def _programs(named: Sequence[str], folders: Sequence[str], own: Prefix, verb: _Verb) -> tuple[str, ...]:
    """Programs that are known to come along, which are for the target too."""
    folder = f"{own.folder if folders == own.folders else folders[0]}/bin"
    found = (name for one in named if one in TOOLS for name in TOOLS[one].programs if name not in _OWN)
    return () if verb.folder else tuple(f"{folder}/{name}" for name in found)


# Text that runs everywhere, in the interpreter beside it.
_OWN = ("pip", "pip3", "wheel")


def _asked(call: Call, effect: Effect, telling: Telling, verb: _Verb) -> Effect:
    """With what is demanded, once pip has said that it can do without building anything."""
    question = _question(call, verb, telling.line)
    answer = call.around.knowledge.answers.get(question.key)
    if answer is None:
        text = "whether all has a wheel for the target is not told here: pip has to be asked, in the builder"
        reason = Reason(f"`{call.spelled()}`: {text}", call.place, cure="plan or build with an engine")
        return replace(anything(call), reasons=(reason,), questions=(question,), toolchain="python")
    lacking = tuple(_lacking(answer, _platforms(call)))
    if lacking:
        raise UntoldError(
            f"pip cannot install {', '.join(lacking)} without building it",
            "pin versions that have wheels for every platform",
        )
    return _wired(call, effect, telling, "pip says that every requirement has a wheel for the target")


def _wired(call: Call, effect: Effect, telling: Telling, evidence: str) -> Effect:
    why = "pip is told of the target: its wheels, and markers that are true there"
    demand = Demand(
        words=((Span(telling.at, telling.at), telling.text, why),),
        before=((call.number, told.WRITE, told.WHAT),),
    )
    return replace(effect, demand=demand, evidence=(Evidence(evidence, call.place),))


# -- other verbs


def _looks(call: Call, _given: Reading) -> Effect | None:
    """What is installed, said; that is what is for the target."""
    own = _known(call)
    if own is None:
        return None
    return plain(call, join((told_kind(call), source_kind(call, own.packages))), reads=(own.packages,))


def _removes(call: Call, given: Reading) -> Effect | None:
    own = _known(call)
    if own is None or not given.has("-y") or not given.operands:
        return None
    kind = word_kind(call)
    return plain(call, Kind.BUILD, (write(call, folder, kind) for folder in own.folders))


_KEYS = expression(r"(global|install|download|wheel)\.([\w-]+)$")


def _configures(call: Call, given: Reading) -> Effect | None:
    """`set KEY VALUE` of what changes nothing but where and how pip looks."""
    if len(given.operands) != 3 or given.operands[0] != "set" or _known(call) is None:
        return None
    key = _KEYS.match(given.operands[1] or "")
    if local_places(given.operands[2:]) and "index" in (given.operands[1] or ""):
        return None
    if key is None or f"PIP_{key[2].upper().replace('-', '_')}" not in _HARMLESS:
        return None
    kind = word_kind(call)
    file = "/etc/pip.conf" if given.has("--global") else "/root/.config/pip/pip.conf"
    return plain(call, kind, (write(call, file, kind),))


def _checks(call: Call, _given: Reading) -> Effect | None:
    """`pip check`: also whether what is installed is for the machine, which is the target."""
    try:
        _check_image(call)
        own = _environment(call)
        telling = Telling(call)
        if not telling.is_there and not call.around.settings.helpers:
            return None
    except UntoldError:
        return None
    kind = join((told_kind(call), Kind.CROSS, source_kind(call, own.packages)))
    effect = Effect(
        reads=(own.packages,),
        output=join((kind, Kind.TARGET)),
        sees_environment=False,
        needs=(Need("TARGETARCH", call.instruction, "pip"),),
        toolchain="python",
    )
    return effect if telling.is_there else _wired(call, effect, telling, "pip is told of the target")


def _tidies(call: Call, given: Reading) -> Effect | None:
    if given.operands[:1] not in (("purge",), ("dir",), ("info",)) or _known(call) is None:
        return None
    return plain(call, Kind.BUILD, (write(call, _CACHE, Kind.BUILD),))


def _known(call: Call) -> Prefix | None:
    try:
        return _environment(call)
    except UntoldError:
        return None


def told_already(call: Call) -> Effect | None:
    """`python FILE pip …` and `python FILE -m pip …`: what was told of the target before."""
    inner = told.told(call)
    effect = PIP.effect(inner) if inner is not None else None
    return effect if effect is not None and effect.toolchain else None


_COMMON = (
    "-q,--quiet -v,--verbose --no-input --no-color --disable-pip-version-check --root-user-action= "
    "--no-cache-dir,--no-cache --timeout,--default-timeout= --retries= --progress-bar= --cert= --proxy= "
    "--trusted-host="
)
_WANTED = (
    "-r,--requirement=< -c,--constraint=< --no-deps --require-hashes --pre --prefer-binary --only-binary= "
    "-i,--index-url,--index,--pypi-url= --extra-index-url= --no-index -f,--find-links= --no-build-isolation "
    "--use-pep517 --ignore-requires-python --no-binary= --platform= -e,--editable="
)
PIP = Program(
    "pip pip3",
    _COMMON,
    style=Style.FIRST,
    verbs={
        "install": Program(
            "install",
            f"{_COMMON} {_WANTED} -t,--target=/ --prefix=/ --user --root=/ -U,--upgrade --upgrade-strategy= "
            "-I,--ignore-installed --force-reinstall --compile --no-compile --no-warn-script-location "
            "--no-warn-conflicts --break-system-packages",
            does=_gets(_INSTALL),
        ),
        "wheel": Program("wheel", f"{_COMMON} {_WANTED} -w,--wheel-dir=/", does=_gets(_WHEEL)),
        "download": Program(
            "download",
            f"{_COMMON} {_WANTED} -d,--dest,--destination-dir,--destination-directory=/",
            does=_gets(_DOWNLOAD),
        ),
        "list": Program("list", f"{_COMMON} --format= --local,-l --user", does=_looks),
        "freeze": Program("freeze", f"{_COMMON} --all --local,-l --user --exclude=", does=_looks),
        "show": Program("show", f"{_COMMON} -f,--files", does=_looks),
        "uninstall": Program("uninstall", f"{_COMMON} -y,--yes --break-system-packages", does=_removes),
        "config": Program("config", f"{_COMMON} --user --global", does=_configures),
        "cache": Program("cache", _COMMON, does=_tidies),
        "check": Program("check", _COMMON, does=_checks),
    },
)
