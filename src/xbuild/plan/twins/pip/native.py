"""Runs pip (venv, ensurepip) of an image for another machine in the build machine's own interpreter.

PYTHON FLAGS -S native.pyc PYTHON COUNT WORD... KIND PROGRAM ARGUMENT...: argv[0] is the image's interpreter,
so all paths come out as there. Only the interpreter, its extension modules and their libraries are the build
machine's. The standard library, site-packages, sysconfig and every other file are the image's; os.uname()
says what it says there; whatever is started runs there, through the kernel, but for pip itself. Nothing may
be imported here that pip would not import: its bytecode would be there or missing. Python 3.8 and later read
this.
"""

import _frozen_importlib_external as external
import _imp
import builtins
import marshal
import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing would be imported, and written as bytecode
    from collections.abc import Mapping
    from importlib.abc import PathEntryFinder
    from importlib.machinery import ModuleSpec
    from types import ModuleType, TracebackType
    from typing import Any, NoReturn, TextIO

MOUNT = "/.xbuild-7c1f"
HOME = MOUNT + "/pip"
MARKED = 97
READS = (
    "os.listdir",
    "os.scandir",
    "os.walk",
    "os.fwalk",
    "os.getxattr",
    "os.listxattr",
    "os.putenv",
    "os.unsetenv",
)
WRITING = posix.O_WRONLY | posix.O_RDWR | posix.O_CREAT | posix.O_TRUNC


class State:
    """Whether something happened that starting again would repeat, and how to start again."""

    has_begun = False
    program = ""
    words: "tuple[str, ...]" = ()
    kept: "tuple[ModuleType, ...]" = ()
    compiled: "tuple[bytes, str, int] | None" = None
    there: "There | None" = None


def is_for_us() -> bool:
    """Whether descriptor 9 is a pipe without a name that was opened for appending, as only `env` opens it."""
    try:
        with open("/proc/self/fdinfo/9", "rb") as file:
            flags = [line.split()[1] for line in file if line.startswith(b"flags:")]
        is_pipe = posix.readlink("/proc/self/fd/9").startswith("pipe:")
    except OSError:
        return False
    return is_pipe and bool(flags) and bool(int(flags[0], 8) & posix.O_APPEND)


def say(text: str) -> None:
    if is_for_us():
        posix.write(9, f"xbuild-twin: pip: {text}\n".encode("utf-8", "surrogateescape"))


def original_environment() -> "dict[bytes, bytes]":
    with open("/proc/self/environ", "rb") as file:
        entries = file.read().split(b"\0")
    return {name: value for name, equals, value in (entry.partition(b"=") for entry in entries) if equals}


def mark(why: str) -> "NoReturn":
    """What only the image's own interpreter can do: by it from the start, or the step has to be repeated."""
    if not State.has_begun:
        say("own: " + why)
        posix.execve(State.program, State.words, original_environment())
    say("mark: " + why)
    posix._exit(MARKED)


# -- what was done already


def text_of(word: "Any") -> str:
    return word.decode("utf-8", "surrogateescape") if isinstance(word, bytes) else str(word)


def is_bytecode(path: "Any") -> bool:
    """Also where PYTHONPYCACHEPREFIX has it; what is written first has a number behind its name."""
    text = text_of(path)
    return "__pycache__" in text or text.rstrip("0123456789").rstrip(".").endswith(".pyc")


def watch(event: str, arguments: "tuple[Any, ...]") -> None:
    """An audit hook: notes the first effect. Bytecode would be written again as it was."""
    if State.has_begun:
        if event == "ctypes.dlopen":
            check_library(arguments[0])
        return
    if event == "open":
        path, _, flags = arguments
        is_new = not isinstance(path, int)
        State.has_begun = bool(flags and flags & WRITING) and is_new and not is_bytecode(path)
    elif event == "ctypes.dlopen":
        check_library(arguments[0])
    elif event[:3] == "os.":
        State.has_begun = event not in READS and not (arguments and is_bytecode(arguments[0]))
    elif event[:7] == "socket." or event == "subprocess.Popen":
        State.has_begun = True


def check_library(name: "Any") -> None:
    """A library opened by name would be looked for among the build machine's."""
    if name is not None:
        mark(f"ctypes opens {name}")


def watch_output(stream: "TextIO | None") -> None:
    """What was printed cannot be taken back: the first write ends this watch."""
    if stream is None:
        return
    write = stream.write

    def once(text: str) -> int:
        State.has_begun = True
        stream.__dict__.pop("write", None)
        return write(text)

    stream.write = once  # type: ignore[method-assign]


