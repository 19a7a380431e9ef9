"""Changes of the plan → edits of the source text, and what each instruction must be afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from xbuild.dockerfile.edit import edit_script, edited_script
from xbuild.dockerfile.model import Arg, Copy, Dockerfile, Env, From, Instruction, Pair, Run, Trivia
from xbuild.dockerfile.parser import parse
from xbuild.errors import EditError
from xbuild.plan.model import (
    AddMount,
    AddTwins,
    AssistRun,
    Change,
    DeclareArg,
    InsertRun,
    LendImage,
    OwnCache,
    PinStage,
    RemoveArg,
    RemoveArgDefault,
    RemoveEnv,
    Renumber,
    ReplaceInScript,
    SetEnvironment,
    SplitStages,
)
from xbuild.plan.twins.twin import HELPER, MOUNT, OUT, TARGET, TERMINATOR
from xbuild.text import Edit, Source, Span, apply_edits

PIN = "$BUILDPLATFORM"


@dataclass
class Edits:
    """Edits of the file, and what they must have done, by instruction (index in the original): the new script
    (`expected`) or text (`replaced`), the flags, whether it is gone, and the texts of new ones put in front
    of it. `added` are the edits that are new instructions, `copied` those that repeat a span of the original,
    on as many lines. `words` are those of RUNs in exec form; `files` the texts of the files of helpers.
    `values` are the new values of flags, by their number among those of the instruction.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    edits: list[Edit] = field(default_factory=list)
    added: list[Edit] = field(default_factory=list)
    copied: list[tuple[Edit, Span]] = field(default_factory=list)
    scripts: dict[int, list[Edit]] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)
    inserted: dict[int, list[str]] = field(default_factory=dict)
    expected: dict[int, str] = field(default_factory=dict)
    replaced: dict[int, str] = field(default_factory=dict)
    flags: dict[int, list[str]] = field(default_factory=dict)
    values: dict[int, dict[int, str]] = field(default_factory=dict)
    words: dict[int, list[str]] = field(default_factory=dict)
    removed_pairs: dict[int, set[str]] = field(default_factory=dict)


def collect(
    dockerfile: Dockerfile, changes: Sequence[Change], files: Mapping[str, str] | None = None
) -> Edits:
    """All edits of all changes; EditError when one cannot be made without doubt.

    `files` are those of the rooms of twins, by name from `plan/twins` on.
    """
    made = Edits(files or {})
    for change in changes:
        _HANDLERS[type(change)](dockerfile, change, made)
    _write_insertions(dockerfile, changes, made)
    _write_removals(dockerfile, made)
    for number, script_edits in made.scripts.items():
        run = dockerfile.instructions[number]
        assert isinstance(run, Run)
        made.edits += edit_script(dockerfile, run, script_edits)
        made.expected[number] = edited_script(run, script_edits)
    for number in made.touched - made.scripts.keys():
        made.replaced[number] = _edited(dockerfile, number, made.edits)
    return made


def _edited(dockerfile: Dockerfile, number: int, edits: Sequence[Edit]) -> str:
    """What an instruction reads with the edits inside it applied."""
    span = dockerfile.instructions[number].span
    local = [Edit(e.span.shift(-span.start), e.replacement) for e in edits if _is_inside(e.span, span)]
    text = _texts(dockerfile, apply_edits(dockerfile.source[span], local).lstrip("\ufeff"))
    return text[0] if text else ""


def _is_inside(span: Span, whole: Span) -> bool:
    return whole.start < span.start and span.end <= whole.end and not (span.start == span.end == whole.end)


def _instruction(dockerfile: Dockerfile, number: int) -> Instruction:
    return dockerfile.instructions[number]


# -- FROM


def _pin(dockerfile: Dockerfile, change: Change, made: Edits) -> None:
    assert isinstance(change, PinStage)
    from_ = _instruction(dockerfile, change.instruction)
    made.touched.add(change.instruction)
    made.edits.append(_pin_edit(from_, 0))


def _pin_edit(from_: Instruction, shift: int) -> Edit:
    flag = from_.flag("platform")
    if flag is not None and flag.value_span is not None:
        return Edit(flag.value_span.shift(shift), PIN)
    return Edit.insert(from_.keyword_span.end + shift, f" --platform={PIN}")


