"""Image references: is it one, and by which name is it known.

The grammar is that of distribution's `reference` package (`regexp.go`, `normalize.go`), which BuildKit uses.
"""

from __future__ import annotations

import re

from xbuild.text import expression

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = expression(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = expression(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = expression(r"\w[\w.-]{0,127}", re.ASCII)
_ALGORITHM = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*"
_DIGEST = expression(rf"{_ALGORITHM}:[0-9a-fA-F]{{32,}}")
_IDENTIFIER = expression(r"[a-f0-9]{64}")
_HUB = "docker.io"
_OFFICIAL = "library/"


def familiar_name(text: str) -> str | None:
    """The short name, tag and digest included (`docker.io/library/golang:1` is `golang:1`); None if it is no
    reference.

    `:latest` is left out: named contexts are compared that way (buildx and BuildKit `dockerui`,
    `NamedContext`).
    """
    rest, at, digest = text.partition("@")
    if (at and not _DIGEST.fullmatch(digest)) or _IDENTIFIER.fullmatch(text):
        return None
    domain, path = _split_domain(rest)
    path, colon, tag = path.partition(":")
    if colon and not _TAG.fullmatch(tag):
        return None
    if not _PATH.fullmatch(path) or (domain != _HUB and not _DOMAIN.fullmatch(domain)):
        return None
    name = path.removeprefix(_OFFICIAL) if domain == _HUB and path.count("/") == 1 else path
    if domain != _HUB:
        name = f"{domain}/{name}"
    suffix = (f":{tag}" if tag and (tag != "latest" or at) else "") + (f"@{digest}" if at else "")
    return name + suffix


def _split_domain(name: str) -> tuple[str, str]:
    """Registry and path; a first component that looks like a registry is one (`splitDockerDomain`)."""
    first, slash, rest = name.partition("/")
    if not slash or not (set(".:") & set(first) or first == "localhost" or first.lower() != first):
        return _HUB, name
    return (_HUB if first == "index.docker.io" else first), rest
