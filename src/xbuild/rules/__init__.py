"""The linter's rules: one rule, one file. Their order is that in which they are listed and run."""

from __future__ import annotations

from xbuild.rules import redundant_target_platform, unknown_comment, unused_ignore
from xbuild.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    redundant_target_platform.RULE,
    unknown_comment.RULE,
    unused_ignore.RULE,
)
BY_NAME = {rule.name: rule for rule in RULES}
