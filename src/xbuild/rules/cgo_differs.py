"""Go is cross-compiled, and CGO_ENABLED is left to it.

Why: Go turns cgo off when it compiles for another architecture, and leaves it on for its own where there is a
C compiler. The image for the build machine's platform then gets a program that is linked with glibc, and
fails on scratch or Alpine; those for other platforms get a static one, which resolves names otherwise.

Fix: `CGO_ENABLED=0` in front of the command: the same program for every platform. Not safe: it changes the
one for the build machine's platform.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.graph.model import ImageBase
from xbuild.rules.pinned_stages import go_builds, is_handed_over, stage_text
from xbuild.rules.rule import Finding, Fix, Level, Rule, RuleContext, RunScript
from xbuild.text import Edit, expression

_TOLD = expression(r"CGO_|xx-go|(?<![\w/])CC=|goreleaser")
_BY_TARGET = expression(r"GOARCH[= ][\"']?\$\{?TARGETARCH")
# What C code of its own needs: then cgo is wanted, or told of elsewhere.
_FOR_C = expression(r"\b(?:gcc|build-base|build-essential|musl-dev|clang|lib[\w.+-]+-dev|[\w.+-]+-devel)\b")


def check(context: RuleContext) -> Iterator[Finding]:
    for shell, command, output in go_builds(context):
        text = stage_text(context, shell.stage)
        if _TOLD.search(text) or not _BY_TARGET.search(text) or _FOR_C.search(text):
            continue
        if _has_compiler(context, shell) and is_handed_over(context, shell.stage, output):
            start = shell.span(command.span).start
            fix = Fix((Edit.insert(start, "CGO_ENABLED=0 "),), "set CGO_ENABLED=0", is_safe=False)
            message = "with cgo for the build machine's platform, without it for every other"
            yield Finding(shell.span(command.words[0].span), message, fix)


def _has_compiler(context: RuleContext, shell: RunScript) -> bool:
    """Whether the image is Go's own with a C compiler in it: not Alpine's."""
    base = context.graph.stages[context.graph.root_of(shell.stage.index)].base
    reference = base.reference if isinstance(base, ImageBase) else None
    name, _, tag = (reference or "").partition("@")[0].rpartition("/")[2].partition(":")
    return name == "golang" and "alpine" not in tag


RULE = Rule(
    "cgo-differs",
    Level.WARNING,
    "Go uses cgo for the build machine's platform alone",
    check,
    __doc__,
)
