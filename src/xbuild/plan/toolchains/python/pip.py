"""Python: `pip install --target=FOLDER -r FILE` in an official image, natively for each target.

pip runs in the image's own interpreter and is told what machine the target is, so that tags of wheels and
markers follow; it may start no other program, so that nothing can be built for the wrong machine. Whether
every requirement has a wheel for the target, pip is asked in the same way.

Sources: docker-library/python `Dockerfile-linux.template` (Python and pip in /usr/local, no WORKDIR); pip's
"Requirements File Format", "Configuration" and `_internal/cli/cmdoptions.py`; pypa/packaging `tags.py`,
`_manylinux.py` (64-bit architectures that need no look at the interpreter) and `markers.py`; CPython
"Audit events table" (since 3.8), `Lib/sysconfig` (`get_platform` asks os.uname).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from xbuild.architectures import ARCHITECTURES
from xbuild.plan.facts.filesystem import TOOL_FOLDERS, Kind, Write, absolute, is_within, join, overlaps
from xbuild.plan.model import Evidence, Probe, Question, Reason, sections
from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import Program, anything, told_kind, where, write
from xbuild.plan.recipes.recipe import context_path
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Demand, Effect, Need
from xbuild.plan.toolchains.python.pythons import PATH, PYTHON
from xbuild.text import Span, expression

# -- pip told of the target

FOLDER = "/usr/local/lib/xbuild"
FILE = f"{FOLDER}/pip.py"
MACHINES = {
    row.docker: row.uname
    for row in ARCHITECTURES
    if row.uname in ("x86_64", "aarch64", "ppc64le", "s390x", "riscv64") and not row.variant
}
RUNNER = f"""\
import os, posix, runpy, shutil, sys
own = posix.uname()
name = {json.dumps(MACHINES)}[os.environ["TARGETARCH"]]
if sys.maxsize < 2**32:
    sys.exit("xbuild: this Python has 32 bits, and the target has 64")
posix.uname = os.uname = lambda: posix.uname_result((*own[:4], name))
def guard(event, given):
    if event in ("os.exec", "os.posix_spawn", "os.system", "subprocess.Popen"):
        program = os.path.basename(os.fsdecode(given[0]))
        if program in ("lsb_release", "rustc", "uname"):
            raise FileNotFoundError(program)
        print(f"xbuild: {{program}} is not started: nothing is built for {{name}} here", flush=True)
        os._exit(125)
sys.addaudithook(guard)
if sys.argv[1] == "-m":
    sys.path[0] = os.getcwd()
    sys.argv[:2] = []
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
else:
    sys.argv[:2] = [shutil.which(sys.argv[1])]
    sys.path[0] = os.path.dirname(sys.argv[0])
    with open(sys.argv[0]) as script:
        sys.executable = script.readline()[2:].strip()
    runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Run as `python FILE pip …` or `python FILE -m pip …`. What pip would start for its User-Agent is not there
