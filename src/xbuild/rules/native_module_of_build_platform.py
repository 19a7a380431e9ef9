"""Installed packages of a pinned stage are shipped: node_modules, site-packages, a virtual environment.

Why: npm, pip and the like take what fits the machine they run on: prebuilt programs and compiled modules for
the build machine, and so do the scripts of npm's packages. In the image for another platform they cannot be
loaded (`invalid ELF header`, `cannot open shared object file`). A COPY of the whole folder that they were
installed in counts, and so does Next.js's `.next/standalone`, which holds what it found in node_modules.

Fix: none: the stage can stay on the target platform, or the installer be told of the target (`uv pip install
--python-platform`, `npm ci --cpu --os --libc --ignore-scripts`).
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.dockerfile.script import Command
from xbuild.graph.model import Edge, Stage, StageBase
from xbuild.graph.scope import Scope
from xbuild.rules.pinned_stages import handed_over, stage_text
from xbuild.rules.rule import Finding, Level, Rule, RuleContext
from xbuild.text import Span, expression

_NODE = expression(r"\b(?:npm (?:ci|i|install)|yarn(?: install)?|pnpm (?:i|install|deploy)|bun install)\b")
_NODE_TOLD = expression(r"--cpu\b|--arch\b|npm_config_(?:arch|cpu)|supportedArchitectures|\$\{?TARGET")
# Folders of installed packages, what installs into them, and what tells it of the target.
_KINDS = (
    (expression(r"/node_modules(?:/|$)"), _NODE, _NODE_TOLD),
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
_STANDALONE = expression(r"/\.next/standalone(?:/|$)")
# What is installed into a folder of the working directory: program, verbs ("" is none), folder.
_INTO = (
    ("npm", ("ci", "i", "install"), "node_modules"),
    ("pnpm", ("i", "install"), "node_modules"),
    ("yarn", ("", "install"), "node_modules"),
    ("bun", ("install",), "node_modules"),
    ("uv", ("sync",), ".venv"),
)
_ELSEWHERE = frozenset(("-g", "--global", "global", "--prefix", "-C", "--dir", "--cwd", "--directory"))


def check(context: RuleContext) -> Iterator[Finding]:
    graph = context.graph
    told: set[tuple[int, int]] = set()
    for edge, path in handed_over(context):
        message = _told(context, edge, path)
        if message is not None and (edge.consumer, edge.instruction) not in told:
            told.add((edge.consumer, edge.instruction))
            copy = graph.stages[edge.consumer].instructions[edge.instruction]
            yield Finding(copy.arguments.to_source(_whole(copy.arguments.text)), message)


def _told(context: RuleContext, edge: Edge, path: str) -> str | None:
    """What to say of a path that an image takes out of a pinned stage, if packages are in it."""
    assert isinstance(edge.source, StageBase)
    stage = context.graph.stages[edge.source.stage]
    text = stage_text(context, stage)
    for folder, installing, targeting in _KINDS:
        if folder.search(path) and installing.search(text) and not targeting.search(text):
            return f"{path} was installed for the build machine, in a pinned stage"
    if _NODE_TOLD.search(text):
        return None
    if _STANDALONE.search(path) and _has_packages(context, stage) and not _brings_its_own(context, edge):
        return f"{path} holds packages that were installed for the build machine, in a pinned stage"
    whole = path.rstrip("/")
    for folder_path in _installed(context, stage):
        if whole and folder_path.startswith(f"{whole}/"):
            return f"{path} holds {folder_path}, installed for the build machine in a pinned stage"
    return None


def _has_packages(context: RuleContext, stage: Stage) -> bool:
    """Whether Node's packages were installed here, or in pinned stages that this one takes from."""
    graph = context.graph
    family = [*graph.chain_of(stage.index)]
    taken = [e.source.stage for s in family for e in graph.edges_into(s) if isinstance(e.source, StageBase)]
    texts = [
        stage_text(context, graph.stages[index]) for index in {stage.index, *taken} if index in context.pinned
    ]
    return any(map(_NODE.search, texts)) and not any(map(_NODE_TOLD.search, texts))


def _brings_its_own(context: RuleContext, edge: Edge) -> bool:
    """Whether the stage that takes it installs packages itself, or takes them from elsewhere too."""
    consumer = context.graph.stages[edge.consumer]
    others = (p for e in context.graph.edges_into(edge.consumer) for p in e.paths if p and e != edge)
    return bool(_NODE.search(stage_text(context, consumer))) or any("/node_modules" in p for p in others)


def _installed(context: RuleContext, stage: Stage) -> Iterator[str]:
    """The folders that packages are installed into by RUNs of a stage and of those that it derives from."""
    chain = context.graph.chain_of(stage.index)
    shells = [shell for shell in context.scripts() if shell.stage.index in chain]
    if any(c.name == "rm" for shell in shells for c in shell.script.commands if "node_modules" in _raw(c)):
        return
    for shell in shells:
        folder = Scope(context.graph, shell.stage.index, shell.index).workdir()
        commands = shell.script.commands
        if folder is None or any(command.name in ("cd", "pushd") for command in commands):
            continue
        for name in filter(None, map(_folder, commands)):
            yield f"{folder.rstrip('/')}/{name}"


def _folder(command: Command) -> str | None:
    """The folder of the working directory that a command installs packages into."""
    words = [word.value or "" for word in command.words[1:]]
    if not _ELSEWHERE.isdisjoint(words):
        return None
    verb = next((word for word in words if not word.startswith("-")), "")
    return next((into for name, verbs, into in _INTO if command.name == name and verb in verbs), None)


def _raw(command: Command) -> str:
    return " ".join(word.raw for word in command.words)


def _whole(text: str) -> Span:
    return Span(0, len(text))


RULE = Rule(
    "native-module-of-build-platform",
    Level.WARNING,
    "installed packages of a pinned stage are shipped",
    check,
    __doc__,
)
