"""Are two images the same: configuration, files with modes and owners, machines of the binaries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from xbuild.platforms import Platform
from xbuild.solve.layout import Layout
from xbuild.verify.elf import ElfFacts
from xbuild.verify.excuses import Aspect
from xbuild.verify.image import load
from xbuild.verify.languages.excused import EXCUSES
from xbuild.verify.layers import File
from xbuild.verify.oci import open_image
from xbuild.views.measurement import Comparison, differences

_CONFIG = (
    "User", "Env", "Entrypoint", "Cmd", "WorkingDir", "ExposedPorts", "Labels", "Volumes", "StopSignal",
    "Healthcheck", "Shell", "OnBuild",
)  # fmt: skip


def compare(left_name: str, left: Layout, right_name: str, right: Layout) -> Comparison:
    """How two layouts differ, by platform; sizes and contents of files are not compared."""
    ours, theirs = facts(left), facts(right)
    found = tuple(
        each
        for platform in sorted(ours.keys() | theirs.keys(), key=str)
        for each in differences(str(platform), ours.get(platform, {}), theirs.get(platform, {}))
    )
    count = sum(name.startswith("/") for names in ours.values() for name in names)
    return Comparison(left_name, right_name, found, count)


def facts(layout: Layout) -> Mapping[Platform, Mapping[str, str]]:
    """What is compared, by name, for each platform."""
    configs = {image.platform: dict(_config_facts(image.config)) for image in layout.images}
    with open_image(layout.path) as image:
        loaded, _ = load(image, None, None, None)
    return {
        each.platform: {
            **configs.get(each.platform, {}),
            **{file.path: _file_fact(file) for file in each.files if not _may_be_missing(file.path)},
        }
        for each in loaded
    }


def _config_facts(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "os/architecture", "/".join(str(config.get(key, "")) for key in ("os", "architecture", "variant"))
    inner = config.get("config") or {}
    for key in _CONFIG:
        value = inner.get(key)
        if value:
            yield key, str(sorted(value.items()) if isinstance(value, dict) else value)


def _may_be_missing(path: str) -> bool:
    """What two builds of one text may have, or not."""
    return any(excuse.fits(path, Aspect.PRESENCE) for excuse in EXCUSES)


def _file_fact(file: File) -> str:
    entry = file.entry
    words = [entry.kind, f"{entry.mode & 0o7777:o}", f"{entry.uid}:{entry.gid}"]
    if entry.link:
        words.append(f"-> {entry.link}")
    elf = entry.content.elf if entry.content else None
    if isinstance(elf, ElfFacts):
        words.append(f"ELF machine {elf.machine}, {elf.bits} bits")
    return " ".join(words)
