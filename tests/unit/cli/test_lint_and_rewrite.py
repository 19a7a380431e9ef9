"""The fix of rules that stem from the plan: all of it or none, the bytes that `xbuild rewrite` writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.cli.command import Xbuild
from tests.unit.rewrite.test_rewrite_fixtures import FOLDERS, Case
from xbuild.dockerfile.check import read
from xbuild.errors import XbuildError
from xbuild.graph.model import Options
from xbuild.pipeline.linting import lint_text
from xbuild.pipeline.wishes import Wanted
from xbuild.plan.deciding.planner import make_plan
from xbuild.plan.model import Settings
from xbuild.rewrite.render import rewrite
from xbuild.rules import RULES
from xbuild.rules.rule import Level
from xbuild.text import Source

PLANNED = tuple(rule.name for rule in RULES if rule.from_plan)
PROJECTS = Path(__file__).parents[2] / "projects"

# The root is pinned for what the derived stage makes: right only with the variables of the derived stage.
GROUP = """\
FROM golang:1.21-bookworm AS base
WORKDIR /src
COPY . .
{above_base}RUN go mod download
FROM base AS build
{above_run}RUN CGO_ENABLED=0 go build -o /out/app .
FROM node:22 AS page
WORKDIR /src
RUN echo '<p>hello</p>' | sort > index.html
FROM scratch
COPY --from=build /out/app /app
COPY --from=page /src/index.html /
ENTRYPOINT ["/app"]
"""


def written(case: Case, source: Source) -> str | None:
    """What `xbuild rewrite` makes of a case, None where the file is refused."""
    try:
        plan = make_plan(read(source), Options(), None, case.context, Settings(helpers=False))
        return rewrite(read(source), plan).text.text
    except XbuildError:
        return None


CASES = sorted(n for n, f in FOLDERS.items() if f.parent.parent.name == "toolchains") + sorted(FOLDERS)[::4]


@pytest.mark.parametrize("part", range(8))
def test_lint_and_rewrite_write_the_same(part: int) -> None:
    """Wherever one of these rules finds something, and offers a fix."""
    for name in CASES[part::8]:
        case = Case.read(name)
        source = Source.from_bytes("Dockerfile", (case.folder / "before.Dockerfile").read_bytes())
        folder = case.folder / "context"
        wanted = Wanted(context=str(folder) if folder.is_dir() else None, select=PLANNED)
        found = lint_text("Dockerfile", source.to_bytes(), wanted).judged.told
        after = lint_text("Dockerfile", source.to_bytes(), replace(wanted, fix=True))
        new = written(case, source)
        if after.problem is None and "assist=" not in source.text:
            is_fixed = any(one.finding.fix for one in found)
            assert after.after == (new if is_fixed else source.text), name
            assert is_fixed or not found or new == source.text, name


def test_cases_with_fixes_are_many() -> None:
    found = 0
    for name in CASES[::4]:
        data = (FOLDERS[name] / "before.Dockerfile").read_bytes()
        told = lint_text("Dockerfile", data, Wanted(select=PLANNED)).judged.told
        found += any(one.finding.fix for one in told)
    assert found > 20


@pytest.mark.parametrize("name", ["go-cgo-sqlite", "go-generate", "go-kubebuilder", "go-vendor-cgo-free"])
def test_the_commands_write_the_same(name: str, xbuild: Xbuild) -> None:
    file = PROJECTS / name / "Dockerfile"
    selected = ("--select", ",".join(PLANNED), "--context", file.parent)
    diff = xbuild("lint", file, *selected, "--diff").out
    assert diff == xbuild("rewrite", "--offline", "--diff", "-f", file, file.parent).out
    assert diff


def fixes(text: str, **wanted: tuple[str, ...] | Level) -> list[bool]:
    """For each finding of these rules whether there is a fix; whatever is fixed is fixed whole."""
    given = Wanted(**{"select": PLANNED, **wanted})  # type: ignore[arg-type]
    done = lint_text("Dockerfile", text.encode(), replace(given, fix=True))
    found = lint_text("Dockerfile", text.encode(), given).judged.told
    pins, whole = (t.count("--platform=$BUILDPLATFORM") for t in (done.after or "", whole_of(text)))
    assert pins in (0, whole)
    return [one.finding.fix is not None for one in found if one.rule.from_plan]


def whole_of(text: str) -> str:
    done = lint_text("Dockerfile", text.encode(), Wanted(select=PLANNED, fix=True)).after
    return done or ""


PLAIN = GROUP.format(above_base="", above_run="")


def test_the_group_is_fixed() -> None:
    assert fixes(PLAIN) == [True] * 3
    assert "GOARCH=$TARGETARCH" in whole_of(PLAIN)


@pytest.mark.parametrize(
    ("above_base", "above_run"),
    [
        ("", "# xbuild ignore=emulated-compile our own way\n"),
        ("# xbuild ignore=portable-built-per-platform\n", ""),
        ("# xbuild ignore=emulated-compile\n", ""),
    ],
)
def test_a_comment_at_a_part_keeps_the_whole(above_base: str, above_run: str) -> None:
    """Also one that stands where nothing is found: it is obeyed, so it is no idle one."""
    text = GROUP.format(above_base=above_base, above_run=above_run)
    assert not any(fixes(text))
    everything = lint_text("Dockerfile", text.encode(), Wanted(fix=True))
    assert everything.after == text
    assert "unused-ignore" not in {one.rule.name for one in everything.judged.told}


@pytest.mark.parametrize("at", ["FROM golang", "FROM base", "FROM node"])
@pytest.mark.parametrize("rule", PLANNED)
def test_a_comment_at_a_stage_keeps_the_whole(at: str, rule: str) -> None:
    text = PLAIN.replace(at, f"# xbuild ignore={rule} reason\n{at}")
    assert not any(fixes(text))


def test_a_comment_at_a_stage_without_changes_keeps_nothing() -> None:
    text = PLAIN.replace("FROM scratch", "# xbuild ignore=emulated-compile reason\nFROM scratch")
    assert fixes(text) == [True] * 3


def test_a_global_comment_and_a_selection_keep_the_whole() -> None:
    assert fixes(f"# xbuild global ignore=emulated-compile\n{PLAIN}") == [False] * 2
    assert fixes(PLAIN, select=("emulated-compile",)) == [False]
    assert fixes(PLAIN, select=(), ignore=("emulated-compile",)) == [False] * 2
    assert fixes(PLAIN, severity=Level.ERROR) == []


def test_one_rule_alone_is_enough_where_the_other_finds_nothing() -> None:
    text = PLAIN.replace("RUN echo '<p>hello</p>' | sort > index.html\n", "").replace(
        "RUN go mod download\n", ""
    )
    text = text.replace("COPY --from=page /src/index.html /\n", "")
    assert fixes(text, select=("emulated-compile",)) == [True]
