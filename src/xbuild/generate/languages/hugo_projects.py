"""Hugo: a site of pages, with its theme in the folder, as a submodule or as a module."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from xbuild.generate.excerpts import exists, first_seen, line_of, read_json, read_toml, table
from xbuild.generate.shape import Candidate, EntryPoint, ProjectKind, Seen, Shape, SourceTree, UnreadyError
from xbuild.generate.template import Values
from xbuild.generate.unchecked import NO_CHECK

# A release whose image there is, and the first that had one; they carry exact versions alone.
_HUGO = (0, 167, 0)
_FIRST = (0, 135, 0)
_MARKERS = tuple(f"hugo.{end}" for end in ("toml", "yaml", "yml", "json"))
_OLD_MARKERS = tuple(f"config.{end}" for end in ("toml", "yaml", "yml"))
_PARTS = ("content", "themes", "layouts", "archetypes")
_SPLIT = "config/_default"
_VERSION = r"v?(\d+)\.(\d+)(?:\.(\d+))?"
# Where a version of Hugo is told: file, pattern.
_TOLD = (
    (".hugo-version", rf"^{_VERSION}"),
    (".hugoversion", rf"^{_VERSION}"),
    (".tool-versions", rf"^(?:go)?hugo\s+(?:extended_)?{_VERSION}"),
    ("netlify.toml", rf"\bHUGO_VERSION\s*=\s*[\"']?{_VERSION}"),
    (".github/workflows/", rf"\b(?:HUGO_VERSION|hugo-version):\s*[\"']?{_VERSION}"),
    (".gitlab-ci.yml", rf"\bHUGO_VERSION:\s*[\"']?{_VERSION}"),
)

Release = tuple[int, int, int]


def find(tree: SourceTree, folder: str) -> Candidate | None:
    root = folder.removesuffix(_SPLIT).rstrip("/") if f"/{folder}".endswith(f"/{_SPLIT}") else folder
    named = [posixpath.normpath(posixpath.join(folder, name)) for name in (*_MARKERS, *_OLD_MARKERS)]
    marker = next((path for path in named if exists(tree, path)), None)
    parts = [p for p in _PARTS if tree.files(posixpath.normpath(posixpath.join(root, p)))]
    wanted = 1 if posixpath.basename(marker or "") in _MARKERS else 2
    if marker is None or len(parts) < wanted or (root != folder and _has_own(tree, root)):
        return None
    return Candidate("hugo", root, marker, is_site=True)


def _has_own(tree: SourceTree, root: str) -> bool:
    return any(exists(tree, posixpath.join(root, name)) for name in (*_MARKERS, *_OLD_MARKERS))


def draw(tree: SourceTree, candidate: Candidate, entry: EntryPoint | None) -> Shape:  # noqa: ARG001
    release, seen = _release(tree, candidate)
    found = [seen, *_themes(tree, candidate)]
    packages = _packages(tree, candidate)
    notes = [NO_CHECK]
    git = re.search(r"^\s*enableGitInfo\s*[:=]\s*true", tree.read(candidate.marker) or "", re.MULTILINE)
    if git is not None:
        notes.append("enableGitInfo has no effect: .git is left out of the build context")
    values: Values = {
        "hugo": "v" + ".".join(map(str, release)),
        "packages": " ".join(packages),
        "fallback": "=404",
    }
    switches = frozenset({"npm"} if packages else ())
    if packages:
        found.append(Seen("npm, by its lock file", candidate.inside("package-lock.json")))
    return Shape("hugo-site", values, switches, tuple(found), tuple(notes), ("public", ".hugo_build.lock"))


def _release(tree: SourceTree, candidate: Candidate) -> tuple[Release, Seen]:
    """The release that the project names, else a usual one that is new enough for it."""
    for name, pattern in _TOLD:
        paths = tree.files(name.rstrip("/")) if name.endswith("/") else (name,)
        for path in paths:
            text = tree.read(path) or ""
            found = re.search(pattern, text, re.MULTILINE)
            if found is not None:
                release = _numbers(found)
                seen = Seen(f"Hugo {_text(release)}", path, line_of(text, found.start()))
                _check(release, seen)
                return release, seen
    text = tree.read(candidate.marker) or ""
    least = re.search(rf"^\s*min(?:_version)?\s*[:=]\s*[\"']?{_VERSION}", text, re.MULTILINE)
    if least is not None and _numbers(least) > _HUGO:
        release = _numbers(least)
        return release, Seen(f"Hugo {_text(release)}", candidate.marker, line_of(text, least.start()))
    return _HUGO, Seen(f"Hugo {_text(_HUGO)}: no version is named", candidate.marker, is_sure=False)


def _numbers(found: re.Match[str]) -> Release:
    return int(found[1]), int(found[2]), int(found[3] or 0)


def _text(release: Release) -> str:
    return ".".join(map(str, release))


def _check(release: Release, seen: Seen) -> None:
    if release < _FIRST:
        raise UnreadyError(
            f"there is no image of Hugo {_text(release)}",
            file=seen.file,
            line=seen.line,
            expected=f"{_text(_FIRST)} or later",
            hint="try the site with a later one, and name that",
        )


def _themes(tree: SourceTree, candidate: Candidate) -> Iterator[Seen]:
    """The themes that the configuration names. Raises UnreadyError for one that is not there."""
    text = tree.read(candidate.marker) or ""
    data = read_toml(tree, candidate.marker) if candidate.marker.endswith(".toml") else {}
    told = data.get("theme", _of_yaml(text))
    named = told if isinstance(told, list) else [told]
    for theme in map(str, named):
        seen = first_seen(tree, candidate.marker, r"^\s*theme\s*[:=]", f"the theme {theme}")
        if "/" in theme and exists(tree, candidate.inside("go.mod")):
            yield seen
        elif not tree.files(candidate.inside(f"themes/{theme}")):
            raise UnreadyError(
                f"the theme {theme} is not in the folder themes",
                file=candidate.marker,
                line=seen.line,
                hint="git submodule update --init --recursive"
                if exists(tree, ".gitmodules")
                else "fetch it, or check the name",
            )
        else:
            yield seen


def _of_yaml(text: str) -> list[str]:
    one = re.search(r"^theme:[ \t]*\[?[ \t]*[\"']?([\w./-]+)", text, re.MULTILINE)
    several = re.search(r"^theme:[ \t]*\n((?:[ \t]*-[ \t]*\S+[ \t]*\n?)+)", text, re.MULTILINE)
    if several is not None:
        return re.findall(r"-\s*[\"']?([\w./-]+)", several[1])
    return [one[1]] if one is not None else []


def _packages(tree: SourceTree, candidate: Candidate) -> tuple[str, ...]:
    """The files that npm installs from, if the site's styles or scripts need its packages."""
    marker = candidate.inside("package.json")
    package = read_json(tree, marker)
    if not table(package, "dependencies") and not table(package, "devDependencies"):
        return ()
    lock = candidate.inside("package-lock.json")
    if not exists(tree, lock):
        raise UnreadyError(
            "there is no lock file of npm, so that the packages' versions are not told",
            file=marker,
            expected="package-lock.json",
            hint="npm install --package-lock-only",
        )
    return "package.json", "package-lock.json"


LANGUAGE = ProjectKind("hugo", (*_MARKERS, *_OLD_MARKERS), find, draw, gives_way=True)
