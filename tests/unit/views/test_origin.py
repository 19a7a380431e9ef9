"""Which layers are the base image's: by the instructions of the stage, and what ONBUILD put in between."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from xbuild.dockerfile.model import Instruction
from xbuild.dockerfile.parser import parse
from xbuild.solve.progress import parse_name
from xbuild.text import Source
from xbuild.views.origin import count_triggered, find_origin


def instructions(text: str) -> tuple[Instruction, ...]:
    return parse(Source("Dockerfile", text)).instructions


def entry(created_by: str, comment: str = "buildkit.dockerfile.v0") -> dict[str, object]:
    empty = created_by.split(" ")[0] in ("CMD", "ENV", "ENTRYPOINT")
    return {"created_by": created_by, "comment": comment, "empty_layer": empty}


DEBIAN = entry("# debian.sh --arch 'amd64' out/ 'bookworm'", "debuerreotype 0.15")
BASE = [DEBIAN, entry("RUN /bin/sh -c apt-get update # buildkit"), entry('CMD ["node"]')]
TRIGGERS = [entry("ENV A=1"), entry("COPY . /usr/bin # buildkit"), entry("RUN /bin/sh -c make # buildkit")]
OWN = [entry("COPY app /app # buildkit"), entry('CMD ["x"]')]
STAGE = 'FROM node:onbuild\nCOPY app /app\nCMD ["x"]\n'


@pytest.mark.parametrize(
    ("history", "triggered", "lines"),
    [
        ([*BASE, *OWN], 0, [None, None, 2]),
        ([*BASE, *TRIGGERS, *OWN], 2, [None, None, 1, 1, 2]),
        ([*BASE, *TRIGGERS, *OWN], 3, [None, 1, 1, 1, 2]),
        ([*BASE, *TRIGGERS, *OWN], None, [None, 1, 1, 1, 2]),
        ([*BASE, *OWN], None, [None, 1, 2]),
        ([DEBIAN, *OWN], None, [None, 2]),
        ([entry("bazel build", ""), *OWN], 1, [None, 2]),
        (OWN, None, [2]),
    ],
)
def test_where_the_base_ends(
    history: Sequence[dict[str, object]], triggered: int | None, lines: Sequence[int | None]
) -> None:
    origin = find_origin(history, instructions(STAGE), triggered)
    assert origin is not None
    assert [origin.line(layer) for layer in range(len(origin.layers))] == lines
    assert origin.base_layers == lines.count(None)


def test_onbuild_of_a_stage_runs_after_the_next_from_only() -> None:
    text = "FROM debian AS a\nCOPY a /\nONBUILD COPY b /\nFROM a AS b\nCOPY c /\nFROM b\nCOPY d /\n"
    history = [DEBIAN, *(entry(f"COPY {name} / # buildkit") for name in "abcd")]
    origin = find_origin(history, instructions(text), 0)
    assert origin is not None
    assert [origin.line(layer) for layer in range(5)] == [None, 2, 3, 5, 7]


@pytest.mark.parametrize("history", [OWN[:1], [*BASE, OWN[1], OWN[0]], []])
def test_a_history_that_does_not_fit(history: Sequence[dict[str, object]]) -> None:
    assert find_origin(history, instructions(STAGE), 0) is None


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], 0),
        (["[1/3] FROM node", "[2/3] RUN x", "[internal] load build context"], 0),
        (["[linux/amd64 stage-1 2/5] ONBUILD COPY . /", "[linux/arm64 stage-1 3/5] ONBUILD RUN x"], 2),
        (["[linux/amd64 a 2/3] ONBUILD COPY . /", "[linux/arm64 a 2/3] ONBUILD COPY . /"], 1),
        (["[a 2/3] ONBUILD COPY . /", "[b 2/3] ONBUILD COPY . /"], 1),
        (["[2/2] COPY . /", "[3/2] RUN x", "[4/2] RUN own"], 2),
    ],
)
def test_how_many_layers_were_triggered(names: Sequence[str], expected: int) -> None:
    assert count_triggered(map(parse_name, names)) == expected
