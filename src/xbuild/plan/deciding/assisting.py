"""Which stages that stay on the target platform get native twins of their programs, and from which helpers.

Nothing of the shell has to be understood for that, but what might find the folder of the twins: it is
mounted, read-only, while a RUN lasts, and a command that walks the whole root would see it (`lending.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from xbuild.dockerfile.frontend import blocks
from xbuild.dockerfile.model import Copy, Instruction, Onbuild, Run
from xbuild.errors import PlatformError
from xbuild.graph.model import ImageBase, ScratchBase, Stage, StageGraph
from xbuild.graph.platform import TARGET
from xbuild.plan.deciding.lending import NoTwinError, is_named, is_off, lend
from xbuild.plan.deciding.survey import Survey
from xbuild.plan.facts.images import Image, bound_to, configs_of, describe
from xbuild.plan.model import (
    AddTwins,
    Assistance,
    AssistRun,
    Change,
    Evidence,
    Inspection,
    OwnCache,
    Place,
    Question,
    Reason,
    Renumber,
    StageVerdict,
    VerdictWord,
)
from xbuild.plan.twins import TWINS
from xbuild.plan.twins.twin import HELPER, MOUNT, Twin
from xbuild.platforms import Platform, parse_platforms

_STAGES_OF_A_HELPER = 3
_RUNS_SOMETHING = "has something run in images made from it"
# What a build machine is.
_BUILDERS = parse_platforms(("linux/amd64", "linux/arm64"))


def with_assistance(survey: Survey, verdicts: Sequence[StageVerdict]) -> list[StageVerdict]:
    """The verdicts, with what twins do where a stage stays on the target platform."""
    if MOUNT in survey.graph.dockerfile.source.text:
        verdicts = [_as_written(survey.graph, survey.graph.stages[v.stage], v) for v in verdicts]
    if not survey.settings.assist:
        return list(verdicts)
    return _Assisting(survey, verdicts).verdicts()


def _as_written(graph: StageGraph, stage: Stage, verdict: StageVerdict) -> StageVerdict:
    """What `xbuild rewrite --assist` has written: the stage that makes twins, and those that use them."""
    if verdict.is_pinned and _makes_twins(graph, stage):
        told = (Evidence("it makes native twins for other stages"),)
        return replace(verdict, word=VerdictWord.ALREADY, evidence=told, reasons=(), notes=(), questions=())
    made = tuple(t.name for t in TWINS if any(t.name in words for words in _preparing(graph)))
    runs = tuple(
        (i.first_line, _named_in(_text(i)) or made)
        for i in stage.instructions
        if isinstance(i, Run) and any(mount.get("target") == MOUNT for mount in i.mounts)
    )
    if not runs or verdict.is_pinned:
        return verdict
    return replace(verdict, word=VerdictWord.ASSISTED, assistance=Assistance(runs))


def _text(run: Run) -> str:
    return run.script.text if run.script is not None else run.logical.text


def _preparing(graph: StageGraph) -> Iterator[tuple[str, ...]]:
    """The words of the RUNs that make twins: their names are behind the script's."""
    for instruction in graph.dockerfile.instructions:
        if isinstance(instruction, Run) and f"{HELPER}/prepare.sh" in (instruction.words or ()):
            yield tuple(word.partition("=")[0] for word in instruction.words or ())


def _named_in(text: str) -> tuple[str, ...]:
    return tuple(t.name for t in TWINS if is_named(text, t.programs))


def _makes_twins(graph: StageGraph, stage: Stage) -> bool:
    """Whether all that a stage runs is the helper, and what is taken from it gets no further than a mount:
    nothing of it may get into an image.
    """
    runs = [i for i in stage.instructions if isinstance(i, Run)]
    taken = graph.edges_out_of(stage.index)
    further = [e for edge in taken for e in graph.edges_out_of(edge.consumer)]
    return (
        len(runs) == 1
        and f"{HELPER}/prepare.sh" in (runs[0].words or ())
        and all(e.kind == "copy" and isinstance(graph.stages[e.consumer].base, ScratchBase) for e in taken)
        and bool(further)
        and all(e.kind == "mount" and e.destination == MOUNT for e in further)
    )


