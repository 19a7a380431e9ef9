"""Make the plan: which stages can run on the build platform, proved by what other stages take out of them.

The soundness rule: a stage is pinned only if everything that an unpinned stage takes out of it is right for
the target (`filesystem.Kind.is_right`), and if what its compilers read is accounted for likewise. The
largest set of stages for which that holds is found by starting from all candidates and dropping those that
fail until none does.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import partial

from xbuild.dockerfile.frontend import blocks
from xbuild.dockerfile.model import Copy, Dockerfile, Onbuild, Run
from xbuild.graph.build import build_graph
from xbuild.graph.model import (
    ContextBase,
    Edge,
    ImageBase,
    Options,
    ScratchBase,
    Stage,
    StageBase,
    StageGraph,
    sources_of,
)
from xbuild.graph.platform import BUILD, TARGET, runs_on
from xbuild.graph.reach import closure, leaves
from xbuild.plan import images
from xbuild.plan.arguments import settle
from xbuild.plan.context import Context
from xbuild.plan.demands import placed
from xbuild.plan.filesystem import Kind, offender
from xbuild.plan.images import Image
from xbuild.plan.model import (
    AddMount,
    Change,
    Evidence,
    InsertRun,
    Knowledge,
    PinStage,
    Place,
    Plan,
    Question,
    Reason,
    Settings,
    SplitStages,
    StageVerdict,
    Word,
)
from xbuild.plan.programs import PROGRAMS
from xbuild.plan.programs.program import by_name
from xbuild.plan.stage import StageFacts, evaluate, shipped_by
from xbuild.plan.steps import steps_of
from xbuild.plan.toolchain import Demand, Surroundings, Toolchain
from xbuild.plan.toolchains import TOOLCHAINS
from xbuild.platforms import Platform

# Per stage the paths of it that are shipped; None may be any.
_Demands = Mapping[int, Mapping[str | None, None]]

_GOARCH = re.compile(r"\bGOARCH=[\"']?([a-z][a-z0-9]+)\b")


def make_plan(
    dockerfile: Dockerfile,
    options: Options,
    platforms: tuple[Platform, ...] | None,
    context: Context,
    settings: Settings | None = None,
    knowledge: Knowledge | None = None,
) -> Plan:
    """The plan for a Dockerfile. `platforms` None: right for any list. Without `options.target` every leaf
    stage with a command of its own counts as a target. Raises StageError and DockerfileError where BuildKit
    would refuse the stages.
    """
    graph = build_graph(dockerfile, replace(options, image_facts=images.facts))
    planner = _Planner(
        graph, platforms, context, settings or Settings(), knowledge or Knowledge(), TOOLCHAINS
    )
    return planner.plan()


@dataclass
class _Group:
    """Stages that share a root and are pinned together. `split` are stages of the root's chain that have to
    be copied.
    """

    root: int
    stages: tuple[int, ...]
    split: tuple[int, ...] = ()
    reasons: dict[int, list[Reason]] = field(default_factory=dict)


class _Planner:
    def __init__(
        self,
        graph: StageGraph,
        platforms: tuple[Platform, ...] | None,
        context: Context,
        settings: Settings,
        knowledge: Knowledge,
        toolchains: Sequence[Toolchain],
    ) -> None:
        self.graph, self.platforms, self.context = graph, platforms, context
        self.settings, self.knowledge, self.toolchains = settings, knowledge, toolchains
        self.programs = by_name((*PROGRAMS, *(p for t in toolchains for p in t.programs)))
        self.facts: dict[int, StageFacts] = {}
        self.foreign: dict[int, Reason] = {}
        self.seen: dict[int, tuple[object, StageFacts]] = {}
        self.open: dict[int, tuple[Question, ...]] = {}
        self.runs_on = {s.index: runs_on(graph, s.index) for s in graph.stages}
        self.authored = frozenset(
            s.index for s in graph.stages if not s.is_replaced and self.is_pinned_by_author(s.index)
        )
        self.texts = _texts(graph)
        self.needed = _needed(graph)
        self.become_images(target_stages(graph))
        if graph.options.target is None:
            rest = [s for s in leaves(graph) if s not in self.targets and self.can_pin(s)]
            self.become_images((*self.targets, *(s for s in rest if self.installs_packages(s))))

    def plan(self) -> Plan:
        groups = self.candidates()
        dropped: dict[int, _Group] = {}
        while True:
            self.evaluate(groups)
            failing = self.first([g for g in groups if self.fails(g)], groups)
            if not failing:
                break
            groups = [g for g in groups if g not in failing]
            for group in failing:
                rest = self.rest(group)
                dropped.update((s, group) for s in group.stages if rest is None or s not in rest.stages)
                groups += [rest] if rest is not None else []
        return self.verdicts(groups, dropped)

    def rest(self, group: _Group) -> _Group | None:
        """What is left of a group without the stages that fail: these keep their base, the others get a
        copy of it.
        """
        if not group.reasons or not group.reasons.keys().isdisjoint(group.split):
            return None
        failing = {d for s in group.reasons for d in (s, *self.graph.derived_from(s))}
        kept = {*group.split, *(a for s in failing for a in self.graph.chain_of(s))}
        return self.copied(group.root, [s for s in group.stages if s not in kept], kept)

    def first(self, failing: list[_Group], groups: list[_Group]) -> list[_Group]:
        """Which groups to give up in this round: rather those with which the doubt begins that a failing one
        takes over, from stage to stage.
        """
        numbers = {stage: number for number, group in enumerate(groups) for stage in group.stages}
        members = [(*group.split, *group.stages) for group in groups]
        authored = [(s,) for s in sorted(self.authored) if self.authored_reasons(self.graph.stages[s])]
        consumers = [*authored, *(members[numbers[g.stages[0]]] for g in failing)]
        pending = {n for stages in consumers for n in self.feeding(stages, numbers)}
        takes: dict[int, set[int]] = {}
        while pending:
            number = pending.pop()
            takes[number] = self.feeding(members[number], numbers)
            pending |= takes[number] - takes.keys()
        doubtful = [groups[n] for n in sorted(takes) if not takes[n]] or [groups[n] for n in sorted(takes)]
        for group in doubtful:
            group.reasons = group.reasons or self.doubts(group)
        return doubtful or failing

    def feeding(self, stages: Sequence[int], numbers: Mapping[int, int]) -> set[int]:
        """The other groups from which these stages take what may be wrong for the target, were it to be
        shipped; also through stages that their authors pinned.
        """
        found: set[int] = set()
        seen = [*stages]
        for stage in seen:
            for source in self.doubtful_sources(stage):
                if source in numbers:
                    found.add(numbers[source])
                elif source in self.authored and source not in seen:
                    seen.append(source)
        return found - {numbers[s] for s in stages if s in numbers}

    def doubts(self, group: _Group) -> dict[int, list[Reason]]:
        """What is taken out of a group that is not accounted for, whoever takes it."""
        found: dict[int, list[Reason]] = {}
        for stage in group.stages:
            for edge in self.graph.edges_out_of(stage):
                if edge.kind != "from" and edge.consumer not in group.stages:
                    found.setdefault(stage, []).extend(self.taken(stage, edge))
        return {stage: list(dict.fromkeys(reasons)) for stage, reasons in found.items() if reasons}

    def doubtful_sources(self, stage: int) -> list[int]:
        """The pinned stages from which a stage takes what may be wrong for the target."""
        return [
            source
            for edge in self.graph.edges_into(stage)
            for source in sources_of(edge.source)
            if source in self.facts and not all(self.facts[source].kind_at(p).is_right for p in edge.paths)
        ]

    def ships(self, edge: Edge) -> bool:
        """Whether what an edge takes may get into an image or out of the build, whatever takes it runs on."""
        return edge.kind != "from" and (edge.consumer not in self.facts or edge.consumer in self.shipping)

    # -- which stages become images

    def become_images(self, targets: tuple[int, ...]) -> None:
        self.targets = targets
        self.kept = kept_stages(self.graph, targets)
        self.images = image_stages(self.graph, targets)
        leaf_chains = (self.graph.chain_of(leaf) for leaf in leaves(self.graph))
        collecting = [s for chain in leaf_chains if not any(self.has_run(s) for s in chain) for s in chain]
        self.shipping = self.kept | frozenset(collecting)

    def installs_packages(self, leaf: int) -> bool:
        """Whether a stage that nothing is taken from installs packages, as an image for developers does."""
        chain = self.graph.chain_of(leaf)
        shipped = self.shipped(frozenset(chain))
        known: dict[int, StageFacts] = {}
        for stage in chain:
            around = partial(self.around, shipped=shipped)
            known[stage] = evaluate(self.graph, stage, around, known, frozenset(chain), self.toolchains)
        return any(effect.packages for effect in known[leaf].effects)

    # -- which stages might be pinned

    def candidates(self) -> list[_Group]:
        roots: dict[int, list[int]] = {}
        for stage in self.graph.stages:
            if stage.index not in self.kept and not stage.is_replaced and self.can_pin(stage.index):
                roots.setdefault(self.graph.root_of(stage.index), []).append(stage.index)
        groups = [self.group(root, stages) for root, stages in roots.items()]
        return [g for g in groups if g is not None]

    def group(self, root: int, stages: list[int]) -> _Group | None:
        if not any(self.has_run(s) for s in stages) or not any(self.is_needed(s) for s in stages):
            return None
        if root not in self.kept:
            return _Group(root, tuple(stages))
        return self.copied(root, stages, self.kept)

    def copied(self, root: int, stages: list[int], kept: Collection[int]) -> _Group | None:
        """The group of those stages that get a copy of their base, which is among `kept`, for its own.

        A stage that nothing is taken from, and that stands on `kept` itself, gets none: it stays there.
        """
        chains = {stage: [s for s in self.graph.chain_of(stage) if s not in kept] for stage in stages}
        moved = tuple(s for s in stages if self.is_needed(chains[s][0]))
        if not any(self.has_run(s) for s in moved):
            return None
        shared = {a for s in moved for a in self.graph.chain_of(s) if a in kept}
        return _Group(root, moved, tuple(sorted(shared)))

    def can_pin(self, stage: int) -> bool:
        root = self.graph.stages[self.graph.root_of(stage)]
        return (
            isinstance(root.base, ImageBase)
            and root.base.reference is not None
            and not root.base.stages
            and self.runs_on[stage] == TARGET
        )

    def is_pinned_by_author(self, stage: int) -> bool:
        return self.runs_on[stage] == BUILD

    def has_run(self, stage: int) -> bool:
        return any(isinstance(i, Run) for i in self.graph.stages[stage].instructions)

    # -- one round

    def evaluate(self, groups: Iterable[_Group]) -> None:
        pinned = frozenset(s for g in groups for s in g.stages) | self.authored
        shadows = frozenset(s for g in groups for s in g.split)
        shipped = self.shipped(pinned)
        self.facts = {}
        for stage in self.graph.stages:
            if stage.index in pinned or stage.index in shadows:
                self.facts[stage.index] = self.evaluated(stage.index, pinned, shipped)

    def evaluated(self, stage: int, pinned: frozenset[int], shipped: _Demands) -> StageFacts:
        """The facts of a stage; those of an earlier round where nothing that it takes has changed since."""
        sources = [s for edge in self.graph.edges_into(stage) for s in sources_of(edge.source)]
        takes = (shipped[stage], [(s in pinned, self.facts.get(s)) for s in sources])
        taken, facts = self.seen.get(stage, (None, None))
        if facts is None or taken != takes:
            around = partial(self.around, shipped=shipped)
            facts = evaluate(self.graph, stage, around, self.facts, pinned, self.toolchains)
            self.seen[stage] = takes, facts
        return facts

    def shipped(self, pinned: frozenset[int]) -> _Demands:
        """Per pinned stage the paths that end up in an unpinned one, directly or through other pinned
        stages.
        """
        images = self.shipping & pinned
        demands: dict[int, dict[str | None, None]] = {
            s.index: {"/": None} if s.index in images else {} for s in self.graph.stages
        }
        for stage in reversed(self.graph.stages):
            for edge in self.graph.edges_into(stage.index):
                for source in sources_of(edge.source):
                    wanted = self.demand(edge, stage.index, pinned, demands[stage.index])
                    demands[source].update(dict.fromkeys(wanted))
        return demands

    def demand(
        self, edge: Edge, consumer: int, pinned: frozenset[int], own: Iterable[str | None]
    ) -> Iterable[str | None]:
        if edge.kind == "from":
            return own if consumer in pinned else ()
        if consumer not in pinned or consumer in self.shipping:
            return edge.paths
        destination = edge.destination
        wanted = destination is None or shipped_by(own, destination.rstrip("/") or "/")
        return edge.paths if wanted and edge.kind == "copy" else ()

    def around(self, stage: int, image: Image, shipped: _Demands) -> Surroundings:
        text, architectures = self.texts[stage]
        return Surroundings(
            stage=stage,
            offset=self.graph.stages[stage].position,
            image=image,
            platforms=self.platforms,
            settings=self.settings,
            knowledge=self.knowledge,
            context=self.context,
            is_pinned_by_author=self.is_pinned_by_author(stage),
            is_shipped=lambda path: shipped_by(shipped[stage], path),
            literal_architectures=architectures,
            text=text,
            after_line=self.after_line(stage),
            is_taken=lambda path: self.is_taken(stage, path),
            has_children=bool(self.graph.children_of(stage)),
            programs=self.programs,
        )

    def is_taken(self, stage: int, path: str) -> bool:
        family = (stage, *self.graph.derived_from(stage))
        edges = (e for s in family for e in self.graph.edges_out_of(s) if e.kind != "from")
        return any(shipped_by(edge.paths, path) for edge in edges)

    def after_line(self, stage: int) -> Callable[[int, int], int]:
        at = self.graph.stages[stage]

        def find(line: int, limit: int) -> int:
            """Index in the file of the first instruction of the stage that starts behind `line`, at most
            `limit`.
            """
            for index, instruction in enumerate(at.instructions[1:], 1):
                if instruction.first_line > line:
                    return min(at.position + index, limit)
            return limit

        return find

    # -- soundness

    def fails(self, group: _Group) -> bool:
        group.reasons = {}
        for stage in (*group.split, *group.stages):
            reasons = self.reasons(stage, group)
            if reasons:
                group.reasons[stage] = reasons
        return bool(group.reasons)

    def reasons(self, stage: int, group: _Group) -> list[Reason]:
        """Why this stage cannot be pinned; one that nothing is taken from may do what it likes, as far as it
        runs.
        """
        facts = self.facts[stage]
        self.open[stage] = facts.open_questions
        found: list[Reason] = []
        blocked = blocks(self.graph.dockerfile.syntax, "pin")
        if blocked is not None:
            found.append(Reason(blocked, Place(1), cure="use docker/dockerfile:1"))
        if stage in group.split:
            return found + self.split_reasons(stage, facts) + list(facts.all_reasons)
        if self.is_needed(stage):
            found += facts.all_reasons
            self.foreign.update(
                (stage, e.reasons[0]) for e in facts.effects if e.is_foreign_run and e.reasons
            )
        else:
            found += [r for e in facts.effects if e.cannot_run for r in e.reasons]
        found += self.bound(stage)
        found += self.arguments(stage)[2] if not self.is_left_alone(stage) else ()
        for edge in self.graph.edges_out_of(stage):
            if self.ships(edge):
                found += self.taken(stage, edge)
        return list(dict.fromkeys(found))

    def is_left_alone(self, stage: int) -> bool:
        """Whether nothing is taken from a stage in which something cannot be made to compile for the target:
        then nothing in it is changed, rather than a part of it.
        """
        effects = self.facts[stage].effects
        return not self.is_needed(stage) and any(e.reasons and not e.cannot_run for e in effects)

    def bound(self, stage: int) -> list[Reason]:
        """Why a stage, or a stage that gets what it compiles, is for one platform whatever is asked for."""
        own = self.graph.stages[stage]
        alone = self.bound_to(stage)
        if alone is not None:
            text = f"{own.label} is made from an image for {alone} alone"
            cure = "name an image that there is for every platform"
            return [Reason(text, Place(own.from_.first_line), cure=cure)]
        found: list[Reason] = []
        for edge in self.graph.edges_out_of(stage):
            alone = self.bound_to(edge.consumer) if edge.kind != "from" else None
            kinds = [self.facts[stage].kind_at(path) for path in edge.paths]
            if alone is not None and any(kind in (Kind.CROSS, Kind.TARGET) for kind in kinds):
                consumer = self.graph.stages[edge.consumer]
                text = f"{consumer.label}, which takes what is compiled here, is for {alone} alone"
                cure = "name an image there that there is for every platform, or drop --platform"
                found.append(Reason(text, Place(consumer.from_.first_line), cure=cure))
        return found

    def bound_to(self, stage: int) -> str | None:
        """The one platform that a stage is for, by its --platform or by the name of its image."""
        where = self.runs_on[stage]
        base = self.graph.stages[self.graph.root_of(stage)].base
        named = images.bound_to(base.reference) if isinstance(base, ImageBase) else None
        if named is None and where is not None and "/" in where:
            named = where
        wanted = {name for p in self.platforms or () for name in (str(p), p.architecture)}
        is_all = named in wanted and len(self.platforms or ()) == 1
        return None if is_all else named

    def split_reasons(self, stage: int, facts: StageFacts) -> list[Reason]:
        """Why a stage cannot be copied: edits inside it, a number or a name that would mean another stage
        then.
        """
        at = self.graph.stages[stage]
        place = Place(at.from_.first_line)
        found: list[Reason] = []
        if any(e.demand != Demand() or e.needs for e in facts.effects):
            text = f"{at.label} compiles something, and it is also what the image is made from"
            found.append(Reason(text, place, cure="compile in a stage that the image does not derive from"))
        if any(number > stage for number in _numbered(self.graph)):
            text = "stages are named by number (--from=1), and a copy of a stage would move the numbers"
            found.append(Reason(text, place, cure="name the stages: FROM … AS name"))
        names = [s.name for s in self.graph.stages]
        if at.name is None or names.count(at.name) > 1 or at.instructions[0].heredocs:
            found.append(Reason(f"{at.label} has no name of its own", place, cure="give each stage a name"))
        return found

    def is_needed(self, stage: int) -> bool:
        """Whether anything is taken from this stage or from one derived from it."""
        return stage in self.needed

    def taken(self, stage: int, edge: Edge) -> list[Reason]:
        """Reasons why what an unpinned stage takes is not accounted for."""
        consumer = self.graph.stages[edge.consumer]
        line = consumer.instructions[edge.instruction].first_line
        facts = self.facts[stage]
        found: list[Reason] = []
        for path in edge.paths:
            if path is None:
                found.append(
                    Reason(
                        f"what {consumer.label} takes from here cannot be told",
                        Place(line),
                        cure="write the path out",
                    )
                )
                continue
            bad = offender(facts.writes, path)
            if bad is not None:
                found.append(_unaccounted(path, consumer.label, line, bad.kind, bad.place, bad.text))
        return found

    def arguments(self, stage: int) -> tuple[tuple[Change, ...], tuple[str, ...], tuple[Reason, ...]]:
        facts = self.facts[stage]
        needs = [n for e in facts.effects for n in e.needs]
        pairs = zip(facts.calls, facts.effects, strict=True)
        readers = facts.unknown_runs | {c.instruction for c, e in pairs if e.sees_environment}
        return settle(self.graph, stage, needs, readers, may_move=not self.is_pinned_by_author(stage))

    # -- verdicts

    def verdicts(self, groups: Sequence[_Group], dropped: Mapping[int, _Group]) -> Plan:
        by_stage = {s: g for g in groups for s in g.stages}
        self.shipped_at_last = self.shipped(frozenset(self.facts))
        found = []
        for stage in self.graph.stages:
            if stage.index in by_stage:
                found.append(self.pinned_verdict(stage, by_stage[stage.index]))
            elif stage.index in dropped:
                found.append(self.dropped_verdict(stage, dropped[stage.index]))
            elif stage.index not in self.kept and stage.index in self.authored:
                found.append(self.authored_verdict(stage))
            else:
                found.append(self.kept_verdict(stage))
        found = [replace(v, notes=(*v.notes, *self.likely_slips(v.stage))) for v in found]
        seen = {stage: steps_of(facts.calls, facts.effects) for stage, (_, facts) in self.seen.items()}
        found = [replace(v, steps=seen.get(v.stage, ())) for v in found]
        found = self.spread_conditions(found, by_stage)
        source = self.graph.dockerfile.source
        return Plan(
            source.path,
            self.platforms,
            self.graph.options.target,
            tuple(found),
            sha256=hashlib.sha256(source.to_bytes()).hexdigest(),
        )

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

    def base_verdict(self, stage: Stage, word: Word) -> StageVerdict:
        return StageVerdict(
            stage.index,
            stage.label,
            stage.from_.first_line,
            word,
            is_target=stage.index in self.targets,
            has_run=self.has_run(stage.index),
        )

    def pinned_verdict(self, stage: Stage, group: _Group) -> StageVerdict:
        facts = self.facts[stage.index]
        compiles = facts.compiles
        verdict = self.base_verdict(stage, Word.CROSS if compiles else Word.PORTABLE)
        changes: list[Change] = []
        if stage.index == group.root:
            changes.append(PinStage(stage.position, "runs on the build platform"))
        if group.split and stage.index == group.stages[0]:
            changes.append(self.split(group))
        leaf = not self.is_needed(stage.index)
        verdict = self.described(verdict, facts, changes)
        evidence = verdict.evidence
        if not compiles:
            what = (
                "nothing is taken out of it"
                if leaf
                else "all that is taken out of it is the same for every platform"
            )
            evidence = (*evidence, Evidence(what))
        notes = verdict.notes
        if leaf:
            notes = (*notes, f"{stage.label} follows the pin: what it runs now runs on the build platform")
        return replace(verdict, is_pinned=True, evidence=evidence, notes=notes)

    def described(self, verdict: StageVerdict, facts: StageFacts, changes: list[Change]) -> StageVerdict:
        """The verdict with all that the stage's commands said."""
        argument_changes, repairs, _ = self.arguments(verdict.stage)
        effects = facts.effects
        if self.is_left_alone(verdict.stage):
            return replace(verdict, changes=_merged(changes))
        author = self.is_pinned_by_author(verdict.stage)
        pairs = zip(facts.calls, effects, strict=True)
        changes = [*changes, *argument_changes, *(c for call, e in pairs for c in placed(call, e.demand))]
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

    def finishing(self, facts: StageFacts) -> tuple[list[Change], list[str]]:
        around = self.around(facts.stage, facts.image, self.shipped_at_last)
        found = [
            c
            for t in self.toolchains
            if t.finish is not None
            for c in t.finish(facts.calls, facts.effects, around)
        ]
        blocked = blocks(self.graph.dockerfile.syntax, "mount")
        if found and blocked is not None:
            return [c for c in found if not isinstance(c, AddMount)], [f"no cache mounts: {blocked}"]
        return found, []

    def split(self, group: _Group) -> SplitStages:
        labels = [self.graph.stages[s].label for s in group.split]
        taken = {s.name for s in self.graph.stages}
        names = tuple(_fresh(f"{label}-native", taken) for label in labels)
        redirect = tuple(
            self.graph.stages[s].position
            for s in group.stages
            if isinstance(base := self.graph.stages[s].base, StageBase) and base.stage in group.split
        )
        reason = f"{labels[-1]} is also the base of what stays on the target platform"
        return SplitStages(group.split, names, redirect, reason)

    def dropped_verdict(self, stage: Stage, group: _Group) -> StageVerdict:
        own = group.reasons.get(stage.index, [])
        questions = self.open.get(stage.index, ())
        verdict = replace(self.base_verdict(stage, Word.UNSURE), questions=questions)
        if not own:
            other = next(iter(group.reasons))
            label = self.graph.stages[other].label
            first = group.reasons[other][0]
            text = f"it shares its base with {label}, which cannot be pinned: {first.text}"
            shared = replace(first, text=text)
            return replace(verdict, reasons=(shared,), toolchains=self.toolchain_names(stage))
        if stage.index in self.foreign:
            verdict = replace(verdict, word=Word.EMULATED)
            own = [self.foreign[stage.index], *own]
        return replace(verdict, reasons=tuple(dict.fromkeys(own)), toolchains=self.toolchain_names(stage))

    def toolchain_names(self, stage: Stage) -> tuple[str, ...]:
        text = " ".join(i.logical.text for i in stage.instructions if isinstance(i, Run))
        return ("go",) if re.search(r"\bgo (build|install|mod|generate|test)\b", text) else ()

    def authored_verdict(self, stage: Stage) -> StageVerdict:
        """A stage that its author pinned: already right, repaired, or not to be told."""
        facts = self.facts[stage.index]
        reasons = self.authored_reasons(stage)
        if reasons:
            note = "it is pinned by hand, and that its output is right for the target could not be confirmed"
            return replace(
                self.base_verdict(stage, Word.UNSURE),
                reasons=tuple(dict.fromkeys(reasons)),
                notes=(note,),
                questions=facts.open_questions,
                is_pinned=True,
            )
        verdict = self.described(self.base_verdict(stage, Word.ALREADY), facts, [])
        if verdict.changes:
            verdict = replace(verdict, word=Word.CROSS)
        return replace(verdict, is_pinned=True)

    def authored_reasons(self, stage: Stage) -> list[Reason]:
        reasons: list[Reason] = []
        if any(self.has_run(s) for s in (stage.index, *self.graph.derived_from(stage.index))):
            reasons += self.facts[stage.index].all_reasons if self.is_needed(stage.index) else ()
            reasons += self.bound(stage.index)
            reasons += self.arguments(stage.index)[2]
        for edge in self.graph.edges_out_of(stage.index):
            if self.ships(edge):
                reasons += self.taken(stage.index, edge)
        return reasons

    def kept_verdict(self, stage: Stage) -> StageVerdict:
        verdict = self.base_verdict(stage, Word.EMULATED)
        if isinstance(stage.base, ContextBase) or stage.is_replaced:
            return replace(verdict, has_run=False, evidence=(Evidence("a --build-context takes its place"),))
        is_image = stage.index in self.images or self.has_run(stage.index)
        if is_image and self.is_pinned_by_author(stage.index):
            text = f"{stage.label} becomes an image, and it is pinned to the build platform"
            cure = "drop --platform, or build for one platform only"
            reason = Reason(text, Place(stage.from_.first_line), cure=cure)
            return replace(verdict, word=Word.UNSURE, reasons=(reason,), is_pinned=True)
        if not self.has_run(stage.index):
            return replace(verdict, evidence=(Evidence("it runs nothing, so that nothing is emulated"),))
        why = "it is the target stage" if stage.index in self.targets else self.why_kept(stage)
        text = f"{why}: it must run on the target platform"
        if stage.index not in self.kept and not self.is_needed(stage.index):
            text = "nothing is taken from it, so that it is not built"
        reason = Reason(text, Place(stage.from_.first_line))
        literal = self.runs_on[stage.index]
        if stage.index not in self.kept and self.is_needed(stage.index) and literal and "/" in literal:
            text = f"it is pinned to {literal}: the image of every platform gets what it makes there"
            cure = "drop --platform, unless it makes the same for every platform"
            reason = replace(reason, text=text, cure=cure)
        notes = tuple(self.single_stage_notes(stage))
        return replace(verdict, reasons=(reason,), notes=notes, toolchains=self.toolchain_names(stage))

    def why_kept(self, stage: Stage) -> str:
        if stage.index in self.kept:
            return "the target stage derives from it"
        if isinstance(stage.base, ScratchBase):
            return "its base is scratch"
        pin = self.runs_on[stage.index]
        return "its base is not known" if pin in ("target", None) else f"it is pinned to {pin}"

    def single_stage_notes(self, stage: Stage) -> Iterable[str]:
        for instruction in stage.instructions if stage.index in self.kept else ():
            if isinstance(instruction, Run) and re.search(
                r"\bgo\s+(build|install)\b", instruction.logical.text
            ):
                yield (
                    f"line {instruction.first_line}: this build step runs emulated; to have it native, "
                    "move it to a stage of "
                    f"its own (FROM … AS build), and COPY --from=build its output into {stage.label}"
                )

    def spread_conditions(
        self, verdicts: list[StageVerdict], by_stage: Mapping[int, _Group]
    ) -> list[StageVerdict]:
        """A conditional verdict makes its whole group conditional, and what takes from it on the build
        platform.
        """
        found = {v.stage: v for v in verdicts}
        pending = deque(v.stage for v in verdicts if not v.is_proved)
        done: set[int] = set()
        while pending:
            cause = pending.popleft()
            group = by_stage.get(cause)
            others = [s for edge in self.graph.edges_into(cause) for s in sources_of(edge.source)]
            # What a tools stage makes for the build platform fits only while what takes it runs there too.
            others += [e.consumer for e in self.graph.edges_out_of(cause)]
            others += group.stages if group is not None and group.root not in done else ()
            done |= {group.root} if group is not None else set()
            for stage in sorted({*others}):
                verdict = found[stage]
                if verdict.is_proved and verdict.is_pinned and verdict.word is not Word.UNSURE:
                    conditions = (*verdict.conditions, f"the verdict of {found[cause].name}")
                    found[stage] = replace(verdict, is_proved=False, conditions=conditions)
                    pending.append(stage)
        return [found[v.stage] for v in verdicts]


