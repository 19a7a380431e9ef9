"""What no other language recognises, only when asked for: the files, and what is left to be told."""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.generate.excerpts import is_plain
from xbuild.generate.shape import Candidate, EntryPoint, ProjectKind, Seen, Shape, SourceTree

_NAME = "none"
# How a script begins that can be started: its first line, and the program that reads it.
_SHELLS = ("#!/bin/sh", "#!/bin/bash", "#!/usr/bin/env bash", "#!/usr/bin/env sh")


def find(tree: SourceTree, folder: str) -> Candidate | None:
    files = [path for path in tree.files(folder) if path.rpartition("/")[2] not in (".keep", ".gitkeep")]
    return Candidate(_NAME, folder, files[0]) if files else None


def draw(tree: SourceTree, candidate: Candidate, entry: EntryPoint | None) -> Shape:  # noqa: ARG001
    number = len(tree.files(candidate.folder))
    seen = Seen(f"{number} file{'s' if number > 1 else ''}, of no language that is known", candidate.marker)
    missing = tuple(_missing(tree, candidate))
    note = "the Dockerfile only copies the files: its comments say what could not be told"
    return Shape("files", {"missing": missing}, seen=(seen,), notes=(note,))


def _missing(tree: SourceTree, candidate: Candidate) -> Iterator[str]:
    yield "- the language, and the base image that has it: debian has a shell and little more"
    yield "- how the program is built: a stage that begins with FROM --platform=$BUILDPLATFORM"
    yield "- the packages that it needs while it runs"
    scripts = [p for p in tree.files(candidate.folder) if "/" not in p and _is_script(tree, p)]
    likely = f", perhaps {', '.join(scripts)}" if scripts else ""
    yield f"- what is started (CMD [...]){likely}"
    yield "- the port that it listens on (EXPOSE)"


def _is_script(tree: SourceTree, path: str) -> bool:
    return is_plain(path) and (tree.read(path) or "").startswith(_SHELLS)


LANGUAGE = ProjectKind(_NAME, (), find, draw)
