"""Findings of the linter as text and JSON, its rules, and what fixes would change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from xbuild.rules.linter import Linted
from xbuild.rules.rule import Rule, Told
from xbuild.text import Source
from xbuild.views.terminal import Terminal, clean

_STYLES = {"error": ("red", "bold"), "warning": ("yellow", "bold"), "info": ("cyan",)}
_LONGEST = 160


def as_text(results: Sequence[Linted], terminal: Terminal) -> str:
    """For readers: place, rule, message, the line with a caret, and how to fix it."""
    return "".join(f"{line}\n" for line in _text_lines(results, terminal))


def _text_lines(results: Sequence[Linted], terminal: Terminal) -> Iterator[str]:
    for result in results:
        if result.problem is not None:
            line = f":{result.problem.line}" if result.problem.line else ""
            place = terminal.paint(f"{clean(result.path)}{line}", "bold")
            yield f"{place}: {terminal.paint('not linted', 'red', 'bold')}: {result.problem.message}"
            if result.problem.hint:
                yield f"  try: {result.problem.hint}"
            continue
        for told in result.judged.told:
            assert result.source is not None
            yield from _told_lines(result, told, result.source, terminal)
    yield _summary(results)


def _told_lines(result: Linted, told: Told, source: Source, terminal: Terminal) -> Iterator[str]:
    severity = str(told.severity)
    place = f"{clean(result.path)}:{told.line}:{told.column}"
    head = f"{terminal.paint(severity, *_STYLES[severity])} {told.rule.name}"
    yield f"{terminal.paint(place, 'bold')}: {head}: {told.finding.message}"
    line = source.line_text(told.line).replace("\t", " ")
    if len(line) <= _LONGEST and line.isprintable():
        end = told.end_column if told.end_line == told.line else len(line) + 1
        width = max(1, end - told.column)
        yield f"  | {line}"
        yield f"  | {' ' * (told.column - 1)}{terminal.paint('^' * width, 'green')}"
    if told.finding.fix is not None:
        how = "--fix" if told.finding.fix.is_safe else "--fix --unsafe-fixes"
        yield f"  fix ({how}): {told.finding.fix.text}"


def _summary(results: Sequence[Linted]) -> str:
    counts = Counter(str(t.severity) for r in results for t in r.judged.told)
    parts = [f"{counts[s]} {s}{'s' if counts[s] != 1 and s != 'info' else ''}" for s in _STYLES if counts[s]]
    ignored = sum(r.judged.ignored for r in results)
    failed = sum(r.problem is not None for r in results)
    fixes = sum(r.fixes for r in results)
    known = sum(r.judged.known for r in results)
    added = sum(r.ignores for r in results)
    counted = {
        "ignored": ignored,
        "in the baseline": known,
        "not linted": failed,
        "fixed": fixes,
        "ignored from now on": added,
    }
    rest = [f"{count} {what}" for what, count in counted.items() if count]
    files = f"{len(results)} file{'s' if len(results) != 1 else ''}"
    return f"{files}: {', '.join([*(parts or ['nothing found']), *rest])}"


def as_json(results: Sequence[Linted], _terminal: Terminal) -> str:
    """Schema: `schemas/lint.schema.json`."""
    import json

    return json.dumps({"version": 1, "files": [_file_data(r) for r in results]}, indent=2) + "\n"


def _file_data(result: Linted) -> dict[str, Any]:
    from xbuild.views.exchange import fingerprints

    problem = result.problem
    return {
        "path": result.path,
        "problem": None
        if problem is None
        else {"message": problem.message, "line": problem.line, "hint": problem.hint},
        "ignored": result.judged.ignored,
        "fixed": result.fixes,
        "known": result.judged.known,
        "findings": [
            _told_data(*each) for each in zip(result.judged.told, fingerprints(result), strict=True)
        ],
    }


def _told_data(told: Told, fingerprint: str) -> dict[str, Any]:
    fix = told.finding.fix
    return {
        "rule": told.rule.name,
        "buildkit": told.rule.buildkit or None,
        "severity": str(told.severity),
        "message": told.finding.message,
        "stage": told.stage,
        "line": told.line,
        "column": told.column,
        "end_line": told.end_line,
        "end_column": told.end_column,
        "fingerprint": fingerprint,
        "fix": None
        if fix is None
        else {
            "text": fix.text,
            "is_safe": fix.is_safe,
            "edits": [
                {"start": e.span.start, "end": e.span.end, "replacement": e.replacement} for e in fix.edits
            ],
        },
    }


Show = Callable[[Sequence[Linted], Terminal], str]
_OWN: Mapping[str, Show] = {"text": as_text, "json": as_json}
_OTHERS = ("sarif", "github", "gitlab", "checkstyle", "junit")
FORMATS = (*_OWN, *_OTHERS)


def shown(name: str, results: Sequence[Linted], terminal: Terminal, version: str = "") -> str:
    """The report in a format of `FORMATS`; `version` is ours."""
    if name in _OWN:
        return _OWN[name](results, terminal)
    from xbuild.views import exchange

    if name == "sarif":
        return exchange.as_sarif(results, terminal, version)
    show: Show = getattr(exchange, f"as_{name}")
    return show(results, terminal)


def rule_lines(rules: Sequence[Rule]) -> Iterator[str]:
    """All rules: name, severity, whether it is on, summary."""
    width = max(len(rule.name) for rule in rules)
    for rule in rules:
        state = "" if rule.is_on else " (off by default)"
        yield f"{rule.name:<{width}}  {rule.severity:<7}  {rule.summary}{state}"


def rule_page(rule: Rule) -> str:
    """A rule's page: name, severity, and the text of its module."""
    twin = f" BuildKit's check: {rule.buildkit}." if rule.buildkit else ""
    state = "on" if rule.is_on else "off"
    return f"{rule.name}\n\nSeverity: {rule.severity}, {state} by default.{twin}\n\n{rule.page.strip()}\n"


def statistics_lines(results: Sequence[Linted]) -> Iterator[str]:
    """How often each rule found something, the most frequent first."""
    counts = Counter(t.rule.name for r in results for t in r.judged.told)
    for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        yield f"{count:>6}  {name}"


def diff_of(before: Source, result: Linted) -> str:
    """What fixes would change in a file, as a unified diff."""
    from xbuild.rewrite.diff import unified

    return unified(before, Source(result.path, result.after)) if result.after is not None else ""
