"""CPython in /usr/local as the official images have it: a shared library, pip, and managed by nobody else.

Where it comes from: Debian's packages, of the release that has that Python, or JavaCPP's build for Java
programs, which fits the C library of every suite here. In neither case does dpkg know it there.
"""

from __future__ import annotations

import ast
import configparser
import json
import os
import pprint
import re
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from .debian import PRIVATE_TRIPLETS, merge_usr, unpack_one
from .process import BedError


@dataclass(frozen=True)
class Release:
    """Debian's suites that its images stand on, the usual one first, and where the interpreter comes from.

    `packages` and `wheels` are what came with that Python (from 3.12 on pip alone does); `build` is JavaCPP's
    version; without one it is Debian's.
    """

    suites: tuple[str, ...]
    packages: tuple[str, ...] = ()
    wheels: tuple[str, ...] = ("pip",)
    build: str = ""


OLDER = ("pip", "setuptools")
RELEASES = {
    "3.9": Release(("trixie", "bookworm"), wheels=OLDER, build="3.9.6-1.5.6"),
    "3.10": Release(("trixie", "bookworm"), wheels=OLDER, build="3.10.8-1.5.8"),
    "3.11": Release(
        ("bookworm",),
        ("python3-distutils", "python3-setuptools-whl", "python3-wheel-whl"),
        (*OLDER, "wheel"),
    ),
    "3.12": Release(("trixie", "bookworm"), build="3.12.1-1.5.10"),
    "3.13": Release(("trixie",)),
    "3.14": Release(("trixie", "bookworm"), build="3.14.3-1.5.13"),
}
FIRST_WITHOUT_LANG = (3, 13)  # from which on the official images do not set it
COMMON = ("ca-certificates", "netbase", "tzdata")
JAVACPP = ("org.bytedeco", "cpython")
CLASSIFIERS = {"amd64": "linux-x86_64", "arm64": "linux-arm64"}
# What modules of JavaCPP's builds are linked with, and those whose libraries Debian has not.
LIBRARIES = (
    *("libbz2-1.0", "liblzma5", "libncursesw6", "libreadline8", "libsqlite3-0", "libuuid1", "libzstd1"),
    "zlib1g",
)
UNUSABLE = ("_dbm", "_gdbm", "nis")

SCRIPT = """\
#!/usr/local/bin/python{version}
import sys
from {module} import {function}
sys.exit({function}({arguments}))
"""
# Programs of the standard library, where that part of it is there.
PROGRAMS = {
    "idle3": ("idlelib.pyshell", "main", ""),
    "pydoc3": ("pydoc", "cli", ""),
    "2to3": ("lib2to3.main", "main", "'lib2to3.fixes'"),
}
# What the official images do without, what keeps pip out of apt's way, and what is filled anew.
UNWANTED = (
    *("**/test", "**/tests", "**/idle_test", "**/*.pyc", "**/*.a", "config-*/libpython*"),
    *("EXTERNALLY-MANAGED", "sitecustomize.py", "site-packages", "dist-packages"),
    *(f"lib-dynload/{name}.*" for name in UNUSABLE),
)
# What Debian changed, and what CPython has. `site` is frozen into the library, too: no byte may move there.
SITE = ((b"(?<!/)local/lib", b"./././lib"), (b"dist-packages", b"site-packages"))
EDITS = (
    *(("lib/python3*/site.py", *edit) for edit in SITE),
    *(("lib/libpython3*.so.1.0", *edit) for edit in SITE),
    (
        "lib/python3*/sysconfig.py lib/python3*/sysconfig/__init__.py",
        b"prefix_scheme = 'posix_local'",
        b"prefix_scheme = 'posix_prefix'",
    ),
    (
        "lib/python3*/sysconfig.py lib/python3*/sysconfig/__init__.py",
        rb"_sysconfigdata_\{sys\.abiflags\}_(\{sys\.platform\}_)?\{multiarch\}",
        b"_sysconfigdata_{sys.abiflags}_{sys.platform}_{multiarch}",
    ),
    # By which setuptools, too, leaves the places as they are.
    ("lib/python3*/_distutils_system_mod.py", b"return sys.base_prefix != .*", b"return True"),
    ("bin/python3*-config", b'prefix="/usr"', b'prefix="/usr/local"'),
    ("bin/python3*-config", b'"/usr/lib/[^"]+"', b'"${prefix}/lib"'),
    ("bin/python3*-config", b'PY_ENABLE_SHARED="0"', b'PY_ENABLE_SHARED="1"'),
    ("bin/python3*-config", rb'^(LDLIBRARY=.*)\.a"', rb'\1.so"'),
    ("lib/pkgconfig/python-3*.pc lib/python3*/config-*/Makefile", rb"^(prefix= *\t*)/usr$", rb"\1/usr/local"),
)
# As the official build has them, whatever a build was made with.
VARIABLES = {
    "AR": "ar",
    "BLDSHARED": "gcc -shared",
    "CC": "gcc",
    "CXX": "g++",
    "LDCXXSHARED": "g++ -shared",
    "LDFLAGS": "",
    "LDSHARED": "gcc -shared",
    "LINKCC": "gcc",
    "PY_CORE_LDFLAGS": "",
    "PY_LDFLAGS": "",
}
# What is the system's, not Python's.
PLACES_OF_THE_SYSTEM = re.compile(r"INSTALL|DTRACE|TZPATH|WHEEL_PKG_DIR|MODULE_|WASM_")
# How the loader's cache tells 64-bit libraries of these two from others.
LOADER_FLAGS = {"amd64": 0x0303, "arm64": 0x0A03}