def _split(dockerfile: Dockerfile, change: Change, made: Edits) -> None:
    """Copies of the shared stages, pinned, right behind the last of them; the others then name the copies."""
    assert isinstance(change, SplitStages)
    froms = [n for n, i in enumerate(dockerfile.instructions) if isinstance(i, From)]
    source, newline = dockerfile.source, dockerfile.source.newline
    names = {_name(dockerfile, froms[s]): name for s, name in zip(change.stages, change.names, strict=True)}
    for stage in change.stages:
        first = froms[stage]
        end = froms[stage + 1] if stage + 1 < len(froms) else len(dockerfile.instructions)
        span = Span(dockerfile.instructions[first].span.start, dockerfile.instructions[end - 1].span.end)
        from_ = dockerfile.instructions[first]
        is_root = stage == change.stages[0]
        edits = [
            _name_edit(from_, names),
            *([_pin_edit(from_, 0)] if is_root else _redirect_edits(from_, names)),
            *(_lend_edit(dockerfile, number, name) for number, name in change.lent if first < number < end),
        ]
        text = apply_edits(source[span], [Edit(e.span.shift(-span.start), e.replacement) for e in edits])
        copy = text.lstrip("\ufeff").rstrip("\r\n") + newline
        edit = Edit.insert(span.end, newline + copy)
        made.edits.append(edit)
        made.copied.append((edit, span))
        made.inserted[end] = [*_texts(dockerfile, copy), *made.inserted.get(end, [])]
    for number in change.redirect:
        made.touched.add(number)
        made.edits += _redirect_edits(dockerfile.instructions[number], names)


def _texts(dockerfile: Dockerfile, text: str) -> list[str]:
    """The instructions in `text`, as the parser sees each of them."""
    head = f"# escape={dockerfile.escape}\n" if dockerfile.escape != "\\" else ""
    return [i.logical.text.rstrip() for i in parse(Source("new lines", head + text)).instructions]


def _name(dockerfile: Dockerfile, number: int) -> str:
    from_ = dockerfile.instructions[number]
    assert isinstance(from_, From)
    return from_.name or ""


def _name_edit(from_: Instruction, names: dict[str, str]) -> Edit:
    assert isinstance(from_, From)
    if from_.name_span is None:
        raise EditError("a stage without a name cannot be copied", line=from_.first_line)
    return Edit(from_.name_span, names[from_.name or ""])


def _redirect_edits(from_: Instruction, names: dict[str, str]) -> list[Edit]:
    assert isinstance(from_, From)
    name = names.get(from_.image.lower())
    if name is None:
        raise EditError(f"FROM {from_.image} does not name the stage that was copied", line=from_.first_line)
    return [Edit(from_.image_span, name)]


# -- ARG and ENV


def _declare(_dockerfile: Dockerfile, change: Change, made: Edits) -> None:
    assert isinstance(change, DeclareArg)
    made.inserted.setdefault(change.before, [])


def _remove_arg(_dockerfile: Dockerfile, change: Change, made: Edits) -> None:
    assert isinstance(change, RemoveArg | RemoveEnv)
    made.removed_pairs.setdefault(change.instruction, set()).add(change.name)


def _remove_default(dockerfile: Dockerfile, change: Change, made: Edits) -> None:
    assert isinstance(change, RemoveArgDefault)
    pair = _pair(_instruction(dockerfile, change.instruction), change.name)
    text = dockerfile.source[pair.span]
    if not text.startswith(change.name + "="):
        raise EditError(
            f"the default of ARG {change.name} cannot be told apart",
            line=_line(dockerfile, change.instruction),
        )
    made.touched.add(change.instruction)
    made.edits.append(Edit.delete(Span(pair.span.start + len(change.name), pair.span.end)))


def _line(dockerfile: Dockerfile, number: int) -> int:
    return dockerfile.instructions[number].first_line


def _pair(instruction: Instruction, name: str) -> Pair:
    assert isinstance(instruction, Arg | Env)
    return next(p for p in instruction.pairs if p.key == name)


def _write_removals(dockerfile: Dockerfile, made: Edits) -> None:
    """The whole instruction goes when all its pairs go; else the pair with the white space in front of it."""
    for number, names in made.removed_pairs.items():
        instruction = dockerfile.instructions[number]
        assert isinstance(instruction, Arg | Env)
        if {p.key for p in instruction.pairs} == names:
            made.removed.add(number)
            made.edits.append(Edit.delete(instruction.span))
            continue
        made.touched.add(number)
        for name in names:
            span = _pair(instruction, name).span
            start = span.start
            while dockerfile.source.text[start - 1] in " \t":
                start -= 1
            made.edits.append(Edit.delete(Span(start, span.end)))


# -- new lines


