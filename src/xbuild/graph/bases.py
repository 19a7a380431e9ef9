"""What a FROM, a COPY --from or a mount's from= names: an earlier stage, a named context, scratch or an
image.
"""

from __future__ import annotations

from collections.abc import Mapping

from xbuild.dockerfile.model import From, Instruction
from xbuild.errors import DockerfileError, StageError
from xbuild.graph.assume import every_pair, expand_for
from xbuild.graph.expand import ExpansionError, expand, expand_known
from xbuild.graph.model import Base, ContextBase, ImageBase, ScratchBase, Stage, StageBase, StageGraph
from xbuild.graph.reference import familiar_name
from xbuild.text import expression

_NUMBER = expression(r"[+-]?[0-9]+")
_SCRATCH = "scratch"
# Names that a named context cannot take over (`namedContextFunc`).
_NOT_A_CONTEXT = frozenset({"scratch", "context"})

Names = Mapping[str, Stage]


def from_base(graph: StageGraph, from_: From, names: Names) -> Base:
    """The base of a stage; `names` are the stages in front of it, by lower-case name.

    Unlike in COPY --from the case of the letters counts (`addState` looks the name up as it is).
    """
    raw = from_.image
    expanded = expand_known(raw, graph.global_values.get, graph.dockerfile.escape)
    text = expanded.text
    if text is None:
        stages, may_be_image = _stages_by_platform(graph, raw, names) if expanded.depends_on else ((), True)
        return ImageBase(None, raw, stages, may_be_image)
    base = _named(graph, text, raw, names.get(text))
    if base is not None:
        return base
    if any(name in graph.global_values for name in expanded.missing):
        # An ARG in front of FROM that nothing gives a value yet: the user of the file will.
        return ImageBase(None, raw)
    raise _bad_base(graph, from_, text, names)


def _bad_base(graph: StageGraph, from_: From, text: str, names: Names) -> DockerfileError:
    what = "an empty name" if not text else f"{text!r}, which is not an image reference"
    hint = "declare the ARG before the first FROM and give it a default"
    if text.lower() in names:
        hint = f"write the stage's name in lower case: {text.lower()}"
    elif "$" not in from_.image:
        hint = "correct the image name"
    return DockerfileError(
        f"FROM {from_.image} comes to {what}",
        file=graph.dockerfile.source.path,
        line=from_.first_line,
        expected="an image reference, scratch or the name of an earlier stage" + stage_names(names),
        hint=hint,
    )


def _stages_by_platform(graph: StageGraph, raw: str, names: Names) -> tuple[tuple[int, ...], bool]:
    """Stages that `raw` names for some platform, and whether it names something else for another."""
    texts = {expand_for(graph, raw, pair) for pair in every_pair()}
    stages = {names[text].index for text in texts if text is not None and text in names}
    return tuple(sorted(stages)), not texts <= names.keys()


def _named(graph: StageGraph, text: str, raw: str, stage: Stage | None) -> Base | None:
    """What `text` means, `stage` being the stage of that name; None when it can mean nothing."""
    if stage is not None:
        return _stage_or_context(stage)
    if text == _SCRATCH:
        return ScratchBase()
    name = familiar_name(text)
    if name is None:
        return None
    return named_context(graph, name) or ImageBase(text, raw)


def _stage_or_context(stage: Stage) -> Base:
    return stage.base if stage.is_replaced else StageBase(stage.index)


def named_context(graph: StageGraph, name: str) -> ContextBase | None:
    """The `--build-context` that stands in for the stage or image `name`, if any."""
    contexts = graph.options.build_contexts
    if not contexts or name.lower() in _NOT_A_CONTEXT:
        return None
    wanted = familiar_name(name)
    for given, value in contexts.items():
        if wanted is not None and familiar_name(given) == wanted:
            return ContextBase(given, value)
    return None


def copy_source(graph: StageGraph, instruction: Instruction, text: str, names: Names) -> Base:
    """What COPY --from=`text` names: a stage by number or name in any case, earlier or later, or an image."""
    _refuse_variables(graph, instruction, text)
    if not _NUMBER.fullmatch(text):
        return mount_source(graph, instruction, text, names)
    number = int(text)
    if 0 <= number < len(graph.stages):
        return _stage_or_context(graph.stages[number])
    raise StageError(
        f"--from={text} names a stage by a number that does not exist",
        file=graph.dockerfile.source.path,
        line=instruction.first_line,
        expected=f"a number from 0 to {len(graph.stages) - 1}" + stage_names(names),
        hint="name the stage with AS and use the name",
    )


def _refuse_variables(graph: StageGraph, instruction: Instruction, text: str) -> None:
    try:
        is_plain = expand(text, lambda _: None, graph.dockerfile.escape).text == text
    except ExpansionError:
        is_plain = False
    if not is_plain:
        raise _variable_error(graph, instruction, text)


def _variable_error(graph: StageGraph, instruction: Instruction, text: str) -> DockerfileError:
    return DockerfileError(
        f"from={text} holds a variable or quotes, which BuildKit does not expand there",
        file=graph.dockerfile.source.path,
        line=instruction.first_line,
        expected="the name of a stage or an image, as it is",
        hint=f"add a stage `FROM {text} AS name` and use its name",
    )


def mount_source(graph: StageGraph, instruction: Instruction, text: str, names: Names) -> Base:
    """What a mount's from=`text` names; a number is no stage here (`detectRunMount`)."""
    if "$" in text[:-1]:
        raise _variable_error(graph, instruction, text)
    base = _named(graph, text, text, names.get(text.lower()))
    if base is not None:
        return base
    raise StageError(
        f"from={text} is neither a stage nor an image reference",
        file=graph.dockerfile.source.path,
        line=instruction.first_line,
        expected="the name of an earlier stage, or an image reference" + stage_names(names),
        hint=_similar(text, names) or "correct the name",
    )


def stage_names(names: Names) -> str:
    """` (stages: a, b)` for messages, or nothing."""
    return f" (stages: {', '.join(names)})" if names else ""


def _similar(text: str, names: Names) -> str | None:
    from difflib import get_close_matches

    close = get_close_matches(text.lower(), list(names), n=1)
    return f"did you mean {close[0]}?" if close else None
