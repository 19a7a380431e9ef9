"""Says, at every call of pip, pip3, pip3.X and `python WORD ARGUMENT...`, whether it runs natively (twin.sh).

Runs in the native interpreter with a small library beside it (-IBS), in front of the one that runs pip, and
starts nothing. Python 3.8 and later read this.
"""

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from xbuild.plan.twins.pip import understood
else:  # in the mount there is no more than this
    import understood

MOUNT = "/.xbuild-7c1f"
HOME = MOUNT + "/pip"


class OwnError(Exception):
    """The author's program instead, and why."""


class Call:
    """What the author's command would start: the file, its words, and what they mean to the interpreter."""

    def __init__(self, program: str, words: "list[str]") -> None:
        self.program = program
        self.words = words
        self.python = program  # the interpreter, by the path from which it derives where it is
        self.flags: list[str] = []
        self.kind = ""
        self.target = ""
        self.arguments: list[str] = []


def read_text(path: str, size: int = -1) -> str:
    with open(path, "rb") as file:
        return file.read(size).decode("utf-8", "surrogateescape")


def sum_of(path: str) -> str:
    """sha256; empty where there is no such file."""
    import _hashlib

    digest = _hashlib.openssl_sha256()
    try:
        with open(path, "rb") as file:
            while True:
                block = file.read(1 << 20)
                if not block:
                    return str(digest.hexdigest())
                digest.update(block)
    except OSError:
        return ""


# -- what is called


def understand_pip(call: Call, arguments: "list[str]") -> None:
    """`pip`: a script of a known form, whose first line leads to the interpreter."""
    python = understood.script(read_text(call.program, 4096))
    if python is None:
        raise OwnError(f"{call.program} is another script")
    why = understood.pip(arguments)
    if why:
        raise OwnError(f"{why} is not understood")
    call.python, call.kind, call.target, call.arguments = python, "script", call.program, arguments


def understand_python(call: Call, arguments: "list[str]") -> None:
    """`python -m pip|venv`, and what pip and venv start to run pip again."""
    found = understood.interpreter(arguments)
    if found is None:
        raise OwnError("no call of pip or venv")
    call.flags, call.kind, call.target, call.arguments = found
    why: str | None
    if call.kind == "module":
        why = understood.module(call.target, call.arguments)
    elif call.kind == "code":
        why = None if understood.is_bootstrap(call.target) else "-c"
    else:
        why = understood.pip(call.arguments) if understood.is_runner(call.target) else call.target
    if why:
        raise OwnError(f"{why} is not understood")


def understand(name: str, program: str, words: "list[str]") -> Call:
    """The call behind the author's words: `name` is what they stand for, `program` where that was found."""
    if not program:
        raise OwnError(f"{words[0]} is not there")
    call = Call(program, words)
    if name[:3] == "pip":
        understand_pip(call, words[1:])
    else:
        understand_python(call, words[1:])
    return call


# -- whether it is the same


def environment_of(python: str) -> "tuple[str, str] | None":
    """The home that a virtual environment names, and its folder; None outside of one."""
    folder = os.path.dirname(os.path.abspath(python))
    for place in (folder, os.path.dirname(folder)):
        try:
            text = read_text(place + "/pyvenv.cfg")
        except OSError:
            continue
        for line in text.splitlines():
            key, equals, value = line.partition("=")
            if equals and key.strip().lower() == "home":
                return value.strip(), place
        raise OwnError(f"{place}/pyvenv.cfg names no home")
    return None


def check_interpreter(python: str, recorded: "Mapping[str, Any]") -> str:
    """That it is byte for byte the image's own, and finds itself where that one does; gives sys.prefix."""
    expected = recorded["python"]
    real, inside = os.path.realpath(python), environment_of(python)
    if inside is None:
        if real != expected:
            raise OwnError(f"{python} is another interpreter")
        return str(recorded["prefix"])
    home, prefix = inside
    if os.path.realpath(home + "/" + os.path.basename(expected)) != expected:
        raise OwnError(f"{python} belongs to another interpreter")
    if real != expected and sum_of(real) != recorded["sums"][expected]:
        raise OwnError(f"{python} is another interpreter")
    return prefix


def check_files(sums: "Mapping[str, str]") -> None:
    """That what the twin was compared with, when it was made, is still there."""
    for path in sorted(sums):
        if sum_of(path) != sums[path]:
            raise OwnError(f"{path} is another file than in the base image")


def check_libc(path: str, release: bytes) -> None:
    """Which wheels fit depends on the release of the C library: it has to be that of the native one."""
    with open(path, "rb") as file:
        if release not in file.read():
            raise OwnError(f"{path} is another release than in the base image")


