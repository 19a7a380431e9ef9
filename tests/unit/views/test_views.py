"""Reports: what is shown of a build, as text, Markdown and JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from xbuild import plan as make_plan
from xbuild.dockerfile.parser import parse
from xbuild.graph.model import Options
from xbuild.plan.context import NoContext
from xbuild.plan.deciding.planner import make_plan as planned
from xbuild.plan.model import Change, InsertRun, Plan, SetEnvironment, Settings, StageVerdict, VerdictWord
from xbuild.platforms import Platform
from xbuild.solve.history import Vertex
from xbuild.solve.progress import parse_name
from xbuild.text import Source, Span
from xbuild.verify.checks import Layer
from xbuild.verify.leaks import Leak, Unseen, Where
from xbuild.views.baseline import Saved
from xbuild.views.data import outcome_data, plan_data
from xbuild.views.outcome import MARKDOWN_LIMIT, markdown, outcome_lines, saved_text
from xbuild.views.report import (
    Delivered,
    Outcome,
    Step,
    VerifiedPlatform,
    emulation_left,
    moved,
    steps_of,
    timed,
)
from xbuild.views.terminal import Cell, Column, Terminal, clean, seconds, shorten, table, width_of, wrap
from xbuild.views.verdicts import plan_lines
from xbuild.views.verification import leak_text, unseen_text

SCHEMAS = Path(__file__).parents[3] / "src/xbuild/views/schemas"
AMD64, ARM64 = Platform.parse("amd64"), Platform.parse("arm64")
TEXT = """\
FROM golang:1.21 AS b
COPY . .
RUN CGO_ENABLED=0 go build -o /x .
FROM busybox
ARG TOKEN
RUN echo $TOKEN > /y
COPY --from=b /x /x
ENTRYPOINT ["/x"]
"""


def schema(name: str) -> dict[str, object]:
    loaded: dict[str, object] = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    return loaded


def vertex(name: str, line: int, start: float, end: float, target: Platform | None, **more: object) -> Vertex:
    platform = more.pop("platform", AMD64)
    emulated = bool(more.pop("emulated", False))
    return Vertex(
        digest=f"sha256:{abs(hash((name, target)))}",
        name=name,
        step=parse_name(name),
        platform=platform if isinstance(platform, Platform) else None,
        targets=(target,) if target else (AMD64, ARM64),
        emulated=emulated,
        cached=bool(more.pop("cached", False)),
        intervals=((start, end),),
        lines=(line, line),
        user_lines=(line, line),
    )


VERTICES = (
    vertex("[linux/amd64 b 2/3] COPY . .", 2, 0, 0.1, None),
    vertex("[linux/amd64 b 3/3] RUN go build", 3, 0.1, 4.1, AMD64),
    vertex("[linux/amd64->arm64 b 3/3] RUN go build", 3, 0.1, 5.1, ARM64),
    vertex("[linux/amd64 stage-1 2/3] RUN echo hunter2 > /y", 6, 0, 0.1, AMD64),
    vertex(
        "[linux/arm64 stage-1 2/3] RUN echo hunter2 > /y", 6, 0, 1.0, ARM64, platform=ARM64, emulated=True
    ),
    vertex("[linux/arm64 stage-1 3/3] COPY --from=b /x /x", 7, 6, 6, ARM64, cached=True),
    vertex("[internal] load metadata", 1, 0, 9, None),
)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(TEXT, platforms=["linux/amd64", "linux/arm64"])


@pytest.fixture(scope="module")
def steps() -> tuple[Step, ...]:
    return steps_of(VERTICES, VERTICES[:3:2], parse(Source("Dockerfile", TEXT)), (AMD64, ARM64))


def outcome(steps: tuple[Step, ...], plan: Plan) -> Outcome:
    return Outcome(
        dockerfile="Dockerfile",
        platforms=("linux/amd64", "linux/arm64"),
        created="2026-01-01T00:00:00Z",
        total=7.0,
        phases=(("plan", 0.1), ("build", 6.5)),
        builder="default (docker)",
        engine="e",
        rewritten=True,
        digest="sha256:" + "0" * 64,
        steps=steps,
        critical_seconds=5.1,
        emulation=emulation_left(steps, plan, ""),
        verdicts=tuple((stage.name, str(stage.word), stage.line) for stage in plan.stages),
        verified=(
            VerifiedPlatform("linux/amd64", True, 3),
            VerifiedPlatform("linux/arm64", False, 3, ("failure: x",)),
        ),
        delivered=(
            Delivered("push", "r/x:1", "sha256:0"),
            Delivered("push", "q/x:1", None, False, "refused"),
        ),
        saved=Saved("estimated", (3,), 5.0, 25.0, 250.0, "go build 5 to 50 times slower (published range)"),
        warnings=("w",),
        lint=("l",),
    )


def test_without_the_dockerfile_a_step_is_its_keyword() -> None:
    found = steps_of([vertex("[1/2] RUN echo hunter2 > /y", 6, 0, 1, AMD64)], (), None, (AMD64,))
    assert [step.text for step in found] == ["RUN"]


def test_what_was_added_is_no_instruction_of_the_user_s() -> None:
    added = replace(vertex("[linux/amd64 b 3/4] RUN apt-get install -y gcc", 3, 0, 2, AMD64), is_added=True)
    found = steps_of([added, VERTICES[1]], (), parse(Source("Dockerfile", TEXT)), (AMD64, ARM64))
    assert [step.text for step in found] == ["RUN (added by xbuild)", "RUN CGO_ENABLED=0 go build -o /x ."]
    assert [step.kind for step in found] == ["apt-get install", "go build"]
    assert [each.line for each in timed(found)] == [3, 3]  # what it takes counts where it was put


def test_a_push_by_digest_names_the_digest_once() -> None:
    digest = "sha256:" + "0" * 64
    places = (Delivered("push", f"r/x@{digest}", digest), Delivered("push", "r/x:1", digest))
    result = Outcome("Dockerfile", (), "now", 0.0, delivered=places)
    shown = "\n".join(outcome_lines(result, Terminal()))
    assert f"pushed: r/x@{digest}\npushed: r/x:1@{digest}" in shown


def test_a_plan_shows_a_script_line_by_line() -> None:
    change = InsertRun(1, ("set -e;", "if [ a ]; then b; fi;", "\x1b[31mc"), "why")
    assert _changed(change) == ["change: add a RUN: why", "| set -e;", "| if [ a ]; then b; fi;", "| ?[31mc"]
    narrow = _changed(change, 24)
    assert narrow[2:4] == ["| if [ a ]; then b;", "|   fi;"]


@pytest.mark.parametrize(
    ("assignments", "replaced", "said"),
    [
        ((("GOOS", "$TARGETOS"), ("A", "1")), (), "set GOOS, A"),
        ((), ((Span(1, 2), "$TARGETARCH"),), "write $TARGETARCH in place of a value"),
        ((("GOOS", "$TARGETOS"),), ((Span(1, 2), "x"),), "set GOOS, write x in place of a value"),
        ((), ((Span(1, 2), ""),), "leave a value empty"),
    ],
)
def test_what_is_set_and_what_is_replaced(
    assignments: tuple[tuple[str, str], ...], replaced: tuple[tuple[Span, str], ...], said: str
) -> None:
    assert _changed(SetEnvironment(1, 0, assignments, replaced, "why")) == [f"change: {said}: why"]


def _changed(change: Change, width: int | None = None) -> list[str]:
    verdict = StageVerdict(0, "b", 1, VerdictWord.CROSS, changes=(change,))
    shown = plan_lines(Plan("Dockerfile", None, None, (verdict,)), Terminal(width=width))
    return [line.strip() for line in shown][3:]


def test_steps_know_how_they_ran(steps: tuple[Step, ...]) -> None:
    assert [step.how for step in steps] == ["", "native", "cross", "native", "emulated", ""]
    assert [step.executed for step in steps] == [True] * 5 + [False]
    assert [step.target for step in steps][:3] == [None, "linux/amd64", "linux/arm64"]
    assert [step.kind for step in steps] == ["copy", "go build", "go build", "run", "run", "copy"]
    assert [step.is_critical for step in steps] == [True, False, True, False, False, False]


def test_no_build_arg_value_is_shown(steps: tuple[Step, ...], plan: Plan) -> None:
    result = outcome(steps, plan)
    everything = (
        json.dumps(outcome_data(result)) + markdown(result) + "\n".join(outcome_lines(result, Terminal()))
    )
    assert "hunter2" not in everything
    assert "RUN echo $TOKEN > /y" in everything


def test_the_moved_steps_and_the_emulation_left(steps: tuple[Step, ...], plan: Plan) -> None:
    assert [each.line for each in moved(steps, plan)] == [3, 3]
    assert [each.line for each in timed(steps)] == [3, 3, 6, 6]
    (left,) = emulation_left(steps, plan, "")
    assert (left.line, left.platforms, left.seconds) == (6, ("linux/arm64",), 1.0)
    assert left.reason
    assert emulation_left(steps, None, "--no-rewrite")[0].reason == "--no-rewrite"


def test_terminal(steps: tuple[Step, ...], plan: Plan) -> None:
    lines = list(outcome_lines(outcome(steps, plan), Terminal()))
    text = "\n".join(lines)
    assert lines[0] == "linux/amd64 and linux/arm64 in 7.0 s: rewritten, NOT verified, pushed"
    assert "still emulated: Dockerfile:6 on linux/arm64 (1.0 s)" in text
    assert "time saved: estimated 20 s to 4m 05s" in text
    assert "not pushed: q/x:1: refused" in text
    assert "* critical path, 5.1 s" in text
    assert "\x1b" not in text


def test_what_twins_leave_to_emulation_is_not_called_nothing(steps: tuple[Step, ...], plan: Plan) -> None:
    moved_all = replace(outcome(steps, plan), emulation=())
    assert "still emulated: nothing" in outcome_lines(moved_all, Terminal())
    assisted = replace(moved_all, steps=tuple(replace(step, how="assisted") for step in steps))
    said = next(line for line in outcome_lines(assisted, Terminal()) if line.startswith("still emulated"))
    assert said == "still emulated: no step as a whole; in assisted ones all but the native twins"


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_narrow_terminals(width: int, steps: tuple[Step, ...], plan: Plan) -> None:
    lines = list(outcome_lines(outcome(steps, plan), Terminal(True, False, width)))
    rows = lines[2:7]
    assert all(width_of(row) <= max(width, 33) for row in rows), rows


def test_json_fits_the_schemas(steps: tuple[Step, ...], plan: Plan) -> None:
    for name in SCHEMAS.glob("*.json"):
        jsonschema.Draft202012Validator.check_schema(json.loads(name.read_text()))
    result = outcome(steps, plan)
    jsonschema.validate(json.loads(json.dumps(outcome_data(result))), schema("report"))
    empty = Outcome("Dockerfile", (), "now", 0.0)
    jsonschema.validate(json.loads(json.dumps(outcome_data(empty))), schema("report"))
    jsonschema.validate(json.loads(json.dumps(plan_data(plan))), schema("plan"))


def test_markdown_fits_a_job_summary(steps: tuple[Step, ...], plan: Plan) -> None:
    result = outcome(steps, plan)
    text = markdown(result)
    assert "| b | 3 | RUN CGO\\_ENABLED=0 go build -o /x . | linux/arm64 | cross | 5.0 s * |" in text
    many = replace(result, steps=tuple(replace(steps[2], text="é" * 199, id=str(n)) for n in range(9000)))
    long = markdown(many)
    assert len(long.encode()) <= MARKDOWN_LIMIT
    assert "more steps are left out" in long
    assert "pushed" in long


def test_markdown_shows_texts_as_they_are(steps: tuple[Step, ...], plan: Plan) -> None:
    evil = replace(steps[2], text="RUN a | b <script> [x](y) `z` \x1b[31m")
    text = markdown(replace(outcome(steps, plan), steps=(evil,)))
    row = next(line for line in text.splitlines() if "RUN a" in line)
    assert row.count(" | ") == 5
    assert "<script>" not in row
    assert "\x1b" not in row


@pytest.mark.parametrize(
    ("saved", "said"),
    [
        (Saved("none"), "not looked at (--baseline none)"),
        (Saved("none", basis="nothing was rewritten"), "none counted: nothing was rewritten"),
        (Saved("measured", (3,), 5.0, 45.0, 45.0, "b"), "measured 40 s (1 step executed on both sides"),
        (Saved("recorded", (3,), 5.0, 45.0, 45.0, "b", "2026-01-01"), "b on 2026-01-01"),
        (Saved("measured", (), 0.0, 0.0, 0.0, "b"), "no step was executed both"),
        (Saved("measured", (3,), 50.0, 45.0, 45.0, "b"), "measured -5.0 s"),
    ],
)
def test_time_saved_in_words(saved: Saved, said: str) -> None:
    assert said in saved_text(saved)


def test_durations() -> None:
    assert [seconds(v) for v in (0, 0.04, 9.94, 9.96, 33.4, 99.6, 201, 3599.6, 12345)] == [
        "0.0 s", "0.0 s", "9.9 s", "10 s", "33 s", "1m 40s", "3m 21s", "1h 00m", "3h 25m",
    ]  # fmt: skip


def test_text_of_any_width() -> None:
    assert width_of("日本") == 4
    assert shorten("日本語テスト", 9) == "日本語..."
    assert clean("a\x1b[31m\n b\tc") == "a?[31m b c"
    assert wrap("aa bb cc", Terminal(width=5), "  ")[0] == "aa bb cc"
    assert wrap("a" * 15 + " " + "b" * 15, Terminal(width=20), "  ") == ("a" * 15, "  " + "b" * 15)
    columns = (Column("x"), Column("y", flexible=True))
    rows = [(Cell("1", ("red",)), Cell("z" * 50))]
    assert table(columns, rows, Terminal(width=20))[1] == "1  " + "z" * 14 + "..."
    assert table(columns, rows, Terminal(has_colour=True))[1].startswith("\x1b[31m1\x1b[0m  zz")
    assert table(columns, [], Terminal()) == ()


def test_a_leak_in_one_line() -> None:
    platform, layer = Platform.parse("linux/arm64"), Layer(2, "sha256:" + "1" * 64, "RUN make # buildkit")
    told = [
        leak_text(Leak(platform, layer, "a\x1b", Where.PATH), "/.lent"),
        leak_text(Leak(platform, layer, "a.gz", Where.MEMBER, "(gzip) > x"), "/.lent", 7),
        unseen_text(Unseen(platform, layer, "a.7z", "7z is not opened")),
    ]
    made = "[layer 3 sha256:111111111111{}: RUN make # buildkit]"
    assert told == [
        f"/a?: its name has /.lent {made.format('')}",
        f"/a.gz: its content holds /.lent, in (gzip) > x {made.format(', line 7')}",
        f"/a.7z: not looked into: 7z is not opened {made.format('')}",
    ]


def test_a_step_in_which_twins_took_part() -> None:
    """It is emulated no more, what they said is told, and where all stepped aside it still is."""
    text = "FROM debian\nRUN apt-get install -y x\nRUN pip list\n"
    logs = (
        b"xbuild-twin: apt: native\nGet:1 x\nxbuild-twin: apt: own: options\n",
        b"xbuild-twin: pip: own: PYTHONPATH\n",
    )
    vertices = [
        replace(vertex(f"[stage-0 {n}/3] RUN x", n, 0.0, 5.0, ARM64, platform=ARM64, emulated=True), log=log)
        for n, log in enumerate(logs, 2)
    ]
    steps = steps_of(vertices, (), parse(Source("Dockerfile", text)), (AMD64, ARM64))
    assert [step.how for step in steps] == ["assisted", "emulated"]
    assert steps[0].twins == ("apt: native", "apt: own: options")
    assert [e.line for e in emulation_left(steps, None, "")] == [3]
    assert [(t.kind, t.factors is not None) for t in timed(steps)] == [
        ("apt-get install, assisted", True),
        ("run", False),
    ]


def test_the_report_tells_what_twins_did_and_why_some_did_nothing() -> None:
    text = "FROM debian:bookworm\nRUN apt-get update\nRUN apt-get clean\nRUN find / -exec apt-get {} +\n"
    parsed = parse(Source("Dockerfile", text))
    plan = planned(parsed, Options(), (AMD64, ARM64), NoContext(), Settings(assist=True))
    logs = (b"xbuild-twin: apt: native\n", b"xbuild-twin: apt: own: APT_CONFIG is set\n", b"")
    vertices = [
        replace(vertex(f"[stage-0 {n}/4] RUN x", n, 0.0, n, ARM64, platform=ARM64, emulated=True), log=log)
        for n, log in enumerate(logs, 2)
    ]
    steps = steps_of(vertices, (), parsed, (AMD64, ARM64))
    made = outcome(steps, plan)
    assert made.split == (("assisted", 2.0), ("emulated", 7.0))
    jsonschema.validate(outcome_data(made), schema("report"))
    lines = "\n".join(outcome_lines(made, Terminal()))
    assert "time in RUNs: assisted 2.0 s, emulated 7.0 s" in lines
    assert "native twins: Dockerfile:2 on linux/arm64: apt: native" in lines
    assert [(left.line, left.reason) for left in made.emulation] == [
        (3, "native twins stepped aside: apt: own: APT_CONFIG is set"),
        (4, "no native twins: `find … /` may go through the whole root"),
    ]
    silent = replace(steps[1], twins=())
    assert emulation_left([silent], plan, "")[0].reason == "what its native twins did is not known"
    cached = replace(silent, cached=True)
    why = "what its native twins did is not known: it comes from the cache"
    assert emulation_left([cached], plan, "")[0].reason == why


def test_a_plan_with_twins_fits_its_schema_and_says_what_is_native() -> None:

    text = "FROM debian:bookworm\nRUN apt-get update\nRUN find / -name x\n"
    made = planned(
        parse(Source("Dockerfile", text)),
        Options(),
        (AMD64, ARM64),
        NoContext(),
        Settings(assist=True),
    )
    jsonschema.validate(plan_data(made), schema("plan"))
    lines = "\n".join(plan_lines(made, Terminal()))
    assert "assisted: runs on the target platform, with native twins" in lines
    assert "native: apt [Dockerfile:2]" in lines
    assert "emulated: `find … /` may go through the whole root [Dockerfile:3]" in lines
