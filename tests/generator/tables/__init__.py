"""Words that fit: operands of programs, values of options, scripts of sub-languages. Facts of the generator's
own, which no description has; a file a table, a line an entry, its alternatives between bars.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from xbuild.plan.table import words

_FOLDER = Path(__file__).parent


def _lines(name: str) -> tuple[str, ...]:
    text = (_FOLDER / f"{name}.txt").read_text()
    return tuple(line for line in text.split("\n") if line and not line.startswith("# "))


def _entries(name: str) -> Iterator[tuple[str, str]]:
    for line in _lines(name):
        keys, _, rest = line.partition(": ")
        yield from ((key, rest) for key in keys.split(", "))


def _table(name: str) -> Mapping[str, tuple[str, ...]]:
    return {key: tuple(rest.split(" | ")) for key, rest in _entries(name)}


def _scripts(name: str) -> tuple[str, ...]:
    r"""A script a line; a new line in it is written `\n`, a backslash `\\`."""
    texts = (line.replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\") for line in _lines(name))
    return tuple(texts)


# What a placeholder stands for; `/in/X` in it becomes `/in/p` or `/in/m`.
WORDS = _table("words")
# Operands by program, or by program and verb; options that have to be there stand among them.
OPERANDS = _table("operands")
# Values by option, by program and option, or by program, verb and option.
VALUES = _table("values")
FIND = _lines("find")
# Pools of scripts, and what puts several in a row ("" for one only).
SCRIPTS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "sed": (_scripts("sed"), "\n"),
    "sedline": (_scripts("sed"), ";"),
    "awk": (_scripts("awk"), "\n"),
    "jq": (_scripts("jq"), " , "),
    "yq": (_scripts("yq"), " | "),
}
# Programs whose output is never twice the same, and why.
RANDOM = dict(_entries("random"))
# What dash does not have.
BASHISMS = frozenset(words("[[ (( declare typeset local shopt let pushd popd source read type hash printf"))
# Options that let a line wait for what never comes: taken only where they are wanted themselves.
FLAGS_THAT_WAIT = frozenset(("--retry",))
