"""A package of one architecture, asked for by name.

Why: `deb [arch=amd64]` makes apt leave a repository out on other machines, `name:amd64` and `name.x86_64` ask
for a package that is not for the image, and so does a wheel that is named whole, `pip --platform` or
`npm --cpu`. The build for another platform stops, or its image gets what it cannot run. Nothing is said of a
list that a later command writes anew before apt reads it.

Fix: `arch=` goes from the options of a repository: apt then takes the architecture of the image. Safe, but
where `dpkg --add-architecture` adds a second one. There is none for the others: what the package is called
for other platforms is told by who publishes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from xbuild.dockerfile.model import Run
from xbuild.dockerfile.script import Command
from xbuild.rules.constants import Constant, constants
from xbuild.rules.rule import Finding, Fix, Level, Rule, RuleContext
from xbuild.text import Edit, Span, expression

_REPOSITORY = expression(r"\[(?P<before>[^\]\[]*?)\barch=(?P<names>[\w,-]+)(?P<after>[^\]\[\n]*)\]")
# By program: what of its words names a package, or its architecture.
_PACKAGES = (
    (("apt", "apt-get", "aptitude"), expression(r"^[\"']?[a-z0-9][a-z0-9.+$-]*:(?:amd64|arm64)\b(?!/)")),
    (("yum", "dnf", "microdnf", "zypper"), expression(r"^(?!.*/)[\w.+$*-]+\.(?:x86_64|aarch64)[\"']?$")),
    (("pip", "pip3", "uv", "python", "python3"), expression(r"_(?:x86_64|aarch64)\.whl\b")),
    (("pip", "pip3", "uv"), expression(r"^(?:--platform=)?(?:many|musl)?linux[\w.]*_(?:x86_64|aarch64)$")),
    (("npm", "pnpm", "yarn"), expression(r"^--(?:cpu|arch|target_arch)[= ](?:x64|arm64)$")),
)


def check(context: RuleContext) -> Iterator[Finding]:
    for place in constants(context):
        if place.stage.index in context.pinned:
            continue
        if "arch=" in place.part and (found := _REPOSITORY.search(place.text)):
            if _is_overwritten(context, place):
                continue
            text = f"apt leaves this repository out on anything but {place.architecture}"
            yield Finding(place.word(), text, _without_option(context, place, found))
        elif any(place.program in programs and named.search(place.part) for programs, named in _PACKAGES):
            text = f"this package is for {place.architecture}, whatever platform the image is for"
            yield Finding(place.word(), text)


def _is_overwritten(context: RuleContext, place: Constant) -> bool:
    """Whether the list that this command writes is written anew before a program of apt's runs."""
    shells = [s for s in context.scripts() if s.stage.index == place.stage.index and s.index >= place.index]
    commands = [(s.index, c) for s in shells for c in s.script.commands]
    here = next((n for n, (i, c) in enumerate(commands) if i == place.index and c is place.command), None)
    if here is None or place.command is None:
        return False
    writer = [place.command, *(c for _, c in commands[here + 1 : here + 2] if c.name == "tee")]
    written = {path for command in writer for path in _written(command)}
    for _, command in commands[here + len(writer) :]:
        if written and written <= set(_written(command)) and not _is_conditional(command):
            return True
        if (command.name or "").startswith(("apt", "aptitude")):
            return False
    return False


def _written(command: Command) -> Iterator[str]:
    """The files that a command writes from their start."""
    for redirect in command.redirects:
        if redirect.operator in (">", ">|") and redirect.target is not None and redirect.target.value:
            yield redirect.target.value
    if command.name == "tee":
        yield from (w.value for w in command.words[1:] if w.value and not w.value.startswith("-"))


def _is_conditional(command: Command) -> bool:
    return any(scope.kind in ("if", "elif", "else", "case", "item", "or") for scope in command.scopes)


def _without_option(context: RuleContext, place: Constant, found: re.Match[str]) -> Fix | None:
    """The option goes, and the brackets with it if nothing else stands in them."""
    if not isinstance(place.instruction, Run) or "$" in found[0]:
        return None
    start, end = found.start("names") - len("arch="), found.end("names")
    if not (found["before"] + found["after"]).strip():
        start, end = found.span()
    text = place.text
    if text[end : end + 1] == " ":
        end += 1
    elif text[start - 1 : start] == " ":
        start -= 1
    span = Span(place.span.start + start, place.span.start + end)
    assert context.dockerfile.source[span] == text[start:end]
    # With a second architecture configured, apt would ask the repository for that one too.
    is_safe = "add-architecture" not in context.dockerfile.source.text
    return Fix((Edit.delete(span),), f"drop arch={found['names']}", is_safe)


RULE = Rule(
    "package-constant-architecture",
    Level.WARNING,
    "a package or a repository for one architecture",
    check,
    __doc__,
)
