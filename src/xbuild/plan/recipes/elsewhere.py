"""Where make asks the machine: the same dry run in the image of each target platform.

It does not matter whose machine answers if all of them say line by line what was said in the builder's own
image, for every platform: then that holds for any builder. And where variables were set for it, what is said
without them in the image of a platform must be what is said here with them. They are asked only where nothing
would have to be emulated for it but the dry run itself, and where what make asks leaves nothing behind and is
not told by the kernel, which is the builder's under emulation too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import zip_longest

from xbuild.dockerfile.model import Onbuild, Run
from xbuild.dockerfile.shell import parse_script
from xbuild.graph.model import ImageBase, StageGraph, sources_of
from xbuild.graph.platform import BUILD, TARGET, runs_on
from xbuild.plan.facts.filesystem import overlaps
from xbuild.plan.model import IMAGE, NATIVE, Probe, Question, sections
from xbuild.plan.recipes.dryrun import DryRun, NotToldError, read_dry_run, read_lines
from xbuild.plan.recipes.idle import is_free
from xbuild.plan.toolchain import Call, Effect
from xbuild.platforms import Platform

DEPENDS = "depends on the machine, or cannot be told"
_KERNEL = ("/proc", "/sys")


def compare(
    call: Call, program: str, run: DryRun, native: Question, plain: Question, names: Collection[str]
) -> tuple[str, Question | None]:
    """What speaks against it that all images say the same ("": nothing), and a question that would tell.

    `run` is what was said to `native`, for which variables of these `names` were set; `plain` is the same
    question without them.
    """
    platforms = call.around.platforms or ()
    if not platforms or not _is_free(call):
        return DEPENDS, None
    answers = call.around.knowledge.answers
    again, original = (_elsewhere(call, question, platforms) for question in (native, plain))
    question = next((q for q in (again, original) if q.key not in answers), None)
    if question is not None:
        return DEPENDS, question
    told = sections(answers[again.key], IMAGE)
    others = [p for p in platforms if told.get(str(p), "").strip() != NATIVE]
    if not others:
        return DEPENDS, None
    for platform in others:
        difference = _difference(platform, told, lambda text: _rows(read_dry_run(program, text)), _rows(run))
        if difference:
            return difference, None
    told = {
        n: answers.get(plain.key, "") if t.strip() == NATIVE else t
        for n, t in sections(answers[original.key], IMAGE).items()
    }
    for platform in platforms if names else ():
        read = partial(read_lines, program, platform=platform, without=names)
        difference = _difference(platform, told, read, read(answers[native.key]))
        if difference:
            return difference, None
    return "", None


def _rows(run: DryRun) -> list[list[str]]:
    return [run.script.split("\n"), list(map(str, (run.asked, run.starts)))]


def _elsewhere(call: Call, question: Question, platforms: Sequence[Platform]) -> Question:
    assert isinstance(question.how, Probe)
    graph = call.scope.graph
    root = graph.stages[graph.root_of(call.around.stage)].position
    return replace(
        question,
        name=f"{question.name}, elsewhere",
        text=f"{question.text} in the image of each target platform",
        how=replace(question.how, images=tuple(map(str, platforms)), unpinned=root),
    )


def _difference(
    platform: Platform, told: Mapping[str, str], read: Callable[[str], list[list[str]]], here: list[list[str]]
) -> str:
    """What is said otherwise in the image for a platform, by its first row; "" for nothing."""
    where = f"in the image for {platform}"
    if str(platform) not in told:
        return f"what that is {where} could not be had"
    try:
        there = read(told[str(platform)])
    except NotToldError as error:
        return f"{where} it cannot be told: {error}"
    rows = ([row for line in lines for row in line] for lines in (there, here))
    pairs = zip_longest(*rows, fillvalue="")
    first = next(((a, b) for a, b in pairs if a != b), ("", ""))
    return f"{where} it would run `{first[0]}`, and here `{first[1]}`" if there != here else ""


def is_of_image(effect: Effect) -> bool:
    """Whether an image answers for what a command says: nothing is left behind, nothing asked of the
    kernel.
    """
    told = any(path is not None and overlaps(path, folder) for path in effect.reads for folder in _KERNEL)
    return not told and all(made.kind.is_right for made in effect.writes)


def _is_free(call: Call) -> bool:
    """Whether the command can be asked in an image for the target without emulating what stands before it."""
    before = [c for c in parse_script(call.script).commands if c.span.start < call.command.span.start]
    graph, stage = call.scope.graph, call.around.stage
    base = graph.stages[graph.root_of(stage)].base
    return (
        isinstance(base, ImageBase)
        and not base.stages
        and runs_on(graph, stage) in (BUILD, TARGET)
        and all(is_free(command, call.around.programs) for command in before)
        and not _is_emulated(graph, stage, call.instruction)
    )


def _is_emulated(graph: StageGraph, stage: int, end: int) -> bool:
    """Whether a RUN for the target stands before an instruction of a stage, or in what it is made from."""
    ends = {stage: end}
    pending = [stage]
    while pending:
        at = pending.pop()
        if runs_on(graph, at) == BUILD and graph.root_of(at) != graph.root_of(stage):
            continue
        last = ends.get(at, len(graph.stages[at].instructions))
        if any(isinstance(i, Run | Onbuild) for i in graph.stages[at].instructions[:last]):
            return True
        edges = [e for e in graph.edges_into(at) if at != stage or e.instruction <= end]
        new = [s for edge in edges for s in sources_of(edge.source) if s not in ends]
        ends.update((s, len(graph.stages[s].instructions)) for s in new)
        pending += new
    return False
