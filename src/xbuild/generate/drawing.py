"""The files that are written: Dockerfile, `.dockerignore`, workflow. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from xbuild.generate.choosing import Chosen
from xbuild.generate.ignoring_files import OF_LANGUAGES, ignore_text, lacking
from xbuild.generate.shape import Seen, SourceTree, UnreadyError
from xbuild.generate.template import Load, fill

DOCKERFILE = "Dockerfile"
IGNORE = ".dockerignore"
WORKFLOW = ".github/workflows/image.yml"

# The beginnings of licences' texts (https://spdx.org/licenses).
_LICENCES = (
    (r"MIT License|Permission is hereby granted, free of charge", "MIT"),
    (r"Apache License\s+Version 2\.0", "Apache-2.0"),
    (r"Mozilla Public License Version 2\.0", "MPL-2.0"),
    (r"The Unlicense|This is free and unencumbered software", "Unlicense"),
    (r"ISC License", "ISC"),
    (r"BSD 3-Clause|Neither the name of", "BSD-3-Clause"),
    (r"BSD 2-Clause", "BSD-2-Clause"),
)


@dataclass(frozen=True)
class Generated:
    """Text by path, from the project's folder on; what an existing `.dockerignore` lacks; what was seen, and
    what is to be known of the result.
    """

    files: Mapping[str, str]
    chosen: Chosen
    seen: tuple[Seen, ...]
    notes: tuple[str, ...]
    lacking: tuple[str, ...] = ()


def generate(
    tree: SourceTree,
    chosen: Chosen,
    load: Load,
    remote: str | None,
    *,
    runtime: str | None = None,
    workflow: bool = False,
) -> Generated:
    """All files for what was chosen.

    `load` gives the text of a template, `remote` is the address of the project's repository, if it is known,
    `runtime` another runtime image than the usual one. Raises ConfigError for a template that is wrong,
    UnreadyError where that image does not fit.
    """
    shape, bundle = chosen.shape, chosen.bundle
    switches = set(shape.switches)
    if runtime is not None and runtime in shape.runtimes:
        switches.add(runtime)
        if shape.runtimes[runtime]:
            message = f"the {runtime} image does not fit: {shape.runtimes[runtime]}"
            raise UnreadyError(message, file=chosen.candidate.marker, hint="leave out generate.runtime")
    values = dict(shape.values)
    seen = [*shape.seen, *chosen.built]
    if bundle is not None:
        switches |= {"web", "embedded" if chosen.is_embedded else "served", *bundle.switches}
        values.update(bundle.values)
        seen += bundle.seen
    values.update(_labels(tree, remote, seen))
    text = fill(shape.template, load, values, switches)
    own = (
        *OF_LANGUAGES.get(chosen.language.name, ()),
        *_tests(tree, chosen),
        *shape.ignored,
        *((bundle.output, *bundle.ignored) if bundle is not None else ()),
    )
    files = {DOCKERFILE: text}
    existing = tree.read(IGNORE)
    if existing is None:
        files[IGNORE] = ignore_text(own)
    if workflow:
        files[WORKFLOW] = _WORKFLOW
    notes = (*shape.notes, *_of_others(chosen))
    return Generated(
        files, chosen, tuple(seen), notes, lacking(existing, own) if existing is not None else ()
    )


def _labels(tree: SourceTree, remote: str | None, seen: list[Seen]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Labels that are facts: where the source is, under which licence."""
    if remote is not None:
        seen.append(Seen(f"the source is at {remote}", ".git/config"))
    yield "repository", (remote,) if remote is not None else ()
    names = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING")
    for name in names:
        text = " ".join((tree.read(name) or "")[:4000].split())
        found = next((spdx for pattern, spdx in _LICENCES if re.search(pattern, text)), None)
        if found is not None:
            seen.append(Seen(f"the licence is {found}", name))
            yield "licence", (found,)
            return
    yield "licence", ()


def repository_address(config: str) -> str | None:
    """The address of `origin` in the text of `.git/config`, as a page has it: without a login."""
    section = re.search(r'^\[remote "origin"\]\n((?:[^\[\n].*\n?|\n)*)', config, re.MULTILINE)
    found = re.search(r"^\s*url\s*=\s*(\S+)\s*$", section[1], re.MULTILINE) if section else None
    if found is None:
        return None
    ssh = re.fullmatch(r"(?:ssh://)?(?:[\w.-]+@)([\w.-]+)(?::\d+/|[:/])([\w./~-]+)", found[1])
    web = re.fullmatch(r"https?://(?:[^@/\s]+@)?([\w.-]+(?::\d+)?)/([\w./~-]+)", found[1])
    place = ssh or web
    return f"https://{place[1]}/{place[2].removesuffix('.git')}" if place else None


def _tests(tree: SourceTree, chosen: Chosen) -> Iterator[str]:
    """Tests, where an image would hold them: the sources of scripting languages are shipped as they are."""
    if chosen.language.name == "python":
        for folder in ("tests", "test"):
            if any(re.search(r"(?:^|/)(?:test_[^/]*|conftest)\.py$", path) for path in tree.files(folder)):
                yield folder
        yield "**/conftest.py"
    if chosen.language.name == "node":
        yield from ("**/*.test.*", "**/*.spec.*", "**/__tests__")


def _of_others(chosen: Chosen) -> Iterator[str]:
    for other in chosen.others:
        yield f"{other.marker}: a project of its own ({other.language}), which is no part of this image"


_WORKFLOW = """\
# The image, for both platforms, at every change; pushed from the main branch.
name: Image

on:
  push:
    branches: [main]
  pull_request:

permissions: {}

jobs:
  image:
    runs-on: ubuntu-24.04
    permissions:
      contents: read
      packages: write
    steps:
      - uses: docker/login-action@v3
        if: github.event_name != 'pull_request'
        with:
          registry: ghcr.io
          username: ${{ github.actor }}
          password: ${{ github.token }}
      - uses: OWNER/xbuild@v1
        with:
          platforms: linux/amd64,linux/arm64
          tags: ghcr.io/${{ github.repository }}:latest
          push: ${{ github.event_name != 'pull_request' }}
"""