class _Assisting:
    def __init__(self, survey: Survey, verdicts: Sequence[StageVerdict]) -> None:
        self.survey, self.graph, self.given = survey, survey.graph, verdicts
        self.taken = {s.name for s in self.graph.stages}
        self.found: dict[int, list[tuple[int, tuple[str, ...], tuple[Change, ...]]]] = {}
        self.left: dict[int, list[Reason]] = {}
        self.questions: dict[int, Question] = {}
        self.told_of: dict[str, dict[str, str]] = {}  # by image, of twins that a RUN tells of, why
        renamed = (c for v in verdicts for c in v.changes if isinstance(c, OwnCache))
        self.renamed = {(c.instruction, c.mount) for c in renamed}  # those of stages that are pinned

    def verdicts(self) -> list[StageVerdict]:
        for verdict in self.given:
            if verdict.has_run and not verdict.is_pinned:
                self.look_at(self.graph.stages[verdict.stage])
        self.drop_told()
        helpers = self.helpers()
        return [self.told(verdict, helpers) for verdict in self.given]

    def told(self, verdict: StageVerdict, helpers: Mapping[int, AddTwins]) -> StageVerdict:
        if verdict.stage in self.questions:
            verdict = replace(verdict, questions=(*verdict.questions, self.questions[verdict.stage]))
        runs = self.found.get(verdict.stage, [])
        left = tuple(self.left.get(verdict.stage, ()))
        if not runs:
            is_written = verdict.assistance is not None and bool(verdict.assistance.runs)
            return replace(verdict, assistance=Assistance(left=left)) if left and not is_written else verdict
        helper = helpers[verdict.stage]
        changes: list[Change] = [helper]
        for number, names, own in runs:
            why = f"{', '.join(names)} run natively"
            changes.append(AssistRun(number, helper.names[-1], self.start_of(number), why))
            changes += [c for c in own if not self.is_renamed(c)]
        changes += self.renumbered(sorted({h.before for h in helpers.values()}))
        used = {name for _, names, _ in runs for name in names}
        notes = [
            f"assist.{t.name} is {choice}: {meaning}"
            for t in TWINS
            for choice, meaning in t.choices
            if t.name in used and self.survey.settings.accepted.get(t.name) == choice
        ]
        verdict = replace(verdict, notes=(*verdict.notes, *notes))
        lines = tuple((self.graph.dockerfile.instructions[n].first_line, names) for n, names, _ in runs)
        assistance = Assistance(lines, left, tuple(dict.fromkeys(changes)))
        return replace(verdict, word=VerdictWord.ASSISTED, assistance=assistance)

    def is_renamed(self, change: Change) -> bool:
        """Whether a cache has another name already, that of the build machine's own."""
        return isinstance(change, OwnCache) and (change.instruction, change.mount) in self.renamed

    # -- a stage

    def look_at(self, stage: Stage) -> None:
        try:
            image, twins = self.twins_for(stage)
        except NoTwinError as error:
            self.leave(stage.index, str(error), stage.from_.first_line)
            return
        for index, instruction in enumerate(stage.instructions):
            if not isinstance(instruction, Run):
                continue
            try:
                lent = lend(self.survey, stage, index, image, twins)
            except NoTwinError as error:
                self.leave(stage.index, str(error), instruction.first_line)
                continue
            for why in lent.left:
                self.leave(stage.index, why, instruction.first_line)
            self.told_of.setdefault(self.root(stage.index).from_.image, {}).update(lent.told)
            found = (stage.position + index, lent.names, lent.changes)
            self.found.setdefault(stage.index, []).append(found)

    def leave(self, stage: int, why: str, line: int) -> None:
        self.left.setdefault(stage, []).append(Reason(why, Place(line)))

    def twins_for(self, stage: Stage) -> tuple[Image, tuple[Twin, ...]]:
        """Its image, and the twins of the programs of that."""
        dockerfile, settings = self.graph.dockerfile, self.survey.settings
        if MOUNT in dockerfile.source.text:
            raise NoTwinError(f"the file names {MOUNT}, where twins would be")
        if stage.label in settings.without or is_off(dockerfile, stage.from_):
            raise NoTwinError("assist is off for it")
        if dockerfile.source.text.startswith("\ufeff"):
            raise NoTwinError(
                "the file begins with a byte-order mark, which has to stay the first thing in it"
            )
        blocked = blocks(dockerfile.syntax, "heredoc")
        if blocked is not None:
            raise NoTwinError(f"no twins: {blocked}")
        if any(
            _names_by_number(i.inner) is not None for i in dockerfile.instructions if isinstance(i, Onbuild)
        ):
            raise NoTwinError("an ONBUILD names a stage by number, and a helper would move the numbers")
        if self.survey.runs_on[stage.index] != TARGET:
            raise NoTwinError("it is not known to run on the target platform")
        image = self.image_of(stage, self.root(stage.index))
        # Of an image that is not known by its name the helper tells what it is.
        fitting = (t for t in TWINS if image.family == "unknown" or _fits(t, image))
        found = tuple(_of_image(t, image) for t in fitting if t.name not in settings.without_twins)
        if not found:
            raise NoTwinError(f"there are no twins for programs of {image.reference} yet")
        return image, found

    def image_of(self, stage: Stage, root: Stage) -> Image:
        """What a stage is based on: nothing of it may run in the helper by itself (ONBUILD), and there
        must be one for the build machine. Official images are known; others are asked for.
        """
        base = root.base
        if root.is_replaced or not isinstance(base, ImageBase) or base.reference is None or base.stages:
            raise NoTwinError("its base is no image that is known")
        if bound_to(base.reference) is not None:
            raise NoTwinError(f"{base.reference} is for one platform")
        image = describe(base.reference, tuple(row for t in self.survey.toolchains for row in t.images))
        if image.has_onbuild:
            raise NoTwinError(f"{base.reference} {_RUNS_SOMETHING}")
        if image.is_plain:
            return image
        text = f"for which platforms {base.reference} is, and what it has run in images made from it"
        question = Question(stage.index, root.position, "base image", text, Inspection(base.reference))
        answer = self.survey.knowledge.answers.get(question.key)
        if answer is None:
            self.questions[stage.index] = question
            raise NoTwinError(f"{base.reference} would have to be looked at (--online)")
        trouble = _trouble_with(answer, self.survey.platforms or ())
        if trouble is not None:
            raise NoTwinError(f"{base.reference} {trouble}")
        return replace(image, family=image.family or "unknown")

    def drop_told(self) -> None:
        """RUNs of an image have one helper, with all its twins: one that a RUN tells of goes from all."""
        for number, runs in list(self.found.items()):
            told = self.told_of.get(self.root(number).from_.image, {})
            kept = []
            for position, names, changes in runs:
                line = self.graph.dockerfile.instructions[position].first_line
                for name in names:
                    if name in told:
                        self.leave(number, f"{told[name]} (another RUN on the same image)", line)
                fitting = tuple(name for name in names if name not in told)
                if fitting:
                    kept.append((position, fitting, changes))
            self.found[number] = kept
            if not kept:
                del self.found[number]

    def start_of(self, number: int) -> int:
        """Where in the script of a RUN something goes that is to happen first: behind a `#!` line."""
        run = self.graph.dockerfile.instructions[number]
        assert isinstance(run, Run)
        text = run.script.text if run.script is not None else ""
        return text.index("\n") + 1 if text.startswith("#!") and "\n" in text else 0

    # -- the helpers

    def helpers(self) -> dict[int, AddTwins]:
        """By stage the helper that its RUNs use: one for each root image."""
        by_image: dict[str, list[int]] = {}
        for stage in sorted(self.found):
            by_image.setdefault(self.root(stage).from_.image, []).append(stage)
        made: dict[int, AddTwins] = {}
        for reference, stages in by_image.items():
            used = {name for s in stages for _, names, _ in self.found[s] for name in names}
            names = self.fresh_names()
            before = self.graph.stages[stages[0]].position
            reason = f"native twins of programs of {reference}"
            twins = tuple(t.name + self.choice_of(t) for t in TWINS if t.name in used)
            made.update(dict.fromkeys(stages, AddTwins(before, reference, names, twins, reason)))
        return made

    def choice_of(self, twin: Twin) -> str:
        """What is accepted for a twin, as the helper reads it behind its name."""
        choice = self.survey.settings.accepted.get(twin.name)
        return "" if choice is None else f"={choice}"

    def root(self, stage: int) -> Stage:
        return self.graph.stages[self.graph.root_of(stage)]

    def fresh_names(self) -> tuple[str, str, str]:
        number = 1
        while True:
            suffix = f"-{number}" if number > 1 else ""
            target, native, twins = (f"xbuild-{part}{suffix}" for part in ("target", "native", "twins"))
            if self.taken.isdisjoint((target, native, twins)):
                self.taken |= {target, native, twins}
                return target, native, twins
            number += 1

    def renumbered(self, positions: Sequence[int]) -> Iterator[Renumber]:
        """COPY --from=NUMBER of a stage behind a helper."""
        for number, instruction in enumerate(self.graph.dockerfile.instructions):
            named = _names_by_number(instruction)
            if named is None or named >= len(self.graph.stages):
                continue
            moved = sum(at <= self.graph.stages[named].position for at in positions)
            if moved:
                yield Renumber(
                    number, named + moved * _STAGES_OF_A_HELPER, "stages of helpers stand in front of it"
                )


def _fits(twin: Twin, image: Image) -> bool:
    return image.family in twin.families and (not twin.images or image.name in twin.images)


def _of_image(twin: Twin, image: Image) -> Twin:
    """That a script may start it is taken for granted only where the image is known to have the program."""
    is_called = twin.is_called_by_others and image.name in twin.images
    return replace(twin, is_called_by_others=is_called)


def _trouble_with(answer: str, platforms: Sequence[Platform]) -> str | None:
    """Why no helper can be made from an image, by the JSON of its configs (`buildx imagetools inspect`)."""
    told = configs_of(answer)
    if told is None:
        return "says of itself what cannot be read"
    found, _ = told
    if any(config.get("OnBuild") for config in found.values()):
        return _RUNS_SOMETHING
    there = {_platform(name) for name in found}
    missing = next((p for p in (*_BUILDERS, *platforms) if p not in there), None)
    return None if missing is None else f"is not there for {missing}"


def _platform(name: str) -> Platform | None:
    try:
        return Platform.parse(name)
    except PlatformError:
        return None


def _names_by_number(instruction: Instruction) -> int | None:
    named = instruction.from_ if isinstance(instruction, Copy) else None
    return int(named) if named is not None and named.isdecimal() else None
