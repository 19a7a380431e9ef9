"""Go's twin on a real engine: a module built by make and a script, assisted and emulated, must be one tree.

With and without cgo, with what a generator makes, a mistake that the compiler finds, and Go's cache. On
Alpine without cgo and make, for which the test bed has nothing there.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.integration.comparing import STAGE, Compared, compare, foreign
from tests.integration.solving import docker, engine

pytestmark = pytest.mark.panel

TWINS = Path(__file__).parents[2] / "src/xbuild/plan/twins"
MOUNT = "/.xbuild-7c1f"
BASE, ALPINE = "golang:1.21-bookworm", "golang:1.21-alpine"
ASSISTED = f"RUN --mount=type=bind,from=helper,target={MOUNT} . {MOUNT}/env; "
STEPS = {
    BASE: ("mkdir /said; make", "./build.sh", "CGO_ENABLED=1 go build -o /out/with ./with"),
    ALPINE: (
        "mkdir /said; CGO_ENABLED=0 go build -ldflags='-s -w' -o /out/plain ./plain; go vet ./plain",
        "./build.sh",
    ),
}
# Tells what of the mount runs meanwhile. It ends with the step, and leaves nothing.
SEEN = f"ls -l /proc/[0-9]*/exe 2>/dev/null | grep {MOUNT}/go/own >&2"
WATCH = f"while sleep 1; do {SEEN}; done & "

MODULE = {
    "go.mod": "module example.org/hello\n\ngo 1.21\n",
    "plain/main.go": "package main\n\nfunc main() { println(text()) }\n",
    "plain/text.go": "package main\n\n//go:generate sh ../generate.sh\n\n"
    'func text() string { return "hello" }\n',
    "broken/main.go": "package main\n\nfunc main() { println(nothing) }\n",
    "with/main.go": "package main\n\n// static int twice(int n) { return 2 * n; }\n"
    'import "C"\n\nfunc main() { println(int(C.twice(21))) }\n',
    # Go's cache knows a folder by the times of its files.
    "generate.sh": "echo 'package main' >made.go\necho 'var Made = 1' >>made.go\n"
    "touch -d @1700000000 made.go\ngo list -export -deps . >/said/list\n",
    "Makefile": "all:\n\tCGO_ENABLED=0 go build -ldflags='-s -w' -o /out/plain ./plain\n\tgo vet ./plain\n",
    "build.sh": """\
#!/bin/sh
export CGO_ENABLED=0
go generate ./plain
go build -o /out/again ./plain
{ go build -o /dev/null ./broken; echo $?; go version -m /out/plain; go env; } >/said/all 2>&1
grep -v GOGCCFLAGS /said/all >/said/to && rm /said/all
""",
}


def stage(name: str, base: str, *, is_assisted: bool) -> str:
    lines = [f"FROM {base} AS {name}", "WORKDIR /src", "COPY module .", "RUN chmod +x build.sh"]
    lines += [(ASSISTED + WATCH if is_assisted else "RUN ") + step for step in STEPS[base]]
    return "\n".join(lines)


def helper(base: str) -> str:
    return f"""\
FROM --platform=$BUILDPLATFORM {base} AS make
COPY twins/helper /.xbuild-helper
COPY twins/go /.xbuild-helper/go
ARG BUILDARCH TARGETARCH
RUN --mount=type=bind,from=target,target=/.xbuild-target ["/bin/sh", "/.xbuild-helper/prepare.sh", "go"]
FROM scratch AS helper
COPY --from=make /.xbuild-out/ /
"""


def dockerfile(base: str) -> str:
    return f"""\
# syntax=docker/dockerfile:1
FROM {base} AS target
{helper(base)}\
{stage("assisted", base, is_assisted=True)}
{stage("emulated", base, is_assisted=False)}
{STAGE}\
FROM scratch
COPY --from=compared /result/ /
"""


def helper_of(folder: Path, base: str, change: str) -> dict[str, str]:
    """The small files of the helper for a target image in which something was changed."""
    shutil.copytree(TWINS, folder / "twins")
    text = f"# syntax=docker/dockerfile:1\nFROM {base} AS target\nRUN {change}\n{helper(base)}"
    (folder / "Dockerfile").write_text(text)
    options = ("--builder", "default", "--platform", foreign())
    docker("buildx", "build", *options, "--output", f"type=local,dest={folder}/out", str(folder))
    return {
        path.name: path.read_text() for path in (folder / "out").iterdir() if path.name in ("why", "twins")
    }


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            "echo '// x' >>/usr/local/go/src/cmd/compile/main.go",
            "the base image has another Go on the target platform",
        ),
        (
            "cp /usr/local/go/pkg/tool/*/asm /usr/local/go/pkg/tool/*/link",
            "link was built otherwise for the target platform",
        ),
        ("mkdir /usr/local/go/pkg/tool/a_b", "not one folder of Go's tools"),
        ("rm -r /usr/local/go", "the base image has no Go in /usr/local/go"),
    ],
)
@pytest.mark.parametrize("base", STEPS)
def test_no_twin_of_another_go(tmp_path: Path, base: str, change: str, why: str) -> None:
    assert helper_of(tmp_path, base, change) == {"why": f"go: {why}\n"}


@pytest.fixture(scope="module", params=STEPS)
def compared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Compared:
    engine()
    folder = tmp_path_factory.mktemp("go")
    shutil.copytree(TWINS, folder / "twins")
    for name, text in MODULE.items():
        path = folder / "module" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return compare(folder, dockerfile(request.param))


def test_the_tree_is_that_of_the_emulated_build(compared: Compared) -> None:
    assert compared.differs == []
    assert compared.refused() == {}
    assert len(compared.paths) > 5000
    assert any(path.startswith("root/.cache/go-build/") for path in compared.changed)


def test_nothing_of_the_twin_stays(compared: Compared) -> None:
    assert compared.leaks == []


def test_what_the_compiler_and_go_say(compared: Compared) -> None:
    said = compared.said.splitlines()
    assert said[:3] == ["# example.org/hello/broken", "broken/main.go:3:23: undefined: nothing", "1"]
    assert "\tbuild\tCGO_ENABLED=0" in said


def test_tools_ran_natively(compared: Compared) -> None:
    told = [
        "go: native",  # go build
        "go: native",  # go vet
        "go: native",  # go generate; what it starts says nothing
        "go: native",  # go build
        "go: native",  # go build of what is broken
        "go: own: another command than those that compile",  # go version
        "go: own: another command than those that compile",  # go env
    ]
    assert compared.twins[: len(told)] == told
    # With cgo, where there is that.
    assert compared.twins[len(told) :] in ([], ["go: native"])
    assert f"{MOUNT}/go/own/compile" in compared.log
