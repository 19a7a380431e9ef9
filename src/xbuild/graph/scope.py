"""What names, the working directory, the user and the shell are at any instruction.

Follows moby/buildkit `dockerfile2llb/convert.go`. There, ARG and ENV write to one environment, in file order:
whichever comes last wins, and a stage derived by FROM starts with all of it, ARGs included, after which the
base's ENVs are set once more (`init`, `dispatchStages`, `dispatchArg`, `dispatchEnv`).
"""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import TypeVar

from xbuild.dockerfile.model import Arg, Env, Instruction, Pair, Shell, User, Workdir
from xbuild.errors import DockerfileError
from xbuild.graph.expand import Expanded, ExpansionError, expand, expand_known
from xbuild.graph.model import (
    PLATFORM_ARGS,
    ContextBase,
    ImageBase,
    ImageFacts,
    Options,
    ScratchBase,
    Stage,
    StageBase,
    StageGraph,
    Value,
    sources_of,
)
from xbuild.text import replace

# BuildKit sets it when the base image does not (`util/system/path.go`).
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_SHELL = ("/bin/sh", "-c")
# Build arguments that every RUN sees without ARG, in either case (`proxyEnvFromBuildArgs`).
PROXY_ARGS = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
# ARGs that steer BuildKit and never reach the environment (`nonEnvArgs`).
_NOT_IN_ENVIRONMENT = frozenset({"BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"})
_AUTOMATIC = frozenset({*PLATFORM_ARGS, "BUILDOSVERSION", "TARGETOSVERSION", "TARGETSTAGE"})
_UNKNOWN = Value(None, "env")
_T = TypeVar("_T")


def global_values(
    instructions: Iterable[Instruction], options: Options, escape: str, last: str | None
) -> dict[str, Value]:
    """The names usable in FROM: automatic ARGs, then the ARGs in front of the first FROM (`buildMetaArgs`).

    A default on an automatic ARG replaces its value, a build argument replaces both. `last` is the name of
    the last stage, which is the value of TARGETSTAGE without `--target`.
    """
    values = {name: _automatic(name, options) for name in PLATFORM_ARGS}
    # Known and constant here: every platform that xbuild knows is a Linux one without a version.
    for name, text in (
        ("BUILDOSVERSION", ""),
        ("TARGETOSVERSION", ""),
        ("TARGETSTAGE", options.target or last or "default"),
    ):
        values[name] = Value(options.build_args.get(name, text), "arg")
    for instruction in instructions:
        for pair in instruction.pairs if isinstance(instruction, Arg) else ():
            try:
                value = _global_arg(pair, values, options, escape)
            except ExpansionError as error:
                error.line = instruction.first_line
                raise
            if not value.is_unset or pair.key not in values:
                values[pair.key] = value
    return values


def _automatic(name: str, options: Options) -> Value:
    if name in options.build_args:
        return Value(options.build_args[name], "arg")
    return Value(options.platform_values.get(name), "platform", depends_on=frozenset({name}))


def _global_arg(pair: Pair, values: Mapping[str, Value], options: Options, escape: str) -> Value:
    if pair.key in options.build_args:
        return Value(options.build_args[pair.key], "arg", raw=pair.value)
    if pair.value is None:
        return Value(None, "arg", is_unset=True)
    expanded = expand_known(pair.value, values.get, escape)
    return Value(expanded.text, "arg", depends_on=expanded.depends_on, raw=pair.value)


class _State:
    """A stage from its FROM to its end: for each name, and for the rest, what it became and where.

    An entry `(index, value)` holds for instructions after `index`; what comes from the base has index -1.
    `may_derive`: the base is an unknown one of several stages.
    """

    def __init__(self, is_base_known: bool, may_derive: bool = False) -> None:
        self.is_base_known = is_base_known
        self.may_derive = may_derive
        self.names: dict[str, list[tuple[int, Value]]] = {}
        self.now: dict[str, Value] = {}
        self.image_env: dict[str, Value] = {}
        self.workdirs: list[tuple[int, str | None]] = []
        self.users: list[tuple[int, str | None]] = []
        self.shells: list[tuple[int, tuple[str, ...]]] = []
        self.errors: list[DockerfileError] = []

    def set(self, index: int, name: str, value: Value) -> None:
        self.now[name] = value
        self.names.setdefault(name, []).append((index, value))

    def get(self, name: str) -> Value | None:
        return self.now.get(name) or self.fallback(name)

    def fallback(self, name: str) -> Value | None:
        """What a name is that neither Dockerfile nor known image sets.

        No base image is expected to set an automatic platform ARG: without ARG it is empty.
        """
        if self.is_base_known or (name in _AUTOMATIC and not self.may_derive):
            return None
        return _UNKNOWN


