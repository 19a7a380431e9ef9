"""The Dockerfile that asks the questions of a plan: one native solve of the builder up to the build.

Its layers are those of the real build. In place of each compile step a RUN lists, with `go list -deps`, which
packages have cgo files (Go `cmd/go/internal/list`: `CgoFiles`, `CXXFiles`, `Standard`).
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from xbuild.dockerfile.model import Dockerfile, From
from xbuild.plan.model import (
    CgoAnswer,
    CgoQuestion,
    Change,
    DeclareArg,
    PinStage,
    Plan,
    RemoveArg,
    RemoveArgDefault,
    SplitStages,
)
from xbuild.platforms import Platform
from xbuild.rewrite.edits import collect
from xbuild.text import Edit, Source, Span, apply_edits

STAGE = "xbuild-probe"
_FILE = "/xbuild-probe.txt"
_WRITTEN = "/tmp" + _FILE
_FORMAT = "{{if .CgoFiles}}{{.ImportPath}} {{.Standard}} {{len .CXXFiles}}{{end}}"


def probe_dockerfile(
    dockerfile: Dockerfile, plan: Plan, questions: Sequence[CgoQuestion], platforms: Sequence[Platform]
) -> Source:
    """A Dockerfile whose stage `xbuild-probe` holds `/xbuild-probe.txt`, to be read by `read_answers`.

    Pins and ARGs are as the real build will have them, so that what comes before the compile step is shared
    with it.
    """
    edits: list[Edit] = []
    cut: set[int] = set()
    last_stage: int | None = None
    for stage in sorted({q.stage for q in questions}):
        numbers = sorted({q.instruction for q in questions if q.stage == stage})
        for number in numbers:
            asked = [(n, q) for n, q in enumerate(questions) if q.instruction == number]
            fetch = last_stage if number == numbers[0] else None
            edits.append(_question_edit(dockerfile, number, asked, platforms, fetch))
            cut.add(number)
        edits += _cut_behind(dockerfile, numbers[-1], cut)
        last_stage = stage
    changes = [c for c in plan.changes(conditional=True) if _applies(c, cut)]
    made = collect(dockerfile, changes)
    text = apply_edits(dockerfile.source.text, [*made.edits, *edits])
    newline = dockerfile.source.newline
    # A split puts copies in front of the stages that ask, which moves their numbers: names are safer.
    source_stage = _reference(dockerfile, last_stage, changes)
    tail = f"{newline}FROM scratch AS {STAGE}{newline}COPY --from={source_stage} {_WRITTEN} {_FILE}{newline}"
    return Source(dockerfile.source.path, text + tail)


def _applies(change: Change, cut: set[int]) -> bool:
    if isinstance(change, PinStage | SplitStages):
        return True
    if isinstance(change, RemoveArg | RemoveArgDefault):
        return change.instruction not in cut
    return isinstance(change, DeclareArg) and change.before not in cut


def _reference(dockerfile: Dockerfile, stage: int | None, changes: Sequence[Change]) -> str:
    froms = [i for i in dockerfile.instructions if isinstance(i, From)]
    if stage is None:
        return "0"
    added = sum(len(c.stages) for c in changes if isinstance(c, SplitStages) and c.stages[-1] < stage)
    return froms[stage].name or str(stage + added)


def _question_edit(
    dockerfile: Dockerfile,
    number: int,
    asked: Sequence[tuple[int, CgoQuestion]],
    platforms: Sequence[Platform],
    fetch: int | None,
) -> Edit:
    run = dockerfile.instructions[number]
    flags = "".join(f" {dockerfile.source[flag.span]}" for flag in run.flags)
    architectures = " ".join(dict.fromkeys(p.architecture for p in platforms))
    commands = [_listing(n, question, architectures) for n, question in asked]
    newline = dockerfile.source.newline
    copy = (
        f"COPY --from={_reference(dockerfile, fetch, ())} {_WRITTEN} {_WRITTEN}{newline}"
        if fetch is not None
        else ""
    )
    return Edit(run.span, f"{copy}RUN{flags} {' && '.join(commands)}{newline}")


def _listing(number: int, question: CgoQuestion, architectures: str) -> str:
    arguments = " ".join(shlex.quote(a) for a in question.arguments)
    variables = "".join(f"{name}={shlex.quote(text)} " for name, text in question.variables)
    settings = f"{variables}CGO_ENABLED=1 GOOS=linux GOARCH=$a"
    listed = f"{settings} go list -deps -f {shlex.quote(_FORMAT)} {arguments}".rstrip()
    return (
        f"cd {shlex.quote(question.directory)} && echo '# {number}' >> {_WRITTEN} && "
        f"for a in {architectures}; do {listed} >> {_WRITTEN} || exit 1; done"
    )


def _cut_behind(dockerfile: Dockerfile, number: int, cut: set[int]) -> list[Edit]:
    """Drop what stands behind the last question of a stage: it is not needed, and would run."""
    behind: list[Edit] = []
    for later, instruction in enumerate(dockerfile.instructions[number + 1 :], number + 1):
        if isinstance(instruction, From):
            break
        cut.add(later)
        behind.append(Edit.delete(Span(instruction.span.start, instruction.span.end)))
    return behind


def read_answers(text: str, questions: Sequence[CgoQuestion]) -> dict[str, CgoAnswer]:
    """Answers by question key, from the file that the probe wrote."""
    sections: dict[int, list[list[str]]] = {}
    current: list[list[str]] = []
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == "#":
            current = sections.setdefault(int(words[1]), [])
        elif len(words) == 3:
            current.append(words)
    return {q.key: _answer(sections[n]) for n, q in enumerate(questions) if n in sections}


def _answer(rows: Sequence[Sequence[str]]) -> CgoAnswer:
    packages = tuple(dict.fromkeys(r[0] for r in rows if r[1] == "false"))
    standard = tuple(dict.fromkeys(r[0] for r in rows if r[1] == "true" and r[0] != "runtime/cgo"))
    return CgoAnswer(packages, standard, any(r[2] != "0" for r in rows if r[1] == "false"))
