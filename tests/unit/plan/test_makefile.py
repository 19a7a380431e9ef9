"""What make would run. The expected lines are those of `make -n` (GNU make 4.3); None: it cannot be told."""

from __future__ import annotations

import pytest

from xbuild.plan.makefile import NotToldError, Surroundings, parse_makefile, recipe_of

CASES = {
    "condition on the machine": ("ifeq ($(shell uname -m),a)\nX=1\nendif\nall:\n\techo $(Y)\n", ["echo"]),
    "condition in a recipe": ("all:\nifeq ($(shell uname -m),a)\n\techo 1\nendif\n", None),
    "condition that is known": (
        "all:\nifeq ($(OS),Windows_NT)\n\techo 1\nelse ifdef X\n\techo 2\nelse\n\techo 3\nendif\n\techo 4\n",
        ["echo 3", "echo 4"],
    ),
    "conditions in conditions": (
        "V=a\nifeq ($(V),a)\nifeq ($(V),c)\nX=1\nelse\nX=2\nendif\nelse\nX=3\nendif\nall:\n\techo $(X)\n",
        ["echo 2"],
    ),
    "condition above the value": ("ifeq ($(V),a)\nX=1\nendif\nV=a\nall:\n\techo [$(X)]\n", ["echo []"]),
    "blank in front of the first": ("V=a\nifeq ( $(V),a)\nX=1\nendif\nall:\n\techo [$(X)]\n", ["echo []"]),
    "blank in front of the second": ("V=a\nifeq ($(V), a)\nX=1\nendif\nall:\n\techo [$(X)]\n", ["echo [1]"]),
    "blank behind a value": ("V=a # b\nifeq ($(V),a)\nX=1\nendif\nall:\n\techo [$(X)]\n", ["echo []"]),
    "quoted sides": ("V=a\nifneq '$(V)' 'a'\nX=1\nelse\nX=2\nendif\nall:\n\techo $(X)\n", ["echo 2"]),
    "rule in a condition": ('V=a\nifeq "$(V)" "a"\nall: ; echo 1\nelse\nall: ; echo 2\nendif\n', ["echo 1"]),
    "recipe behind a condition that may end it": (
        "V=1\nall:\n\techo 1\nifeq ($(V),2)\nX=1\nendif\n\techo 2\n",
        None,
    ),
    "tab behind an assignment": ("all: other\nA=2\n\tB=3\nother:\n\techo $(B)\n", ["echo 3"]),
    "tab in front of a condition": ("X=1\n\tifeq ($(X),1)\n\tY=2\n\tendif\nall:\n\techo $(Y)\n", ["echo 2"]),
    "default goal": (".DEFAULT_GOAL = two\none:\n\techo 1\ntwo:\n\techo 2\n", ["echo 2"]),
    "target from a variable": ("B=b/a\n$(B): x\n\techo $@\nx:\n\techo $@\n", ["echo x", "echo b/a"]),
    "target that cannot be told": ("all: f\n\techo 1\n$(shell echo f): ; echo 2\n", None),
    "immediate values": ("A := 1\nB := $(A)\nC = $(A)\nA := 2\nall:\n\techo $(B) $(C)\n", ["echo 1 2"]),
    "added to": ("X ?= a\nX += b\nX ?= c\nall:\n\techo $(X)\n", ["echo a b"]),
    "built in": ("all:\n\techo $(CURDIR) $(RM) $(CC)\n", ["echo /src rm -f cc"]),
    "two recipes": ("all:\n\techo 1\nall:\n\techo 2\n", None),
    "two colons": ("all::\n\techo 1\nall::\n\techo 2\n", ["echo 1", "echo 2"]),
    "one shell": (".ONESHELL:\nall:\n\techo 1\n\techo 2\n", None),
    "define not used": ("define X\nifeq (a,b)\nall:\nendef\nall:\n\techo 1\n", ["echo 1"]),
    "unexport": ("unexport GOARCH\nall:\n\techo 1\n", None),
    "variable of another target": ("all: ; echo 1\nother: X=2\n", ["echo 1"]),
    "variable of a target that is needed": ("all: f\n\techo 1\nf: ; echo $(X)\nf: X=2\n", None),
    "variable of a pattern": ("%: X=2\nall: ; echo 1\n", None),
    "another prefix": (".RECIPEPREFIX = >\nall:\n> echo 1\n", None),
    "another shell": ("SHELL = /usr/bin/python3\nall:\n\techo 1\n", None),
    "eval": ("$(eval export GOARCH=amd64)\nall:\n\techo 1\n", None),
    "says something": ("ifndef V\n$(info none)\nendif\nall:\n\techo 1\n", ["echo 1"]),
}
AROUND = Surroundings({}, frozenset(("GOPATH",)), frozenset(), "/src", "/src")


@pytest.mark.parametrize("name", CASES)
def test_lines(name: str) -> None:
    text, wanted = CASES[name]
    made = parse_makefile(text)
    if wanted is None:
        with pytest.raises(NotToldError):
            recipe_of(made, (), AROUND, lambda _name: False)
        return
    found = recipe_of(made, (), AROUND, lambda _name: False)
    assert [" ".join(line.text.split()) for line in found.lines] == wanted


EXPORTS: dict[str, tuple[str, dict[str, str] | None]] = {
    "by itself": ("export GOBIN := $(CURDIR)/bin\n", {"GOBIN": "/src/bin"}),
    "by its name": ("GOBIN ?= $(shell pwd)/bin\nexport GOBIN\n", {"GOBIN": "/src/bin"}),
    "with all": ("GOFLAGS = -race\nexport\n", {"GOFLAGS": "-race"}),
    "with all by a target": ("GOFLAGS = -race\n.EXPORT_ALL_VARIABLES:\n", {"GOFLAGS": "-race"}),
    "not at all": ("GOFLAGS = -race\n", {}),
    "from the environment": ("GOPATH = /x\n", {"GOPATH": "/x"}),
    "from the environment, which wins": ("GOPATH ?= /x\n", {}),
    "under a condition": ("ifeq ($(shell uname -m),a)\nexport GOFLAGS=-race\nendif\n", None),
    "exported under a condition": ("GOFLAGS=-v\nifeq ($(shell uname -m),a)\nexport GOFLAGS\nendif\n", None),
    "not known": ("export GOBIN = $(shell ./where)\n", None),
    "of no weight": ("export VERSION = $(shell git describe)\n", {"VERSION": "$(git describe)"}),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_exports(name: str) -> None:
    text, wanted = EXPORTS[name]
    made = parse_makefile(f"{text}all:\n\techo 1\n")
    if wanted is None:
        with pytest.raises(NotToldError):
            recipe_of(made, (), AROUND, lambda name: name.startswith("GO"))
        return
    assert recipe_of(made, (), AROUND, lambda name: name.startswith("GO")).exported == wanted
