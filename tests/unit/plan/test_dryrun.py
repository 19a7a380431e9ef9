"""What real make says it would run, through the very script that is put into a RUN."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from xbuild.plan.model import Probe, Question
from xbuild.plan.recipes.dryrun import DryRun, NotToldError, read_dry_run, script_for
from xbuild.rewrite.probe import asking

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
FILES = {"main.go": "", "a.mk": "X = 1\n", "sub/Makefile": "y:\n\techo sub $(X) $(CURDIR)\n"}

# A Makefile, and the commands that come of `make build`; what make asks a shell is in `: "$(…)"`.
CASES = {
    "export": ("export A = 1\nbuild:\n\tgo build\n", ["export A=1", "go build"]),
    "export of a target": ("build: export A = $(GOARCH)\nbuild: ; go\n", ['export A="${TARGETARCH}"', "go"]),
    "several lines in a value": (
        "define A\nx\nxbuild-runs\nexport B=1\nendef\nexport A\nbuild: ; go build\n",
        ["export A='x", "xbuild-runs", "export B=1'", "go build"],
    ),
    "bash": (
        "SHELL := /bin/bash\nX := $(shell echo $$0)\nbuild:\n\techo $(X)\n",
        [': "$(echo $0)"', "echo /bin/bash"],
    ),
    "flags of the shell": (".SHELLFLAGS = -eu -c\nbuild:\n\t@-echo 1\n", ["echo 1"]),
    "one shell": (".ONESHELL:\nbuild:\n\t@cd sub\n\t@echo 2\n", ["cd sub", "echo 2"]),
    "asked late of git": (
        "V = $(shell git --version | wc -l)\na: ; echo 1\nbuild: a\n\techo $(V)\n",
        ["echo 1", ': "$(git --version | wc -l)"', "echo 1"],
    ),
    "assigned by a shell": (
        "V != echo $(GOARCH)\nbuild: ; echo $(V)\n",
        [': "$(echo ${TARGETARCH})"', "echo ${TARGETARCH}"],
    ),
    "a function by its name": (
        "f = shell\nX := $(call $(f),echo 1)\nbuild: ; echo $(X)\n",
        [': "$(echo 1)"', "echo 1"],
    ),
    "the moment": ("D := $(shell date +%s%N)\nbuild: ; [ $(D) ]\n", [': "$(date +%s%N)"', "[ * ]"]),
    "an include": ("include a.mk\nbuild: ; echo $(X)\n", ["echo 1"]),
    "files": ("F := $(wildcard *.go)\nbuild: $(F) ; echo $^\n", ["echo main.go"]),
    "files of a rule": ("build: $(wildcard *.go)\n\techo $^\n", ["echo main.go"]),
    "make by make": (
        "build: ; $(MAKE) z A=1\nz: ; echo $(A) $(GOARCH)\n",
        ["export A=1", "echo 1 ${TARGETARCH}"],
    ),
    "make in a folder": ("build:\n\tcd sub && $(MAKE) y\n", ["echo sub  $PWD/sub"]),
    "two at a time": ("MAKEFLAGS += -j8\nbuild: a b\na: ; echo a\nb: ; echo b\n", ["echo a", "echo b"]),
    "what make says": ("build:\n\t$(info go build)\n\tgo build $(warning w)\n", ["go build"]),
    "continued": (
        "build:\n\tif :; then \\\n\t  echo 1; \\\n\tfi\n",
        ["if :; then \\", "  echo 1; \\", "fi"],
    ),
    "quoted": (
        "build: ; a 'x-$(GOARCH)' \"y-$(GOARCH)\" z/$(GOOS)\n",
        ["a 'x-'\"${TARGETARCH}\"'' \"y-${TARGETARCH}\" z/linux"],
    ),
    "nothing to do": ("build:\n", []),
}
_ARM = "ifeq ($(GOARCH),arm64)\n"
REFUSED = {
    "python": ("SHELL := /usr/bin/python3\nbuild:\n\tprint(1)\n", "is not followed"),
    "overridden": ("override SHELL := /bin/sh\nbuild: ; touch ran\n", "is not followed"),
    "perl for one target": ("build: SHELL = /usr/bin/perl\nbuild:\n\tprint 1\n", "is not followed"),
    "an include that is made": (
        "-include b.mk\nb.mk: ; touch ran\nbuild: ; echo 1\n",
        "which it does not say",
    ),
    "stale": ("x: main.go ; echo > x\ny: x ; echo > y\nbuild: y\n", "but it would not run it"),
    "files found late": ("a: ; touch b.go\nbuild: a ; echo $(wildcard *.go)\n", "an earlier line makes"),
    "files found for one target": (
        "build: F = $(wildcard *.go)\nbuild:\n\ttouch b.go\n\techo $(F)\n",
        "an earlier line makes",
    ),
    "files of the machine": ("F := $(wildcard /lib/*)\nbuild: ; echo $(F)\n", "cannot be told"),
    "the machine": ("build: ; echo $(MAKE_HOST)\n", "is not followed"),
    "options": (
        "ifneq (,$(findstring s,$(MAKEFLAGS)))\nX=1\nendif\nbuild: ; echo $(X)\n",
        "is not followed",
    ),
    "the shell": ("ifeq ($(SHELL),/bin/sh)\nX=1\nendif\nbuild: ; echo $(X)\n", "is not followed"),
    "another for one platform": (_ARM + "F=-x\nendif\nbuild: ; go build $(F)\n", "for every platform"),
    "more for one platform": (_ARM + "build: z\nendif\nbuild: ; echo 1\nz: ; echo 2\n", "every platform"),
    "taken out": ("unexport GOARCH\nbuild: ; go build\n", "takes GOARCH out of the environment"),
    "an error": ("$(error no)\n", "it fails: Makefile:1: *** no.  Stop."),
    "no rule": ("a: ; echo 1\n", "No rule to make target 'build'"),
}


def told(folder: Path, makefile: str) -> DryRun:
    for name, text in {**FILES, "Makefile": makefile}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    for name, seconds in {"x": 1, "main.go": 2, "y": 3}.items():
        (folder / name).touch()
        os.utime(folder / name, (seconds * 10**6,) * 2)
    script = script_for("make", "GOOS=$TARGETOS GOARCH=$TARGETARCH", "build", ("TARGETARCH",))
    # Not the folder of a probe in a container: several tests run at the same time.
    script = script.replace("/tmp/xbuild-dry", f"{folder}/dry")
    question = Question(0, 0, "", "", Probe(script, ("linux/amd64", "linux/arm64"), is_exact=True))
    written = folder / "written"
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    subprocess.run(("sh", "-c", asking(0, question, str(written))), cwd=folder, env=environment, check=True)
    answer = written.read_text().split("\n", 1)[1].replace(f"{folder}/dry", "/tmp/xbuild-dry")
    assert not (folder / "ran").exists()
    return read_dry_run("make", answer)


@pytest.mark.parametrize("name", CASES)
def test_lines(name: str, tmp_path: Path) -> None:
    makefile, wanted = CASES[name]
    rows = [row for row in told(tmp_path, makefile).script.split("\n") if row not in ("(", ")", "")]
    rows = [row for row in rows if not row.startswith(f"cd {tmp_path}")]
    for row, expected in zip(rows, wanted, strict=True):
        start, star, end = expected.replace("$PWD", str(tmp_path)).partition("*")
        assert (row.startswith(start) and row.endswith(end)) if star else row.rstrip() == start


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_told(name: str, tmp_path: Path) -> None:
    makefile, why = REFUSED[name]
    with pytest.raises(NotToldError) as caught:
        told(tmp_path, makefile)
    assert why in str(caught.value)


def test_the_number_of_a_line(tmp_path: Path) -> None:
    run = told(tmp_path, "V := $(shell echo 1)\nbuild:\n\techo a\n\techo $(V)\n")
    assert [run.line(run.script.index(text)) for text in ("echo 1", "echo a", "echo 1\n)")] == [1, 1, 2]
    assert run.folders == (str(tmp_path),)


def test_no_answer_is_none() -> None:
    with pytest.raises(NotToldError):
        read_dry_run("make", "")
    with pytest.raises(NotToldError):
        read_dry_run("make", "# xbuild-platform linux/amd64\nxbuild-told\nexport 'A\n")
