"""The stage graph: stages, what they are based on, what they take from each other, and what names mean where.

How BuildKit resolves each of these: moby/buildkit `frontend/dockerfile/dockerfile2llb/convert.go` and
`frontend/dockerfile/instructions/parse.go`; the automatic platform ARGs: `dockerfile2llb/platform.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, TypeVar

from xbuild.dockerfile.model import Dockerfile, Flag, From, Instruction, Onbuild
from xbuild.text import fresh, value

_Key = TypeVar("_Key")
_Item = TypeVar("_Item")

PLATFORM_ARGS = (
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDARCH",
    "BUILDVARIANT",
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETARCH",
    "TARGETVARIANT",
)


@value()
class ImageFacts:
    """What is known of a base image's config; `workdir` and `user` are None when unknown, `user` "" is root
    by default.

    `is_complete` tells that a name which is not in `env` is not set by the image.
    """

    workdir: str | None = "/"
    user: str | None = ""
    env: Mapping[str, str] = fresh(dict)
    shell: tuple[str, ...] | None = None
    is_complete: bool = True


@value()
class Options:
    """What the caller gives besides the Dockerfile: `--build-arg`, `--build-context` (names only matter),
    `--target`.

    `image_facts` tells what is known of an image, by its expanded reference as it stands in the file.
    `platform_values` are platform ARGs to take as known (`platform.platform_values`): the graph is then that
    of one platform.
    """

    build_args: Mapping[str, str] = fresh(dict)
    build_contexts: Mapping[str, str] = fresh(dict)
    target: str | None = None
    image_facts: Callable[[str], ImageFacts | None] | None = None
    platform_values: Mapping[str, str] = fresh(dict)


@value()
class StageBase:
    """A FROM, `--from` or `from=` that names an earlier stage, by index."""

    stage: int


@value()
class ImageBase:
    """… that names an image, ARGs expanded. `reference` is None when an ARG without value makes it unknown.

    With a platform ARG in it (`FROM base-${TARGETARCH}`) it may name stages: those for known platforms are in
    `stages`; `may_be_image` tells whether it names something else for some of them.
    """

    reference: str | None
    raw: str
    stages: tuple[int, ...] = ()
    may_be_image: bool = True


@value()
class ContextBase:
    """… that names a `--build-context`; `value` is what the user gave for it."""

    name: str
    value: str


@value()
class ScratchBase:
    """`FROM scratch`."""


Base = StageBase | ImageBase | ContextBase | ScratchBase


@value()
class Value:
    """What a variable holds at a place.

    `text` is the value, or None when it cannot be known here (a platform ARG, an ARG without default or
    value, the base image's environment). `kind` is "env", "arg" or "platform" (an automatic platform ARG in
    its own right: declared and not shadowed). `instruction` is the index in the stage of the ENV or ARG that
    set it, None for the base's. `depends_on` names the platform ARGs that its text was made from (`ENV
    GOARCH=$TARGETARCH`), through any number of steps. `is_unset`: declared by ARG, but nothing gave it a
    value, so that it is not in the environment. `stage` is the stage whose instruction set it, also when that
    is one further up the FROM chain; None for the base image's and in FROM. What an ONBUILD of the base stage
    sets has instruction 0.
    """

    text: str | None
    kind: str
    instruction: int | None = None
    depends_on: frozenset[str] = frozenset()
    raw: str | None = None
    stage: int | None = None
    is_unset: bool = False


@value()
class Edge:
    """`consumer` takes `paths` out of `source`.

    `kind` is "from", "copy" (COPY --from) or "mount" (RUN --mount=from=…). `instruction` is the index within
    the consumer's instructions (0 is its FROM). `paths` are absolute and expanded; a path that cannot be
    known is None; a FROM edge takes ("/",). `destination` is where they land in the consumer; a trailing
    slash says that it is a folder. `is_onbuild`: made by an ONBUILD of the stage that the consumer derives
    from; `instruction` is then 0.
    """

    kind: str
    consumer: int
    instruction: int
    source: Base
    paths: tuple[str | None, ...]
    destination: str | None
    is_onbuild: bool = False


@value()
class Stage:
    """One stage. `instructions[0]` is its FROM; `position` is the index of that FROM in the file's
    instructions.

    `pin` is the `--platform` flag, if any; what it comes to is told by `platform.runs_on`. `is_replaced`: a
    `--build-context` of this name stands in for the stage, so that its instructions never run; `base` is that
    context.
    """

    index: int
    name: str | None
    from_: From
    base: Base
    instructions: tuple[Instruction, ...]
    position: int
    is_replaced: bool = False

    @property
    def label(self) -> str:
        """`builder` or `stage 0`, for messages."""
        return self.name if self.name is not None else f"stage {self.index}"

    @property
    def title(self) -> str:
        """`stage `builder`` or `stage 0`, inside a sentence."""
        return f"stage `{self.name}`" if self.name is not None else self.label

    @property
    def pin(self) -> Flag | None:
        return self.from_.platform

    @property
    def has_command(self) -> bool:
        """Whether the stage has a CMD or ENTRYPOINT of its own."""
        return any(i.keyword in ("CMD", "ENTRYPOINT") for i in self.instructions)


@value(slots=False)
class StageGraph:
    """All stages and edges of a Dockerfile under given options; made by `build.build_graph`.

    `global_instructions` are those before the first FROM (ARG only). `target` is the stage that `--target`
    names, else the last one. `global_values` are the names usable in FROM. Lookups that depend on ARG and ENV
    scopes are in `scope`, platform questions in `platform`, who needs whom in `reach`.
    """

    dockerfile: Dockerfile
    options: Options
    global_instructions: tuple[Instruction, ...]
    stages: tuple[Stage, ...]
    edges: tuple[Edge, ...]
    target: int
    global_values: Mapping[str, Value] = fresh(dict)
    memo: dict[Any, Any] = fresh(dict)

    def edges_out_of(self, stage: int) -> tuple[Edge, ...]:
        """Edges by which other stages take, or may take, something from `stage`."""
        return self._out_of.get(stage, ())

    def edges_into(self, stage: int) -> tuple[Edge, ...]:
        """Edges by which `stage` takes something, its FROM first."""
        return self._into.get(stage, ())

    def edges_of(self, stage: int, instruction: int) -> tuple[Edge, ...]:
        """Edges that one instruction of `stage` makes."""
        return self._of.get((stage, instruction), ())

    def root_of(self, stage: int) -> int:
        """The stage at the root of the FROM chain of `stage`, whose base is not (surely) a stage."""
        return self._roots[stage]

    def below(self, stage: int) -> int | None:
        """The stage that the FROM of `stage` names for sure, if any."""
        base = self.stages[stage].base
        return base.stage if isinstance(base, StageBase) else None

    def chain_of(self, stage: int) -> tuple[int, ...]:
        """The FROM chain from its root down to `stage`."""
        chain = [stage]
        while (below := self.below(chain[-1])) is not None:
            chain.append(below)
        return tuple(reversed(chain))

    def derived_from(self, stage: int) -> tuple[int, ...]:
        """Stages that derive, or may derive, from `stage` by FROM, through any number of steps; itself
        excluded.
        """
        derived: set[int] = set()
        pending = [*self.children_of(stage)]
        while pending:
            child = pending.pop()
            if child not in derived:
                derived.add(child)
                pending += self.children_of(child)
        return tuple(sorted(derived))

    def children_of(self, stage: int) -> tuple[int, ...]:
        """Stages whose FROM names, or may name, `stage`."""
        return self._children.get(stage, ())

    # Indexes, made once.

    @cached_property
    def _out_of(self) -> Mapping[int, tuple[Edge, ...]]:
        return _grouped((source, edge) for edge in self.edges for source in sources_of(edge.source))

    @cached_property
    def _into(self) -> Mapping[int, tuple[Edge, ...]]:
        return _grouped((edge.consumer, edge) for edge in self.edges)

    @cached_property
    def _of(self) -> Mapping[tuple[int, int], tuple[Edge, ...]]:
        return _grouped(((edge.consumer, edge.instruction), edge) for edge in self.edges)

    @cached_property
    def _children(self) -> Mapping[int, tuple[int, ...]]:
        return _grouped((source, s.index) for s in self.stages for source in sources_of(s.base))

    @cached_property
    def _roots(self) -> tuple[int, ...]:
        roots: list[int] = []
        for stage in self.stages:
            roots.append(roots[stage.base.stage] if isinstance(stage.base, StageBase) else stage.index)
        return tuple(roots)

    def onbuild(self, stage: int) -> tuple[Instruction, ...]:
        """Instructions that run in `stage` right after its FROM: the ONBUILD triggers of the stage it is
        based on.

        Only the direct base counts: triggers do not carry over to the next stage (`convert.go`, `init` and
        `resolveStages`). Triggers of base images are not known here.
        """
        base = self.stages[stage].base
        if not isinstance(base, StageBase):
            return ()
        above = self.stages[base.stage].instructions
        return tuple(instruction.inner for instruction in above if isinstance(instruction, Onbuild))


def _grouped(pairs: Iterable[tuple[_Key, _Item]]) -> dict[_Key, tuple[_Item, ...]]:
    """What belongs to each key, in order."""
    found: dict[_Key, list[_Item]] = {}
    for key, item in pairs:
        found.setdefault(key, []).append(item)
    return {key: tuple(items) for key, items in found.items()}


def sources_of(base: Base) -> tuple[int, ...]:
    """Stages that a base is, or may be for some platform."""
    if isinstance(base, StageBase):
        return (base.stage,)
    return base.stages if isinstance(base, ImageBase) else ()
