"""A text that must not be in an image is found wherever it is, and what is not looked into is said."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.verify.builder import (
    Built,
    Elf,
    Item,
    folder,
    hardlink,
    layer_tar,
    symlink,
    write_layout,
    zstd_compress,
)
from xbuild.errors import ImageError, UsageError
from xbuild.platforms import Platform
from xbuild.verify.leaks import Depths, LeakScan, Where, _Allowance, _File, _Search, _Searched, find_leaks

NEEDLE = b"/.xbuild-7c1f"
AMD64 = "linux/amd64"
LINE = b"#define CC /.xbuild-7c1f/gcc\n"


def scan(tmp_path: Path, *layers: Sequence[Item], base: int = 0, depths: Depths | None = None) -> LeakScan:
    layout = write_layout(tmp_path / "layout", Built(AMD64, layers))
    return find_leaks(layout, NEEDLE, {Platform.parse(AMD64): base}, depths=depths)


def told(found: LeakScan) -> list[tuple[int, str, Where, str]]:
    return [(leak.layer.index, leak.path, leak.where, leak.member) for leak in found.leaks]


def test_layers_that_are_known_are_not_read_again(tmp_path: Path) -> None:
    layers = ([Item("a", b"nothing")], [Item("b", LINE)])
    layout = write_layout(tmp_path / "layout", Built(AMD64, layers))
    first = find_leaks(layout, NEEDLE)
    assert len(first.clean) == 1
    again = find_leaks(layout, NEEDLE, known=frozenset(first.clean))
    assert told(again) == told(first) == [(1, "b", Where.CONTENT, "")]
    assert (first.files, again.files) == (2, 1)


# --- compressed files, archives ---


def zipped(content: bytes, name: str = "a.txt", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("first", b"1" * 1000)
        archive.writestr(name, content)
    return buffer.getvalue()


def archive(*members: tuple[bytes, bytes]) -> bytes:
    parts = [b"!<arch>\n"]
    for name, content in members:
        head = name.ljust(16) + b"0".ljust(12) + b"0".ljust(6) * 2 + b"100644".ljust(8)
        parts += [head, b"%-10d`\n" % len(content), content, b"\n" * (len(content) % 2)]
    return b"".join(parts)


def debian(content: bytes) -> bytes:
    data = layer_tar([folder("./usr"), Item("./usr/file", content)])
    return archive(
        (b"debian-binary", b"2.0\n"),
        (b"control.tar.gz", gzip.compress(b"")),
        (b"data.tar.xz", lzma.compress(data)),
    )


def tarred(content: bytes) -> bytes:
    return layer_tar([Item("first"), Item("inner", content)])


PACKERS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "gz": (gzip.compress, "(gzip)"),
    "gz of two members": (lambda data: gzip.compress(b"1") + gzip.compress(data), "(gzip)"),
    "xz": (lzma.compress, "(xz)"),
    "xz of two streams": (lambda data: lzma.compress(b"1") + bytes(8) + lzma.compress(data), "(xz)"),
    "lzma": (lambda data: lzma.compress(data, lzma.FORMAT_ALONE), "(xz)"),
    "zst": (zstd_compress, "(zstd)"),
    "bz2": (bz2.compress, "(bzip2)"),
    "bz2 of two streams": (lambda data: bz2.compress(b"1") + bz2.compress(data), "(bzip2)"),
    "zip": (zipped, "a.txt"),
    "zip with bzip2": (lambda data: zipped(data, method=zipfile.ZIP_BZIP2), "a.txt"),
    "zip behind a script": (lambda data: b"#!/usr/bin/python3\n" + zipped(data), "a.txt"),
    "whl": (lambda data: zipped(data, "pkg/module.so"), "pkg/module.so"),
    "tar.gz": (lambda data: gzip.compress(tarred(data)), "(gzip) > inner"),
    "deb": (debian, "data.tar.xz > (xz) > ./usr/file"),
    "gz in an ar": (lambda data: archive((b"odd", b"1"), (b"a.gz/", gzip.compress(data))), "a.gz > (gzip)"),
}  # fmt: skip


@pytest.mark.parametrize("packer", PACKERS)
def test_members_are_opened(packer: str, tmp_path: Path) -> None:
    pack, member = PACKERS[packer]
    content = bytes(range(256)) * 5000 + LINE + b"z" * 70000
    found = scan(tmp_path, [Item("opt/file", pack(content)), Item("other", pack(b"clean" * 999))])
    assert told(found) == [(0, "opt/file", Where.MEMBER, member)]
    assert not found.unseen


@pytest.mark.parametrize("packer", PACKERS)
def test_what_is_not_opened_wholly_is_said(packer: str, tmp_path: Path) -> None:
    """Cut in the middle: zips lose their table, the others break off."""
    whole = PACKERS[packer][0](bytes(range(256)) * 5000 + LINE)
    cut = whole[: len(whole) - 30]
    found = scan(tmp_path, [Item("file", cut)])
    if packer in ("zst", "zip behind a script"):  # neither can be told from one that is whole
        return
    assert [each.path for each in found.unseen] == ["file"] or told(found)


def test_nested(tmp_path: Path) -> None:
    content = tarred(gzip.compress(zipped(LINE)))
    found = scan(tmp_path, [Item("a.tar", content)])
    assert told(found) == [(0, "a.tar", Where.MEMBER, "inner > (gzip) > a.txt")]
    found = scan(tmp_path / "2", [Item("a.tar", content)], depths=Depths(levels=2))
    assert not found.leaks
    assert [(each.member, each.reason) for each in found.unseen] == [
        ("inner > (gzip)", "zip within 2 others")
    ]


def test_names_of_members(tmp_path: Path) -> None:
    link = layer_tar([symlink("a", ".xbuild-7c1f/x"), Item(".xbuild-7c1f/b")])
    items = [Item("a.zip", zipped(b"", ".xbuild-7c1f/x")), Item("b.tar", link)]
    assert told(scan(tmp_path, items)) == [
        (0, "a.zip", Where.MEMBER, ".xbuild-7c1f/x"),
        (0, "b.tar", Where.MEMBER, "a"),
        (0, "b.tar", Where.MEMBER, ".xbuild-7c1f/b"),
    ]


def long_named(content: bytes) -> bytes:
    """GNU's long names, and BSD's."""
    table = b"a-name-of-more-than-15.o/\n.xbuild-7c1f.o/\n"
    packed = gzip.compress(content)
    return archive((b"//", table), (b"/0", packed), (b"#1/20", b"bsd-name-of-it.o\0\0\0\0" + packed))


def test_long_names_in_ar(tmp_path: Path) -> None:
    found = scan(tmp_path, [Item("a.a", long_named(LINE))])
    assert [leak.member for leak in found.leaks] == [
        "a-name-of-more-than-15.o > (gzip)",
        "bsd-name-of-it.o > (gzip)",
    ]


def with_section(name: str, content: bytes, compressed: bool, architecture: str = "amd64") -> bytes:
    """An ELF file with one section of this name, and the flag of one that is compressed."""
    raw = bytearray(Elf(architecture, kind=2, go=content).build())
    wide, little = raw[4] == 2, raw[5] == 1
    order = "little" if little else "big"
    at = raw.find(b".go.buildinfo\0")
    raw[at : at + 14] = name.encode().ljust(14, b"\0")
    start = int.from_bytes(raw[40:48] if wide else raw[32:36], order)  # type: ignore[arg-type]
    header = start + (64 if wide else 40)
    struct.pack_into(("<" if little else ">") + ("Q" if wide else "I"), raw, header + 8, 0x800 * compressed)
    return bytes(raw)


@pytest.mark.parametrize(
    ("architecture", "head"),
    [
        ("amd64", struct.pack("<IIQQ", 1, 0, len(LINE), 1)),
        ("s390x", struct.pack(">IIQQ", 1, 0, len(LINE), 1)),
        ("arm", struct.pack("<III", 1, len(LINE), 1)),
    ],
)
def test_compressed_debug_sections(architecture: str, head: bytes, tmp_path: Path) -> None:
    packed = with_section(".debug_str", head + zlib.compress(LINE), True, architecture)
    clean = with_section(".debug_str", head + zlib.compress(b"clean"), True, architecture)
    found = scan(tmp_path, [Item("lib.so", packed), Item("other.so", clean)])
    assert told(found) == [(0, "lib.so", Where.MEMBER, "section .debug_str")]


def test_debug_sections_of_other_kinds(tmp_path: Path) -> None:
    zstd = with_section(".debug_str", struct.pack("<IIQQ", 2, 0, 9, 1) + zstd_compress(LINE), True)
    old = with_section(".zdebug_str", b"ZLIB" + bytes(8) + zlib.compress(LINE), False)
    unknown = with_section(".debug_str", struct.pack("<IIQQ", 9, 0, 9, 1) + LINE[5:], True)
    objects = archive((b"a.o/", zstd), (b"b.o/", old))
    found = scan(tmp_path, [Item("lib.a", objects), Item("unknown", unknown)])
    assert told(found) == [
        (0, "lib.a", Where.MEMBER, "a.o > section .debug_str"),
        (0, "lib.a", Where.MEMBER, "b.o > section .zdebug_str"),
        (0, "unknown", Where.CONTENT, ""),
    ]
    assert [each.path for each in found.unseen] == ["unknown"]


# --- names, links, attributes, contents ---


def test_paths_links_and_attributes(tmp_path: Path) -> None:
    items = [
        folder(".xbuild-7c1f"),
        Item("usr/.xbuild-7c1f.bak/file"),
        Item("usr/x.xbuild-7c1f"),
        Item("usr/bin/cc", b"1"),
        symlink("usr/bin/gcc", "/.xbuild-7c1f/gcc"),
        symlink("usr/bin/g++", "../../.xbuild-7c1f/g++"),
        symlink("as", ".xbuild-7c1f/as"),
        hardlink("copy", ".xbuild-7c1f/file"),
        Item("tagged", b"1", records=(("SCHILY.xattr.user.origin", "/.xbuild-7c1f/tar"),)),
        Item("fine", b"1", records=(("SCHILY.xattr.user.origin", "elsewhere"),)),
    ]
    found = scan(tmp_path, items)
    assert [(path, where.value) for _, path, where, _ in told(found)] == [
        (".xbuild-7c1f", "path"),
        ("usr/.xbuild-7c1f.bak/file", "path"),
        ("usr/bin/gcc", "link"),
        ("usr/bin/g++", "link"),
        ("as", "link"),
        ("copy", "link"),
        ("tagged", "xattr"),
    ]
    assert {(leak.platform, leak.layer.created_by) for leak in found.leaks} == {
        (Platform.parse(AMD64), "COPY layer0 / # buildkit")
    }


@pytest.mark.parametrize("path", [".wh..xbuild-7c1f", "usr/.wh..xbuild-7c1f", ".xbuild-7c1f/.wh..wh..opq"])
def test_whiteouts(path: str, tmp_path: Path) -> None:
    found = scan(tmp_path, [Item("a")], [Item(path)], base=1)
    assert told(found) == [(1, path, Where.PATH, "")]


@pytest.mark.parametrize("before", [0, (1 << 20) - 5, (1 << 20) - len(NEEDLE), 1 << 20, (3 << 20) - 1])
def test_contents_across_chunks(before: int, tmp_path: Path) -> None:
    content = bytes(before) + NEEDLE
    found = scan(tmp_path, [Item("a", content + b"x"), Item("b", content), Item("c", content[:-1])])
    assert told(found) == [(0, "a", Where.CONTENT, ""), (0, "b", Where.CONTENT, "")]


class Pieces:
    """Data in given pieces, whatever is asked for."""

    def __init__(self, data: bytes, sizes: Sequence[int]) -> None:
        self.pieces = []
        for size in sizes:
            self.pieces.append(data[:size])
            data = data[size:]
        self.pieces = [piece for piece in [*self.pieces, data] if piece][::-1]

    def read(self, _: int = -1, /) -> bytes:
        return self.pieces.pop() if self.pieces else b""


@given(
    st.binary(max_size=300),
    st.binary(max_size=300),
    st.binary(min_size=1, max_size=20),
    st.lists(st.integers(0, 50), max_size=40),
    st.booleans(),
)
def test_a_needle_anywhere_in_any_pieces(
    before: bytes, after: bytes, needle: bytes, sizes: list[int], with_head: bool
) -> None:
    searched = _Searched(Pieces(before + needle + after, sizes), needle)
    if with_head:
        searched.head()
        searched.read(3)
    while searched.read(7):
        pass
    assert searched.found


@given(st.binary(max_size=300), st.binary(min_size=1, max_size=4), st.lists(st.integers(1, 9), max_size=90))
def test_found_only_where_it_is(data: bytes, needle: bytes, sizes: list[int]) -> None:
    searched = _Searched(Pieces(data, sizes), needle)
    searched.drain()
    assert searched.found is (needle in data)


@settings(deadline=None)
@given(st.binary(max_size=99), st.sampled_from(sorted(PACKERS)), st.integers(0, 90))
def test_a_needle_anywhere_in_what_is_packed(content: bytes, packer: str, at: int) -> None:
    pack, _ = PACKERS[packer]
    packed = pack(content[:at] + NEEDLE + content[at:])
    file = _File(_Search(NEEDLE, Depths()), "p", _Allowance(1 << 20), [])
    file.look(_Searched(io.BytesIO(packed), NEEDLE))
    assert Where.MEMBER in [hit.where for hit in file.hits if not hit.reason] or NEEDLE in packed


# --- what was there before ---


def test_what_a_lower_layer_had_is_no_leak(tmp_path: Path) -> None:
    packed, attribute = gzip.compress(LINE), (("SCHILY.xattr.user.a", "/.xbuild-7c1f"),)
    base = [
        Item("kept", LINE),
        Item("changed", LINE),
        Item("packed", packed),
        symlink("link", "/.xbuild-7c1f"),
        Item("tagged", b"1", records=attribute),
        Item("first", LINE + b"!"),
        hardlink("second", "first"),
        Item(".xbuild-7c1f"),
        Item("strange", b"7z\xbc\xaf\x27\x1c"),
    ]
    again = [
        Item("kept", LINE, mode=0o600, uid=7),
        Item("changed", LINE + b"more"),
        Item("packed", packed, uid=7),
        symlink("link", "/.xbuild-7c1f"),
        Item("tagged", b"2", records=attribute),
        Item("second", LINE + b"!"),
        Item(".wh..xbuild-7c1f"),
        Item(".xbuild-7c1f", uid=8),
        Item("strange", b"7z\xbc\xaf\x27\x1c", uid=7),
        Item("moved", LINE),
    ]
    found = scan(tmp_path, base, again, base=1)
    assert told(found) == [
        (1, "changed", Where.CONTENT, ""),
        (1, ".wh..xbuild-7c1f", Where.PATH, ""),
        (1, "moved", Where.CONTENT, ""),
    ]
    assert not found.unseen


def test_a_leak_is_told_once_however_often_it_is_copied_up(tmp_path: Path) -> None:
    found = scan(tmp_path, [Item("b")], [Item("a", LINE)], [Item("a", LINE, uid=3)], base=1)
    assert told(found) == [(1, "a", Where.CONTENT, "")]


def test_a_layer_of_two_platforms(tmp_path: Path) -> None:
    layers = [[Item("a", LINE)]]
    layout = write_layout(tmp_path, Built(AMD64, layers), Built("linux/arm64", layers))
    found = find_leaks(layout, NEEDLE, 0)
    assert [str(leak.platform) for leak in found.leaks] == [AMD64, "linux/arm64"]
    found = find_leaks(layout, NEEDLE, {Platform.parse(AMD64): 1, Platform.parse("linux/arm64"): 0})
    assert [str(leak.platform) for leak in found.leaks] == ["linux/arm64"]
    assert not find_leaks(layout, NEEDLE, 0, platforms=[Platform.parse("linux/386")]).leaks


# --- bounds, damage ---


def test_too_much_is_said_and_the_rest_is_searched(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(3 << 20) + LINE)
    items = [Item("bomb", layer_tar([Item("x", bomb), Item("y", LINE)])), Item("after", LINE)]
    found = scan(tmp_path, items, depths=Depths(ratio=1, least=1 << 20))
    assert [(each.path, each.reason) for each in found.unseen] == [("bomb", "more than 1 MiB come out of it")]
    assert told(found) == [(0, "bomb", Where.CONTENT, ""), (0, "after", Where.CONTENT, "")]


def test_formats_that_nobody_opens_are_said(tmp_path: Path) -> None:
    found = scan(tmp_path, [Item("a.7z", b"7z\xbc\xaf\x27\x1c...")])
    assert [(each.path, each.reason) for each in found.unseen] == [("a.7z", "7z is not opened")]


def test_an_encrypted_member_is_said(tmp_path: Path) -> None:
    data = bytearray(zipped(b"secret"))
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.rfind(magic)
        data[start + at] |= 1
    found = scan(tmp_path, [Item("a.zip", bytes(data))])
    assert "encrypted" in found.unseen[0].reason


def test_many_members_are_not_all_named(tmp_path: Path) -> None:
    many = layer_tar([Item(f"{number}", LINE) for number in range(50)])
    assert len(scan(tmp_path, [Item("many", gzip.compress(many))]).leaks) == 20


def test_a_damaged_layer_is_an_error(tmp_path: Path) -> None:
    whole = layer_tar([Item("a.gz", gzip.compress(bytes(range(256)) * 9999)), Item("b")])
    for tar in (whole[:900], whole[: len(whole) // 2]):
        built = Built(AMD64, [[]], tars=[tar])
        layout = write_layout(tmp_path / str(len(tar)), built)
        with pytest.raises(ImageError):
            find_leaks(layout, NEEDLE, 0)


def test_nothing_to_look_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        find_leaks(tmp_path, b"")


def test_old_tars_and_sparse_ones_within(tmp_path: Path) -> None:
    for number, form in enumerate((tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT)):
        inner = gzip.compress(layer_tar([Item("a" * 120 + "/b" * 5, LINE)], form))
        found = scan(tmp_path / str(number), [Item("a.tgz", inner)])
        assert [leak.where for leak in found.leaks] == [Where.MEMBER]


def test_large_files_are_held_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xbuild.verify.unpacking._IN_MEMORY", 100)
    section = with_section(".debug_str", struct.pack("<IIQQ", 1, 0, len(LINE), 1) + zlib.compress(LINE), True)
    items = [Item("a.zip", zipped(LINE)), Item("b.so", section)]
    members = [(0, "a.zip", Where.MEMBER, "a.txt"), (0, "b.so", Where.MEMBER, "section .debug_str")]
    assert told(scan(tmp_path / "1", items)) == members
    monkeypatch.setattr("xbuild.verify.unpacking._LARGEST", 150)
    found = scan(tmp_path / "2", items)
    assert not found.leaks
    assert [each.path for each in found.unseen] == ["a.zip", "b.so"]


def test_a_full_disk_is_not_the_files_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("xbuild.verify.unpacking._IN_MEMORY", 100)
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(OSError, match="No space left"):
        scan(tmp_path, [Item("a.zip", zipped(LINE))])
