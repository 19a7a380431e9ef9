"""`.xbuild.yaml`: the settings of a project, checked against a schema, each mistake with its line.

The file is read as YAML nodes, which know their lines, and walked along a schema: that of
`schemas/config.schema.json` and a section for each language. PyYAML and what else this needs is imported only
when there is a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xbuild.errors import ConfigError, PlatformError
from xbuild.platforms import Platform
from xbuild.text import value

if TYPE_CHECKING:
    import yaml

NAME = ".xbuild.yaml"
SILENCE_MINUTES = 5

_TAGS = {
    "tag:yaml.org,2002:map": "object",
    "tag:yaml.org,2002:seq": "array",
    "tag:yaml.org,2002:str": "string",
    "tag:yaml.org,2002:bool": "boolean",
    "tag:yaml.org,2002:int": "integer",
    "tag:yaml.org,2002:float": "number",
    "tag:yaml.org,2002:null": "null",
}
_WORDS = {
    "integer": "a whole number",
    "object": "keys with values",
    "array": "a list",
    "string": "text",
    "boolean": "true or false",
}


@value()
class AllowedFile:
    """A file that may be for another platform, and why."""

    path: str
    reason: str


@value()
class Config:
    """The settings of a project; `path` is None when there is no file. `chosen` are those of languages, by
    section and name. `assist` is off, auto or None; `without` names stages that do without;
    `silence` are minutes without output and CPU time after which a step with twins is given up (0: never);
    `with_twins` names twins that are used although they are not by default, `without_twins` those that are
    not used; `accepted` tells what is accepted of a twin.
    """

    path: str | None = None
    platforms: tuple[Platform, ...] = ()
    chosen: Mapping[str, str] = field(default_factory=dict)
    cache_mounts: bool = True
    allow: tuple[AllowedFile, ...] = ()
    assist: str | None = None
    without: frozenset[str] = frozenset()
    silence: int = SILENCE_MINUTES
    with_twins: frozenset[str] = frozenset()
    without_twins: frozenset[str] = frozenset()
    accepted: Mapping[str, str] = field(default_factory=dict)


def load_config(given: str | None, context: Path | None) -> Config:
    """The file that `--config` names, else `.xbuild.yaml` in the context, else the defaults.

    A context that is not a local folder has no such file.
    """
    if given is None and context is None:
        return Config()
    path = Path(given) if given is not None else (context or Path()) / NAME
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        if given is None:
            return Config()
        raise ConfigError("there is no such file", file=given, hint="correct --config") from None
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {error.strerror}", file=str(path), expected="a YAML file"
        ) from error
    return parse_config(str(path), data)


def parse_config(path: str, data: bytes) -> Config:
    """The settings in the bytes of a file. Raises ConfigError."""
    from xbuild.plan.settings import schemas
    from xbuild.plan.twins import TWINS

    document = _compose(path, data)
    if document is None:
        return Config(path)
    node, loader = document
    value = _ConfigReader(path, loader).read(node, schema(), "")
    return Config(
        path,
        _platforms(path, node, value.get("platforms", ())),
        {f"{section}.{name}": text for section in schemas() for name, text in value.get(section, {}).items()},
        value.get("cache_mounts", True),
        tuple(AllowedFile(item["path"], item["reason"]) for item in value.get("verify", {}).get("allow", ())),
        value.get("assist", {}).get("mode"),
        frozenset(value.get("assist", {}).get("without_stages", ())),
        value.get("assist", {}).get("silence", SILENCE_MINUTES),
        frozenset(value.get("assist", {}).get("with_twins", ())),
        frozenset(value.get("assist", {}).get("without_twins", ())),
        {twin.name: text for twin in TWINS if (text := value.get("assist", {}).get(twin.name)) is not None},
    )


def schema() -> dict[str, Any]:
    """The schema of the file, with a section for each language that has settings."""
    import json
    from importlib.resources import files

    from xbuild.plan.settings import schemas
    from xbuild.plan.twins import TWINS

    text = (files("xbuild.pipeline") / "schemas" / "config.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    assist = loaded["properties"]["assist"]["properties"]
    for key in ("with_twins", "without_twins"):
        assist[key]["items"]["enum"] = [twin.name for twin in TWINS]
    assist.update(
        {
            twin.name: {
                "description": "; ".join(f"{word}: {meaning}" for word, meaning in twin.choices) + ".",
                "type": "string",
                "enum": [word for word, _ in twin.choices],
            }
            for twin in TWINS
            if twin.choices
        }
    )
    return {**loaded, "properties": {**loaded["properties"], **schemas()}}


def _compose(path: str, data: bytes) -> tuple[yaml.Node, yaml.SafeLoader] | None:
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
    return None if node is None or node.tag == "tag:yaml.org,2002:null" else (node, loader)


class _ConfigReader:
    """YAML nodes to values, by a schema of the few words that ours uses."""

    def __init__(self, path: str, loader: yaml.SafeLoader) -> None:
        self.path = path
        self.loader = loader

    def read(self, node: yaml.Node, rule: dict[str, Any], name: str) -> Any:
        """The value of `node`, called `name`, which `rule` allows."""
        kind = _TAGS.get(node.tag, "something else")
        if kind == "boolean" and node.value in rule.get("enum", ()):
            return str(node.value)  # YAML 1.1 reads an unquoted `off` as a boolean
        if kind != rule["type"]:
            self._fail(
                node, f"{name or 'the file'} must be {_WORDS[rule['type']]}, and is {_WORDS.get(kind, kind)}"
            )
        if kind == "object":
            return self._object(node, rule, name)
        if kind == "array":
            return self._array(node, rule, name)
        value = self.loader.construct_object(node, deep=True)
        if "enum" in rule and value not in rule["enum"]:
            self._fail(node, f"{name}: {value!r} is not known", expected=" or ".join(rule["enum"]))
        if kind == "integer" and value < rule.get("minimum", value):
            self._fail(node, f"{name} must be at least {rule['minimum']}")
        if len(str(value)) < rule.get("minLength", 0):
            self._fail(node, f"{name} is empty")
        return value

    def _array(self, node: Any, rule: dict[str, Any], name: str) -> list[Any]:
        if len(node.value) < rule.get("minItems", 0):
            self._fail(node, f"{name} is empty")
        return [self.read(item, rule["items"], f"{name}[{at}]") for at, item in enumerate(node.value)]

    def _object(self, node: Any, rule: dict[str, Any], name: str) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, child in self._pairs(node, rule, name):
            inner = f"{name}.{key}" if name else key
            values[key] = self.read(child, rule["properties"][key], inner)
        missing = [key for key in rule.get("required", ()) if key not in values]
        if missing:
            self._fail(node, f"{name} has no {missing[0]}", expected=" and ".join(rule["required"]))
        return values

    def _pairs(self, node: Any, rule: dict[str, Any], name: str) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key_node, child in node.value:
            kind = _TAGS.get(key_node.tag, "")
            if kind in ("array", "object"):
                self._fail(key_node, f"a key must be text, and is {_WORDS[kind]}")
            key = str(key_node.value)
            if key not in rule["properties"]:
                self._fail(key_node, *_unknown(key, name, tuple(rule["properties"])))
            if key in seen:
                self._fail(key_node, f"key {key!r} is given twice")
            seen.add(key)
            yield key, child

    def _fail(
        self, node: yaml.Node, message: str, expected: str | None = None, hint: str | None = None
    ) -> None:
        raise ConfigError(
            message, file=self.path, line=node.start_mark.line + 1, expected=expected, hint=hint
        )


def _unknown(key: str, name: str, known: tuple[str, ...]) -> tuple[str, str, str | None]:
    """Message, what was expected, and what was probably meant."""
    from difflib import get_close_matches

    near = get_close_matches(key, known, 1)
    where = f" in {name}" if name else ""
    return f"key {key!r} is not known{where}", ", ".join(known), f"write {near[0]!r}" if near else None


def _platforms(path: str, node: Any, names: list[str] | tuple[str, ...]) -> tuple[Platform, ...]:
    """`platforms`, each once; a mistake is told with the line of its entry."""
    found: dict[Platform, None] = {}
    entries: list[Any] = next((child.value for key, child in node.value if key.value == "platforms"), [])
    for name, entry in zip(names, entries, strict=True):
        try:
            found[Platform.parse(name)] = None
        except PlatformError as error:
            line = entry.start_mark.line + 1
            raise ConfigError(error.message, file=path, line=line, expected=error.expected) from error
    return tuple(found)
