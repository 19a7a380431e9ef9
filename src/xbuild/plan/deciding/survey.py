"""What is known of a file before anything is decided, and what its stages do if some are pinned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial

from xbuild.dockerfile.model import Run
from xbuild.graph.model import Edge, ImageBase, StageBase, StageGraph, sources_of
from xbuild.graph.platform import BUILD, TARGET, runs_on
from xbuild.graph.reach import leaves, reachable
from xbuild.plan.context import Context, WholeContext
from xbuild.plan.deciding.targets import image_stages, kept_stages, target_stages
from xbuild.plan.facts.filesystem import PROGRAM_FOLDERS, is_in_any
from xbuild.plan.facts.images import Image
from xbuild.plan.model import Knowledge, Settings
from xbuild.plan.reading.cache_mounts import sharers
from xbuild.plan.reading.stage import StageFacts, evaluate, shipped_by
from xbuild.plan.toolchain import Surroundings, Toolchain
from xbuild.plan.toolchains import DESCRIBED
from xbuild.platforms import Platform

# Per stage the paths of it that are shipped; None may be any.
Demands = Mapping[int, Mapping[str | None, None]]


class Survey:
    """What is known of a file before anything is decided, and what its stages do if some of them are pinned.

    `targets` and what they derive from are `kept` on their platform; `images` leaves out what a FROM may only
    choose by an ARG; `shipping` adds what its author pinned to collect files for export.
    """

    def __init__(
        self,
        graph: StageGraph,
        platforms: tuple[Platform, ...] | None,
        context: Context,
        settings: Settings,
        knowledge: Knowledge,
        toolchains: Sequence[Toolchain],
    ) -> None:
        self.graph, self.platforms, self.context = graph, platforms, WholeContext(context)
        self.settings, self.knowledge, self.toolchains = settings, knowledge, toolchains
        self.read_alone: dict[int, StageFacts] = {}
        self.read_unpinned: dict[int, StageFacts] = {}
        self.seen: dict[int, tuple[object, StageFacts]] = {}
        self.runs_on = {s.index: runs_on(graph, s.index) for s in graph.stages}
        self.authored = frozenset(
            s.index for s in graph.stages if not s.is_replaced and self.is_pinned_by_author(s.index)
        )
        self.sharers = sharers(graph)
        self.texts = _texts(graph)
        self.needed = _needed(graph)
        self.become_images(target_stages(graph))
        if graph.options.target is None:
            rest = [s for s in leaves(graph) if s not in self.targets and self.can_pin(s)]
            self.become_images((*self.targets, *(s for s in rest if self.installs_packages(s))))

    def become_images(self, targets: tuple[int, ...]) -> None:
        self.targets = targets
        self.kept = kept_stages(self.graph, targets)
        self.images = image_stages(self.graph, targets)
        leaf_chains = (self.graph.chain_of(leaf) for leaf in leaves(self.graph))
        collecting = [s for chain in leaf_chains if not any(self.has_run(s) for s in chain) for s in chain]
        self.shipping = self.kept | frozenset(collecting)

    def installs_packages(self, leaf: int) -> bool:
        """Whether a stage that nothing is taken from installs packages, as an image for developers does."""
        return any(effect.packages for effect in self.alone(leaf).effects)

    def alone(self, stage: int) -> StageFacts:
        """What a stage would do on the build platform, whatever else is there: as it was last looked at, or
        with nothing but what it derives from.
        """
        if stage in self.seen:
            return self.seen[stage][1]
        known, missing = self.read_alone, []
        at: int | None = stage
        while at is not None and at not in known:
            missing.append(at)
            at = self.graph.below(at)
        for number in reversed(missing):
            known[number] = self.on_target(number, known, lambda _: None)
        return self.read_alone[stage]

    def unpinned(self, stage: int) -> StageFacts:
        """What would be in a stage that stays, for the symbolic links that others take out of it."""
        known = self.read_unpinned
        for number in sorted(reachable(self.graph, stage)) if stage not in known else ():
            if number not in known:
                known[number] = self.on_target(number, known, known.get)
        return known[stage]

    def on_target(
        self, stage: int, known: Mapping[int, StageFacts], others: Callable[[int], StageFacts | None]
    ) -> StageFacts:
        around = partial(self.around, shipped=self.shipped_by_all)
        return evaluate(self.graph, stage, around, known, frozenset(), self.toolchains, others)

    @cached_property
    def shipped_by_all(self) -> Demands:
        """What would be shipped if every stage were pinned."""
        return self.shipped(frozenset(range(len(self.graph.stages))))

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

    def lends_tools(self, stage: int) -> bool:
        """Whether all that is taken from a stage are programs, for stages that could be pinned and run
        something.
        """
        edges = [e for e in self.graph.edges_out_of(stage) if e.kind != "from"]
        return bool(edges) and all(
            edge.destination is not None
            and is_in_any(edge.destination.rstrip("/") or "/", PROGRAM_FOLDERS)
            and edge.consumer not in self.kept
            and self.has_run(edge.consumer)
            and self.can_pin(edge.consumer)
            for edge in edges
        )

    def is_needed(self, stage: int) -> bool:
        """Whether anything is taken from this stage or from one derived from it."""
        return stage in self.needed

    def evaluate(self, pinned: frozenset[int], copied: frozenset[int]) -> dict[int, StageFacts]:
        """The facts of all stages that run on the build platform if these are pinned, and of those that have
        a copy there.
        """
        pinned |= self.authored
        shipped = self.shipped(pinned)
        facts: dict[int, StageFacts] = {}
        for stage in sorted(pinned | copied):
            facts[stage] = self.evaluated(stage, pinned, shipped, facts)
        return facts

    def evaluated(
        self, stage: int, pinned: frozenset[int], shipped: Demands, known: Mapping[int, StageFacts]
    ) -> StageFacts:
        """The facts of a stage; those of an earlier round where nothing that it takes has changed since."""
        sources = [s for edge in self.graph.edges_into(stage) for s in sources_of(edge.source)]
        shared = [s in pinned for s in sorted(self.sharers.get(stage, ()))]
        takes = (shipped[stage], [(s in pinned, known.get(s)) for s in sources], shared)
        taken, facts = self.seen.get(stage, (None, None))
        if facts is None or taken != takes:
            around = partial(self.around, shipped=shipped)
            facts = evaluate(self.graph, stage, around, known, pinned, self.toolchains, self.unpinned)
            self.seen[stage] = takes, facts
        return facts

    def shipped(self, pinned: frozenset[int]) -> Demands:
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

    def around(self, stage: int, image: Image, shipped: Demands) -> Surroundings:
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
            text=self.texts[stage],
            after_line=self.after_line(stage),
            is_taken=lambda path: self.is_taken(stage, path),
            has_children=bool(self.graph.children_of(stage)),
            programs=DESCRIBED,
            tool_folders=tuple(f for t in self.toolchains for f in t.folders),
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


def _texts(graph: StageGraph) -> list[str]:
    """The text of each stage behind that of its base."""
    found: list[str] = []
    for stage in graph.stages:
        pieces = (
            piece for i in stage.instructions for piece in (i.logical.text, *(h.content for h in i.heredocs))
        )
        own = "\n".join(pieces)
        before = found[stage.base.stage] if isinstance(stage.base, StageBase) else ""
        found.append(f"{before}\n{own}" if before else own)
    return found


def _needed(graph: StageGraph) -> frozenset[int]:
    """Stages from which, or from one derived from which, anything is taken."""
    found: set[int] = set()
    for stage in reversed(graph.stages):
        is_taken = any(edge.kind != "from" for edge in graph.edges_out_of(stage.index))
        if is_taken or not found.isdisjoint(graph.children_of(stage.index)):
            found.add(stage.index)
    return frozenset(found)
