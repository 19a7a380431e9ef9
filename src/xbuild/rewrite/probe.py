"""The Dockerfile that asks the questions of a plan: one native solve of the builder up to the build.

Its layers are those of the real build. In front of each compile command its RUN lists, with `go list -deps`,
which packages have cgo files (Go `cmd/go/internal/list`: `CgoFiles`, `CXXFiles`, `Standard`). What stands
before that command in the RUN runs as it would, because it may write sources. The last listing ends the RUN.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from xbuild.dockerfile.edit import edit_script
from xbuild.dockerfile.model import Dockerfile, From, Instruction, Run
from xbuild.dockerfile.script import Command, Script
from xbuild.dockerfile.shell import parse_script
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
# The files of a package differ with and without cgo where a build tag says so, with no import "C" in any.
_FILES = '{{if and (not .Standard) .GoFiles}}files%d {{.ImportPath}} {{join .GoFiles ","}}{{end}}'


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
        asked = _asked(dockerfile, stage, questions)
        if not asked:
            continue
        if last_stage is not None:
            edits.append(_fetch(dockerfile, asked[0].number, last_stage))
        for run in asked:
            edits += _question_edits(dockerfile, run, questions, platforms)
        edits += _cut_behind(dockerfile, asked[-1].number, cut)
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


# Neither change what `go list` answers, nor need what was built.
_PLAIN = frozenset(
    ("echo", "printf", "true", ":", "test", "[", "[[", "cd", "export", "set", "mkdir", "date", "pwd")
)
_PLAIN_VERBS = {
    "go": frozenset(("build", "install", "vet", "version", "env", "list", "test")),
    "git": frozenset(("rev-parse", "describe", "log", "status", "show", "rev-list", "config")),
}
# Do not change it either, but may need what was built.
_IDLE = frozenset(
    (
        "chmod",
        "chown",
        "ls",
        "file",
        "strip",
        "upx",
        "du",
        "cat",
        "stat",
        "sha256sum",
        "sleep",
        "which",
        "type",
    )
)


def _asked(dockerfile: Dockerfile, stage: int, questions: Sequence[CgoQuestion]) -> list[_Asked]:
    """The RUNs of a stage that ask, in order; a question without a place is not asked."""
    found: list[_Asked] = []
    for number in sorted({q.instruction for q in questions if q.stage == stage}):
        own = [n for n, q in enumerate(questions) if q.instruction == number]
        run = dockerfile.instructions[number]
        if not isinstance(run, Run) or run.script is None:
            continue
        script = parse_script(run.script.text)
        starts = {questions[n].at for n in own}
        anchors = {n: at for n in own if (at := _anchor(script, questions[n].at, starts)) is not None}
        places = _joined(script, anchors, starts)
        if places:
            found.append(_Asked(number, tuple(places), is_end=True))
    return [
        _Asked(
            a.number, a.places, at + 1 == len(found) or _is_skippable(dockerfile, a, found[at + 1], questions)
        )
        for at, a in enumerate(found)
    ]


def _anchor(script: Script, at: int, starts: set[int]) -> int | None:
    """Where to ask about the command at `at`: in front of the construct that it stands in, if nothing before
    it in there matters; else in front of the command itself. None where neither would do.
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
    start = inner.span.start if outer is None else outer.span.start
    before = [c for c in script.commands if start <= c.span.start < at and at not in _range(c)]
    if all(_is_plain(c) or c.span.start in starts for c in before):
        return start
    return at if inner is command else None


def _range(command: Command) -> range:
    return range(command.span.start, command.span.end)


def _joined(script: Script, anchors: dict[int, int], starts: set[int]) -> list[tuple[int, tuple[int, ...]]]:
    """Questions by place; a later one is asked at an earlier place when nothing between matters."""
    places: list[tuple[int, tuple[int, ...]]] = []
    for number, at in sorted(anchors.items(), key=lambda pair: pair[1]):
        first = places[-1][0] if places else at
        between = [c for c in script.commands if first <= c.span.start < at and c.span.start not in starts]
        if places and all(_is_plain(c) or _is_idle(c) for c in between):
            places[-1] = (first, (*places[-1][1], number))
        else:
            places.append((at, (number,)))
    return places


