"""The platform's name in the wrong spelling.

Why: what Docker calls arm64 is aarch64 to the kernel and to GNU's tools, amd64 is x86_64 there and x64 to
Node.js, and Debian has names of its own for arm (armhf), ppc64le (ppc64el) and 386 (i386). With another
one's word in it a download, a target or a package is not found, or a wrong one is taken.

Fix: none: the word that is wanted follows from `uname -m` (in a stage that is not pinned), from
`dpkg --print-architecture`, or from a `case $TARGETARCH`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from xbuild.dockerfile.model import Arg, Copy, Env
from xbuild.dockerfile.script import Command, Word
from xbuild.graph.scope import Scope
from xbuild.rules.rule import Finding, Level, Rule, RuleContext
from xbuild.rules.spelling import Spellings, spell
from xbuild.text import Span, expression

_HERE = r"\{(?P<told>docker|uname|debian)\}"
# Where a platform's name stands, and whose spelling is wanted there.
_PLACES = (
    (rf"{_HERE}-(?:unknown-)?linux-(?:gnu|musl)", "gnu"),
    (rf"^GOARCH={_HERE}$", "docker"),
    (rf"\[[^\]]*\barch={_HERE}", "debian"),
    (rf"^--add-architecture[= ]{_HERE}$", "debian"),
    (rf"/node-v[^/]*-linux-{_HERE}", "npm"),
    (rf"^--cpu[= ]{_HERE}$", "npm"),
    (rf"^npm_config_(?:target_)?arch={_HERE}$", "npm"),
    (rf"/protoc-[^/]*-linux-{_HERE}\.zip", "protoc"),
    (rf"/awscli-exe-linux-{_HERE}", "uname"),
    (rf"/Mini(?:conda|forge|mamba)[^/]*-Linux-{_HERE}\.sh", "uname"),
    (rf"(?:go\.dev/dl|dl\.google\.com/go|golang\.org/dl)/go[^/]*\.linux-{_HERE}\.", "docker"),
    (rf"/bin/linux/{_HERE}/kube(?:ctl|adm|let)", "docker"),
    (rf"get\.helm\.sh/helm-[^/]*-linux-{_HERE}\.", "docker"),
)
# Options that stand apart from their word.
_APART = ("--add-architecture", "--cpu")
_VARIABLE = expression(r"\$(?:\{(\w+)\}|(\w+))")


def check(context: RuleContext) -> Iterator[Finding]:
    for shell in context.scripts():
        spellings = Spellings(Scope(context.graph, shell.stage.index, shell.index), shell)
        for command in shell.script.commands:
            for name, word in _words(command):
                if word.expansions:
                    yield from _wrong(context, name + _marked(spellings, word), shell.span(word.span))
    for stage, index, instruction in context.instructions(Arg, Env, Copy):
        is_own = isinstance(instruction, Copy) and instruction.from_ is None
        if is_own and "://" not in instruction.arguments.text:
            continue  # files of the build context are called as their author likes
        spellings = Spellings(Scope(context.graph, stage.index, index))
        for found in expression(r"\S*\$\S+").finditer(instruction.arguments.text):
            text = found[0]
            for name in {braced or plain for braced, plain in _VARIABLE.findall(text)}:
                text = re.sub(rf"\$(?:\{{{name}\}}|{name}\b)", f"{{{spellings.of_variable(name)}}}", text)
            yield from _wrong(context, text, instruction.arguments.to_source(Span(*found.span())))


def _words(command: Command) -> Iterator[tuple[str, Word]]:
    """Words, with what stands in front of each: the name of a variable, or an option that takes it."""
    option = ""
    for word in command.words:
        yield option, word
        option = f"{word.value} " if word.value in _APART else ""
    for assignment in (*command.assignments, *command.exports):
        yield f"{assignment.name}=", assignment.value


def _marked(spellings: Spellings, word: Word) -> str:
    """The word with the spelling of each expansion in braces."""
    text, at = "", 0
    for expansion in word.expansions:
        text += word.raw[at : expansion.span.start - word.span.start] + f"{{{spellings.of(expansion)}}}"
        at = expansion.span.end - word.span.start
    return (text + word.raw[at:]).strip("\"'")


def _wrong(context: RuleContext, text: str, span: Span) -> Iterator[Finding]:
    for place, wanted in _PLACES:
        found = re.search(place, text)
        if found is None:
            continue
        pairs = [(spell(p, found["told"]), spell(p, wanted)) for p in context.platforms]
        wrong = [
            f"what is `{told}` in this word is called `{want}` there" for told, want in pairs if told != want
        ]
        if wrong:
            yield Finding(span, wrong[0])
        return


RULE = Rule(
    "architecture-name-mismatch",
    Level.WARNING,
    "the platform's name in the wrong spelling",
    check,
    __doc__,
)
