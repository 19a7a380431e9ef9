"""A program that its vendor makes for one architecture alone.

Why: the package is not there for another platform, so that the build for it stops; or it is a program that
starts under emulation at best, such as a game server.

Fix: none: there is another program for other platforms, or the image is for one.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.plan.table import words
from xbuild.rules.constants import is_decided, is_for_one
from xbuild.rules.rule import Finding, Level, Rule, RuleContext

# By architecture: packages of which there is one for it alone. As of 2026, from the vendors' own repositories
# and Debian's (`Architecture:` of each).
_ALONE = (
    (
        "amd64",
        "steamcmd microsoft-edge-stable spotify-client slack-desktop skypeforlinux virtualbox teamviewer "
        "intel-mkl libmkl-rt intel-opencl-icd intel-media-va-driver intel-media-va-driver-non-free "
        "i965-va-driver i965-va-driver-shaders",
    ),
)
_BY_NAME = {name: alone for alone, names in _ALONE for name in words(names)}
_INSTALLERS = ("apt-get", "apt", "aptitude", "dnf", "yum", "apk", "zypper")


def check(context: RuleContext) -> Iterator[Finding]:
    wanted = {platform.architecture for platform in context.platforms}
    for shell in context.scripts():
        if is_for_one(context, shell.stage):
            continue
        for number, command in enumerate(shell.script.commands):
            if command.name not in _INSTALLERS or is_decided(shell.script, number):
                continue
            for word in command.words[1:]:
                alone = _BY_NAME.get((word.value or "").partition("=")[0])
                if alone is not None and wanted != {alone}:
                    yield Finding(shell.span(word.span), f"there is {word.value} for {alone} alone")


RULE = Rule(
    "single-platform-software",
    Level.WARNING,
    "a program that exists for one architecture alone",
    check,
    __doc__,
)
