"""Names of programs of the project's own that a stage takes from another one.

What lies in a folder of PATH under the name of a program that is described is that program only if nothing
of the project's has its name: a script of the build context, or one made of text, that another stage gave.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from xbuild.graph.model import ContextBase, Edge, ImageBase, sources_of
from xbuild.plan.facts.filesystem import ANY, EVERY, Write, Writes, is_within, without_glob

REDIRECTED = ("RUN", ">")
PRINTERS = (REDIRECTED, ("RUN", "tee"))
"""What makes a file of text, in `Write.by`: what is behind `>`, by whatever program, or `tee`."""


def brought_by(edge: Edge, destination: str | None, writes_of: Mapping[int, Writes]) -> frozenset[str]:
    """The names that files of the project may have in what an edge brings; `writes_of` those stages that are
    known.
    """
    if isinstance(edge.source, ContextBase):
        is_image = edge.source.value.startswith(("docker-image://", "oci-layout://"))
        return frozenset() if is_image else frozenset((EVERY,))
    if isinstance(edge.source, ImageBase):
        return frozenset()
    found: set[str] = set()
    for stage in sources_of(edge.source):
        if stage in writes_of:
            for path in edge.paths:
                found |= _own_names(writes_of[stage], without_glob(path or "/").rstrip("/") or "/")
    # A single file may get another name on the way.
    return frozenset(
        found | {posixpath.basename(destination)} if found and destination is not None else found
    )


def _own_names(writes: Writes, path: str) -> set[str]:
    return {
        name
        for made in writes
        if made.path is not None and (is_within(made.path, path) or is_within(path, made.path))
        for name in _names(writes, made)
    }


def _names(writes: Writes, made: Write) -> frozenset[str]:
    """Of what one write made."""
    own = posixpath.basename(made.path or "/")
    if made.is_empty or made.is_change or made.is_package:
        return frozenset()
    if made.is_context:
        return made.brought | {ANY, own}
    places = [without_glob(place) for place in made.copy_of]
    if any(_is_plain(w) or w.brought for place in places for w in writes.covering(place)):
        return frozenset((ANY, own, *map(posixpath.basename, places)))
    return made.brought | (frozenset((own,)) if made.by[:2] in PRINTERS else frozenset())


def _is_plain(made: Write) -> bool:
    return made.is_context or (made.by[:2] in PRINTERS and not made.is_empty and not made.is_change)
