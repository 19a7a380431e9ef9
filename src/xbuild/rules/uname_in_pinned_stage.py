"""A pinned stage asks the machine it runs on, downloads by that, and the download is shipped.

Why: behind `FROM --platform=$BUILDPLATFORM` `uname -m`, `arch` and `dpkg --print-architecture` tell of the
build machine. Fetching a tool that the stage itself runs by that is right; a file for the image is wrong,
for every platform but the build machine's.

Fix: none: which spelling of the target's name is wanted is told by what it is for; `TARGETARCH` has
Docker's.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from itertools import pairwise

from xbuild.dockerfile.script import Command
from xbuild.graph.scope import Scope, join_path
from xbuild.rules.constants import is_decided
from xbuild.rules.pinned_stages import is_handed_over
from xbuild.rules.rule import Finding, Level, Rule, RuleContext, RunScript
from xbuild.rules.spelling import Spellings
from xbuild.text import expression

_ASKING = {
    "uname": ("-m", "-p", "-i", "-a", "--machine"),
    "arch": (),
    "dpkg": ("--print-architecture",),
    "getconf": ("LONG_BIT",),
}
# By program: the option that names the file, alone or behind other letters.
_DOWNLOADING = {
    "curl": expression(r"-\w*o|--output"),
    "wget": expression(r"-\w*O|--output-document"),
}


def check(context: RuleContext) -> Iterator[Finding]:
    for shell in context.scripts():
        if shell.stage.index not in context.pinned or "TARGET" in shell.script.text:
            continue
        asking = [c for c in shell.script.commands if _asks(c.name, [w.value for w in c.words[1:]])]
        shipped = next(_shipped(context, shell), None) if asking else None
        if shipped is not None:
            words = " ".join(w.raw for w in asking[0].words)
            text = f"`{words}` tells of the build machine in this pinned stage, and the image takes {shipped}"
            yield Finding(shell.span(asking[0].span), text)


def _asks(name: str | None, words: list[str | None]) -> bool:
    wanted = _ASKING.get(name or "")
    return wanted is not None and (not wanted or any(word in wanted for word in words))


def _shipped(context: RuleContext, shell: RunScript) -> Iterator[str]:
    """What is downloaded by the answer, and handed over."""
    scope = Scope(context.graph, shell.stage.index, shell.index)
    spellings = Spellings(scope, shell)
    for number, command in enumerate(shell.script.commands):
        option = _DOWNLOADING.get(command.name or "")
        by_answer = is_decided(shell.script, number) or any(map(spellings.has_platform, command.words))
        if option is None or not by_answer:
            continue
        for given in _outputs(command, option):
            path = posixpath.normpath(join_path(scope.workdir() or "/", given) or given)
            if is_handed_over(context, shell.stage, path):
                yield path


def _outputs(command: Command, option: re.Pattern[str]) -> Iterator[str]:
    """The files that a download is written to, as far as they are named."""
    words = [word.value for word in command.words]
    yield from (new for old, new in pairwise(words) if new is not None and option.fullmatch(old or ""))
    yield from (r.target.value for r in command.redirects if r.target is not None and r.target.value)


RULE = Rule(
    "uname-in-pinned-stage",
    Level.ERROR,
    "a pinned stage asks its own machine, and ships what follows from it",
    check,
    __doc__,
)
