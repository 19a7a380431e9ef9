"""Installed packages of a pinned stage are shipped: node_modules, site-packages, a virtual environment.

Why: npm, pip and the like take what fits the machine they run on: prebuilt programs and compiled modules for
the build machine. In the image for another platform they cannot be loaded (`invalid ELF header`, `cannot open
shared object file`).

Fix: none: the stage can stay on the target platform, or the installer be told of the target (`uv pip install
--python-platform`, `npm ci --cpu --os --libc --ignore-scripts`).
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.graph.model import StageBase
from xbuild.rules.pinned_stages import handed_over, stage_text
from xbuild.rules.rule import Finding, Level, Rule, RuleContext
from xbuild.text import Span, expression

# Folders of installed packages, what installs into them, and what tells it of the target.
_KINDS = (
    (
        expression(r"/node_modules(?:/|$)"),
        expression(r"\b(?:npm (?:ci|i|install)|yarn(?: install)?|pnpm (?:i|install|deploy)|bun install)\b"),
        expression(r"--cpu\b|--arch\b|npm_config_(?:arch|cpu)|supportedArchitectures|\$\{?TARGET"),
    ),
    (
        expression(
            r"/(?:site|dist)-packages(?:/|$)|/\.?venv(?:/|$)|/virtualenv(?:/|$)|^/root/\.local(?:/|$)"
        ),
        expression(
            r"\b(?:pip3? (?:install|wheel)|uv (?:sync|pip install)|poetry install|pipenv (?:install|sync))\b"
        ),
        expression(r"--platform\b|--python-platform\b|\$\{?TARGET|crossenv"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    graph = context.graph
    told: set[tuple[int, int]] = set()
    for edge, path in handed_over(context):
        assert isinstance(edge.source, StageBase)
        text = stage_text(context, graph.stages[edge.source.stage])
        if (edge.consumer, edge.instruction) in told:
            continue
        for folder, installing, targeting in _KINDS:
            if folder.search(path) and installing.search(text) and not targeting.search(text):
                told.add((edge.consumer, edge.instruction))
                copy = graph.stages[edge.consumer].instructions[edge.instruction]
                message = f"{path} was installed for the build machine, in a pinned stage"
                yield Finding(copy.arguments.to_source(_whole(copy.arguments.text)), message)


def _whole(text: str) -> Span:
    return Span(0, len(text))


RULE = Rule(
    "native-module-of-build-platform",
    Level.WARNING,
    "installed packages of a pinned stage are shipped",
    check,
    __doc__,
)
