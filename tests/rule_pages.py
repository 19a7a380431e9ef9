"""The pages of the linter's rules, made from the rules themselves and their first case.

`python -m tests.rule_pages` writes `docs/rules/`; a test compares.
"""

from __future__ import annotations

from pathlib import Path

from tests.unit.rules.test_rule_fixtures import FIXTURES, found, source_of
from xbuild.rules import RULES
from xbuild.rules.linter import Judged, Linted
from xbuild.rules.rule import Rule
from xbuild.views.linted import as_text
from xbuild.views.terminal import Terminal

FOLDER = Path(__file__).parents[1] / "docs/rules"


def page(rule: Rule) -> str:
    """Severity, why, how it is fixed, what it says of the case `example`, and what that becomes."""
    case = FIXTURES / rule.name / "example"
    before, after = source_of(case / "before.Dockerfile"), case / "after.Dockerfile"
    told = found(case, before)
    name = "Dockerfile"
    said = as_text([Linted(name, Judged(told), source=before)], Terminal())
    twin = f" BuildKit's own check of this: `{rule.buildkit}`." if rule.buildkit else ""
    state = "On" if rule.is_on else "Off"
    several = " Silent where one platform is asked for." if rule.several else ""
    parts = [
        f"# {rule.name}",
        f"{rule.severity.capitalize()}. {state} by default.{several}{twin}",
        rule.page.strip(),
        "## Before",
        f"```dockerfile\n{before.text.rstrip()}\n```",
        "## Output",
        f"```\n{said.rpartition(chr(10) + '1 file: ')[0].rstrip()}\n```",
    ]
    if after.exists():
        parts += ["## After", f"```dockerfile\n{after.read_text().rstrip()}\n```"]
    return "\n\n".join(parts) + "\n"


def index() -> str:
    """All rules in a table."""
    rows = "".join(
        f"| [{r.name}]({r.name}.md) | {r.severity} | {r.summary} | {_has_fix(r)} |\n" for r in RULES
    )
    head = "# Rules of `xbuild lint`\n\nMade by `python -m tests.rule_pages`.\n\n"
    return f"{head}| rule | severity | what it finds | fix |\n|---|---|---|---|\n{rows}"


def _has_fix(rule: Rule) -> str:
    return "no" if "Fix: none" in rule.page else "yes"


def pages() -> dict[str, str]:
    return {"README.md": index(), **{f"{rule.name}.md": page(rule) for rule in RULES}}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file in FOLDER.glob("*.md"):
        file.unlink()
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
