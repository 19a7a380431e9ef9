"""What is noted of Python's files, also of files that only look like them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.verify.builder import Elf, Item, layer_tar
from xbuild.platforms import Platform
from xbuild.verify import scan as scanning
from xbuild.verify.built import Note
from xbuild.verify.languages import read_note, wanted
from xbuild.verify.languages.python.notes import Noted, magic_numbers
from xbuild.verify.languages.python.wheels import Requirement, objection
from xbuild.verify.scan import scan_tar
from xbuild.verify.tar import Stream

INFO = "usr/lib/python3.13/site-packages/a-1.dist-info"


def noted(path: str, data: bytes) -> Note | None:
    limit = wanted(path)
    return read_note(path, data[:limit] if data[:4] != b"\x7fELF" else data, len(data))


@pytest.mark.parametrize(
    ("path", "data", "expected"),
    [
        (f"{INFO}/WHEEL", b"Tag: py3-none-any\r\nTag: x\r\n", Note(Noted.WHEEL, ("py3-none-any", "x"))),
        (f"{INFO}/WHEEL", b"", Note(Noted.UNREADABLE, ("has no tag",))),
        (f"{INFO}/WHEEL", b"Tag: a\n" * 201, Note(Noted.UNREADABLE, ("has too many tags",))),
        (f"{INFO}/WHEEL", b"x" * 70_000, Note(Noted.UNREADABLE, ("is too large to be read",))),
        ("etc/WHEEL", b"Tag: py3-none-any\n", None),
        (
            f"{INFO}/METADATA",
            b"Name: a\nVersion: 1\nDescription: x\n more\nRequires-Dist: b>1\n\nRequires-Dist: c\n",
            Note(Noted.METADATA, ("a", "1", "b>1")),
        ),
        (f"{INFO}/METADATA", b"Name: a\nVersion: 1\n\n" + b"x" * 2_000_000, Note(Noted.METADATA, ("a", "1"))),
        ("x/a.egg-info/PKG-INFO", b"Name: a\nVersion: 1\n", Note(Noted.METADATA, ("a", "1"))),
        ("x/python_a-1.egg-info", b"Name: a\nVersion: 1\n", Note(Noted.METADATA, ("a", "1"))),
        (
            f"{INFO}/RECORD",
            b'"a,b.py",,\r\na/x.so.1,h,1\r\na/tests/t.py,,\r\na/__pycache__/y.cpython-313.pyc,,\r\n'
            b"../../../bin/a.py,,\r\n/etc/a.py,,\r\na/d.json,,\r\na-1.dist-info/x.py,,\r\n",
            Note(Noted.RECORD, ("a,b.py", "a/x.so.1")),
        ),
        (f"{INFO}/RECORD", b"a.py,,\n" * 200_001, Note(Noted.UNREADABLE, ("has too many rows",))),
        (f"{INFO}/RECORD", b"a.py,,\n" * 2_000_000, Note(Noted.UNREADABLE, ("is too large to be read",))),
        (
            "venv/pyvenv.cfg",
            b"home = /usr/bin\nversion_info = 3.13.1.final.0\n",
            Note(Noted.ENVIRONMENT, ("/usr/bin", "3.13")),
        ),
        (
            "srv/requirements.txt",
            b"# x\na>1 ; os_name == 'b'  # c\n-e .\n--pre\nb \\\r\n  --hash=x:1\r\ngit+https://x/y#egg=z\n",
            Note(Noted.PROJECT, ("a>1 ; os_name == 'b'", "b", "git+https://x/y#egg=z")),
        ),
        ("srv/pyproject.toml", b"[project]\ndependencies = ['a', 1]\n", Note(Noted.PROJECT, ("a",))),
        ("srv/pyproject.toml", b"[project]\ndependencies = 1\n", None),
        ("srv/pyproject.toml", b"project = 1\n", None),
        ("srv/pyproject.toml", b"x = " + b"[" * 5000, None),
        ("venv/pyvenv.cfg", b"\xff", Note(Noted.ENVIRONMENT, ("", ""))),
        ("a/__pycache__/x.cpython-313.pyc", b"\xf3\x0d\r\n", None),
        ("a/__pycache__/x.cpython-39.opt-2.pyc", b"\xf3\x0d\r\n", Note(Noted.BYTECODE, ("3571",))),
        ("a/__pycache__/x.pypy310.pyc", b"\x00\x01\r\n", None),
        ("a/x.pyc", b"\xf3\x0d\r\n", Note(Noted.BYTECODE, ("3571",))),
        ("a/x.pyc", b"\xf3", Note(Noted.BYTECODE, ("0",))),
        ("usr/bin/python3.13", b"\x7fELF\0.cpython-313-x86_64-linux-gnu.so\0.abi3.so\0", Note(
            Noted.INTERPRETER, (".abi3.so", ".cpython-313-x86_64-linux-gnu.so"),
        )),
        ("usr/lib/libpypy3.9-c.so", b"\x7fELF\0.pypy39-pp73-x86_64-linux-gnu.so\0", Note(
            Noted.INTERPRETER, (".pypy39-pp73-x86_64-linux-gnu.so",),
        )),
        ("usr/bin/python3.13", b"\x7fELF", None),
        ("usr/bin/sh", b"\x7fELF\0.cpython-313-x86_64-linux-gnu.so\0", None),
        ("lib/libc.so.6", b"\x7fELFGNU C Library (x) stable release version 2.36.\n", Note(
            Noted.C_LIBRARY, ("2.36",),
        )),
    ],
)  # fmt: skip
def test_what_is_noted(path: str, data: bytes, expected: Note | None) -> None:
    assert noted(path, data) == expected


_PATHS = [
    "a/pyvenv.cfg",
    "a/x.pyc",
    "usr/bin/python3",
    *(f"{INFO}/{n}" for n in ("WHEEL", "METADATA", "RECORD")),
]


@given(st.sampled_from(_PATHS), st.binary(max_size=300))
def test_any_bytes(path: str, data: bytes) -> None:
    found = noted(path, data)
    assert found is None or all(isinstance(value, str) for value in found.values)


@given(
    st.lists(st.sampled_from([b"Tag", b"Name", b"Version", b": ", b"\n", b'"', b",", b"-", b"a.py", b"\0"]))
)
def test_pieces_of_what_is_looked_for(pieces: Sequence[bytes]) -> None:
    for path in _PATHS:
        noted(path, b"".join(pieces))


def scan(items: Sequence[Item]) -> scanning.LayerScan:
    blocks = iter([layer_tar(items)])
    return scan_tar(Stream(lambda: next(blocks, b""), "a layer"), "sha256:x")


def test_notes_survive_json() -> None:
    program = Elf(kind=3).build() + b"\0.cpython-313-x86_64-linux-gnu.so\0"
    before = scan([Item("usr/bin/python3.13", program), Item(f"{INFO}/WHEEL", b"Tag: py3-none-any\n")])
    assert [entry.content and entry.content.note is not None for entry in before.entries] == [True, True]
    assert scanning.from_json(json.loads(json.dumps(scanning.to_json(before)))) == before


def test_notes_of_a_layer_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "_LARGEST_NOTES", 9 << 20)
    entries = scan([Item(f"{INFO[:-11]}{n}.dist-info/RECORD", b"a.py,,\n") for n in range(3)]).entries
    notes = [entry.content.note for entry in entries if entry.content is not None]
    assert len([note for note in notes if note is not None and note.kind == Noted.RECORD]) == 3
    monkeypatch.setattr(scanning, "_LARGEST_NOTES", 8)
    entries = scan([Item(f"{INFO[:-11]}{n}.dist-info/RECORD", b"a.py,,\n") for n in range(3)]).entries
    notes = [entry.content.note for entry in entries if entry.content is not None]
    assert [note is not None and note.kind for note in notes] == [
        Noted.RECORD, Noted.UNREADABLE, Noted.UNREADABLE,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("version", "number"), [("3.6", 3379), ("3.11", 3495), ("3.13", 3571), ("3.14", 3627)]
)
def test_numbers_of_releases(version: str, number: int) -> None:
    assert [v for v in ("3.6", "3.10", "3.11", "3.12", "3.13", "3.14") if number in magic_numbers(v)] == [
        version
    ]
    assert not magic_numbers("2.7")
    assert not magic_numbers("3.5")


@pytest.mark.parametrize(
    "tag", ["a", "a-b", "a-b-c-d", "--", "py3-none-", ".".join("a" * 300), "-".join([".".join("a" * 80)] * 3)]
)
def test_tags_that_are_none(tag: str) -> None:
    found = objection([tag], Platform.parse("linux/arm64"), (), None)
    assert found is not None
    assert found[0] == "tag"


@pytest.mark.parametrize(
    ("platform", "tag", "reason"),
    [
        ("linux/arm64", "py3-none-any", None),
        ("linux/arm64", "cp39-abi3-manylinux2014_aarch64", None),
        ("linux/arm64", "cp39-cp39-musllinux_1_1_x86_64.musllinux_1_1_aarch64", None),
        ("linux/arm64", "cp39-cp39-linux_x86_64", "platform"),
        ("linux/arm64", "cp39-cp39-macosx_11_0_arm64", "platform"),
        ("linux/arm64", "py3-none-win_arm64", "platform"),
        ("linux/arm/v7", "cp39-cp39-linux_armv7l", None),
        ("linux/arm/v7", "cp39-cp39-linux_aarch64", "platform"),
        ("linux/386", "cp39-cp39-manylinux1_i686", None),
        ("linux/s390x", "cp39-cp39-manylinux_2_17_s390x", None),
        ("linux/ppc64le", "cp39-cp39-manylinux_2_17_ppc64le", None),
        ("linux/riscv64", "cp39-cp39-manylinux_2_39_riscv64", None),
    ],
)
def test_tags_by_their_platform_alone(platform: str, tag: str, reason: str | None) -> None:
    found = objection([tag], Platform.parse(platform), (), None)
    assert (found and found[0]) == reason


def test_requirements_nested_too_deeply() -> None:
    marker = "(" * 4000 + "os_name=='a'" + ")" * 4000
    with pytest.raises(ValueError, match=r"nested|Expected"):
        Requirement(f"a; {marker}")
