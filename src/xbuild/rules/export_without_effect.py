"""A variable that decides the target is exported where nothing sees it.

Why: every RUN is a shell of its own. `RUN export GOARCH=$TARGETARCH` has ended when the next RUN compiles,
which then compiles for the machine it runs on.

Fix: `ENV` in its place, where the RUN does nothing else and a Dockerfile can say the value. Not safe: the
variable then holds for every RUN behind it. None for the name of one architecture: without effect, it did no
harm.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.dockerfile.script import Command
from xbuild.plan.facts.releases import architectures_in
from xbuild.rules.rule import Finding, Fix, Level, Rule, RuleContext, RunScript
from xbuild.text import Edit, Span, expression

_DECIDING = expression(
    r"GOOS|GOARCH|GOARM|GOAMD64|CGO_ENABLED|CC|CXX|AR|LD|CARGO_BUILD_TARGET|CARGO_TARGET_\w+|RUSTFLAGS|CHOST|"
    r"TARGETARCH|TARGETPLATFORM|npm_config_(?:arch|platform|target_arch)|PKG_CONFIG_(?:PATH|LIBDIR|SYSROOT_DIR)"
)
_IDLE = ("export", "set", "true", ":", "echo", "unset", "local", "readonly", "printf")


def check(context: RuleContext) -> Iterator[Finding]:
    for shell in context.scripts():
        commands = shell.script.commands
        if shell.script.has_error or any(not _is_idle(command) for command in commands):
            continue
        for export in (e for c in commands if c.name == "export" for e in c.exports):
            if _DECIDING.fullmatch(export.name):
                text = f"{export.name} is gone when this RUN ends, and nothing in it sees it"
                yield Finding(shell.span(export.span), text, _fix(shell, commands))


def _is_idle(command: Command) -> bool:
    """Whether no variable matters to the command; what a substitution asks counts as none."""
    return not command.words or command.name in _IDLE or command.is_inside("substitution")


def _fix(shell: RunScript, commands: tuple[Command, ...]) -> Fix | None:
    (only, *more) = commands
    names = [*only.words[1:]]
    if more or len(names) != len(only.exports) or "$(" in only.words[0].raw or shell.run.flags:
        return None
    if any(architectures_in(word.raw) for word in names):
        return None
    if any(e.kind != "variable" or e.operator for word in names for e in word.expansions):
        return None
    end = shell.span(only.words[0].span).end
    return Fix((Edit(Span(shell.run.keyword_span.start, end), "ENV"),), "write ENV", is_safe=False)


RULE = Rule(
    "export-without-effect",
    Level.WARNING,
    "a variable that decides the target is exported where nothing sees it",
    check,
    __doc__,
    several=False,
)
