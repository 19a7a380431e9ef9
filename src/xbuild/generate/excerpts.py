"""Small questions to texts of a project: where something stands, which of its words are plain."""

from __future__ import annotations

import json
import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xbuild.generate.shape import Seen, SourceTree, UnreadyError

# What stands in a Dockerfile, a shell and a JSON string for itself.
_PLAIN = re.compile(r"[A-Za-z0-9_./@+:,=-]+")


def is_plain(word: str) -> bool:
    """Whether a name means itself in an instruction, in a shell and between quotes."""
    return _PLAIN.fullmatch(word) is not None and not word.startswith("-")


def plain(word: str, file: str, what: str) -> str:
    """The word, if it is plain. Raises UnreadyError."""
    if is_plain(word):
        return word
    raise UnreadyError(
        f"{what} {word!r} has letters that do not mean themselves in a Dockerfile",
        file=file,
        hint="rename it, or write the Dockerfile by hand",
    )


def line_of(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def search(
    tree: SourceTree, paths: Sequence[str], pattern: re.Pattern[str]
) -> Iterator[tuple[str, re.Match[str], int]]:
    """Path, match and line of every match in the files named."""
    for path in paths:
        text = tree.read(path) or ""
        for found in pattern.finditer(text):
            yield path, found, line_of(text, found.start())


def first_seen(tree: SourceTree, path: str, pattern: str, text: str) -> Seen:
    """A fact with the line of the first match in a file, if there is one."""
    found = re.search(pattern, tree.read(path) or "", re.MULTILINE)
    return Seen(text, path, line_of(tree.read(path) or "", found.start()) if found else None)


def read_json(tree: SourceTree, path: str) -> dict[str, Any]:
    """An object from a JSON file, empty where there is no such file. Raises UnreadyError for what is none."""
    text = tree.read(path)
    if text is None:
        return {}
    try:
        data = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise UnreadyError("the file is no JSON", file=path, line=line, hint="mend it") from error
    if not isinstance(data, dict):
        raise UnreadyError("the file holds no JSON object", file=path, hint="mend it")
    return data


def read_toml(tree: SourceTree, path: str) -> dict[str, Any]:
    """A TOML file, empty where there is none. Raises UnreadyError for what is no TOML."""
    text = tree.read(path)
    if text is None:
        return {}
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise UnreadyError(f"the file is no TOML: {error}", file=path, hint="mend it") from error


def table(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The table at the end of a path of keys; empty for what is missing or no table."""
    for name in names:
        inner = data.get(name)
        data = inner if isinstance(inner, dict) else {}
    return dict(data)


def own_files(tree: SourceTree, folder: str, ending: str) -> tuple[str, ...]:
    """Files with an ending below a folder."""
    return tuple(path for path in tree.files(folder) if path.endswith(ending))


def exists(tree: SourceTree, path: str) -> bool:
    return tree.read(path) is not None


def exec_form(words: Sequence[str]) -> str:
    """A command as the instructions take it, without a shell."""
    return json.dumps(list(words))


def copied(folder: str, names: Sequence[str]) -> str:
    """Sources of a COPY."""
    return " ".join(posixpath.normpath(posixpath.join(folder, name)) for name in names)


def is_member(place: str, pattern: str) -> bool:
    """Whether a pattern of a workspace (npm's, cargo's) names a folder: `*` is a part of it, `**` several."""
    expression = re.escape(posixpath.normpath(pattern)).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    return re.fullmatch(expression, place) is not None
