"""The linter's rules: one rule, one file. Their order is that in which they are listed and run."""

from __future__ import annotations

from xbuild.rules import (
    base_without_platform,
    constant_platform,
    digest_of_one_platform,
    directive_disabled,
    download_constant_architecture,
    emulated_compile,
    final_stage_pinned,
    goarch_constant,
    goarm_variant_prefix,
    ignore_without_reason,
    package_constant_architecture,
    path_constant_architecture,
    platform_arg_before_from,
    platform_arg_default,
    platform_arg_undeclared,
    portable_built_per_platform,
    redundant_target_platform,
    stage_platform_ignored,
    target_constant,
    uname_in_pinned_stage,
    unknown_comment,
    unused_ignore,
)
from xbuild.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    final_stage_pinned.RULE,
    platform_arg_default.RULE,
    platform_arg_before_from.RULE,
    platform_arg_undeclared.RULE,
    goarm_variant_prefix.RULE,
    uname_in_pinned_stage.RULE,
    stage_platform_ignored.RULE,
    constant_platform.RULE,
    base_without_platform.RULE,
    digest_of_one_platform.RULE,
    download_constant_architecture.RULE,
    path_constant_architecture.RULE,
    package_constant_architecture.RULE,
    target_constant.RULE,
    goarch_constant.RULE,
    emulated_compile.RULE,
    portable_built_per_platform.RULE,
    directive_disabled.RULE,
    redundant_target_platform.RULE,
    unknown_comment.RULE,
    unused_ignore.RULE,
    ignore_without_reason.RULE,
)
BY_NAME = {rule.name: rule for rule in RULES}
