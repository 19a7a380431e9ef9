"""The tar reader agrees with the standard library's, and answers damage with one typed error."""

from __future__ import annotations

import contextlib
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.verify.builder import Item, folder, hardlink, layer_tar, sparse_tar, symlink
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


@pytest.mark.parametrize("start", [b"xx", b"0 ", b"00", b"-1", b"99", b"  "])
def test_a_pax_record_without_its_length(start: bytes) -> None:
    data = bytearray(sparse_tar("a", b"x", "0.1", [(0, 1)]))
    data[512:514] = start
    with pytest.raises(ImageError, match="pax record"):
        list(TarReader(stream(bytes(data))))


def test_names_that_are_no_utf8_survive() -> None:
    data = bytearray(layer_tar([Item("aaaa")], tarfile.GNU_FORMAT))
    data[0:2] = b"\xff\xfe"
    data[148:156] = b"%06o\0 " % (sum(data[:148]) + sum(data[156:512]) + 256)
    (member,) = TarReader(stream(bytes(data)))
    assert member.name.encode("utf-8", "surrogateescape") == b"\xff\xfeaa"


FORMS = ["gnu", "0.0", "0.1", "1.0"]
CONTENT = bytes(700) + b"a" * 600 + bytes(3000) + b"b" * 100 + bytes(500)
SEGMENTS = {
    "few": [(700, 600), (4300, 100), (4900, 0)],
    "many": [*((offset, 100) for offset in range(0, 4900, 200)), (4900, 0)],
    "whole": [(0, 4900)],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("segments", SEGMENTS.values(), ids=SEGMENTS)
@pytest.mark.parametrize("step", [1, 300, 100_000])
def test_sparse_files_come_with_their_holes(form: str, segments: list[tuple[int, int]], step: int) -> None:
    data = sparse_tar("dir/tool", CONTENT, form, segments)
    with tarfile.open(fileobj=io.BytesIO(data + layer_tar([Item("next")]))) as tar:
        file = tar.extractfile("dir/tool")
        assert file is not None
        expected = file.read()
    after = layer_tar([Item("next", b"hello")], tarfile.GNU_FORMAT)
    reader = TarReader(stream(data[:-1024] + after, 512))
    found = []
    for member in reader:
        content = b""
        while block := reader.content(step):
            content += block
        found.append((member.name, member.size, content))
    assert found == [("dir/tool", 4900, expected), ("next", 5, b"hello")]


def test_an_empty_sparse_file_and_one_that_is_all_hole() -> None:
    for form in FORMS:
        reader = TarReader(stream(sparse_tar("a", b"", form, [])))
        assert [(member.size, reader.content(9)) for member in reader] == [(0, b"")]
        reader = TarReader(stream(sparse_tar("a", bytes(9), form, [(9, 0)])))
        assert [(member.size, reader.content(99)) for member in reader] == [(9, bytes(9))]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "segments",
    [[(4000, 100), (0, 100)], [(0, 100), (50, 100)], [(4850, 50), (4900, 50)], [(9000, 0)]],
    ids=["backwards", "overlapping", "beyond the end", "after the end"],
)
def test_a_sparse_map_that_contradicts_itself(form: str, segments: list[tuple[int, int]]) -> None:
    content = CONTENT + bytes(100)
    data = bytearray(sparse_tar("a", content, form, segments))
    for wrong, right in ((b"5000", b"4900"), (b"%011o" % 5000, b"%011o" % 4900)):
        at = data.find(wrong)
        if at >= 0:
            data[at : at + len(wrong)] = right
            if form == "gnu":
                data[148:156] = b"%06o\0 " % (sum(data[:148]) + sum(data[156:512]) + 256)
    with pytest.raises(ImageError, match="map that cannot be read"):
        list(TarReader(stream(bytes(data))))


@pytest.mark.parametrize("text", ["", "x", "1\n", "2\n0\n5\n", "-1\n", "9" * 30 + "\n"])
def test_a_sparse_map_in_the_content_that_breaks_off(text: str) -> None:
    data = sparse_tar("a", CONTENT, "1.0", [(0, 5)]).replace(b"1\n0\n5\n", text.encode().ljust(6, b"\0")[:6])
    with pytest.raises(ImageError):
        list(TarReader(stream(data)))


def test_an_unknown_version_of_sparse_files_is_taken_as_it_is() -> None:
    data = sparse_tar("a", CONTENT, "1.0", [(0, 4900)])
    data = data.replace(b"GNU.sparse.major=1", b"GNU.sparse.major=7")
    (member,) = TarReader(stream(data))
    assert (member.size, member.sparse) == (4900 + 512, False)


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


_SPARSE = b"".join(sparse_tar("a", CONTENT, form, SEGMENTS["many"])[:-1024] for form in FORMS)


@given(
    st.lists(
        st.tuples(st.integers(0, len(_SPARSE)), st.binary(min_size=1, max_size=12)), min_size=1, max_size=4
    )
)
def test_damaged_sparse_files(changes: list[tuple[int, bytes]]) -> None:
    damaged = bytearray(_SPARSE)
    for at, new in changes:
        damaged[at : at + len(new)] = new
    reader = TarReader(stream(bytes(damaged), 4096))
    with contextlib.suppress(ImageError):
        for _ in reader:
            reader.content(10_000)


@given(
    st.lists(st.tuples(st.integers(0, len(_TAR)), st.binary(min_size=1, max_size=12)), min_size=1, max_size=4)
)
def test_damaged_tars(changes: list[tuple[int, bytes]]) -> None:
    damaged = bytearray(_TAR)
    for at, new in changes:
        damaged[at : at + len(new)] = new
    with contextlib.suppress(ImageError):
        list(TarReader(stream(bytes(damaged), 4096)))
