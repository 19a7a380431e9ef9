"""The programs pip, pip3, pip3.X and `python WORD ARGUMENT...` of the mount: native or the author's own.

Runs in the native interpreter with a small library beside it (-IBS), in front of the one that runs pip, and
starts nothing before everything is asked. Python 3.8 and later read this.
"""

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Iterable, Mapping
    from typing import Any, NoReturn

    from xbuild.plan.twins.pip import understood
else:  # in the mount there is no more than this
    import _signal

    import understood

MOUNT = "/.xbuild-7c1f"
HOME = MOUNT + "/pip"
MARKED = 97  # the exit code of what was begun natively and cannot end so
CRASHES = (
    _signal.SIGSEGV,
    _signal.SIGBUS,
    _signal.SIGILL,
    _signal.SIGFPE,
    _signal.SIGABRT,
    _signal.SIGSYS,
    _signal.SIGTRAP,
)
NO_PROGRAM = 8  # ENOEXEC: the kernel knows no such format


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


def is_for_us() -> bool:
    """Whether descriptor 9 is a pipe without a name that was opened for appending, as only `env` does."""
    try:
        with open("/proc/self/fdinfo/9", "rb") as file:
            flags = [line.split()[1] for line in file if line.startswith(b"flags:")]
        is_pipe = os.readlink("/proc/self/fd/9").startswith("pipe:")
    except OSError:
        return False
    return is_pipe and bool(flags) and bool(int(flags[0], 8) & os.O_APPEND)


def say(text: str) -> None:
    """One line for the report: to the copy of the step's standard error, and nowhere else."""
    if is_for_us():
        os.write(9, f"xbuild-twin: pip: {text}\n".encode("utf-8", "surrogateescape"))


def without_ours(path: str) -> str:
    """PATH as the author has it."""
    return ":".join(place for place in path.split(":") if not place.startswith(MOUNT + "/"))


def find(word: str, path: str) -> "str | None":
    """The file that a shell would start."""
    if "/" in word:
        return word
    for place in path.split(":"):
        found = (place or ".") + "/" + word
        if os.path.isfile(found) and os.access(found, os.X_OK):
            return found
    return None


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
    if not os.path.isabs(call.program):
        raise OwnError(f"{call.program} is no whole path")
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


def understand(words: "list[str]", path: str) -> Call:
    """The call behind our own command line: the author's words, looked up as the author's shell does."""
    program = find(words[0], path)
    if program is None:
        raise OwnError(f"{words[0]} is not there")
    call = Call(program, words)
    if os.path.basename(words[0])[:3] == "pip":
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


def prepare(words: "list[str]", variables: "Mapping[str, str]") -> "list[str]":
    """The words that start the native interpreter for the author's."""
    with open(HOME + "/recorded", "rb") as file:
        recorded = marshal.load(file)
    call = understand(words, variables.get("PATH", ""))
    check_environment(variables, recorded["reads"])
    prefix = check_interpreter(call.python, recorded)
    check_files(recorded["sums"])
    check_configuration(variables, prefix)
    shown = call.words if call.python == call.program else [call.python, call.program, *call.words[1:]]
    native = [call.python, *call.flags, "-S", HOME + "/native.pyc", call.python, str(len(shown))]
    return [*native, *shown, call.kind, call.target, *call.arguments]


# -- starting


def original(name: str) -> "list[bytes]":
    """The environment or command line as it came, before this interpreter touched it."""
    try:
        with open("/proc/self/" + name, "rb") as file:
            return file.read().split(b"\0")[:-1]
    except OSError:  # no /proc
        if name == "cmdline":
            return [os.fsencode(word) for word in sys.argv]
        return [variable + b"=" + value for variable, value in os.environb.items()]


def original_environment() -> "dict[bytes, bytes]":
    """As it came, but for our folders in PATH."""
    found: dict[bytes, bytes] = {}
    for entry in original("environ"):
        name, equals, value = entry.partition(b"=")
        if equals and name not in found:
            found[name] = value
    if b"PATH" in found:
        found[b"PATH"] = os.fsencode(without_ours(os.fsdecode(found[b"PATH"])))
    return found


def hand_over(words: "list[str]", variables: "Mapping[bytes, bytes]", why: str) -> "NoReturn":
    """The author's program, as if nothing had been here."""
    say("own: " + why)
    program = find(words[0], os.fsdecode(variables.get(b"PATH", b""))) or words[0]
    try:
        os.execve(program, words, variables)
    except OSError as error:
        if error.errno == NO_PROGRAM:  # for a shell it is a script of its own
            os.execve("/bin/sh", ["/bin/sh", program, *words[1:]], variables)
        is_missing = isinstance(error, FileNotFoundError) and not os.path.lexists(program)
        text = "not found" if is_missing else error.strerror
        os.write(2, os.fsencode(f"{words[0]}: {text}\n"))
        os._exit(127 if is_missing else 126)


def wait(child: int, blocked: "Iterable[int]") -> "NoReturn":
    """The child's end, as ours. A signal sent to us is sent on; the terminal's has reached it already."""
    while True:
        came = _signal.sigwaitinfo(blocked)
        if came.si_signo != _signal.SIGCHLD:
            if came.si_code <= 0:
                os.kill(child, came.si_signo)
            continue
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid == child and os.WIFEXITED(status):
            os._exit(os.WEXITSTATUS(status))
        if pid == child and os.WIFSIGNALED(status):
            end_by(os.WTERMSIG(status))


def end_by(number: int) -> None:
    """As the child ended; a crash is no end that the author's program would have had."""
    if number in CRASHES:
        say(f"mark: ended by signal {number}")
        os._exit(MARKED)
    if number != _signal.SIGKILL:
        _signal.signal(number, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, [number])
    os.kill(os.getpid(), number)


def start(native: "list[str]", words: "list[str]", variables: "Mapping[bytes, bytes]") -> "NoReturn":
    # All but those that cannot be blocked, and the two that the C library keeps for itself.
    blocked = set(range(1, _signal.NSIG)) - {_signal.SIGKILL, _signal.SIGSTOP, 32, 33}
    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, blocked)
    say("native")
    child = os.fork()
    if child:
        wait(child, blocked)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, before)
    try:
        os.execve(HOME + "/start", native, variables)
    except OSError as error:
        hand_over(words, variables, str(error))


def main(program: str) -> "NoReturn":
    for number in (_signal.SIGPIPE, _signal.SIGXFSZ):  # which every Python ignores for itself
        _signal.signal(number, _signal.SIG_DFL)
    came = [os.fsdecode(word) for word in original("cmdline")]
    words = came[came.index(program) + 1 :]
    if os.path.basename(os.path.dirname(program)) == "bin":
        words.insert(0, os.path.basename(program))
    variables = original_environment()
    try:
        native = prepare(words, {os.fsdecode(name): os.fsdecode(value) for name, value in variables.items()})
    except OwnError as why:
        hand_over(words, variables, str(why))
    except Exception as error:  # whatever it is, the author's program was not started yet
        hand_over(words, variables, f"{type(error).__name__}: {error}")
    start(native, words, variables)
