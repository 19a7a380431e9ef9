"""CPython for musl, which is nowhere to be had: compiled once for each architecture with zig, and kept.

Sources are Debian's, pinned; zig is a wheel, pinned, and runs on this machine for all targets. zlib and
libffi go into the modules, libssl is Alpine's own, with the headers of Debian's release of the same line.
Python is cross-compiled in any case, by a Python of the same version: the bed's image of it. Without bz2,
lzma, sqlite3, readline, curses and tkinter.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import alpine, python, wheels
from .debian import Apt
from .process import BedError, run, step
from .settings import HOST_ARCHITECTURE, Bed
from .wheels import Wheel

VERSION, RELEASE = "3.13", "3.13.5"
# Debian's name of the source → the file that is taken of it, and its checksum.
SOURCES = {
    "python3.13": (
        "python3.13_3.13.5.orig.tar.xz",
        "93e583f243454e6e9e4588ca2c2662206ad961659863277afcdb96801647d640",
    ),
    "zlib": (
        "zlib_1.3.dfsg+really1.3.1.orig.tar.gz",
        "60dd315c07f616887caa029408308a018ace66e3d142726a97db164b3b8f69fb",
    ),
    "libffi": (
        "libffi_3.4.8.orig.tar.gz",
        "cbb7f0b3b095dc506387ec1e35b891bfb4891d05b90a495bc69a10f2293f80ff",
    ),
}
ZIG = {
    "amd64": Wheel(
        "ziglang", "0.17.1", "amd64", "manylinux_2_12_x86_64",
        "ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54",
    ),
}  # fmt: skip
# libffi's name of the target, and its sources for it.
FFI = {
    "amd64": ("X86_64", "x86", ("ffi64.c", "unix64.S", "ffiw64.c", "win64.S")),
    "arm64": ("AARCH64", "aarch64", ("ffi.c", "sysv.S")),
}
FFI_COMMON = ("prep_cif.c", "types.c", "raw_api.c", "java_raw_api.c", "closures.c", "tramp.c")
# What its configure finds out about Linux with musl on 64-bit machines.
FFI_CONFIG = """\
#define EH_FRAME_FLAGS "a"
#define FFI_EXEC_STATIC_TRAMP 1
#define HAVE_ALLOCA_H 1
#define HAVE_AS_CFI_PSEUDO_OP 1
#define HAVE_AS_X86_PCREL 1
#define HAVE_AS_X86_64_UNWIND_SECTION_TYPE 1
#define HAVE_HIDDEN_VISIBILITY_ATTRIBUTE 1
#define HAVE_LONG_DOUBLE 1
#define HAVE_MEMFD_CREATE 1
#define HAVE_MKOSTEMP 1
#define HAVE_MMAP_ANON 1
#define HAVE_MMAP_FILE 1
#define HAVE_RO_EH_FRAME 1
#define HAVE_SYS_MMAN_H 1
#define SIZEOF_DOUBLE 8
#define SIZEOF_LONG_DOUBLE 16
#define SIZEOF_SIZE_T 8
#define STDC_HEADERS 1
#ifdef LIBFFI_ASM
#define FFI_HIDDEN(name) .hidden name
#else
#define FFI_HIDDEN __attribute__ ((visibility ("hidden")))
#endif
"""
COMPILER = '#!/bin/sh\nexec {zig} {name} -target {machine}-linux-musl -dynamic -Wno-date-time "$@"\n'
TOOL = '#!/bin/sh\nexec {zig} {name} "$@"\n'
LEFT_OUT = (
    "readline", "_tkinter", "_curses", "_curses_panel", "_dbm", "_gdbm", "_bz2", "_lzma", "_sqlite3", "_uuid",
    "nis",
)  # fmt: skip
# Where it was compiled, as what is noted of that names it.
WORKSHOP = re.compile(r"(?:/[^\s/='\"]+)+/musl-python/[^\s/]+/[^\s/'\"]+")
# What cannot be tried out where no program of the target runs.
TOLD = ("ac_cv_buggy_getaddrinfo=no", "ac_cv_file__dev_ptmx=yes", "ac_cv_file__dev_ptc=no")
# What zig's musl has no name for in the preprocessor, and an option that zig does not know.
EDITS = (
    ("Misc/platform_triplet.c", "error unknown libc", "define LIBC musl"),
    ("Makefile.pre.in", "-Wl,-h", "-Wl,-soname,"),
    # Libraries alone it leaves to the linker of this machine.
    ("Makefile.pre.in", "-Wl,-soname,$@ $^", "-Wl,-soname,$@ $^ empty.o"),
)


@dataclass(frozen=True)
class Workshop:
    """Where Python is compiled for one architecture: sources, tools, and a Python that runs here."""

    bed: Bed
    architecture: str
    folder: Path
    sources: Path
    python: Path
    """A root with the Python of this machine's architecture and of the same version."""
    headers: Path
    """A root with OpenSSL's headers."""

    @property
    def machine(self) -> str:
        return alpine.NAMES[self.architecture]

    @property
    def dependencies(self) -> Path:
        return self.folder / "dependencies"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.folder}/bin:{self.bed.make}/usr/bin:{os.environ.get('PATH', os.defpath)}",
            "ZIG_GLOBAL_CACHE_DIR": str(self.folder / "zig"),
            "ZIG_LOCAL_CACHE_DIR": str(self.folder / "zig"),
            "PYTHONHOME": str(self.python / "usr/local"),
        }

    def run(self, *words: str | Path, cwd: Path) -> None:
        run(*words, env=self.environment, cwd=cwd)


