"""What is decided, said: a verdict for each stage, with its reasons, its changes and its conditions."""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from xbuild.dockerfile.frontend import blocks
from xbuild.dockerfile.model import Copy
from xbuild.graph.model import ContextBase, ScratchBase, Stage, StageBase, sources_of
from xbuild.plan.deciding.assisting import with_assistance
from xbuild.plan.deciding.groups import Group
from xbuild.plan.deciding.soundness import Soundness
from xbuild.plan.deciding.steps import steps_of
from xbuild.plan.demands import placed
from xbuild.plan.model import (
    AddMount,
    Change,
    Evidence,
    InsertRun,
    LendImage,
    PinStage,
    Place,
    Plan,
    Reason,
    SplitStages,
    StageStep,
    StageVerdict,
    VerdictWord,
)
from xbuild.plan.reading.stage import StageFacts


class Conclusions:
    """What is decided for each stage, in the words of the plan."""

    def __init__(self, sound: Soundness, groups: Sequence[Group], dropped: Mapping[int, Group]) -> None:
        self.sound, self.survey, self.graph, self.facts = sound, sound.survey, sound.survey.graph, sound.facts
        self.groups = {s: g for g in groups for s in g.stages}
        self.dropped = dropped
        self.names = {s.name for s in self.graph.stages}

    def plan(self) -> Plan:
        found = []
        for stage in self.graph.stages:
            if stage.index in self.groups:
                found.append(self.pinned_verdict(stage, self.groups[stage.index]))
            elif stage.index in self.dropped and self.runs_something(self.dropped[stage.index]):
                found.append(self.dropped_verdict(stage, self.dropped[stage.index]))
            elif stage.index not in self.survey.kept and stage.index in self.survey.authored:
                found.append(self.authored_verdict(stage))
            else:
                found.append(self.kept_verdict(stage))
        if not self.survey.settings.is_brief:
            found = [
                replace(v, notes=(*v.notes, *self.likely_slips(v.stage)), steps=self.steps(v.stage))
                for v in found
            ]
        found = with_assistance(self.survey, self.spread_conditions(found))
        source = self.graph.dockerfile.source
        return Plan(
            source.path,
            self.survey.platforms,
            self.graph.options.target,
            tuple(found),
            sha256=hashlib.sha256(source.to_bytes()).hexdigest(),
        )

    def runs_something(self, group: Group) -> bool:
        """Whether it matters that a group is not pinned; one that only lends tools needs no excuse."""
        return any(self.survey.has_run(s) for s in group.stages)

    def steps(self, stage: int) -> tuple[StageStep, ...]:
        """What a stage runs; one that is not pinned is read as if it was."""
        if self.graph.stages[stage].is_replaced:
            return ()
        facts = self.facts.get(stage) or self.survey.alone(stage)
        return steps_of(facts.calls, facts.effects)

    def likely_slips(self, stage: int) -> Iterable[str]:
        """COPY --from=NAME that names no stage, but nearly does: BuildKit takes it for an image."""
        names = [s.name for s in self.graph.stages if s.name is not None]
        for instruction in self.graph.stages[stage].instructions:
            named = instruction.from_ if isinstance(instruction, Copy) else None
            if named is None or not named.isidentifier() or named.lower() in names:
                continue
            for meant in get_close_matches(named.lower(), names, 1, 0.75):
                yield (
                    f"line {instruction.first_line}: --from={named} names no stage, and is taken for an "
                    f"image of that name; is {meant} meant?"
                )

    def base_verdict(self, stage: Stage, word: VerdictWord) -> StageVerdict:
        return StageVerdict(
            stage.index,
            stage.label,
            stage.from_.first_line,
            word,
            is_target=stage.index in self.survey.targets,
            has_run=self.survey.has_run(stage.index),
        )

    def pinned_verdict(self, stage: Stage, group: Group) -> StageVerdict:
        facts = self.facts[stage.index]
        compiles = facts.compiles
        verdict = self.base_verdict(stage, VerdictWord.CROSS if compiles else VerdictWord.PORTABLE)
        changes: list[Change] = []
        if stage.index == group.root:
            changes.append(PinStage(stage.position, "runs on the build platform"))
        if group.split and stage.index == group.stages[0]:
            changes += self.split(group)
        leaf = not self.survey.is_needed(stage.index)
        verdict = self.described(verdict, facts, changes)
        evidence = verdict.evidence
        if not compiles:
            what = (
                "nothing is taken out of it"
                if leaf
                else "what is taken out of it does not depend on the machine it runs on"
                if self.runs_something(group)
                else "it lends tools to stages on the build platform, and nothing of it is shipped"
            )
            evidence = (*evidence, Evidence(what))
        notes = verdict.notes
        if leaf:
            notes = (*notes, f"{stage.label} follows the pin: what it runs now runs on the build platform")
        return replace(verdict, is_pinned=True, evidence=evidence, notes=notes)

    def described(self, verdict: StageVerdict, facts: StageFacts, changes: list[Change]) -> StageVerdict:
        """The verdict with all that the stage's commands said."""
        argument_changes, repairs, _ = self.sound.arguments(verdict.stage)
        effects = facts.effects
        if self.sound.is_left_alone(verdict.stage):
            return replace(verdict, changes=_merged(changes))
        author = self.survey.is_pinned_by_author(verdict.stage)
        pairs = zip(facts.calls, effects, strict=True)
        demanded = (c for call, e in pairs for c in placed(call, e.demand))
        changes = [*changes, *self.loans(facts), *argument_changes, *demanded]
        notes = [*repairs, *(n for e in effects for n in e.notes)]
        if not author:
            extra, extra_notes = self.finishing(facts)
            changes += extra
            notes += extra_notes
        return replace(
            verdict,
            toolchains=tuple(dict.fromkeys(e.toolchain for e in effects if e.toolchain)),
            is_proved=not any(e.conditions for e in effects),
            conditions=tuple(dict.fromkeys(c for e in effects for c in e.conditions)),
            evidence=tuple(dict.fromkeys(v for e in effects for v in e.evidence)),
            notes=tuple(dict.fromkeys(notes)),
            questions=tuple(dict.fromkeys(q for e in effects for q in e.questions)),
            changes=_merged(changes),
        )

    def loans(self, facts: StageFacts) -> Iterable[LendImage]:
        """A stage for the build platform for each image that lends tools."""
        stage = self.graph.stages[facts.stage]
        for reference in dict.fromkeys(loan.reference for loan in facts.loans):
            takers = tuple((x.instruction, x.mount) for x in facts.loans if x.reference == reference)
            name = self.lender(reference)
            reason = f"tools of {reference} run in {stage.label}: those of the build platform"
            yield LendImage(stage.position, reference, name, takers, reason)

    def finishing(self, facts: StageFacts) -> tuple[list[Change], list[str]]:
        found = list(self.sound.finishing(facts))
        blocked = blocks(self.graph.dockerfile.syntax, "mount")
        if found and blocked is not None:
            return [c for c in found if not isinstance(c, AddMount)], [f"no cache mounts: {blocked}"]
        return found, []

    def split(self, group: Group) -> tuple[Change, ...]:
        """Copies of what is shared, and a stage for each image that lends tools to them."""
        labels = [self.graph.stages[s].label for s in group.split]
        names = tuple(_fresh(f"{label}-native", self.names) for label in labels)
        redirect = tuple(
            self.graph.stages[s].position
            for s in group.stages
            if isinstance(base := self.graph.stages[s].base, StageBase) and base.stage in group.split
        )
        reason = f"{labels[-1]} is also the base of what stays on the target platform"
        loans = [loan for s in group.split for loan in self.facts[s].loans]
        before = self.graph.stages[group.split[0]].position
        lent = {reference: self.lender(reference) for reference in dict.fromkeys(x.reference for x in loans)}
        why = f"tools of {{}} run in {names[-1]}: those of the build platform"
        return (
            *(LendImage(before, image, name, (), why.format(image)) for image, name in lent.items()),
            SplitStages(
                group.split, names, redirect, reason, tuple((x.instruction, lent[x.reference]) for x in loans)
            ),
        )

    def lender(self, reference: str) -> str:
        """A name for a stage that lends the tools of an image."""
        return _fresh(f"{_short(reference)}-native", self.names)

    def dropped_verdict(self, stage: Stage, group: Group) -> StageVerdict:
        own = group.reasons.get(stage.index, [])
        questions = self.sound.open.get(stage.index, ())
        verdict = replace(self.base_verdict(stage, VerdictWord.UNSURE), questions=questions)
        if not own:
            other = next(iter(group.reasons))
            label = self.graph.stages[other].label
            first = group.reasons[other][0]
            text = f"it shares its base with {label}, which cannot be pinned: {first.text}"
            shared = replace(first, text=text)
            return replace(verdict, reasons=(shared,), toolchains=self.toolchain_names(stage))
        if stage.index in self.sound.foreign:
            verdict = replace(verdict, word=VerdictWord.EMULATED)
            own = [self.sound.foreign[stage.index], *own]
        return replace(verdict, reasons=tuple(dict.fromkeys(own)), toolchains=self.toolchain_names(stage))

    def toolchain_names(self, stage: Stage) -> tuple[str, ...]:
        """Whose commands a stage runs that is not pinned: read as if it was."""
        effects = self.survey.alone(stage.index).effects
        return tuple(dict.fromkeys(e.toolchain for e in effects if e.toolchain))

    def authored_verdict(self, stage: Stage) -> StageVerdict:
        """A stage that its author pinned: already right, repaired, or not to be told."""
        facts = self.facts[stage.index]
        reasons = self.sound.authored_reasons(stage)
        if reasons:
            note = "it is pinned by hand, and that its output is right for the target could not be confirmed"
            return replace(
                self.base_verdict(stage, VerdictWord.UNSURE),
                reasons=tuple(dict.fromkeys(reasons)),
                notes=(note,),
                questions=facts.open_questions,
                is_pinned=True,
            )
        verdict = self.described(self.base_verdict(stage, VerdictWord.ALREADY), facts, [])
        if verdict.changes:
            verdict = replace(verdict, word=VerdictWord.CROSS)
        return replace(verdict, is_pinned=True)

    def kept_verdict(self, stage: Stage) -> StageVerdict:
        verdict = self.base_verdict(stage, VerdictWord.EMULATED)
        if isinstance(stage.base, ContextBase) or stage.is_replaced:
            return replace(verdict, has_run=False, evidence=(Evidence("a --build-context takes its place"),))
        is_image = stage.index in self.survey.images or self.survey.has_run(stage.index)
        if is_image and self.survey.is_pinned_by_author(stage.index):
            text = f"{stage.label} becomes an image, and it is pinned to the build platform"
            cure = "drop --platform, or build for one platform only"
            reason = Reason(text, Place(stage.from_.first_line), cure=cure)
            return replace(verdict, word=VerdictWord.UNSURE, reasons=(reason,), is_pinned=True)
        if not self.survey.has_run(stage.index):
            return replace(verdict, evidence=(Evidence("it runs nothing, so that nothing is emulated"),))
        why = "it is the target stage" if stage.index in self.survey.targets else self.why_kept(stage)
        text = f"{why}: it must run on the target platform"
        is_kept, is_needed = stage.index in self.survey.kept, self.survey.is_needed(stage.index)
        if not is_kept and not is_needed:
            text = "nothing is taken from it, so that it is not built"
        reason = Reason(text, Place(stage.from_.first_line))
        literal = self.survey.runs_on[stage.index]
        if (
            stage.index not in self.survey.kept
            and self.survey.is_needed(stage.index)
            and literal
            and "/" in literal
        ):
            text = f"it is pinned to {literal}: the image of every platform gets what it makes there"
            cure = "drop --platform, unless it makes the same for every platform"
            reason = replace(reason, text=text, cure=cure)
        if self.survey.settings.is_brief:
            return replace(verdict, reasons=(reason,))
        notes = tuple(self.single_stage_notes(stage))
        return replace(verdict, reasons=(reason,), notes=notes, toolchains=self.toolchain_names(stage))

    def why_kept(self, stage: Stage) -> str:
        if stage.index in self.survey.kept:
            return "the target stage derives from it"
        if isinstance(stage.base, ScratchBase):
            return "its base is scratch"
        pin = self.survey.runs_on[stage.index]
        return "its base is not known" if pin in ("target", None) else f"it is pinned to {pin}"

    def single_stage_notes(self, stage: Stage) -> Iterable[str]:
        facts = self.survey.alone(stage.index)
        pairs = zip(facts.calls, facts.effects, strict=True)
        numbers = dict.fromkeys(c.instruction for c, e in pairs if e.toolchain and (e.compiles or e.reasons))
        for number in numbers if stage.index in self.survey.kept else ():
            yield (
                f"line {stage.instructions[number].first_line}: this build step runs emulated; to have it "
                f"native, move it to a stage of its own (FROM … AS build), and COPY --from=build its output "
                f"into {stage.label}"
            )

    def spread_conditions(self, verdicts: list[StageVerdict]) -> list[StageVerdict]:
        """A conditional verdict makes its whole group conditional, and what takes from it on the build
        platform.
        """
        found = {v.stage: v for v in verdicts}
        pending = deque(v.stage for v in verdicts if not v.is_proved)
        done: set[int] = set()
        while pending:
            cause = pending.popleft()
            group = self.groups.get(cause)
            others = [s for edge in self.graph.edges_into(cause) for s in sources_of(edge.source)]
            # What a tools stage makes for the build platform fits only while what takes it runs there too.
            others += [e.consumer for e in self.graph.edges_out_of(cause)]
            others += group.stages if group is not None and group.root not in done else ()
            done |= {group.root} if group is not None else set()
            for stage in sorted({*others}):
                verdict = found[stage]
                if verdict.is_proved and verdict.is_pinned and verdict.word is not VerdictWord.UNSURE:
                    conditions = (*verdict.conditions, f"the verdict of {found[cause].name}")
                    found[stage] = replace(verdict, is_proved=False, conditions=conditions)
                    pending.append(stage)
        return [found[v.stage] for v in verdicts]


def _short(reference: str) -> str:
    """What an image is called, as the name of a stage."""
    last = reference.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return re.sub(r"[^a-z0-9_.-]", "-", last.lower()).lstrip("0123456789_.-") or "image"


def _fresh(name: str, taken: set[str | None]) -> str:
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}-{number}", number + 1
    taken.add(candidate)
    return candidate


def _merged(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Each change once; of several insertions in one place that begin alike the one with most in it, and the
    same lines where they are needed first.
    """
    inserts: dict[tuple[int, str], InsertRun] = {}
    others: list[Change] = []
    for change in changes:
        if isinstance(change, InsertRun):
            key = (change.before, change.lines[0])
            before = inserts.get(key)
            if before is None or len(change.lines) > len(before.lines):
                inserts[key] = change
        else:
            others.append(change)
    first = {i.lines: i for i in sorted(inserts.values(), key=lambda i: -i.before)}
    kept = (i for i in inserts.values() if first[i.lines] is i)
    return tuple(dict.fromkeys((*kept, *others)))
