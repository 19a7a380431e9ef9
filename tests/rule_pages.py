"""The pages of the linter's rules, made from the rules themselves and their first case.

`python -m tests.rule_pages` writes `docs/rules/`; a test compares.
"""

from __future__ import annotations

from pathlib import Path

from tests.unit.rules.test_rule_fixtures import FIXTURES, found, options_of, rules_of, source_of
from xbuild.rules import RULES
from xbuild.rules.linter import Judged, Linted
from xbuild.rules.rule import Rule
from xbuild.views.linted import as_text
from xbuild.views.terminal import Terminal

FOLDER = Path(__file__).parents[1] / "docs/rules"

# Rules that were thought of and are not there, and why.
LEFT_OUT = (
    (
        "one checksum for a download that differs by platform",
        "its build stops at once for every other platform, so that nobody keeps it; all that were"
        " found choose the sum by a `case`",
    ),
    (
        "a pinned stage runs what it compiled for the target",
        "not found",
    ),
    (
        "a pinned stage checks its machine against TARGETARCH",
        "found where it is right alone: in stages that are not pinned",
    ),
    (
        "cgo is off in a stage that was made for it",
        "not found without `CGO_ENABLED`; `cgo-differs` is the near one that was",
    ),
    (
        "ENV GOARCH reaches `go run` or `go generate` in a pinned stage",
        "not found: where one could be, make runs it",
    ),
    (
        "COPY misses `target/TRIPLE/release`",
        "not found: who names a target copies from its folder",
    ),
    (
        "`pip --platform` with the markers of the build machine",
        "found in scripts and pipelines, not in Dockerfiles",
    ),
    (
        "npm's scripts in a pinned stage (`npm ci --cpu` without `--ignore-scripts`)",
        "three files were found, and what each ships is right: packages that bring the programs of all"
        " platforms, or a folder of prebuilt ones. Without `--cpu` scripts and packages alike are for the"
        " build machine: that is `native-module-of-build-platform`'s, and `--cpu=$TARGETARCH`, found"
        " twice, is `architecture-name-mismatch`'s",
    ),
    (
        "a stage whose RUNs nobody takes anything from",
        "of 869 stages with a RUN that others take paths from (800 files of several stages), 36 give"
        " paths that no RUN names; read one by one, all 36 are written by a RUN (an installer's folders,"
        " make, chmod). Ten real ones were wanted, none was found",
    ),
    (
        "`-march=native`, `target-cpu=native`",
        "not about platforms: 104 findings in benchmarks, right on each machine",
    ),
)


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
        f"```console\n$ {command(rule)}\n{said.rpartition(chr(10) + '1 file: ')[0].rstrip()}\n```",
    ]
    if after.exists():
        parts += ["## After", f"```dockerfile\n{after.read_text().rstrip()}\n```"]
    return "\n\n".join(parts) + "\n"


def command(rule: Rule) -> str:
    """What prints the output of the page, in a folder with its Dockerfile alone."""
    case = FIXTURES / rule.name / "example"
    options = options_of(case)
    words = ["xbuild lint", "--select", ",".join(one.name for one in rules_of(case))]
    if "platforms" in options:
        words += ["--platform", ",".join(options["platforms"])]
    return " ".join([*words, *(["--online"] if rule.is_online else [])])


def index() -> str:
    """All rules in a table."""
    rows = "".join(
        f"| [{r.name}]({r.name}.md) | {r.severity} | {r.summary} | {_has_fix(r)} |\n" for r in RULES
    )
    head = (
        "# Rules of `xbuild lint`\n\nMade by `python -m tests.rule_pages`.\n\n"
        "A fix is safe if it changes no image but for what the finding says: `--fix` makes those,"
        " `--unsafe-fixes`\nthe others too. Each page shows a file, what is said of it, and what its fix"
        " makes of it,\nsafe or not.\n\n"
    )
    return f"{head}| rule | severity | what it finds | fix |\n|---|---|---|---|\n{rows}\n{left_out()}"


def left_out() -> str:
    """Rules that are not there."""
    head = (
        "## Left out\n\n"
        "No file that one of these would be right about was found among those of\n"
        "[The linter on real files](../coverage.md), nor by searches of public code for their very words.\n\n"
    )
    return f"{head}| rule | why |\n|---|---|\n" + "".join(f"| {rule} | {why} |\n" for rule, why in LEFT_OUT)


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
