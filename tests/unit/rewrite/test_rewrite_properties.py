"""What must hold for any Dockerfile, tried on many made from a small grammar."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from xbuild.dockerfile.check import check
from xbuild.dockerfile.model import Dockerfile
from xbuild.dockerfile.parser import parse
from xbuild.errors import XbuildError
from xbuild.graph.model import Options
from xbuild.plan.context import NoContext
from xbuild.plan.deciding.planner import make_plan
from xbuild.plan.model import Plan, VerdictWord
from xbuild.platforms import parse_platforms
from xbuild.rewrite.edits import collect
from xbuild.rewrite.render import rewrite
from xbuild.text import Source, apply_edits

LISTS = (
    None,
    parse_platforms(("linux/amd64", "linux/arm64")),
    parse_platforms(("linux/amd64/v3", "linux/arm/v7", "linux/arm64")),
)
PREFIXES = (
    "",
    "CGO_ENABLED=0 ",
    "GOARCH=amd64 ",
    "env CGO_ENABLED=0 ",
    "time ",
    "CGO_ENABLED=0 GOOS=linux GOARCH=$TARGETARCH ",
)
COMMANDS = (
    "go build -o /out/app .",
    "go build -o /out/ ./cmd/...",
    "go install ./cmd/app",
    "go install example.com/tool@v1.0.0",
    "go mod download",
    "go test ./...",
    "go generate ./...",
    'go build -ldflags "-X main.a=$(go env GOARCH)" -o /out/app .',
    "apt-get install -y git",
    "uname -m > /out/machine",
    "cp /out/app /out/copy",
    "frobnicate",
    "export CGO_ENABLED=0",
    "mkdir -p /out",
    "rm -rf /root/.cache",
)
JOINTS = (" && ", "; ", " || ", " | ", " && \\\n    ")
RUNS = st.lists(
    st.tuples(st.sampled_from(PREFIXES), st.sampled_from(COMMANDS), st.sampled_from(JOINTS)),
    min_size=1,
    max_size=3,
).map(lambda parts: "RUN " + "".join(a + b + c for a, b, c in parts[:-1]) + "".join(parts[-1][:2]))
OTHERS = st.sampled_from(
    (
        "WORKDIR /src",
        "COPY . .",
        "ARG TARGETARCH",
        "ARG TARGETOS=linux",
        "ARG TARGETARCH=amd64",
        "ENV CGO_ENABLED=0",
        "ENV GOARCH=amd64 X=1",
        "ENV GOARCH=$TARGETARCH",
        "USER nobody",
        "# a comment",
        "",
        'CMD ["/app"]',
        'RUN ["go", "build"]',
        "RUN <<EOF\ngo build -o /out/app .\nEOF",
    )
)
BASES = (
    "golang:1.22",
    "golang:1.21-alpine",
    "debian:bookworm",
    "scratch",
    "--platform=$BUILDPLATFORM golang:1.22",
)


@st.composite
def dockerfiles(draw: st.DrawFn) -> str:
    lines: list[str] = []
    count = draw(st.integers(1, 4))
    for number in range(count):
        earlier = [f"s{n}" for n in range(number)]
        base = draw(st.sampled_from((*BASES, *earlier)))
        lines.append(f"FROM {base} AS s{number}")
        body: list[str] = draw(st.lists(st.one_of(RUNS, OTHERS), max_size=5))
        lines += body
        takes: bool = draw(st.booleans())
        if earlier and takes:
            source = draw(st.sampled_from((*earlier, "0")))
            path = draw(st.sampled_from(("/out/app", "/out", "/go/bin/app", "/etc/passwd", "/")))
            lines.append(f"COPY --from={source} {path} /app")
    newline = draw(st.sampled_from(("\n", "\r\n")))
    return newline.join("\n".join(lines).split("\n")) + draw(st.sampled_from(("", newline)))


def plan_of(dockerfile: Dockerfile, number: int) -> Plan:
    return make_plan(dockerfile, Options(), LISTS[number], NoContext())


@given(dockerfiles(), st.integers(0, 2), st.booleans())
@settings(max_examples=250, deadline=None)
def test_any_dockerfile(text: str, number: int, conditional: bool) -> None:
    dockerfile = parse(Source("Dockerfile", text))
    try:
        check(dockerfile)
        plan = plan_of(dockerfile, number)
    except XbuildError:
        return
    made = rewrite(dockerfile, plan, conditional=conditional)
    new = parse(made.text)
    check(new)
    if all(v.word in (VerdictWord.UNSURE, VerdictWord.EMULATED, VerdictWord.ALREADY) for v in plan.stages):
        assert made.text == dockerfile.source
    assert not rewrite(new, plan_of(new, number), conditional=conditional).changed
    assert_only_edits(dockerfile, plan, made.text.text, conditional=conditional)
    assert all(made.line_map(n + 1) >= 1 for n in range(made.text.text.count("\n")))


def assert_only_edits(dockerfile: Dockerfile, plan: Plan, text: str, *, conditional: bool) -> None:
    """Taking every replacement out again, and putting back what it replaced, gives the original."""
    edits = sorted(
        collect(dockerfile, plan.changes(conditional=conditional)).edits,
        key=lambda e: (e.span.start, e.span.end),
    )
    source = dockerfile.source.text
    assert apply_edits(source, edits) == text
    at = done = 0
    restored = ""
    for edit in edits:
        kept = source[done : edit.span.start]
        assert text[at : at + len(kept)] == kept
        at += len(kept)
        assert text[at : at + len(edit.replacement)] == edit.replacement
        at += len(edit.replacement)
        restored += kept + source[edit.span.start : edit.span.end]
        done = edit.span.end
    assert restored + text[at:] == source
