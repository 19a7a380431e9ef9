"""The settings of a project, checked against a schema, each mistake with its line.

They stand in `.xbuild.yaml`, or as `[tool.xbuild]` in `pyproject.toml`: the nearest of these upwards to the
root of the repository. The schema is `schemas/config.schema.json` with a section for each language. What this
needs is imported only when there is a file, and of languages, twins and rules only where it names some.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xbuild.errors import ConfigError, PlatformError
from xbuild.platforms import Platform
from xbuild.text import fresh, value

if TYPE_CHECKING:
    from xbuild.pipeline.nodes import SettingNode
    from xbuild.plan.model import Settings

NAME = ".xbuild.yaml"
PROJECT = "pyproject.toml"
SILENCE_MINUTES = 5

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
class LintedFiles:
    """What is particular about the Dockerfiles that `glob` names, from the folder of the settings on."""

    glob: str
    context: str | None = None
    target: str | None = None
    platforms: tuple[Platform, ...] = ()


@value()
class LintConfig:
    """The settings of `xbuild lint`; None or empty: not told."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: str | None = None
    fail_on: str | None = None
    exclude: tuple[str, ...] = ()
    require_reason: bool = False
    files: tuple[LintedFiles, ...] = ()


@value()
class Config:
    """The settings of a project; `path` is None when there is no file. `chosen` are those of languages, by
    section and name. `assist` is off, auto or None; `without` names stages that do without;
    `silence` are minutes without output and CPU time after which a step with twins is given up (0: never);
    `with_twins` names twins that are used although they are not by default, `without_twins` those that are
    not used; `accepted` tells what is accepted of a twin; `templates` is a folder of templates of one's own,
    `runtime` the kind of runtime image that these are to have.
    """

    path: str | None = None
    platforms: tuple[Platform, ...] = ()
    chosen: Mapping[str, str] = fresh(dict)
    cache_mounts: bool = True
    allow: tuple[AllowedFile, ...] = ()
    assist: str | None = None
    without: frozenset[str] = frozenset()
    silence: int = SILENCE_MINUTES
    with_twins: frozenset[str] = frozenset()
    without_twins: frozenset[str] = frozenset()
    accepted: Mapping[str, str] = fresh(dict)
    lint: LintConfig = LintConfig()
    templates: str | None = None
    runtime: str | None = None

    def settings(
        self, *, assist: bool, cache_mounts: bool = True, helpers: bool = True, is_brief: bool = False
    ) -> Settings:
        """What the planner is told."""
        from xbuild.plan.model import Settings
        from xbuild.plan.twins import TWINS

        kept = {t.name for t in TWINS if t.by_default or t.name in self.with_twins}
        return Settings(
            self.cache_mounts and cache_mounts,
            self.chosen,
            assist=assist,
            without=self.without,
            without_twins=self.without_twins | ({t.name for t in TWINS} - kept),
            accepted=self.accepted,
            helpers=helpers,
            is_brief=is_brief,
        )


def load_config(given: str | None, context: Path | None) -> Config:
    """The file that `--config` names, else the nearest from the context on, else the defaults.

    A context that is not a local folder has no such file.
    """
    if given is not None:
        return read_config(Path(given))
    found = find_config(context) if context is not None else None
    return read_config(found) if found is not None else Config()


def find_config(folder: Path) -> Path | None:
    """The file with the settings that count in a folder: in itself, or the nearest upwards, to the root of
    the repository that it is in. Raises ConfigError where a folder has two.
    """
    full = folder.resolve()
    root = repository(full) or full
    for parent in (full, *full.parents):
        here = folder if parent == full else _shown(parent)
        there = [p for p in (here / NAME, here / PROJECT) if _holds_settings(p)]
        if len(there) > 1:
            message = f"there are settings in {NAME} too"
            raise ConfigError(message, file=str(there[1]), expected="one of both", hint="move them together")
        if there or parent == root:
            return there[0] if there else None
    return None


def repository(folder: Path) -> Path | None:
    """The root of the repository that a folder is in."""
    return next((p for p in (folder, *folder.parents) if (p / ".git").exists()), None)


