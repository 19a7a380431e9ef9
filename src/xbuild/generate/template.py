"""Templates of Dockerfiles: text in, text out.

A template is a Dockerfile that BuildKit can parse as it stands. What stands for something else is declared by
an `ARG` with a lower-case name in front of the first FROM, whose default shows a value, and is used as
`${name}`; the ARG is left out of what is written. A line whose value is several is written once for each, and
not at all where it is none. Lines that begin with `#:` are for this module:

    #: anything else              a comment on the template, left out
    #: if NAME, #: if not NAME    the lines to `#: end` count only with (without) that switch
    #: include NAME               another template of that name
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from xbuild.errors import ConfigError

_DECLARED = re.compile(r"ARG ([a-z][a-z0-9_]*)=(.*)")
_USED = re.compile(r"\$\{([a-z][a-z0-9_]*)\}")
_WORD = re.compile(r"#:\s*(if not|if|include|end)\b\s*(\S*)\s*$")
_DEEPEST = 3
# One line of text: what has another could begin an instruction of its own.
_SPLITS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")


@dataclass(frozen=True)
class _TemplateLine:
    text: str
    file: str
    number: int


Load = Callable[[str], str | None]
Values = Mapping[str, str | tuple[str, ...]]


def fill(name: str, load: Load, values: Values, switches: AbstractSet[str]) -> str:
    """The Dockerfile that a template gives.

    `load` gets the name of a template and gives its text, or None. Raises ConfigError for a template that is
    wrong, with its line, and for a value that is not one line.
    """
    lines = tuple(_chosen(tuple(_included(name, load, ())), switches))
    declared = {found[1] for line in lines if (found := _DECLARED.match(line.text)) is not None}
    for key in sorted(declared & values.keys()):
        text = "".join(values[key])
        if _SPLITS.search(text):
            raise ConfigError(
                f"{text!r} cannot be written into a Dockerfile",
                file=f"{name}.Dockerfile",
                expected="one line of text",
                hint=f"rename what {key} stands for",
            )
    kept = (line for line in lines if not _DECLARED.match(line.text))
    return _tidy("\n".join(text for line in kept for text in _filled(line, declared, values)))


def declared_values(name: str, load: Load) -> dict[str, str]:
    """Every placeholder of a template with the value that it shows."""
    lines = _included(name, load, ())
    return {found[1]: found[2] for line in lines if (found := _DECLARED.match(line.text)) is not None}


def named_switches(name: str, load: Load) -> frozenset[str]:
    """Every switch that a template asks for."""
    words = (_WORD.match(line.text) for line in _included(name, load, ()))
    return frozenset(word[2] for word in words if word is not None and word[1] in ("if", "if not"))


def _included(name: str, load: Load, above: tuple[str, ...]) -> Iterator[_TemplateLine]:
    text = load(name)
    file = f"{name}.Dockerfile"
    if text is None:
        raise ConfigError("there is no such template", file=file, hint="docs/reference/templates.md")
    if name in above or len(above) > _DEEPEST:
        raise ConfigError("the template includes itself", file=file)
    for number, line in enumerate(text.splitlines(), 1):
        word = _WORD.match(line)
        if word is not None and word[1] == "include":
            yield from _included(word[2], load, (*above, name))
        else:
            yield _TemplateLine(line, file, number)


def _chosen(lines: tuple[_TemplateLine, ...], switches: AbstractSet[str]) -> Iterator[_TemplateLine]:
    """The lines that count, without those that are for this module."""
    open_parts: list[tuple[bool, _TemplateLine]] = []
    for line in lines:
        word = _WORD.match(line.text)
        if word is None:
            if all(counts for counts, _ in open_parts) and not line.text.startswith("#:"):
                yield line
        elif word[1] == "end":
            if not open_parts:
                raise ConfigError("there is no `#: if` to end", file=line.file, line=line.number)
            open_parts.pop()
        else:
            open_parts.append(((word[2] in switches) == (word[1] == "if"), line))
    if open_parts:
        begun = open_parts[-1][1]
        raise ConfigError("there is no `#: end`", file=begun.file, line=begun.number)


def _filled(line: _TemplateLine, declared: AbstractSet[str], values: Values) -> Iterator[str]:
    """The line, once for each of the several values of a placeholder in it."""
    names = list(dict.fromkeys(_USED.findall(line.text)))
    for name in names:
        _check(name, line, declared, values)
    several = [name for name in names if not isinstance(values[name], str)]
    if len(several) > 1:
        raise ConfigError(
            f"two values of several in one line: {', '.join(several)}", file=line.file, line=line.number
        )
    for one in values[several[0]] if several else [""]:
        held = {name: one if name in several else str(values[name]) for name in names}
        yield _USED.sub(lambda found, held=held: held[found[1]], line.text)  # type: ignore[misc]


def _check(name: str, line: _TemplateLine, declared: AbstractSet[str], values: Values) -> None:
    if name not in declared:
        raise ConfigError(
            f"${{{name}}} is not declared",
            file=line.file,
            line=line.number,
            expected=f"`ARG {name}=EXAMPLE` in front of the first FROM",
        )
    if name not in values:
        raise ConfigError(
            f"there is nothing to put in place of ${{{name}}}",
            file=line.file,
            line=line.number,
            expected=", ".join(sorted(values)),
        )


def _tidy(text: str) -> str:
    """No empty lines at the ends, and never two of them beside each other."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in text.split("\n"))).strip("\n") + "\n"