def _state_of(graph: StageGraph, stage: int) -> _State:
    """The state of `stage`, made once; bases first, so that long chains do not recurse."""
    memo: dict[int, _State] = graph.memo.setdefault("states", {})
    missing: list[Stage] = []
    at = stage
    while at not in memo:
        missing.append(graph.stages[at])
        base = graph.stages[at].base
        if not isinstance(base, StageBase):
            break
        at = base.stage
    for needed in reversed(missing):
        memo[needed.index] = _run_through(graph, needed, memo)
    return memo[stage]


def _run_through(graph: StageGraph, stage: Stage, memo: Mapping[int, _State]) -> _State:
    state = _start(graph, stage, memo)
    if stage.is_replaced:
        return state
    for trigger in graph.onbuild(stage.index):
        _apply(graph, state, stage.index, 0, trigger)
    for index, instruction in enumerate(stage.instructions):
        _apply(graph, state, stage.index, index, instruction)
    return state


def _start(graph: StageGraph, stage: Stage, memo: Mapping[int, _State]) -> _State:
    base = stage.base
    if isinstance(base, StageBase):
        return _derive(memo[base.stage])
    facts = _facts_of(graph, stage)
    state = _State(facts is not None and facts.is_complete, bool(sources_of(base)))
    if facts is None:
        facts = ImageFacts(workdir=None, user=None, is_complete=False)
    env = {name: Value(text, "env") for name, text in facts.env.items()}
    if "PATH" not in env and state.is_base_known:
        env["PATH"] = Value(DEFAULT_PATH, "env")
    for name, value in env.items():
        state.set(-1, name, value)
    state.image_env = env
    state.workdirs.append((-1, facts.workdir))
    state.users.append((-1, facts.user))
    state.shells.append((-1, facts.shell or DEFAULT_SHELL))
    return state


def _facts_of(graph: StageGraph, stage: Stage) -> ImageFacts | None:
    base = stage.base
    if isinstance(base, ScratchBase):
        return ImageFacts()
    lookup = graph.options.image_facts
    if lookup is None:
        return None
    if isinstance(base, ImageBase) and base.reference is not None:
        return lookup(base.reference)
    if isinstance(base, ContextBase) and base.value.startswith("docker-image://"):
        return lookup(base.value.removeprefix("docker-image://"))
    return None


def _derive(base: _State) -> _State:
    """What a stage starts with that is derived from another one.

    An ARG of the base gives way to an ENV of that name in the image below, of which one may not know.
    """
    state = _State(base.is_base_known, base.may_derive)
    state.image_env = {name: _inherited(value) for name, value in base.image_env.items()}
    for name, value in {**base.now, **base.image_env}.items():
        kept = _inherited(value)
        if name not in base.image_env and base.fallback(name) is not None:
            kept = replace(kept, text=None)
        state.set(-1, name, kept)
    state.workdirs.append((-1, base.workdirs[-1][1]))
    state.users.append((-1, base.users[-1][1]))
    state.shells.append((-1, base.shells[-1][1]))
    return state


def _inherited(value: Value) -> Value:
    return value if value.instruction is None else replace(value, instruction=None)


def _apply(graph: StageGraph, state: _State, stage: int, index: int, instruction: Instruction) -> None:
    try:
        if isinstance(instruction, Arg):
            for pair in instruction.pairs:
                _apply_arg(graph, state, stage, index, pair)
        elif isinstance(instruction, Env):
            _apply_env(graph, state, stage, index, instruction)
        elif isinstance(instruction, Workdir):
            path = expand_known(instruction.arguments.text, state.get, graph.dockerfile.escape).text
            state.workdirs.append((index, join_path(state.workdirs[-1][1], path)))
        elif isinstance(instruction, User):
            state.users.append(
                (index, expand_known(instruction.arguments.text, state.get, graph.dockerfile.escape).text)
            )
        elif isinstance(instruction, Shell):
            state.shells.append((index, instruction.words or DEFAULT_SHELL))
    except ExpansionError as error:
        state.errors.append(
            locate(error, graph, graph.stages[stage].instructions[index] if not index else instruction)
        )


def _apply_arg(graph: StageGraph, state: _State, stage: int, index: int, pair: Pair) -> None:
    """`dispatchArg`: build argument, else default, else global value; without any nothing changes."""
    if pair.key in _NOT_IN_ENVIRONMENT:
        return
    build_args = graph.options.build_args
    if pair.key in build_args:
        value = Value(build_args[pair.key], "arg")
    elif pair.value is not None:
        expanded = expand_known(pair.value, state.get, graph.dockerfile.escape)
        value = Value(expanded.text, "arg", depends_on=expanded.depends_on)
    else:
        value = graph.global_values.get(pair.key, Value(None, "arg", is_unset=True))
        if value.is_unset:
            if pair.key in state.now:
                return
            value = replace(value, is_unset=state.is_base_known)
    state.set(index, pair.key, replace(value, instruction=index, raw=pair.value, stage=stage))