def _texts(graph: StageGraph) -> list[tuple[str, frozenset[str]]]:
    """The text of each stage behind that of its base, and the values of GOARCH written out in it."""
    found: list[tuple[str, frozenset[str]]] = []
    for stage in graph.stages:
        pieces = (
            piece for i in stage.instructions for piece in (i.logical.text, *(h.content for h in i.heredocs))
        )
        own = "\n".join(pieces)
        before, named = (
            found[stage.base.stage] if isinstance(stage.base, StageBase) else ("", frozenset[str]())
        )
        found.append((f"{before}\n{own}" if before else own, named | frozenset(_GOARCH.findall(own))))
    return found


def _needed(graph: StageGraph) -> frozenset[int]:
    """Stages from which, or from one derived from which, anything is taken."""
    found: set[int] = set()
    for stage in reversed(graph.stages):
        is_taken = any(edge.kind != "from" for edge in graph.edges_out_of(stage.index))
        if is_taken or not found.isdisjoint(graph.children_of(stage.index)):
            found.add(stage.index)
    return frozenset(found)


def _numbered(graph: StageGraph) -> tuple[int, ...]:
    """Stages that some instruction names by their number."""
    names = {s.name for s in graph.stages}
    values = [
        value
        for i in graph.dockerfile.instructions
        for value in (
            [i.from_]
            if isinstance(i, Copy)
            else [m.get("from") for m in i.mounts]
            if isinstance(i, Run)
            else []
        )
    ]
    return tuple(int(v) for v in values if v is not None and v.isdigit() and v not in names)


