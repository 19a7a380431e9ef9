"""What knows a language has one room; elsewhere no name of that language stands, in comments neither."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import xbuild

ROOT = Path(xbuild.__file__ or "").parent

# Package → where Go is at home in it, and the line that names that room
ROOMS = {"verify": ("languages/go", "languages/__init__.py")}

GO = re.compile(
    r"\bGo(?![a-z])|\bGO(?:_|[A-Z0-9]{2,}\b)|(?<![a-z])cgo|CGO|golang|gobuild|\bgo\.(?:mod|sum|work)\b"
    r"|\bgo (?:build|env|generate|get|install|list|mod|run|test|tool|version|vet|work)\b"
    r"|[`\"'./_-]go\b|\bgo[_.:\-`\"'/]",
)
# The room in the tuple of rooms
NAMED = re.compile(r"^from xbuild\.verify\.languages\.go import language as go$|\(go\.LANGUAGE,\)")


@pytest.mark.parametrize("package", ROOMS)
def test_go_stays_in_its_room(package: str) -> None:
    room, door = (ROOT / package / name for name in ROOMS[package])
    assert any(GO.search(path.read_text("utf-8")) for path in room.rglob("*.py"))
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted((ROOT / package).rglob("*.py"))
        if not path.is_relative_to(room)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if GO.search(NAMED.sub("", line) if path == door else line)
    ]
    assert not found


@pytest.mark.parametrize(
    "text",
    [
        "GOOS", "${GOARCH}", "GOARM=7", "GOAMD64", "# what cgo does", "CGO_ENABLED", "_CGO = 1", "go.mod",
        "golang:1", "`go build`", "runs go version", "a Go program", "GoBuildInfo", "content.go", "parse.go",
        'found["go"]', "go: int", "gobuildinfo", "/usr/local/go/src", "is_go", "go_level", "GO_LEVELS",
    ],
)  # fmt: skip
def test_names_that_are_found(text: str) -> None:
    assert GO.search(text)


@pytest.mark.parametrize("text", ["facts go to the cache", "cargo", "Google", "category", "ago", "GNU", "GC"])
def test_words_that_are_none(text: str) -> None:
    assert not GO.search(text)
