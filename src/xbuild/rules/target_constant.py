"""A compiler is told one target, whatever the image is for.

Why: `cargo build --target x86_64-unknown-linux-musl`, `dotnet publish -r linux-x64`, `-m64` or
`--host=x86_64-linux-gnu` make a program for that architecture in the image of every platform; it does not
start there. Nothing is said of `-march=native`: that differs with the machine that builds, and there is one
for each platform.

Fix: none: a stage that is not pinned needs no target at all; in a pinned one it follows from TARGETARCH.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.rules.constants import Constant, constants, told_once
from xbuild.rules.rule import Finding, Level, Rule, RuleContext
from xbuild.text import expression

_TRIPLE = r"(?:x86_64|aarch64)-[a-z]+-linux-\w+"
_OPTION = r"(?<![\w-])-m(?:64|arch=(?:x86-64|armv8)[\w.+-]*)"
_RID = r"linux-(?:musl-)?(?:x64|arm64)"
# By program, or variable that one is given: what of its words or its value is the target.
_TARGETS = (
    (("cargo", "cross", "rustup", "rustc"), expression(rf"(?:^|target=){_TRIPLE}$")),
    (("dotnet",), expression(rf"^(?:--(?:runtime|arch)[=:]|-[ra]:?|/p:RuntimeIdentifier=)?{_RID}$")),
    (("gcc", "g++", "cc", "c++", "clang", "clang++", "make", "cmake"), expression(_OPTION)),
    (("configure", "config", "Configure"), expression(r"^--(?:host|target)=")),
    (("CARGO_BUILD_TARGET",), expression(_TRIPLE)),
    (("CFLAGS", "CXXFLAGS", "CPPFLAGS"), expression(_OPTION)),
)


def check(context: RuleContext) -> Iterator[Finding]:
    places = (place for place in constants(context) if _is_target(place))
    text = "this makes a program for {architecture}, whatever platform the image is for"
    yield from told_once(context, places, text)


def _is_target(place: Constant) -> bool:
    return any((place.name or place.program) in names and told.search(place.part) for names, told in _TARGETS)


RULE = Rule(
    "target-constant",
    Level.WARNING,
    "a compiler is told one target",
    check,
    __doc__,
)
