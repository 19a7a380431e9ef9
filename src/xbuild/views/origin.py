"""Which instruction made a layer: an image's history against the instructions of its stage. Pure.

BuildKit appends one history entry per instruction except FROM and ONBUILD (`dockerfile2llb/convert.go`,
`commitToHistory`), with the keyword as its first word; the base image's entries come before. Read from the
end, both run in step for as long as the keywords agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xbuild.dockerfile.model import Instruction

_WITHOUT_HISTORY = ("FROM", "ONBUILD")
_SHELL = "/bin/sh -c "


@dataclass(frozen=True, slots=True)
class Origin:
    """Layers in order; the instruction that made each, or None for layers of the base image."""

    layers: tuple[Instruction | None, ...]

    @property
    def base_layers(self) -> int:
        """How many leading layers belong to the base image."""
        return sum(instruction is None for instruction in self.layers)

    def line(self, layer: int) -> int | None:
        """First line of the instruction that made a layer."""
        found = self.layers[layer] if 0 <= layer < len(self.layers) else None
        return found.first_line if found else None


def find_origin(history: Sequence[Mapping[str, Any]], instructions: Sequence[Instruction]) -> Origin | None:
    """`instructions` are those of the FROM chain of the target stage, in order; None when they do not fit."""
    own = [i for i in instructions if i.keyword not in _WITHOUT_HISTORY]
    if len(own) > len(history):
        return None
    made_by: list[Instruction | None] = [None] * (len(history) - len(own))
    for entry, instruction in zip(history[len(made_by) :], own, strict=True):
        if _keyword(str(entry.get("created_by") or "")) != instruction.keyword:
            return None
        made_by.append(instruction)
    pairs = zip(history, made_by, strict=True)
    return Origin(tuple(instruction for entry, instruction in pairs if not entry.get("empty_layer")))


def _keyword(created_by: str) -> str:
    """`COPY` of `COPY /a /b # buildkit`; the classic builder writes `/bin/sh -c #(nop) ` in front."""
    text = created_by.removeprefix(_SHELL).removeprefix("#(nop)").lstrip()
    return text.partition(" ")[0].upper()
