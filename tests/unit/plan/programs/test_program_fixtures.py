"""Each folder `tests/fixtures/programs/<program>/<case>/` is one line of shell, alone, and what it is to do.

`line.sh`: the line, perhaps with others that run before, a line `---` between them. `/in/p` came with the
context, `/in/m` is made for the machine, `/w` is the current folder. `effect.txt`: `unknown`, or what it
writes (with the kind, and what then is there, if that is of another), what its last command reads, and the
kind of what that prints.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.generator.prediction import Prediction, predict, programs

FOLDER = Path(__file__).parents[3] / "fixtures" / "programs"
CASES = sorted(f"{p.parent.name}/{p.name}" for p in FOLDER.glob("*/*"))
SETUP = ("COPY . /in/p", "COPY . /out", "RUN cp -r /usr/lib/machine/. /in/m/", "WORKDIR /w")


@pytest.mark.parametrize("case", CASES)
def test_case(case: str) -> None:
    folder = FOLDER / case
    assert case.split("/")[0] in programs(), "a folder is named after its program"
    *before, line = (folder / "line.sh").read_text().rstrip("\n").split("\n---\n")
    found = predict(line, (*SETUP, *(f"RUN {text}" for text in before)))
    assert told(found) == (folder / "effect.txt").read_text()


def told(found: Prediction) -> str:
    """A prediction as text."""
    if not found.is_read:
        return "unknown\n"
    last = found.effects[-1]
    lines = [f"writes {w.path or 'anywhere'} {w.kind.name.lower()}" for w in found.made]
    held = {w.path: found.kind_at(w.path) for w in found.made if w.path is not None}
    lines += [
        f"holds {p} {k.name.lower()}" for p, k in held.items() if f"writes {p} {k.name.lower()}" not in lines
    ]
    lines += [f"reads {path or 'anything'}" for path in last.reads]
    lines += ["sees the environment"] if last.sees_environment else []
    lines.append(f"{'tests' if last.is_test else 'prints'} {last.output.name.lower()}")
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))
