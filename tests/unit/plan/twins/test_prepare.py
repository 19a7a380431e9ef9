"""The helper's own step, on this machine and with a target made for the test: for which it makes no twins,
and which of these would be made another time.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.plan.twins.mounting import Mount
from xbuild.architectures import ARCHITECTURES
from xbuild.pipeline.helper import twin_files
from xbuild.plan.twins.twin import HELPER, MOUNT, OUT, TARGET

OWN = next(each.goarch for each in ARCHITECTURES if each.uname == platform.machine())
SHELL = Path("/bin/sh").resolve()
CLASS, ORDER, MACHINE = 4, 5, 18
"""Where an ELF file says so (elf(5))."""


class Step:
    """The script, with folders of the test's in place of the step's."""

    def __init__(self, mount: Path, root: Path) -> None:
        self.root, self.target, self.out = root, root / "target", root / "out"
        self.places = {
            MOUNT: str(mount),
            HELPER: str(root / "helper"),
            OUT: str(self.out),
            TARGET: str(self.target),
        }
        for name, text in twin_files().items():
            self.write(f"helper/{name.removeprefix('helper/')}", text)
        self.path = f"{root}/bin:/usr/bin:/bin"
        self.shell(MACHINE, b"\xfe\xca")
        (self.target / "etc").mkdir()
        shutil.copy("/etc/os-release", self.target / "etc/os-release")

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for place, here in self.places.items():
            text = text.replace(place, here)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def shell(self, at: int, bytes_: bytes) -> None:
        """The target's shell is this machine's, but for its header and the path of its loader."""
        data = SHELL.read_bytes()
        found = re.search(rb"/lib[\w/.+-]*/ld-linux[\w.+-]*(?=\0)", data)
        assert found is not None
        data = data.replace(found[0], found[0][:-1] + b"x")
        path = self.target / "bin/sh"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data[:at] + bytes_ + data[at + len(bytes_) :])
        loader = self.target / (found[0][:-1] + b"x").decode().lstrip("/")
        loader.parent.mkdir(exist_ok=True)
        if not loader.is_symlink():
            loader.symlink_to("/lib/any-linux-gnu/ld.so")

    def only(self, *names: str) -> None:
        """No other programs are found than these."""
        self.path = str(self.root / "only")
        for name in names:
            path = self.root / "only" / name
            path.parent.mkdir(exist_ok=True)
            path.symlink_to(shutil.which(name) or name)

    def run(self, *twins: str, target: str = "any") -> subprocess.CompletedProcess[str]:
        given = {
            "XBUILD_7C1F": "clean", "LC_ALL": "C", "PATH": self.path, "BUILDARCH": OWN, "TARGETARCH": target,
        }  # fmt: skip
        words = [str(SHELL), str(self.root / "helper/prepare.sh"), *twins]
        return subprocess.run(words, env=given, capture_output=True, text=True)

    def why(self, *twins: str, target: str = "any") -> list[str]:
        """The reasons, which stand in `env` as well; the step ends well."""
        done = self.run(*twins, target=target)
        assert done.returncode == 0, done.stderr
        said = [line.removeprefix("xbuild-helper: ") for line in done.stdout.splitlines()]
        told = (self.out / "env").read_text()
        assert [line for line in said if line.replace("'", "'\\''") not in told] == []
        return said


@pytest.fixture
def step(tmp_path: Path) -> Iterator[Step]:
    mount = Path(tempfile.mkdtemp(prefix="", dir="/tmp"))
    Mount(mount)
    mount.rmdir()
    yield Step(mount, tmp_path)
    mount.unlink(missing_ok=True)


def test_a_target_for_which_all_is_made(step: Step) -> None:
    """What the others differ in: without it there is no reason."""
    assert step.why() == []
    assert (step.out / "lib").is_dir() is False  # no twin was asked for, and nothing is left


HEADERS = {
    "arm/v7 and 386": (CLASS, b"\x01", "not a 64-bit little-endian architecture"),
    "s390x": (ORDER, b"\x02", "not a 64-bit little-endian architecture"),
    "an image for one architecture": (
        MACHINE, SHELL.read_bytes()[MACHINE : MACHINE + 2],
        "the base image is for the same architecture on both platforms",
    ),
    "a script for a shell": (0, b"#!/x", "/bin/sh is no program"),
}  # fmt: skip


@pytest.mark.parametrize("case", HEADERS)
def test_targets_that_are_refused(step: Step, case: str) -> None:
    at, bytes_, why = HEADERS[case]
    data = bytearray((step.target / "bin/sh").read_bytes())
    data[at : at + len(bytes_)] = bytes_
    (step.target / "bin/sh").write_bytes(data)
    assert step.why("apt") == [f"all: {why}"]


def test_the_build_machine_s_own_platform(step: Step) -> None:
    """Nothing is said of that: it is so in every build for it."""
    assert step.why("apt", target=OWN) == []
    assert (step.out / "env").read_text() == ""
    assert (step.out / "why").read_text().startswith("all: the build machine's own platform")


def test_another_release_on_the_target_platform(step: Step) -> None:
    with (step.target / "etc/os-release").open("a") as file:
        file.write("VARIANT=x\n")
    assert step.why("apt") == ["all: the base image is not of the same release on both platforms"]


BUSYBOX = "cat chmod cmp cp cut dirname env grep head ln mkdir mv od printf readlink rm sed sh sort tail tr"


def test_a_base_image_without_bash(step: Step) -> None:
    """Alpine's, with musl and busybox, is one."""
    step.only(*BUSYBOX.split())
    assert step.why("apt") == ["all: the base image has no bash"]


