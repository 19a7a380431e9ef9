"""Trees with Java's archives in them: jars, jars in jars, and what native libraries they hold."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.unit.verify.builder import Built, Elf, Item, write_layout
from xbuild.platforms import Platform
from xbuild.verify.checks import Allow, Severity, Verification
from xbuild.verify.image import verify_layout


def library(architecture: str) -> bytes:
    """A shared library for the machine of an architecture."""
    return Elf(architecture, kind=3, needed=("libc.so.6",)).build()


def archive(members: Mapping[str, bytes], group: str = "") -> bytes:
    """A jar with these members; `group` is that of the artifact which it says it is."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
        if group:
            made.writestr(f"META-INF/maven/{group}/any/pom.properties", f"groupId={group}\n")
        for name, data in members.items():
            made.writestr(name, data)
    return buffer.getvalue()


def verify(items: Mapping[str, Sequence[Item]], allow: Sequence[Allow] = (), base: int = 0) -> Verification:
    """An image with these files, by platform; the first `base` of them come with the base image."""
    built = [
        Built(platform, [layer for layer in (files[:base], files[base:]) if layer])
        for platform, files in items.items()
    ]
    with tempfile.TemporaryDirectory() as folder:
        layout = write_layout(Path(folder) / "layout", *built)
        wanted = [Platform.parse(each.platform) for each in built]
        return verify_layout(layout, wanted, allow, base_layers=1 if base else 0, cache=None)


def told(outcome: Verification) -> list[str]:
    """Failures and warnings, each in one line."""
    found = [(p.platform, check) for p in outcome.platforms for check in p.checks]
    found += [("", check) for check in outcome.across]
    return [
        f"{platform} {check.severity} {check.path}: {check.message} ({check.found})"
        for platform, check in found
        if check.severity is not Severity.OK
    ]
