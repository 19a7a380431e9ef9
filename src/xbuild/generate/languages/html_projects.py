"""A site of files alone: an `index.html`, which nothing builds."""

from __future__ import annotations

import posixpath

from xbuild.generate.excerpts import first_seen, read_json, table
from xbuild.generate.shape import Candidate, EntryPoint, ProjectKind, Seen, Shape, SourceTree, UnreadyError
from xbuild.generate.unchecked import NO_CHECK

# What makes another page than the one that lies there, and would have to run first.
_BUILDERS = (
    ("package.json", ""),
    ("_config.yml", "Jekyll"),
    ("Gemfile", "Ruby"),
    ("composer.json", "PHP"),
    ("index.php", "PHP"),
    ("conf.py", "Sphinx"),
    ("book.toml", "mdBook"),
)


def find(tree: SourceTree, folder: str) -> Candidate | None:  # noqa: ARG001
    marker = posixpath.normpath(posixpath.join(folder, "index.html"))
    return Candidate("html", folder, marker, is_site=True)


def draw(tree: SourceTree, candidate: Candidate, entry: EntryPoint | None) -> Shape:  # noqa: ARG001
    for name, tool in _BUILDERS:
        path = candidate.inside(name)
        if tree.read(path) is None:
            continue
        if name == "package.json" and "build" not in table(read_json(tree, path), "scripts"):
            continue
        what = tool or "its script `build`"
        line = None if tool else first_seen(tree, path, r'"build"\s*:', "").line
        raise UnreadyError(
            f"{what} may make the pages, and there is no template for that",
            file=path,
            line=line,
            hint="run xbuild generate in the folder that holds what is built",
        )
    seen = Seen("a site of files alone", candidate.marker)
    notes = ("every file of the folder is served, but for what .dockerignore leaves out", NO_CHECK)
    return Shape("html-site", {"fallback": "=404"}, seen=(seen,), notes=notes)


LANGUAGE = ProjectKind("html", ("index.html",), find, draw, gives_way=True)
