"""What knows a language has one room; elsewhere no name of that language stands, in comments neither.

Nor does a name of a program that has a twin in what all twins have in common.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import xbuild
from xbuild.pipeline.helper import twin_files
from xbuild.plan.twins import TWINS
from xbuild.plan.twins.twin import Twin

ROOT = Path(xbuild.__file__ or "").parent

# Package → where Go is at home in it, and the file beside each room that names it.
ROOMS = {
    "cli": (),
    "pipeline": (),
    "plan": ("toolchains/go", "twins/go"),
    "rewrite": (),
    "verify": ("languages/go",),
    "views": (),
}
DOORS = (
    "toolchains/__init__.py",
    "toolchains/every.py",
    "twins/__init__.py",
    "languages/__init__.py",
    "languages/excused.py",
)

GO = re.compile(
    r"\bGo(?![a-z])|\bGO(?:_|[A-Z0-9]{2,}\b)|(?<![a-z])cgo|CGO|golang|gobuild|\bgo\.(?:mod|sum|work)\b"
    r"|\bgo (?:build|env|generate|get|install|list|mod|run|test|tool|version|vet|work)\b"
    r"|[`\"'./_-]go\b|\bgo[_.:\-`\"'/]",
)
# A file of BuildKit's or buildx's that a fact is from, an address, a runner of tasks, a goal of Maven's: no
# names of Go's.
CITED = re.compile(r"(?<=`)(?:\w+/)*\w+\.go(?=`)|https://[\w./-]+|\bgo-(?:task|offline)\b")
# The room in the tuple of rooms
NAMED = re.compile(
    r"^from xbuild\.verify\.languages\.go import language as go$|\(go\.LANGUAGE,(?: \w+\.LANGUAGE,?)*\)"
    r"|^from xbuild\.plan\.toolchains import go(?:, \w+)*$|\(go\.TOOLCHAIN,(?: \w+\.TOOLCHAIN,?)*\)"
    r"|^    go\.TOOLCHAIN,$"
    r"|(?<=\*)go\.WORK(?=[,)])"
    r"|^from xbuild\.plan\.twins import (?:\w+, )*go(?:, \w+)*$|(?<= )go\.TWIN(?=[,)])"
    r"|^from xbuild\.verify\.languages\.go import leftovers as go$|(?<=\*)go\.EXCUSES(?=[,)])"
)


@pytest.mark.parametrize("package", ROOMS)
def test_go_stays_in_its_room(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    room: list[Path] = []
    for own in ROOMS[package]:
        there = [path for path in files if path.is_relative_to(ROOT / package / own)]
        assert any(is_named(path.read_text("utf-8")) for path in there)
        room += there
    doors = [ROOT / package / name for name in DOORS]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files
        if path not in room
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if is_named(NAMED.sub("", line) if path in doors else line)
    ]
    assert not found


def is_named(text: str) -> bool:
    return GO.search(CITED.sub("", text)) is not None


@pytest.mark.parametrize(
    "text",
    [
        "GOOS", "${GOARCH}", "GOARM=7", "GOAMD64", "# what cgo does", "CGO_ENABLED", "_CGO = 1", "go.mod",
        "golang:1", "`go build`", "runs go version", "a Go program", "GoBuildInfo", "content.go", "parse.go",
        'found["go"]', "go: int", "gobuildinfo", "/usr/local/go/src", "is_go", "go_level", "GO_LEVELS",
        '"_test.go"', "`go.mod`", "'main.go'", "`go build x.go`",
    ],
)  # fmt: skip
def test_names_that_are_found(text: str) -> None:
    assert is_named(text)


@pytest.mark.parametrize(
    "text",
    [
        "facts go to the cache", "cargo", "Google", "category", "ago", "GNU", "GC", "(buildx `build/opt.go`)",
        "`dockerfile2llb/convert.go`, `commitToHistory`", "see https://docs.docker.com/go/buildx/",
    ],
)  # fmt: skip
def test_words_that_are_none(text: str) -> None:
    assert not is_named(text)


# What all twins have in common. What takes how long under emulation is a table of its own.
COMMON = ("plan/deciding", "plan/twins/twin", "pipeline/helper", "pipeline/remaking", "solve/marks")
WORK = ROOT / "plan/deciding/work.py"
# Programs that its room knows beside those by which PATH leads to it.
INNER = {
    "apk": "abuild",
    "apt": "aptitude debconf",
    "gcc": "g++ cc1 cc1plus lto1 collect2 binutils",
    "node": "nodejs pnpx",
    "pip": "ensurepip",
    "go": "golang cgo",
}
# Words that are something else as well: `node` of a tree, `go` in English.
ONLY_QUOTED = ("node", "go")


def names_of(twin: Twin) -> re.Pattern[str]:
    names = {twin.name, *twin.programs, *twin.modules, *INNER[twin.name].split()}
    plain = "|".join(sorted(map(re.escape, names.difference(ONLY_QUOTED)), key=len, reverse=True))
    quoted = "|".join(names.intersection(ONLY_QUOTED)) or "(?!)"
    return re.compile(rf"(?<![\w.-])(?:{plain})(?![\w-])|(?<=[\"'`/])(?:{quoted})(?=[\"'`/])")


def common_texts() -> dict[str, str]:
    paths = [path for name in COMMON for path in (ROOT / name).rglob("*.py")]
    paths += [path for name in COMMON if (path := ROOT / f"{name}.py").exists()]
    texts = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in paths if path != WORK}
    return texts | {name: text for name, text in twin_files().items() if name.startswith("helper/")}


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.name)
def test_a_twin_stays_in_its_room(twin: Twin) -> None:
    pattern = names_of(twin)
    assert pattern.search((ROOT / f"plan/twins/{twin.name}/__init__.py").read_text("utf-8"))
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, text in common_texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found
