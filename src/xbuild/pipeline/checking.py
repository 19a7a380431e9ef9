"""Verification of an image, and of what was built, where a failure has its line of the user's Dockerfile."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from xbuild.errors import ImageError, WrongArchitectureError
from xbuild.pipeline.config import AllowedFile as ConfiguredAllow
from xbuild.pipeline.prepare import Prepared
from xbuild.pipeline.project import Project, plan_project
from xbuild.pipeline.records import Records
from xbuild.platforms import Platform
from xbuild.solve.build import SolveResult
from xbuild.verify.checks import Allow, Check, Layer, Verification
from xbuild.verify.image import verify_engine_image, verify_layout, verify_reference
from xbuild.verify.leaks import Leak, LeakScan, find_leaks
from xbuild.views.origin import Origin, count_triggered, find_origin
from xbuild.views.terminal import count
from xbuild.views.verification import check_text

_LISTED = 20
# What no image reference begins with, or, in all likelihood, ends with.
_PATH_STARTS = ("/", "./", "../", "~")
_ARCHIVE_ENDS = (".tar", ".tar.gz", ".tgz", ".tar.zst")


def allowed(entries: tuple[ConfiguredAllow, ...]) -> tuple[Allow, ...]:
    """Exceptions of the configuration as verification takes them."""
    return tuple(Allow(entry.path, entry.reason) for entry in entries)


def verify_image(
    image: str, platforms: tuple[Platform, ...] | None, allow: tuple[Allow, ...], *, from_engine: bool = False
) -> Verification:
    """Judge every binary of an image: a reference, an OCI layout, or an archive. Raises XbuildError."""
    if from_engine:
        return verify_engine_image(image, platforms, allow)
    # os.path, not Path: a name that is too long for a file is no file, and no error
    if any(os.path.isfile(f"{image}{part}") for part in ("", "/index.json", "/oci-layout")):  # noqa: PTH113
        return verify_layout(Path(image), platforms, allow)
    if os.path.isdir(image):  # noqa: PTH112
        raise ImageError(
            "this folder is no OCI layout",
            file=image,
            expected="index.json and oci-layout in it",
            hint=f"an image of that name: docker.io/library/{image}" if "/" not in image else None,
        )
    if not os.path.exists(image) and image.startswith(_PATH_STARTS) | image.endswith(_ARCHIVE_ENDS):  # noqa: PTH110
        raise ImageError(
            "there is no such file or folder",
            file=image,
            expected="an OCI layout folder, an archive, or a reference",
            hint="check the path",
        )
    return verify_reference(image, platforms, allow)


@dataclass(frozen=True)
class Checked:
    """A verification, and where each platform's layers come from in the text that was built."""

    verification: Verification
    origins: dict[str, Origin]
    prepared: Prepared

    def line_of(self, platform: str, check: Check) -> int | None:
        """The line of the user's Dockerfile that made the file of a check."""
        return self.line_of_layer(platform, check.layer)

    def line_of_layer(self, platform: str, layer: Layer | None) -> int | None:
        """The line of the user's Dockerfile that made a layer."""
        origin = self.origins.get(platform)
        line = origin.line(layer.index) if origin and layer else None
        return self.prepared.user_line(line) if line else None


def check(prepared: Prepared, result: SolveResult) -> Checked:
    """Judge every binary of the layout that was built."""
    assert result.layout is not None
    origins = _origins(prepared, result)
    verification = verify_layout(
        result.layout.path,
        result.platforms or None,
        allowed(prepared.project.config.allow),
        base_layers={platform: origin.base_layers for platform, origin in origins.items()} or None,
    )
    return Checked(verification, {str(key): origin for key, origin in origins.items()}, prepared)


@dataclass(frozen=True)
class CheckedLeaks:
    """Leaks, and the lines of the user's file that made their layers (None: not known)."""

    scan: LeakScan
    lines_by_layer: Mapping[tuple[Platform, int], int | None]

    def lines(self) -> Iterator[tuple[Leak, int | None]]:
        for leak in self.scan.leaks:
            yield leak, self.lines_by_layer.get((leak.platform, leak.layer.index))


def check_leaks(prepared: Prepared, result: SolveResult, needle: bytes) -> CheckedLeaks:
    """Whether a text that belongs to the build alone stands in a layer that the build made."""
    assert result.layout is not None
    origins = _origins(prepared, result)
    base_layers = {platform: origin.base_layers for platform, origin in origins.items()}
    records = Records()
    scan = find_leaks(
        result.layout.path,
        needle,
        base_layers or None,
        platforms=tuple(result.platforms) or None,
        known=records.clean_layers(needle),
    )
    if scan.clean:
        records.keep_clean_layers(needle, scan.clean)
    lines: dict[tuple[Platform, int], int | None] = {}
    for leak in scan.leaks:
        origin = origins.get(leak.platform)
        line = origin.line(leak.layer.index) if origin else None
        lines[leak.platform, leak.layer.index] = prepared.user_line(line) if line else None
    return CheckedLeaks(scan, lines)


def _origins(prepared: Prepared, result: SolveResult) -> dict[Platform, Origin]:
    assert result.layout is not None
    chain = prepared.target_chain
    triggered = count_triggered(vertex.step for vertex in result.vertices)
    found = {
        image.platform: find_origin(image.config.get("history") or (), chain, triggered)
        for image in result.layout.images
    }
    origins = {platform: origin for platform, origin in found.items() if origin is not None}
    # What is known for some platforms only would excuse files on these alone.
    return origins if len(origins) == len(found) and chain else {}


def repairs(project: Project) -> list[str]:
    """Downloads of the Dockerfile that are for one architecture, each with its line: changing one would ship
    another program, so that it is said and not done.
    """
    from xbuild.graph.build import build_graph
    from xbuild.rules.download_constant_architecture import check as downloads
    from xbuild.rules.rule import RuleContext

    if project.dockerfile is None or len(project.platforms or ()) < 2:
        return []
    assert project.platforms is not None
    graph = build_graph(project.dockerfile, project.graph_options)
    context = RuleContext(
        project.dockerfile,
        graph,
        project.platforms,
        project.platforms[0],
        project.context,
        project.inputs.context_dir is not None,
        lambda: plan_project(project),
    )
    source = project.dockerfile.source
    return [f"repair line {source.line_of(f.span.start)}: {f.message}" for f in downloads(context)]


def wrong_architecture(checked: Checked) -> WrongArchitectureError:
    """The error that names every file, its layer and the line that made it."""
    failures = [
        (platform.platform, finding)
        for platform in checked.verification.platforms
        for finding in platform.failures
    ]
    failures += [
        ("across platforms", finding)
        for finding in checked.verification.across
        if finding.severity == "failure"
    ]
    lines = [
        f"{platform}: {check_text(finding, checked.line_of(platform, finding))}"
        for platform, finding in failures[:_LISTED]
    ]
    if len(failures) > _LISTED:
        lines.append(f"and {len(failures) - _LISTED} more (--report FILE.json has all)")
    lines += repairs(checked.prepared.project)
    first = next((line for each in failures if (line := checked.line_of(*each))), None)
    return WrongArchitectureError(
        "\n    ".join(
            [f"{count(len(failures), 'file')} would not run; nothing was pushed, loaded or written", *lines]
        ),
        file=checked.prepared.project.inputs.path,
        line=first,
        expected="every program and library for its image's platform",
        hint="xbuild plan shows how each stage is built; files that are meant to be foreign: verify.allow in"
        " .xbuild.yaml, with a reason",
    )
