"""Which dynamic loader a program reaches, and what follows for the libraries that it needs."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.unit.verify.builder import Built, Elf, Item, hardlink, symlink
from tests.unit.verify.test_judge import dynamic, failures, library, verify
from xbuild.verify.checks import CheckKind

GLIBC = "/lib64/ld-linux-x86-64.so.2"
MUSL = "/lib/ld-musl-x86_64.so.1"
MUSL_NEEDS = ("libc.so.6", "libpthread.so.0", "librt.so.1", "libm.so.6", "libdl.so.2", "libutil.so.1")

ALPINE = [
    Item(MUSL, library("amd64", soname="libc.musl-x86_64.so.1")),
    symlink("lib/libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1"),
]
COMPAT = [
    *(
        symlink(f"lib/{name}", "/lib/libc.musl-x86_64.so.1")
        for name in ("ld-linux-x86-64.so.2", "libcrypt.so.1")
    ),
    symlink("lib64", "lib"),
]
GCOMPAT = [
    Item("lib/ld-linux-x86-64.so.2", Elf("amd64").build()),
    symlink(GLIBC, "../lib/ld-linux-x86-64.so.2"),
    Item("lib/libgcompat.so.0", library("amd64", "libucontext.so.1", soname="libgcompat.so.0")),
    Item("lib/libucontext.so.1", library("amd64")),
]


def image(*layers: Sequence[Item], needed: Sequence[str] = MUSL_NEEDS, runpath: str | None = None) -> Built:
    """An image that runs a program whose loader is glibc's by name."""
    app = Elf("amd64", kind=3, interpreter=GLIBC, needed=tuple(needed), runpath=runpath).build()
    return Built("linux/amd64", [*layers, [Item("app", app)]], ["/app"])


@pytest.mark.parametrize("soname", ["libc.musl-x86_64.so.1", None], ids=["Alpine's", "Debian's"])
@pytest.mark.parametrize(
    "items",
    [
        [symlink(GLIBC, MUSL)],
        [symlink(GLIBC, "../lib/libc.musl-x86_64.so.1")],
        [symlink("lib64", "lib"), symlink("lib/ld-linux-x86-64.so.2", "ld-musl-x86_64.so.1")],
        [hardlink(GLIBC, MUSL)],
        [Item(GLIBC, library("amd64", soname="libc.so"))],
        COMPAT,
        GCOMPAT,
    ],
    ids=["link", "to-link", "folder", "hard-link", "copy", "libc6-compat", "gcompat"],
)
def test_musl_answers_under_the_name_of_glibc(items: Sequence[Item], soname: str | None) -> None:
    musl = [Item(MUSL, library("amd64", soname=soname)), *ALPINE[1:]]
    outcome = verify(image(musl, items))
    assert not outcome.failures
    assert not outcome.warnings
    for other in ("libresolv.so.2", "libnone.so", "libcrypt.so.2"):
        assert failures(verify(image(musl, items, needed=(*MUSL_NEEDS, other)))) == [
            (CheckKind.LIBRARY, other)
        ]
    native = Elf("amd64", kind=3, interpreter=MUSL, needed=("libc.so",)).build()
    assert verify(Built("linux/amd64", [musl, items, [Item("app", native)]], ["/app"])).passed


def test_the_loader_that_counts_is_the_one_that_is_reached() -> None:
    glibc = [
        Item(MUSL, library("amd64", soname="libc.so")),
        Item("opt/ld-linux-x86-64.so.2", library("amd64", soname="ld-linux-x86-64.so.2")),
        symlink(GLIBC, "/opt/ld-linux-x86-64.so.2"),
    ]
    assert failures(verify(image(glibc, needed=["libc.so.6"]))) == [(CheckKind.LIBRARY, "libc.so.6")]
    swapped = Elf("amd64", kind=3, interpreter=MUSL, needed=("libc.so.6",)).build()
    items = [*glibc[1:2], symlink(MUSL, "/opt/ld-linux-x86-64.so.2"), Item("app", swapped)]
    assert failures(verify(Built("linux/amd64", [items], ["/app"]))) == [(CheckKind.LIBRARY, "libc.so.6")]