def compile_python(workshop: Workshop) -> Path:
    """The tree that `make install` made; it is to be cleared of what images do without."""
    with step(f"compiling Python {RELEASE} for musl on {workshop.architecture}, some minutes"):
        _make_tools(workshop)
        for name in ("include", "lib"):
            (workshop.dependencies / name).mkdir(parents=True)
        _make_zlib(workshop)
        _make_ffi(workshop)
        _take_openssl(workshop)
        return _make_python(workshop)


def install(made: Path, root: Path) -> None:
    """What was compiled, as the official images have it."""
    local = root / "usr/local"
    shutil.copytree(made / "usr/local", local, symlinks=True)
    library = local / f"lib/python{VERSION}"
    bundled = root / "bundled"
    (library / "ensurepip/_bundled").rename(bundled)
    shutil.copytree(bundled, library / "ensurepip/_bundled")
    python._clear(library)
    for path in library.glob("config-*/Makefile"):
        path.write_text(_moved(path.read_text()))
    python._rewrite_variables(library, _moved)
    python._finish(root, VERSION, HOST_ARCHITECTURE, bundled)
    shutil.rmtree(bundled)
    # glibc's, for which there is nothing here.
    shutil.rmtree(root / "etc")


def _moved(text: str) -> str:
    """Without the folders that it was compiled in."""
    return WORKSHOP.sub("/usr", text)


def fetch_sources(apt: Apt, folder: Path) -> None:
    """Unpack Debian's sources side by side, once each is the pinned one."""
    folder.mkdir(parents=True)
    for name, (file, pinned) in SOURCES.items():
        apt.download_source(name, folder)
        content = (folder / file).read_bytes()
        if hashlib.sha256(content).hexdigest() != pinned:
            raise BedError(f"{file} is not the pinned one")
        (folder / name).mkdir()
        run("tar", "-C", folder / name, "--strip-components=1", "-xf", folder / file)


def _make_tools(workshop: Workshop) -> None:
    zig = _zig(workshop.bed)
    for name, text in (("cc", COMPILER), ("c++", COMPILER), ("ar", TOOL), ("ranlib", TOOL)):
        _write_program(
            workshop.folder / "bin" / name, text.format(zig=zig, name=name, machine=workshop.machine)
        )
    _write_program(workshop.folder / "bin/readelf", "#!/bin/sh\n")
    root = workshop.python
    loader = next(root.glob("lib*/ld-linux-*.so.*"))
    libraries = ":".join(str(path) for path in (root / "usr/local/lib", *root.glob("usr/lib/*-linux-gnu")))
    _write_program(
        workshop.folder / "bin/build-python",
        f'#!/bin/sh\nexec {loader} --library-path {libraries} {root}/usr/local/bin/python{VERSION} "$@"\n',
    )