def without(*names: str) -> list[str]:
    return [name for name in BUSYBOX.split() if name not in names]


def test_why_is_said_without_the_programs_that_are_missing(step: Step) -> None:
    """The one that is missing may be the one to say it with."""
    step.only(*without("sed", "mv", "rm", "grep"))
    assert step.why("apt") == ["all: the base image has no bash"]
    assert (step.out / "env").read_text() == "echo 'xbuild-helper: all: the base image has no bash' >&2\n"


@pytest.mark.parametrize("name", ["chmod", "cat", "mkdir"])
def test_what_a_run_starts_unasked_cannot_be_made(step: Step, name: str) -> None:
    """`exec` in front of a RUN's words would fail in the build: the step does, and there are no twins."""
    step.only(*without(name))
    assert step.run("apt").returncode != 0


@pytest.mark.parametrize("name", ["diff", "stat"])
def test_a_program_that_only_go_s_twin_needs(step: Step, name: str) -> None:
    """It would be as missing another time."""
    more = "base64 bash diff find sha256sum stat touch wc xargs"
    step.only(*(each for each in (*BUSYBOX.split(), *more.split()) if each != name))
    assert step.why("go") == [f"go: the base image has no {name}"]


SAID = "it's a\tpath of \u00fcber\u007f \\ $HOME `x` \"y\" 'z'"


def test_why_is_said_as_it_is(step: Step) -> None:
    """In a shell: whatever a path or a program's message has in it."""
    step.write("helper/apt/prepare.sh", f"refuse '{SAID.replace(chr(39), chr(39) + chr(92) + chr(39) * 2)}'")
    assert step.run("apt").returncode == 0
    said = subprocess.run(["bash", "-c", (step.out / "env").read_text()], capture_output=True, text=True)
    assert said.stderr == "xbuild-helper: apt: it's apath of ber \\ $HOME `x` \"y\" 'z'\n"
    assert (step.out / "env").read_text().isascii()


def test_another_c_library(step: Step) -> None:
    """bash whose loader says that it is musl's."""
    step.only(*BUSYBOX.split())
    loader = step.write("ld-musl.so.1", "#!/bin/sh\necho 'musl libc' >&2\nexit 1\n")
    data = bytearray(Path(shutil.which("bash") or "").read_bytes())
    path = str(loader).encode() + b"\0"
    # In a place of its own, which the header of the program names.
    header = int.from_bytes(data[32:40], "little")
    while int.from_bytes(data[header : header + 4], "little") != 3:
        header += 56
    data[header + 8 : header + 16] = len(data).to_bytes(8, "little")
    data[header + 32 : header + 40] = len(path).to_bytes(8, "little")
    (step.root / "only/bash").write_bytes(bytes(data) + path)
    (step.root / "only/bash").chmod(0o755)
    assert step.why("apt") == ["all: the C library is not glibc"]


