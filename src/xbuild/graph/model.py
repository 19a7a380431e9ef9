"""The stage graph: stages, what they are based on, what they take from each other, and what names mean where.

How BuildKit resolves each of these: moby/buildkit `frontend/dockerfile/dockerfile2llb/convert.go` and
`frontend/dockerfile/instructions/parse.go`; the automatic platform ARGs: `dockerfile2llb/platform.go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xbuild.dockerfile.model import Dockerfile, Flag, From, Instruction

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


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller gives besides the Dockerfile: `--build-arg`, `--build-context` (names only matter), `--target`."""

    build_args: Mapping[str, str] = field(default_factory=dict)
    build_contexts: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None


@dataclass(frozen=True, slots=True)
class StageBase:
    """A FROM, `--from` or `from=` that names an earlier stage, by index."""

    stage: int


@dataclass(frozen=True, slots=True)
class ImageBase:
    """… that names an image, ARGs expanded. `reference` is None when an ARG without value makes it unknown."""

    reference: str | None
    raw: str


@dataclass(frozen=True, slots=True)
class ContextBase:
    """… that names a `--build-context`; `value` is what the user gave for it."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ScratchBase:
    """`FROM scratch`."""


Base = StageBase | ImageBase | ContextBase | ScratchBase


@dataclass(frozen=True, slots=True)
class Value:
    """What a variable holds at a place.

    `text` is the value, or None when it cannot be known here (a platform ARG, an ARG without default or value, the
    base image's environment). `kind` is "env", "arg" or "platform" (an automatic platform ARG in its own right: declared
    and not shadowed). `instruction` is the index in the stage of the ENV or ARG that set it, None for the base's.
    `depends_on` names the platform ARGs that its text was made from (`ENV GOARCH=$TARGETARCH`), through any number of steps.
    """

    text: str | None
    kind: str
    instruction: int | None = None
    depends_on: frozenset[str] = frozenset()
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """`consumer` takes `paths` out of `source`.

    `kind` is "from", "copy" (COPY --from) or "mount" (RUN --mount=from=…). `instruction` is the index within the
    consumer's instructions (0 is its FROM). `paths` are absolute and expanded; a path that cannot be known is None;
    a FROM edge takes ("/",). `destination` is where they land in the consumer.
    """

    kind: str
    consumer: int
    instruction: int
    source: Base
    paths: tuple[str | None, ...]
    destination: str | None


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage. `instructions[0]` is its FROM; `position` is the index of that FROM in the file's instructions.

    `pin` is the expanded and unexpanded value of `--platform`, if any; see `StageGraph.runs_on`.
    """

    index: int
    name: str | None
    from_: From
    base: Base
    instructions: tuple[Instruction, ...]
    position: int

    @property
    def label(self) -> str:
        """`builder` or `stage 0`, for messages."""
        return self.name if self.name is not None else f"stage {self.index}"

    @property
    def pin(self) -> Flag | None:
        return self.from_.platform

    @property
    def has_command(self) -> bool:
        """Whether the stage has a CMD or ENTRYPOINT of its own."""
        return any(i.keyword in ("CMD", "ENTRYPOINT") for i in self.instructions)


@dataclass(frozen=True)
class StageGraph:
    """All stages and edges of a Dockerfile under given options; made by `build.build_graph`.

    `global_instructions` are those before the first FROM (ARG only). `target` is the stage that `--target` names, else
    the last one. Lookups that depend on ARG and ENV scopes are in `scope`, platform questions in `platform`.
    """

    dockerfile: Dockerfile
    options: Options
    global_instructions: tuple[Instruction, ...]
    stages: tuple[Stage, ...]
    edges: tuple[Edge, ...]
    target: int

    def edges_out_of(self, stage: int) -> tuple[Edge, ...]:
        """Edges by which other stages take something from `stage`."""
        return tuple(e for e in self.edges if isinstance(e.source, StageBase) and e.source.stage == stage)

    def edges_into(self, stage: int) -> tuple[Edge, ...]:
        """Edges by which `stage` takes something, its FROM first."""
        return tuple(e for e in self.edges if e.consumer == stage)

    def root_of(self, stage: int) -> int:
        """The stage at the root of the FROM chain of `stage`, whose base is not a stage."""
        at = self.stages[stage]
        while isinstance(at.base, StageBase):
            at = self.stages[at.base.stage]
        return at.index

    def chain_of(self, stage: int) -> tuple[int, ...]:
        """The FROM chain from its root down to `stage`."""
        chain = [stage]
        base = self.stages[stage].base
        while isinstance(base, StageBase):
            chain.append(base.stage)
            base = self.stages[base.stage].base
        return tuple(reversed(chain))

    def derived_from(self, stage: int) -> tuple[int, ...]:
        """Stages whose FROM chain contains `stage`, itself excluded."""
        return tuple(s.index for s in self.stages if s.index != stage and stage in self.chain_of(s.index))
