"""How programs for musl are changed in the helper's step, and which are refused (`musl.sh`)."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.unit.verify.builder import Elf
from xbuild.pipeline.helper import twin_files
from xbuild.plan.twins.twin import MOUNT
from xbuild.verify.elf import ElfFile, facts_of, open_elf

LOADER = "/lib/ld-musl-x86_64.so.1"
PLACE = f"{MOUNT}/l/00000000"
# What prepare.sh has for it.
DRIVER = "".join(
    found[0]
    for name in ("number", "interpreter")
    if (
        found := re.search(
            rf"^{name}\(\) \{{.*?\}}\n(?=\n|\w)", twin_files()["helper/prepare.sh"], re.MULTILINE | re.DOTALL
        )
    )
)


@dataclass(frozen=True)
class Changed:
    said: str
    before: bytes
    after: bytes

    @property
    def elf(self) -> ElfFile:
        elf = open_elf(self.after)
        assert isinstance(elf, ElfFile)
        return elf


def changed(
    folder: Path, elf: Elf, *, is_program: bool = True, place: str = "lib", libraries: str = ""
) -> Changed:
    """What `finish` makes of a file in a folder of the mount; `libraries`: by which names they were found."""
    folder.mkdir(exist_ok=True)
    (folder / "musl.sh").write_text(twin_files()["helper/musl.sh"])
    (folder / "out.listed.names").write_text(libraries)
    path, before = folder / "out" / place / "file", elf.build()
    path.parent.mkdir(parents=True)
    path.write_bytes(before)
    (folder / "out.queue").write_text(f"{path}\n")
    (folder / "out.programs").write_text(f"{path}\n" if is_program else "")
    script = f"""
    set -eu
    mount={MOUNT} out={folder}/out queue={folder}/out.queue programs={folder}/out.programs
    listed={folder}/out.listed
    refuse() {{ echo "$1"; exit 3; }}
    {DRIVER}
    . {folder}/musl.sh
    loader={LOADER} new_loader={PLACE}
    exchange_all
    """
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    assert done.returncode in (0, 3), done.stderr
    assert done.stderr == ""
    return Changed(done.stdout, before, path.read_bytes())


def test_the_places_are_as_long() -> None:
    assert len(PLACE) == len(LOADER)


@pytest.mark.parametrize("machine", [62, 183])
def test_only_the_path_of_the_loader_is_exchanged(tmp_path: Path, machine: int) -> None:
    # A library may name the loader as well.
    made = Elf(machine=machine, interpreter=LOADER, needed=("libc.musl-x86_64.so.1", LOADER))
    seen = changed(tmp_path, made)
    assert seen.said == ""
    assert facts_of(seen.elf).interpreter == PLACE
    assert len(seen.after) == len(seen.before)
    different = [at for at, (a, b) in enumerate(zip(seen.before, seen.after, strict=True)) if a != b]
    assert different[-1] - different[0] < len(LOADER)
    assert not list(tmp_path.glob("out.[sd]*"))


def test_a_library_stays_as_it_is(tmp_path: Path) -> None:
    seen = changed(tmp_path, Elf(kind=3, soname="libz.so.1", needed=("libc.so",)), is_program=False)
    assert (seen.said, seen.after) == ("", seen.before)


def naming(tag: str, folders: str) -> Elf:
    elf = Elf(interpreter=LOADER, needed=("liba.so",))
    return replace(elf, rpath=folders) if tag == "rpath" else replace(elf, runpath=folders)


@pytest.mark.parametrize("folders", ["$ORIGIN", "$ORIGIN/../lib", "$ORIGIN/a:$ORIGIN"])
@pytest.mark.parametrize("tag", ["rpath", "runpath"])
def test_folders_beside_the_file(tmp_path: Path, tag: str, folders: str) -> None:
    seen = changed(tmp_path, naming(tag, folders))
    assert seen.said == ""


@pytest.mark.parametrize("folders", ["/usr/lib/x", "$ORIGIN:/usr/lib/x", "$ORIGINAL/x", "lib", "${ORIGIN}/x"])
@pytest.mark.parametrize("tag", ["rpath", "runpath"])
def test_folders_that_would_be_the_target_s(tmp_path: Path, tag: str, folders: str) -> None:
    seen = changed(tmp_path, naming(tag, folders))
    assert seen.said == f"file looks for libraries in {folders.rpartition(':')[2]}\n"


@pytest.mark.parametrize(
    ("place", "folders"),
    [
        ("lib", "$ORIGIN/.."),
        ("apk/own", "$ORIGIN/../../lib"),
        ("apk/own", "$ORIGIN/../../apk/../lib"),
        ("pip/lib/python3.13/lib-dynload", "$ORIGIN/../.."),
        ("lib", "$ORIGIN//.//x"),
        ("lib", ":$ORIGIN"),
    ],
)
def test_folders_that_stay_in_the_mount(tmp_path: Path, place: str, folders: str) -> None:
    assert changed(tmp_path, naming("runpath", folders), place=place).said == ""


@pytest.mark.parametrize(
    ("place", "folders"),
    [
        ("lib", "$ORIGIN/../.."),
        ("lib", "$ORIGIN/../../lib"),
        ("lib", "$ORIGIN/x/../../../lib"),
        ("lib", "$ORIGIN/../../.xbuild-7c1f/lib"),
        ("apk/own", "$ORIGIN/../../../usr/lib"),
        ("lib", "$ORIGIN/../lib:$ORIGIN/../../lib"),
    ],
)
def test_folders_that_lead_out_of_the_mount(tmp_path: Path, place: str, folders: str) -> None:
    """The native image has the same there, so that the program would start in the helper's step."""
    seen = changed(tmp_path, naming("runpath", folders), place=place)
    assert seen.said == f"file looks for libraries in {folders.rpartition(':')[2]}\n"


def test_a_library_that_is_asked_for_by_its_path(tmp_path: Path) -> None:
    found = "libz.so.1 /usr/lib/libz.so.1\n"
    assert changed(tmp_path / "a", naming("runpath", "$ORIGIN"), libraries=found).said == ""
    found += "/usr/lib/libx.so /usr/lib/libx.so\n"
    seen = changed(tmp_path / "b", naming("runpath", "$ORIGIN"), libraries=found)
    assert seen.said == "a library is asked for by its path: /usr/lib/libx.so\n"


def test_a_program_without_a_loader(tmp_path: Path) -> None:
    assert changed(tmp_path, Elf()).said == f"no program of {LOADER}: {tmp_path}/out/lib/file\n"


@pytest.mark.parametrize(
    ("said", "is_taken"),
    [
        # musl 1.2.5 of a module of Python's, recorded; and of a program whose library is not there.
        ("Error relocating /m/_asyncio.so: PyObject_GC_Del: symbol not found\n", True),
        ("Error loading shared library libz.so.1: No such file or directory (needed by /m/zlib.so)\n", False),
        (
            "Error loading shared library libz.so.1: No such file or directory (needed by /m/zlib.so)\n"
            "Error relocating /m/zlib.so: deflate: symbol not found\n",
            False,
        ),
    ],
)
def test_names_that_a_module_leaves_open_are_no_missing_library(
    tmp_path: Path, said: str, is_taken: bool
) -> None:
    (tmp_path / "musl.sh").write_text(twin_files()["helper/musl.sh"])
    (tmp_path / "listed.errors").write_text(said)
    script = f"mount={MOUNT}; . {tmp_path}/musl.sh; listed={tmp_path}/listed; only_names_are_open"
    assert (subprocess.run(["sh", "-c", script], check=False).returncode == 0) is is_taken
