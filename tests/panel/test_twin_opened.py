"""Every file that the programs of a twin open, and from which root: listed in `opened/`, a file for each.

A line there is a root (`mount`: the helper's; `target`: the container's), a pattern, and what that is. What
is opened and stands in no line fails, and so does a line of which nothing is opened. Program code comes from
the mount alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.integration.solving import docker, engine
from tests.integration.test_twins import MOUNT, SOURCE, TOOLS, helper
from tests.panel import test_twin_go, test_twin_node, tracing
from xbuild.plan.twins import TWINS
from xbuild.plan.twins.twin import MOUNT as PLACE

pytestmark = pytest.mark.panel

LISTS = Path(__file__).parent / "opened"


@dataclass(frozen=True)
class Case:
    """A base image, what is there before, and what is run."""

    base: str
    before: str
    run: str


CASES = {
    "apk": Case(
        "alpine:3.23",
        "",
        "apk add --no-cache curl && apk add --virtual .x jq && apk del .x && apk upgrade && apk info -e curl",
    ),
    # The other user of apt's methods may not be looked at by strace.
    "apt": Case(
        "debian:bookworm",
        "COPY tools.deb /\nRUN echo 'APT::Sandbox::User \"root\";' >/etc/apt/apt.conf.d/00user",
        "apt-get update && apt-get install -y /tools.deb && dpkg -i /tools.deb",
    ),
    "gcc": Case(
        "python:3.13",
        "ENV LANG=C.UTF-8\nCOPY c /src\nWORKDIR /src",
        "gcc -O2 -g -o /one one.c -lm && g++ -flto -o /two two.cc -pthread && cc -c -o /three.o three.S",
    ),
    "go": Case(
        test_twin_go.BASE,
        "COPY module /src\nWORKDIR /src\nRUN chmod +x build.sh",
        "make && go build -o /with ./with",
    ),
    "node": Case(
        test_twin_node.BASE,
        "COPY w /w\nCOPY package.json package-lock.json /service/\nWORKDIR /service",
        "npm ci --no-audit --no-fund && cd /w && npm install --no-audit --no-fund /w/seen.tgz",
    ),
    "pip": Case(
        "python:3.11-slim-bookworm",
        "",
        f"pip install markupsafe==3.0.3 idna==3.10 && {PLACE}/pip/python python -m venv --without-pip /v",
    ),
}


def context(folder: Path) -> None:
    """Files for all cases."""
    (folder / "tools.deb").write_bytes(TOOLS)
    test_twin_node.written(folder)
    files = {
        "c/one.c": "#include <math.h>\n#include <stdio.h>\nint main(int n, char **v)\n"
        '{ (void)v; printf("%f\\n", sin(n)); }\n',
        "c/two.cc": "#include <iostream>\n#include <thread>\n"
        'int main() { std::thread([] { std::cout << "two\\n"; }).join(); }\n',
        "c/three.S": '#define N 3\n .text\n .quad N\n .section .note.GNU-stack,"",%progbits\n',
    }
    for name, text in (files | {f"module/{n}": t for n, t in test_twin_go.MODULE.items()}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def opened(twin: str, folder: Path) -> tracing.Opened:
    """Build, and read what strace wrote in the step."""
    case = CASES[twin]
    context(folder)
    run = f"RUN {MOUNT} {tracing.MOUNTED} {SOURCE} {tracing.COMMAND} sh -c '{case.run}'"
    text = f"# syntax=docker/dockerfile:1\n{tracing.STAGES}{helper(case.base, (twin,))}"
    text += f"FROM {case.base} AS traced\n{case.before}\n{run}\n"
    text += f"FROM scratch\nCOPY --from=traced {tracing.LOG} /\n"
    (folder / "Dockerfile").write_text(text)
    platform = "linux/arm64" if str(engine().native) == "linux/amd64" else "linux/amd64"
    words = ("--builder", "default", "--platform", platform, "--output", f"type=local,dest={folder}/out")
    done = docker("buildx", "build", *words, "--progress", "plain", str(folder), check=False)
    assert done.returncode == 0, done.stderr
    return tracing.read((folder / "out" / Path(tracing.LOG).name).read_text(errors="replace").splitlines())


@dataclass(frozen=True)
class Row:
    root: str
    pattern: str
    what: str

    def fits(self, path: str) -> bool:
        inside = path.removeprefix(f"{PLACE}/")
        root = "mount" if inside != path else "target"
        return root == self.root and fnmatchcase(inside, self.pattern)


def rows(twin: str) -> list[Row]:
    lines = (LISTS / twin).read_text().splitlines()
    return [Row(*re.split(r"\s+", line, maxsplit=2)) for line in lines if line and not line.startswith("#")]


def test_every_twin_has_a_list() -> None:
    assert sorted(CASES) == sorted(path.name for path in LISTS.iterdir()) == sorted(t.name for t in TWINS)


@pytest.mark.parametrize("twin", CASES)
def test_what_is_opened_and_from_which_root(twin: str, tmp_path: Path) -> None:
    found, listed = opened(twin, tmp_path), rows(twin)
    assert [path for path in found.code if not path.startswith(f"{PLACE}/")] == []
    assert f"{PLACE}/{twin}/decide" in found.programs
    not_listed = [path for path in sorted(found.files) if not any(row.fits(path) for row in listed)]
    assert not_listed == []
    unused = [row for row in listed if not any(row.fits(path) for path in found.files)]
    assert unused == []