@pytest.mark.parametrize(("more", "is_another"), [("+b1", False), ("+b1.1", True), ("+deb99u1", True)])
def test_a_package_that_was_compiled_again(step: Step, more: str, is_another: bool) -> None:
    """Of the same source: in trixie, grep is 3.11-4 and, for arm64, 3.11-4+b1."""
    status = Path("/var/lib/dpkg/status").read_text()
    other = re.sub(r"(?m)(^Package: grep\n(?:.+\n)*?Version: [^+\n]+).*$", rf"\g<1>{more}", status)
    assert other != status
    (step.target / "var/lib/dpkg").mkdir(parents=True)
    (step.target / "var/lib/dpkg/status").write_text(other)
    (why,) = step.why("apt")  # there are no files for it
    assert ("has other versions" in why) is is_another


# -- what passes is tried again

INDEX = """#!/bin/sh
case "$1 $2" in
"policy cpp-12-"*) echo '  Candidate: 12.2.0-14cross1' ;;
"policy gcc-12-base") echo '  Candidate: {base}' ;;
esac
"""


@pytest.fixture
def index(step: Step) -> Step:
    """The image has gcc 12, the index its cross compiler; nothing can be fetched."""
    (step.target / "usr/bin").mkdir(parents=True)
    (step.target / "usr/bin/gcc").symlink_to("gcc-12")
    (step.target / "var/lib/dpkg").mkdir(parents=True)
    (step.target / "var/lib/dpkg/status").write_text("")
    step.write("bin/apt-get", '#!/bin/sh\ncase "$*" in *update*) ;; *) exit 100 ;; esac\n')
    step.write("bin/apt-cache", INDEX.format(base="12.2.0-14"))
    return step


def test_an_index_that_cannot_be_fetched(index: Step) -> None:
    index.write("bin/apt-get", "#!/bin/sh\nexit 100\n")
    assert index.why("gcc") == ["gcc: failed: apt-get update fails in the helper"]


def test_a_compiler_that_cannot_be_fetched(index: Step) -> None:
    assert index.why("gcc") == ["gcc: failed: no cross compiler can be fetched"]


OTHER = "the cross compiler is 12.2.0-14, and the image's gcc is not"


def test_another_compiler_is_refused_whenever_it_is_tried(index: Step) -> None:
    index.write("bin/apt-cache", INDEX.format(base="12.2.0-14+deb12u1"))
    assert index.why("gcc") == [f"gcc: {OTHER}"]


def test_an_index_of_which_a_part_could_not_be_fetched(index: Step) -> None:
    index.write("bin/apt-cache", INDEX.format(base="12.2.0-14+deb12u1"))
    index.write("bin/apt-get", "#!/bin/sh\necho 'W: Some index files failed to download.'\n")
    assert index.why("gcc") == [f"gcc: failed: {OTHER} (apt-get update warns)"]


ENDS = {
    "echo why; exit 3": "why",
    "echo noise >&2; echo 'OSError: [Errno 28] No space' >&2; exit 1": "failed: OSError: [Errno 28] No space",
    "exit 5": "failed: {program} ended with 5",
    "kill -9 $$": "failed: Killed",
}  # fmt: skip


@pytest.mark.parametrize("text", ENDS)
def test_how_the_comparison_of_interpreters_ends(step: Step, text: str) -> None:
    program = step.write("bin/python3", f"#!/bin/sh\n{text}\n")
    step.write(
        "helper/pip/prepare.sh",
        twin_files()["pip/prepare.sh"].replace("/usr/local/bin/python3 /usr/bin/python3", str(program)),
    )
    node = step.write("usr/bin/node", f"#!/bin/sh\n{text}\n")
    step.write(f"target{node}", "")
    step.write(
        "helper/node/prepare.sh", twin_files()["node/prepare.sh"].replace("/usr/local/bin/node", str(node))
    )
    programs = {"pip": program, "node": node}
    expected = [f"{name}: {ENDS[text].format(program=path)}" for name, path in programs.items()]
    assert step.why(*programs) == expected
