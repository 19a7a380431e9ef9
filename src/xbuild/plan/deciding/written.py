"""Scripts that a RUN calls and an earlier instruction of the file has written, as text of its own: they are
read like the text of the RUN itself.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from xbuild.dockerfile.model import Copy, Instruction, Run
from xbuild.dockerfile.script import Script
from xbuild.dockerfile.shell import parse_script
from xbuild.graph.model import StageGraph
from xbuild.plan.deciding.inner import DESCRIBED, READERS, RUNNERS, name_of, with_inner
from xbuild.plan.table import words

_WRITING = frozenset(words("echo printf cat tee"))


def written_before(graph: StageGraph, stage: int, index: int, script: Script) -> Iterator[tuple[int, Script]]:
    """What instructions before the one with this index, and in what the stage is made from, have written that
    may be what its `script` calls: the line of each, and the text, as a script. It is written by a name that
    is called; which of several texts in one instruction it is, is not told, so all of them are given.
    """
    names = "|".join(map(re.escape, sorted(_called(script))))
    pattern = re.compile(rf"(?<![\w.-])(?:{names})(?![\w-])")
    for number in graph.chain_of(stage) if names else ():
        instructions = graph.stages[number].instructions
        for instruction in instructions[: index if number == stage else None]:
            script_of_it = instruction.script if isinstance(instruction, Run) else None
            text = (script_of_it or instruction.logical).text
            texts = _texts(instruction) if pattern.search(text) else ()
            yield from ((instruction.first_line, parse_script(text)) for text in texts)


def _called(script: Script) -> set[str]:
    """Names of files that may be scripts: programs that are not described, and what shells are to read."""
    commands = [command for each in with_inner(script) for command in each.commands]
    known = DESCRIBED.keys() | RUNNERS | READERS | set(script.functions)
    names = {name_of(c) for c in commands if "/" in (c.name or "") or name_of(c) not in known}
    read = (word.value or "" for c in commands if name_of(c) in READERS for word in c.words[1:])
    return {name for name in (*names, *map(posixpath.basename, read)) if name.strip(".-")}


def _texts(instruction: Instruction) -> Iterator[str]:
    if isinstance(instruction, Copy):
        yield from (heredoc.content for heredoc in instruction.heredocs)
    if isinstance(instruction, Run) and instruction.script is not None:
        for command in parse_script(instruction.script.text).commands:
            yield from (r.heredoc for r in command.redirects if r.heredoc is not None)
            if name_of(command) in _WRITING:
                raw = (w.raw.strip("\"'") if w.value is None else w.value for w in command.words[1:])
                yield " ".join(raw).replace("\\n", "\n")
