"""Java: jars by Maven or Gradle, which are the same for every platform."""

from __future__ import annotations

import re
from dataclasses import replace

from xbuild.generate.excerpts import exists, first_seen
from xbuild.generate.languages.gradle_builds import (
    MARKERS,
    built_by_gradle,
    draw_gradle,
    find_gradle,
    taken_in,
)
from xbuild.generate.languages.maven_poms import built_by_maven, draw_maven, find_maven
from xbuild.generate.shape import Candidate, EntryPoint, ProjectKind, Seen, Shape, SourceTree

_POM = "pom.xml"


def find(tree: SourceTree, folder: str) -> Candidate | None:
    """By Maven, and by Gradle where there is no pom.xml."""
    return find_maven(tree, folder) or find_gradle(tree, folder)


def draw(tree: SourceTree, candidate: Candidate, entry: EntryPoint | None) -> Shape:
    if not candidate.marker.endswith(_POM):
        return draw_gradle(tree, candidate, entry)
    shape = draw_maven(tree, candidate, entry)
    beside = [name for name in MARKERS if exists(tree, candidate.inside(name))]
    notes = tuple(f"{name} is left out of account beside {_POM}" for name in beside[:1])
    return replace(shape, notes=(*notes, *shape.notes))


def takes(tree: SourceTree, candidate: Candidate, output: str) -> Seen | None:
    """A frontend's output is part of the jar: it lies in its resources, or the build copies it to them."""
    if re.search(r"(?:^|/)src/main/resources/", output) is not None:
        return Seen(f"{output}/ is part of the jar's resources", candidate.marker)
    if not candidate.marker.endswith(_POM):
        return taken_in(tree, candidate, output)
    for path in tree.files(candidate.folder):
        if path.rpartition("/")[2] == _POM:
            name = rf"<directory>\s*(?:\$\{{(?:project\.)?basedir\}}/)?{re.escape(output)}/?\s*</directory>"
            seen = first_seen(tree, path, name, f"{output}/ is part of the jar")
            if seen.line is not None:
                return seen
    return None


def builds(tree: SourceTree, candidate: Candidate, folder: str) -> Seen | None:
    """A frontend that a plugin of the build makes."""
    if candidate.marker.endswith(_POM):
        return built_by_maven(tree, candidate, folder)
    return built_by_gradle(tree, candidate, folder)


LANGUAGE = ProjectKind("java", (_POM, *MARKERS), find, draw, takes=takes, builds=builds)
