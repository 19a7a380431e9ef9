"""Requirement files: each line an item; what is secret in it is not kept."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from xbuild.plan.toolchains.python.fitting import Target
from xbuild.plan.toolchains.python.lockfiles.texts import masked
from xbuild.plan.toolchains.python.locks import Lock, Read, Unread, lacking, needed
from xbuild.plan.toolchains.python.requirements import Item, Strange, as_lock, requirements

FIXTURES = Path(__file__).parents[4] / "fixtures/requirements"
CASES = sorted(path.name for path in FIXTURES.iterdir())
HASH = "--hash=sha256:" + "0" * 64


def reader(folder: Path) -> Read:
    def read(path: str) -> str | None:
        found = folder / path
        return found.read_bytes().decode("utf-8") if found.is_file() else None

    return read


def told(folder: Path) -> str:
    """All items of a case, as `items.txt` has them."""
    found = requirements("requirements.txt", reader(folder))
    if isinstance(found, Unread):
        return f"{found.reason}\n"
    return "".join(f"{told_of(item)}\n" for item in found)


def told_of(item: Item) -> str:
    line = item.line
    given = [
        f"{field.name} {shown(getattr(item, field.name))}"
        for field in fields(item)
        if field.name != "line" and getattr(item, field.name)
    ]
    marks = [
        *(["constraint"] if line.is_constraint else []),
        *(f"${{{name}}}" for name in line.variables),
    ]
    return f"{line.file}:{line.number}: {' '.join((type(item).__name__, *marks))}: {'; '.join(given)}"


def shown(content: object) -> str:
    if isinstance(content, tuple):
        return " ".join(one[:20] for one in content)
    return str(getattr(content, "name", content))


@pytest.mark.parametrize("name", CASES)
def test_items_of_a_file(name: str) -> None:
    assert told(FIXTURES / name) == (FIXTURES / name / "items.txt").read_text("utf-8")


@pytest.mark.parametrize("name", CASES)
def test_no_secret_is_kept(name: str) -> None:
    found = requirements("requirements.txt", reader(FIXTURES / name))
    assert not any(secret in repr(found) for secret in ("secret", "pass@", "ss/word", "=abc", "token@"))


def of(text: str) -> tuple[Item, ...] | Unread:
    return requirements("requirements.txt", {"requirements.txt": text}.get)


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "\\\n"])
def test_nothing(text: str) -> None:
    assert of(text) == ()


BOMBS = {
    "a": "a" * 200_000,
    "brackets": "a;" + "(" * 200_000,
    "options": "-" * 200_000,
    "square brackets": "[" * 200_000,
    "quotes": "a==1 '",
    "no text": "\udcff",
    "spaces": "a" + " " * 200_000 + "?",
    "spaces in front of an option": "a" + " " * 200_000 + "-?",
    "addresses": "://a:b" * 40_000,
    "one that is too long": "a" * 2_000_000,
    "lines": "\\\n" * 200_000 + "?",
    "semicolons": "./a" + ";" * 200_000,
    "variables": "${A}" * 50_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_is_made_to_break_a_reader_does_not(name: str) -> None:
    found = of(BOMBS[name])
    assert not isinstance(found, Unread)
    assert len(found) == 1
    assert isinstance(found[0], Strange) == (name not in ("a", "addresses", "semicolons"))
    assert len(found[0].line.text) <= 200


ADDRESSES = {
    "https://index.example/simple": "https://index.example/simple",
    "https://index.example:8080/simple": "https://index.example:8080/simple",
    "https://me:secret@index.example/simple": "https://***@index.example/simple",
    "https://secret@index.example/simple": "https://***@index.example/simple",
    "https://me:se/cr@et@index.example/a": "https://***@index.example/a",
    "https://me:s@ecr/et@index.example/a": "https://***@index.example/a",
    "git+https://git.example/a.git@v1#egg=a": "git+https://git.example/a.git@v1#egg=a",
    "git+https://secret@git.example/a.git@v1#egg=a": "git+https://***@v1#egg=a",
    "https://files.example/a.whl?token=secret#sha256=0": "https://files.example/a.whl?***#sha256=0",
    "-i https://me:secret@a.example -f https://b.example/?secret": "-i https://***@a.example -f https://b.example/?***",
    "https://a.example,https://me:secret@b.example": "https://***",
    "./folder@2": "./folder@2",
}


@pytest.mark.parametrize("text", ADDRESSES)
def test_addresses_without_secrets(text: str) -> None:
    assert masked(text) == ADDRESSES[text]


def test_a_large_file() -> None:
    assert of("#" * (8 * 1024 * 1024 + 1)) == Unread("requirements.txt is larger than 8 MiB")


def test_files_that_include_each_other_without_end() -> None:
    found = requirements("0", lambda path: f"-r {int(path) + 1}\n")
    assert found == Unread("0 includes too many files")


def test_a_file_that_includes_many() -> None:
    files = {str(number): "" for number in range(1, 1000)}
    found = requirements("0", {**files, "0": "".join(f"-r {name}\n" for name in files)}.get)
    assert found == Unread("0 includes too many files")


def test_a_file_with_a_password_in_its_name_is_not_named() -> None:
    found = requirements("https://me:secret@index.example/r.txt", lambda _: "")
    assert found == Unread("https://***@index.example/r.txt cannot be read")


# -- as a lock

TARGET = Target((3, 12), "aarch64", ("glibc", (2, 36)))


def lock_of(text: str, *, is_whole: bool = False) -> Lock | Unread:
    return as_lock("requirements.txt", {"requirements.txt": text}.get, is_whole=is_whole)


def test_pins_with_hashes_are_a_lock() -> None:
    lock = lock_of(f"a==1 {HASH}\nb==2; platform_machine == 'x86_64' {HASH}\n-i https://index.example\n")
    assert isinstance(lock, Lock)
    found, lacks = needed(lock, TARGET), lacking(lock, TARGET)
    assert not isinstance(found, Unread)
    assert not isinstance(lacks, Unread)
    assert [(package.name, package.version) for package in found] == [("a", "1")]
    assert [lack.text for lack in lacks] == ["the files of a 1 are not named"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a>=1", "`a>=1` in line 1 of requirements.txt is no pin"),
        ("a==1.*", "`a==1.*` in line 1 of requirements.txt is no pin"),
        ("-e .", "`-e .` in line 1 of requirements.txt is no pin"),
        ("\n--find-links x", "`--find-links x` in line 2 of requirements.txt is no pin"),
        (
            "a==1",
            "`a==1` in line 1 of requirements.txt has no hash, so that what it requires may not be named",
        ),
        ("-r other.txt", "other.txt, which requirements.txt includes, cannot be read"),
    ],
)
def test_what_is_no_lock(text: str, reason: str) -> None:
    assert lock_of(text) == Unread(reason)


def test_pins_that_are_all_there_is() -> None:
    assert isinstance(lock_of("a==1", is_whole=True), Lock)
