"""The programs pip, pip3, pip3.X and `python WORD ARGUMENT...` of the mount: native where that is the same, else the
author's own. Runs in the native interpreter with a small library beside it (-IBS), in front of the one that runs pip,
and starts nothing before everything is asked. Python 3.8 and later read this.
"""

import _signal
import marshal
import os
import stat

import understood

MOUNT = "/.xbuild-7c1f"
HOME = MOUNT + "/pip"
MARKED = 97  # the exit code of what was begun natively and cannot end so
CRASHES = tuple(
    getattr(_signal, name)
    for name in ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGSYS", "SIGTRAP")
    if hasattr(_signal, name)
)


class Own(Exception):
    """The author's program instead, and why."""


class Call:
    """What the author's command would start: the file, its words, and what they mean to the interpreter."""

    def __init__(self, program, words):
        self.program = program  # the file that is started
        self.words = words
        self.python = ""  # the interpreter, by the path from which it derives where it is
        self.flags = []
        self.kind = ""
        self.target = ""
        self.arguments = []


def say(text):
    """One line for the report: to the copy of the step's standard error, and nowhere else."""
    try:
        ours, step = os.fstat(9), os.stat("/proc/1/fd/2")
        if stat.S_ISFIFO(ours.st_mode) and (ours.st_dev, ours.st_ino) == (step.st_dev, step.st_ino):
            os.write(9, ("xbuild-twin: pip: %s\n" % text).encode("utf-8", "surrogateescape"))
    except OSError:
        pass


def without_ours(path):
    """PATH as the author has it."""
    kept = [place for place in path.split(":") if not place.startswith(MOUNT + "/")]
    return ":".join(kept)


def find(word, path):
    """The file that a shell would start."""
    if "/" in word:
        return word
    for place in path.split(":"):
        found = (place or ".") + "/" + word
        if os.path.isfile(found) and os.access(found, os.X_OK):
            return found
    return None


def read_text(path, size=-1):
    with open(path, "rb") as file:
        return file.read(size).decode("utf-8", "surrogateescape")


def first_sum(path):
    import _hashlib

    digest = _hashlib.openssl_sha256()
    with open(path, "rb") as file:
        while True:
            block = file.read(1 << 20)
            if not block:
                return digest.hexdigest()
            digest.update(block)


def understand_pip(name, call, arguments):
    """`pip`: a script of a known form, whose first line leads to the interpreter."""
    if not os.path.isabs(call.program):
        raise Own("%s is not found by a whole path" % name)
    python = understood.script(read_text(call.program, 4096))
    if python is None:
        raise Own("%s is another script" % call.program)
    why = understood.pip(arguments)
    if why:
        raise Own("%s is not understood" % why)
    call.python, call.kind, call.target, call.arguments = python, "script", call.program, arguments
    return call


def understand_python(call, arguments):
    """`python -m pip|venv`, and what pip and venv start to run pip again."""
    found = understood.interpreter(arguments)
    if found is None:
        raise Own("no call of pip or venv")
    call.python = call.program
    call.flags, call.kind, call.target, call.arguments = found
    why = None
    if call.kind == "module":
        why = understood.module(call.target, call.arguments)
    elif call.kind == "code":
        why = None if understood.is_bootstrap(call.target) else "-c"
    else:
        why = understood.pip(call.arguments) if understood.is_runner(call.target) else call.target
    if why:
        raise Own("%s is not understood" % why)
    return call


def understand(words, path):
    """The call behind our own command line: the author's words, looked up as the author's shell does."""
    name = os.path.basename(words[0])
    program = find(words[0], path)
    if program is None:
        raise Own("%s is not there" % words[0])
    call = Call(program, words)
    if name[:3] == "pip":
        return understand_pip(name, call, words[1:])
    return understand_python(call, words[1:])


def home_of(python):
    """The folder that a virtual environment names as its interpreter's, or None outside of one."""
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
        raise Own("%s/pyvenv.cfg names no home" % place)
    return None, None


def check_interpreter(python, recorded):
    """That it is byte for byte the image's own, and finds itself where that one does; gives sys.prefix."""
    real = os.path.realpath(python)
    home, prefix = home_of(python)
    if home is not None and os.path.realpath(home + "/" + os.path.basename(recorded["python"])) != recorded["python"]:
        raise Own("%s belongs to another interpreter" % python)
    if real != recorded["python"]:
        expected = recorded["sums"][recorded["python"]]
        if home is None or not os.path.isfile(real) or first_sum(real) != expected:
            raise Own("%s is another interpreter" % python)
    return prefix or recorded["prefix"]


def check_files(sums):
    """That what the twin was compared with, when it was made, is still there."""
    for path in sorted(sums):
        try:
            found = first_sum(path)
        except OSError:
            found = ""
        if found != sums[path]:
            raise Own("%s is another file than in the base image" % path)


def is_hostile(variables, lists):
    """The first variable that the lists of names and patterns forbid."""
    for text in lists:
        for line in text.splitlines():
            pattern = line.split("#", 1)[0].strip()
            for name in sorted(variables):
                matches = name.startswith(pattern[:-1]) if pattern[-1:] == "*" else name == pattern
                if pattern and matches and variables[name]:
                    return name
    return None


