"""BuildKit's own checks beside ours: what both find is told once, under our name with BuildKit's beside."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from xbuild.rules.comments import Comment
from xbuild.rules.linter import Judged, covers
from xbuild.rules.rule import Finding, Level, Rule, Told
from xbuild.text import Source, Span, value


@value()
class BuildkitWarning:
    """One warning of a check: its name, what it is about, what it says, and where (lines from 1)."""

    name: str
    description: str
    detail: str
    url: str
    first: int
    last: int


def read_warnings(answer: str) -> tuple[BuildkitWarning, ...] | None:
    """Those in what `docker buildx build --call=check,format=json` prints; None where that is none."""
    try:
        data = json.loads(answer)
        return tuple(_warning(each) for each in data.get("warnings") or ())
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return None


def _warning(data: Mapping[str, Any]) -> BuildkitWarning:
    ranges = (data.get("location") or {}).get("ranges") or [{"start": {"line": 1}}]
    lines = [r[side]["line"] for r in ranges for side in ("start", "end") if side in r]
    return BuildkitWarning(
        data["ruleName"],
        data.get("description", ""),
        data.get("detail", ""),
        data.get("url", ""),
        max(1, min(lines)),
        max(1, *lines),
    )


def merged(
    judged: Judged,
    source: Source,
    rules: Iterable[Rule],
    comments: Collection[Comment],
    said: Mapping[str, Collection[BuildkitWarning]],
) -> Judged:
    """What was found, with what BuildKit says by platform. `rules` are those of ours that ran."""
    names = {rule.name for rule in rules}
    rest, seen = [], list(judged.told)
    ignored = 0
    for one, platforms in _by_warning(said).items():
        twins = [rule for rule in _twins(one.name) if rule.name in names]
        at = [n for n, t in enumerate(seen) if t.rule in twins and one.first <= t.line <= one.last]
        for number in at:
            seen[number] = _beside(seen[number], one.name)
        if at or (_twins(one.name) and not twins):
            continue
        where = "" if len(platforms) == len(said) else f" (for {' and '.join(platforms)})"
        told = _told(one, source, where)
        if any(covers(comment, twin.name, told.line) for comment in comments for twin in twins):
            ignored += 1
        else:
            rest.append(told)
    both = sorted([*seen, *rest], key=lambda t: (t.line, t.column, t.rule.name))
    return Judged(tuple(both), judged.ignored + ignored, judged.known)


def _by_warning(said: Mapping[str, Collection[BuildkitWarning]]) -> dict[BuildkitWarning, list[str]]:
    found: dict[BuildkitWarning, list[str]] = {}
    for platform, warnings in said.items():
        for one in dict.fromkeys(warnings):
            found.setdefault(one, []).append(platform)
    return found


def _twins(name: str) -> tuple[Rule, ...]:
    from xbuild.rules import RULES

    return tuple(rule for rule in RULES if rule.buildkit == name)


def _beside(told: Told, name: str) -> Told:
    finding = told.finding
    message = f"{finding.message} (BuildKit: {name})"
    beside = Finding(finding.span, message, finding.fix, finding.severity)
    return Told(told.rule, beside, told.line, told.column, told.end_line, told.end_column, told.stage)


def _told(one: BuildkitWarning, source: Source, where: str) -> Told:
    lines = len(source.line_starts)
    first, last = min(one.first, lines), min(one.last, lines)
    start = source.line_starts[first - 1]
    end = source.line_starts[last - 1] + len(source.line_text(last))
    message = f"{one.detail or one.description}{where}"
    page = f"{one.description}\n\n{one.url}"
    rule = Rule(f"buildkit:{one.name}", Level.WARNING, one.description, _nothing, page)
    return Told(
        rule, Finding(Span(start, end), message), first, 1, last, end - source.line_starts[last - 1] + 1, ""
    )


def _nothing(_context: object) -> tuple[Finding, ...]:
    """BuildKit has looked."""
    return ()
