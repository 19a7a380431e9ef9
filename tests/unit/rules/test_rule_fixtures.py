"""Each folder in `tests/fixtures/rules/RULE/` is a case of that rule alone.

`before.Dockerfile`; `findings.txt`, a line for each finding (`LINE SEVERITY MESSAGE`), absent where nothing
is found; `after.Dockerfile` where there is a fix, which then comes out unchanged; optional `options.json`
(`platforms`, `target`, `known`, `rules`), optional `context/`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xbuild.dockerfile.check import read
from xbuild.graph.build import build_graph
from xbuild.graph.model import Options
from xbuild.plan.context import Context, NoContext
from xbuild.plan.deciding.planner import make_plan
from xbuild.plan.model import Plan, Settings
from xbuild.platforms import parse_platforms
from xbuild.rules import BY_NAME, RULES
from xbuild.rules.linter import fixed, judge
from xbuild.rules.rule import Rule, RuleContext, Told
from xbuild.solve.directory import DirectoryContext
from xbuild.text import Source

FIXTURES = Path(__file__).parents[2] / "fixtures/rules"
CASES = sorted(p for rule in FIXTURES.iterdir() if rule.is_dir() for p in rule.iterdir() if p.is_dir())


def options_of(case: Path) -> dict[str, Any]:
    file = case / "options.json"
    return json.loads(file.read_text()) if file.exists() else {}


def rules_of(case: Path) -> tuple[Rule, ...]:
    """The rule of the case alone; where it is about ignores, those that they name too."""
    names = options_of(case).get("rules", ())
    return tuple(BY_NAME[name] for name in (*names, case.parent.name))


def subject_of(case: Path, source: Source) -> RuleContext:
    given = options_of(case)
    dockerfile = read(source)
    told = parse_platforms(given["platforms"]) if "platforms" in given else None
    platforms = told or parse_platforms(["linux/amd64", "linux/arm64"])
    folder = case / "context"
    context: Context = DirectoryContext(folder) if folder.is_dir() else NoContext()
    options = Options(target=given.get("target"))

    def plan() -> Plan:
        return make_plan(dockerfile, options, told, context, Settings(helpers=False, is_brief=True))

    graph = build_graph(dockerfile, options)
    return RuleContext(
        dockerfile, graph, platforms, platforms[0], context, folder.is_dir(), plan, given.get("known", {})
    )


def found(case: Path, source: Source) -> tuple[Told, ...]:
    told = judge(subject_of(case, source), rules_of(case)).told
    return tuple(one for one in told if one.rule.name == case.parent.name)


def source_of(file: Path) -> Source:
    return Source.from_bytes(file.name, file.read_bytes())


def said(told: tuple[Told, ...]) -> str:
    return "".join(f"{one.line} {one.severity} {one.finding.message}\n" for one in told)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_findings(case: Path) -> None:
    file = case / "findings.txt"
    assert said(found(case, source_of(case / "before.Dockerfile"))) == (
        file.read_text() if file.exists() else ""
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_fix(case: Path) -> None:
    """A fixed file is what it should be, has none of these findings left, and is stable."""
    before, after = source_of(case / "before.Dockerfile"), case / "after.Dockerfile"
    told = found(case, before)
    text, count = fixed(subject_of(case, before).dockerfile, told, unsafe=True)
    assert text == (after if after.exists() else case / "before.Dockerfile").read_text()
    assert bool(count) == after.exists()
    if after.exists():
        again = found(case, Source(after.name, text))
        assert fixed(subject_of(case, Source(after.name, text)).dockerfile, again, unsafe=True) == (text, 0)


@pytest.mark.parametrize(
    "name",
    [
        "platform-arg-default/another-spelling",
        "goarm-variant-prefix/arg",
        "platform-arg-before-from/told-to-yarn",
    ],
)
def test_fixes_that_are_unsafe_in_one_case_alone(name: str) -> None:
    """A default in another spelling; `${NAME#PATTERN}` read by a frontend that is not named; what yarn
    then installs for another machine."""
    case = FIXTURES / name
    before = source_of(case / "before.Dockerfile")
    told = found(case, before)
    assert fixed(subject_of(case, before).dockerfile, told, unsafe=False) == (before.text, 0)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_has_cases(rule: Rule) -> None:
    """One that fails, one that passes, and one that is fixed where the rule has fixes (`Fix:` says so)."""
    cases = [case for case in CASES if case.parent.name == rule.name]
    failing = [case for case in cases if (case / "findings.txt").exists()]
    assert failing
    assert len(failing) < len(cases)
    is_fixed = any((case / "after.Dockerfile").exists() for case in cases)
    assert is_fixed != ("Fix: none" in rule.page)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_has_a_page(rule: Rule) -> None:
    module = rule.check.__module__.rpartition(".")[2]
    assert module == rule.name.replace("-", "_")
    assert "\n\nWhy: " in rule.page
    assert "\n\nFix: " in rule.page


def test_names_agree() -> None:
    assert {case.parent.name for case in CASES} == set(BY_NAME)
    assert len(BY_NAME) == len(RULES)