# -- what is imported


class Foreign(external.ExtensionFileLoader):
    """An extension module of the image's: found as there, but it cannot be loaded here."""

    def create_module(self, spec: "ModuleSpec") -> "NoReturn":
        mark(f"{spec.name} is a module for another machine")


def redirect_imports(recorded: "Mapping[str, Any]") -> None:
    """The interpreter's own extension modules come from the mount; every other one is foreign."""
    own = [(external.ExtensionFileLoader, _imp.extension_suffixes())]
    extensions, *others = external._get_supported_file_loaders()  # type: ignore[attr-defined]
    suffixes = [recorded["suffix"] if s == recorded["own_suffix"] else s for s in extensions[1]]
    theirs = external.FileFinder.path_hook((Foreign, suffixes), *others)

    def hook(path: str) -> "PathEntryFinder":
        if path == recorded["dynload"]:
            return external.FileFinder(recorded["own_dynload"], *own)
        return theirs(path)

    for at, present in enumerate(sys.path_hooks):
        if present.__name__ == "path_hook_for_FileFinder":
            sys.path_hooks[at] = hook
    external.EXTENSION_SUFFIXES[:] = suffixes
    sys.path_importer_cache.clear()


# -- what is compiled

# Last digits of some constants depend on the machine: how its C library raises to a power, and whether its
# compiler fuses multiplications and additions of complex numbers. Bytecode with such is made by the image's.
# It is started once and forks for each source, so that every one is compiled in a fresh interpreter: what
# marshal writes depends on what else is there. It refers to what is there more than once, so the code has
# a name, as in py_compile. It ends with what asks it.
COMPILE = """
import marshal, posix, sys
asked, told = sys.stdin.buffer, sys.stdout.buffer
for line in iter(asked.readline, b""):
    size, length, optimize = map(int, line.split())
    path, data = asked.read(length).decode("utf-8", "surrogateescape"), asked.read(size)
    child = posix.fork()
    if not child:
        code = compile(data, path, "exec", dont_inherit=True, optimize=optimize)
        made = marshal.dumps(code)
        told.write(b"%d\\n" % len(made) + made)
        told.flush()
        posix._exit(0)
    if posix.waitpid(child, 0)[1]:
        break
"""


def may_depend(data: bytes) -> bool:
    """Whether a power of constants, or a complex constant, may stand in a source; a cheap look first."""
    at = data.find(b"**")
    while at >= 0:
        if may_be_power(data, at):
            return True
        at = data.find(b"**", at + 2)
    text = data.lower()
    at = text.find(b"j")
    while at >= 0:
        before = text[at - 2 : at] if at > 1 else text[:at]
        if before[-1:].isdigit() or (before[-1:] == b"." and before[:1].isdigit()):
            return True
        at = text.find(b"j", at + 1)
    return False


NEAR = 80


def may_be_power(data: bytes, at: int) -> bool:
    """Whether two stars may stand between constants of whose power the machine decides the last digits: not
    next to a name, not between whole numbers, not where no operand may stand (in texts).
    """
    before = data[max(0, at - NEAR) : at]
    line = before.rpartition(b"\n")[2].rstrip()
    if not line:  # the operand is above
        line = before.rstrip().rpartition(b"\n")[2]
        if not line or b"#" in line:
            return True
    left = last_word(line)
    if not left and line[-1:] in b"(,{[*:=|\"'`":
        return False
    front = line[: len(line) - len(left)][-2:]
    is_cut = bool(left) and before.startswith(left)
    is_fraction = front[-1:] == b"." and (left[:1].isdigit() or front[:1].isdigit())
    if is_cut or is_fraction or left in (b"True", b"False"):
        return True
    if left and not left[:1].isdigit():
        return False
    after = data[at + 2 : at + 2 + NEAR].lstrip()
    right = first_word(after)
    if after[:1] in (b"", b"\\", b"#") or right in (b"True", b"False"):
        return True
    if after[:1] in b"/*)]},;:=<>|&^%@`!?" or (right and not right[:1].isdigit()):
        return False
    is_whole = left.replace(b"_", b"").isdigit() and right.replace(b"_", b"").isdigit()
    ends = after[len(right) : len(right) + 1]
    return not is_whole or front[-1:] in b"+-." or ends in (b"", b".")


def is_of_word(byte: int) -> bool:
    return byte > 127 or byte == 95 or bytes((byte,)).isalnum()