def _write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def _zig(bed: Bed) -> Path:
    if HOST_ARCHITECTURE not in ZIG:
        raise BedError(f"Python for musl is compiled on {', '.join(ZIG)}, not on {HOST_ARCHITECTURE}")
    folder = bed.cache / "zig"
    if not folder.exists():
        fresh = folder.with_name("zig.new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.unpack_archive(wheels.fetch(bed, ZIG[HOST_ARCHITECTURE]), fresh, "zip")
        fresh.rename(folder)
    program = folder / "ziglang/zig"
    program.chmod(0o755)
    return program


def _make_zlib(workshop: Workshop) -> None:
    source = workshop.sources / "zlib"
    flags = ("-DHAVE_UNISTD_H", "-D_LARGEFILE64_SOURCE=1")
    _make_archive(workshop, "libz.a", sorted(source.glob("*.c")), flags)
    for name in ("zlib.h", "zconf.h"):
        shutil.copy(source / name, workshop.dependencies / "include")


def _make_ffi(workshop: Workshop) -> None:
    target, folder, own = FFI[workshop.architecture]
    source, include = workshop.sources / "libffi", workshop.dependencies / "include"
    known = {"VERSION": "3.4.8", "TARGET": target, "HAVE_LONG_DOUBLE": "1", "FFI_EXEC_TRAMPOLINE_TABLE": "0"}
    text = _filled((source / "include/ffi.h.in").read_text(), known)
    (include / "ffi.h").write_text(text)
    shutil.copy(source / "src" / folder / "ffitarget.h", include)
    config = workshop.folder / "ffi"
    config.mkdir()
    (config / "fficonfig.h").write_text(FFI_CONFIG)
    folders = (config, include, source / "include", source / "src")
    flags = ("-D_GNU_SOURCE", "-DHAVE_CONFIG_H", *(f"-I{each}" for each in folders))
    files = [source / "src" / name for name in (*FFI_COMMON, *(f"{folder}/{name}" for name in own))]
    _make_archive(workshop, "libffi.a", files, flags)


def _filled(text: str, known: Mapping[str, str]) -> str:
    """With values in the places that configure would fill."""
    for name, value in known.items():
        text = text.replace(f"@{name}@", value)
    return text


def _make_archive(workshop: Workshop, name: str, files: list[Path], flags: tuple[str, ...]) -> None:
    folder = workshop.folder / name.partition(".")[0]
    folder.mkdir()
    workshop.run("cc", "-O2", "-fPIC", "-w", *flags, "-c", *files, cwd=folder)
    workshop.run("ar", "rcs", workshop.dependencies / "lib" / name, *sorted(folder.glob("*.o")), cwd=folder)


def _take_openssl(workshop: Workshop) -> None:
    include, lib = workshop.dependencies / "include", workshop.dependencies / "lib"
    for found in (workshop.headers / "usr/include", *(workshop.headers / "usr/include").glob("*-linux-gnu")):
        shutil.copytree(found / "openssl", include / "openssl", dirs_exist_ok=True)
    with (include / "openssl/configuration.h").open("a") as text:
        text.write("#define OPENSSL_NO_COMP\n")  # as Alpine has it
    for name in ("libssl.so", "libcrypto.so"):
        shutil.copy(alpine.machine(workshop.bed, workshop.architecture) / f"usr/lib/{name}.3", lib)
        (lib / name).symlink_to(f"{name}.3")


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    if old not in text:
        raise BedError(f"no {old!r} in Python's {path.name}: bed/musl_python.py has to follow")
    path.write_text(text.replace(old, new))


def _make_python(workshop: Workshop) -> Path:
    source, made = workshop.folder / "python", workshop.folder / "made"
    shutil.copytree(workshop.sources / "python3.13", source, symlinks=True)
    for name, old, new in EDITS:
        _edit(source / name, old, new)
    (source / "empty.c").write_text("")
    workshop.run("cc", "-fPIC", "-c", "empty.c", cwd=source)
    root = workshop.dependencies
    workshop.run(
        "./configure", f"--host={workshop.machine}-linux-musl", "--build=x86_64-pc-linux-gnu",
        f"--with-build-python={workshop.folder}/bin/build-python", "--prefix=/usr/local", "--enable-shared",
        "--without-ensurepip", f"--with-openssl={root}", *TOLD, "CC=cc", "CXX=c++", "AR=ar", "RANLIB=ranlib",
        "READELF=readelf", "OPT=-DNDEBUG -O2", "LDFLAGS=-Wl,--strip-debug",
        f"ZLIB_CFLAGS=-I{root}/include", f"ZLIB_LIBS=-L{root}/lib -lz",
        f"LIBFFI_CFLAGS=-I{root}/include", f"LIBFFI_LIBS=-L{root}/lib -lffi",
        *(f"py_cv_module_{name}=n/a" for name in LEFT_OUT),
        cwd=source,
    )  # fmt: skip
    workshop.run("make", f"-j{os.cpu_count() or 1}", cwd=source)
    workshop.run("make", "install", f"DESTDIR={made}", cwd=source)
    return made
