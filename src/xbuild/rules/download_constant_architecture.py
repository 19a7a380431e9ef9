"""A download that names one architecture, whatever the image is for.

Why: the image for linux/arm64 gets a program for linux/amd64, and nothing says so until it is started
(`exec format error`), or the build stops in a stage that runs it. Nothing is said where a question for the
architecture decides on it (`case $TARGETARCH`, `if [ "$(uname -m)" = … ]`), nor in a stage that is pinned to
the build platform, nor of what is for another system.

Fix: none: whether there is such a file for each platform, and what it is called, is told by its vendor. Most
want `$TARGETARCH` (declare it: `ARG TARGETARCH`) or `$(uname -m)` there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

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
_TELLING = ("echo", "printf", "git", "LABEL")


def check(context: RuleContext) -> Iterator[Finding]:
    places = (place for place in constants(context) if _is_download(context, place))
    yield from told_once(context, places, "{name} is for {architecture}, whatever platform the image is for")


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
