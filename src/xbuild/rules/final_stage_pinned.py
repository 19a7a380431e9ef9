"""The stage that becomes the image is pinned to the build platform.

Why: the image that is published for linux/arm64 then holds the programs of linux/amd64, and nothing says so
until it is started. Only stages with a command of their own or inherited (CMD, ENTRYPOINT) count: a stage
that collects files for `--output` is no image. Nothing is said where another end of the file, for the target
platform, takes what is made on the same pinned base: that is what is published, and the last stage is where
its authors work.

Fix: `--platform=$BUILDPLATFORM` goes. Not safe: what the stage runs is then emulated.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.graph.model import ScratchBase, sources_of
from xbuild.graph.reach import leaves
from xbuild.rules.rule import Finding, Fix, Level, Rule, RuleContext
from xbuild.rules.spans import with_space_before
from xbuild.text import Edit


def check(context: RuleContext) -> Iterator[Finding]:
    graph = context.graph
    target = graph.stages[graph.target]
    chain = [graph.stages[s] for s in graph.chain_of(target.index)]
    root = graph.stages[graph.root_of(target.index)]
    flag = root.pin
    if target.index not in context.pinned or flag is None or isinstance(root.base, ScratchBase):
        return
    if not any(stage.has_command for stage in chain):
        return
    if _is_for_authors(context, root.index):
        return
    drop = Edit.delete(with_space_before(context.dockerfile.source, flag.span))
    foreign, own = ", ".join(map(str, context.foreign)), context.build_platform
    text = f"the image for {foreign} is one for {own}: {target.title}, which becomes it, is pinned here"
    yield Finding(flag.span, text, Fix((drop,), "drop the flag", is_safe=False))


def _is_for_authors(context: RuleContext, root: int) -> bool:
    """Whether another end of the file, which is not pinned, takes what is made on that root."""
    graph = context.graph
    ends = set(leaves(graph)) - context.pinned
    sources = (s for e in ends for edge in graph.edges_into(e) for s in sources_of(edge.source))
    return any(graph.root_of(source) == root for source in sources)


RULE = Rule(
    "final-stage-pinned",
    Level.ERROR,
    "the stage that becomes the image is pinned to the build platform",
    check,
    __doc__,
)
