"""A pinned stage asks the machine it runs on, and what it learns is shipped.

Why: behind `FROM --platform=$BUILDPLATFORM` `uname -m`, `arch` and `dpkg --print-architecture` tell of the
build machine. Fetching a tool that the stage itself runs by that is right; a file for the image is wrong,
for every platform but the build machine's.

Fix: none: which spelling of the target's name is wanted is told by what it is for; `TARGETARCH` has
Docker's.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.rules.rule import Finding, Level, Rule, RuleContext

_ASKING = {
    "uname": ("-m", "-p", "-i", "-a"),
    "arch": (),
    "dpkg": ("--print-architecture",),
    "getconf": ("LONG_BIT",),
}


def check(context: RuleContext) -> Iterator[Finding]:
    for shell in context.scripts():
        if shell.stage.index not in context.pinned:
            continue
        asking = [c for c in shell.script.commands if _asks(c.name, [w.value for w in c.words[1:]])]
        if not asking or not _is_shipped(
            context, shell.stage.index, shell.run.first_line, shell.run.last_line
        ):
            continue
        for command in asking:
            words = " ".join(w.raw for w in command.words)
            text = (
                f"`{words}` tells of the build machine in this pinned stage, and what comes of it is shipped"
            )
            yield Finding(shell.span(command.span), text)


def _asks(name: str | None, words: list[str | None]) -> bool:
    wanted = _ASKING.get(name or "")
    return wanted is not None and (not wanted or any(word in wanted for word in words))


def _is_shipped(context: RuleContext, stage: int, first: int, last: int) -> bool:
    """Whether the plan says of these lines that what they make is the build machine's, and is taken."""
    verdict = context.plan.stages[stage]
    return any(
        first <= reason.place.line <= last and reason.path is not None and reason.place.file is None
        for reason in verdict.reasons
    )


RULE = Rule(
    "uname-in-pinned-stage",
    Level.ERROR,
    "a pinned stage asks its own machine, and ships what follows from it",
    check,
    __doc__,
)
