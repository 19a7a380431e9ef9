"""Layers merged as a container runtime unpacks them, and facts that survive the cache."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.verify.builder import (
    Elf,
    Item,
    Layout,
    folder,
    go_blob,
    go_text,
    hardlink,
    layer_tar,
    symlink,
)
from xbuild.errors import ImageError
from xbuild.verify import scan as scanning
from xbuild.verify.blobs import Directory
from xbuild.verify.elf import ElfFacts, Unreadable
from xbuild.verify.layers import FileSystem
from xbuild.verify.oci import ImageIndex
from xbuild.verify.scan import Content, LayerScan, scan_layers, scan_tar
from xbuild.verify.spec import Descriptor
from xbuild.verify.tar import Stream


def scan(items: Sequence[Item], digest: str = "sha256:x") -> LayerScan:
    file = io.BytesIO(layer_tar(items))
    return scan_tar(Stream(lambda: file.read(1 << 16), "test"), digest)


def merged(*contents: Sequence[Item]) -> FileSystem:
    return FileSystem([scan(items) for items in contents])


def paths(files: FileSystem) -> list[str]:
    return [file.path for file in files if file.entry.kind != "dir"]


def test_later_layers_win_and_are_named() -> None:
    files = merged([Item("a", b"1"), Item("b", b"1")], [Item("b", b"22", 0o4711, uid=5, gid=6)])
    first, second = files.lookup("/a"), files.lookup("/b")
    assert first is not None
    assert second is not None
    assert (first.layer, second.layer) == (0, 1)
    assert (second.entry.mode, second.entry.uid, second.entry.gid, second.entry.size) == (0o4711, 5, 6, 2)


def test_whiteouts_remove_files_and_folders_of_lower_layers() -> None:
    files = merged(
        [Item("d/x"), Item("d/y"), Item("e/f/g"), Item("k")],
        [Item("d/.wh.x", mode=0), Item(".wh.e"), Item(".wh.absent"), Item("e/new")],
    )
    assert paths(files) == ["/d/y", "/e/new", "/k"]


def test_opaque_folders_hide_what_was_below_but_not_their_own_layer() -> None:
    files = merged([Item("d/old"), Item("d/s/old")], [folder("d"), Item("d/new"), Item("d/.wh..wh..opq")])
    assert paths(files) == ["/d/new"]


def test_a_whiteout_in_the_same_layer_as_its_file_leaves_the_file() -> None:
    assert paths(merged([Item("a")], [Item("a", b"2"), Item(".wh.a")])) == ["/a"]


def test_other_aufs_names_are_no_files() -> None:
    assert paths(merged([folder(".wh..wh.plnk"), Item(".wh..wh.aufs"), Item("a")])) == ["/a"]


def test_type_changes() -> None:
    files = merged([Item("a/b"), Item("c"), symlink("l", "a")], [Item("a"), Item("c/d"), folder("l")])
    assert paths(files) == ["/a", "/c/d"]
    found = files.lookup("/l")
    assert found is not None
    assert found.entry.kind == "dir"


def test_links_in_parent_paths_are_followed_inside_the_root() -> None:
    """Merged /usr: a layer may write lib/x although /lib is a link to usr/lib."""
    files = merged(
        [folder("usr/lib"), symlink("lib", "usr/lib"), symlink("out", "../../../usr")], [Item("lib/x")]
    )
    assert paths(files) == ["/lib", "/out", "/usr/lib/x"]
    assert files.lookup("/out/lib/x") == files.lookup("/usr/lib/x")


def test_symlinks() -> None:
    files = merged(
        [
            Item("usr/bin/real", b"x"),
            symlink("bin", "usr/bin"),
            symlink("usr/bin/a", "real"),
            symlink("usr/bin/b", "/bin/a"),
            symlink("usr/bin/up", "../../../../bin/real"),
            symlink("loop", "loop"),
            symlink("dangling", "nowhere"),
        ]
    )
    for name in ("/bin/a", "/bin/b", "/bin/up", "/usr/bin/../bin/./real"):
        found = files.lookup(name)
        assert found is not None
        assert found.path == "/usr/bin/real"
    assert files.lookup("/loop") is None
    assert files.lookup("/dangling") is None
    kept = files.lookup("/bin/a", follow=False)
    assert kept is not None
    assert kept.entry.kind == "symlink"
    assert files.children("/bin") == ("a", "b", "real", "up")
    assert files.children("/nowhere") == ()


def test_hard_links_share_content_and_name_their_own_layer() -> None:
    files = merged([Item("bin/busybox", Elf("arm64").build())], [hardlink("bin/ls", "bin/busybox")])
    found = files.lookup("/bin/ls")
    assert found is not None
    assert found.layer == 1
    assert found.entry.content is not None
    assert found.entry.content.format == "elf"


def test_a_hard_link_keeps_its_content_when_the_other_name_changes() -> None:
    files = merged([Item("a", b"#!/bin/one\n"), hardlink("b", "a")], [Item("a", b"#!/bin/two\n")])
    found = files.lookup("/b")
    assert found is not None
    assert found.entry.content == Content("script", text="/bin/one")


def test_a_hard_link_to_nothing() -> None:
    found = merged([hardlink("b", "a")]).lookup("/b")
    assert found is not None
    assert found.entry.kind == "hardlink"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"#! /usr/bin/env  node \nx", "script"),
        (b"MZ\x90\0" + bytes(100), "pe"),
        (b"\xcf\xfa\xed\xfe" + bytes(40), "macho"),
        (b"\xca\xfe\xba\xbe\0\0\0\x02" + bytes(40), "macho"),
        (b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(40), None),
        (b"!<arch>\nx", "ar"),
        (b"plain text", None),
        (b"\x7fELFx", "elf"),
    ],
)
def test_formats_by_the_first_bytes(data: bytes, expected: str | None) -> None:
    (entry,) = scan([Item("f", data)]).entries
    assert (entry.content.format if entry.content else None) == expected


def test_loader_configuration_is_kept_and_nothing_else() -> None:
    entries = scan([Item("etc/ld.so.conf.d/a.conf", b"/opt/lib\n"), Item("etc/passwd", b"root")]).entries
    assert [entry.content for entry in entries] == [Content("text", text="/opt/lib\n"), None]


def test_a_large_file_goes_through_a_temporary_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "_IN_MEMORY", 100)
    data = Elf("arm64", kind=3, needed=("a",), go=go_blob("go1.22", go_text(GOARCH="arm64"))).build()
    (entry,) = scan([Item("f", data + bytes(3_000_000))]).entries
    assert entry.content is not None
    assert isinstance(entry.content.elf, ElfFacts)
    assert entry.content.elf.needed == ("a",)
    assert entry.content.built is not None


def test_facts_survive_json() -> None:
    go = go_blob("go1.22", go_text(["a\tv1\tsum", "b\tv2\tsum\n=>\tc\tv3\tsum"], GOARCH="arm64"))
    before = scan(
        [
            Item("app", Elf("arm64", kind=3, interpreter="/l", needed=("x",), runpath="/r", go=go).build()),
            Item("bad", b"\x7fELF\x09\x09"),
            Item("run", b"#!/bin/sh\n"),
            Item(".wh.gone"),
            Item("d/.wh..wh..opq"),
            symlink("link", "app"),
        ]
    )
    assert isinstance(before.entries[1].content, Content)
    assert isinstance(before.entries[1].content.elf, Unreadable)
    assert scanning.from_json(json.loads(json.dumps(scanning.to_json(before)))) == before


def image_of(tmp_path: Path, *contents: Sequence[Item]) -> tuple[ImageIndex, list[Descriptor]]:
    layout = Layout(tmp_path / "layout")
    descriptors = []
    for items in contents:
        data = layer_tar(items)
        descriptors.append(Descriptor("", layout.blob(data), len(data)))
    return ImageIndex(Directory(layout.root), "", (), ()), descriptors


def test_the_cache_is_used_and_the_digest_still_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "_WORTH_KEEPING", -1.0)
    image, descriptors = image_of(tmp_path, [Item("a", Elf().build())], [Item("b")])
    cache = tmp_path / "cache"
    first = scan_layers(image, [*descriptors, descriptors[0]], cache)
    assert len(list(cache.glob("*.json"))) == 2
    with monkeypatch.context() as patch:
        patch.setattr(scanning, "scan_tar", None)
        assert scan_layers(image, descriptors, cache) == first
    blob = tmp_path / "layout" / "blobs" / descriptors[0].digest.replace(":", "/")
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")
    with pytest.raises(ImageError, match=r"has the digest"):
        scan_layers(image, descriptors, cache)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"digest": "sha256:other"}', '{"entries": [[1]]}'])
def test_a_damaged_cache_is_read_past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    monkeypatch.setattr(scanning, "_WORTH_KEEPING", -1.0)
    image, descriptors = image_of(tmp_path, [Item("a", Elf().build())])
    cache = tmp_path / "cache"
    expected = scan_layers(image, descriptors, cache)
    (file,) = cache.iterdir()
    file.write_text(content)
    assert scan_layers(image, descriptors, cache) == expected


def test_a_cache_that_cannot_be_written_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "_WORTH_KEEPING", -1.0)
    image, descriptors = image_of(tmp_path, [Item("a")])
    (tmp_path / "file").write_text("")
    assert scan_layers(image, descriptors, tmp_path / "file" / "cache")


def test_the_cache_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "_WORTH_KEEPING", -1.0)
    monkeypatch.setattr(scanning, "_CACHED_LAYERS", 2)
    image, descriptors = image_of(tmp_path, *([Item(f"f{n}")] for n in range(5)))
    scan_layers(image, descriptors, tmp_path / "cache")
    assert len(list((tmp_path / "cache").glob("*.json"))) <= 3


def test_the_cache_directory_follows_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert str(scanning.cache_directory()).startswith("/somewhere/xbuild/")


_NAMES = st.sampled_from(
    ["a", "b", "a/b", "a/b/c", "./b//c", "../a", "/a/c", "b/.wh.c", ".wh.a", "a/.wh..wh..opq"]
)
_ITEMS = st.one_of(
    st.builds(Item, _NAMES, st.sampled_from([b"", b"x", b"#!/bin/sh\n"])),
    st.builds(folder, _NAMES),
    st.builds(symlink, _NAMES, st.sampled_from(["a", "../b", "/a/b", "/", "..", "c"])),
    st.builds(hardlink, _NAMES, _NAMES),
)


@given(st.lists(st.lists(_ITEMS, max_size=6), max_size=4))
def test_any_layers_merge(contents: list[list[Item]]) -> None:
    files = merged(*contents)
    for file in files:
        if file.entry.kind not in ("symlink", "dir"):
            assert files.lookup(file.path, follow=False) == file
