"""Programs that make text out of text by what they are told: the same on every machine if that is.

Whatever option they get, they can read no more than the files that are named or lie here, and what they
write is of the kind of what they were told and read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from xbuild.plan.facts.filesystem import TOOL_FOLDERS, Kind, is_in_any, join, without_glob
from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.printing import sees_all
from xbuild.plan.programs.program import Environment, Program, plain, source_kind, told_kind, write
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect
from xbuild.text import expression


def generates(call: Call, _given: Reading) -> Effect | None:
    """Text into this folder, or wherever it is told to where that text is not the same everywhere."""
    return generated(call, read_kind(call, call.texts[1:]))


def embeds(call: Call, _given: Reading) -> Effect | None:
    """The same, with the contents of this folder or of those that are named in it."""
    read = [argument.partition("=")[2] or argument for argument in call.texts[1:] if argument]
    held = (source_kind(call, path) for path in (".", *read))
    return generated(call, join((read_kind(call, call.texts[1:]), *held)))


def generated(call: Call, read: Kind) -> Effect:
    """What is made of what is here; it may lie wherever a word says, which matters if it is not the same."""
    kind = join((told_kind(call), read, source_kind(call, ".")))
    made = replace(write(call, ".", told_kind(call) if kind.is_right else kind), adds=True)
    if kind.is_right:
        return sees_all(plain(call, kind, (made,), (".",)))
    return sees_all(plain(call, kind, (made, write(call, None, kind)), (".",)))


def read_kind(call: Call, texts: tuple[str | None, ...] | list[str]) -> Kind:
    """The kind of the files among these words, also behind `=`."""
    parts = [part for text in texts if text is not None for part in (text, text.partition("=")[2])]
    return join(source_kind(call, part) for part in parts if part and _may_be_file(call, part))


def _may_be_file(call: Call, text: str) -> bool:
    """Whether a word may name a file: an absolute path, or one that was written or comes with the base."""
    if text.startswith("/"):
        return text.count("/") < 12
    found = call.seen(text)
    if found is None or any(c in text for c in "{}|^$ "):
        return False
    found = without_glob(found)
    if is_in_any(found, TOOL_FOLDERS):
        return True
    return call.writes.touch(found)


def generator(names: str, *, is_embedder: bool = False) -> Program:
    """A row for generators, whose options need not be known."""
    return Program(
        names,
        does=embeds if is_embedder else generates,
        style=Style.NONE,
        environment=Environment.WHOLE,
        is_extra=True,
    )


def _compiles_messages(call: Call, given: Reading) -> Effect | None:
    """protoc: options may stand in a file (`@FILE`), and name plugins."""
    return None if any(text and text.startswith("@") for text in call.texts) else generates(call, given)


_PLUGIN = expression(r"--([a-z][\w-]*)_out\b")
# Languages that protoc has by itself (`protoc --help`).
_BUILT_IN = frozenset(words("cpp csharp java kotlin objc php pyi python ruby rust descriptor_set dependency"))


def _plugins(call: Call) -> Iterator[str]:
    """protoc runs `protoc-gen-NAME` for `--NAME_out`, and what `--plugin` names."""
    following = (*call.texts[1:], None)
    for at, text in enumerate(call.texts[1:], 1):
        flag, equals, value = (text or "").partition("=")
        plugin = _PLUGIN.match(flag)
        if flag == "--plugin":
            yield ((value if equals else following[at]) or "").rpartition("=")[2]
        elif plugin is not None and plugin[1] not in _BUILT_IN:
            yield f"protoc-gen-{plugin[1]}"


PROGRAMS = (
    replace(
        generator("protoc"),
        does=_compiles_messages,
        starts=_plugins,
        packages="protobuf-compiler protobuf protobuf-dev",
    ),
    generator("swagger"),
    Program("shellcheck hadolint yamllint", style=Style.NONE, operands="text*", is_extra=True),
)
