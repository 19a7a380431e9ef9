"""Who wrote what, and is it right for the target?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from xbuild.plan.filesystem import (
    Kind,
    Write,
    absolute,
    is_within,
    join,
    kind_of,
    offenders,
    overlaps,
    through_links,
    without_glob,
)
from xbuild.plan.model import Place

HERE = Place(7)


def wrote(path: str | None, kind: Kind, *, is_file: bool = False, is_package: bool = False) -> Write:
    return Write(path, kind, HERE, "a command", is_file, is_package)


def test_order_of_trust() -> None:
    assert join(()) is Kind.PORTABLE
    assert join((Kind.CROSS, Kind.BUILD, Kind.PORTABLE)) is Kind.BUILD
    assert [k.name for k in Kind if k.is_right] == ["PORTABLE", "CROSS", "TARGET"]


@pytest.mark.parametrize(
    ("path", "folder", "expected"),
    [("/a/b", "/a", True), ("/a", "/a", True), ("/ab", "/a", False), ("/x", "/", True), ("/a", "/a/", True)],
)
def test_is_within(path: str, folder: str, expected: bool) -> None:
    assert is_within(path, folder) is expected


def test_overlaps_is_symmetric() -> None:
    assert overlaps("/a", "/a/b")
    assert overlaps("/a/b", "/a")
    assert not overlaps("/a/b", "/a/c")


@pytest.mark.parametrize(
    ("path", "directory", "expected"),
    [
        ("x", "/src", "/src/x"),
        ("../x", "/src", "/x"),
        ("/x/./y/", None, "/x/y"),
        ("//x", None, "/x"),
        ("x", None, None),
        (".", "/", "/"),
    ],
)
def test_absolute(path: str, directory: str | None, expected: str | None) -> None:
    assert absolute(path, directory) == expected


@pytest.mark.parametrize(
    ("path", "expected"), [("/a/b*/c", "/a"), ("/a/b", "/a/b"), ("/*", "/"), ("/a/[bc]", "/a")]
)
def test_without_glob(path: str, expected: str) -> None:
    assert without_glob(path) == expected


def test_a_cross_compiled_file_is_right() -> None:
    assert offenders([wrote("/out/app", Kind.CROSS, is_file=True)], "/out/app") == ()


def test_anything_anywhere_offends() -> None:
    assert offenders([wrote("/out/app", Kind.CROSS), wrote(None, Kind.UNKNOWN)], "/out/app")


def test_a_whole_file_hides_what_was_there() -> None:
    writes = [wrote(None, Kind.UNKNOWN), wrote("/out/app", Kind.CROSS, is_file=True)]
    assert offenders(writes, "/out/app") == ()
    assert offenders(writes, "/out")


def test_a_folder_of_that_name_hides_nothing() -> None:
    writes = [
        wrote("/out", Kind.PORTABLE),
        wrote("/out/tool", Kind.BUILD, is_file=True),
        wrote("/out", Kind.CROSS, is_file=True),
    ]
    assert [w.path for w in offenders(writes, "/out")] == ["/out/tool"]


def test_what_nobody_wrote_comes_with_the_base() -> None:
    (found,) = offenders([], "/usr/bin/git")
    assert (found.kind, found.place.line) == (Kind.BUILD, 0)
    assert offenders([wrote("/usr/bin", Kind.PORTABLE)], "/usr/bin/git")


def test_folders_that_the_base_leaves_empty() -> None:
    assert offenders([wrote("/go/bin/app", Kind.CROSS)], "/go/bin/", ("/go",)) == ()


def test_a_folder_of_an_unknown_base_may_hold_something() -> None:
    writes = [wrote("/app", Kind.PORTABLE), wrote("/app/server", Kind.CROSS, is_file=True)]
    assert offenders(writes, "/app") == ()
    assert offenders(writes, "/app", is_base_plain=False)
    assert offenders(writes, "/app/server", is_base_plain=False) == ()


def test_certificates_are_the_same_everywhere_also_from_packages() -> None:
    writes = [wrote("/etc", Kind.BUILD, is_package=True)]
    assert offenders(writes, "/etc/ssl/certs/ca-certificates.crt") == ()
    assert offenders([wrote("/etc/passwd", Kind.BUILD)], "/etc/passwd")


def test_copying_over_the_root_leaves_the_base_content() -> None:
    assert offenders([wrote("/", Kind.PORTABLE)], "/usr/lib")


def test_kind_of() -> None:
    writes = [wrote("/src", Kind.PORTABLE), wrote("/src/bin", Kind.CROSS)]
    assert kind_of(writes, "/src/a.go") is Kind.PORTABLE
    assert kind_of(writes, "/src") is Kind.CROSS
    assert kind_of(writes, None) is Kind.UNKNOWN
    assert kind_of(writes, "/etc/passwd") is Kind.PORTABLE
    assert kind_of(writes, "/tmp/x") is Kind.BUILD


def test_writes_through_links() -> None:
    link = Write("/alias", Kind.PORTABLE, HERE, "ln", link="/out")
    made = wrote("/alias/x", Kind.BUILD, is_file=True)
    assert [w.path for w in through_links([link], made)] == ["/alias/x", "/out/x"]
    # cp writes through a link of its target's name; a new link takes its place
    assert [w.path for w in through_links([link], wrote("/alias", Kind.BUILD))] == ["/alias", "/out"]
    assert through_links([link], replace(link, link="/other")) == (replace(link, link="/other"),)


def test_links_in_a_circle_may_lead_anywhere() -> None:
    links = [
        Write("/a", Kind.PORTABLE, HERE, "ln", link="/a/b"),
        *(Write(f"/a/b{n}", Kind.PORTABLE, HERE, "ln", link="/a") for n in range(20)),
    ]
    made = through_links(links * 9, wrote("/a/x", Kind.BUILD))
    assert made[0].path is None or len(made) > 1