def _apply_env(graph: StageGraph, state: _State, stage: int, index: int, env: Env) -> None:
    """All words are expanded with what was set before this instruction, then set together."""
    escape = graph.dockerfile.escape
    made: list[tuple[str, Value]] = []
    for pair in env.pairs:
        key = expand_known(pair.key, state.get, escape).text
        expanded = expand_known(pair.value or "", state.get, escape)
        if key is not None:
            value = Value(expanded.text, "env", index, expanded.depends_on, pair.value, stage)
            made.append((key, value))
    for key, value in made:
        state.set(index, key, value)
        state.image_env[key] = value


def locate(error: DockerfileError, graph: StageGraph, instruction: Instruction) -> DockerfileError:
    """`error` with the place of `instruction`."""
    error.file = graph.dockerfile.source.path
    error.line = instruction.first_line
    return error


def join_path(folder: str | None, path: str | None) -> str | None:
    """`path` seen from `folder`, absolute and cleaned; an empty path is the folder itself."""
    if path is None or (folder is None and not path.startswith("/")):
        return None
    joined = posixpath.normpath(posixpath.join("/", folder or "/", path))
    # POSIX lets exactly two leading slashes stand; BuildKit does not.
    return "/" + joined.lstrip("/")


class Scope:
    """What holds when instruction `index` of a stage is about to run; its own effect is not included.

    `index` may be the number of instructions: the end of the stage.
    """

    __slots__ = ("_state", "graph", "index", "stage")

    def __init__(self, graph: StageGraph, stage: int, index: int) -> None:
        self.graph = graph
        self.stage = stage
        self.index = index
        self._state = _state_of(graph, stage)

    @property
    def is_base_known(self) -> bool:
        """Whether a name that `lookup` does not find is sure to be unset."""
        return self._state.is_base_known

    def lookup(self, name: str) -> Value | None:
        """The value of `name`; None when it is not set, not even by the base image.

        With a base image that is not known, a name that the Dockerfile does not set has a Value without text.
        """
        entries = self._state.names.get(name)
        value = _last_before(entries, self.index) if entries else None
        return value or self._state.fallback(name)

    def expand(self, text: str) -> Expanded:
        """`text` as BuildKit expands a word of this instruction. Raises ExpansionError."""
        return expand(text, self.lookup, self.graph.dockerfile.escape)

    def expand_known(self, text: str) -> Expanded:
        """The same; a value that is required and not given makes the result unknown."""
        return expand_known(text, self.lookup, self.graph.dockerfile.escape)

    def workdir(self) -> str | None:
        return _last_before(self._state.workdirs, self.index)

    def user(self) -> str | None:
        """The expanded USER; "" when none was ever set, which is root; None when unknown."""
        return _last_before(self._state.users, self.index)

    def shell(self) -> tuple[str, ...]:
        return _last_before(self._state.shells, self.index) or DEFAULT_SHELL

    def environment(self) -> Mapping[str, Value]:
        """All that a RUN here sees by name: ENV, ARG, what is known of the base image, PATH, proxy arguments.

        HOME is not among them: the engine takes it from the user's entry in the image's passwd file.
        """
        found: dict[str, Value] = {}
        for name, entries in self._state.names.items():
            value = _last_before(entries, self.index)
            if value is not None and not value.is_unset:
                found[name] = value
        if "PATH" not in found:
            found["PATH"] = _UNKNOWN
        for name, text in self.graph.options.build_args.items():
            if name.upper() in PROXY_ARGS:
                for spelling in (name.upper(), name.lower()):
                    found.setdefault(spelling, Value(text, "arg"))
        return found


def _last_before(entries: list[tuple[int, _T]], index: int) -> _T | None:
    at = bisect_left(entries, index, key=lambda entry: entry[0])
    return entries[at - 1][1] if at else None


def errors_of(graph: StageGraph, stage: int) -> tuple[DockerfileError, ...]:
    """Words in ARG, ENV, WORKDIR and USER of `stage` that BuildKit would refuse to expand."""
    return tuple(_state_of(graph, stage).errors)


def lookup(graph: StageGraph, stage: int, index: int, name: str) -> Value | None:
    """See `Scope.lookup`."""
    return Scope(graph, stage, index).lookup(name)


def workdir(graph: StageGraph, stage: int, index: int) -> str | None:
    """See `Scope.workdir`."""
    return Scope(graph, stage, index).workdir()


def user(graph: StageGraph, stage: int, index: int) -> str | None:
    """See `Scope.user`."""
    return Scope(graph, stage, index).user()


def shell(graph: StageGraph, stage: int, index: int) -> tuple[str, ...]:
    """See `Scope.shell`."""
    return Scope(graph, stage, index).shell()


def environment(graph: StageGraph, stage: int, index: int) -> Mapping[str, Value]:
    """See `Scope.environment`."""
    return Scope(graph, stage, index).environment()
