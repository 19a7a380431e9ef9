"""The decision for gcc's cc1 and its kin, as and ld: when the native one runs, and how it is called."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.plan.twins.mounting import Mount, Root, mounted

MACHINE, GCC = "test-linux-gnu", "14"
SAYS = """#!/bin/bash -p
printf '%s' {kind}
printf '|%s' "$@"
printf '\\n%s' "${{COMPILER_PATH-}}"
"""
VERSIONS = {"gcc-14-base": "14.2.0-19", "binutils": "2.44-3", "libgmp10": "2:6.3.0"}
CC1 = "-quiet -imultiarch test-linux-gnu x.c -quiet -dumpbase x.c -dumpbase-ext .c -mabi=lp64 -O2 -o x.s"
LD = "-plugin {plugin} -plugin-opt=-pass-through=-lgcc --build-id -dynamic-linker /ld.so -X -pie -o x x.o -lc"


class Container(Root):
    """A mount, and a root with a compiler and a package database."""

    def __init__(self, mount: Mount, root: Path) -> None:
        super().__init__(mount, root)
        self.folder = root / "usr/libexec/gcc" / MACHINE / GCC
        self.ours = f"{mount.folder}/gcc/with"
        self.plugin = f"{self.folder}/liblto_plugin.so"
        places = {"/var/lib/dpkg/": f"{root}/dpkg/", "/usr/": f"{root}/usr/"}
        mount.add_tools()
        for name in ("env", "md5sum"):
            (mount.folder / "bin" / name).symlink_to(shutil.which(name) or name)
        mount.write("gcc/decide", mount.moved("gcc/decide", places))
        for name in ("hostile", "options.cc1", "options.as", "options.ld"):
            mount.write(f"gcc/{name}", mount.moved(f"gcc/{name}"))
        mount.write("gcc/place", f"{MACHINE} {GCC} {self.folder}\n")
        mount.write("gcc/versions", "".join(f"{name} {version}\n" for name, version in VERSIONS.items()))
        for name in ("cc1", "cc1plus", "lto1", "as", "ld"):
            mount.write(f"gcc/own/{name}", SAYS.format(kind="native"))
        with_ = f"gcc/with/{MACHINE}/{GCC}"
        files = {f"{with_}/{n}": f"{self.folder}/{n}" for n in ("cc1", "cc1plus", "lto1", "collect2")}
        files |= {f"{with_}/as": f"{root}/usr/bin/as", "gcc/linker/ld": f"{root}/usr/bin/ld"}
        for name, own in files.items():
            mount.add_starter(name)
            mount.write(f"{name}.own", f"{own}\n")
            if not own.startswith(f"{root}/usr/bin"):
                self.program(own)
        self.program(self.plugin)
        for name in ("gcc-14", "as", "ld.bfd"):
            self.program(f"{root}/usr/bin/{MACHINE}-{name}")
            (root / "usr/bin" / name.removesuffix("-14").removesuffix(".bfd")).symlink_to(f"{MACHINE}-{name}")
        self.driver(root / "usr/bin" / f"{MACHINE}-gcc-14", self.folder)
        self.record({"cpp": ("cc1",), "g++": ("cc1plus",), "gcc": ("lto1", "liblto_plugin.so")})
        self.status(VERSIONS)

    def program(self, name: str | Path, kind: str = "own") -> Path:
        return self.write(name, SAYS.format(kind=kind))

    def driver(self, path: Path, folder: Path) -> str:
        """It says where it would find a program: in a folder of its own, or by PATH."""
        finds = f"#!/bin/sh\nn=${{1#-print-prog-name=}}\n[ -x {folder}/$n ] && n={folder}/$n\necho $n\n"
        return str(self.write(path, finds))

    def record(self, packages: dict[str, tuple[str, ...]]) -> None:
        """What dpkg says of the files."""
        info = self.root / "dpkg/info"
        info.mkdir(parents=True, exist_ok=True)
        tools = [self.root / f"usr/bin/{MACHINE}-{name}" for name in ("as", "ld.bfd")]
        for package, paths in {
            **{f"{name}-14-x": [self.folder / n for n in names] for name, names in packages.items()},
            "binutils-x": tools,
        }.items():
            sums = [f"{hashlib.md5(p.read_bytes()).hexdigest()}  {str(p)[1:]}\n" for p in paths]
            (info / f"{package}.md5sums").write_text("".join(sums))

    def status(self, versions: dict[str, str]) -> None:
        entries = [f"Package: {n}\nStatus: install ok installed\nVersion: {v}\n" for n, v in versions.items()]
        (self.root / "dpkg/status").write_text("\n".join(entries))

    def start(self, name: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        found = f"{self.ours}/{MACHINE}/{GCC}/{name}"
        if name.startswith("ld"):
            found = f"{self.mount.folder}/gcc/linker/{name}"
        given = {
            "PATH": f"{self.root}/usr/bin:{os.environ['PATH']}",
            "COMPILER_PATH": self.ours,
            "COLLECT_GCC": "gcc",
            **environment,
        }
        return subprocess.run(
            [found, *words],
            capture_output=True,
            text=True,
            cwd=self.root,
            env={k: v for k, v in given.items() if v},
        )

    def kind(self, line: str, **environment: str) -> str:
        name, *words = line.split()
        done = self.start(name, *words, **environment)
        assert (done.stderr, done.returncode) == ("", 0)
        kind, *said = done.stdout.splitlines()[0].split("|")
        assert said == words
        return kind


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    with mounted() as mount:
        yield Container(mount, tmp_path)


UNDERSTOOD = (
    f"cc1 {CC1}",
    f"cc1plus -D_GNU_SOURCE -D X -std=c++20 -fno-rtti -Wall -g3 -MD x.d -MF x.d -isystem /inc {CC1}",
    f"cc1 -E {CC1} -I. -I inc -include config.h",
    f"cc1 -flto -foffload-options=-l_GCC_m -march=armv8.2-a+sve {CC1}",
    "lto1 -quiet -dumpbase ./a.wpa -mabi=lp64 -fno-openmp -fPIC -fwpa -fresolution=/x.res -o x.s",
    "as -EL -mabi=lp64 -I inc --gdwarf-5 -o x.o x.s",
    "as -o x.o -",
    "ld -static -o x x.o --start-group -lc --end-group -z now -L/x -T script.ld --gc-sections",
)
HANDED_OVER = (
    f"cc1 -fplugin=/x.so {CC1}",
    f"cc1 -fplugin-arg-x-y=z {CC1}",
    f"cc1 -isysroot /x {CC1}",
    f"cc1 -iprefix /opt/lib/gcc/ {CC1}",
    f"cc1 --output-pch x.h.gch {CC1}",
    "cc1 -quiet x.h -o x.h.gch",
    f"cc1 -Winvalid-pch {CC1}",
    f"cc1plus -fmodules-ts {CC1}",
    f"cc1 -fexec-charset=latin1 {CC1}",
    f"cc1 -mcpu=native {CC1}",
    f"cc1 -fopenmp {CC1}",
    f"cc1 -fsanitize=undefined {CC1}",
    f"cc1 -foffload=nvptx-none {CC1}",
    f"cc1 -fdump-tree-all {CC1}",
    f"cc1 -fdiagnostics-format=sarif-file {CC1}",
    f"cc1 -version {CC1}",
    f"cc1 -Q {CC1}",
    f"cc1 --sysroot=/x {CC1}",
    f"cc1 --unknown {CC1}",
    "cc1 x.c -o",
    "as --version",
    "as --unknown -o x.o x.s",
    "ld --version",
    "ld --sysroot=/x -o x x.o",
    "ld -v -o x x.o",
    "ld -o x x.o -plugin /other/liblto_plugin.so",
    "ld -o x x.o --plugin=/other.so",
    "ld -o x x.o --unknown",
)


@pytest.mark.parametrize("line", UNDERSTOOD)
def test_what_is_understood_runs_natively(container: Container, line: str) -> None:
    assert container.kind(line) == "native"


@pytest.mark.parametrize("line", HANDED_OVER)
def test_any_other_word_is_the_author_s_program_s(container: Container, line: str) -> None:
    assert container.kind(line) == "own"


ALL = (f"cc1 {CC1}", "as -o x.o x.s", "ld -o x x.o")
HOSTILE = "GCC_EXEC_PREFIX LD_PRELOAD LD_LIBRARY_PATH LD_RUN_PATH GNUTARGET LDEMULATION GCC_ROOT GCONV_PATH"


@pytest.mark.parametrize("line", ALL)
@pytest.mark.parametrize("variable", HOSTILE.split())
def test_hostile_variables(container: Container, line: str, variable: str) -> None:
    done = container.start(*line.split(), **{variable: "/x"})
    assert done.stdout.startswith("own|")


@pytest.mark.parametrize("line", ALL)
def test_languages(container: Container, line: str) -> None:
    assert container.kind(line, LANG="C.UTF-8", LC_ALL="C") == "native"
    assert container.kind(line, LC_MESSAGES="de_DE.UTF-8") == "own"
    assert container.kind(line, LANGUAGE="de") == "own"


@pytest.mark.parametrize("line", ALL)
@pytest.mark.parametrize(
    ("package", "version"),
    [("gcc-14-base", "14.2.0-19+deb13u1"), ("binutils", "2.44-4"), ("libgmp10", "2:6.3.1")],
)
def test_another_version(container: Container, line: str, package: str, version: str) -> None:
    container.status({**VERSIONS, package: version})
    assert container.kind(line) == "own"


@pytest.mark.parametrize("line", ALL)
def test_a_package_that_is_gone(container: Container, line: str) -> None:
    container.status({"gcc-14-base": "14.2.0-19"})
    assert container.kind(line) == "own"


def test_a_revision_that_was_accepted(container: Container) -> None:
    container.mount.write("gcc/release", "")
    container.status({**VERSIONS, "gcc-14-base": "14.2.0-19+deb13u1"})
    assert container.kind(ALL[0]) == "native"
    container.status({**VERSIONS, "gcc-14-base": "14.3.0-1"})
    assert container.kind(ALL[0]) == "own"
    container.status({**VERSIONS, "libgmp10": "2:6.3.0-2"})
    assert container.kind(ALL[0]) == "own"


@pytest.mark.parametrize(
    ("line", "file"),
    [
        (ALL[0], f"libexec/gcc/{MACHINE}/{GCC}/cc1"),
        (ALL[1], f"bin/{MACHINE}-as"),
        (ALL[2], f"bin/{MACHINE}-ld.bfd"),
    ],
)
def test_another_file(container: Container, line: str, file: str) -> None:
    with (container.root / "usr" / file).open("a") as program:
        program.write("\n# changed\n")
    assert container.kind(line) == "own"


@pytest.mark.parametrize("line", ALL)
def test_another_release(container: Container, line: str) -> None:
    container.mount.write("os-release", "ID=debian\nVERSION_ID=1\n")
    assert container.kind(line) == "own"


@pytest.mark.parametrize("line", ALL)
def test_no_driver(container: Container, line: str) -> None:
    assert container.kind(line, COLLECT_GCC="") == "own"
    assert container.kind(line, COLLECT_GCC="nosuch") == "own"
    assert container.kind(line, COLLECT_GCC=f"{container.root}/usr/bin/{MACHINE}-gcc-14") == "native"


@pytest.mark.parametrize("name", ["cc1", "lto1", "collect2"])
def test_another_driver_has_its_own(container: Container, name: str) -> None:
    mine = container.driver(container.root / "mine/gcc", container.root / "other")
    container.program(container.root / "other" / name, "mine")
    path = f"{container.root}/mine:{container.root}/usr/bin:{os.environ['PATH']}"
    assert container.kind(f"{name} -o x x.c", COLLECT_GCC=mine) == "mine"
    assert container.kind(f"{name} -o x x.c", PATH=path) == "mine"


def test_another_driver_finds_the_assembler_by_path(container: Container) -> None:
    mine = container.driver(container.root / "mine/gcc", container.root / "other")
    assert container.kind(ALL[1], COLLECT_GCC=mine) == "own"


def test_another_driver_that_would_have_found_nothing(container: Container) -> None:
    mine = container.driver(container.root / "mine/gcc", container.root / "other")
    done = container.start("cc1", *CC1.split(), COLLECT_GCC=mine)
    assert (done.stdout, done.returncode) == ("", 97)
    assert Path(f"{container.mount.folder}-mark").exists()


@pytest.mark.parametrize(("name", "line"), [("as", ALL[1]), ("ld", ALL[2])])
def test_a_tool_of_the_author_s_before(container: Container, name: str, line: str) -> None:
    mine = container.program(container.root / f"mine/{name}", "mine")
    path = f"{mine.parent}:{container.root}/usr/bin:{os.environ['PATH']}"
    assert container.kind(line, PATH=path) == "mine"


@pytest.mark.parametrize("name", ["cc1", "as", "collect2"])
def test_a_program_in_a_folder_of_the_author_s(container: Container, name: str) -> None:
    container.program(container.root / f"mine/{MACHINE}/{GCC}/{name}", "mine")
    path = f"{container.ours}:{container.root}/mine"
    assert container.kind(f"{name} -o x x.s", COMPILER_PATH=path) == "mine"


def test_what_the_driver_itself_names_is_no_other(container: Container) -> None:
    path = f"{container.ours}/{MACHINE}/{GCC}/:{container.folder}/"
    assert container.kind("lto1 -quiet -fwpa -o x.s", COMPILER_PATH=path) == "native"


@pytest.mark.parametrize("name", ["x.h.gch", "inc/x.h.gch"])
def test_a_compiled_header(container: Container, name: str) -> None:
    container.program(container.root / name)
    assert container.kind(f"cc1 -Iinc {CC1}") == "own"


def test_the_plug_in_is_of_the_linker_s_kind(container: Container) -> None:
    words = LD.format(plugin=container.plugin).split()
    done = container.start("ld", *words)
    kind, *said = done.stdout.splitlines()[0].split("|")
    native = f"{container.mount.folder}/gcc/own/liblto_plugin.so"
    assert (kind, said) == ("native", [native if w == container.plugin else w for w in words])
    Path(container.plugin).write_text("changed")
    assert container.kind(f"ld {LD.format(plugin=container.plugin)}") == "own"


def test_words_in_files(container: Container) -> None:
    (container.root / "words").write_text(f"-plugin {container.plugin}\n-o x\nx.o -lc")
    done = container.start("ld", "@words")
    native = f"{container.mount.folder}/gcc/own/liblto_plugin.so"
    assert done.stdout.splitlines()[0] == f"native|-plugin|{native}|-o|x|x.o|-lc"
    (container.root / "words").write_text("-o 'x y' x.o")
    assert container.kind("ld @words") == "own"
    (container.root / "words").write_text("-o x.s x.c -fplugin=x")
    assert container.kind("cc1 @words") == "own"
    (container.root / "words").write_text("-o x.s x.c")
    assert container.kind("cc1 @words") == "native"


def test_collect2_finds_the_linker(container: Container) -> None:
    path = f"{container.ours}:{container.folder}/"
    done = container.start("collect2", "-o", "x", COMPILER_PATH=path)
    assert done.stdout == f"own|-o|x\n{container.mount.folder}/gcc/linker:{path}"
    container.program(container.root / "mine/ld")
    path = f"{container.root}/mine/:{path}"
    assert container.start("collect2", "-o", "x", COMPILER_PATH=path).stdout == f"own|-o|x\n{path}"
    path = f"{container.mount.folder}/gcc/linker:{container.ours}"
    assert (
        container.start("ld", "-o", "x", "x.o", COMPILER_PATH=path).stdout.splitlines()[1] == container.ours
    )