def check_environment(variables, recorded):
    lists = []
    for path in (MOUNT + "/hostile", HOME + "/hostile"):
        if os.path.exists(path):
            lists.append(read_text(path))
    why = is_hostile(variables, lists) or understood.environment(variables, recorded["reads"])
    if why:
        raise Own("%s is set" % why)
    if os.path.exists("/etc/ld.so.preload"):
        raise Own("/etc/ld.so.preload")


def configurations(variables, prefix):
    """Files that pip reads settings from."""
    home = os.path.expanduser("~")
    places = [place for place in (variables.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":") if place]
    found = [place + "/pip/pip.conf" for place in places] + ["/etc/pip.conf", home + "/.pip/pip.conf"]
    found.append((variables.get("XDG_CONFIG_HOME") or home + "/.config") + "/pip/pip.conf")
    found.append(prefix + "/pip.conf")
    named = variables.get("PIP_CONFIG_FILE")
    return found + [named] if named and named != "/dev/null" else found


def check_configuration(variables, prefix):
    for path in configurations(variables, prefix):
        try:
            text = read_text(path)
        except OSError:
            continue
        why = understood.configuration(text)
        if why:
            raise Own("%s in %s is not understood" % (why, path))


def prepare(words, variables):
    """The call, and the words that start the native interpreter for it."""
    with open(HOME + "/recorded", "rb") as file:
        recorded = marshal.load(file)
    call = understand(words, variables.get("PATH", ""))
    check_environment(variables, recorded)
    prefix = check_interpreter(call.python, recorded)
    check_files(recorded["sums"])
    check_configuration(variables, prefix)
    shown = call.words
    if call.kind == "script" and call.python != call.program:
        shown = [call.python, call.program] + call.words[1:]
    native = [call.python] + call.flags + ["-S", HOME + "/native.pyc", call.python, str(len(shown))]
    return call, native + shown + [call.kind, call.target] + call.arguments


def original(name):
    """The environment or command line as it came, before this interpreter touched it."""
    with open("/proc/self/" + name, "rb") as file:
        return file.read().split(b"\0")[:-1]


def environment():
    """As it came, but for our folders in PATH."""
    found = {}
    for entry in original("environ"):
        name, equals, value = entry.partition(b"=")
        if equals and name not in found:
            found[name] = value
    if b"PATH" in found:
        found[b"PATH"] = os.fsencode(without_ours(os.fsdecode(found[b"PATH"])))
    return found


def own(words, variables, why):
    """The author's program, as if nothing had been here."""
    if why:
        say("own: " + why)
    program = find(words[0], os.fsdecode(variables.get(b"PATH", b""))) or words[0]
    try:
        os.execve(program, words, variables)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not os.path.lexists(program):
            os.write(2, os.fsencode("%s: not found\n" % words[0]))
            os._exit(127)
        if error.errno == 8:  # no format that the kernel knows: for a shell it is a script
            os.execve("/bin/sh", ["/bin/sh", program] + words[1:], variables)
        os.write(2, os.fsencode("%s: %s\n" % (words[0], error.strerror)))
        os._exit(126)


def wait(child, blocked):
    """The child's end, as ours. A signal sent to us is sent on; one from the terminal has reached it already."""
    while True:
        came = _signal.sigwaitinfo(blocked)
        if came.si_signo != _signal.SIGCHLD:
            if came.si_code <= 0:
                os.kill(child, came.si_signo)
            continue
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid != child:
            continue
        if os.WIFEXITED(status):
            os._exit(os.WEXITSTATUS(status))
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number in CRASHES:
                say("mark: ended by signal %d" % number)
                os._exit(MARKED)
            if number != _signal.SIGKILL:
                _signal.signal(number, _signal.SIG_DFL)
            _signal.pthread_sigmask(_signal.SIG_UNBLOCK, [number])
            os.kill(os.getpid(), number)


def main(script_path):
    blocked = set(range(1, _signal.NSIG)) - {_signal.SIGKILL, _signal.SIGSTOP, 32, 33}
    for name in ("SIGPIPE", "SIGXFSZ"):  # ignored by every Python for itself
        _signal.signal(getattr(_signal, name), _signal.SIG_DFL)
    came = [os.fsdecode(word) for word in original("cmdline")]
    words = came[came.index(script_path) + 1 :]
    if os.path.basename(os.path.dirname(script_path)) == "bin":
        words.insert(0, os.path.basename(script_path))
    variables = environment()
    try:
        call, native = prepare(words, {os.fsdecode(k): os.fsdecode(v) for k, v in variables.items()})
    except Own as why:
        own(words, variables, str(why))
    except (OSError, UnicodeError, ValueError) as error:
        own(words, variables, str(error))
    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, blocked)
    say("native")
    child = os.fork()
    if child:
        wait(child, blocked)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, before)
    try:
        os.execve(HOME + "/start", native, variables)
    except OSError as error:
        own(call.words, variables, str(error))
