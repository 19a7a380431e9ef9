"""What was generated, for readers and as data. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from xbuild.generate.drawing import DOCKERFILE, IGNORE, Generated
from xbuild.plan.model import Plan, VerdictWord
from xbuild.views.terminal import Terminal, clean

_ON_TARGET = (VerdictWord.EMULATED, VerdictWord.ASSISTED, VerdictWord.UNSURE)


def generated_lines(made: Generated, plan: Plan, terminal: Terminal) -> Iterator[str]:
    """What was seen and how sure that is, what is to be known, and what runs on the target platform."""
    chosen = made.chosen
    head = f"{chosen.language.name}, template {chosen.shape.template}"
    yield terminal.paint(head, "bold")
    for seen in made.seen:
        word = "seen" if seen.is_sure else "likely"
        yield f"  {word}: {clean(seen.text)} [{clean(seen.place)}]"
    for note in made.notes:
        yield f"  note: {clean(note)}"
    for line, text in _foreign(plan):
        yield f"  on the target platform: {text} [{DOCKERFILE}:{line}]"
    if not list(_foreign(plan)):
        yield "  nothing runs on a foreign platform"
    if made.lacking:
        yield f"  {IGNORE} is kept; it lacks: {' '.join(made.lacking)}"


def _foreign(plan: Plan) -> Iterator[tuple[int, str]]:
    """Stages with RUNs that the author's text leaves on the target platform."""
    for stage in plan.stages:
        if stage.has_run and stage.word in _ON_TARGET and not stage.is_pinned:
            name = stage.name if stage.name.startswith("stage ") else f"stage {stage.name}"
            yield stage.line, f"{name}, {stage.word}"


def generated_data(made: Generated, plan: Plan) -> dict[str, Any]:
    """As `schemas/generate.schema.json` describes."""
    chosen = made.chosen
    return {
        "language": chosen.language.name,
        "template": chosen.shape.template,
        "entry": chosen.entry.name if chosen.entry is not None else None,
        "frontend": chosen.bundle.marker if chosen.bundle is not None else None,
        "seen": [
            {"text": seen.text, "file": seen.file, "line": seen.line, "sure": seen.is_sure}
            for seen in made.seen
        ],
        "notes": list(made.notes),
        "on_target_platform": [{"line": line, "text": text} for line, text in _foreign(plan)],
        "others": [{"language": each.language, "file": each.marker} for each in chosen.others],
        "lacking": list(made.lacking),
        "files": dict(made.files),
    }
