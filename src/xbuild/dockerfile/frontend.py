"""Which frontend reads a file, whether its rules are the ones known here, and what it does not have yet.

Facts: moby/buildkit `frontend/dockerfile/parser/directives.go` (`DetectSyntax`) and
`frontend/dockerfile/docs/reference.md` (RUN --mount since 1.2, here-documents since 1.4, `${NAME#PATTERN}`
since 1.7), Docker Hub tags of `docker/dockerfile`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from xbuild.text import expression

# The newest version whose instructions and flags `check` has.
KNOWN = (1, 27)

# What images of Docker Hub are called elsewhere: its other names, and public mirrors of it.
HUB = ("docker.io/", "index.docker.io/", "mirror.gcr.io/", "public.ecr.aws/docker/")
_NAMES = frozenset({"docker/dockerfile", "docker/dockerfile-upstream"})
# Tags that move with the releases; `master` is ahead of them.
_MOVING = frozenset({"", "latest", "1", "labs", "1-labs", "experimental", "1-experimental"})
_NEEDS = {"mount": (1, 2), "heredoc": (1, 4), "trim": (1, 7)}
_VERSION = expression(r"(\d+)\.(\d+)(?:\.\d+)?(?:-labs|-experimental)?")
_DIRECTIVE = expression(r"([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")
_DIRECTIVES = frozenset({"syntax", "escape", "check"})


def detect_syntax(text: str) -> str | None:
    """The image that `# syntax=` (or `// syntax=`, or a JSON key) names, behind a shebang if there is one."""
    text = text.removeprefix("\ufeff")
    if text.startswith("#!"):
        text = text.partition("\n")[2]
    lines = text.split("\n")
    return _directive(lines, "#") or _directive(lines, "//") or _json_key(text)


def _directive(lines: Iterable[str], comment: str) -> str | None:
    for line in lines:
        found = line.startswith(comment) and _DIRECTIVE.fullmatch(line[len(comment) :].lstrip())
        if not found or found[1].lower() not in _DIRECTIVES:
            return None
        if found[1].lower() == "syntax":
            return found[2].partition(" ")[0]
    return None


def _json_key(text: str) -> str | None:
    if not text.lstrip().startswith("{"):
        return None
    import json

    try:
        value = json.loads(text).get("syntax")
    except ValueError:
        return None
    return value if isinstance(value, str) else None


def is_known(syntax: str | None) -> bool:
    """Whether what `check` refuses, this frontend refuses too; None is the one that comes with BuildKit."""
    if syntax is None:
        return True
    name, tag, digest = _named(syntax)
    if name not in _NAMES:
        return False
    if not tag and digest:
        return False  # a digest alone tells no version
    version = _VERSION.fullmatch(tag)
    return tag in _MOVING or (version is not None and (int(version[1]), int(version[2])) <= KNOWN)


def blocks(syntax: str | None, feature: str) -> str | None:
    """Why a frontend cannot take `feature` ("pin", "mount", "heredoc" or "trim"), or None when it can.

    An edit that needs a newer frontend than the one named is not made.
    """
    if syntax is None:
        return None
    name, tag, _ = _named(syntax)
    if name not in _NAMES:
        return f"the frontend `{syntax}` is not known"
    if feature == "pin" or tag in _MOVING or tag == "master" or tag.endswith("experimental"):
        return None
    version = re.match(r"(\d+)(?:\.(\d+))?", tag)
    if version is None:
        return f"the version of the frontend `{syntax}` is not known"
    found = (int(version[1]), int(version[2]) if version[2] else 99)
    needed = _NEEDS[feature]
    return f"the frontend `{syntax}` is older than {needed[0]}.{needed[1]}" if found < needed else None


def _named(syntax: str) -> tuple[str, str, str]:
    """Name as on Docker Hub where it is an image of that, tag and digest."""
    reference, _, digest = syntax.strip().partition(" ")[0].partition("@")
    name, _, tag = reference.partition(":")
    hub = next((prefix for prefix in HUB if name.startswith(prefix)), "")
    return name.removeprefix(hub), tag, digest