def _insert_before(_dockerfile: Dockerfile, change: Change, made: Edits) -> None:
    assert isinstance(change, InsertRun | AddTwins | LendImage)
    made.inserted.setdefault(change.before, [])


def _write_insertions(dockerfile: Dockerfile, changes: Sequence[Change], made: Edits) -> None:
    """New RUNs and ARGs in front of an instruction and of the comments that belong to it."""
    for before in list(made.inserted):
        texts = [t for c in changes if (t := _new_line(dockerfile, c, before, made.files)) is not None]
        if not texts:
            continue
        instruction = dockerfile.instructions[before]
        indent = dockerfile.source.text[instruction.span.start : instruction.keyword_span.start].lstrip(
            "\ufeff"
        )
        newline = dockerfile.source.newline
        body = "".join(f"{indent}{text}{newline}" for text in dict.fromkeys(texts))
        made.inserted[before] = [*made.inserted[before], *_texts(dockerfile, body)]
        edit = Edit.insert(_above_comments(dockerfile, instruction), body)
        made.edits.append(edit)
        made.added.append(edit)


def _new_line(dockerfile: Dockerfile, change: Change, before: int, files: Mapping[str, str]) -> str | None:
    keyword = dockerfile.source[dockerfile.instructions[before].keyword_span]
    spell: Callable[[str], str] = str.lower if keyword.islower() else str.upper
    if isinstance(change, DeclareArg) and change.before == before:
        return f"{spell('arg')} {change.name}"
    if isinstance(change, InsertRun) and change.before == before:
        joint = f" {dockerfile.escape}{dockerfile.source.newline}    "
        return f"{spell('run')} " + joint.join(change.lines)
    if isinstance(change, LendImage) and change.before == before:
        newline = dockerfile.source.newline
        return f"{spell('from')} --platform={PIN} {change.reference} {spell('as')} {change.name}{newline}"
    if isinstance(change, AddTwins) and change.before == before:
        return _helper(change, files, spell)
    return None


def _helper(change: AddTwins, files: Mapping[str, str], spell: Callable[[str], str]) -> str:
    """The stages that make twins. Lines end in a line feed alone: those of the files are read by a shell."""
    from_, as_, arg, user, copy, run = map(spell, ("from", "as", "arg", "user", "copy", "run"))
    target, native, twins = change.names
    rooms = ("helper", *(name.partition("=")[0] for name in change.twins))
    wanted = {n: text for n, text in files.items() if n.partition("/")[0] in rooms}
    names = "".join(f', "{name}"' for name in change.twins)
    lines = [
        f"# {change.reason}",
        f"{from_} {change.reference} {as_} {target}",
        f"{from_} --platform={PIN} {change.reference} {as_} {native}",
        f"{arg} BUILDARCH",
        f"{arg} TARGETARCH",
        f"{user} root",
    ]
    for name, text in sorted(wanted.items()):
        if f"\n{TERMINATOR}\n" in f"\n{text}\n":
            raise EditError(f"{name} holds the line {TERMINATOR}")
        place = name.removeprefix("helper/")
        lines += [f'{copy} <<"{TERMINATOR}" {HELPER}/{place}', text.removesuffix("\n"), TERMINATOR]
    lines += [
        f'{run} --mount=type=bind,from={target},target={TARGET} ["/bin/sh", "{HELPER}/prepare.sh"{names}]',
        f"{from_} scratch {as_} {twins}",
        f"{copy} --from={native} {OUT}/ /",
        "",
    ]
    return "\n".join(lines)


def _above_comments(dockerfile: Dockerfile, instruction: Instruction) -> int:
    """Where a line goes that belongs above the comment lines directly in front of an instruction."""
    at = dockerfile.nodes.index(instruction)
    start = instruction.span.start
    while at > 0:
        node = dockerfile.nodes[at - 1]
        if not isinstance(node, Trivia) or not dockerfile.source[node.span].strip():
            break
        lines = dockerfile.source[node.span].splitlines()
        if any(not line.strip() for line in lines):
            break
        start = node.span.start
        at -= 1
    return start


# -- RUN


def _set_environment(_dockerfile: Dockerfile, change: Change, made: Edits) -> None:
    assert isinstance(change, SetEnvironment)
    edits = made.scripts.setdefault(change.instruction, [])
    edits += [Edit(span, text) for span, text in change.replaced]
    if change.assignments:
        words = " ".join(f"{name}={value}" for name, value in change.assignments)
        prefix = f"{change.wrapper} " if change.wrapper else ""
        edits.append(Edit.insert(change.at, f"{prefix}{words} "))