def target_stages(graph: StageGraph) -> tuple[int, ...]:
    """The stage of `--target`; without it the last one and every leaf that is meant as an image."""
    if graph.options.target is not None:
        return (graph.target,)
    return tuple(sorted({graph.target, *(s for s in leaves(graph) if _is_image(graph, s))}))


def _is_image(graph: StageGraph, leaf: int) -> bool:
    """Whether a stage that nothing is taken from is meant as an image, to be built by `--target`.

    It has a command; or it runs nothing, so that it can be meant for nothing else; or it takes files out of
    other stages or images, which are for the target. One that its author pinned is meant for a check.
    """
    stage = graph.stages[leaf]
    if stage.has_command or runs_on(graph, leaf) == BUILD:
        return stage.has_command
    runs = any(isinstance(i, Run) for i in (*graph.onbuild(leaf), *stage.instructions))
    is_base = any(isinstance(i, Onbuild) for i in stage.instructions)
    return not runs or is_base or any(e.kind == "copy" for e in graph.edges_into(leaf))


def kept_stages(graph: StageGraph, targets: Iterable[int]) -> frozenset[int]:
    """The targets and all that they derive from; and what a FROM may name that chooses by an ARG."""
    choosing = [s.index for s in graph.stages if _choices(graph, s)]
    pending, found = [*targets, *choosing], set(targets)
    while pending:
        stage = graph.stages[pending.pop()]
        for source in {*sources_of(stage.base), *_choices(graph, stage)} - found:
            found.add(source)
            pending.append(source)
    return frozenset(found)


