"""A pinned stage compiles Go for the image, and does not say for which architecture.

Why: behind `FROM --platform=$BUILDPLATFORM` Go compiles for the build machine unless GOARCH says otherwise,
so that the image for every other platform gets a program that does not start there. Only what a stage for
the target takes counts.

Fix: `GOARCH=$TARGETARCH` in front of the command, declared. Not safe: whether packages use cgo, which is off
then, is not told by the text; `xbuild rewrite` does it where that can be told. There is none where the stage
asks for cgo (`CGO_ENABLED=1`) or installs a C compiler: it then needs one for the target too.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.dockerfile.script import Command
from xbuild.rules.pinned_stages import go_builds, is_handed_over, stage_text
from xbuild.rules.platform_args import declaration
from xbuild.rules.rule import Finding, Fix, Level, Rule, RuleContext, RunScript
from xbuild.text import Edit, expression

# With one of these in a stage, Go may be told elsewhere.
_TOLD = expression(r"GOARCH|xx-go|goreleaser|\bgox\b|\$\{?TARGET")

# What tells that cgo is used: Go then needs a C compiler for the target besides GOARCH.
_CGO = expression(
    r"CGO_ENABLED[= ][\"']?1"
    r"|\b(?:gcc|g\+\+|clang|musl-dev|build-base|alpine-sdk|build-essential|libc6?-dev)\b"
)


def check(context: RuleContext) -> Iterator[Finding]:
    for shell, command, output in go_builds(context):
        text = stage_text(context, shell.stage)
        if not _TOLD.search(text) and is_handed_over(context, shell.stage, output):
            words = " ".join(word.raw for word in command.words[:2])
            message = f"`{words}` compiles for the build machine here, and the image takes {output}"
            fix = None if _CGO.search(text) else _fix(context, shell, command)
            yield Finding(shell.span(command.words[0].span), message, fix)


def _fix(context: RuleContext, shell: RunScript, command: Command) -> Fix:
    declare = declaration(context, "TARGETARCH", shell.run)
    edits = (declare, Edit.insert(shell.span(command.span).start, "GOARCH=$TARGETARCH "))
    return Fix(edits, "tell Go the target: GOARCH=$TARGETARCH", is_safe=False)


RULE = Rule(
    "goarch-missing",
    Level.ERROR,
    "a pinned stage compiles Go for its own machine, and ships it",
    check,
    __doc__,
)
