"""In the helper stage: compares the image's Python for the build machine with the target's.

OUT TARGET-ROOT PYTHON: notes what the twin asks and shows; ends with 3 and a reason where they are not the
same program. Python 3.8 and later read this.
"""

import hashlib
import importlib.machinery
import importlib.util
import marshal
import os
import re
import sys
import sysconfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

# What the two builds must have alike; the rest of their description names machines and folders of their
# makers.
SAME = (
    "ABIFLAGS",
    "Py_DEBUG",
    "Py_GIL_DISABLED",
    "Py_TRACE_REFS",
    "VERSION",
    "prefix",
    "exec_prefix",
    "LIBDEST",
    "DESTSHARED",
    "BINDIR",
    "PLATLIBDIR",
    "WITH_PYMALLOC",
    "WITH_DECIMAL_CONTEXTVAR",
    "SIZEOF_VOID_P",
    "SIZEOF_LONG",
    "SIZEOF_TIME_T",
    "SIZEOF_WCHAR_T",
    "Py_ENABLE_SHARED",
)
# Folders of the standard library that are not its sources.
OTHER = ("site-packages", "dist-packages", "__pycache__", "lib-dynload")
# What the deciding program imports, beside frozen and built-in modules.
LIBRARY = (
    "os",
    "posixpath",
    "genericpath",
    "stat",
    "_collections_abc",
    "abc",
    "codecs",
    "io",
    "site",
    "encodings/__init__",
    "encodings/aliases",
    "encodings/utf_8",
    "encodings/latin_1",
    "encodings/ascii",
)


def refuse(why: str) -> "NoReturn":
    print(why)
    sys.exit(3)


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def in_root(root: str, path: str) -> str:
    """Where a path of the target lies here, its links followed inside the target."""
    for _ in range(40):
        resolved = ""
        parts = [part for part in path.split("/") if part not in ("", ".")]
        for at, part in enumerate(parts):
            here = root + resolved + "/" + part
            if part == "..":
                resolved = resolved.rpartition("/")[0]
            elif os.path.islink(here):
                link = os.readlink(here)
                path = (link if link[:1] == "/" else resolved + "/" + link) + "/" + "/".join(parts[at + 1 :])
                break
            else:
                resolved += "/" + part
        else:
            return resolved
    raise OSError(f"{path} is a loop of links")


def machine(data: bytes) -> "tuple[int, int, bytes]":
    """What an ELF header says: class, byte order, machine."""
    if data[:4] != b"\x7fELF":
        refuse("an interpreter is no ELF file")
    return data[4], data[5], data[18:20]


def compare_library(root: str, stdlib: str) -> None:
    """Every source file of the standard library, byte for byte: interpreters of the same sources."""
    for folder, folders, names in os.walk(stdlib):
        folders[:] = [name for name in folders if name not in OTHER and name[:7] != "config-"]
        for name in names:
            path = os.path.join(folder, name)
            if name.endswith(".py") and not name.startswith("_sysconfigdata"):
                there = root + path
                if not os.path.isfile(there) or read(path) != read(there):
                    refuse(f"{path} differs between the platforms")


def description(root: str, stdlib: str) -> "tuple[str, dict[str, Any]]":
    """The multiarch name and the variables by which a build describes itself."""
    head = f"_sysconfigdata_{sys.abiflags}_{sys.platform}_"
    found = [n for n in os.listdir(root + stdlib) if n.startswith(head) and n.endswith(".py")]
    if len(found) != 1:
        refuse(f"no single {head}*.py in {stdlib}")
    variables: dict[str, Any] = {}
    exec(compile(read(root + stdlib + "/" + found[0]), found[0], "exec"), variables)
    return found[0][len(head) : -3], variables["build_time_vars"]


def modules(folder: str, suffix: str) -> "list[str]":
    return sorted(n[: -len(suffix)] for n in os.listdir(folder) if n.endswith(suffix))


def shared_library() -> "list[str]":
    """libpython, where the interpreter is in it."""
    with open("/proc/self/maps") as file:
        found = {line.split(None, 5)[5].rstrip("\n") for line in file if "/libpython" in line}
    return sorted(path for path in found if ".so" in path)


def c_library(multiarch: str) -> "tuple[str, bytes]":
    """Where the C library of the target is, and what the native one says of its own release: as it stands in
    either file (decide.py looks for the same). musl's is its loader, which tells it when it is started.
    """
    if not multiarch.endswith("-musl"):
        try:
            release = str(os.confstr("CS_GNU_LIBC_VERSION")).split()[-1]
        except (OSError, ValueError):  # with musl, before Python 3.11
            refuse("the interpreter takes its C library for another one")
        return f"/lib/{multiarch}/libc.so.6", b" release version %s." % release.encode()
    import subprocess

    loader = "/lib/ld-musl-{}.so.1"
    said = subprocess.run([loader.format(os.uname().machine)], stderr=subprocess.PIPE, check=False).stderr
    found = re.search(rb"^musl .*\nVersion (\S+)", said)
    if found is None:
        refuse("musl does not tell its release")
    return loader.format(multiarch.partition("-")[0]), b"\0%s\0" % found[1]