def check_openssl(path: str) -> None:
    """That its configuration has no code loaded (the list is twin.sh's)."""
    keys = [line.split()[0] for line in read_text(MOUNT + "/openssl").splitlines() if line[:1] != "#"]
    try:
        text = read_text(path)
    except FileNotFoundError:
        return
    for line in text.splitlines():
        for key in keys:
            rest = line.strip()
            if rest.startswith(key) and not (rest[len(key) :][:1].isalnum() or rest[len(key) :][:1] == "_"):
                raise OwnError(f"{path} has code loaded")


def hostile(variables: "Mapping[str, str]", lists: "Iterable[str]") -> "str | None":
    """The first variable that the lists of names and patterns forbid."""
    for text in lists:
        for line in text.splitlines():
            pattern = line.split("#", 1)[0].strip()
            for name in sorted(variables):
                matches = name.startswith(pattern[:-1]) if pattern[-1:] == "*" else name == pattern
                if matches and variables[name]:
                    return name
    return None


def check_environment(variables: "Mapping[str, str]", reads: "tuple[str, ...]") -> None:
    lists = [
        read_text(path) for path in (MOUNT + "/hostile", HOME + "/hostile") if os.path.exists(path)
    ]  # both are there; a mount without them is one of a test
    why = hostile(variables, lists) or understood.environment(variables, reads)
    if why:
        raise OwnError(f"{why} is set")
    if os.path.exists("/etc/ld.so.preload"):
        raise OwnError("/etc/ld.so.preload")


def configurations(variables: "Mapping[str, str]", prefix: str) -> "list[str]":
    """Files that pip reads settings from."""
    home = variables.get("HOME") or os.path.expanduser("~")
    found = [f"{place}/pip/pip.conf" for place in (variables.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")]
    found += ["/etc/pip.conf", f"{home}/.pip/pip.conf", f"{prefix}/pip.conf"]
    found.append((variables.get("XDG_CONFIG_HOME") or f"{home}/.config") + "/pip/pip.conf")
    named = variables.get("PIP_CONFIG_FILE")
    return [*found, named] if named and named != "/dev/null" else found


def check_configuration(variables: "Mapping[str, str]", prefix: str) -> None:
    for path in configurations(variables, prefix):
        try:
            text = read_text(path)
        except OSError:
            continue
        why = understood.configuration(text)
        if why:
            raise OwnError(f"{why} in {path} is not understood")


def prepare(name: str, program: str, words: "list[str]", variables: "Mapping[str, str]") -> "list[str]":
    """The words that start the native interpreter for the author's."""
    with open(HOME + "/recorded", "rb") as file:
        recorded = marshal.load(file)
    call = understand(name, program, words)
    check_environment(variables, recorded["reads"])
    prefix = check_interpreter(call.python, recorded)
    check_files(recorded["sums"])
    check_openssl(recorded["openssl"])
    check_libc(recorded["libc"], recorded["release"])
    check_configuration(variables, prefix)
    shown = call.words if call.python == call.program else [call.python, call.program, *call.words[1:]]
    native = [call.python, *call.flags, "-S", HOME + "/native.pyc", call.python, str(len(shown))]
    return [*native, *shown, call.kind, call.target, *call.arguments]


def variables_of(process: "int | str") -> "dict[str, str]":
    """The environment with which a process was started; of two variables of one name the first."""
    with open(f"/proc/{process}/environ", "rb") as file:
        entries = file.read().split(b"\0")[:-1]
    found: dict[str, str] = {}
    for entry in entries:
        name, equals, value = (os.fsdecode(part) for part in entry.partition(b"="))
        if equals:
            found.setdefault(name, value)
    return found


def decide(started: str, author: str, words: "list[str]") -> "list[str]":
    """Records for the starter."""
    name = os.path.basename(started if started.startswith(HOME + "/bin/") else words[0])
    try:
        native = prepare(name, author, words, variables_of(os.getppid()))
    except OwnError as why:
        return [f"own {why}", "end"]
    except Exception as error:  # whatever it is, nothing was started yet
        return [f"own {type(error).__name__}: {error}", "end"]
    arguments = [f"arg {word}" for word in native[1:]]
    return [f"run {HOME}/start", f"argv0 {native[0]}", *arguments, "alone", "report", "end"]


def main() -> None:
    records = decide(sys.argv[1], sys.argv[2], sys.argv[3:])
    os.write(1, b"".join(os.fsencode(record) + b"\0" for record in records))