def last_word(text: bytes) -> bytes:
    at = len(text)
    while at and is_of_word(text[at - 1]):
        at -= 1
    return text[at:]


def first_word(text: bytes) -> bytes:
    at = 0
    while at < len(text) and is_of_word(text[at]):
        at += 1
    return text[:at]


def numeric_kind(node: "Any") -> str:
    """i, f or c where the compiler makes one number of it, a capital if the machine decides which."""
    name = type(node).__name__
    if name == "Constant":
        kinds = {bool: "i", int: "i", float: "f", complex: "c"}
        return kinds.get(type(node.value), "")
    if name == "UnaryOp":
        return numeric_kind(node.operand)
    if name == "Subscript":  # of constants: one of them, whatever it is
        return "c" if type(node.value).__name__ in ("Tuple", "Constant") else ""
    if name != "BinOp":
        return ""
    left, right = numeric_kind(node.left), numeric_kind(node.right)
    if not left or not right:
        return ""
    both, operator = (left + right).lower(), type(node.op).__name__
    kind = "c" if "c" in both else "f" if "f" in both or operator == "Div" else "i"
    if operator == "Pow" and (kind != "i" or type(node.right).__name__ != "Constant"):
        kind = kind.replace("i", "f").upper()
    if (operator in ("Mult", "Div") and kind == "c") or left.isupper() or right.isupper():
        kind = kind.upper()
    return kind


def depends(data: bytes, path: str) -> bool:
    """Whether a constant of a source depends on the machine that compiles it."""
    if not may_depend(data):
        return False
    only_ast = 0x400
    try:
        stack = [compile(data, path, "exec", only_ast, dont_inherit=True)]
        while stack:
            node: Any = stack.pop()
            if numeric_kind(node).isupper():
                return True
            for field in node._fields:
                value = getattr(node, field, None)
                stack += [n for n in (value if isinstance(value, list) else [value]) if hasattr(n, "_fields")]
    except RecursionError:
        return True
    return False


class There:
    """The image's own interpreter, which compiles for the process that started it."""

    def __init__(self) -> None:
        self.owner = posix.getpid()
        (their_in, self.asked), (self.told, their_out) = posix.pipe(), posix.pipe()
        child = posix.fork()
        if not child:
            try:
                posix.dup2(their_in, 0)
                posix.dup2(their_out, 1)
                words = [sys.executable, "-IBS", "-c", COMPILE]
                posix.execve(sys.executable, words, original_environment())
            finally:
                posix._exit(MARKED)
        posix.close(their_in)
        posix.close(their_out)

    def made(self, data: bytes, path: str, optimize: int) -> "bytes | None":
        name = path.encode("utf-8", "surrogateescape")
        rest = b"%d %d %d\n" % (len(data), len(name), optimize) + name + data
        try:
            while rest:  # all of it is read before anything is written
                rest = rest[posix.write(self.asked, rest) :]
        except OSError:
            return None
        answer = b""
        while b"\n" not in answer:
            block = posix.read(self.told, 1)
            if not block:
                return None
            answer += block
        size, made = int(answer), b""
        while len(made) < size:
            block = posix.read(self.told, size - len(made))
            if not block:
                return None
            made += block
        return made


def compile_there(data: bytes, path: str, optimize: int) -> bytes:
    """What the image's own interpreter makes of a source, as bytecode has it."""
    if State.there is None or State.there.owner != posix.getpid():
        State.there = There()
    made = State.there.made(data, path, optimize)
    if made is None:
        mark(f"{path} is not compiled")
    return made


def compile_elsewhere() -> None:
    """Bytecode that would depend on this machine is replaced where it is written."""
    to_code = external.SourceLoader.source_to_code
    write = external._write_atomic  # type: ignore[attr-defined]
    head = 16  # PEP 552: what stands before the code

    def source_to_code(self: "Any", data: "Any", path: "Any", *, _optimize: int = -1) -> "Any":
        code = to_code(self, data, path, _optimize=_optimize)
        State.compiled = None
        if isinstance(data, (bytes, bytearray, memoryview)) and depends(bytes(data), text_of(path)):
            optimize = sys.flags.optimize if _optimize < 0 else _optimize
            State.compiled = (bytes(data), text_of(path), optimize)
        return code

    def write_atomic(path: str, data: "Any", *mode: int) -> None:
        if State.compiled is not None and is_bytecode(path):
            data = bytes(data[:head]) + compile_there(*State.compiled)
            State.compiled = None
        write(path, data, *mode)

    external.SourceLoader.source_to_code = source_to_code  # type: ignore[method-assign]
    external._write_atomic = write_atomic  # type: ignore[attr-defined]