for it. No line has a quote that would end the shell's.
"""
_WRITE = (
    f"mkdir -p {FOLDER} &&",
    "printf '%s\\n'",
    *(f"'{line}'" for line in RUNNER.splitlines()),
    f"> {FILE}",
)

_JOINT = " " * 5  # as a RUN that was added is read
_WHAT = "a small script, for every platform the same, tells pip of the target"

# -- what has to be so


class _NotReadError(Exception):
    """Why this pip cannot be told of the target."""

    def __init__(self, text: str, cure: str | None = None) -> None:
        super().__init__(text)
        self.cure = cure


_LOCATIONS = ("/usr/local", "/etc/pip.conf", "/etc/xdg", "/root/.config", "/root/.pip")
_CACHE = "/root/.cache"
# Variables of pip and of the interpreter that change neither what is installed nor what runs.
_HARMLESS = frozenset(
    words(
        "PIP_NO_CACHE_DIR PIP_DISABLE_PIP_VERSION_CHECK PIP_ROOT_USER_ACTION PIP_NO_INPUT PIP_PROGRESS_BAR "
        "PIP_DEFAULT_TIMEOUT PIP_TIMEOUT PIP_RETRIES PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST "
        "PIP_CERT PYTHONDONTWRITEBYTECODE PYTHONUNBUFFERED PYTHONFAULTHANDLER PYTHONHASHSEED "
        "PYTHONIOENCODING PYTHONUTF8"
    )
)
_TELLING = expression(r"PIP_|_PYTHON|PYTHON[A-Z]|(?:HOME|XDG_\w+)$")


def _check_image(call: Call) -> None:
    image = call.around.image
    if image.row is not PYTHON or image.family != "debian" or (image.version or (0, 0)) < (3, 8):
        raise _NotReadError(
            "its pip is known in Debian variants of the official python image from 3.8 on",
            "name one with its version: python:3.13-slim",
        )
    if call.scope.user() not in ("", "root", "0"):
        raise _NotReadError("only root's pip is known")
    platforms = call.around.platforms
    if platforms is None or any(p.architecture not in MACHINES for p in platforms):
        raise _NotReadError(
            f"pip can be told of the 64-bit platforms {', '.join(MACHINES)} alone",
            "name the platforms" if platforms is None else None,
        )


def _check_surroundings(call: Call) -> None:
    """Nothing but what came with the image has a say in what pip does."""
    names = (n for n in (*call.assignments, *call.variables) if _TELLING.match(n) and n not in _HARMLESS)
    path = call.variables.get("PATH")
    is_path = path is not None and path.text == PATH and "PATH" not in call.assignments
    bad = next(names, None if is_path else "PATH")
    if bad is not None:
        raise _NotReadError(f"{bad} is set, which changes what pip does")
    made = next(iter(call.writes.where(_is_in_the_way)), None)
    if made is not None:
        raise _NotReadError(f"`{made.text}` of line {made.place.line} may have changed pip or its settings")
    for mount in call.run.mounts:
        target = mount.get("target") or ""
        if mount.type != "cache" or mount.get("from") is not None or not is_within(target, _CACHE):
            raise _NotReadError(f"what --mount=type={mount.type or 'bind'} brings is not looked into")
    if call.around.is_shipped(FOLDER):
        raise _NotReadError(f"{FOLDER} would be shipped, where its helper is put")


def _is_in_the_way(made: Write) -> bool:
    if made.is_package or (made.path is not None and is_within(made.path, FOLDER)):
        return False
    return made.path is None or any(overlaps(made.path, folder) for folder in _LOCATIONS)


_PLAIN_LINE = expression(
    r"(?P<name>[A-Za-z0-9][\w.-]*)\s*(\[[\w\s,.-]*\])?\s*(?P<version>((?!\s-)[\w\s.*+!<>=~,()-])*)"
    r"(;((?!\s-)[^$])*)?(\s+--hash=\w+:[0-9a-fA-F]+)*"
)
_ARCHIVE = expression(r"\.(whl|zip|tar(\.\w+)?|t[gbx]z2?|tbz)$", re.IGNORECASE)


def _check_requirements(call: Call, path: str | None) -> None:
    """A file of the context, with nothing in it but names, versions, markers and hashes."""
    found = context_path(call, absolute(path, call.directory) if path is not None else None)
    text = call.around.context.read(found) if found is not None else None
    if text is None:
        raise _NotReadError(f"{path or 'its file of requirements'} is not in the build context")
    for line in re.sub(r"\\\n", " ", text.replace("\r\n", "\n")).split("\n"):
        plain = re.sub(r"(^|\s)#.*", "", line).strip()
        match = _PLAIN_LINE.fullmatch(plain)
        if plain and (match is None or any(_ARCHIVE.search(match[n].strip()) for n in ("name", "version"))):
            raise _NotReadError(
                f"`{plain[:40]}` in {found} is not plain",
                "name a release: NAME==VERSION, with markers or hashes",
            )


def _check_target(call: Call, path: str | None) -> str:
    target = where(call, path)
    if target is None or any(overlaps(target, folder) for folder in (*TOOL_FOLDERS, "/usr/local")):
        raise _NotReadError("--target is not a folder of its own", "install into /deps, for instance")
    return target


# -- pip is asked

_EXIT = "xbuild: exit code "


class _Wiring:
    """Where the helper stands in front of pip, or of `-m pip`, or has to, and the line that is then run."""

    def __init__(self, call: Call) -> None:
        script, own = call.run.script, call.command.words
        number = own.index(call.words[0])
        is_plain = call.words[0].value in ("pip", "pip3") and call.is_editable
        if not is_plain or script is None or script.text != call.script:
            raise _NotReadError(
                "only where a RUN calls it by its name, in shell form, can it be told of the target"
            )
        is_module = number > 1 and own[number - 1].value == "-m"
        first = number - 1 if is_module else number
        self.is_there = first > 0 and own[first - 1].value == FILE
        if self.is_there and _JOINT.join(_WRITE) not in call.around.text:
            raise _NotReadError(f"{FILE} is not what xbuild writes there")
        self.text = f"{FILE} " if is_module else f"python {FILE} "
        self.at = own[first].span.start
        given = (f"{name}={word.raw}" for name, (word, _) in call.assignments.items())
        program = (own[number - 2].raw,) if is_module else ()
        behind = (word.raw for word in own[first:])
        self.line = " ".join((*given, "TARGETARCH=$TARGETARCH", *program, self.text.rstrip(), *behind))


def _platforms(call: Call) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"linux/{p.architecture}" for p in call.around.platforms or ()))


def _question(call: Call, line: str) -> Question:
    """Run as it will be, for nothing but what it says; a pip before 22.2 has no --dry-run."""
    asked = (
        f"{' '.join(_WRITE)} && d=--dry-run && "
        '{ python -m pip install --help | grep -e "$d" > /dev/null || d="--target $(mktemp -d)"; } && '
        f'{{ {line} $d 2>&1; echo "{_EXIT}$?"; }}'
    )
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
    told = sections(answer)
    for platform in platforms:
        text = told.get(platform, "").rstrip()
        if not text.endswith(f"{_EXIT}0"):
            names = re.findall(
                r"^Collecting ([\w.-]+)|No matching distribution found for ([\w.-]+)", text, re.MULTILINE
            )
            yield f"{''.join(names[-1]) if names else 'all of it'} for {platform}"


# -- the command


def _install(call: Call, given: Reading) -> Effect | None:
    """`--target` is what makes it one of these."""
    if not given.has("-t") or not given.has("-r") or given.operands:
        return None
    try:
        return _cross(call, given)
    except _NotReadError as error:
        reason = Reason(f"`{call.spelled()}`: {error}", call.place, cure=error.cure)
        return replace(anything(call), reasons=(reason,), toolchain="python")


def _cross(call: Call, given: Reading) -> Effect:
    _check_image(call)
    target = _check_target(call, given.value("-t"))
    files = given.values("-r")
    for path in files:
        _check_requirements(call, path)
    _check_surroundings(call)
    wiring = _Wiring(call)
    kind = join((told_kind(call), Kind.CROSS))
    effect = Effect(
        writes=(write(call, target, kind), write(call, _CACHE, kind)),
        reads=tuple(where(call, path) for path in files),
        output=join((kind, Kind.TARGET)),
        sees_environment=False,
        needs=(Need("TARGETARCH", call.instruction, "pip"),),
        compiles=True,
        toolchain="python",
    )
    return effect if wiring.is_there else _wired(call, effect, wiring)


def _wired(call: Call, effect: Effect, wiring: _Wiring) -> Effect:
    """With what is demanded, once pip has said that it can do without building anything."""
    question = _question(call, wiring.line)
    answer = call.around.knowledge.answers.get(question.key)
    if answer is None:
        text = "whether all has a wheel for the target is not told here: pip has to be asked, in the builder"
        reason = Reason(f"`{call.spelled()}`: {text}", call.place, cure="plan or build with an engine")
        return replace(anything(call), reasons=(reason,), questions=(question,), toolchain="python")
    lacking = tuple(_lacking(answer, _platforms(call)))
    if lacking:
        raise _NotReadError(
            f"pip cannot install {', '.join(lacking)} without building it",
            "pin versions that have wheels for every platform",
        )
    why = "pip is told of the target: its wheels, and markers that are true there"
    return replace(
        effect,
        demand=Demand(
            words=((Span(wiring.at, wiring.at), wiring.text, why),), before=((call.number, _WRITE, _WHAT),)
        ),
        evidence=(Evidence("pip says that every requirement has a wheel for the target", call.place),),
    )


def told_already(call: Call) -> Effect | None:
    """`python FILE pip …` and `python FILE -m pip …`: what was told of the target before."""
    if call.texts[1:2] != (FILE,):
        return None
    at = 2 + (call.texts[2:3] == ("-m",))
    if call.texts[at : at + 1] not in (("pip",), ("pip3",)):
        return None
    effect = PIP.effect(replace(call, words=call.words[at:], texts=call.texts[at:], kinds=call.kinds[at:]))
    return effect if effect.toolchain else None


PIP = Program(
    "pip pip3",
    style=Style.FIRST,
    verbs={
        "install": Program(
            "install",
            "-r,--requirement=< -t,--target= --no-cache-dir --no-compile --no-deps --require-hashes "
            "--no-input --disable-pip-version-check -q,--quiet --root-user-action=",
            does=_install,
        )
    },
)
