"""Dockerfile → StageGraph: stages with their bases, then the edges between them.

Follows moby/buildkit `dockerfile2llb/convert.go` (`buildDispatchStates`, `toCommand`,
`buildStageDependencyGraph`), also in what it refuses, and when: a COPY --from of a later stage is wrong only
if the target needs the stage that copies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from xbuild.dockerfile.model import Copy, Dockerfile, From, Instruction, Mount, Run
from xbuild.errors import DockerfileError, DockerfileSyntaxError, StageError
from xbuild.graph.assume import is_platform
from xbuild.graph.bases import copy_source, from_base, mount_source, named_context, stage_names
from xbuild.graph.expand import ExpansionError, expand_known
from xbuild.graph.model import Base, Edge, Options, Stage, StageBase, StageGraph, Value, sources_of
from xbuild.graph.reach import closure
from xbuild.graph.scope import Scope, errors_of, global_values, join_path, locate
from xbuild.text import expression, replace, value

_GAP = expression(r"[\t\v\f\r ]+")
# Mounts that bring nothing in from a stage, whatever their from= says.
_WITHOUT_SOURCE = frozenset({"tmpfs", "secret", "ssh"})


@value()
class _Link:
    """A COPY --from or a mount's from=, found and resolved; `index` is the instruction's in the consumer."""

    consumer: int
    index: int
    instruction: Copy | Run
    mount: Mount | None
    source: Base
    is_onbuild: bool


def build_graph(dockerfile: Dockerfile, options: Options | None = None) -> StageGraph:
    """The stage graph of `dockerfile` under `options`.

    Raises StageError or DockerfileError where BuildKit would refuse the stages, with file and line.
    """
    options = options or Options()
    before, positions = _split(dockerfile)
    last = dockerfile.instructions[positions[-1]]
    graph = StageGraph(
        dockerfile=dockerfile,
        options=options,
        global_instructions=before,
        stages=(),
        edges=(),
        target=0,
        global_values=_global_values(dockerfile, before, options, last),
    )
    graph = _with_stages(graph, positions)
    links = tuple(_links(graph, {stage.name: stage for stage in graph.stages if stage.name is not None}))
    _refuse_circles(graph, links)
    needed = _needed(graph, links)
    _refuse_later_stages(graph, links, needed)
    _refuse_bad_words(graph, needed)
    from_edges = (Edge("from", stage.index, 0, stage.base, ("/",), "/") for stage in graph.stages)
    edges = (*from_edges, *(_edge(graph, link, needed) for link in links))
    return replace(graph, edges=tuple(sorted(edges, key=lambda edge: (edge.consumer, edge.instruction))))


def _split(dockerfile: Dockerfile) -> tuple[tuple[Instruction, ...], tuple[int, ...]]:
    """The instructions in front of the first FROM, and where the FROMs are."""
    positions: list[int] = []
    for position, instruction in enumerate(dockerfile.instructions):
        if instruction.keyword == "FROM":
            if not isinstance(instruction, From):
                raise DockerfileSyntaxError(
                    f"FROM {instruction.arguments.text} cannot be read",
                    file=dockerfile.source.path,
                    line=instruction.first_line,
                    expected="FROM image [AS name]; names: a letter, then letters, digits, -, _ and .",
                    hint="correct this line",
                )
            positions.append(position)
        elif not positions and instruction.keyword != "ARG":
            raise DockerfileError(
                f"{instruction.keyword} stands before the first FROM",
                file=dockerfile.source.path,
                line=instruction.first_line,
                expected="FROM, or ARG in front of it",
                hint="move the instruction below a FROM",
            )
    if not positions:
        raise DockerfileError(
            "there is no FROM, so there is no stage to build",
            file=dockerfile.source.path,
            expected="at least one FROM",
            hint="is this the right file?",
        )
    return dockerfile.instructions[: positions[0]], tuple(positions)


def _global_values(
    dockerfile: Dockerfile, before: Iterable[Instruction], options: Options, last: Instruction
) -> dict[str, Value]:
    name = last.name if isinstance(last, From) else None
    try:
        return global_values(before, options, dockerfile.escape, name)
    except ExpansionError as error:
        error.file = dockerfile.source.path
        raise


def _with_stages(graph: StageGraph, positions: tuple[int, ...]) -> StageGraph:
    """`graph` with its stages and its target. A name given twice means the later stage from there on."""
    instructions = graph.dockerfile.instructions
    names: dict[str, Stage] = {}
    stages: list[Stage] = []
    for index, (start, end) in enumerate(pairwise((*positions, len(instructions)))):
        stage = _stage(graph, index, instructions[start:end], start, names)
        stages.append(stage)
        if stage.name is not None:
            names[stage.name] = stage
    graph = replace(graph, stages=tuple(stages))
    return replace(graph, target=_find_target(graph, names))


def _stage(
    graph: StageGraph,
    index: int,
    instructions: tuple[Instruction, ...],
    position: int,
    names: dict[str, Stage],
) -> Stage:
    from_ = instructions[0]
    assert isinstance(from_, From)
    try:
        _refuse_bad_platform(graph, from_)
        context = named_context(graph, from_.name) if from_.name is not None else None
        base = context or from_base(graph, from_, names)
    except ExpansionError as error:
        raise locate(error, graph, from_) from None
    return Stage(index, from_.name, from_, base, instructions, position, is_replaced=context is not None)


def _refuse_bad_platform(graph: StageGraph, from_: From) -> None:
    """A --platform that comes to nothing, or to what containerd cannot read as a platform."""
    flag = from_.platform
    if flag is None or not flag.value:
        return
    expanded = expand_known(flag.value, graph.global_values.get, graph.dockerfile.escape)
    text = expanded.text
    if text is None or is_platform(text) or any(name in graph.global_values for name in expanded.missing):
        return
    what = "nothing" if not text else f"{text!r}, which is not a platform"
    raise DockerfileError(
        f"--platform={flag.value} comes to {what}",
        file=graph.dockerfile.source.path,
        line=from_.first_line,
        expected="a platform, such as $BUILDPLATFORM or linux/amd64",
        hint="correct the platform; an ARG used in it stands before the first FROM and has a default",
    )


def _find_target(graph: StageGraph, names: dict[str, Stage]) -> int:
    target = graph.options.target
    if not target:
        return len(graph.stages) - 1
    if target.lower() in names:
        return names[target.lower()].index
    raise StageError(
        f"there is no stage {target!r}",
        file=graph.dockerfile.source.path,
        expected="--target with "
        + (f"one of: {', '.join(names)}" if names else "the name of a stage, and none has one"),
        hint="correct --target, or name the stage: FROM image AS name",
    )


def _links(graph: StageGraph, names: dict[str, Stage]) -> Iterator[_Link]:
    for stage in graph.stages:
        if stage.is_replaced:
            continue
        triggers = ((0, instruction, True) for instruction in graph.onbuild(stage.index))
        own = ((index, instruction, False) for index, instruction in enumerate(stage.instructions))
        for index, instruction, is_onbuild in (*triggers, *own):
            if isinstance(instruction, Copy) and instruction.from_:
                _refuse_add(graph, instruction)
                source = copy_source(graph, instruction, instruction.from_, names)
                yield _Link(stage.index, index, instruction, None, source, is_onbuild)
            elif isinstance(instruction, Run):
                for mount in instruction.mounts:
                    name = mount.get("from")
                    if name and mount.type not in _WITHOUT_SOURCE:
                        source = mount_source(graph, instruction, name, names)
                        yield _Link(stage.index, index, instruction, mount, source, is_onbuild)


def _refuse_add(graph: StageGraph, instruction: Copy) -> None:
    if instruction.keyword == "ADD":
        raise DockerfileError(
            "ADD has no --from",
            file=graph.dockerfile.source.path,
            line=instruction.first_line,
            expected="COPY --from",
            hint="write COPY",
        )


def _needed(graph: StageGraph, links: Iterable[_Link]) -> frozenset[int]:
    needs: dict[int, set[int]] = {stage.index: set(sources_of(stage.base)) for stage in graph.stages}
    for link in links:
        needs[link.consumer].update(sources_of(link.source))
    return closure(graph.target, needs)


def _refuse_circles(graph: StageGraph, links: tuple[_Link, ...]) -> None:
    """Stages that copy from themselves, or round in a circle, are refused even if nothing needs them."""
    needs: dict[int, set[int]] = {}
    for link in links:
        if isinstance(link.source, StageBase):
            needs.setdefault(link.consumer, set()).add(link.source.stage)
    for link in links:
        # A circle has a link that goes forward or to itself; from there it comes back.
        if not isinstance(link.source, StageBase) or link.source.stage < link.consumer:
            continue
        if link.consumer in closure(link.source.stage, needs):
            raise _order_error(graph, link, link.source.stage, "in a circle")


def _refuse_later_stages(graph: StageGraph, links: tuple[_Link, ...], needed: frozenset[int]) -> None:
    for link in links:
        if (
            isinstance(link.source, StageBase)
            and link.consumer < link.source.stage
            and link.consumer in needed
        ):
            raise _order_error(graph, link, link.source.stage, "before it is defined")


def _order_error(graph: StageGraph, link: _Link, source: int, how: str) -> StageError:
    consumer = graph.stages[link.consumer]
    earlier = {stage.name: stage for stage in graph.stages[: link.consumer] if stage.name is not None}
    other = "itself" if source == link.consumer else graph.stages[source].label
    at = consumer.from_ if link.is_onbuild else link.instruction
    return StageError(
        f"{consumer.label} takes files from {other} {how}",
        file=graph.dockerfile.source.path,
        line=at.first_line,
        expected="an earlier stage" + stage_names(earlier),
        hint="move the stage up, or correct the name",
    )


def _refuse_bad_words(graph: StageGraph, needed: frozenset[int]) -> None:
    for stage in sorted(needed):
        for error in errors_of(graph, stage):
            raise error


def _edge(graph: StageGraph, link: _Link, needed: frozenset[int]) -> Edge:
    scope = Scope(graph, link.consumer, link.index)
    try:
        if link.mount is not None:
            paths, destination = _mount_paths(scope, link.mount)
        else:
            paths, destination = _copy_paths(scope, link.instruction)
    except ExpansionError as error:
        if link.consumer in needed:
            raise locate(error, graph, link.instruction) from None
        paths, destination = (None,), None
    kind = "copy" if link.mount is None else "mount"
    return Edge(kind, link.consumer, link.index, link.source, paths, destination, link.is_onbuild)


def _mount_paths(scope: Scope, mount: Mount) -> tuple[tuple[str | None, ...], str | None]:
    source = scope.expand_known(mount.get("source") or "").text
    target = scope.expand_known(mount.get("target") or "").text
    return (join_path("/", source),), join_path(scope.workdir(), target)


def _copy_paths(scope: Scope, instruction: Copy | Run) -> tuple[tuple[str | None, ...], str | None]:
    """Sources are seen from the root of their stage, the destination from the working directory."""
    assert isinstance(instruction, Copy)
    words = _words(instruction)
    destination = scope.expand_known(words[-1]).text
    sources = (_source(scope, word) for word in words[:-1])
    return tuple(join_path("/", source) for source in sources), _destination(scope.workdir(), destination)


def _source(scope: Scope, word: str) -> str | None:
    """A path to take; a pattern where it names a platform ARG that is not known: none has `..` in it, but one
    may have a slash (`**`).
    """
    text = scope.expand_known(word).text
    if text is not None:
        return text

    def lookup(name: str) -> Value | None:
        value = scope.lookup(name)
        is_any = value is not None and value.kind == "platform" and value.text is None
        return replace(value, text="**") if value is not None and is_any else value

    is_plain = not re.search(r"\$\{\w*[^\w}]", word)
    return expand_known(word, lookup, scope.graph.dockerfile.escape).text if is_plain else None


def _destination(folder: str | None, path: str | None) -> str | None:
    """Absolute; a slash at the end stays, and `.` is a folder (`pathRelativeToWorkingDir`)."""
    joined = join_path(folder, path)
    if joined is None or path is None or joined == "/":
        return joined
    return joined + "/" if path in ("", ".") or path.endswith(("/", "/.")) else joined


def _words(instruction: Copy) -> tuple[str, ...]:
    """Sources and destination as they stand, with the quotes that decide whether a variable counts."""
    if instruction.words is not None:
        return instruction.words
    words = _GAP.split(instruction.arguments.text)
    return tuple(word for word in words if not (instruction.heredocs and "<<" in word))
