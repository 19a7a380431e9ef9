"""What a user can choose about languages, from the rows of the toolchains: by keyword, and as a schema."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from xbuild.errors import UsageError
from xbuild.plan.model import Setting, Settings
from xbuild.plan.toolchains import TOOLCHAINS

SETTINGS: tuple[Setting, ...] = tuple(s for toolchain in TOOLCHAINS for s in toolchain.settings)


def settings_of(
    keywords: Mapping[str, object], *, cache_mounts: bool = True, others: Collection[str] = ()
) -> Settings:
    """Settings by keywords, which may stand beside `others`. Raises UsageError for a keyword or a value that
    there is not.
    """
    known = {setting.name: setting for setting in SETTINGS}
    chosen: dict[str, str] = {}
    for name, value in keywords.items():
        setting = known.get(name)
        if setting is None:
            near = get_close_matches(name, (*others, *known), 1)
            raise UsageError(
                f"keyword {name!r} is not known",
                expected=", ".join((*others, *known)),
                hint=f"write {near[0]!r}" if near else None,
            )
        if value not in setting.values:
            raise UsageError(f"{name}={value!r} is not known", expected=", ".join(setting.values))
        chosen[setting.key] = str(value)
    return Settings(cache_mounts, chosen)


def schemas() -> dict[str, dict[str, Any]]:
    """By section what it may hold, as JSON schemas."""
    sections: dict[str, dict[str, Any]] = {}
    for setting in SETTINGS:
        rule = {
            "description": "; ".join(f"{value}: {meaning}" for value, meaning in setting.choices) + ".",
            "type": "string",
            "enum": list(setting.values),
        }
        empty = {"type": "object", "additionalProperties": False, "properties": {}}
        sections.setdefault(setting.section, empty)["properties"][setting.name] = rule
    return sections