def packages(version: str) -> tuple[str, ...]:
    """Debian's packages that go into the layer; Python's own among them only if that is Debian's."""
    found = RELEASES[version]
    if found.build:
        return (*LIBRARIES, *COMMON)
    parts = (f"python{version}", f"python{version}-venv", f"libpython{version}-dev")
    return (*parts, "python3-pip-whl", *found.packages, *COMMON)


def is_own(package: Path) -> bool:
    """Whether that package goes to /usr/local, or is left out with what only a compiler needs."""
    name = package.name.partition("_")[0]
    return not name.endswith("-whl") and re.match(r"(lib)?python3|.*-dev$", name) is not None


def variables(version: str, release: str) -> list[str]:
    """What the images set."""
    lang = ["LANG=C.UTF-8"] if tuple(map(int, version.split("."))) < FIRST_WITHOUT_LANG else []
    return [*lang, f"PYTHON_VERSION={release}"]


def from_debian(
    own: Iterable[Path],
    version: str,
    architecture: str,
    spare: Path,
    root: Path,
    link: Callable[[list[Path], Path], None],
) -> str:
    """Unpack packages into a spare folder, and put into `root` what belongs there; gives the release.

    `link` makes a program of what Debian's is made of; Debian's own has no use for the library.
    """
    merge_usr(spare)
    for package in own:
        unpack_one(package, spare)
    name, triplet = f"python{version}", PRIVATE_TRIPLETS[architecture]
    local, shared = root / "usr/local", f"lib{name}.so.1.0"
    for folder in (f"lib/{name}", f"include/{name}"):
        shutil.copytree(spare / "usr" / folder, local / folder, symlinks=True)
    for folder in ("bin", "lib/pkgconfig"):
        (local / folder).mkdir(parents=True)
    shutil.copy2(spare / f"usr/include/{triplet}/{name}/pyconfig.h", local / f"include/{name}/pyconfig.h")
    shutil.copy2(spare / f"usr/bin/{triplet}-{name}-config", local / f"bin/{name}-config")
    shutil.copy2(spare / f"usr/lib/{triplet}/{shared}", local / "lib" / shared)
    for path in (spare / f"usr/lib/{triplet}/pkgconfig").glob("python-3*.pc"):
        shutil.copy2(path, local / "lib/pkgconfig" / path.name)
    main = next((local / f"lib/{name}").glob("config-*/python.o"))
    link([main, local / "lib" / shared], local / "bin" / name)
    for edit in EDITS:
        _edit(local, *edit)
    _clear(local / f"lib/{name}")
    _rewrite_variables(local / f"lib/{name}", lambda text: _moved_from_debian(text, triplet))
    shutil.rmtree(spare)
    return _finish(root, version, architecture, root / "usr/share/python-wheels")


