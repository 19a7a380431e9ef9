"""What becomes the image: a project of the folder, one of its entries, perhaps a frontend that it serves."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase

from xbuild.generate.languages.node_projects import bundle
from xbuild.generate.languages.offered import LANGUAGES
from xbuild.generate.shape import (
    Bundle,
    Candidate,
    ChoiceError,
    EntryPoint,
    ProjectKind,
    Seen,
    Shape,
    SourceTree,
    UnreadyError,
)

# Folders of projects that are part of another, or of none.
_ASIDE = frozenset({
    "node_modules", "vendor", "testdata", "test", "tests", "example", "examples", "docs", "third_party",
    "fixtures", ".venv", "venv", "site-packages",
})  # fmt: skip
_DEEPEST = 3
# Programs that a message lists.
_MOST_LISTED = 12
# Texts in which a service names the folder that it serves.
_SOURCES = (
    ".go",
    ".py",
    ".js",
    ".ts",
    ".mjs",
    ".cjs",
    ".java",
    ".kt",
    ".rs",
    ".properties",
    ".yml",
    ".yaml",
    ".toml",
)


@dataclass(frozen=True)
class Chosen:
    """What was recognised: the project, the shape of its image, its frontend, and what else there is.
    `built` are the frontends that the project's own build makes.
    """

    language: ProjectKind
    candidate: Candidate
    entry: EntryPoint | None
    shape: Shape
    bundle: Bundle | None = None
    is_embedded: bool = False
    others: tuple[Candidate, ...] = ()
    built: tuple[Seen, ...] = ()


def candidates(tree: SourceTree) -> tuple[tuple[ProjectKind, Candidate], ...]:
    """Every project that is recognised, those of the root first."""
    found: list[tuple[ProjectKind, Candidate]] = []
    files = tree.files()
    folders = {posixpath.dirname(path) for path in files}
    names = {
        folder: [posixpath.basename(p) for p in files if posixpath.dirname(p) == folder] for folder in folders
    }
    for folder in sorted(folders, key=lambda f: (f.count("/") + bool(f), f)):
        parts = folder.split("/") if folder else []
        if len(parts) > _DEEPEST or _ASIDE & set(parts):
            continue
        for language in LANGUAGES:
            if any(fnmatchcase(name, marker) for name in names[folder] for marker in language.markers):
                candidate = language.find(tree, folder)
                found += [(language, candidate)] if candidate is not None else []
    return tuple(pair for pair in found if pair in _lasting(pair[1].folder, found))


def _lasting(
    folder: str, found: Sequence[tuple[ProjectKind, Candidate]]
) -> Sequence[tuple[ProjectKind, Candidate]]:
    """The folder's projects; one that gives way only where no other can become an image, then it alone."""
    inside = [pair for pair in found if pair[1].folder == folder]
    firm = [pair for pair in inside if not pair[0].gives_way]
    if any(candidate.entries or candidate.is_site for _, candidate in firm):
        return firm
    return [pair for pair in inside if pair[0].gives_way][:1] or firm


def choose(tree: SourceTree, language: str | None = None, entry: str | None = None) -> Chosen:
    """Raises ChoiceError where several things could be meant, UnreadyError where something is missing."""
    if not tree.files():
        raise UnreadyError("the folder is empty", expected="a project", hint="name its folder")
    known = [each.name for each in LANGUAGES]
    if language is not None and language not in known:
        near = get_close_matches(language, known, 1)
        hint = f"is {near[0]} meant?" if near else f"one of {', '.join(known)}"
        raise ChoiceError(f"there are no templates for {language!r}", hint=hint)
    found = candidates(tree)
    own = [pair for pair in found if pair[1].folder == ""]
    if language is not None:
        own = [pair for pair in own if pair[0].name == language] or list(_asked(tree, language))
    if not own:
        raise _nothing(found, language)
    parts = _parts(tree, own)
    own = [pair for pair in own if pair[1].marker not in parts]
    services = [pair for pair in own if not pair[1].is_site] or own
    kind, candidate = _one(services)
    picked = _entry(tree, kind, candidate, entry)
    others = tuple(
        each
        for other, each in found
        if each is not candidate and not other.gives_way and each.marker not in parts
    )
    sites = [each for each in others if each.language == "node" and each.is_site]
    made = _served(tree, kind, candidate, sites) if not candidate.is_site else None
    shape = kind.draw(tree, candidate, picked)
    if made is None and _needs_choice(candidate, own, language):
        raise _several(own)
    frontend, is_embedded = made or (None, False)
    rest = _rest(others, shape, frontend)
    return Chosen(kind, candidate, picked, shape, frontend, is_embedded, rest, tuple(parts.values()))


def _parts(tree: SourceTree, own: Sequence[tuple[ProjectKind, Candidate]]) -> dict[str, Seen]:
    """The frontends that a project of the folder builds by itself, by their markers."""
    sites = [path for path in tree.files() if posixpath.basename(path) == "package.json"]
    made = (
        (site, kind.builds(tree, candidate, posixpath.dirname(site)))
        for kind, candidate in own
        if kind.builds is not None
        for site in sites
    )
    return {site: seen for site, seen in made if seen is not None}


def _asked(tree: SourceTree, name: str) -> Iterator[tuple[ProjectKind, Candidate]]:
    """What only its name finds: a kind without markers, or one that gave way."""
    names = [path for path in tree.files() if "/" not in path]
    for kind in LANGUAGES:
        is_there = any(fnmatchcase(each, marker) for each in names for marker in kind.markers)
        if kind.name == name and (not kind.markers or (kind.gives_way and is_there)):
            candidate = kind.find(tree, "")
            if candidate is not None:
                yield kind, candidate


