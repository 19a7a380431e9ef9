"""pip told of the target: a script that runs it, where that stands in a command, and how it gets there.

pip runs in the interpreter of its own environment and is told what machine the target is, so that tags of
wheels and markers follow; it may start no other program, so that nothing can be built for the wrong machine.

Sources: pypa/packaging `tags.py`, `_manylinux.py` (64-bit architectures that need no look at the
interpreter), `_musllinux.py` (musl's version is what its loader says, since pip 21.2) and `markers.py`;
CPython "Audit events table" (since 3.8), `Lib/sysconfig` (`get_platform` asks os.uname); pypa/distlib
`scripts.py` (first lines of scripts).
"""

from __future__ import annotations

import json
import posixpath
from dataclasses import replace

from xbuild.architectures import ARCHITECTURES
from xbuild.plan.facts.filesystem import overlaps
from xbuild.plan.recipes.own_files import UntoldError
from xbuild.plan.toolchain import HELPERS, Call
from xbuild.plan.toolchains.python.environments import OWN, Prefix, environment
from xbuild.plan.toolchains.python.pythons import whose
from xbuild.text import expression

FILE = f"{HELPERS}/pip.py"
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
        if event == "subprocess.Popen" and program.startswith("ld-musl-") and len(given[1]) == 1:
            return
        if program in ("lsb_release", "rustc", "uname"):
            raise FileNotFoundError(program)
        print(f"xbuild: {{program}} is not started: nothing is built for {{name}} here", flush=True)
        print("xbuild: name a release with a wheel, or run that stage unpinned, without this", flush=True)
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
for it. musl's loader is started without arguments, to tell its version (`_musllinux.py`): that of the build
machine, of the same release as the target's. No line has a quote that would end the shell's.
"""
WRITE = (
    f"mkdir -p {HELPERS} &&",
    "printf '%s\\n'",
    *(f"'{line}'" for line in RUNNER.splitlines()),
    f"> {FILE}",
)
WHAT = "a small script, for every platform the same, tells pip of the target"
_JOINT = " " * 5  # as a RUN that was added is read
_PIP = expression(r"(?P<folder>.*/)?pip[0-9.]*(?P<quote>[\"']?)$")


def stranger(call: Call) -> UntoldError:
    """Why the Python of the program that is called is not known."""
    path = call.variables.get("PATH")
    text, cure = whose(call.around.image, call.texts[0] or "", (path.text if path else None) or "")
    return UntoldError(text, cure)


def check_failure(call: Call) -> None:
    """Raises UntoldError where the script would go on without what an installer refuses to build."""
    if call.may_fail_unseen:
        raise UntoldError(
            "where it refuses to build something, the script would go on without it",
            "let the RUN fail where it fails, by && or set -e",
        )


class Telling:
    """Where the script stands in front of pip, or of `-m pip`, or has to, and the line that is then run."""

    def __init__(self, call: Call) -> None:
        script, own = call.run.script, call.command.words
        is_plain = call.is_editable and script is not None and script.text == call.script
        pip = _PIP.match(call.words[0].raw)
        if not is_plain or call.words[0] not in own or pip is None:
            raise UntoldError(
                "only where a RUN calls it by its name, in shell form, can it be told of the target"
            )
        number = own.index(call.words[0])
        is_module = number > 1 and own[number - 1].value == "-m"
        first = number - 1 if is_module else number
        self.is_there = first > 0 and own[first - 1].value == FILE
        if self.is_there and _JOINT.join(WRITE) not in call.around.text:
            raise UntoldError(f"{FILE} is not what xbuild writes there")
        python = f"{pip['folder'] or ''}python{pip['quote']}"
        self.text = f"{FILE} " if is_module else f"{python} {FILE} "
        self.at = own[first].span.start
        given = (f"{name}={word.raw}" for name, (word, _) in call.assignments.items())
        program = (own[number - 2].raw,) if is_module else ()
        behind = (word.raw for word in own[first:])
        self.line = " ".join((*given, "TARGETARCH=$TARGETARCH", *program, self.text.rstrip(), *behind))


def module(call: Call, at: int) -> Call:
    """`python … -m MODULE …` as a call of the program MODULE, which words[at] names: it is looked for where
    that python lies.
    """
    folder = posixpath.dirname(call.texts[0] or "")
    name = call.texts[at]
    texts = (posixpath.join(folder, name) if folder and name else name, *call.texts[at + 1 :])
    return replace(call, words=call.words[at:], texts=texts, kinds=call.kinds[at:])


def told(call: Call) -> Call | None:
    """What `python FILE pip …` and `python FILE -m pip …` run, as a call of that pip; None for another pip
    than that of the same environment.
    """
    if call.texts[1:2] != (FILE,) or len(call.texts) < 3:
        return None
    if call.texts[2] == "-m":
        return module(call, 3) if call.texts[3:4] == ("pip",) else None
    name = posixpath.basename(call.texts[2] or "")
    inner = replace(call, words=call.words[2:], texts=call.texts[2:], kinds=call.kinds[2:])
    is_pip = name.startswith("pip") and OWN.match(name) is not None
    return inner if is_pip and environment(inner) == environment(call) else None


def is_in_the_way(path: str) -> bool:
    """Whether what is taken there brings the script along."""
    return overlaps(path, HELPERS)


def described(where: Prefix) -> str:
    """What to take instead of all of /usr/local."""
    return f"take {where.packages} and the programs that are needed, or install into a virtual environment"
