"""`go install` for another architecture does not put the program where COPY looks for it.

Why: cross-compiled, `go install` writes to `$GOPATH/bin/linux_arm64/` in place of `$GOPATH/bin/`, and refuses
altogether where GOBIN is set. The COPY then fails, or takes a program of the build machine.

Fix: none: `go build -o` writes where it is told.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.rules.pinned_stages import go_builds, is_handed_over, stage_text
from xbuild.rules.rule import Finding, Level, Rule, RuleContext
from xbuild.text import expression

_BY_TARGET = expression(r"GOARCH[= ][\"']?\$\{?TARGET")
# What looks for it below the folder of the architecture, or moves it.
_FOUND = expression(r"\bfind\b|/bin/(?:\$|linux|\*)|\bGOPATH/bin/\*|\bmv\b|-exec\b|xx-go")


def check(context: RuleContext) -> Iterator[Finding]:
    for shell, command, output in go_builds(context):
        text = stage_text(context, shell.stage)
        if "install" not in [word.value for word in command.words] or _FOUND.search(text):
            continue
        is_told = any(a.name == "GOARCH" for a in command.assignments) or "ENV GOARCH" in text
        if is_told and _BY_TARGET.search(text) and is_handed_over(context, shell.stage, output):
            message = "for another architecture this goes to a folder of its name, and COPY misses it"
            yield Finding(shell.span(command.words[0].span), message)


RULE = Rule(
    "install-path-cross",
    Level.ERROR,
    "COPY misses what go install writes for another architecture",
    check,
    __doc__,
)
