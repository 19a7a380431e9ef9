"""MkDocs: documentation that is built with Python, and served as files."""

from __future__ import annotations

import posixpath
import re

from xbuild.generate.excerpts import exists, first_seen, line_of
from xbuild.generate.shape import Candidate, EntryPoint, ProjectKind, Seen, Shape, SourceTree, UnreadyError
from xbuild.generate.template import Values
from xbuild.generate.unchecked import NO_CHECK
from xbuild.generate.versions import PYTHON, PYTHONS, minor

_MARKERS = ("mkdocs.yml", "mkdocs.yaml")
_REQUIREMENTS = (
    "docs/requirements.txt",
    "requirements-docs.txt",
    "requirements/docs.txt",
    "docs-requirements.txt",
    "requirements.txt",
)
_REQUIRED = re.compile(r"^(?:mkdocs\b|mkdocs-material\b)", re.MULTILINE | re.IGNORECASE)
# A theme's package, where the project names none itself: releases of November 2026.
_THEMES = {
    "mkdocs": "mkdocs==1.6.1",
    "readthedocs": "mkdocs==1.6.1",
    "material": "mkdocs-material==9.8.2",
}
# What MkDocs, or the theme's package, brings.
_PLUGINS = {
    "mkdocs": frozenset({"search"}),
    "readthedocs": frozenset({"search"}),
    "material": frozenset({"search", "tags", "blog", "offline", "meta", "group", "info", "privacy"}),
}
_GIT = re.compile(r"^\s*-\s*(git-[\w-]+|table-of-dates)", re.MULTILINE)


def find(tree: SourceTree, folder: str) -> Candidate | None:
    paths = (posixpath.normpath(posixpath.join(folder, name)) for name in _MARKERS)
    marker = next((path for path in paths if exists(tree, path)), None)
    return Candidate("mkdocs", folder, marker, is_site=True) if marker is not None else None


def draw(tree: SourceTree, candidate: Candidate, entry: EntryPoint | None) -> Shape:  # noqa: ARG001
    text = tree.read(candidate.marker) or ""
    pages = re.search(r"^docs_dir:\s*[\"']?([\w./-]+)", text, re.MULTILINE)
    folder = pages[1] if pages is not None else "docs"
    if not tree.files(candidate.inside(folder)):
        raise UnreadyError(f"there are no pages in {folder}/", file=candidate.marker, hint="check docs_dir")
    git = _GIT.search(text)
    if git is not None:
        raise UnreadyError(
            f"the plugin {git[1]} reads the history of .git, which an image's build has not",
            file=candidate.marker,
            line=line_of(text, git.start()),
            hint="take it out, or write the Dockerfile by hand",
        )
    version, version_seen = _version(tree, candidate)
    files, requirements, seen, notes = _packages(tree, candidate, text)
    values: Values = {
        "python": version,
        "suite": PYTHONS[version],
        "files": files,
        "requirements": requirements,
        "fallback": "=404",
    }
    found = (version_seen, seen, Seen(f"pages in {folder}/", candidate.marker))
    return Shape("mkdocs-site", values, frozenset(), found, (*notes, NO_CHECK), ("site",))


def _packages(
    tree: SourceTree, candidate: Candidate, text: str
) -> tuple[tuple[str, ...], str, Seen, tuple[str, ...]]:
    """Files to copy, what uv is told to install, where that was seen, and what is to be known of it."""
    for name in _REQUIREMENTS:
        path = candidate.inside(name)
        found = _REQUIRED.search(tree.read(path) or "")
        if found is not None:
            line = line_of(tree.read(path) or "", found.start())
            return (name,), f"-r {posixpath.basename(name)}", Seen("requirements for pip", path, line), ()
    theme = _theme(text)
    package = _THEMES.get(theme)
    unknown = [name for name in _plugins(text) if name not in _PLUGINS.get(theme, ())]
    if package is None or unknown:
        what = f"the plugin {unknown[0]}" if package is not None else f"the theme {theme}"
        raise UnreadyError(
            f"the version of the package for {what} is not told",
            file=candidate.marker,
            expected=", ".join(_REQUIREMENTS),
            hint="name mkdocs, theme and plugins there, such as mkdocs==1.6.1",
        )
    seen = first_seen(tree, candidate.marker, r"^theme:", f"{package}: no requirements name another")
    note = f"no file names a version of MkDocs: {package} is taken; requirements.txt would hold yours"
    return (), package, Seen(seen.text, seen.file, seen.line, is_sure=False), (note,)


def _theme(text: str) -> str:
    plain = re.search(r"^theme:[ \t]*[\"']?([\w-]+)", text, re.MULTILINE)
    named = re.search(r"^theme:[ \t]*\n(?:[ \t]+.*\n)*?[ \t]+name:[ \t]*[\"']?([\w-]+)", text, re.MULTILINE)
    found = named or plain
    return found[1] if found is not None else "mkdocs"


def _plugins(text: str) -> list[str]:
    """The names in the list `plugins`, those of the uppermost level."""
    part = re.search(r"^plugins:[ \t]*\n((?:[ \t]*-.*\n?|[ \t]+.*\n?|[ \t]*\n)*)", text, re.MULTILINE)
    entries = re.findall(r"^([ \t]*)-[ \t]+[\"']?([\w./-]+)", part[1] if part else "", re.MULTILINE)
    least = min((len(indent) for indent, _ in entries), default=0)
    return [name.removeprefix("material/") for indent, name in entries if len(indent) == least]


def _version(tree: SourceTree, candidate: Candidate) -> tuple[str, Seen]:
    path = candidate.inside(".python-version")
    asked = minor(((tree.read(path) or "").splitlines() or [""])[0])
    if asked in PYTHONS:
        return asked, Seen(f"Python {asked}", path, 1)
    return PYTHON, Seen(f"Python {PYTHON}", candidate.marker, is_sure=False)


LANGUAGE = ProjectKind("mkdocs", _MARKERS, find, draw, gives_way=True)