def _needs_choice(
    candidate: Candidate, own: Sequence[tuple[ProjectKind, Candidate]], language: str | None
) -> bool:
    """A frontend beside a service that does not seem to serve it: which of them is the image?"""
    return language is None and any(each is not candidate for _, each in own)


def _rest(others: Sequence[Candidate], shape: Shape, frontend: Bundle | None) -> tuple[Candidate, ...]:
    """What is no part of the image, although it could be one."""
    used = {f"{folder}/package.json" for folder in shape.values.get("workspace", ())}
    used |= {frontend.marker} if frontend is not None else set()
    return tuple(each for each in others if each.marker not in used and (each.entries or each.is_site))


def _one(services: Sequence[tuple[ProjectKind, Candidate]]) -> tuple[ProjectKind, Candidate]:
    if len(services) > 1:
        raise _several(services)
    return services[0]


def _several(found: Sequence[tuple[ProjectKind, Candidate]]) -> ChoiceError:
    listed = ", ".join(f"{candidate.language} ({candidate.marker})" for _, candidate in found)
    return ChoiceError(
        f"the folder has projects of several languages: {listed}",
        expected="one of them",
        hint=f"--language {found[0][1].language}",
    )


def _nothing(
    found: Sequence[tuple[ProjectKind, Candidate]], language: str | None
) -> ChoiceError | UnreadyError:
    below = [candidate for _, candidate in found if language in (None, candidate.language)]
    if below:
        listed = ", ".join(f"{c.folder or '.'} ({c.language})" for c in below)
        return ChoiceError(
            f"there is no {language or 'known'} project in the folder itself, but below it: {listed}",
            expected="the folder of a project",
            hint=f"xbuild generate {below[0].folder or '.'}",
        )
    markers = ", ".join(f"{marker} ({each.name})" for each in LANGUAGES for marker in each.markers[:1])
    return UnreadyError(
        f"no {language or 'known'} project was recognised in the folder",
        expected=f"one of {markers}",
        hint="name the folder of the project, or write the Dockerfile as for one platform: "
        "xbuild build makes the rest of it; --language none begins one",
    )


def _entry(
    tree: SourceTree, language: ProjectKind, candidate: Candidate, wanted: str | None
) -> EntryPoint | None:
    """The entry that is asked for, by its name or its file, else the only one. Raises ChoiceError."""
    entries = candidate.entries
    if wanted is not None:
        for entry in entries:
            if wanted in (entry.name, *entry.other_names):
                return entry
        interpreter = language.interpreters.get(posixpath.splitext(wanted)[1])
        if interpreter is not None and tree.read(candidate.inside(wanted)) is not None:
            return EntryPoint(wanted, Seen("the program that was named", wanted), (interpreter, wanted))
        listed = ", ".join(entry.name for entry in entries) or "there is none"
        raise ChoiceError(f"there is no entry {wanted!r}", file=candidate.marker, expected=listed)
    if len(entries) > 1:
        shown = [f"{entry.name} ({entry.seen.place})" for entry in entries[:_MOST_LISTED]]
        more = len(entries) - len(shown)
        listed = ", ".join(shown) + (f" and {more} more" if more else "")
        raise ChoiceError(
            f"several programs could be the image's: {listed}",
            file=candidate.marker,
            hint=f"--entry {entries[0].name}",
        )
    return entries[0] if entries else None


def _served(
    tree: SourceTree, kind: ProjectKind, service: Candidate, sites: Sequence[Candidate]
) -> tuple[Bundle, bool] | None:
    """The frontend whose output the service names, and whether it is compiled into the program."""
    for site in sites:
        made = bundle(tree, site)
        taken = kind.takes(tree, service, made.output) if kind.takes is not None else None
        named = (taken, True) if taken is not None else _named(tree, service, site, made)
        if named is not None:
            seen, is_embedded = named
            return replace(made, seen=(*made.seen, seen), marker=site.marker), is_embedded
    return None


def _named(tree: SourceTree, service: Candidate, site: Candidate, made: Bundle) -> tuple[Seen, bool] | None:
    """Where the service names the frontend's output, and whether that is `//go:embed`."""
    for path in tree.files(service.folder):
        inside_site = site.folder and path.startswith(site.folder + "/") and not path.endswith(".go")
        if inside_site or not path.endswith(_SOURCES):
            continue
        text = tree.read(path) or ""
        for word, is_embed in _names(made.output, posixpath.dirname(path)):
            found = re.search(word, text, re.MULTILINE)
            if found is not None:
                line = text.count("\n", 0, found.start()) + 1
                return Seen(f"{made.output}/ is served", path, line, is_sure=is_embed), is_embed
    return None


def _names(output: str, folder: str) -> Iterator[tuple[str, bool]]:
    """How a source in a folder may name the output: embedded, from its own folder on; or as text."""
    place = posixpath.relpath(output, folder or ".")
    if not place.startswith(".."):
        yield rf"^//go:embed\s+(?:\S+\s+)*(?:all:)?[\"'`]?{re.escape(place)}(?:/\S*)?(?:\s|$|[\"'`])", True
    yield rf"[\"'`/](?:\./)?{re.escape(output)}(?:[\"'`/]|$)", False
    top, _, last = output.rpartition("/")
    if top:
        # Path("frontend") / "dist", path.join(__dirname, "frontend", "dist")
        apart = r"[\"']\s*(?:,|/|\))\s*[\"']"
        yield rf"[\"']{re.escape(top).replace('/', apart)}{apart}{re.escape(last)}[\"']", False
