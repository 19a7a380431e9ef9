"""Files that V8 makes for its own machine: planted faults, and what must not raise an alarm.

The beginnings are those that node 20 wrote on amd64.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.verify.builder import Item
from tests.unit.verify.languages.python_trees import Python, told, verify
from xbuild.verify.checks import Allow
from xbuild.verify.languages.node.machine_files import MachineFile, note, wants

CACHE = bytes.fromhex("cc05dec00bc2e4001e000000532146508801000000000000011c54012806a860") + bytes(400)
OTHER = CACHE[:20] + bytes.fromhex("9901000000000000aa55aa55") + CACHE[32:]
X64, ARM64 = b"\x03\0\0\0\0\0\0\0x64", b"\x05\0\0\0\0\0\0\0arm64"
SNAPSHOT = bytes.fromhex("19da430101") + b"\x07\0\0\0\0\0\0\x0020.20.2" + X64
SNAPSHOT += b"\x05\0\0\0\0\0\0\0linux" + bytes(100)
SEA = bytes.fromhex("20da4301")
AMD, ARM = Python("amd64"), Python("arm64")


def images(amd: bytes, arm: bytes, path: str = "app/server.jsc") -> list[str]:
    return told(verify((AMD, [Item(path, amd)]), (ARM, [Item(path, arm)])))


def test_one_code_cache_for_two_machines() -> None:
    (line,) = images(CACHE, CACHE)
    assert "across failure machine /app/server.jsc" in line
    assert "a code cache of V8, and the same for linux/amd64" in line


@pytest.mark.parametrize("path", ["app/main.cache", "app/main.blob", "app/x/y.bin"])
def test_wherever_such_files_are(path: str) -> None:
    assert len(images(CACHE, CACHE, path)) == 1


# As node 20 and node 22 wrote them on amd64; behind them the rest of their length.
OF_20 = bytes.fromhex("cc05dec00bc2e400d50100005349ae2c3806000000000000") + bytes(0x638)
OF_22 = bytes.fromhex("2806dec074fede79d5010000673d8f218751e399680600000000000000000000") + bytes(0x668)


@pytest.mark.parametrize("cache", [OF_20, OF_22])
@pytest.mark.parametrize("path", ["app/bundle", "app/main.bytecode", "app/a.js"])
def test_a_code_cache_by_its_beginning_alone(path: str, cache: bytes) -> None:
    assert len(images(cache, cache, path)) == 1
    assert images(cache + b"x", cache + b"x", path) == []


@pytest.mark.parametrize("path", ["app/snapshot", "app/start.dat"])
def test_a_snapshot_by_its_beginning_alone(path: str) -> None:
    (line,) = images(SNAPSHOT, SNAPSHOT, path)
    assert "is a snapshot of node for x64" in line


def test_a_code_cache_for_each_machine_is_right() -> None:
    assert images(CACHE, OTHER) == []


def test_a_snapshot_for_another_machine() -> None:
    (line,) = images(SNAPSHOT, SNAPSHOT, "app/start.blob")
    assert line.startswith("linux/arm64 failure machine /app/start.blob: ")
    assert "is a snapshot of node for x64" in line


def test_a_snapshot_for_each_machine_is_right() -> None:
    assert images(SNAPSHOT, SNAPSHOT.replace(X64, ARM64), "a.blob") == []


@pytest.mark.parametrize(("flags", "count"), [(0, 0), (1, 0), (2, 1), (4, 1), (5, 1), (8, 0)])
def test_what_is_put_into_a_single_executable(flags: int, count: int) -> None:
    blob = SEA + flags.to_bytes(4, "little") + bytes(200)
    assert len(images(blob, blob, "app/sea-prep.blob")) == count


def test_an_exception() -> None:
    pair = ((AMD, [Item("app/a.jsc", CACHE)]), (ARM, [Item("app/a.jsc", CACHE)]))
    outcome = verify(*pair, allow=[Allow("/app/*.jsc", "has its source beside it")])
    assert outcome.passed


@pytest.mark.parametrize("data", [b"", b"\xde\xc0", b"\0\0\xde\xc0", b"plain text" * 20, b"\xca\xfe" * 90])
def test_other_files_are_none(data: bytes) -> None:
    assert images(data, data) == []


def test_one_machine_twice_may_share_them() -> None:
    items = [Item("app/server.jsc", CACHE)]
    assert told(verify((AMD, items))) == []


def test_only_where_such_files_are() -> None:
    assert wants("app/a.jsc")
    assert not wants("app/a.js")
    assert not wants("app/jsc")


@given(st.binary(max_size=80))
def test_any_bytes_are_read(data: bytes) -> None:
    found = note("a.jsc", data, len(data))
    assert found is None or found.kind in [str(kind) for kind in MachineFile]


@given(st.binary(max_size=80))
def test_any_bytes_behind_the_beginning_are_read(data: bytes) -> None:
    for head in (SEA, SNAPSHOT[:4], CACHE[:4]):
        note("a.blob", head + data, len(data) + 4)
