"""The tar reader agrees with the standard library's, and answers damage with one typed error."""

from __future__ import annotations

import contextlib
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.verify.builder import Item, folder, hardlink, layer_tar, symlink
from xbuild.errors import ImageError
from xbuild.verify.tar import Stream, TarReader

LONG = "a-rather-long-folder-name/" * 12 + "file"
ITEMS = [
    folder("usr/"),
    Item("usr/small", b"hello", 0o4755, uid=1000, gid=2_000_000),
    Item(LONG, b"x" * 1000, 0o600),
    symlink("link", "usr/" + "t" * 150),
    hardlink("hard", "usr/small"),
    Item("usr/ünï", b"\0" * 512),
    Item("fifo", kind=tarfile.FIFOTYPE),
    Item("empty", b"", 0o644),
]


def stream(data: bytes, block: int = 7) -> Stream:
    file = io.BytesIO(data)
    return Stream(lambda: file.read(block), "test")


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@pytest.mark.parametrize("block", [1, 511, 512, 100_000])
def test_members_as_tarfile_reads_them(form: int, block: int) -> None:
    data = layer_tar(ITEMS, form)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        expected = [(m.name, m.mode, m.uid, m.gid, m.size, m.linkname) for m in tar]
    reader = TarReader(stream(data, block))
    found = [(m.name.rstrip("/"), m.mode, m.uid, m.gid, m.size, m.link) for m in reader]
    assert found == expected


def test_kinds_and_contents() -> None:
    reader = TarReader(stream(layer_tar(ITEMS)))
    kinds = []
    for member in reader:
        kinds.append(member.kind)
        if member.name == "usr/small":
            assert reader.content(2) == b"he"
            assert reader.content(100) == b"llo"
            assert reader.content(100) == b""
    assert kinds == ["dir", "file", "file", "symlink", "hardlink", "file", "fifo", "file"]


def test_pax_values_for_what_ustar_cannot_hold() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("name")
        info.pax_headers = {"path": "other name", "uid": "4000000000", "SCHILY.xattr.user.x": "y"}
        tar.addfile(info)
    (member,) = TarReader(stream(buffer.getvalue()))
    assert member.name == "other name"
    assert member.uid == 4_000_000_000


def test_names_that_are_no_utf8_survive() -> None:
    data = bytearray(layer_tar([Item("aaaa")], tarfile.GNU_FORMAT))
    data[0:2] = b"\xff\xfe"
    data[148:156] = b"%06o\0 " % (sum(data[:148]) + sum(data[156:512]) + 256)
    (member,) = TarReader(stream(bytes(data)))
    assert member.name.encode("utf-8", "surrogateescape") == b"\xff\xfeaa"


def test_an_empty_stream_has_no_members() -> None:
    assert list(TarReader(stream(b""))) == []


@pytest.mark.parametrize("cut", [100, 600, 700])
def test_a_tar_that_breaks_off(cut: int) -> None:
    with pytest.raises(ImageError, match=r"breaks off"):
        list(TarReader(stream(layer_tar([Item("a", b"x" * 1000)], tarfile.GNU_FORMAT)[:cut])))


def test_bytes_that_are_no_tar() -> None:
    with pytest.raises(ImageError, match=r"no tar header|for a number"):
        list(TarReader(stream(b"this is not a tar" * 100)))


@pytest.mark.parametrize(
    "size", [b"\xff" * 12, b"\x80" + b"\xff" * 11, b"99999999999\0", b"-1\0\0\0\0\0\0\0\0\0\0"]
)
def test_impossible_numbers(size: bytes) -> None:
    data = bytearray(layer_tar([Item("a")], tarfile.GNU_FORMAT))
    data[124:136] = size
    data[148:156] = b"%06o\0 " % (sum(data[:148]) + sum(data[156:512]) + 256)
    with pytest.raises(ImageError):
        list(TarReader(stream(bytes(data))))


@given(st.binary(max_size=2000))
def test_any_bytes(data: bytes) -> None:
    with contextlib.suppress(ImageError):
        list(TarReader(stream(data, 512)))


_TAR = layer_tar(ITEMS)


@given(
    st.lists(st.tuples(st.integers(0, len(_TAR)), st.binary(min_size=1, max_size=12)), min_size=1, max_size=4)
)
def test_damaged_tars(changes: list[tuple[int, bytes]]) -> None:
    damaged = bytearray(_TAR)
    for at, new in changes:
        damaged[at : at + len(new)] = new
    with contextlib.suppress(ImageError):
        list(TarReader(stream(bytes(damaged), 4096)))