def from_javacpp(jar: Path, version: str, architecture: str, root: Path) -> str:
    """Put into `root` what of that archive belongs there; gives the release."""
    name, local = f"python{version}", root / "usr/local"
    _extract(jar, f"{'/'.join(JAVACPP).replace('.', '/')}/{CLASSIFIERS[architecture]}/", name, local)
    found = _read_variables(next((local / "lib" / name).glob("_sysconfigdata_*.py")))
    prefix = str(found["prefix"])
    _move(local, prefix.encode(), b"/usr/local")
    _clear(local / "lib" / name)
    _rewrite_variables(local / "lib" / name, lambda text: text.replace(prefix, "/usr/local"))
    return _finish(root, version, architecture, local / f"lib/{name}/ensurepip/_bundled")


def _extract(jar: Path, inside: str, name: str, local: Path) -> None:
    wanted = re.compile(
        rf"(?P<as_is>(?:lib|include)/{name}/.+|lib/pkgconfig/python.+|bin/{name}(?:-config)?)"
        rf"|(?P<library>lib{name}\.so\.1\.0|libffi\.so\.\d+)"
    )
    with zipfile.ZipFile(jar) as archive:
        for member in archive.infolist():
            found = wanted.fullmatch(member.filename.removeprefix(inside))
            if found is None or member.is_dir():
                continue
            path = local / (found["as_is"] or f"lib/{found['library']}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(member))
            if path.parent.name == "bin" or ".so" in path.name:
                path.chmod(0o755)


def _move(local: Path, old: bytes, new: bytes) -> None:
    """In programs no byte moves: the rest of a string is cut off from its end."""
    for path in local.glob("**/*"):
        if path.is_symlink() or not path.is_file() or old not in (content := path.read_bytes()):
            continue
        if content.startswith(b"\x7fELF"):
            strings = re.compile(re.escape(old) + rb"([^\0]*)\0")
            path.write_bytes(strings.sub(lambda found: _padded(found, new), content))
        else:
            path.write_bytes(content.replace(old, new))


def _padded(found: re.Match[bytes], new: bytes) -> bytes:
    # Certificates are where Debian's OpenSSL looks for them.
    text = b"/usr/lib/ssl" if found[1] == b"/ssl" else new + found[1]
    return text.ljust(len(found[0]), b"\0")


def _moved_from_debian(text: str, triplet: str) -> str:
    text = re.sub(rf"/usr/lib/{triplet}", "/usr/lib", text)
    return re.sub(r"(?<![\w./-])/usr(?=/(?:bin|include|lib|share)\b| |'|$)", "/usr/local", text)


def _clear(library: Path) -> None:
    for pattern in UNWANTED:
        for path in [*library.glob(pattern)]:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _read_variables(path: Path) -> dict[str, object]:
    tree = ast.parse(path.read_text())
    found: dict[str, object] = next(
        ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign)
    )
    return found


def _rewrite_variables(library: Path, moved: Callable[[str], str]) -> None:
    """What sysconfig tells, in the places where it is read."""
    path = next(path for path in library.glob("_sysconfigdata_*.py") if "__linux_" in path.name)
    found = _read_variables(path)
    for key, value in found.items():
        if isinstance(value, str) and not PLACES_OF_THE_SYSTEM.match(key):
            found[key] = moved(value)
    found.update({key: value for key, value in VARIABLES.items() if key in found})
    for other in library.glob("_sysconfigdata_*.py"):
        other.unlink()
    text = pprint.pformat(found, compact=False)
    path.write_text(
        f"# system configuration generated and used by the sysconfig module\nbuild_time_vars = {text}\n"
    )
    for other in library.glob("_sysconfig_vars_*.json"):
        known = json.loads(other.read_text())
        other.write_text(
            json.dumps({**known, **{key: found[key] for key in known if key in found}}, indent=2)
        )


