"""Trees compared path by path: every aspect is seen, layers do not matter, and excuses are counted."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.verify.builder import Built, Elf, Item, folder, hardlink, layer_tar, symlink, write_layout
from xbuild.errors import ImageError
from xbuild.verify.excuses import Aspect, Excuse
from xbuild.verify.trees import PathDifference, TreeComparison, compare_layouts

AMD64 = "linux/amd64"
BEGUN = 1_000_000


def layout(path: Path, *layers: Sequence[Item], platforms: Sequence[str] = (AMD64,)) -> Path:
    return write_layout(path, *(Built(platform, layers) for platform in platforms))


def compared(
    tmp_path: Path, left: Sequence[Item], right: Sequence[Item], since: float | None = BEGUN
) -> TreeComparison:
    (found,) = compare_layouts(layout(tmp_path / "l", left), layout(tmp_path / "r", right), since=since)
    return found


def changed(found: TreeComparison) -> list[tuple[str, str, str, str]]:
    return [(each.path, each.what.value, each.left, each.right) for each in found.differences]


DEVICE = Item("dev/x", kind=tarfile.CHRTYPE, device=(1, 3))
TAGGED = (("SCHILY.xattr.user.x", "y"),)
BASE = Item("a", b"12345", 0o644, uid=1, gid=2)


@pytest.mark.parametrize(
    ("left", "right", "what"),
    [
        (BASE, Item("a", b"12345", 0o4644, uid=1, gid=2), ("mode", "644", "4644")),
        (BASE, Item("a", b"12345", 0o644, uid=1, gid=3), ("owner", "1:2", "1:3")),
        (BASE, Item("a", b"12346", 0o644, uid=1, gid=2), ("content", "5 bytes", "5 bytes")),
        (BASE, Item("a", b"", 0o644, uid=1, gid=2), ("content", "5 bytes", "0 bytes")),
        (BASE, folder("a"), ("kind", "file", "dir")),
        (BASE, Item("a", b"12345", 0o644, uid=1, gid=2, records=TAGGED), ("attributes", "none", "user.x=y")),
        (symlink("a", "b"), symlink("a", "./b"), ("link", "b", "./b")),
        (DEVICE, Item("dev/x", kind=tarfile.CHRTYPE, device=(1, 5)), ("device", "1:3", "1:5")),
        (DEVICE, Item("dev/x", kind=tarfile.BLKTYPE, device=(1, 3)), ("kind", "char", "block")),
    ],
)  # fmt: skip
def test_every_aspect(left: Item, right: Item, what: tuple[str, ...], tmp_path: Path) -> None:
    found = compared(tmp_path, [folder("dev"), left], [folder("dev"), right])
    assert changed(found) == [(f"/{left.path}", *what)]
    assert not found.is_equal
    assert found.paths == (3 if left.path == "dev/x" else 2) - (left.path == "dev/x")


def test_what_only_one_has(tmp_path: Path) -> None:
    found = compared(tmp_path, [Item("a", b"1", 0o600), Item("b")], [Item("b"), symlink("c", "b")])
    assert changed(found) == [
        ("/a", "presence", "file 600 0:0 1 bytes", "missing"),
        ("/c", "presence", "missing", "symlink 755 0:0 -> b"),
    ]
    assert found.paths == 3


def test_hard_links(tmp_path: Path) -> None:
    linked = [Item("a", b"1"), hardlink("b", "a")]
    assert compared(tmp_path / "1", linked, linked).is_equal
    found = compared(tmp_path / "2", linked, [Item("a", b"1"), Item("b", b"1")])
    assert changed(found) == [("/a", "hard links", "/b", "none"), ("/b", "hard links", "/a", "none")]
    swapped = [Item("b", b"1"), hardlink("a", "b")]
    assert compared(tmp_path / "3", linked, swapped).is_equal


@pytest.mark.parametrize(
    ("left", "right", "is_equal"),
    [
        (BEGUN - 9, BEGUN - 9, True),
        (BEGUN - 9, BEGUN - 8, False),
        (BEGUN - 9, BEGUN + 1, False),
        (BEGUN, BEGUN + 1, True),
    ],
)
def test_times_of_what_is_older_than_the_builds(
    left: int, right: int, is_equal: bool, tmp_path: Path
) -> None:
    one, two = Item("a", b"1", mtime=left), Item("a", b"1", mtime=right)
    found = compared(tmp_path / "1", [one], [two])
    assert found.has_times
    assert found.is_equal is is_equal
    if not is_equal:
        assert changed(found) == [("/a", "time of change", str(left), str(right))]
    found = compared(tmp_path / "2", [one], [two], since=None)
    assert found.is_equal
    assert not found.has_times


def test_a_time_in_a_pax_record(tmp_path: Path) -> None:
    one = Item("a", mtime=5)
    two = Item("a", mtime=5, records=(("mtime", "6.25"),))
    assert changed(compared(tmp_path, [one], [two])) == [("/a", "time of change", "5", "6")]


def test_the_same_tree_in_other_layers(tmp_path: Path) -> None:
    left = layout(tmp_path / "l", [folder("d"), Item("d/a", b"1"), Item("d/gone")], [Item("d/.wh.gone")])
    right = layout(tmp_path / "r", [folder("d")], [Item("d/a", b"0")], [Item("d/a", b"1")])
    (found,) = compare_layouts(left, right, since=BEGUN)
    assert found == TreeComparison(AMD64, 2, has_times=True)


def test_contents_are_read_from_the_layer_that_won(tmp_path: Path) -> None:
    left = layout(tmp_path / "l", [Item("a", b"old")], [Item("a", b"1"), Item("a", b"xyz1")])
    right = layout(tmp_path / "r", [Item("b", b"xyz2"), hardlink("a", "b")], [Item(".wh.b")])
    (found,) = compare_layouts(left, right)
    assert found.differences == (PathDifference("/a", Aspect.CONTENT, "4 bytes", "4 bytes", 3),)


@pytest.mark.parametrize(("at", "size"), [(0, 1), (1 << 20, (1 << 20) + 1), ((1 << 20) + 7, 3 << 20)])
def test_where_contents_begin_to_differ(at: int, size: int, tmp_path: Path) -> None:
    content = bytes(size)
    other = content[:at] + b"\1" + content[at + 1 :]
    (found,) = compared(tmp_path / "1", [Item("a", content)], [Item("a", other)]).differences
    assert found.offset == at
    (found,) = compared(tmp_path / "2", [Item("a", content)], [Item("a", content + b"1")]).differences
    assert found.offset == size


PROGRAM = Elf(
    "arm64",
    interpreter="/lib/ld-linux-aarch64.so.1",
    needed=("libc.so.6",),
    versions=(("libc.so.6", ("GLIBC_2.17",)),),
)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (PROGRAM, "the same machine, loader, list of needed libraries, list of symbol versions"),
        (replace(PROGRAM, versions=(("libc.so.6", ("GLIBC_2.34",)),)), "another list of symbol versions"),
        (
            replace(PROGRAM, needed=("libc.so",), interpreter="/lib/ld-musl-aarch64.so.1"),
            "another loader, list of needed libraries",
        ),
        (replace(PROGRAM, architecture="amd64"), "another machine"),
        (None, ""),
    ],
)
def test_in_what_programs_differ(other: Elf | None, said: str, tmp_path: Path) -> None:
    right = b"#!/bin/sh" if other is None else other.build() + b"1"
    found = compared(tmp_path, [Item("a", PROGRAM.build() + b"0")], [Item("a", right)])
    assert [each.program for each in found.differences] == [said]


LOG = b"2026-11-28 18:24:21 status installed tzdata\n"


def test_excuses_are_counted_and_held_to_their_reason(tmp_path: Path) -> None:
    logs = ("var/log/dpkg.log", "var/log/apt/history.log", "var/log/alternatives.log")
    left = [Item(path, LOG) for path in logs]
    right = [Item(path, LOG.replace(b"18:", b"19:")) for path in logs[:2]]
    right.append(Item(logs[2], LOG.replace(b"tzdata", b"bash"), mode=0o600))
    found = compared(tmp_path, left, right)
    assert [(row.pattern, row.paths) for row in found.excused] == [
        ("/var/log/apt/history.log", ("/var/log/apt/history.log",)),
        ("/var/log/dpkg.log", ("/var/log/dpkg.log",)),
    ]
    mode, content = found.differences
    assert (mode.what, content.what, content.offset) == (Aspect.MODE, Aspect.CONTENT, 37)
    assert content.note == "line 1: 'TIME status installed tzdata' / 'TIME status installed bash'"


def test_a_row_without_a_function_and_one_for_small_contents(tmp_path: Path) -> None:
    rows = (
        Excuse("/tmp/**", Aspect.PRESENCE, "left behind", "tests"),
        Excuse("/a", Aspect.CONTENT, "never", "tests", lambda *_: None, largest=2),
    )
    left = layout(tmp_path / "l", [Item("tmp/x"), Item("a", b"123")])
    right = layout(tmp_path / "r", [folder("tmp"), Item("a", b"124")])
    (found,) = compare_layouts(left, right, excuses=rows)
    assert [row.paths for row in found.excused] == [("/tmp/x",)]
    assert [each.note for each in found.differences] == ["larger than 0 MiB"]


def test_platforms(tmp_path: Path) -> None:
    left = layout(tmp_path / "l", [Item("a", b"1")], platforms=(AMD64, "linux/arm64"))
    right = layout(tmp_path / "r", [Item("a", b"1")], platforms=("linux/arm64",))
    one, two = compare_layouts(left, right)
    assert (one.platform, changed(one)) == (AMD64, [("/a", "presence", "file 755 0:0 1 bytes", "missing")])
    assert (two.platform, two.is_equal, two.paths) == ("linux/arm64", True, 1)


def test_a_damaged_image_is_an_error(tmp_path: Path) -> None:
    good = layout(tmp_path / "l", [Item("a", b"1")])
    bad = write_layout(tmp_path / "r", Built(AMD64, [[]], tars=[layer_tar([Item("a", b"1")])[:700]]))
    with pytest.raises(ImageError):
        compare_layouts(good, bad)


ITEMS = st.lists(
    st.builds(
        Item,
        st.sampled_from(["a", "b", "d/a", "d/b", "d/e/f"]),
        st.binary(max_size=3),
        st.sampled_from([0o600, 0o644]),
    ),
    max_size=5,
    unique_by=lambda item: item.path,
)


@settings(deadline=None, max_examples=40)  # each writes two images
@given(ITEMS, ITEMS)
def test_equal_only_when_the_trees_are(left: list[Item], right: list[Item]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        found = compared(Path(name), left, right)
    same = {item.path: item for item in left} == {item.path: item for item in right}
    assert found.is_equal is same


def test_a_folder_that_no_layer_lists(tmp_path: Path) -> None:
    """It has no time, so none is compared."""
    found = compared(tmp_path, [Item("d/x", b"1")], [folder("d"), Item("d/x", b"1")])
    assert found.is_equal
    assert found.paths == 2
