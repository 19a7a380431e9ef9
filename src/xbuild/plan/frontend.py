"""What a `# syntax=` line allows: an edit that needs a newer frontend than the one named is not made.

Sources: moby/buildkit `frontend/dockerfile/docs/reference.md` (RUN --mount since 1.2), Docker Hub tags of
`docker/dockerfile`.
"""

from __future__ import annotations

import re

_NAMES = (
    "docker/dockerfile",
    "docker.io/docker/dockerfile",
    "docker/dockerfile-upstream",
    "docker.io/docker/dockerfile-upstream",
)
_NEEDS = {"mount": (1, 2)}


def blocks(syntax: str | None, feature: str) -> str | None:
    """Why a frontend cannot take `feature` ("pin" or "mount"), or None when it can."""
    if syntax is None:
        return None
    name, _, tag = syntax.split()[0].split("@")[0].partition(":") if syntax.strip() else ("", "", "")
    if name not in _NAMES:
        return f"the frontend `{syntax}` is not known"
    if feature == "pin":
        return None
    if tag.endswith("experimental") or tag in ("", "latest", "master", "1", "labs", "1-labs"):
        return None
    version = re.match(r"(\d+)(?:\.(\d+))?", tag)
    if version is None:
        return f"the version of the frontend `{syntax}` is not known"
    found = (int(version[1]), int(version[2]) if version[2] else 99)
    return f"the frontend `{syntax}` is older than 1.2" if found < _NEEDS[feature] else None