def variables_read(data: bytes) -> "set[str]":
    """Names of variables that an interpreter looks for, as they stand in its program."""
    return {name.decode() for name in re.findall(rb"\0(_?PYTHON[A-Z_]+)(?=\0)", data)}


def configuration_of_openssl() -> str:
    """The file that the library reads, whatever it is asked to do."""
    try:
        import ssl
    except ImportError:
        refuse("the interpreter has no ssl")
    return os.path.dirname(ssl.get_default_verify_paths().openssl_cafile) + "/openssl.cnf"


def libraries(out: str, stdlib: str) -> None:
    """What the deciding program imports, with its bytecode, which does not depend on times."""
    place = "{}/lib/python{}.{}".format(out, *sys.version_info[:2])
    ours = os.path.dirname(os.path.abspath(__file__))
    sources = {name: f"{stdlib}/{name}.py" for name in LIBRARY}
    sources.update({name: f"{ours}/{name}.py" for name in ("decide", "understood")})
    for name, source in sources.items():
        target = f"{place}/{name}.py"
        os.makedirs(os.path.dirname(target) + "/__pycache__", exist_ok=True)
        text = read(source)
        with open(target, "wb") as file:
            file.write(text)
        with open(importlib.util.cache_from_source(target), "wb") as file:
            file.write(bytecode(text, f"<{name}>"))
    with open(out + "/native.pyc", "wb") as file:
        file.write(bytecode(read(ours + "/native.py"), "<xbuild>"))


def bytecode(text: bytes, name: str) -> bytes:
    """Unchecked, by the hash of its source: the same from run to run."""
    code = compile(text, name, "exec", dont_inherit=True, optimize=0)
    head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(text)
    return head + marshal.dumps(code)


def main(out: str, root: str, python: str) -> None:
    stdlib = sysconfig.get_path("stdlib")
    if in_root(root, python) != python:
        refuse(f"{python} is a link on one platform")
    multiarch, theirs = description(root, stdlib)
    _, own = description("", stdlib)
    for name in SAME:
        if theirs.get(name) != own.get(name):
            refuse(f"{name} of the interpreter differs between the platforms")
    binaries = [python, *shared_library()]
    ours = b"".join(read(path) for path in binaries)
    data = b"".join(read(root + in_root(root, path)) for path in binaries)
    if machine(ours)[:2] != machine(data)[:2] or machine(ours) == machine(data):
        refuse("no interpreter for another machine of the same kind")
    version, compiler = sys.version.split(" ", 1)[0], sys.version.rpartition("[")[2].rstrip("]")
    if b"\0%s\0" % version.encode() not in data or compiler.encode() not in data:
        refuse(f"the target's interpreter is not {version} [{compiler}]")
    if os.uname().machine != own["HOST_GNU_TYPE"].partition("-")[0]:
        refuse("the machine's name does not follow from the interpreter's build")
    compare_library(root, stdlib)
    dynload, suffix, own_suffix = stdlib + "/lib-dynload", theirs["EXT_SUFFIX"], own["EXT_SUFFIX"]
    if modules(root + dynload, suffix) != modules(dynload, own_suffix):
        refuse("extension modules differ between the platforms")
    if own_suffix != importlib.machinery.EXTENSION_SUFFIXES[0]:
        refuse("the suffix of extension modules is not the interpreter's")
    libc, release = c_library(multiarch)
    if release not in read(root + in_root(root, libc)):
        refuse("another release of the C library on the target platform")
    sums = {}
    for path in (*binaries, "/etc/os-release", "/etc/nsswitch.conf"):
        there = root + in_root(root, path)
        sums[path] = hashlib.sha256(read(there)).hexdigest() if os.path.isfile(there) else ""
    recorded = {
        "python": python,
        "prefix": own["prefix"] if os.path.samefile(own["prefix"], sys.prefix) else sys.prefix,
        "sums": sums,
        "openssl": configuration_of_openssl(),
        "libc": libc,
        "release": release,
        "reads": tuple(sorted(variables_read(ours) | variables_read(data))),
        "machine": theirs["HOST_GNU_TYPE"].partition("-")[0],
        "multiarch": multiarch,
        "suffix": suffix,
        "own_suffix": own_suffix,
        "dynload": dynload,
        "own_dynload": "/.xbuild-7c1f/pip/lib/python{}.{}/lib-dynload".format(*sys.version_info[:2]),
    }
    libraries(out, stdlib)
    with open(out + "/recorded", "wb") as file:
        marshal.dump(recorded, file, 2)


if __name__ == "__main__":
    try:
        if not hasattr(sys, "addaudithook"):
            refuse("the interpreter is older than 3.8")
        main(*sys.argv[1:])
    except Exception as error:  # a full disk, say: the helper is made without this twin, and tried again
        sys.exit(f"{type(error).__name__}: {error}")