def _is_skippable(
    dockerfile: Dockerfile, asked: _Asked, following: _Asked, questions: Sequence[CgoQuestion]
) -> bool:
    """Whether what a RUN does behind its questions matters to none of those that follow."""
    between = dockerfile.instructions[asked.number + 1 : following.number]
    if any(isinstance(i, Run) for i in between):
        return False
    starts = {q.at for q in questions if q.instruction == asked.number}
    behind = [
        c for c in _commands(dockerfile.instructions[asked.number]) if c.span.start >= asked.places[-1][0]
    ]
    before = [
        c
        for c in _commands(dockerfile.instructions[following.number])
        if c.span.start < following.places[0][0]
    ]
    return all(_is_plain(c) or _is_idle(c) or c.span.start in starts for c in behind) and all(
        _is_plain(c) for c in before
    )


def _commands(run: Instruction) -> tuple[Command, ...]:
    assert isinstance(run, Run)
    assert run.script is not None
    return parse_script(run.script.text).commands


def _is_plain(command: Command) -> bool:
    verb = next((w.value for w in command.words[1:] if w.value is None or not w.value.startswith("-")), None)
    return not command.words or command.name in _PLAIN or verb in _PLAIN_VERBS.get(command.name or "", ())


def _is_idle(command: Command) -> bool:
    return command.name in _IDLE


def _question_edits(
    dockerfile: Dockerfile, asked: _Asked, questions: Sequence[CgoQuestion], platforms: Sequence[Platform]
) -> list[Edit]:
    run = dockerfile.instructions[asked.number]
    assert isinstance(run, Run)
    architectures = " ".join(dict.fromkeys(p.architecture for p in platforms))
    edits: list[Edit] = []
    for at, numbers in asked.places:
        listed = " && ".join(_listing(n, questions[n], architectures) for n in numbers)
        is_last = asked.is_end and at == asked.places[-1][0]
        ending = "&& exit 0; exit 1" if is_last else "|| exit 1"
        edits.append(Edit.insert(at, f"{{ ( {listed} ) {ending}; }} && "))
    return list(edit_script(dockerfile, run, edits))


def _listing(number: int, question: CgoQuestion, architectures: str) -> str:
    arguments = " ".join(shlex.quote(a) for a in question.arguments)
    variables = "".join(f"{name}={shlex.quote(text)} " for name, text in question.variables)
    listed = " && ".join(
        f"{variables}CGO_ENABLED={is_on} GOOS=linux GOARCH=$a"
        f" go list {flags} -f {shlex.quote(template)} {arguments}".rstrip()
        + f" >> {_WRITTEN}"
        for is_on, flags, template in (
            (1, "-deps", _FORMAT),
            (1, "-deps", _FILES % 1),
            (0, "-deps -e", _FILES % 0),
        )
    )
    told = f'echo "toolchain $({variables}go version) $({variables}go env GOEXPERIMENT)" >> {_WRITTEN}'
    return (
        f"cd {shlex.quote(question.directory)} && echo '# {number}' >> {_WRITTEN} && {told} && "
        f"for a in {architectures}; do echo arch $a >> {_WRITTEN}; {listed} || exit 1; done"
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
        words = line.rstrip().split(" ", 2)
        if len(words) == 2 and words[0] == "#":
            current = sections.setdefault(int(words[1]), [])
        elif len(words) == 3 or words[0] in ("toolchain", "arch"):
            current.append(words)
    return {q.key: _answer(sections[n]) for n, q in enumerate(questions) if n in sections}


_OFFICIAL = re.compile(r"go version go\d+(\.\d+)*((rc|beta)\d+)? linux/\w+")


def _answer(rows: Sequence[Sequence[str]]) -> CgoAnswer:
    told = [" ".join(r[1:]) for r in rows if r[0] == "toolchain"]
    tagged = _tagged(rows)
    rows = [r for r in rows if r[0] not in ("toolchain", "arch", "files0", "files1")]
    packages = tuple(dict.fromkeys((*(r[0] for r in rows if r[1] == "false"), *tagged)))
    standard = tuple(dict.fromkeys(r[0] for r in rows if r[1] == "true" and r[0] != "runtime/cgo"))
    other = next((t for t in told if not _OFFICIAL.fullmatch(t)), "")
    return CgoAnswer(packages, standard, any(r[2] != "0" for r in rows if r[1] == "false"), other)


def _tagged(rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Packages that have other files without cgo, on any architecture."""
    found: list[str] = []
    listed: dict[str, set[tuple[str, str]]] = {"files0": set(), "files1": set()}
    for row in (*rows, ("arch",)):
        if row[0] == "arch":
            found += sorted(package for package, _ in listed["files1"] - listed["files0"])
            listed = {"files0": set(), "files1": set()}
        elif row[0] in listed:
            listed[row[0]].add((row[1], row[2]))
    return tuple(dict.fromkeys(found))
