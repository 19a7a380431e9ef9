"""Go's twin on a real engine: a module built by make and a script, assisted and emulated, must be one tree.

With and without cgo, with what a generator makes, a mistake that the compiler finds, and Go's cache.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.solving import docker, engine
from xbuild.verify.excuses import Aspect, Version
from xbuild.verify.languages.excused import EXCUSES
from xbuild.verify.layers import FileSystem

pytestmark = pytest.mark.panel

TWINS = Path(__file__).parents[2] / "src/xbuild/plan/twins"
MOUNT = "/.xbuild-7c1f"
BASE = "golang:1.21-bookworm"
COMPARING = "python:3.11-slim-bookworm"
ASSISTED = f"RUN --mount=type=bind,from=helper,target={MOUNT} . {MOUNT}/env; "
STEPS = ("mkdir /said; make", "./build.sh", "CGO_ENABLED=1 go build -o /out/with ./with")
# Tells what of the mount runs meanwhile. It ends with the step, and leaves nothing.
SEEN = f"grep --line-buffered ^{MOUNT}/go/own >&2"
WATCH = f"while sleep 1; do readlink /proc/[0-9]*/exe; done 2>/dev/null | {SEEN} & "

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
# Two roots, by path, type, mode, owner, link and content. Contents that differ are handed out.
COMPARE = """\
import hashlib, json, os, shutil, stat

def load(root):
    found = {}
    for folder, folders, names in os.walk(root):
        if folder == root:
            folders[:] = [name for name in folders if name not in ("proc", "sys", "dev")]
        for name in folders + names:
            path = os.path.join(folder, name)
            state = os.lstat(path)
            content = ""
            if stat.S_ISLNK(state.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(state.st_mode):
                with open(path, "rb") as file:
                    data = file.read()
                if b".xbuild-7c1f" in data:
                    leaks.append(path)
                content = hashlib.sha256(data).hexdigest()
            found[os.path.relpath(path, root)] = (state.st_mode, state.st_uid, state.st_gid, content)
    return found

leaks, changed, differs = [], [], []
one, other = load("/assisted"), load("/emulated")
for path in sorted(one.keys() | other.keys()):
    left, right = one.get(path), other.get(path)
    if left == right:
        continue
    if left and right and left[:3] == right[:3] and stat.S_ISREG(left[0]):
        number = len(changed)
        changed.append(path)
        shutil.copyfile("/assisted/" + path, f"/result/{number}.assisted")
        shutil.copyfile("/emulated/" + path, f"/result/{number}.emulated")
    else:
        differs.append(path)
json.dump(dict(files=len(one), changed=changed, differs=differs, leaks=leaks), open("/result/json", "w"))
shutil.copyfile("/assisted/said/to", "/result/said")
"""


def stage(name: str, *, is_assisted: bool) -> str:
    lines = [f"FROM {BASE} AS {name}", "WORKDIR /src", "COPY module .", "RUN chmod +x build.sh"]
    lines += [(ASSISTED + WATCH if is_assisted else "RUN ") + step for step in STEPS]
    return "\n".join(lines)


HELPER = f"""\
FROM --platform=$BUILDPLATFORM {BASE} AS make
COPY twins/helper /.xbuild-helper
COPY twins/go /.xbuild-helper/go
ARG BUILDARCH TARGETARCH
RUN --mount=type=bind,from=target,target=/.xbuild-target ["/bin/sh", "/.xbuild-helper/prepare.sh", "go"]
FROM scratch AS helper
COPY --from=make /.xbuild-out/ /
"""
DOCKERFILE = f"""\
# syntax=docker/dockerfile:1
FROM {BASE} AS target
{HELPER}\
{stage("assisted", is_assisted=True)}
{stage("emulated", is_assisted=False)}
FROM --platform=$BUILDPLATFORM {COMPARING} AS compared
COPY compare.py /
RUN mkdir /result
RUN --mount=from=assisted,target=/assisted --mount=from=emulated,target=/emulated ["python3", "/compare.py"]
FROM scratch
COPY --from=compared /result/ /
"""


@dataclass(frozen=True)
class Compared:
    files: int
    changed: list[str]
    differs: list[str]
    leaks: list[str]
    folder: Path
    log: str

    def refused(self) -> dict[str, list[str | None]]:
        """What the table of the tree comparison says of contents that differ, where no row excuses them."""
        found: dict[str, list[str | None]] = {}
        for number, path in enumerate(self.changed):
            one, other = (
                Version(f"/{path}", (self.folder / f"{number}.{side}").read_bytes(), FileSystem([]))
                for side in ("assisted", "emulated")
            )
            rows = [row for row in EXCUSES if row.compare and row.fits(f"/{path}", Aspect.CONTENT)]
            said = [row.compare(one, other) for row in rows if row.compare]
            if None not in said:
                found[path] = said
        return found


def foreign() -> str:
    return "linux/arm64" if str(engine().native) == "linux/amd64" else "linux/amd64"


def helper_of(folder: Path, change: str) -> dict[str, str]:
    """The small files of the helper for a target image in which something was changed."""
    shutil.copytree(TWINS, folder / "twins")
    text = f"# syntax=docker/dockerfile:1\nFROM {BASE} AS target\nRUN {change}\n{HELPER}"
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
def test_no_twin_of_another_go(tmp_path: Path, change: str, why: str) -> None:
    assert helper_of(tmp_path, change) == {"why": f"go: {why}\n"}


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    platform = foreign()
    folder = tmp_path_factory.mktemp("go")
    shutil.copytree(TWINS, folder / "twins")
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "compare.py").write_text(COMPARE)
    for name, text in MODULE.items():
        path = folder / "module" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    out = folder / "out"
    # What twins say is in the output of a step, which a cached one has not.
    fresh = ("--no-cache-filter", "assisted")
    options = ("--builder", "default", "--progress", "plain", "--platform", platform, *fresh)
    done = docker("buildx", "build", *options, "--output", f"type=local,dest={out}", str(folder), check=False)
    assert done.returncode == 0, done.stderr
    return Compared(**json.loads((out / "json").read_text()), folder=out, log=done.stderr)


def test_the_tree_is_that_of_the_emulated_build(compared: Compared) -> None:
    assert compared.differs == []
    assert compared.refused() == {}
    assert compared.files > 5000
    assert any(path.startswith("root/.cache/go-build/") for path in compared.changed)


def test_nothing_of_the_twin_stays(compared: Compared) -> None:
    assert compared.leaks == []


def test_what_the_compiler_and_go_say(compared: Compared) -> None:
    said = (compared.folder / "said").read_text().splitlines()
    assert said[:3] == ["# example.org/hello/broken", "broken/main.go:3:23: undefined: nothing", "1"]
    assert "\tbuild\tCGO_ENABLED=0" in said


def test_tools_ran_natively(compared: Compared) -> None:
    said = [line.partition("xbuild-twin: ")[2] for line in compared.log.splitlines()]
    assert [line for line in said if line] == [
        "go: native",  # go build
        "go: native",  # go vet
        "go: native",  # go generate; what it starts says nothing
        "go: native",  # go build
        "go: native",  # go build of what is broken
        "go: own: another command than those that compile",  # go version
        "go: own: another command than those that compile",  # go env
        "go: native",
    ]
    assert f"{MOUNT}/go/own/compile" in compared.log
