"""A path that only one architecture has.

Why: Debian keeps libraries in a folder per architecture (`/usr/lib/x86_64-linux-gnu`), Java in one
(`java-17-openjdk-amd64`), and dynamic loaders are called for it. In an image for another platform the path is
not there: a COPY or a link fails, or a variable such as LD_PRELOAD or JAVA_HOME leads nowhere. A COPY of a
file that is named for one architecture puts that file into the image of every platform. Nothing is said of a
folder that the stage itself makes (`mkdir -p $JAVA_HOME`).

Fix: none: a folder can be found by a pattern (`/usr/lib/*-linux-gnu`), by `$(uname -m)-linux-gnu`, or by
`dpkg --print-architecture`; a file of the build context by `$TARGETARCH`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from xbuild.architectures import ARCHITECTURES
from xbuild.dockerfile.model import Copy
from xbuild.rules.constants import Constant, constants, told_once
from xbuild.rules.rule import Finding, Level, Rule, RuleContext
from xbuild.text import expression

# What is called so on every system of that architecture, and on no other.
_SYSTEM = expression(
    r"(?<![\w-])(?:" + "|".join(re.escape(row.multiarch) for row in ARCHITECTURES) + r")(?=/|:|$|[\"'])"
    r"|/targets/[\w-]+-linux/"
    r"|/jvm/[\w.+-]*-(?:amd64|arm64|x64|aarch64|x86_64)\b"
    r"|/ld-(?:linux|musl)-[\w-]+\.so"
)
# Words about the machine of a compiler, which `target-constant` is about, and names of programs.
_OF_COMPILERS = expression(r"^[\"']?(?:--?(?:host|build|target|march)\b|[\w-]+[\"']?$)")
_ELSEWHERE = expression(r"windows|darwin|qemu-|\.(?:md|txt|json|ya?ml)$", re.IGNORECASE)
_MAKING = ("mkdir", "install", "ln")
_TELLING = ("echo", "printf", "sed", "grep")


def check(context: RuleContext) -> Iterator[Finding]:
    places = (place for place in constants(context) if _is_path(context, place))
    yield from told_once(context, places, "{path} is for {architecture}, whatever platform the image is for")


def _is_path(context: RuleContext, place: Constant) -> bool:
    if place.stage.index in context.pinned or place.program in _TELLING or "://" in place.part:
        return False
    if isinstance(place.instruction, Copy) and not _is_of_stage(place):
        return _ELSEWHERE.search(place.part) is None
    is_system = _SYSTEM.search(place.part) is not None and _OF_COMPILERS.search(place.part) is None
    return is_system and not _is_made(context, place)


def _is_made(context: RuleContext, place: Constant) -> bool:
    """Whether the stage makes the folder that an ARG or ENV names."""
    commands = (c for s in context.scripts() if s.stage is place.stage for c in s.script.commands)
    made = (w for c in commands if c.name in _MAKING for w in c.words[1:])
    return bool(place.name) and any(e.name == place.name for word in made for e in word.expansions)


def _is_of_stage(place: Constant) -> bool:
    """Whether a COPY takes from a stage or an image: what a stage made is told of where it is made."""
    return isinstance(place.instruction, Copy) and place.instruction.from_ is not None


RULE = Rule(
    "path-constant-architecture",
    Level.WARNING,
    "a path that only one architecture has",
    check,
    __doc__,
    first=("target-constant",),
)
