"""A parser directive below a comment or a blank line is a comment.

Why: `# syntax=`, `# escape=` and `# check=` count at the very top of the file alone. Below anything else they
do nothing: a `--mount` may fail with an older frontend, checks run that were to be skipped.

Fix: the line moves to the top. Not safe: it then counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from xbuild.dockerfile.model import From, Trivia
from xbuild.rules.rule import Finding, Fix, Level, Rule, RuleContext
from xbuild.text import Edit, Span

_DIRECTIVE = re.compile(r"#[ \t]*(syntax|escape|check)[ \t]*=[ \t]*\S+.*?", re.IGNORECASE)


def check(context: RuleContext) -> Iterator[Finding]:
    dockerfile, source = context.dockerfile, context.dockerfile.source
    there = {directive.name for directive in dockerfile.directives}
    for node in dockerfile.nodes:
        if isinstance(node, From):
            return
        if not isinstance(node, Trivia):
            continue
        for line in range(node.first_line, node.last_line + 1):
            text = source.line_text(line)
            found = _DIRECTIVE.fullmatch(text.strip())
            if found is None or found[1].lower() in there:
                continue
            start = source.line_starts[line - 1]
            end = source.line_starts[line] if line < len(source.line_starts) else len(source.text)
            top = dockerfile.directives[-1].span.end if dockerfile.directives else 0
            edits = (Edit.insert(top, text.strip() + source.newline), Edit.delete(Span(start, end)))
            message = f"`# {found[1]}=` counts at the top of the file alone, and does nothing here"
            yield Finding(
                Span(start, start + len(text)), message, Fix(edits, "move it to the top", is_safe=False)
            )


RULE = Rule(
    "directive-disabled",
    Level.WARNING,
    "a parser directive that stands too low to count",
    check,
    __doc__,
    several=False,
)