def image_stages(graph: StageGraph, targets: Iterable[int]) -> frozenset[int]:
    """The targets and all that they derive from for sure, or for some platform."""
    bases = {stage.index: sources_of(stage.base) for stage in graph.stages}
    return frozenset(found for target in targets for found in closure(target, bases))


def _choices(graph: StageGraph, stage: Stage) -> tuple[int, ...]:
    """Earlier stages that a FROM with an ARG in it may name, by other values of the ARG than those known
    here.

    `FROM $IMAGE` is taken to name images only, unless its value names a stage or is not known.
    """
    image = stage.from_.image
    if "$" not in image or stage.is_replaced:
        return ()
    is_whole = re.fullmatch(r"\$\w+|\$\{[^}]*\}", image) is not None
    is_known = isinstance(stage.base, ImageBase) and stage.base.reference is not None
    if is_whole and is_known and not sources_of(stage.base):
        return ()
    pattern = ".*".join(re.escape(part) for part in re.split(r"\$\w+|\$\{[^}]*\}", image))
    return tuple(
        s.index for s in graph.stages[: stage.index] if re.fullmatch(pattern, s.name or "", re.IGNORECASE)
    )


def _unaccounted(path: str, consumer: str, line: int, kind: Kind, place: Place, text: str) -> Reason:
    if place.line == 0:
        return Reason(
            f"{consumer} takes {path} (line {line}), which comes with the base image of the build platform",
            Place(line),
            path,
            "take it from an image of its own: COPY --from=IMAGE resolves for the target platform",
        )
    what = "is for the build platform" if kind is Kind.BUILD else "may write anything"
    return Reason(
        f"{consumer} takes {path} (line {line}), and `{text}` {what}",
        place,
        path,
        "write it with a command that xbuild knows, or in a stage of its own",
    )


def _fresh(name: str, taken: set[str | None]) -> str:
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}-{number}", number + 1
    taken.add(candidate)
    return candidate


def _merged(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Each change once; of several equal insertions the one with most in it."""
    inserts: dict[int, InsertRun] = {}
    others: list[Change] = []
    for change in changes:
        if isinstance(change, InsertRun):
            before = inserts.get(change.before)
            if before is None or len(change.lines) > len(before.lines):
                inserts[change.before] = change
        else:
            others.append(change)
    return tuple(dict.fromkeys((*inserts.values(), *others)))
