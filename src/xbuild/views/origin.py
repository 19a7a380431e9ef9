"""Which instruction made a layer: an image's history against the instructions of its stage. Pure.

BuildKit appends one history entry per instruction except FROM and ONBUILD (`dockerfile2llb/convert.go`,
`commitToHistory`), with the keyword as its first word; the base image's entries come before. Read from the
end, both run in step for as long as the keywords agree.

Between the two lies what ONBUILD of the base image triggered. Neither history nor config tells where that
begins, as the base may have been built by BuildKit too; the names of the build's vertices tell how many there
were. Without them every such entry may be one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xbuild.dockerfile.model import From, Instruction, Onbuild
from xbuild.solve.progress import StepName

_SHELL = "/bin/sh -c "
_BUILDKIT = "buildkit."


@dataclass(frozen=True, slots=True)
class Origin:
    """Layers in order; the instruction that made each, or None for layers of the base image.

    FROM stands for what an ONBUILD of its image made, or may have made.
    """

    layers: tuple[Instruction | None, ...]

    @property
    def base_layers(self) -> int:
        """How many leading layers belong to the base image."""
        return sum(instruction is None for instruction in self.layers)

    def line(self, layer: int) -> int | None:
        """First line of the instruction that made a layer."""
        found = self.layers[layer] if 0 <= layer < len(self.layers) else None
        return found.first_line if found else None


def find_origin(
    history: Sequence[Mapping[str, Any]], instructions: Sequence[Instruction], triggered: int | None = None
) -> Origin | None:
    """`instructions` are those of the FROM chain of the target stage, in order; None when they do not fit.

    `triggered`: how many layers ONBUILD of the base image made at most (`count_triggered`).
    """
    own = list(_with_history(instructions))
    if len(own) > len(history):
        return None
    base = len(history) - len(own)
    first = next((i for i in instructions if isinstance(i, From)), None)
    made_by: list[Instruction | None] = [None] * base
    for at in _from_triggers(history[:base], triggered):
        made_by[at] = first
    for entry, instruction in zip(history[base:], own, strict=True):
        if _keyword(str(entry.get("created_by") or "")) != instruction.keyword:
            return None
        made_by.append(instruction)
    pairs = zip(history, made_by, strict=True)
    return Origin(tuple(instruction for entry, instruction in pairs if not entry.get("empty_layer")))


def count_triggered(steps: Iterable[StepName]) -> int:
    """How many layers ONBUILD of a base image made at most in one stage, by the names of all vertices.

    `prefixCommand` writes `ONBUILD` in front of them. Older BuildKits do not, and leave them out of the
    stage's total, so that numbers go beyond it. A step that platforms share has the name of one of them: what
    counts is its number in the stage.
    """
    marked: dict[str | None, set[int]] = defaultdict(set)
    beyond = 0
    for step in steps:
        if step.number is not None and step.total is not None:
            beyond = max(beyond, step.number - step.total)
            if step.text.startswith("ONBUILD "):
                marked[step.stage].add(step.number)
    return max(beyond, *map(len, marked.values()), 0)


def _with_history(instructions: Sequence[Instruction]) -> Iterator[Instruction]:
    """The instructions that have an entry. ONBUILD of a stage runs after the next FROM, and only there."""
    triggers: list[Instruction] = []
    for instruction in instructions:
        if isinstance(instruction, From):
            yield from triggers
            triggers = []
        elif isinstance(instruction, Onbuild):
            triggers.append(instruction.inner)
        else:
            yield instruction


def _from_triggers(base: Sequence[Mapping[str, Any]], triggered: int | None) -> Iterator[int]:
    """Positions, from the last on, of entries that an ONBUILD of the base may have made."""
    left = len(base) if triggered is None else triggered
    for at in reversed(range(len(base))):
        if not left or not str(base[at].get("comment") or "").startswith(_BUILDKIT):
            return
        left -= not base[at].get("empty_layer")
        yield at


def _keyword(created_by: str) -> str:
    """`COPY` of `COPY /a /b # buildkit`; the classic builder writes `/bin/sh -c #(nop) ` in front."""
    text = created_by.removeprefix(_SHELL).removeprefix("#(nop)").lstrip()
    return text.partition(" ")[0].upper()
