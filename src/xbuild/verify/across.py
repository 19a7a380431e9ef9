"""The Go programs at one path on several platforms: were they built alike?"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from xbuild.verify.checks import Check, Exceptions, Kind, PlatformImage, Severity
from xbuild.verify.gobuildinfo import GoBuildInfo, Module
from xbuild.verify.layers import File


def differences(images: Sequence[PlatformImage], exceptions: Exceptions) -> Iterator[Check]:
    programs: dict[str, list[tuple[PlatformImage, File, GoBuildInfo]]] = defaultdict(list)
    for image in images:
        for file, go in image.go_programs():
            programs[file.path].append((image, file, go))
    for path, found in sorted(programs.items()):
        first = found[0]
        reported: set[str] = set()
        for other in found[1:]:
            for check in _compare(path, first, other):
                if check.message in reported:
                    continue
                reported.add(check.message)
                allowed = exceptions.reason_for(path)
                if allowed is not None:
                    check = replace(check, severity=Severity.OK, reason=f"allowed: {allowed}")
                yield check


def _compare(
    path: str,
    one: tuple[PlatformImage, File, GoBuildInfo],
    two: tuple[PlatformImage, File, GoBuildInfo],
) -> Iterator[Check]:
    (image, file, go), (other_image, _, other) = one, two
    layer = image.layers[file.layer] if file.layer < len(image.layers) else None
    added = layer is None or layer.added
    for message, left, right, weight in _go_differences(go, other):
        yield Check(
            Kind.GO_DIFFERS,
            weight if added else Severity.WARNING,
            message,
            path,
            f"{image.platform}: {left}",
            f"{other_image.platform}: {right}",
            layer,
            "" if added else "came with the base image",
        )


def _go_differences(one: GoBuildInfo, two: GoBuildInfo) -> Iterator[tuple[str, str, str, Severity]]:
    if one.settings and two.settings:
        for key, message, weight in (
            ("CGO_ENABLED", "platforms differ in cgo", Severity.FAILURE),
            ("-tags", "platforms differ in build tags", Severity.FAILURE),
            ("vcs.revision", "platforms were built from different revisions", Severity.WARNING),
        ):
            left, right = one.setting(key), two.setting(key)
            if _canonical(key, left) != _canonical(key, right):
                yield message, f"{key}={left or ''}", f"{key}={right or ''}", weight
    if one.path != two.path:
        yield "platforms hold different programs", one.path, two.path, Severity.WARNING
    if one.go_version != two.go_version:
        yield "platforms differ in their Go version", one.go_version, two.go_version, Severity.WARNING
    yield from _module_differences(one, two)


def _canonical(key: str, value: str | None) -> str | list[str]:
    if key == "-tags":
        return sorted(filter(None, re.split(r"[,\s]+", value or "")))
    return value or ""


def _module_differences(one: GoBuildInfo, two: GoBuildInfo) -> Iterator[tuple[str, str, str, Severity]]:
    left, right = _modules(one), _modules(two)
    for path in sorted(left.keys() & right.keys()):
        if left[path] != right[path]:
            message = f"platforms differ in module {path}"
            yield message, left[path], right[path], Severity.FAILURE
    only = sorted(left.keys() ^ right.keys())
    if only:
        shown = ", ".join(only[:5]) + (f" and {len(only) - 5} more" if len(only) > 5 else "")
        counts = f"{len(left)} modules", f"{len(right)} modules"
        yield f"only some platforms have {shown}", *counts, Severity.WARNING


def _modules(go: GoBuildInfo) -> dict[str, str]:
    return {module.path: _version(module) for module in go.deps}


def _version(module: Module) -> str:
    other = module.replaced_by
    end = f" => {other.path} {other.version} {other.sum}" if other is not None else ""
    return f"{module.version} {module.sum}{end}".strip()
