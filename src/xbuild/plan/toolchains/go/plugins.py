"""Plugins that generators run by their own settings: buf's and sqlc's.

One by its bare name is a program like any other, found where programs are looked for. One by a path, or by
several words, may be anything.

Sources: Buf "buf.gen.yaml" (v1beta1, v1, v2) and "buf.yaml" (`plugins`); sqlc "Configuration" (`plugins`).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from xbuild.plan.recipes.own_files import UntoldError, own_text
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call
from xbuild.text import expression

_SETTINGS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "buf": (words("buf.gen.yaml buf.gen.yml buf.gen.json buf.yaml"), words("--template --config")),
    "sqlc": (words("sqlc.yaml sqlc.yml sqlc.json"), words("-f --file")),
}
"""By program the names of its settings, and the options that name others."""
_KEYS = words("local path protoc_path plugin name cmd")
_LONGEST = 1_000_000
_ELSEWHERE = expression(r"[\w-]+(?:\.[\w-]+)+(?::\d+)?/[\w.-]+/[\w.-]+(?::[\w.-]+)?")


def why_plugins_matter(call: Call, program: str | None) -> str | None:
    """Why what a generator makes may be another on every machine: a plugin that is not followed."""
    if program is None or program not in _SETTINGS or not call.around.context.files():
        return None
    try:
        strange = next((name for name in _named(call, program) if _is_strange(name)), None)
    except UntoldError as error:
        return str(error)
    return f"its settings have it run {strange[:60]}, which is not followed" if strange is not None else None


def plugins_of(call: Call, program: str) -> Iterator[str]:
    """The programs that its settings name, as far as they are told."""
    try:
        yield from [name for name in _named(call, program) if "/" not in name]
    except UntoldError:
        return  # `why_plugins_matter` says so


def _is_strange(name: str) -> bool:
    return " " in name or ("/" in name and not _ELSEWHERE.fullmatch(name))


def _named(call: Call, program: str) -> Iterator[str]:
    """Plugins, each as a program or an address. Raises UntoldError."""
    texts = [text for path in _files(call, program) if (text := own_text(call, path)) is not None]
    texts += [text for text in call.texts if text is not None and text.startswith("{")]
    if not texts:
        raise UntoldError("its settings are not in the build context")
    for text in texts:
        yield from _plugins_in(text, program)


def _files(call: Call, program: str) -> Iterator[str]:
    names, options = _SETTINGS[program]
    following = (*call.texts[1:], None)
    for at, text in enumerate(call.texts[1:], 1):
        option, equals, value = (text or "").partition("=")
        if option in options:
            named = value if equals else following[at]
            path = call.seen(named)
            if path is None:
                raise UntoldError("which settings it reads cannot be told")
            if not (named or "").startswith("{"):
                yield path
    if call.directory is None:
        raise UntoldError("where it runs cannot be told")
    yield from (posixpath.join(call.directory, name) for name in names)


def _plugins_in(text: str, program: str) -> Iterator[str]:
    import yaml

    try:
        found = yaml.safe_load(text) if len(text) <= _LONGEST else None
    except (yaml.YAMLError, RecursionError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise UntoldError("its settings cannot be read")
    plugins = found.get("plugins") or ()
    for plugin in plugins if isinstance(plugins, list | tuple) else (plugins,):
        if not isinstance(plugin, dict):
            raise UntoldError("its settings cannot be read")
        process = plugin.get("process")
        told = {**plugin, **process} if isinstance(process, dict) else plugin
        for key in _KEYS if program == "buf" else ("cmd",):
            yield from _programs(key, told[key]) if key in told else ()


def _programs(key: str, told: object) -> Iterator[str]:
    """What one key says: a program, or one with its words."""
    text = " ".join(map(str, told)) if isinstance(told, list) else str(told)
    is_short = key in ("plugin", "name") and not isinstance(told, list) and "/" not in text
    yield f"protoc-gen-{text}" if is_short else text
