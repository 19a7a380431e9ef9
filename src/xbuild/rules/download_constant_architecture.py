"""A download that names one architecture, whatever the image is for.

Why: the image for linux/arm64 gets a program for linux/amd64, and nothing says so until it is started
(`exec format error`), or the build stops in a stage that runs it. Nothing is said where a question for the
architecture decides on it (`case $TARGETARCH`, `if [ "$(uname -m)" = … ]`), nor in a stage that is pinned to
the build platform, nor of what is for another system.

Fix: none: what ships would be another program. Whether there is such a file for each platform, and what it is
called, is told by its vendor; where that is known, the message has it. Most want `$TARGETARCH` (declare it:
`ARG TARGETARCH`) or `$(uname -m)` there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from xbuild.graph.scope import Scope
from xbuild.plan.facts.releases import spelling_of, told_by
from xbuild.rules.constants import Constant, constants, told_once
from xbuild.rules.rule import Finding, Level, Rule, RuleContext
from xbuild.text import expression

_URL = expression(r"\b(?:https?|ftp)://", re.IGNORECASE)
# For another system, or for all architectures all the same: sources, sums.
_ELSEWHERE = expression(
    r"windows|win(?:32|64|[-_.]?x64)|darwin|macos|osx|apple|\bnoarch\b|_all\.deb|android|"
    r"github\.com/[^/]+/[^/]+/archive/|"
    r"\.(?:sha\d+\w*|sig|asc|md5|gpg|pub|key)\b",
    re.IGNORECASE,
)
_SUM = expression(r"--checksum|\b[0-9a-fA-F]{32,}\b|\b(sha\d+|md5|b2)sum\b|\bshasum\b")
_TELLING = ("echo", "printf", "git", "LABEL")


def check(context: RuleContext) -> Iterator[Finding]:
    places = (place for place in constants(context) if _is_download(context, place))
    text = "{name} is for {architecture}, whatever platform the image is for"
    yield from told_once(context, places, text, lambda place: _cure(context, place))


def _cure(context: RuleContext, place: Constant) -> str:
    """What its vendor calls the files for all platforms, where that is known."""
    raw = context.dockerfile.source[place.at]
    address = Scope(context.graph, place.stage.index, place.index).expand_known(raw).text
    names = spelling_of(address or "")
    if names is None or not {p.architecture for p in context.platforms} <= names.names.keys():
        return ""
    told = told_by("TARGETARCH", names)
    if place.command is None and "(" in told:
        return f"; its vendor has {' and '.join(names.names.values())}: fetch it in a RUN, by {told}"
    sums = ", each file with its own sum" if _SUM.search(place.instruction.logical.text) else ""
    return f"; write {told} in place of {names.word}, behind ARG TARGETARCH{sums}"


def _is_download(context: RuleContext, place: Constant) -> bool:
    if place.stage.index in context.pinned or place.program in _TELLING:
        return False
    return _URL.search(place.part) is not None and _ELSEWHERE.search(place.part) is None


RULE = Rule(
    "download-constant-architecture",
    Level.WARNING,
    "a download for one architecture",
    check,
    __doc__,
    first=("package-constant-architecture",),
)