def _replace_in_script(_dockerfile: Dockerfile, change: Change, made: Edits) -> None:
    assert isinstance(change, ReplaceInScript)
    made.scripts.setdefault(change.instruction, []).append(Edit(change.span, change.text))


def _add_mount(dockerfile: Dockerfile, change: Change, made: Edits) -> None:
    assert isinstance(change, AddMount)
    run = _instruction(dockerfile, change.instruction)
    flags = made.flags.setdefault(change.instruction, [])
    flags.append(f"--mount={change.mount}")
    made.edits.append(Edit.insert(run.keyword_span.end, f" --mount={change.mount}"))


def _assist_run(dockerfile: Dockerfile, change: Change, made: Edits) -> None:
    """The mount, and what puts it to use: in front of the script, or of the words of the exec form."""
    assert isinstance(change, AssistRun)
    run = _instruction(dockerfile, change.instruction)
    assert isinstance(run, Run)
    _add_mount(
        dockerfile,
        AddMount(change.instruction, f"type=bind,from={change.helper},target={MOUNT}", change.reason),
        made,
    )
    if run.words is None:
        made.scripts.setdefault(change.instruction, []).append(Edit.insert(change.at, f". {MOUNT}/env; "))
        return
    program = f"{MOUNT}/exec"
    at = run.arguments.offsets[run.arguments.text.index("[")] + 1
    made.edits.append(Edit.insert(at, f'"{program}", '))
    made.words[change.instruction] = [program, *run.words]


def _own_cache(dockerfile: Dockerfile, change: Change, made: Edits) -> None:
    assert isinstance(change, OwnCache)
    run = _instruction(dockerfile, change.instruction)
    assert isinstance(run, Run)
    flag = run.mounts[change.mount].flag
    assert flag.value_span is not None
    made.flags.setdefault(change.instruction, [])
    made.values.setdefault(change.instruction, {})[run.flags.index(flag)] = f"{flag.value},id={change.id}"
    made.edits.append(Edit.insert(flag.value_span.end, f",id={change.id}"))


def _lend_image(dockerfile: Dockerfile, change: Change, made: Edits) -> None:
    """The new stage, and its name where the image is named."""
    assert isinstance(change, LendImage)
    _insert_before(dockerfile, change, made)
    for number, mount in change.takers:
        instruction = _instruction(dockerfile, number)
        if mount is None:
            made.touched.add(number)
            made.edits.append(_lend_edit(dockerfile, number, change.name))
            continue
        assert isinstance(instruction, Run)
        flag = instruction.mounts[mount].flag
        span = flag.value_span
        found = re.search(rf"(?<![^,])from={re.escape(change.reference)}(?![^,])", flag.value or "")
        if span is None or found is None or dockerfile.source[span] != flag.value:
            raise EditError("a mount cannot be told apart", line=instruction.first_line)
        start = span.start + found.start() + len("from=")
        made.flags.setdefault(number, [])
        made.values.setdefault(number, {})[instruction.flags.index(flag)] = (
            f"{flag.value[: found.start()]}from={change.name}{flag.value[found.end() :]}"
        )
        made.edits.append(Edit(Span(start, start + len(change.reference)), change.name))


def _lend_edit(dockerfile: Dockerfile, number: int, name: str) -> Edit:
    """A COPY takes from that stage what it took from an image."""
    flag = _instruction(dockerfile, number).flag("from")
    assert flag is not None
    assert flag.value_span is not None
    return Edit(flag.value_span, name)


def _renumber(dockerfile: Dockerfile, change: Change, made: Edits) -> None:
    assert isinstance(change, Renumber)
    copy = _instruction(dockerfile, change.instruction)
    assert isinstance(copy, Copy)
    flag = copy.flag("from")
    assert flag is not None
    assert flag.value_span is not None
    made.touched.add(change.instruction)
    made.edits.append(Edit(flag.value_span, str(change.number)))


_HANDLERS: dict[type, Callable[[Dockerfile, Change, Edits], None]] = {
    PinStage: _pin,
    SplitStages: _split,
    DeclareArg: _declare,
    RemoveArg: _remove_arg,
    RemoveEnv: _remove_arg,
    RemoveArgDefault: _remove_default,
    SetEnvironment: _set_environment,
    ReplaceInScript: _replace_in_script,
    AddMount: _add_mount,
    InsertRun: _insert_before,
    AddTwins: _insert_before,
    AssistRun: _assist_run,
    OwnCache: _own_cache,
    LendImage: _lend_image,
    Renumber: _renumber,
}
