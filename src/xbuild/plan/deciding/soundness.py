"""What speaks against pinning a stage: what is taken out of it, or what it runs, is not right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from xbuild.dockerfile.frontend import blocks
from xbuild.dockerfile.model import Copy, Run
from xbuild.graph.model import Edge, ImageBase, Stage, StageGraph, sources_of
from xbuild.plan.deciding.declaring import settle
from xbuild.plan.deciding.groups import Group
from xbuild.plan.deciding.survey import Survey
from xbuild.plan.deciding.work import work_of
from xbuild.plan.facts import images
from xbuild.plan.facts.filesystem import Kind, offender
from xbuild.plan.model import Change, OwnCache, Place, Question, Reason
from xbuild.plan.reading.stage import StageFacts
from xbuild.plan.table import Work
from xbuild.plan.toolchain import Call, Demand, Need


class Soundness:
    """What speaks against pinning stages, judged by the facts of one round after the other."""

    def __init__(self, survey: Survey) -> None:
        self.survey, self.graph = survey, survey.graph
        self.facts: dict[int, StageFacts] = {}
        self.foreign: dict[int, Reason] = {}
        self.open: dict[int, tuple[Question, ...]] = {}

    def give_up(self, groups: list[Group]) -> list[Group]:
        """Of these groups, were they pinned, those that cannot be."""
        pinned = frozenset(s for g in groups for s in g.stages)
        self.facts = self.survey.evaluate(pinned, frozenset(s for g in groups for s in g.split))
        return self.first([g for g in groups if self.fails(g)], groups)

    def fails(self, group: Group) -> bool:
        group.reasons = {}
        for stage in (*group.split, *group.stages):
            reasons = self.reasons(stage, group)
            if reasons:
                group.reasons[stage] = reasons
        return bool(group.reasons)

    def reasons(self, stage: int, group: Group) -> list[Reason]:
        """Why this stage cannot be pinned; one that nothing is taken from may do what it likes, as far as it
        runs.
        """
        facts = self.facts[stage]
        self.open[stage] = facts.open_questions
        found: list[Reason] = []
        blocked = blocks(self.graph.dockerfile.syntax, "pin")
        if blocked is not None:
            found.append(Reason(blocked, Place(1), cure="use docker/dockerfile:1"))
        found += [*self.told_to_stay(stage), *self.loan_reasons(stage, facts)]
        if stage in group.split:
            found += self.split_reasons(stage, facts) or self.wasted(stage, group)
            return found + list(facts.all_reasons)
        if self.survey.is_needed(stage):
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
                found += self.taken(stage, edge) or self.misfits(stage, edge)
        return list(dict.fromkeys(found))

    def authored_reasons(self, stage: Stage) -> list[Reason]:
        reasons: list[Reason] = []
        if any(self.survey.has_run(s) for s in (stage.index, *self.graph.derived_from(stage.index))):
            reasons += self.facts[stage.index].all_reasons if self.survey.is_needed(stage.index) else ()
            reasons += self.bound(stage.index)
            reasons += self.arguments(stage.index)[2]
        for edge in self.graph.edges_out_of(stage.index):
            if self.ships(edge):
                reasons += self.taken(stage.index, edge)
        return reasons

    def is_left_alone(self, stage: int) -> bool:
        """Whether nothing is taken from a stage in which something cannot be made to compile for the target:
        then nothing in it is changed, rather than a part of it.
        """
        effects = self.facts[stage].effects
        return not self.survey.is_needed(stage) and any(e.reasons and not e.cannot_run for e in effects)

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
        where = self.survey.runs_on[stage]
        base = self.graph.stages[self.graph.root_of(stage)].base
        named = images.bound_to(base.reference) if isinstance(base, ImageBase) else None
        if named is None and where is not None and "/" in where:
            named = where
        wanted = {name for p in self.survey.platforms or () for name in (str(p), p.architecture)}
        is_all = named in wanted and len(self.survey.platforms or ()) == 1
        return None if is_all else named

    def misfits(self, stage: int, edge: Edge) -> list[Reason]:
        """Why what was made for the target here is not at home in the image that takes it."""
        facts, consumer = self.facts[stage], self.graph.stages[edge.consumer]
        if not any(facts.kind_at(path) is Kind.CROSS for path in edge.paths):
            return []
        made_by = {effect.toolchain for effect in facts.effects if effect.compiles}
        into = self.survey.alone(edge.consumer).image
        found: list[Reason] = []
        for toolchain in self.survey.toolchains:
            ask = toolchain.fits if toolchain.name in made_by else None
            misfit = ask(facts.image, into) if ask is not None else None
            if misfit is not None:
                place = Place(consumer.instructions[edge.instruction].first_line)
                found.append(Reason(f"{consumer.label} {misfit.text}", place, cure=misfit.cure))
        return found

    def told_to_stay(self, stage: int) -> list[Reason]:
        """Why a stage must not be pinned again."""
        at = self.graph.stages[stage]
        why = self.survey.settings.without_pin.get(at.label)
        place = Place(at.from_.first_line)
        return [Reason(f"pinned, it could not be built: {why}", place)] if why is not None else []

    def loan_reasons(self, stage: int, facts: StageFacts) -> list[Reason]:
        """Why an image cannot get a stage of its own from which tools are taken."""
        if not facts.loans or (not _numbered(self.graph) and not (self.graph.options.target or "").isdigit()):
            return []
        image = facts.loans[0].reference
        text = f"tools of {image} need a stage for the build platform, which would move the numbers of stages"
        place = Place(self.graph.stages[stage].from_.first_line)
        return [Reason(text, place, cure="name the stages: FROM … AS name, COPY --from=name")]

    def split_reasons(self, stage: int, facts: StageFacts) -> list[Reason]:
        """Why a stage cannot be copied: edits inside it, a number or a name that would mean another stage
        then.
        """
        at = self.graph.stages[stage]
        place = Place(at.from_.first_line)
        found: list[Reason] = []
        is_edited = any(e.demand != Demand() or e.needs for e in facts.effects)
        if is_edited or facts.own_caches or any(loan.mount is not None for loan in facts.loans):
            text = f"{at.label} compiles something, and it is also what the image is made from"
            found.append(Reason(text, place, cure="compile in a stage that the image does not derive from"))
        if any(number > stage for number in _numbered(self.graph)):
            text = "stages are named by number (--from=1), and a copy of a stage would move the numbers"
            found.append(Reason(text, place, cure="name the stages: FROM … AS name"))
        names = [s.name for s in self.graph.stages]
        if at.name is None or names.count(at.name) > 1 or at.instructions[0].heredocs:
            found.append(Reason(f"{at.label} has no name of its own", place, cure="give each stage a name"))
        return found

    def wasted(self, stage: int, group: Group) -> list[Reason]:
        """Why a copy of a stage would be more work than it saves: a compiler works in it, and nothing that
        is made from the copy does anything that takes long.
        """
        compiled = next((c for c, work in self.works(stage) if work.is_compiler), None)
        made = [s for s in group.stages if stage in self.graph.chain_of(s)]
        if compiled is None or any(True for s in made for _ in self.works(s)):
            return []
        label = self.graph.stages[stage].label
        text = f"a copy of {label} would do `{compiled.spelled()}` once more, and save little"
        cure = "start from an image that has what is compiled there"
        return [Reason(text, compiled.place, cure=cure)]

    def works(self, stage: int) -> Iterator[tuple[Call, Work]]:
        """The commands of a stage that do work worth a name."""
        for call in self.facts[stage].calls:
            work = work_of(call.texts)
            if work is not None:
                yield call, work

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
        start, why = self.graph.stages[stage].position, "a cache of the build machine"
        needs += [Need("BUILDARCH", c.instruction - start, why) for c in self.own_caches(facts)]
        pairs = zip(facts.calls, facts.effects, strict=True)
        readers = facts.unknown_runs | {c.instruction for c, e in pairs if e.sees_environment}
        return settle(
            self.graph,
            stage,
            needs,
            readers,
            may_move=not self.survey.is_pinned_by_author(stage),
            told=facts.for_builder,
        )

    def finishing(self, facts: StageFacts) -> tuple[Change, ...]:
        """What languages add to a stage as a whole, and names of its own for caches that they leave alone."""
        around = self.survey.around(facts.stage, facts.image, self.survey.shipped_by_all)
        finishes = (t.finish for t in self.survey.toolchains if t.finish is not None)
        found = [c for finish in finishes for c in finish(facts.calls, facts.effects, around)]
        named = {(c.instruction, c.mount) for c in found if isinstance(c, OwnCache)}
        return (*found, *(c for c in facts.own_caches if (c.instruction, c.mount) not in named))

    def own_caches(self, facts: StageFacts) -> tuple[OwnCache, ...]:
        """Those that have the build machine in their name."""
        own = frozenset(facts.own_caches)
        return tuple(c for c in self.finishing(facts) if c in own) if own else ()

    def ships(self, edge: Edge) -> bool:
        """Whether what an edge takes may get into an image or out of the build, whatever takes it runs on."""
        return edge.kind != "from" and (
            edge.consumer not in self.facts or edge.consumer in self.survey.shipping
        )

    def first(self, failing: list[Group], groups: list[Group]) -> list[Group]:
        """Which groups to give up in this round: rather those with which the doubt begins that a failing one
        takes over, from stage to stage.
        """
        numbers = {stage: number for number, group in enumerate(groups) for stage in group.stages}
        members = [(*group.split, *group.stages) for group in groups]
        authored = [(s,) for s in sorted(self.survey.authored) if self.authored_reasons(self.graph.stages[s])]
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
                elif source in self.survey.authored and source not in seen:
                    seen.append(source)
        return found - {numbers[s] for s in stages if s in numbers}

    def doubts(self, group: Group) -> dict[int, list[Reason]]:
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
