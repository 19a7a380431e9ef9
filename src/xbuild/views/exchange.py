"""Findings of the linter in the formats of others: SARIF, GitHub, GitLab, Checkstyle, JUnit.

Sources: OASIS SARIF 2.1.0, and GitHub's "SARIF support for code scanning" (limits, partialFingerprints);
GitHub Actions "Workflow commands"; GitLab "Code Quality report format"; Checkstyle's XML as reviewdog reads
it; JUnit's XML as Jenkins' `jenkins-junit.xsd` has it.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from xbuild.rules.linter import Linted
from xbuild.rules.rule import Level, Rule, Told
from xbuild.views.terminal import Terminal

_MOST = 5000
_LONGEST = 1000
_SARIF = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "note"}
_GITLAB = {Level.ERROR: "major", Level.WARNING: "minor", Level.INFO: "info"}
_GITHUB = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "notice"}


def fingerprints(result: Linted) -> list[str]:
    """One for each finding of a file, stable when lines move: of rule, path, the text of the line, and how
    many like it stand above.
    """
    seen: Counter[str] = Counter()
    found = []
    for told in result.judged.told:
        line = result.source.line_text(told.line).strip() if result.source is not None else ""
        key = "\0".join((told.rule.name, posixpath.normpath(result.path), line))
        seen[key] += 1
        found.append(hashlib.sha256(f"{key}\0{seen[key]}".encode("utf-8", "surrogateescape")).hexdigest())
    return found


# -- SARIF


def as_sarif(results: Sequence[Linted], _terminal: Terminal, version: str = "") -> str:
    """SARIF 2.1.0: at most 5,000 results, the worst first. `version` is ours."""
    pairs = [(r, t, f) for r in results for t, f in zip(r.judged.told, fingerprints(r), strict=True)]
    pairs.sort(key=lambda each: each[1].severity.rank)
    rules = list({told.rule.name: told.rule for _, told, _ in pairs}.values())
    numbers = {rule.name: number for number, rule in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "xbuild",
                **({"version": version} if version else {}),
                "rules": [_sarif_rule(rule) for rule in rules],
            }
        },
        "automationDetails": {"id": "xbuild-lint/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "the folder that was linted"}}},
        "invocations": [
            {
                "executionSuccessful": not any(r.problem for r in results),
                "toolExecutionNotifications": [_sarif_problem(r) for r in results if r.problem is not None],
            }
        ],
        "results": [_sarif_result(r, t, f, numbers[t.rule.name]) for r, t, f in pairs[:_MOST]],
    }
    schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    name = {} if ":" in rule.name else {"name": "".join(map(str.capitalize, rule.name.split("-")))}
    return {
        "id": rule.name,
        **name,
        "shortDescription": {"text": f"{rule.summary[:1].upper()}{rule.summary[1:]}."},
        "fullDescription": {"text": rule.page.strip().partition("\n\n")[0]},
        "help": {"text": rule.page.strip(), "markdown": rule.page.strip()},
        "defaultConfiguration": {"level": _SARIF[rule.severity]},
        "properties": {"tags": ["docker", "multi-arch"]},
    }


def _location(path: str) -> dict[str, Any]:
    clean = path.removeprefix("./")
    base = {} if clean.startswith("/") else {"uriBaseId": "SRCROOT"}
    return {"uri": _uri(clean if base else f"file://{clean}"), **base}


def _uri(path: str) -> str:
    """Percent-encoded as RFC 3986, section 2, has it."""
    data = path.encode("utf-8", "surrogateescape")
    return "".join(
        chr(b) if chr(b).isascii() and (chr(b).isalnum() or b in b"-._~/:") else f"%{b:02X}" for b in data
    )


def _sarif_problem(result: Linted) -> dict[str, Any]:
    assert result.problem is not None
    return {
        "level": "error",
        "message": {"text": f"{result.path}: not linted: {result.problem.message}"},
        "locations": [{"physicalLocation": {"artifactLocation": _location(result.path)}}],
    }


def _sarif_result(result: Linted, told: Told, fingerprint: str, number: int) -> dict[str, Any]:
    region: dict[str, Any] = {
        "startLine": told.line,
        "startColumn": told.column,
        "endLine": told.end_line,
        "endColumn": told.end_column,
    }
    if result.source is not None:
        text = result.source[told.finding.span][:_LONGEST]
        region["snippet"] = {"text": text.encode("utf-8", "backslashreplace").decode()}
    data: dict[str, Any] = {
        "ruleId": told.rule.name,
        "ruleIndex": number,
        "level": _SARIF[told.severity],
        "message": {"text": f"{told.finding.message[:1].upper()}{told.finding.message[1:]}."},
        "locations": [{"physicalLocation": {"artifactLocation": _location(result.path), "region": region}}],
        "partialFingerprints": {"xbuildFinding/v1": fingerprint},
    }
    fix = told.finding.fix
    if fix is not None:
        replacements = [
            {
                "deletedRegion": {"charOffset": e.span.start, "charLength": len(e.span)},
                "insertedContent": {"text": e.replacement},
            }
            for e in fix.edits
        ]
        change = {"artifactLocation": _location(result.path), "replacements": replacements}
        data["fixes"] = [{"description": {"text": fix.text}, "artifactChanges": [change]}]
    return data


# -- GitHub


def as_github(results: Sequence[Linted], _terminal: Terminal) -> str:
    """Workflow commands: an annotation for each finding."""
    return "".join(f"{line}\n" for line in _github(results))


def _github(results: Sequence[Linted]) -> Iterator[str]:
    for result in results:
        if result.problem is not None:
            line = f",line={result.problem.line}" if result.problem.line else ""
            head = f"::error file={_property(result.path)}{line},title=xbuild lint"
            yield f"{head}::{_data(f'not linted: {result.problem.message}')}"
        for told in result.judged.told:
            yield (
                f"::{_GITHUB[told.severity]} file={_property(result.path)},line={told.line},"
                f"col={told.column},endLine={told.end_line},title={told.rule.name}::{_data(told.finding.message)}"
            )


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


# -- GitLab


def as_gitlab(results: Sequence[Linted], _terminal: Terminal) -> str:
    """Code Quality: a list of issues."""
    issues = [
        {
            "description": told.finding.message,
            "check_name": told.rule.name,
            "fingerprint": fingerprint,
            "severity": _GITLAB[told.severity],
            "location": {
                "path": result.path.removeprefix("./"),
                "lines": {"begin": told.line, "end": told.end_line},
            },
        }
        for result in results
        for told, fingerprint in zip(result.judged.told, fingerprints(result), strict=True)
    ]
    issues += [
        {
            "description": f"not linted: {result.problem.message}",
            "check_name": "input-error",
            "fingerprint": hashlib.sha256(f"{result.path}\0{result.problem.message}".encode()).hexdigest(),
            "severity": "critical",
            "location": {
                "path": result.path.removeprefix("./"),
                "lines": {"begin": result.problem.line or 1},
            },
        }
        for result in results
        if result.problem is not None
    ]
    return json.dumps(issues, indent=2) + "\n"


# -- XML


def _xml(text: str) -> str:
    """Without characters that XML 1.0 has no way to write."""
    return "".join(
        c if c in "\t\n\r" or " " <= c < "\ud800" or "\ue000" <= c <= "\ufffd" else "?" for c in text
    )


def _attribute(text: str) -> str:
    return quoteattr(_xml(text))


def as_checkstyle(results: Sequence[Linted], _terminal: Terminal) -> str:
    lines = ['<?xml version="1.0" encoding="utf-8"?>', '<checkstyle version="4.3">']
    for result in results:
        if result.problem is None and not result.judged.told:
            continue
        lines.append(f"  <file name={_attribute(result.path)}>")
        if result.problem is not None:
            text = _attribute(f"not linted: {result.problem.message}")
            line = result.problem.line or 1
            lines.append(f'    <error line="{line}" severity="error" message={text} source="xbuild.input"/>')
        lines += [
            f'    <error line="{t.line}" column="{t.column}" severity="{t.severity}" '
            f"message={_attribute(t.finding.message)} source={_attribute(f'xbuild.{t.rule.name}')}/>"
            for t in result.judged.told
        ]
        lines.append("  </file>")
    return "\n".join([*lines, "</checkstyle>", ""])


def as_junit(results: Sequence[Linted], _terminal: Terminal) -> str:
    """A test case for each file; what was found are its failures, what could not be read an error."""
    failures = sum(bool(r.judged.told) for r in results)
    errors = sum(r.problem is not None for r in results)
    counts = f'tests="{len(results)}" failures="{failures}" errors="{errors}"'
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f"<testsuites {counts}>",
        f'  <testsuite name="xbuild lint" {counts}>',
    ]
    for result in results:
        lines.append(f'    <testcase classname="xbuild.lint" name={_attribute(result.path)}>')
        if result.problem is not None:
            lines.append(f"      <error message={_attribute(result.problem.message)}/>")
        if result.judged.told:
            worst = min((t.severity for t in result.judged.told), key=lambda level: level.rank)
            text = "\n".join(
                f"{t.line}: {t.severity} {t.rule.name}: {t.finding.message}" for t in result.judged.told
            )
            head = _attribute(f"{len(result.judged.told)} findings")
            lines.append(f'      <failure message={head} type="{worst}">{escape(_xml(text))}</failure>')
        lines.append("    </testcase>")
    return "\n".join([*lines, "  </testsuite>", "</testsuites>", ""])
