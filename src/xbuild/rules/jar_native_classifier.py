"""A Java build is told the one platform whose native libraries go into the jar.

Why: with `-Djavacpp.platform=linux-x86_64` or a classifier of that kind, the jar holds libraries for
linux/amd64 alone, in the image of every platform; they fail when they are loaded (`UnsatisfiedLinkError`).

Fix: none: without the option a jar has the libraries of all platforms; which value is wanted for each is told
by the library.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.rules.constants import constants, told_once
from xbuild.rules.rule import Finding, Level, Rule, RuleContext
from xbuild.text import expression

_OPTION = expression(r"^-D(?:os\.detected\.classifier|[\w.]*native\.classifier|[\w.]*\.platform)=")
_PROGRAMS = ("mvn", "mvnw", "gradle", "gradlew", "sbt")


def check(context: RuleContext) -> Iterator[Finding]:
    places = (p for p in constants(context) if p.program in _PROGRAMS and _OPTION.search(p.part))
    yield from told_once(context, places, "the jar gets native libraries for {architecture} alone")


RULE = Rule(
    "jar-native-classifier",
    Level.WARNING,
    "a jar with native libraries for one platform",
    check,
    __doc__,
)
