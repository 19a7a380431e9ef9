"""What twins say in the output of a step."""

from __future__ import annotations

import pytest

from xbuild.plan.twins.twin import MOUNT
from xbuild.solve.marks import HelperLine, TwinLine, helper_lines, mark_in, twin_lines


def test_lines_of_twins_among_others() -> None:
    log = (
        b"Get:1 x\nxbuild-twin: apt: native\nxbuild-twin: apt: native\r\n"
        b"echo xbuild-twin: apt: mark: no\nxbuild-twin: pip: own: PYTHONPATH is set\n"
    )
    assert twin_lines(log) == (TwinLine("apt", "native"), TwinLine("pip", "own", "PYTHONPATH is set"))
    assert mark_in(log) is None
    assert mark_in(log, "exit code: 1") is None


@pytest.mark.parametrize(
    ("log", "failed", "why"),
    [
        (b"xbuild-twin: apt: mark: crashed (139)\n", False, "the twin of apt: crashed (139)"),
        (b"cp: cannot create: Read-only file system\n", True, "it fails, and says Read-only file system"),
        (b"cp: cannot create: Read-only file system\n", False, None),
        (f"rm: cannot remove '{MOUNT}/env'\n".encode(), True, f"it fails, and says {MOUNT}"),
        (f"+ {MOUNT}/pip/python python -m pip install x\nERROR: no x\n".encode(), True, None),
        (f"{MOUNT}/apt/bin/apt-get\n".encode(), False, f"it says {MOUNT}"),
        (b"E: Unable to locate package nope\n", True, None),
        (b"xbuild-twin: apt: own: /.xbuild-7c1f/x is another\n", True, None),
        (b"xbuild-helper: apt: failed: /.xbuild-7c1f/x: Read-only file system\n", True, None),
    ],
)
def test_marks(log: bytes, failed: bool, why: str | None) -> None:
    assert mark_in(log, f"process {MOUNT}/env: exit code: 1" if failed else None) == why


def test_a_step_that_fails_for_a_mark() -> None:
    why = mark_in(b"", f"process . {MOUNT}/env; x: exit code: 97")
    assert why == "a twin left a mark, whose line is lost"
    assert mark_in(b"", "process x: exit code: 97") is None


def test_lines_of_helpers() -> None:
    log = (
        b"xbuild-helper: all: the C library is not glibc\nGet:1 x\n"
        b"xbuild-helper: gcc: failed: E: no network\r\n"
        b"echo xbuild-helper: apt: failed: no\nxbuild-helper: all: the C library is not glibc\n"
    )
    assert helper_lines(log) == (
        HelperLine("all", "the C library is not glibc"),
        HelperLine("gcc", "E: no network", is_failed=True),
    )
