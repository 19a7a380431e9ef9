"""What of a folder is sent: `.dockerignore` as moby/patternmatcher reads it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from xbuild.errors import ContextError
from xbuild.plan.context import LARGEST
from xbuild.solve import directory
from xbuild.solve.directory import DirectoryContext
from xbuild.solve.ignore import Ignore, read_patterns

# Expectations follow moby/patternmatcher's rules, case by case; see `ignore.py` for where they stand.
CASES = [
    ("a", "a", True),
    ("a", "b", False),
    ("a", "a/b", True),
    ("a", "b/a", False),
    ("/a", "a", True),
    ("./a", "a", True),
    ("a/", "a/b", True),
    ("a//b", "a/b", True),
    ("  a  ", "a", True),
    ("*", "a", True),
    ("*", ".a", True),
    ("*.go", "a.go", True),
    ("*.go", "d/a.go", False),
    ("**/*.go", "d/a.go", True),
    ("**/*.go", "a.go", True),
    ("**", "a/b/c", True),
    ("**/x", "x", True),
    ("**/x", "a/b/x", True),
    ("**/x", "a/b/x/y", True),
    ("**/x", "a/bx", False),
    ("a/**", "a/b", True),
    ("a/**", "a", False),
    ("a/**/b", "a/b", True),
    ("a/**/b", "a/x/y/b", True),
    ("a?c", "abc", True),
    ("a?c", "a/c", False),
    ("[a-c].txt", "b.txt", True),
    ("[a-c].txt", "d.txt", False),
    ("[^a]", "b", True),
    ("a.b", "axb", False),
    ("a+b(c)", "a+b(c)", True),
    ("a\\*", "a*", True),
    ("a\\*", "ab", False),
    ("#a", "#a", False),
    (" #a", "#a", True),
    ("\ufeffa", "a", True),
    ("a\r\nb\r\n", "b", True),
    ("a\n!a", "a", False),
    ("!a\na", "a", True),
    ("a\n!a/b", "a/b", False),
    ("a\n!a/b", "a/c", True),
    ("*\n!a", "a/b/c", False),
    ("*\n!a\na/b", "a/b/c", True),
    ("*\n!**/*.go", "d/a.go", False),
    ("*\n! a", "a", False),
    ("!", "a", False),
    ("", "a", False),
    ("a/../b", "b", True),
    ("[", "a", False),
]


@pytest.mark.parametrize(("patterns", "path", "ignored"), CASES)
def test_patterns(patterns: str, path: str, ignored: bool) -> None:
    assert Ignore(read_patterns(patterns)).is_ignored(path) is ignored


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def test_files_are_those_that_are_sent(tmp_path: Path) -> None:
    make(tmp_path, "a.go", "d/b.go", "d/e/c.go", "vendor/x.go", "vendor/keep/y.go", ".git/config")
    (tmp_path / ".dockerignore").write_text(".git\nvendor\n!vendor/keep\n")
    context = DirectoryContext(tmp_path)
    assert context.files() == (".dockerignore", "a.go", "d/b.go", "d/e/c.go", "vendor/keep/y.go")
    assert context.files("d") == context.files("./d/") == ("d/b.go", "d/e/c.go")
    assert context.files("nope") == ()
    assert context.read("d/b.go") == context.read("./d/../d/b.go") == "d/b.go"
    assert context.read("vendor/x.go") is None
    assert context.read("vendor/keep/y.go") == "vendor/keep/y.go"
    assert context.read("missing") is None


@pytest.mark.parametrize(
    ("patterns", "walked"),
    [
        ("*\n!src", {"src", "src/a"}),
        ("*\n!src/a/*.go", {"src", "src/a"}),
        ("*\n!src/**", {"src", "src/a"}),
        ("*\n!s?c/a", {"src", "src/a"}),
        ("*\n!src.go", set[str]()),
        ("*\n!node_modules/a/b", {"node_modules", "node_modules/a"}),
        ("*\n!**/b.go", {"src", "src/a", "node_modules", "node_modules/a"}),
        ("node_modules\n!src", {"src", "src/a"}),
    ],
)
def test_an_ignored_folder_is_entered_for_an_exception_alone(
    patterns: str, walked: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "src/a/b.go", "node_modules/a/b.go")
    entered: list[str] = []
    plain = os.scandir

    def scanning(path: Path) -> os._ScandirIterator[str]:
        entered.append(str(path.relative_to(tmp_path)))
        return plain(str(path))

    monkeypatch.setattr(os, "scandir", scanning)
    DirectoryContext(tmp_path, patterns.encode()).files()
    assert set(entered) == {".", *walked}


def test_the_dockerfiles_own_ignore_file_wins(tmp_path: Path) -> None:
    make(tmp_path, "a", "b")
    (tmp_path / ".dockerignore").write_text("a\n")
    assert DirectoryContext(tmp_path, b"b\n").files() == (".dockerignore", "a")
    assert DirectoryContext(tmp_path, b"").files() == (".dockerignore", "a", "b")


def test_nothing_outside_is_read(tmp_path: Path) -> None:
    make(tmp_path, "secret", "beside/secret", "root/in", "root/d/e")
    root = tmp_path / "root"
    (root / "over").symlink_to("../beside")
    (root / "again").symlink_to("d")
    (root / "out").symlink_to("../secret")
    (root / "loop").symlink_to("loop")
    (root / "link").symlink_to("in")
    context = DirectoryContext(root)
    assert (context.read("out"), context.read("../secret"), context.read("loop")) == (None, None, None)
    assert context.read("/../secret") is None
    assert context.read("over/secret") is None
    assert context.read("link") == "root/in"
    assert context.read("again/e") == "root/d/e"
    assert context.files() == ("again", "d/e", "in", "link", "loop", "out", "over")


def test_a_file_that_is_asked_for_again_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "go.mod").write_text("module x")
    read: list[Path] = []
    plain = Path.read_text

    def counted(path: Path, encoding: str | None = None, errors: str | None = None) -> str:
        read.append(path)
        return plain(path, encoding, errors)

    monkeypatch.setattr(Path, "read_text", counted)
    context = DirectoryContext(tmp_path)
    assert [context.read("go.mod") for _ in range(3)] == ["module x"] * 3
    assert len(read) == 1


def test_so_many_characters_of_texts_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "aaaa", "bbbb", "cccc")
    monkeypatch.setattr(directory, "_KEPT", 8)
    context = DirectoryContext(tmp_path)
    for name in ("aaaa", "bbbb", "cccc", "aaaa"):
        assert context.read(name) == name
        assert sum(len(text or "") for text in context._texts.values()) <= 8


def test_links_that_are_sent(tmp_path: Path) -> None:
    make(tmp_path, "a/f", "a/b/f", "c/f", "x.tar", "big")
    links = {
        "a/l": "f",
        "a/b/up": "../../c",
        "c/in": "../a",
        "c/gone": "nowhere",
        "a/out": "../secret",
        "f": "a/f",
    }
    for name, held in links.items():
        (tmp_path / name).symlink_to(held)
    (tmp_path / ".dockerignore").write_text("a/out\n")
    context = DirectoryContext(tmp_path)
    sent = {"a/l": "f", "a/b/up": "../../c", "c/in": "../a", "c/gone": "nowhere", "f": "a/f"}
    assert context.links(".") == context.links("/") == sent
    assert context.links("a") == context.links("./a/") == {"l": "f", "b/up": "../../c"}
    assert context.links("a/f") == context.links("f") == context.links("nothing") == {}
    # a source that is a link is followed, and so are those that a pattern names
    assert context.links("c/in") == context.links("a")
    assert context.links("a/b/up/in/b") == {"up": "../../c"}
    assert context.links("c/*") == context.links("a")
    assert context.links("[^b-z]") == context.links("a")
    assert context.links("?/b") == {"up": "../../c"}
    assert context.links("*.txt") == {}


def test_links_in_a_circle_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert DirectoryContext(tmp_path).links("loop") is None


def test_links_in_an_archive_are_not_known(tmp_path: Path) -> None:
    make(tmp_path, "d/f")
    (tmp_path / "d/l").symlink_to("f")
    (tmp_path / "text").write_text("#!/bin/sh\n")
    for name, content in {"packed": b"\x1f\x8b\x08", "p.bz2": b"BZh91AY", "old.tar": b"name\0"}.items():
        (tmp_path / name).write_bytes(content)
        context = DirectoryContext(tmp_path)
        assert context.links(name) == {}
        assert context.links(name, unpacks=True) is None
    assert context.links("text", unpacks=True) == context.links("nothing", unpacks=True) == {}
    assert context.links("d", unpacks=True) == {"l": "f"}
    assert context.links("*", unpacks=True) is None


def test_links_where_something_cannot_be_read(tmp_path: Path) -> None:
    make(tmp_path, "a/f", "b/f")
    (tmp_path / "a/l").symlink_to("f")
    (tmp_path / "b").chmod(0)
    assert DirectoryContext(tmp_path).links("*") == {"l": "f"}
    (tmp_path / "b").chmod(0o700)


def test_bytes_that_are_no_text_and_files_too_large(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"\xff")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(LARGEST + 1)
    context = DirectoryContext(tmp_path)
    assert context.read("b") == "\ufffd"
    assert context.read("large") is None


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ContextError):
        DirectoryContext(tmp_path / "nope").files()
