"""YAML and TOML as nodes that know their lines: what the reader of the settings walks along."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from xbuild.errors import ConfigError

_TAGS = {
    "tag:yaml.org,2002:map": "object",
    "tag:yaml.org,2002:seq": "array",
    "tag:yaml.org,2002:str": "string",
    "tag:yaml.org,2002:bool": "boolean",
    "tag:yaml.org,2002:int": "integer",
    "tag:yaml.org,2002:float": "number",
    "tag:yaml.org,2002:null": "null",
}
_TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
_TABLE = ("tool", "xbuild")


class SettingNode(Protocol):
    """A value in a file. `kind` is JSON Schema's name of its type, `text` how a scalar is written."""

    @property
    def kind(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def line(self) -> int: ...
    def value(self) -> Any:
        """What a scalar is."""

    def items(self) -> Sequence[SettingNode]:
        """Those of an array."""

    def pairs(self) -> Sequence[tuple[SettingNode, SettingNode]]:
        """Those of an object."""


class _YamlNode:
    def __init__(self, node: Any, loader: Any) -> None:
        self._node, self._loader = node, loader
        self.kind = _TAGS.get(node.tag, "something else")
        self.text = str(node.value)
        self.line: int = node.start_mark.line + 1

    def value(self) -> Any:
        return self._loader.construct_object(self._node, deep=True)

    def items(self) -> list[SettingNode]:
        return [_YamlNode(item, self._loader) for item in self._node.value]

    def pairs(self) -> list[tuple[SettingNode, SettingNode]]:
        return [(_YamlNode(k, self._loader), _YamlNode(v, self._loader)) for k, v in self._node.value]


def from_yaml(path: str, data: bytes) -> SettingNode | None:
    """The document in a file, None where it holds nothing. Raises ConfigError."""
    import yaml

    try:
        loader = yaml.SafeLoader(data)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else None
        raise ConfigError(
            f"{error.problem or error.context}", file=path, line=line, expected="YAML"
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(str(error).partition("\n")[0], file=path, expected="YAML in UTF-8") from error
    # `---` alone is a document that holds nothing.
    return None if node is None or node.tag == "tag:yaml.org,2002:null" else _YamlNode(node, loader)


class _TomlNode:
    """A value at a path of keys and numbers; `find` tells the line of a path."""

    def __init__(self, given: Any, path: tuple[str | int, ...], find: Callable[[tuple[str | int, ...]], int]):
        self._given, self._path, self._find = given, path, find
        self.kind = _TYPES.get(type(given), "something else")
        self.text = str(given)

    @property
    def line(self) -> int:
        return self._find(self._path)

    def value(self) -> Any:
        return self._given

    def items(self) -> list[SettingNode]:
        return [_TomlNode(item, (*self._path, at), self._find) for at, item in enumerate(self._given)]

    def pairs(self) -> list[tuple[SettingNode, SettingNode]]:
        at = [(*self._path, key) for key in self._given]
        return [
            (_TomlNode(path[-1], path, self._find), _TomlNode(self._given[path[-1]], path, self._find))
            for path in at
        ]


def has_toml_table(data: bytes) -> bool:
    """Whether there is `[tool.xbuild]`; also where the file is not TOML, and names it."""
    import tomllib

    try:
        return _has(tomllib.loads(data.decode("utf-8")), _TABLE)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return re.search(rb"^\s*\[\s*tool\s*\.\s*xbuild\b", data, re.MULTILINE) is not None


def from_toml(path: str, data: bytes) -> SettingNode | None:
    """`[tool.xbuild]` of a file, None where there is none. Raises ConfigError."""
    import tomllib

    try:
        text = data.decode("utf-8")
        given = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise ConfigError("this is no text", file=path, expected="TOML in UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        at = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", str(error))
        line = int(at[1]) if at is not None and at[1] else len(text.splitlines())
        message = str(error)[: at.start()] if at is not None else str(error)
        raise ConfigError(message, file=path, line=line, expected="TOML") from error
    if not _has(given, _TABLE):
        return None

    def find(where: tuple[str | int, ...]) -> int:
        return _line_of(text, where)

    return _TomlNode(given["tool"]["xbuild"], _TABLE, find)


def _has(given: Any, path: Sequence[str | int]) -> bool:
    try:
        for step in path:
            given = given[step]
    except (LookupError, TypeError):
        return False
    return True


def _line_of(text: str, path: tuple[str | int, ...]) -> int:
    """The line on which the statement begins that gives `path` a value: TOML's own parser tells no lines, so
    it reads more and more of the file until the value is there.
    """
    import tomllib

    lines = text.splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if "xbuild" in line)
    begin = first
    for count in range(first + 1, len(lines) + 1):
        try:
            given = tomllib.loads("".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue
        if _has(given, path):
            return begin + 1
        begin = count
    return first + 1
