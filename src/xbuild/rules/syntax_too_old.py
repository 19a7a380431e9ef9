"""The frontend that `# syntax` names is older than what xbuild writes.

Why: native twins need here-documents, which `docker/dockerfile` has since 1.4. With an older one
`xbuild build` lends none, and what the file installs stays emulated. Nothing is said where there is no twin
of what installs, as of apk before Alpine 3.23.

Fix: `docker/dockerfile:1`, the newest of its line. Not safe: another program reads the file then.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.dockerfile.frontend import blocks
from xbuild.rules.emulated_work import is_lendable
from xbuild.rules.rule import Finding, Fix, Level, Rule, RuleContext
from xbuild.text import Edit


def check(context: RuleContext) -> Iterator[Finding]:
    for directive in context.dockerfile.directives:
        if directive.name != "syntax" or "older than" not in (blocks(directive.value, "heredoc") or ""):
            continue
        if not is_lendable(context):
            return
        name = directive.value.partition("@")[0].rpartition(":")[0]
        fix = Fix((Edit(directive.value_span, f"{name}:1"),), f"name {name}:1", is_safe=False)
        yield Finding(directive.value_span, "older than 1.4, which native twins need", fix)


RULE = Rule(
    "syntax-too-old",
    Level.INFO,
    "a frontend older than what xbuild writes",
    check,
    __doc__,
)
