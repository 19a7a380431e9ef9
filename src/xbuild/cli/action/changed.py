"""Which lines of a file an event has changed: findings there are annotated first.

Only the order depends on it: where the commit before is not to be had, nothing counts as changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xbuild.errors import XbuildError

if TYPE_CHECKING:
    from xbuild.cli.action.asked import Event
    from xbuild.rules.rule import Told
    from xbuild.solve.options import BuildOptions

# Where events name the commit that theirs is compared with (docs.github.com, "Webhook events and payloads")
_BASES = (("pull_request", "base", "sha"), ("merge_group", "base_sha"), ("before",))
_COMMIT = re.compile(r"(?!0+$)[0-9a-f]{40}(?:[0-9a-f]{24})?")  # zeros: there is none before
_SECONDS = 30.0
# No fetching of what a partial clone lacks, no messages in other languages
_SETTINGS = {"GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}


def base_commit(payload: Mapping[str, Any]) -> str:
    """The commit before the event, or nothing."""
    for path in _BASES:
        value: Any = payload
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, str) and _COMMIT.fullmatch(value):
            return value
    return ""


def changed_lines(before: str, after: str) -> frozenset[int]:
    """The lines of `after`, from 1, that `before` has not."""
    old, new = ([line.rstrip("\r") for line in text.split("\n")] for text in (before, after))
    parts = SequenceMatcher(None, old, new).get_opcodes()
    return frozenset(n + 1 for tag, _, _, first, last in parts if tag != "equal" for n in range(first, last))


def in_order(told: Sequence[Told], changed: frozenset[int]) -> list[Told]:
    """Errors first, then lines that were changed, then by weight and place."""

    def place(one: Told) -> tuple[bool, bool, int, int]:
        is_changed = not changed.isdisjoint(range(one.line, max(one.line, one.end_line) + 1))
        return one.severity.rank > 0, not is_changed, one.severity.rank, one.line

    return sorted(told, key=place)


def before_event(
    event: Event, path: str, options: BuildOptions, folder: Path, *, is_own_context: bool
) -> str | None:
    """The text that a file of the repository had before the event; None where that cannot be told.

    The history in the workspace tells, if it goes back that far. `is_own_context`: the build context is the
    event's commit, which xbuild has fetched; then it fetches the other one, too.
    """
    if not event.base:
        return None
    try:
        text = _in_workspace(event.base, path)
        return _fetched(event, path, options, folder) if text is None and is_own_context else text
    except (OSError, ValueError, XbuildError):
        return None


def _in_workspace(base: str, path: str) -> str | None:
    """Out of the clone in the current folder. A file that is new has had no text."""
    from xbuild.solve.run import run

    def ask(*words: str) -> str | None:
        answer = run(("git", *words), timeout=_SECONDS, environment=_SETTINGS)
        return answer.stdout.decode("utf-8") if answer.ok else None

    if ask("cat-file", "-e", f"{base}^{{commit}}") is None:
        return None
    return ask("cat-file", "blob", f"{base}:./{path}") or ""


def _fetched(event: Event, path: str, options: BuildOptions, folder: Path) -> str | None:
    """From the server: one commit, without its history."""
    import os
    from dataclasses import replace

    from xbuild.solve.gitcontext import fetch, parse_git_context

    context = parse_git_context(event.git_context)
    if context is None:
        return None
    context = replace(context, ref=event.base, query=(("submodules", "false"),))
    tree = fetch(context, options, os.environ, folder)
    file = tree.root / path
    if not file.is_file() or not tree.inside(file):
        return ""
    return file.read_bytes().decode("utf-8")
