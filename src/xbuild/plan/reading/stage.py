"""One stage as if it ran on the build platform: what it writes, of which kind, and what would have to
change.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from xbuild.dockerfile.model import Copy, Instruction, Run, Workdir
from xbuild.dockerfile.script import Command, Word
from xbuild.dockerfile.script import Script as ParsedScript
from xbuild.dockerfile.shell import parse_script
from xbuild.graph.model import ContextBase, Edge, ImageBase, StageBase, StageGraph, sources_of
from xbuild.graph.platform import BUILD, TARGET, runs_on, source_platform
from xbuild.graph.reach import takes
from xbuild.graph.scope import Scope
from xbuild.plan.facts.filesystem import (
    ANY,
    BASE_LINKS,
    EVERY,
    FOR_ANOTHER,
    PORTABLE_PATHS,
    PROGRAM_FOLDERS,
    TOOL_FOLDERS,
    Kind,
    Links,
    Write,
    Writes,
    absolute,
    holds_fixed,
    is_in_any,
    is_within,
    join,
    kind_of,
    links_taken,
    may_be_folder,
    overlaps,
    through_links,
    without_glob,
)
from xbuild.plan.facts.images import Image, describe, is_portable
from xbuild.plan.facts.releases import is_for_one
from xbuild.plan.model import OwnCache, Place, Question, Reason
from xbuild.plan.reading.brought import brought_by
from xbuild.plan.reading.builder_names import is_fetching_for_another, missing_sum, told_of_builder
from xbuild.plan.reading.cache_mounts import (
    KEPT,
    SUFFIX,
    CacheMount,
    can_be_named,
    is_equal,
    is_of_builder,
    key_of,
    named,
    users,
)
from xbuild.plan.reading.foreign import foreign_files
from xbuild.plan.reading.machine_names import (
    is_fetching,
    is_naming,
    is_taking,
    is_told_target,
    leaves_wrong,
    may_name,
)
from xbuild.plan.reading.walk import RunWalk, walk_run
from xbuild.plan.toolchain import Call, Effect, Surroundings, Toolchain, shortened
from xbuild.text import Span, expression

_PROFILES = expression(r"^/etc/(profile|bash\.bashrc)$|/\.(bash_profile|bash_login|profile|bashrc)$")
# zsh and ksh run the last part of a pipeline in the shell itself, and zsh does not split words.
# Options of a shell that change neither what its commands do nor what they see.
_SHELL_WORD = expression(r"[-+][euxlio]*c?|--(?:login|noprofile|norc|posix)|pipefail|errexit|nounset|xtrace")
_PLAIN = expression(r"(\./)?[\w.+@/-]+(?<!/)")
_POSIX_SHELLS = frozenset(("sh", "bash", "ash", "dash"))
_CACHE_FOLDERS = (
    *TOOL_FOLDERS,
    "/root",
    "/home/nonroot/.cache",
    "/var/cache",
)


# A file that ADD fetches, and no repository (BuildKit `util/gitutil`).
_PLAIN_DOWNLOAD = expression(r"https?://(?![^#]*\.git(#|$))")
# What ADD unpacks, as its name says, and repositories.
_ARCHIVE = expression(
    r"^(?!\w+://).*(?:\.(?:tar(?:\.\w+)?|t[agbx]z\w*|tzst)|\*[^/]*)$|^(?:git@|\w+://[^#]*\.git(?:#|$))",
    re.IGNORECASE,
)
_NO_LINKS, _NOT_KNOWN = Links(), Links(are_all=False)


@dataclass(frozen=True, slots=True)
class Loan:
    """Tools that a pinned stage takes from an image, `reference` as it stands there: by an instruction (index
    in the file), and by which of its mounts, if it is a RUN.
    """

    reference: str
    instruction: int
    mount: int | None = None


@dataclass(eq=False)
class StageFacts:
    """What came of a stage. `writes`, `packages` and `compiles` include what the stages below it did; `loans`
    are its own. `for_builder` are RUNs (indexes) that are told to fetch for the build machine. `own_caches`
    are cache mounts that it must have to itself and others that run there, under these names.
    """

    stage: int
    image: Image
    writes: Writes
    effects: list[Effect] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    packages: frozenset[str] = frozenset()
    unknown_runs: set[int] = field(default_factory=set)
    loans: list[Loan] = field(default_factory=list)
    own_caches: list[OwnCache] = field(default_factory=list)
    compiles: bool = False
    for_builder: frozenset[int] = frozenset()

    @property
    def all_reasons(self) -> tuple[Reason, ...]:
        return tuple(dict.fromkeys((*self.reasons, *(r for e in self.effects for r in e.reasons))))

    @property
    def open_questions(self) -> tuple[Question, ...]:
        """What would have to be answered first, if nothing else is in the way before that."""
        refused = [e for e in self.effects if e.reasons]
        is_open = bool(refused) and bool(refused[0].questions)
        return tuple(dict.fromkeys(q for e in self.effects for q in e.questions)) if is_open else ()

    def calls_in(self, instruction: int) -> list[Call]:
        """The commands of one RUN."""
        return [call for call in self.calls if call.instruction == instruction]

    def kind_at(self, path: str | None) -> Kind:
        """The kind of what another stage takes out of this one."""
        return kind_of(self.writes, path, is_taken=True)


def evaluate(
    graph: StageGraph,
    stage: int,
    around: Callable[[int, Image], Surroundings],
    known: Mapping[int, StageFacts],
    pinned: frozenset[int],
    toolchains: Sequence[Toolchain],
    others: Callable[[int], StageFacts | None],
) -> StageFacts:
    """Run through a stage; `known` holds the facts of stages before it, `pinned` those on the build
    platform, and `others` tells what would be in any further one.
    """

    def read(for_builder: frozenset[int]) -> StageFacts:
        facts = _based(graph, stage, known, toolchains)
        facts.for_builder = for_builder
        surroundings = replace(around(stage, facts.image), for_builder=for_builder)
        reader = _StageReader(graph, facts, surroundings, known, pinned, toolchains, others)
        for index, instruction in enumerate(graph.stages[stage].instructions):
            reader.read(index, instruction)
        facts.compiles |= any(effect.compiles for effect in facts.effects)
        return facts

    facts = read(frozenset())
    fetching = _fetching_what_runs_here(graph, facts, around(stage, facts.image))
    told = frozenset(index for index in fetching if _can_be_told(graph, facts, index))
    again = read(told) if told else facts
    if not again.all_reasons:
        return again
    sums = (missing_sum(facts.calls_in(index)) for index in sorted(fetching - told))
    facts.reasons += [reason for reason in sums if reason is not None]
    return facts


def _based(
    graph: StageGraph, stage: int, known: Mapping[int, StageFacts], toolchains: Sequence[Toolchain]
) -> StageFacts:
    """The facts of a stage of which nothing is read yet."""
    base = graph.stages[stage].base
    if isinstance(base, StageBase):
        below = known[base.stage]
        facts = StageFacts(stage, below.image, below.writes.snapshot(), packages=below.packages)
        facts.compiles = below.compiles
        return facts
    reference = base.reference if isinstance(base, ImageBase) else None
    image = describe(reference, tuple(row for t in toolchains for row in t.images))
    links = (Write(p, Kind.PORTABLE, Place(0), "", is_empty=True, link=to) for p, to in BASE_LINKS)
    return StageFacts(stage, image, Writes(image, links))


def _fetching_what_runs_here(graph: StageGraph, facts: StageFacts, around: Surroundings) -> frozenset[int]:
    """The RUNs that fetch a program by the name of the target, or of one machine, which the stage then runs,
    and nothing by that name which leaves it.
    """
    if around.is_pinned_by_author:
        return frozenset()
    pairs = zip(facts.calls, facts.effects, strict=True)
    refused = (made for call, effect in pairs if effect.cannot_run for made in foreign_files(call))
    lines = {made.place.line for made in refused if made.by[:1] == ("RUN",)}
    firsts = [i.first_line for i in graph.stages[facts.stage].instructions]
    indexes = {bisect_right(firsts, line) - 1 for line in lines}
    asking = {call.instruction for call in facts.calls if is_fetching_for_another(call)}

    def leaves(index: int) -> bool:
        made = (w for w in facts.writes if bisect_right(firsts, w.place.line) - 1 == index)
        foreign = (w for w in made if w.kind in FOR_ANOTHER)
        return any(w.path is None or around.is_shipped(w.path) for w in foreign)

    return frozenset(index for index in indexes & asking if not leaves(index))


def _can_be_told(graph: StageGraph, facts: StageFacts, index: int) -> bool:
    """Whether a RUN can be made to fetch for the build machine."""
    run = graph.stages[facts.stage].instructions[index]
    script = run.script if isinstance(run, Run) else None
    if script is None:
        return False
    scope = Scope(graph, facts.stage, index)
    return told_of_builder(parse_script(script.text), facts.calls_in(index), scope, index) is not None


class _StageReader:
    def __init__(
        self,
        graph: StageGraph,
        facts: StageFacts,
        around: Surroundings,
        known: Mapping[int, StageFacts],
        pinned: frozenset[int],
        toolchains: Sequence[Toolchain],
        others: Callable[[int], StageFacts | None],
    ) -> None:
        self.graph, self.facts, self.around = graph, facts, around
        self.known, self.pinned, self.toolchains = known, pinned, toolchains
        self.others = others

    def read(self, index: int, instruction: Instruction) -> None:
        if index == 0:
            self.read_onbuild(instruction)
        elif isinstance(instruction, Copy):
            self.read_copy(index, instruction)
        elif isinstance(instruction, Workdir):
            path = Scope(self.graph, self.facts.stage, index + 1).workdir()
            if path not in (None, "/"):
                self.add(path, Kind.PORTABLE, instruction, is_context=True)
        elif isinstance(instruction, Run):
            self.read_run(index, instruction)

    def add(
        self,
        path: str | None,
        kind: Kind,
        instruction: Instruction,
        *,
        is_file: bool = False,
        is_context: bool = False,
        links: Links = _NO_LINKS,
        by: tuple[str, ...] = (),
        brought: frozenset[str] = frozenset(),
    ) -> None:
        text = " ".join(instruction.logical.text.split())
        place = Place(instruction.first_line)
        made = Write(
            path,
            kind,
            place,
            shortened(text),
            is_file,
            is_context=is_context,
            is_empty=isinstance(instruction, Workdir),
            is_unseen=not links.are_all,
            brought=brought,
            by=by or (instruction.keyword,),
        )
        self.facts.writes += through_links(self.facts.writes, made)
        for name, held in links.held:
            where = posixpath.join(path, name) if path is not None else None
            link = replace(made, path=where, is_file=True, link=held)
            self.facts.writes += through_links(self.facts.writes, link)

    def refuse(
        self, text: str, instruction: Instruction, path: str | None = None, cure: str | None = None
    ) -> None:
        self.facts.reasons.append(Reason(text, Place(instruction.first_line), path, cure))

    # -- COPY and ADD

    def read_onbuild(self, instruction: Instruction) -> None:
        if self.facts.image.has_onbuild:
            self.add(None, Kind.UNKNOWN, instruction)
            self.refuse("the base image brings instructions of its own (ONBUILD)", instruction)
        for deferred in self.graph.onbuild(self.facts.stage):
            if deferred.keyword in ("RUN", "COPY", "ADD"):
                self.add(None, Kind.UNKNOWN, instruction)
                self.refuse(
                    "an ONBUILD of the base runs here, and it is not followed",
                    instruction,
                    cure="write its instruction into this stage",
                )

    def read_copy(self, index: int, instruction: Copy) -> None:
        scope = Scope(self.graph, self.facts.stage, index)
        edges = [e for e in takes(self.graph, self.facts.stage, index) if not e.is_onbuild]
        destination = _destination(scope, instruction)
        is_file = (
            destination is not None
            and instruction.keyword == "COPY"
            and not instruction.destination.endswith("/")
            and len(instruction.sources) == 1
        )
        if destination is not None and len(destination) > 1:
            destination = destination.rstrip("/")
        if not edges:
            kind = join(_dependence(scope, text) for text in (*instruction.sources, instruction.destination))
            kind = join((kind, *(self.fixed(scope, source) for source in instruction.sources)))
            is_context = not any("://" in source or "$" in source for source in instruction.sources)
            is_fetched = self.is_fetched_file(instruction, destination, kind)
            is_file = is_fetched or (is_file and self.is_file(instruction.sources[0], destination))
            self.check_sum(scope, instruction)
            links = self.links_in_context(scope, instruction)
            is_whole = instruction.keyword == "ADD" and any(map(_ARCHIVE.search, instruction.sources))
            brought = frozenset((EVERY,)) if is_whole else _untold_names(scope, instruction)
            for path in self.files(instruction, destination) or (destination,):
                self.add(
                    path, kind, instruction,
                    is_file=is_file, is_context=is_context, links=links, brought=brought,
                )  # fmt: skip
            return
        for edge in edges:
            kind = self.taken(edge)
            if self.lends(edge, kind, destination, index):
                kind = Kind.BUILD
                self.lend(edge, index)
            self.check_tools(edge, kind, destination, instruction, index)
            exact = is_file and kind.is_right and all(p and not p.endswith("/") for p in edge.paths)
            exact = exact and destination is not None and not may_be_folder(self.facts.writes, destination)
            exact = exact and _looks_like_file(edge.paths, destination)
            brought = self.brought(edge, destination)
            links = self.links_of(edge)
            self.add(destination, kind, instruction, is_file=exact, links=links, brought=brought)
            sources = (self.known[s].writes for s in sources_of(edge.source) if s in self.known)
            if kind is Kind.BUILD and any(holds_fixed(w, p) for w in sources for p in edge.paths):
                self.add(destination, Kind.FIXED, instruction)

    def brought(self, edge: Edge, destination: str | None) -> frozenset[str]:
        """Names that files of the project may have in what an edge brings."""
        return brought_by(edge, destination, {n: facts.writes for n, facts in self.known.items()})

    def fixed(self, scope: Scope, source: str) -> Kind:
        """The kind of what ADD fetches from an address by its name alone."""
        address = scope.expand_known(source).text or source
        is_fetched = _PLAIN_DOWNLOAD.match(source) is not None
        return Kind.FIXED if is_fetched and is_for_one(address, self.around.machines) else Kind.PORTABLE

    def is_fetched_file(self, instruction: Copy, destination: str | None, kind: Kind) -> bool:
        """Whether an ADD fetches one file to exactly `destination` (Dockerfile reference, "ADD": an address
        is never a folder, and what it gives is not unpacked unless that is asked for).
        """
        is_one = len(instruction.sources) == 1 and not instruction.destination.endswith("/")
        is_fetched = is_one and _PLAIN_DOWNLOAD.match(instruction.sources[0]) is not None
        is_whole = is_fetched and instruction.keyword == "ADD" and instruction.flag("unpack") is None
        return (
            is_whole and destination is not None and not may_be_folder(self.facts.writes, destination, kind)
        )

    def check_sum(self, scope: Scope, instruction: Copy) -> None:
        """One checksum cannot be that of what each platform fetches."""
        flag = instruction.flag("checksum")
        is_for_one = flag is not None and _dependence(scope, flag.value or "") is Kind.PORTABLE
        platforms = {p.architecture for p in self.around.platforms or ()}
        is_of_target = any(_dependence(scope, source) is Kind.TARGET for source in instruction.sources)
        if is_for_one and is_of_target and len(platforms) != 1 and not self.around.is_pinned_by_author:
            self.refuse(
                "the checksum is of what one platform fetches, and those of the others are not known",
                instruction,
                cure="write a stage for each platform (FROM scratch AS tool-amd64, its own ADD --checksum), "
                "choose one by FROM tool-$TARGETARCH AS tool, and COPY --from=tool",
            )

    def links_in_context(self, scope: Scope, instruction: Copy) -> Links:
        """The symbolic links that a COPY or ADD from the build context brings."""
        sources = [s for s in instruction.sources if not _PLAIN_DOWNLOAD.match(s)]
        is_told = instruction.flag("parents") is None and instruction.flag("unpack") is None
        if not is_told or any("://" in s or s.startswith("git@") for s in sources):
            return _NOT_KNOWN
        found = [self.links_below(scope, source, unpacks=instruction.keyword == "ADD") for source in sources]
        return _together(found)

    def links_below(self, scope: Scope, source: str, *, unpacks: bool = False) -> Links:
        text = scope.expand_known(source).text
        found = self.around.context.links(text, unpacks=unpacks) if text is not None else None
        return Links(tuple(found.items())) if found is not None else _NOT_KNOWN

    def links_of(self, edge: Edge) -> Links:
        """The symbolic links that an edge brings; those of an image cannot be looked at."""
        if isinstance(edge.source, ImageBase) and is_portable(edge.source.reference):
            return _NO_LINKS
        stages = [self.known.get(s) or self.others(s) for s in sources_of(edge.source)]
        told = [stage for stage in stages if stage is not None]
        if not stages or len(told) < len(stages):
            return _NOT_KNOWN
        return _together([links_taken(stage.writes, path) for stage in told for path in edge.paths])

    def files(self, instruction: Copy, destination: str | None) -> tuple[str, ...]:
        """Where a COPY of nothing but files of the build context into a folder puts them; () if it may bring
        more.
        """
        is_whole = instruction.keyword == "COPY" and not instruction.heredocs
        is_whole = is_whole and all(instruction.flag(name) is None for name in ("parents", "exclude"))
        is_folder = instruction.destination.endswith(("/", "/.")) or instruction.destination == "."
        sources = instruction.sources
        is_plain = all(_PLAIN.fullmatch(s) and self.around.context.is_file(s) for s in sources)
        if destination is None or not (is_whole and is_folder and is_plain):
            return ()
        return tuple(posixpath.join(destination, posixpath.basename(source)) for source in sources)

    def is_file(self, source: str, destination: str | None) -> bool:
        """Whether a COPY from the build context writes exactly `destination`, a file of the same name."""
        is_same = _looks_like_file((source,), destination) and self.around.context.is_file(source)
        return is_same and destination is not None and not may_be_folder(self.facts.writes, destination)

    def taken(self, edge: Edge) -> Kind:
        """The kind of what an edge brings into this (pinned) stage."""
        if isinstance(edge.source, ImageBase) and is_portable(edge.source.reference):
            return Kind.PORTABLE
        if isinstance(edge.source, ContextBase):
            is_image = edge.source.value.startswith(("docker-image://", "oci-layout://", "target:"))
            for_target = Kind.TARGET if source_platform(self.graph, edge) == TARGET else Kind.BUILD
            return for_target if is_image else Kind.PORTABLE
        sources = tuple(sources_of(edge.source))
        if not sources:
            return Kind.TARGET
        if not all(s in self.pinned and s in self.known for s in sources):
            return join((Kind.TARGET,)) if not any(s in self.pinned for s in sources) else Kind.UNKNOWN
        return join(self.known[s].kind_at(path) for s in sources for path in edge.paths)

    def search_path(self, index: int) -> tuple[str, ...]:
        """The folders of PATH, now and at the end of the stage."""
        stage = self.graph.stages[self.facts.stage]
        found: list[str] = []
        for at in (index, len(stage.instructions)):
            value = Scope(self.graph, self.facts.stage, at).lookup("PATH")
            raw = (value.text or value.raw or "") if value is not None else ""
            found += [p.rstrip("/") for p in raw.strip("\"'").split(":") if p.startswith("/") and len(p) > 1]
        return tuple(dict.fromkeys(found))

    def lends(self, edge: Edge, kind: Kind, destination: str | None, index: int) -> bool:
        """Whether an image could lend this stage its tools for the build platform: what is for the target and
        lies among the programs of a pinned stage, straight from an image that the file names as it is.
        Libraries may be what a compiler needs for the target.
        """
        image = edge.source
        if not isinstance(image, ImageBase) or self.around.is_pinned_by_author or kind is not Kind.TARGET:
            return False
        is_named = image.reference is not None and not image.stages and "$" not in image.raw
        folders = (*PROGRAM_FOLDERS, *self.search_path(index))
        return is_named and destination is not None and is_in_any(destination.rstrip("/") or "/", folders)

    def lend(self, edge: Edge, index: int, mount: int | None = None) -> None:
        assert isinstance(edge.source, ImageBase)
        self.facts.loans.append(Loan(edge.source.raw, self.around.offset + index, mount))

    def mount_of(self, edge: Edge, run: Run) -> int | None:
        """The number of the one mount whose `from` is what the edge takes from."""
        raw = getattr(edge.source, "raw", None)
        found = [n for n, mount in enumerate(run.mounts) if raw is not None and mount.get("from") == raw]
        return found[0] if len(found) == 1 else None

    def is_among_tools(self, edge: Edge, destination: str | None, index: int) -> bool:
        """Whether what an edge takes lies where the stage looks for programs, and may be one."""
        if destination is None:
            return False
        portable = all(p is not None and is_in_any(without_glob(p), PORTABLE_PATHS) for p in edge.paths)
        folders = (*TOOL_FOLDERS, *self.around.tool_folders, *self.search_path(index))
        return not portable and (destination == "/" or is_in_any(destination.rstrip("/") or "/", folders))

    def check_tools(
        self, edge: Edge, kind: Kind, destination: str | None, instruction: Instruction, index: int
    ) -> None:
        """Programs of the target platform among the tools of a pinned stage would not run."""
        if kind not in (Kind.TARGET, Kind.CROSS) or not self.is_among_tools(edge, destination, index):
            return
        name = getattr(edge.source, "raw", None) or "another stage"
        self.refuse(
            f"what comes from {name} is for the target and lies among the tools of this stage, where "
            "it could be run",
            instruction,
            destination,
            "give it a stage of its own: FROM --platform=$BUILDPLATFORM … AS tools, and COPY --from=tools",
        )

    # -- RUN

    def read_run(self, index: int, run: Run) -> None:
        scope = Scope(self.graph, self.facts.stage, index)
        fleeting = self.read_mounts(index, run)
        script, is_editable = self.script(run, scope)
        if script is None:
            self.unknown(index, run)
            return
        before = len(self.facts.writes)
        walked = self.walked(index, run, script, is_editable=is_editable)
        # What was written there is gone, and what was there before is there again.
        for target, kind, by in fleeting:
            self.add(target, kind, run, by=by)
        self.facts.effects += walked.effects
        self.facts.calls += walked.calls
        self.facts.packages = walked.packages
        if any(w.kind is Kind.UNKNOWN and w.path is None for w in self.facts.writes[before:]):
            self.facts.unknown_runs.add(index)

    def walked(self, index: int, run: Run, script: ParsedScript, *, is_editable: bool) -> RunWalk:
        """What a RUN does. One that fetches, compiles or takes by the name of the machine what leaves the
        stage is told of the target's name, if then all is right, or has to be asked about.
        """
        before = self.facts.writes.snapshot()
        walked = self.walk(index, run, script, self.around, is_editable=is_editable)
        if index in self.around.for_builder:
            return self.told_of_builder(index, script, walked)
        is_naming_it = may_name(script) and any(map(is_naming, walked.calls))
        refused = (c for c, effect in zip(walked.calls, walked.effects, strict=True) if effect.reasons)
        is_told = is_naming_it and any(map(is_told_target, refused))
        is_taken = is_naming_it and any(map(is_taking, walked.calls))
        is_fetched = is_naming_it and any(map(is_fetching, walked.calls)) and self.leaves_wrong(len(before))
        if self.around.is_pinned_by_author or not (is_told or is_taken or is_fetched):
            return walked
        first, self.facts.writes = self.facts.writes, before.fork()
        around = replace(self.around, names_target=True)
        told = self.walk(index, run, script, around, is_editable=is_editable)
        is_refused = bool(told.reasons) or any(effect.reasons for effect in told.effects)
        if not is_told and (self.leaves_wrong(len(before)) or is_refused):
            self.facts.writes = first
            return walked
        return told

    def told_of_builder(self, index: int, script: ParsedScript, walked: RunWalk) -> RunWalk:
        """A RUN with what has to be written into it, so that it fetches for the build machine."""
        told = told_of_builder(script, walked.calls, Scope(self.graph, self.facts.stage, index), index)
        assert told is not None
        first, *others = walked.effects
        demand = replace(first.demand, words=(*first.demand.words, *told.demand.words))
        first = replace(first, demand=demand, needs=(*first.needs, *told.needs))
        first = replace(first, evidence=(*first.evidence, *told.evidence))
        return replace(walked, effects=[first, *others])

    def leaves_wrong(self, since: int) -> bool:
        return leaves_wrong(self.facts.writes[since:], self.around.is_shipped)

    def walk(
        self, index: int, run: Run, script: ParsedScript, around: Surroundings, *, is_editable: bool
    ) -> RunWalk:
        return walk_run(
            run,
            script,
            around=around,
            scope=Scope(self.graph, self.facts.stage, index),
            instruction=index,
            writes=self.facts.writes,
            toolchains=self.toolchains,
            is_editable=is_editable,
            line_of=_line_finder(self.graph, run, script.text),
            packages=self.facts.packages,
        )

    def unknown(self, index: int, run: Run) -> None:
        self.facts.unknown_runs.add(index)
        self.add(None, Kind.UNKNOWN, run)

    def script(self, run: Run, scope: Scope) -> tuple[ParsedScript | None, bool]:
        """The parsed script of a RUN, and whether it can be edited; None with a reason when it cannot be
        read.
        """
        if run.words is not None:
            return _exec_form(run.words), False
        shell = scope.shell()
        program = posixpath.basename(shell[0]) if shell else ""
        if run.script is None or program not in _POSIX_SHELLS:
            self.refuse(f"the script is not for a POSIX shell ({program or 'a file of its own'})", run)
            return None, False
        if shell is not None and not all(_SHELL_WORD.fullmatch(w) for w in shell[1:]):
            text = "the shell is started with options that are not known"
            self.refuse(text, run, cure="drop them from SHELL")
            return None, False
        profile = self.profile_read_by(shell, scope)
        if profile is not None:
            text = f"the shell first reads {profile.path or 'a file'}, which line {profile.place.line} wrote"
            self.refuse(text, run, profile.path, "use ENV, or a shell that is no login shell")
            return None, False
        places = (f"{folder}/{program}" for folder in PROGRAM_FOLDERS)
        made = next((w for path in places for w in self.facts.writes.exactly(path) if _is_no_shell(w)), None)
        if made is not None and not self.around.is_pinned_by_author:
            text = f"the shell itself, {made.path}, is what line {made.place.line} wrote"
            self.refuse(text, run, made.path, "put it there in a stage of its own")
            return None, False
        script = parse_script(run.script.text)
        if script.has_error:
            self.refuse("the shell script cannot be read without doubt", run, cure="write it more simply")
            return None, False
        return script, True

    def profile_read_by(self, shell: Sequence[str], scope: Scope) -> Write | None:
        """A file written in the stage that the shell reads before the script (bash manual, "Bash Startup
        Files").
        """
        words = shell[1:]
        is_login = any(w == "--login" or re.match(r"-\w*[li]", w) for w in words)
        given = [scope.lookup(name) for name in ("BASH_ENV", "ENV")]
        named = {absolute(value.text, scope.workdir()) for value in given if value is not None and value.text}
        found = self.facts.writes.where(_is_profile) if is_login else ()
        found += tuple(made for path in named if path for made in self.facts.writes.covering(path))
        return next((made for made in found if not (made.is_package or made.is_empty)), None)

    def read_mounts(self, index: int, run: Run) -> tuple[tuple[str, Kind, tuple[str, ...]], ...]:
        """What mounts bring; and the folders of caches that the stage has only while the RUN lasts."""
        fleeting: list[tuple[str, Kind, tuple[str, ...]]] = []
        edges = {e.destination: e for e in takes(self.graph, self.facts.stage, index) if e.kind == "mount"}
        for edge in edges.values():
            kind = self.taken(edge)
            number = self.mount_of(edge, run)
            if number is not None and self.lends(edge, kind, edge.destination, index):
                kind = Kind.BUILD
                self.lend(edge, index, number)
            self.check_tools(edge, kind, edge.destination, run, index)
            brought = self.brought(edge, edge.destination)
            self.add(edge.destination, kind, run, links=self.links_of(edge), brought=brought)
        for at, mount in enumerate(run.mounts):
            scope = Scope(self.graph, self.facts.stage, index)
            target = mount.get("target")
            target = scope.expand_known(target).text or target if target is not None else None
            where = absolute(target, scope.workdir()) if target is not None and "$" not in target else None
            if mount.type == "cache" and target is not None:
                left = self.read_cache(index, run, at, where or target)
                if left is None:
                    continue
                self.add(where, left[0], run, by=left[1])
                fleeting += [(where, *left)] if where is not None else []
            elif mount.type in ("", "bind") and mount.get("from") is None and target is not None:
                links = self.links_below(scope, mount.get("source") or "")
                where = absolute(target, scope.workdir())
                self.add(where, Kind.PORTABLE, run, is_context=True, links=links)
        return tuple(fleeting)

    def read_cache(self, index: int, run: Run, at: int, target: str) -> tuple[Kind, tuple[str, ...]] | None:
        """What a cache holds when the RUN begins, and who left it; None where it is what programs would
        fetch or make anyway. Where it may hold what builds for other platforms left, it gets a name of its
        own.
        """
        key = key_of(run.mounts[at], Scope(self.graph, self.facts.stage, index))
        if all(map(self.is_equal, users(self.graph, key))):
            return None
        patterns = (pattern for t in self.toolchains for pattern in t.own_caches)
        is_known = any(re.fullmatch(pattern, target) for pattern in patterns)
        is_tools = not is_known and self.is_cache(target, index) and not self.is_in_project(target)
        is_apart = self.set_apart(index, run, at, key, is_tools=is_tools)
        if is_tools:
            return None
        if is_known and is_apart:
            return Kind.BUILD, (run.keyword, KEPT)
        return Kind.UNKNOWN, (run.keyword,)

    def is_in_project(self, path: str) -> bool:
        """Whether files of the build context lie around a folder, elsewhere than in a home."""
        around = (w.path for w in self.facts.writes.covering(path) if w.is_context)
        return any(p not in (None, "/", "/root", path) for p in around)

    def is_equal(self, cache: CacheMount) -> bool:
        """Whether a cache mount holds what is equal by proof."""
        scope = Scope(self.graph, cache.stage, cache.index)
        target = scope.expand_known(cache.mount.get("target") or "").text
        where = absolute(target, scope.workdir()) if target else None
        told = _told_by(scope, (name for t in self.toolchains for name in t.equal_variables))
        return where is not None and is_equal(where, told, self.toolchains)

    def set_apart(self, index: int, run: Run, at: int, key: str, *, is_tools: bool) -> bool:
        """Whether no build for another platform leaves anything in a cache, once it has its own name.

        What tools keep is made anew where it is missed; in any other cache a stage that stays may have to
        find what this one leaves there.
        """
        mount = run.mounts[at]
        others = [c for c in users(self.graph, key) if c.stage != self.facts.stage]
        if self.around.is_pinned_by_author:
            return is_of_builder(mount) and all(c.stage in self.pinned for c in others)
        strange = [c for c in others if c.stage not in self.pinned or runs_on(self.graph, c.stage) == BUILD]
        # In a stage for the target, too, BUILDARCH is the build machine's.
        is_taken = any(named(c.mount) == f"{named(mount)}{SUFFIX}" for c in strange)
        if is_taken or not can_be_named(mount):
            text = "may hold what builds for other platforms left, and cannot be renamed"
            if is_tools:
                self.refuse(f"the cache {named(mount)} {text}", run, cure="give it a plain id")
            return False
        if strange and not is_tools:
            return False
        why = "what one build machine leaves there is kept apart"
        name = f"{named(mount)}{SUFFIX}"
        self.facts.own_caches.append(OwnCache(self.around.offset + index, at, name, why))
        return True

    def is_cache(self, target: str, index: int) -> bool:
        """Whether a folder is made for what tools keep from run to run."""
        scope = Scope(self.graph, self.facts.stage, index)
        names = ("XDG_CACHE_HOME", *(name for t in self.toolchains for name in t.cache_variables))
        told = _told_by(scope, names)
        folders = [*told, *(f for t in self.toolchains for f in t.caches)]
        return is_in_any(target, (*_CACHE_FOLDERS, *folders)) or any(is_within(n, target) for n in folders)


def _told_by(scope: Scope, names: Iterable[str]) -> list[str]:
    """The folders that variables name."""
    environment = scope.environment()
    return [text for n in names if n in environment and (text := environment[n].text)]


def _together(found: Sequence[Links]) -> Links:
    return Links(tuple(pair for links in found for pair in links.held), all(links.are_all for links in found))


def _is_no_shell(made: Write) -> bool:
    """Whether the shell may be another program than the image's own: for the target, or the project's."""
    return not (made.is_package or made.is_empty or made.is_change) and made.is_file


def _is_profile(made: Write) -> bool:
    if made.path is None:
        return True
    return _PROFILES.search(made.path) is not None or overlaps(made.path, "/etc/profile.d")


def _untold_names(scope: Scope, instruction: Copy) -> frozenset[str]:
    """What files of the project may be called, where the text does not tell in which folder they come to lie,
    or has them itself.
    """
    own = (source for source in instruction.sources if not _PLAIN_DOWNLOAD.match(source))
    is_told = all(scope.expand_known(source).text is not None for source in own)
    is_told = is_told and instruction.flag("parents") is None
    names = (document.name for document in instruction.heredocs)
    return frozenset((*names, *(() if is_told else (ANY,))))


def _destination(scope: Scope, instruction: Copy) -> str | None:
    text = scope.expand_known(instruction.destination).text
    workdir = scope.workdir()
    if text is None:
        return None
    if not text.startswith("/"):
        if workdir is None:
            return None
        text = posixpath.join(workdir, text)
    return posixpath.normpath(text).replace("//", "/")


def _looks_like_file(paths: Sequence[str | None], destination: str | None) -> bool:
    """Whether a single COPY source goes to exactly `destination` as a file, judged by equal names or an
    extension.
    """
    if destination is None or len(paths) != 1 or paths[0] is None:
        return False
    return posixpath.basename(paths[0]) == posixpath.basename(destination)


def _dependence(scope: Scope, text: str) -> Kind:
    """TARGET if a path names a TARGET platform ARG, else PORTABLE."""
    depends = scope.expand_known(text).depends_on
    return Kind.TARGET if any(name.startswith("TARGET") for name in depends) else Kind.PORTABLE


def _exec_form(words: Sequence[str]) -> ParsedScript:
    """`RUN ["a", "b"]` as a script of one command, all of it literal."""
    made: list[Word] = []
    at = 0
    for text in words:
        made.append(Word(Span(at, at + len(text)), text, text))
        at += len(text) + 1
    whole = Span(0, max(at - 1, 0))
    return ParsedScript(" ".join(words), (Command(whole, tuple(made)),) if made else (), has_error=False)


def _line_finder(graph: StageGraph, run: Run, text: str) -> Callable[[int], Place]:
    source = graph.dockerfile.source

    def place(offset: int) -> Place:
        if run.script is None or run.script.text != text:
            return Place(run.first_line)
        return Place(source.line_of(run.script.offsets[min(offset, len(run.script.offsets) - 1)]))

    return place


def shipped_by(paths: Iterable[str | None], path: str) -> bool:
    """Whether taking `paths` takes (some of) `path`."""
    return any(p is None or overlaps(without_glob(p), path) for p in paths)