def test_a_link_into_nothing_and_a_foreign_loader() -> None:
    assert failures(verify(image([symlink(GLIBC, MUSL)]))) == [(CheckKind.INTERPRETER, GLIBC)]
    foreign = [Item(MUSL, library("arm64")), symlink(GLIBC, MUSL)]
    assert failures(verify(image(foreign))) == [(CheckKind.MACHINE, MUSL)]


def test_gcompat_needs_musl_and_what_it_preloads() -> None:
    assert failures(verify(image(GCOMPAT))) == [(CheckKind.INTERPRETER, GLIBC)]
    arm = [Item("lib/ld-musl-aarch64.so.1", library("arm64"))]
    assert (CheckKind.INTERPRETER, GLIBC) in failures(verify(image(arm, GCOMPAT)))
    assert failures(verify(image(ALPINE, GCOMPAT[:-1]))) == [(CheckKind.LIBRARY, "libucontext.so.1")]


def test_musl_looks_for_a_loader_that_is_needed_like_for_any_library() -> None:
    needed = ("libc.so.6", "ld-linux-x86-64.so.2")
    alone = [symlink(GLIBC, MUSL)]
    assert failures(verify(image(ALPINE, alone, needed=needed))) == [(CheckKind.LIBRARY, needed[1])]
    assert verify(image(ALPINE, COMPAT, needed=needed)).passed


def test_musl_hands_runpath_down_and_takes_the_first_file() -> None:
    items = [
        symlink(GLIBC, MUSL),
        Item("opt/liba.so", library("amd64", "libb.so")),
        Item("opt/libb.so", library("amd64")),
    ]
    assert verify(image(ALPINE, items, needed=["liba.so"], runpath="$ORIGIN/opt")).passed
    foreign = [Item("lib/liba.so", library("arm64")), Item("usr/lib/liba.so", library("amd64"))]
    found = failures(verify(image(ALPINE, items[:1], foreign, needed=["liba.so"])))
    assert (CheckKind.LIBRARY, "/lib/liba.so") in found


def test_musl_reads_its_path_file_under_any_name_of_the_loader() -> None:
    items = [symlink(GLIBC, MUSL), Item("opt/liba.so", library("amd64"))]
    assert not verify(image(ALPINE, items, needed=["liba.so"])).passed
    for name, passed in (("x86_64", True), ("i386", False)):
        path = [Item(f"etc/ld-musl-{name}.path", b"/opt\n")]
        assert verify(image(ALPINE, items, path, needed=["liba.so"])).passed is passed


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        (b"", False),
        (b"\n", False),
        (b"/none\n", False),
        (b"/none:/lib", True),
        (b"/lib \n", False),
        (None, True),
    ],
)
def test_musl_s_path_file_takes_the_place_of_its_own_folders(text: bytes | None, passed: bool) -> None:
    """As musl 1.2.5 was seen to do."""
    path = [] if text is None else [Item("etc/ld-musl-x86_64.path", text)]
    items = [symlink(GLIBC, MUSL), Item("lib/liba.so", library("amd64"))]
    assert verify(image(ALPINE, items, path, needed=["liba.so"])).passed is passed


def test_musl_s_path_file_of_another_architecture_or_that_is_a_link_into_nothing() -> None:
    items = [symlink(GLIBC, MUSL), Item("lib/liba.so", library("amd64"))]
    for path in (Item("etc/ld-musl-i386.path", b""), symlink("etc/ld-musl-x86_64.path", "/none")):
        assert verify(image(ALPINE, items, [path], needed=["liba.so"])).passed


@pytest.mark.parametrize(
    ("runpath", "passed"),
    [
        ("/opt/lib", True),
        ("$ORIGIN/opt/lib", True),
        ("${ORIGIN}/opt/lib", True),
        ("/opt/lib:$ORIGINAL", True),
        ("/opt/$LIB", False),
        ("/opt/lib:/opt/$LIB", False),
        ("/opt/lib:$PLATFORM", False),
        ("$ORIGIN/opt/lib:a$b", False),
    ],
)
def test_musl_takes_no_folder_where_one_has_another_name_in_it(runpath: str, passed: bool) -> None:
    """As musl 1.2.5 was seen to do; glibc knows $LIB and $PLATFORM."""
    items = [Item("opt/lib/liba.so", library("amd64"))]
    musl = image(ALPINE, [symlink(GLIBC, MUSL)], items, needed=["liba.so"], runpath=runpath)
    assert verify(musl).passed is passed
    loader = [Item(GLIBC, library("amd64", soname="ld-linux-x86-64.so.2"))]
    assert verify(image(loader, items, needed=["liba.so"], runpath=runpath)).passed


