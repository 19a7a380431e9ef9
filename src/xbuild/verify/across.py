"""The programs at one path on several platforms: were they built alike? And what languages object to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from xbuild.verify.built import Built
from xbuild.verify.checks import Check, CheckKind, Exceptions, Objection, PlatformImage, Severity
from xbuild.verify.layers import File


def differences(images: Sequence[PlatformImage], exceptions: Exceptions) -> Iterator[Check]:
    programs: dict[str, list[tuple[PlatformImage, File, Built]]] = defaultdict(list)
    for image in images:
        for file, built in image.built():
            programs[file.path].append((image, file, built))
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
    one: tuple[PlatformImage, File, Built],
    two: tuple[PlatformImage, File, Built],
) -> Iterator[Check]:
    (image, file, built), (other_image, _, other) = one, two
    layer = image.layers[file.layer] if file.layer < len(image.layers) else None
    added = layer is None or layer.added
    for each in built.differences(other):
        yield Check(
            CheckKind.DIFFERS,
            Severity.FAILURE if each.is_wrong and added else Severity.WARNING,
            each.message,
            path,
            f"{image.platform}: {each.one}",
            f"{other_image.platform}: {each.other}",
            layer,
            "" if added else "came with the base image",
        )


def weigh_across(image: PlatformImage, objection: Objection, exceptions: Exceptions) -> Check:
    """The check that comes of an objection across platforms; `image` is the one that its file is in."""
    at = objection.file.layer
    return objection.weigh(image.layers[at] if at < len(image.layers) else None, exceptions)
