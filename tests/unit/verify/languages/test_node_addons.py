"""Addons of Node.js: for the C library of the program that loads them, or named."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.unit.verify.builder import Built, Elf, Item, symlink
from tests.unit.verify.test_judge import library, verify
from xbuild.verify.checks import CheckKind

MUSL, GLIBC = "/lib/ld-musl-x86_64.so.1", "/lib64/ld-linux-x86-64.so.2"
NEEDS = {"musl": ("libstdc++.so.6", "libc.musl-x86_64.so.1"), "glibc": ("libstdc++.so.6", "libc.so.6")}
LIBRARIES = {
    "musl": [
        Item(MUSL, library("amd64", soname="libc.musl-x86_64.so.1")),
        symlink("lib/libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1"),
    ],
    "glibc": [
        Item(GLIBC, library("amd64", soname="ld-linux-x86-64.so.2")),
        Item("usr/lib/libc.so.6", library("amd64")),
    ],
}
APP = "app/node_modules"


def node(kind: str, path: str = "usr/local/bin/node") -> Item:
    loader = MUSL if kind == "musl" else GLIBC
    return Item(path, Elf("amd64", kind=3, interpreter=loader, needed=NEEDS[kind]).build())


def addon(path: str, kind: str, *more: str, architecture: str = "amd64") -> Item:
    return Item(f"{APP}/{path}", library(architecture, *NEEDS[kind], *more))


def image(kind: str, *addons: Item, base: Sequence[Item] = ()) -> Built:
    system = [*LIBRARIES[kind], Item("usr/lib/libstdc++.so.6", library("amd64")), *base]
    return Built("linux/amd64", [[*system, node(kind)], list(addons)], ["node"])


def told(built: Built) -> list[tuple[str, str, str]]:
    """Severity, path and what was found, of what is said about addons."""
    outcome = verify(built)
    every = [check for platform in outcome.platforms for check in platform.checks]
    return [
        (str(check.severity), check.path.removeprefix(f"/{APP}/"), check.found)
        for check in every
        if check.kind is CheckKind.ABI
    ]


@pytest.mark.parametrize(("runs", "found"), [("musl", "glibc"), ("glibc", "musl")])
@pytest.mark.parametrize(
    "path",
    [
        "better-sqlite3/build/Release/better_sqlite3.node",
        "@img/sharp-linux-x64/lib/sharp-linux-x64.node",
        "@swc/core-linux-x64-gnu/swc.linux-x64-gnu.node",
    ],
)
def test_an_addon_for_the_other_c_library_is_a_failure(runs: str, found: str, path: str) -> None:
    assert told(image(runs, addon(path, found))) == [("failure", path, found)]
    assert told(image(runs, addon(path, runs))) == []


@pytest.mark.parametrize("runs", ["musl", "glibc"])
@pytest.mark.parametrize(
    ("glibc", "musl"),
    [
        (
            "@img/sharp-linux-x64/lib/sharp-linux-x64.node",
            "@img/sharp-linuxmusl-x64/lib/sharp-linuxmusl-x64.node",
        ),
        (
            "@swc/core-linux-x64-gnu/swc.linux-x64-gnu.node",
            "@swc/core-linux-x64-musl/swc.linux-x64-musl.node",
        ),
        ("a/prebuilds/linux-x64/a.glibc.node", "a/prebuilds/linux-x64/a.musl.node"),
        ("b/prebuilds/linux-x64/node.napi.node", "b/prebuilds/linuxmusl-x64/node.napi.node"),
        ("c/prebuilds/linuxglibc-x64/c.node", "c/prebuilds/linuxmusl-x64/c.node"),
        ("c/lib/binding/napi-v6-linux-glibc-x64/c.node", "c/lib/binding/napi-v6-linux-musl-x64/c.node"),
    ],
)
def test_one_for_each_c_library_is_meant(runs: str, glibc: str, musl: str) -> None:
    assert told(image(runs, addon(glibc, "glibc"), addon(musl, "musl"))) == []


def test_of_another_package_is_no_other_one() -> None:
    found = told(
        image("musl", addon("a/build/Release/a.node", "glibc"), addon("b/build/Release/a.node", "musl"))
    )
    assert found == [("failure", "a/build/Release/a.node", "glibc")]


@pytest.mark.parametrize(
    ("path", "kind", "more", "runs", "severity"),
    [
        ("a/prebuilds/linux-x64/a.node", "glibc", (), "musl", None),
        ("a/prebuilds/linux-x64/a.node", "glibc", ("ld-linux-x86-64.so.2",), "musl", "warning"),
        ("a/prebuilds/linux-x64/a.node", "glibc", ("libm.so.6", "libdl.so.2"), "musl", None),
        ("a/prebuilds/linux-x64/a.glibc.node", "glibc", (), "musl", "warning"),
        ("a/prebuilds/linux-x64/a.node", "musl", (), "glibc", "warning"),
    ],
)
def test_prebuilds_are_chosen_by_their_package(
    path: str, kind: str, more: tuple[str, ...], runs: str, severity: str | None
) -> None:
    assert told(image(runs, addon(path, kind, *more))) == ([(severity, path, kind)] if severity else [])


def test_without_a_node_that_is_understood_nothing_is_said() -> None:
    """None, two that differ, one for glibc on musl: who loads the addon is not known."""
    wrong = addon("a/build/Release/a.node", "glibc")
    libraries = [*LIBRARIES["musl"], Item("usr/lib/libstdc++.so.6", library("amd64"))]
    assert told(Built("linux/amd64", [libraries, [wrong]], [])) == []
    assert told(image("musl", wrong, base=[node("glibc", "opt/node/bin/node")])) == []
    linked = [*libraries, symlink(GLIBC, MUSL), node("glibc")]
    assert told(Built("linux/amd64", [linked, [wrong]], ["node"])) == []


def test_another_machine_is_said_once() -> None:
    wrong = addon("a/build/Release/a.node", "glibc", architecture="arm64")
    outcome = verify(image("musl", wrong))
    assert [check.kind for check in outcome.failures] == [CheckKind.MACHINE]


def test_what_came_with_the_base_image_is_a_warning() -> None:
    wrong = addon("a/build/Release/a.node", "glibc")
    found = verify(image("musl", base=[wrong]), base_layers=1)
    assert found.passed
    assert [check.path for check in found.warnings] == [f"/{APP}/a/build/Release/a.node"]
