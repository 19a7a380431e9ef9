"""Whether what a RUN compiles is worth a helper: a few small files of the build context are compiled emulated
in less time than it takes to make one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from xbuild.dockerfile.model import Copy, Instruction, Run
from xbuild.dockerfile.script import Script
from xbuild.plan.context import Context, UnreadError
from xbuild.plan.programs import PROGRAMS
from xbuild.plan.programs.program import by_name
from xbuild.plan.table import words
from xbuild.plan.twins.twin import Twin

# Programs that are described, and so start no others, but for those that bring files from elsewhere.
_PLAIN = frozenset(by_name(PROGRAMS)) - frozenset(words("curl wget git rsync . source exec env command"))
_BRINGING = r"curl|wget|git|svn|hg|rsync|scp|source|dpkg-source"


def is_light(twin: Twin, scripts: Sequence[Script], before: Sequence[Instruction], context: Context) -> bool:
    """Whether a RUN's programs that start a twin can have nothing but small files of the context to compile.

    `scripts` are those of the RUN, `before` all instructions of its stage and of those that it is made from,
    up to it. What is not known (no context, another stage's files, downloads, loops) is not light.
    """
    commands = [command for script in scripts for command in script.commands if command.words]
    compiling = [c for c in commands if re.fullmatch(twin.compilers, c.name or "") is not None]
    is_plain = all(c in compiling or c.name in _PLAIN for c in commands)
    if not twin.sources or not is_plain or any(s.loops for s in scripts) or _has_others(before):
        return False
    files = context.files()
    weights = [(name, w) for name in files for pattern, w in twin.sources if re.fullmatch(pattern, name)]
    fixed = [weight for _, weight in weights if weight]
    if not files or sum(fixed) >= twin.least:
        return False
    again = max(0, len(compiling) - len(fixed)) * max(fixed, default=0)
    try:
        texts = sum(len(context.read(name) or "") for name, _ in weights)
    except UnreadError:
        return False
    return sum(fixed) + again + texts < twin.least


def _has_others(before: Sequence[Instruction]) -> bool:
    """Whether there may be sources that are not the context's own."""
    copies = [i for i in before if isinstance(i, Copy)]
    ran = "\n".join(i.logical.text for i in before if isinstance(i, Run))
    is_brought = re.search(rf"(?<![\w.-])(?:{_BRINGING})(?![\w-])", ran) is not None
    return is_brought or any(c.from_ is not None or c.keyword.upper() == "ADD" for c in copies)