def _shown(folder: Path) -> Path:
    """A folder as messages name it: from here on, where it is below."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def _holds_settings(path: Path) -> bool:
    if path.name == NAME:
        return os.path.lexists(path)
    try:
        data = path.read_bytes()
    except OSError:
        return False
    from xbuild.pipeline.nodes import has_toml_table

    return b"xbuild" in data and has_toml_table(data)


def read_config(path: Path) -> Config:
    """The settings in a file. Raises ConfigError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError("there is no such file", file=str(path), hint="correct --config") from None
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {error.strerror}", file=str(path), expected="a YAML file"
        ) from error
    return parse_config(str(path), data)


def parse_config(path: str, data: bytes) -> Config:
    """The settings in the bytes of a file: TOML if it is called so, else YAML. Raises ConfigError."""
    from xbuild.pipeline.nodes import from_toml, from_yaml

    node = from_toml(path, data) if path.endswith(".toml") else from_yaml(path, data)
    if node is None:
        return Config(path)
    value = _ConfigReader(path).read(node, _schema_for(node), "")
    assist = value.get("assist", {})
    return Config(
        path,
        _platforms(path, node, value.get("platforms", ())),
        {
            f"{section}.{name}": text
            for section in value.keys() - _own()
            for name, text in value[section].items()
        },
        value.get("cache_mounts", True),
        tuple(AllowedFile(item["path"], item["reason"]) for item in value.get("verify", {}).get("allow", ())),
        assist.get("mode"),
        frozenset(assist.get("without_stages", ())),
        assist.get("silence", SILENCE_MINUTES),
        frozenset(assist.get("with_twins", ())),
        frozenset(assist.get("without_twins", ())),
        {
            name: text
            for name, text in assist.items()
            if name not in _static()["properties"]["assist"]["properties"]
        },
        _lint(path, node, value.get("lint", {})),
        _beside(path, value.get("generate", {}).get("templates")),
        value.get("generate", {}).get("runtime"),
    )


def _beside(path: str, told: str | None) -> str | None:
    """A folder that is named from the folder of the settings on."""
    return None if told is None else str(Path(path).parent / told)


def _lint(path: str, node: SettingNode, told: dict[str, Any]) -> LintConfig:
    entries = [child for key, child in node.pairs() if key.text == "lint"]
    nodes = [
        item for n in entries for key, child in n.pairs() if key.text == "files" for item in child.items()
    ]
    files = tuple(
        LintedFiles(
            entry["glob"],
            entry.get("context"),
            entry.get("target"),
            _platforms(path, item, entry.get("platforms", ())),
        )
        for entry, item in zip(told.get("files", ()), nodes, strict=True)
    )
    return LintConfig(
        tuple(told.get("select", ())),
        tuple(told.get("ignore", ())),
        told.get("severity"),
        told.get("fail_on"),
        tuple(told.get("exclude", ())),
        told.get("require_reason", False),
        files,
    )


@cache
def _static() -> dict[str, Any]:
    import json
    from importlib.resources import files

    text = (files("xbuild.pipeline") / "schemas" / "config.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def _own() -> frozenset[str]:
    """The sections that are no language's."""
    return frozenset(_static()["properties"])


def schema() -> dict[str, Any]:
    """The schema of the file, with a section for each language that has settings."""
    return _schema(frozenset(_NAMED), with_languages=True)


def _schema_for(node: SettingNode) -> dict[str, Any]:
    """As much of it as a file asks for: the names of twins, rules and languages take long to import."""
    if node.kind != "object":
        return _static()
    names = frozenset(key.text.replace("-", "_") for key, _ in node.pairs())
    return _schema(names, with_languages=not names <= _own())


def _schema(sections: frozenset[str], *, with_languages: bool) -> dict[str, Any]:
    made = dict(_static()["properties"])
    for section in sections & _NAMED.keys():
        made[section] = _NAMED[section](made[section])
    if with_languages:
        from xbuild.plan.settings import schemas

        made.update(schemas())
    return {**_static(), "properties": made}


def _with_twins(section: dict[str, Any]) -> dict[str, Any]:
    from xbuild.plan.twins import TWINS

    of = dict(section["properties"])
    for key in ("with_twins", "without_twins"):
        of[key] = {**of[key], "items": {**of[key]["items"], "enum": [twin.name for twin in TWINS]}}
    for twin in (twin for twin in TWINS if twin.choices):
        of[twin.name] = {
            "description": "; ".join(f"{word}: {meaning}" for word, meaning in twin.choices) + ".",
            "type": "string",
            "enum": [word for word, _ in twin.choices],
        }
    return {**section, "properties": of}


def _with_rules(section: dict[str, Any]) -> dict[str, Any]:
    from xbuild.rules import BY_NAME

    of = dict(section["properties"])
    for key in ("select", "ignore"):
        of[key] = {**of[key], "items": {**of[key]["items"], "enum": list(BY_NAME)}}
    return {**section, "properties": of}


_NAMED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"assist": _with_twins, "lint": _with_rules}