def _finish(root: Path, version: str, architecture: str, wheels: Path) -> str:
    """What no build brings: links, scripts, first packages, the loader's cache; gives the release."""
    local, name = root / "usr/local", f"python{version}"
    library = local / "lib" / name
    (library / "site-packages").mkdir()
    for wheel in RELEASES[version].wheels:
        _install_wheel(next(wheels.glob(f"{wheel}-*.whl")), version, root)
    for program, (module, function, arguments) in PROGRAMS.items():
        path = library / module.replace(".", "/")
        if path.with_suffix(".py").exists():
            _write_script(local / "bin" / program, version, module, function, arguments)
    links = {
        "bin/python3": name,
        "bin/python3-config": f"{name}-config",
        **{f"bin/{each}": f"{each}3" for each in ("python", "pip", "idle", "pydoc")},
        "bin/python-config": "python3-config",
        f"lib/lib{name}.so": f"lib{name}.so.1.0",
    }
    for link, target in links.items():
        path = local / link
        if (path.parent / target).is_file() and not path.exists():
            path.symlink_to(target)
    names = sorted(path.name for path in (local / "lib").glob("*.so*"))
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/ld.so.cache").write_bytes(loader_cache(names, architecture))
    header = (local / f"include/{name}/patchlevel.h").read_text()
    found: list[str] = re.findall(r'^#define PY_VERSION\s+"([^"+]+)', header, re.MULTILINE)
    return found[0]


def loader_cache(names: Iterable[str], architecture: str) -> bytes:
    """What `ldconfig` writes, for libraries of /usr/local/lib; all others the loader finds by itself.

    From the C library's dl-cache.h: a header, an entry each in descending order, and their strings.
    """
    order = sorted(names, key=_by_numbers, reverse=True)
    start = 48 + 24 * len(order)
    strings, entries = b"", b""
    for name in order:
        key, value = start + len(strings), start + len(strings) + len(name) + 1
        strings += f"{name}\0/usr/local/lib/{name}\0".encode()
        entries += struct.pack("<iIIIQ", LOADER_FLAGS[architecture], key, value, 0, 0)
    head = struct.pack(
        "<17s3sIIB3sI12s", b"glibc-ld.so.cache", b"1.1", len(order), len(strings), 2, b"", 0, b""
    )
    return head + entries + strings


def _by_numbers(name: str) -> list[tuple[int, int, str]]:
    """Digits are compared as numbers, and come after everything else."""
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.findall(r"\d+|\D", name)]


def _edit(local: Path, patterns: str, old: bytes, new: bytes) -> None:
    """A change that finds nothing to change is an error: Debian's Python is another one then."""
    number = 0
    for path in (path for pattern in patterns.split() for path in local.glob(pattern)):
        content, found = re.subn(old, new, path.read_bytes(), flags=re.MULTILINE)
        path.write_bytes(content)
        number += found
    if not number:
        raise BedError(f"no {old!r} in {patterns} of Debian's Python: bed/python.py has to follow")


def _install_wheel(wheel: Path, version: str, root: Path) -> None:
    """As pip would: with the programs, and noted who installed it."""
    places = root / f"usr/local/lib/python{version}/site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(places)
        info = next(name.partition("/")[0] for name in archive.namelist() if ".dist-info/" in name)
    found = configparser.ConfigParser(delimiters=("=",))
    found.read(places / info / "entry_points.txt")
    added = [f"{info}/INSTALLER"]
    scripts = dict(found["console_scripts"]) if found.has_section("console_scripts") else {}
    if "pip" in scripts:  # the wheel has the name for the Python that it was made with
        scripts = dict.fromkeys(("pip", "pip3", f"pip{version}"), scripts["pip"])
    for name, target in scripts.items():
        module, function = target.split(":")
        script = root / "usr/local/bin" / name
        _write_script(script, version, module.strip(), function.strip().partition(".")[0])
        added.append(os.path.relpath(script, places))
    (places / info / "INSTALLER").write_text("pip\n")
    with (places / info / "RECORD").open("a") as record:
        record.writelines(f"{path},,\n" for path in added)


def _write_script(path: Path, version: str, module: str, function: str, arguments: str = "") -> None:
    path.write_text(SCRIPT.format(version=version, module=module, function=function, arguments=arguments))
    path.chmod(0o755)