def test_glibc_hands_rpath_down_relative_to_the_file_that_has_it() -> None:
    loader = Item(GLIBC, library("amd64", soname="ld-linux-x86-64.so.2"))
    app = Elf("amd64", kind=3, interpreter=GLIBC, needed=("liba.so",), rpath="$ORIGIN/../lib").build()
    items = [loader, Item("srv/bin/app", app), Item("srv/lib/libb.so", library("amd64"))]
    upper = Item("srv/lib/liba.so", library("amd64", "libb.so"))
    assert verify(Built("linux/amd64", [[*items, upper]], ["/srv/bin/app"])).passed
    own = Elf("amd64", kind=3, needed=("libb.so",), runpath="/none").build()
    image = Built("linux/amd64", [[*items, Item("srv/lib/liba.so", own)]], ["/srv/bin/app"])
    assert failures(verify(image)) == [(CheckKind.LIBRARY, "libb.so")]


@pytest.mark.parametrize("configured", [True, False])
def test_a_glibc_of_its_own_beside_musl(configured: bool) -> None:
    root = "usr/glibc-compat"
    items = [
        Item(f"{root}/lib/ld-linux-x86-64.so.2", library("amd64", soname="ld-linux-x86-64.so.2")),
        Item(f"{root}/lib/libc.so.6", library("amd64")),
        symlink(GLIBC, f"/{root}/lib/ld-linux-x86-64.so.2"),
        Item("usr/lib/libz.so.1", library("amd64")),
        Item(f"{root}/etc/ld.so.conf", b"/usr/lib\n" if configured else b"# none\n"),
    ]
    outcome = verify(image(ALPINE, items, needed=["libc.so.6", "libz.so.1"]))
    assert failures(outcome) == ([] if configured else [(CheckKind.LIBRARY, "libz.so.1")])


def test_a_plain_glibc_image_is_not_taken_for_musl() -> None:
    app = Item("app", dynamic("amd64", "libpthread.so.0"))
    loader = Item(GLIBC, library("amd64", soname="ld-linux-x86-64.so.2"))
    found = failures(verify(Built("linux/amd64", [[loader, app]], ["/app"])))
    assert found == [(CheckKind.LIBRARY, "libpthread.so.0")]


@pytest.mark.parametrize("linked", [True, False])
def test_musl_on_armv7_goes_by_the_name_of_hard_float(linked: bool) -> None:
    """Alpine's loader for arm/v6 and arm/v7 is `ld-musl-armhf.so.1`; glibc's has a name of its own."""
    hard = 0x5000400
    musl = Elf("arm", kind=3, flags=hard, soname="libc.musl-armhf.so.1").build()
    items = [Item("lib/ld-musl-armhf.so.1", musl), symlink("lib/libc.musl-armhf.so.1", "ld-musl-armhf.so.1")]
    own, glibc = "/lib/ld-musl-armhf.so.1", "/lib/ld-linux-armhf.so.3"
    native = Elf("arm", kind=3, flags=hard, interpreter=own, needed=("libc.musl-armhf.so.1",)).build()
    assert verify(Built("linux/arm/v7", [[*items, Item("app", native)]], ["/app"])).passed
    foreign = Elf("arm", kind=3, flags=hard, interpreter=glibc, needed=("libc.so.6", "libm.so.6")).build()
    compat = [symlink(glibc, own)] if linked else []
    outcome = verify(Built("linux/arm/v7", [[*items, *compat, Item("app", foreign)]], ["/app"]))
    assert failures(outcome) == ([] if linked else [(CheckKind.INTERPRETER, glibc)])
