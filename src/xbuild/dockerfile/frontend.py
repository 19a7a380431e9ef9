"""Which frontend reads a file, and whether the rules of that frontend are the ones known here.

Facts: moby/buildkit `frontend/dockerfile/parser/directives.go` (`DetectSyntax`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# The newest version whose instructions and flags `check` has.
KNOWN = (1, 27)

_NAMES = frozenset({"docker/dockerfile", "docker/dockerfile-upstream"})
# Tags that move with the releases.
_MOVING = frozenset({"", "latest", "1", "labs", "1-labs", "experimental", "1-experimental"})
_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.\d+)?(?:-labs|-experimental)?")
_DIRECTIVE = re.compile(r"([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")
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
    syntax = syntax.strip().partition(" ")[0]
    name, _, tag = syntax.partition("@")[0].partition(":")
    if name.removeprefix("docker.io/") not in _NAMES:
        return False
    if not tag and "@" in syntax:
        return False  # a digest alone tells no version
    version = _VERSION.fullmatch(tag)
    return tag in _MOVING or (version is not None and (int(version[1]), int(version[2])) <= KNOWN)