class _ConfigReader:
    """Nodes to values, by a schema of the few words that ours uses."""

    def __init__(self, path: str) -> None:
        self.path = path

    def read(self, node: SettingNode, rule: dict[str, Any], name: str) -> Any:
        """The value of `node`, called `name`, which `rule` allows."""
        kind = node.kind
        if kind == "boolean" and node.text in rule.get("enum", ()):
            return node.text  # YAML 1.1 reads an unquoted `off` as a boolean
        if kind != rule["type"]:
            self._fail(
                node, f"{name or 'the file'} must be {_WORDS[rule['type']]}, and is {_WORDS.get(kind, kind)}"
            )
        if kind == "object":
            return self._object(node, rule, name)
        if kind == "array":
            return self._array(node, rule, name)
        value = node.value()
        if "enum" in rule and value not in rule["enum"]:
            self._fail(node, *_unknown_value(value, name, rule["enum"]))
        if kind == "integer" and value < rule.get("minimum", value):
            self._fail(node, f"{name} must be at least {rule['minimum']}")
        if len(str(value)) < rule.get("minLength", 0):
            self._fail(node, f"{name} is empty")
        return value

    def _array(self, node: SettingNode, rule: dict[str, Any], name: str) -> list[Any]:
        items = node.items()
        if len(items) < rule.get("minItems", 0):
            self._fail(node, f"{name} is empty")
        return [self.read(item, rule["items"], f"{name}[{at}]") for at, item in enumerate(items)]

    def _object(self, node: SettingNode, rule: dict[str, Any], name: str) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, child in self._pairs(node, rule, name):
            inner = f"{name}.{key}" if name else key
            values[key] = self.read(child, rule["properties"][key], inner)
        missing = [key for key in rule.get("required", ()) if key not in values]
        if missing:
            self._fail(node, f"{name} has no {missing[0]}", expected=" and ".join(rule["required"]))
        return values

    def _pairs(self, node: SettingNode, rule: dict[str, Any], name: str) -> Iterator[tuple[str, SettingNode]]:
        """The keys, with `_` for `-`, and what they hold."""
        seen: set[str] = set()
        for key_node, child in node.pairs():
            if key_node.kind in ("array", "object"):
                self._fail(key_node, f"a key must be text, and is {_WORDS[key_node.kind]}")
            text = key_node.text
            key = text if text in rule["properties"] else text.replace("-", "_")
            if key not in rule["properties"]:
                self._fail(key_node, *_unknown(text, name, tuple(rule["properties"])))
            if key in seen:
                self._fail(key_node, f"key {text!r} is given twice")
            seen.add(key)
            yield key, child

    def _fail(
        self, node: SettingNode, message: str, expected: str | None = None, hint: str | None = None
    ) -> None:
        raise ConfigError(message, file=self.path, line=node.line, expected=expected, hint=hint)


def _unknown_value(value: Any, name: str, known: Collection[str]) -> tuple[str, str | None, str | None]:
    from difflib import get_close_matches

    near = get_close_matches(str(value), known, 1)
    expected = " or ".join(known) if len(known) < 30 else None
    return f"{name}: {value!r} is not known", expected, f"write {near[0]!r}" if near else None


def _unknown(key: str, name: str, known: tuple[str, ...]) -> tuple[str, str, str | None]:
    """Message, what was expected, and what was probably meant."""
    from difflib import get_close_matches

    near = get_close_matches(key, known, 1)
    where = f" in {name}" if name else ""
    return f"key {key!r} is not known{where}", ", ".join(known), f"write {near[0]!r}" if near else None


def _platforms(path: str, node: SettingNode, names: Collection[str]) -> tuple[Platform, ...]:
    """`platforms` of a section, each once; a mistake is told with the line of its entry."""
    found: dict[Platform, None] = {}
    entries = next((child.items() for key, child in node.pairs() if key.text == "platforms"), ())
    for name, entry in zip(names, entries, strict=True):
        try:
            found[Platform.parse(name)] = None
        except PlatformError as error:
            raise ConfigError(error.message, file=path, line=entry.line, expected=error.expected) from error
    return tuple(found)
