"""The linter's rules: one rule, one file. Their order is that in which they are listed and run."""

from __future__ import annotations

from xbuild.rules import (
    base_without_platform,
    constant_platform,
    directive_disabled,
    final_stage_pinned,
    goarm_variant_prefix,
    platform_arg_default,
    redundant_target_platform,
    stage_platform_ignored,
    unknown_comment,
    unused_ignore,
)
from xbuild.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    final_stage_pinned.RULE,
    stage_platform_ignored.RULE,
    constant_platform.RULE,
    base_without_platform.RULE,
    platform_arg_default.RULE,
    goarm_variant_prefix.RULE,
    directive_disabled.RULE,
    redundant_target_platform.RULE,
    unknown_comment.RULE,
    unused_ignore.RULE,
)
BY_NAME = {rule.name: rule for rule in RULES}
