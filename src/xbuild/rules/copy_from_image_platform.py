"""A pinned stage takes a program from an image and runs it.

Why: `COPY --from=IMAGE` takes the image for the target platform, in a pinned stage too. There the program is
for another machine: with QEMU it is emulated, without it it fails (`exec format error`).

Fix: a stage of its own for the image, on the build platform, that COPY then names. Safe where the stage
is not the image itself: on the build platform it is the same program.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from xbuild.dockerfile.model import Copy, Run
from xbuild.graph.model import Edge, ImageBase, Stage
from xbuild.rules.rule import Finding, Fix, Level, Rule, RuleContext, RunScript
from xbuild.text import Edit

_PORTABLE = ("tonistiigi/xx", "crazymax/xx")


def check(context: RuleContext) -> Iterator[Finding]:
    for edge in context.graph.edges:
        base = edge.source
        if edge.kind != "copy" or edge.consumer not in context.pinned or edge.is_onbuild:
            continue
        if not isinstance(base, ImageBase) or base.stages or any(name in base.raw for name in _PORTABLE):
            continue
        stage = context.graph.stages[edge.consumer]
        copy = stage.instructions[edge.instruction]
        names = {posixpath.basename(p) for p in edge.paths if p is not None} - {""}
        names |= {posixpath.basename((edge.destination or "").rstrip("/"))}
        used = _first_use(context, stage, edge, names)
        flag = copy.flag("from")
        if used is not None and isinstance(copy, Copy) and flag is not None:
            text = f"{base.raw} is taken for the target here, and this pinned stage runs its {used}"
            yield Finding(flag.span, text, _fix(context, stage, copy, base.raw))


def _first_use(context: RuleContext, stage: Stage, edge: Edge, names: set[str]) -> str | None:
    """What of it a later command of the stage runs."""
    for index, run in enumerate(stage.instructions[edge.instruction + 1 :], edge.instruction + 1):
        if isinstance(run, Run) and run.script is not None:
            shell = RunScript(stage, index, run, context.script(run))
            for command in shell.script.commands:
                if posixpath.basename(command.name or "") in names:
                    return command.name
    return None


def _fix(context: RuleContext, stage: Stage, copy: Copy, image: str) -> Fix | None:
    """A pinned stage for the image in front of this one."""
    flag = copy.flag("from")
    root = context.graph.stages[context.graph.root_of(stage.index)]
    if flag is None or flag.value_span is None or "$" in image or root.index != stage.index:
        return None
    plain = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    name = re.sub(r"[^a-z0-9]+", "-", plain.lower())
    graph = context.graph
    used = [i.flag("from") for s in graph.stages for i in s.instructions]
    if any(s.name == name for s in graph.stages) or any((f.value or "").isdecimal() for f in used if f):
        return None
    newline = context.dockerfile.source.newline
    line = f"FROM --platform=$BUILDPLATFORM {image} AS {name}{newline}{newline}"
    edits = (Edit.insert(stage.from_.span.start, line), Edit(flag.value_span, name))
    is_safe = stage.index not in graph.chain_of(graph.target)  # else the image would get it
    return Fix(edits, f"take it from a stage on the build platform: {name}", is_safe)


RULE = Rule(
    "copy-from-image-platform",
    Level.ERROR,
    "a pinned stage runs a program of an image for the target",
    check,
    __doc__,
)