# -- what is asked


def pretend(recorded: "Mapping[str, Any]") -> None:
    """The machine, and the description of the build from which sysconfig takes the rest."""
    real = posix.uname

    def uname() -> posix.uname_result:
        found = real()
        return posix.uname_result((*found[:4], recorded["machine"]))

    posix.uname = uname
    sys.implementation._multiarch = recorded["multiarch"]  # type: ignore[attr-defined]


# -- what is started


def is_pip(words: "list[str]") -> bool:
    """Whether an interpreter is started to run pip again; what exactly is asked anew by what is started."""
    if not words or words[0][:1] != "/" or not words[0].rpartition("/")[2].startswith("python"):
        return False
    if words[1:2] and words[1].endswith("/pip/__pip-runner__.py"):
        return True
    for at, word in enumerate(words[1:-1], 1):
        if word[:1] == "-" and word[-1:] == "m":
            return words[at + 1] in ("pip", "ensurepip")
        if word == "-c":
            return words[at + 1].startswith("\nimport runpy\nimport sys\nsys.path = [")
    return False


def follow() -> None:
    """pip in a process of its own runs natively, too: build requirements, a new environment's first pip."""
    import _posixsubprocess

    start = _posixsubprocess.fork_exec

    def fork_exec(
        arguments: "Any", programs: "Any", close: bool, kept: "tuple[int, ...]", *rest: "Any"
    ) -> int:
        words = [text_of(word) for word in arguments]
        if is_pip(words) and [text_of(program) for program in programs] == words[:1]:
            arguments = [HOME + "/python", *arguments]
            programs = ((HOME + "/python").encode(),)
            if is_for_us():
                kept = tuple(sorted({9, *kept}))
        return start(arguments, programs, close, kept, *rest)

    _posixsubprocess.fork_exec = fork_exec


# -- running


def hide_frames() -> None:
    """A traceback begins where the author's would."""

    def show(kind: "type[BaseException]", value: BaseException, trace: "TracebackType | None") -> None:
        while trace is not None and trace.tb_frame.f_code.co_filename == begin.__code__.co_filename:
            trace = trace.tb_next
        sys.__excepthook__(kind, value.with_traceback(trace), trace)

    sys.excepthook = show


def run(kind: str, program: str, arguments: "list[str]") -> None:
    main = type(sys)("__main__")
    main.__dict__.update(__builtins__=builtins, __annotations__={})
    State.kept = (sys.modules["__main__"], main)
    sys.modules["__main__"] = main
    if kind == "module":
        place(posix.getcwd())
        sys.argv[:] = ["-m", *arguments]
        import runpy

        runpy._run_module_as_main(program)  # type: ignore[attr-defined]
    elif kind == "code":
        place("")
        sys.argv[:] = ["-c", *arguments]
        exec(compile(program, "<string>", "exec", dont_inherit=True), main.__dict__)
    else:
        sys.argv[:] = [program, *arguments]
        program = program if program[:1] == "/" else posix.getcwd() + "/" + program  # as from 3.9 on
        place(sys.modules["os"].path.realpath(program).rpartition("/")[0] or "/")
        with open(program, "rb") as file:
            text = file.read()
        loader = external.SourceFileLoader("__main__", program)
        main.__dict__.update(__file__=program, __loader__=loader, __cached__=None)
        exec(compile(text, program, "exec", dont_inherit=True), main.__dict__)


def place(folder: str) -> None:
    """What Python puts first in sys.path: after `site` has run, and not with -I or -P."""
    if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
        sys.path.insert(0, folder)


def begin() -> None:
    if sys.path[:1] == [HOME]:
        del sys.path[0]
    words = sys.argv[2:]
    count = int(words[0])
    State.program, State.words = sys.argv[1], tuple(words[1 : count + 1])
    kind, program, *arguments = words[count + 1 :]
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[:] = State.words
    with open(HOME + "/recorded", "rb") as file:
        recorded = marshal.load(file)
    redirect_imports(recorded)
    compile_elsewhere()
    pretend(recorded)
    sys.addaudithook(watch)
    if is_for_us():
        posix.set_inheritable(9, False)
    sys.argv[:] = [{"module": "-m", "code": "-c"}.get(kind, program), *arguments]
    import site

    site.main()
    import os

    os.uname = posix.uname
    follow()
    watch_output(sys.stdout)
    watch_output(sys.stderr)
    hide_frames()
    run(kind, program, arguments)


if __name__ == "__main__":
    begin()
