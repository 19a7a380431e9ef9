"""The Dockerfile that asks the questions of a plan: one native solve of the builder up to the build; and one
for each image that is asked.

Its layers are those of the real build. In front of each command that a question is about its RUN runs the
script of the question. What stands before that command in the RUN runs as it would, because it may write
what the answer depends on. The last question ends the RUN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xbuild.dockerfile.edit import edit_script
from xbuild.dockerfile.model import Dockerfile, From, Instruction, Run
from xbuild.dockerfile.script import Command, Script
from xbuild.dockerfile.shell import parse_script
from xbuild.plan.model import (
    SECTION,
    Change,
    DeclareArg,
    PinStage,
    Plan,
    Probe,
    Question,
    RemoveArg,
    RemoveArgDefault,
    SplitStages,
)
from xbuild.plan.recipes import idle
from xbuild.plan.toolchains import DESCRIBED
from xbuild.rewrite.edits import collect
from xbuild.text import Edit, Source, Span, apply_edits

STAGE = "xbuild-probe"
_FILE = "/xbuild-probe.txt"
_WRITTEN = "/tmp" + _FILE
_HEAD = "# xbuild-question "
_UNSHARED = ("secret", "ssh", "cache")
# The ARGs of one platform, by its name in `p`.
_ARGS = (
    "TARGETPLATFORM=$p; TARGETOS=${p%%/*}; TARGETARCH=${p#*/}; TARGETVARIANT=; "
    "case $TARGETARCH in */*) TARGETVARIANT=${TARGETARCH#*/}; TARGETARCH=${TARGETARCH%%/*};; esac"
)


def probe_dockerfile(
    dockerfile: Dockerfile, plan: Plan | None, questions: Sequence[Question]
) -> Source | None:
    """A Dockerfile whose stage `xbuild-probe` holds `/xbuild-probe.txt`, to be read by `read_answers`; None
    when there is no place where any of the questions could be asked.

    Pins and ARGs are as the real build will have them, so that what comes before the compile step is shared
    with it. Without a plan all is as its author has it, but for what questions want `unpinned`.
    """
    edits: list[Edit] = []
    cut: set[int] = set()
    last_stage: int | None = None
    for stage in sorted({q.stage for q in questions}):
        asked = _asked(dockerfile, stage, questions)
        if not asked:
            continue
        if last_stage is not None:
            edits.append(_fetch(dockerfile, asked[0].number, last_stage))
        for run in asked:
            edits += _question_edits(dockerfile, run, questions)
        edits += _cut_behind(dockerfile, asked[-1].number, cut)
        last_stage = stage
    if last_stage is None:
        return None
    edits += _unpinned(dockerfile, questions)
    planned = plan.changes(conditional=True) if plan is not None else ()
    # What asks is built for one platform, its own: no image has to lend tools.
    changes = [replace(c, lent=()) if isinstance(c, SplitStages) else c for c in planned if _applies(c, cut)]
    made = collect(dockerfile, changes)
    text = apply_edits(dockerfile.source.text, [*made.edits, *edits])
    newline = dockerfile.source.newline
    # A split puts copies in front of the stages that ask, which moves their numbers: names are safer.
    source_stage = _reference(dockerfile, last_stage, changes)
    tail = f"{newline}FROM scratch AS {STAGE}{newline}COPY --from={source_stage} {_WRITTEN} {_FILE}{newline}"
    return Source(dockerfile.source.path, text + tail)


def _unpinned(dockerfile: Dockerfile, questions: Sequence[Question]) -> list[Edit]:
    numbers = {q.how.unpinned for q in questions if isinstance(q.how, Probe)}
    froms = (i for n, i in enumerate(dockerfile.instructions) if n in numbers and isinstance(i, From))
    return [Edit.delete(i.platform.span) for i in froms if i.platform is not None]


def _applies(change: Change, cut: set[int]) -> bool:
    if isinstance(change, PinStage | SplitStages):
        return True
    if isinstance(change, RemoveArg | RemoveArgDefault):
        return change.instruction not in cut
    return isinstance(change, DeclareArg) and change.before not in cut


def _reference(dockerfile: Dockerfile, stage: int, changes: Sequence[Change]) -> str:
    froms = [i for i in dockerfile.instructions if isinstance(i, From)]
    added = sum(len(c.stages) for c in changes if isinstance(c, SplitStages) and c.stages[-1] < stage)
    return froms[stage].name or str(stage + added)


def _fetch(dockerfile: Dockerfile, number: int, stage: int) -> Edit:
    """What the stage before wrote, put in front of the first RUN that asks."""
    newline = dockerfile.source.newline
    copy = f"COPY --from={_reference(dockerfile, stage, ())} {_WRITTEN} {_WRITTEN}{newline}"
    return Edit.insert(dockerfile.instructions[number].span.start, copy)


# -- where in a RUN a question is asked


@dataclass(frozen=True, slots=True)
class _Asked:
    """A RUN with questions: where in its script which of them are asked; whether the last place ends it."""

    number: int
    places: tuple[tuple[int, tuple[int, ...]], ...]
    is_end: bool


def _asked(dockerfile: Dockerfile, stage: int, questions: Sequence[Question]) -> list[_Asked]:
    """The RUNs of a stage that ask, in order; a question without a place is not asked."""
    found: list[_Asked] = []
    for number in sorted({q.instruction for q in questions if q.stage == stage}):
        own = [n for n, q in enumerate(questions) if q.instruction == number and isinstance(q.how, Probe)]
        run = dockerfile.instructions[number]
        if not isinstance(run, Run) or run.script is None:
            continue
        script = parse_script(run.script.text)
        starts = _starts(questions, number)
        exact = {n for n in own if _is_exact(questions[n])}
        anchors = {
            n: at
            for n in own
            if (at := _anchor(script, questions[n].at, starts, is_exact=n in exact)) is not None
        }
        places = _joined(script, anchors, starts, exact)
        if places:
            found.append(_Asked(number, tuple(places), is_end=True))
    return [
        _Asked(
            a.number, a.places, at + 1 == len(found) or _is_skippable(dockerfile, a, found[at + 1], questions)
        )
        for at, a in enumerate(found)
    ]


def _is_exact(question: Question) -> bool:
    return isinstance(question.how, Probe) and question.how.is_exact


def _starts(questions: Sequence[Question], number: int) -> set[int]:
    """Where in a RUN the commands start that change none of the answers."""
    return {q.at for q in questions if q.instruction == number and not _is_exact(q)}


def _anchor(script: Script, at: int, starts: set[int], *, is_exact: bool) -> int | None:
    """Where to ask about the command at `at`: in front of the construct that it stands in, if nothing before
    it in there matters; else, or if it has to be exact, in front of the command itself. None where neither
    would do.
    """
    command = next((c for c in script.commands if c.span.start == at), None)
    if command is None:
        return None
    inner = command
    while any(s.kind in ("substitution", "process") for s in inner.scopes):
        around = [c for c in script.commands if c is not inner and inner.span in c.span]
        if not around:
            return None
        inner = around[0]
    outer = next((s for s in inner.scopes if s.kind not in ("and", "or")), None)
    if any(s.kind in ("function", "background") for s in command.scopes):
        return None
    if is_exact:
        return at if inner is command else None
    start = inner.span.start if outer is None else outer.span.start
    before = [c for c in script.commands if start <= c.span.start < at and at not in _range(c)]
    if all(_is_plain(c) or c.span.start in starts for c in before):
        return start
    return at if inner is command else None


def _is_plain(command: Command) -> bool:
    return idle.is_plain(command, DESCRIBED)


def _is_idle(command: Command) -> bool:
    return idle.is_idle(command, DESCRIBED)


def _range(command: Command) -> range:
    return range(command.span.start, command.span.end)


def _joined(
    script: Script, anchors: dict[int, int], starts: set[int], exact: set[int]
) -> list[tuple[int, tuple[int, ...]]]:
    """Questions by place; a later one is asked at an earlier place when nothing between matters."""
    places: list[tuple[int, tuple[int, ...]]] = []
    for number, at in sorted(anchors.items(), key=lambda pair: pair[1]):
        first = places[-1][0] if places else at
        between = [c for c in script.commands if first <= c.span.start < at and c.span.start not in starts]
        is_free = number not in exact or first == at
        if places and is_free and all(_is_plain(c) or _is_idle(c) for c in between):
            places[-1] = (first, (*places[-1][1], number))
        else:
            places.append((at, (number,)))
    return places


def _is_skippable(
    dockerfile: Dockerfile, asked: _Asked, following: _Asked, questions: Sequence[Question]
) -> bool:
    """Whether what a RUN does behind its questions matters to none of those that follow."""
    between = dockerfile.instructions[asked.number + 1 : following.number]
    if any(isinstance(i, Run) for i in between):
        return False
    starts = _starts(questions, asked.number)
    behind = [
        c for c in _commands(dockerfile.instructions[asked.number]) if c.span.start >= asked.places[-1][0]
    ]
    before = [
        c
        for c in _commands(dockerfile.instructions[following.number])
        if c.span.start < following.places[0][0]
    ]
    is_following_exact = any(_is_exact(questions[n]) for n in following.places[0][1])
    return (
        not is_following_exact
        and all(_is_plain(c) or _is_idle(c) or c.span.start in starts for c in behind)
        and all(_is_plain(c) for c in before)
    )


def _commands(run: Instruction) -> tuple[Command, ...]:
    assert isinstance(run, Run)
    assert run.script is not None
    return parse_script(run.script.text).commands


def _question_edits(dockerfile: Dockerfile, asked: _Asked, questions: Sequence[Question]) -> list[Edit]:
    run = dockerfile.instructions[asked.number]
    assert isinstance(run, Run)
    edits: list[Edit] = []
    for at, numbers in asked.places:
        listed = " && ".join(asking(n, questions[n]) for n in numbers)
        is_last = asked.is_end and at == asked.places[-1][0]
        ending = "&& exit 0; exit 1" if is_last else "|| exit 1"
        edits.append(Edit.insert(at, f"{{ ( {listed} ) {ending}; }} && "))
    probes = [questions[n].how for _, numbers in asked.places for n in numbers]
    bare = any(isinstance(how, Probe) and not how.has_mounts for how in probes)
    unshared = [m.flag.span for m in run.mounts if bare and m.type in _UNSHARED]
    return [*(Edit.delete(span) for span in unshared), *edit_script(dockerfile, run, edits)]


def asking(number: int, question: Question, file: str = _WRITTEN) -> str:
    """The line of shell that writes the answer to a question, with its heading, to a file."""
    assert isinstance(question.how, Probe)
    head = f"echo '{_HEAD}{number}' >> {file}"
    script = f"( {question.how.script} ) >> {file}"
    if not question.how.platforms:
        return f"{head} && {script}"
    section = f'echo "{SECTION}$p" >> {file}'
    names = " ".join(question.how.platforms)
    return f"{head} && for p in {names}; do {_ARGS}; {section}; {script} || exit 1; done"


def _cut_behind(dockerfile: Dockerfile, number: int, cut: set[int]) -> list[Edit]:
    """Drop what stands behind the last question of a stage: it is not needed, and would run."""
    behind: list[Edit] = []
    for later, instruction in enumerate(dockerfile.instructions[number + 1 :], number + 1):
        if isinstance(instruction, From):
            break
        cut.add(later)
        behind.append(Edit.delete(Span(instruction.span.start, instruction.span.end)))
    return behind


def read_answers(text: str, questions: Sequence[Question]) -> dict[str, str]:
    """Answers by question key, from the file that the probe wrote."""
    parts = (part.partition("\n") for part in f"\n{text}".split(f"\n{_HEAD}")[1:])
    return {questions[int(number)].key: rest for number, _, rest in parts}
