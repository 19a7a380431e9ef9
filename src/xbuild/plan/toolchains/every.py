"""All rooms, imported whole."""

from __future__ import annotations

from xbuild.graph.model import ImageFacts
from xbuild.plan.facts.images import facts
from xbuild.plan.programs import PROGRAMS
from xbuild.plan.programs.program import by_name
from xbuild.plan.toolchain import Toolchain
from xbuild.plan.toolchains import go, java, node, python, rust, sites

TOOLCHAINS: tuple[Toolchain, ...] = (
    go.TOOLCHAIN,
    java.TOOLCHAIN,
    node.TOOLCHAIN,
    python.TOOLCHAIN,
    rust.TOOLCHAIN,
    sites.TOOLCHAIN,
)
DESCRIBED = by_name((*PROGRAMS, *(program for t in TOOLCHAINS for program in t.programs)))
"""Every program that is described, by its names."""
IMAGES = tuple(row for t in TOOLCHAINS for row in t.images)


def image_facts(reference: str) -> ImageFacts | None:
    """Working directory and environment of an image known by name, for `graph.model.Options`."""
    return facts(reference, IMAGES)
