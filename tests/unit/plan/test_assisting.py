"""Base images that are not known by name: asked for, and what is made of the answer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from xbuild.dockerfile.parser import parse
from xbuild.graph.model import Options
from xbuild.plan.context import NoContext
from xbuild.plan.deciding.planner import make_plan
from xbuild.plan.model import Assistance, Inspection, Knowledge, Settings, StageVerdict
from xbuild.plan.twins import TWINS
from xbuild.platforms import parse_platforms
from xbuild.text import Source

NAME = "ghcr.io/acme/base:1"
BOTH: dict[str, Any] = {"linux/amd64": {"config": {}}, "linux/arm64": {"config": {}}, "unknown/unknown": {}}


def verdict(answer: Any, platforms: str = "linux/amd64,linux/arm64") -> StageVerdict:
    answers = {} if answer is None else {NAME: answer if isinstance(answer, str) else json.dumps(answer)}
    dockerfile = parse(Source("Dockerfile", f"FROM {NAME}\nRUN apt-get update\n"))
    wanted = parse_platforms([platforms])
    settings = Settings(assist=True)
    return make_plan(dockerfile, Options(), wanted, NoContext(), settings, Knowledge(answers)).stages[0]


def test_an_image_that_is_not_known_is_asked_for() -> None:
    found = verdict(None)
    assert str(found.word) == "emulated"
    assert [q.how for q in found.questions] == [Inspection(NAME)]
    assert found.assistance is not None
    assert found.assistance.left[0].text == f"{NAME} would have to be looked at (--online)"


def test_one_that_has_both_platforms_is_assisted() -> None:
    found = verdict(BOTH)
    assert str(found.word) == "assisted"
    assert not found.questions


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({**BOTH, "linux/arm64": {"config": {"OnBuild": ["RUN x"]}}}, "has something run in images made"),
        ({"os": "linux", "architecture": "arm64", "config": {}}, "is not there for linux/amd64"),
        ({"linux/amd64": {"config": {}}}, "is not there for linux/arm64"),
        ("no JSON", "says of itself what cannot be read"),
        ([], "says of itself what cannot be read"),
        ({"linux/amd64": None}, "says of itself what cannot be read"),
    ],
)
def test_one_from_which_no_helper_can_be_made(answer: Any, why: str) -> None:
    found = verdict(answer)
    assert str(found.word) == "emulated"
    assert why in (found.assistance or Assistance()).left[0].text
    assert not found.questions


def test_a_platform_that_it_has_not() -> None:
    assert str(verdict(BOTH, "linux/arm64,linux/s390x").word) == "emulated"


WRITTEN = """\
FROM --platform=$BUILDPLATFORM debian:bookworm AS xbuild-native
RUN ["/bin/sh", "/.xbuild-helper/prepare.sh", "apt"]
FROM scratch AS xbuild-twins
COPY --from=xbuild-native /.xbuild-out/ /
FROM debian:bookworm
"""
MOUNTED = "RUN --mount=type=bind,from=xbuild-twins,target=/.xbuild-7c1f . /.xbuild-7c1f/env; apt-get update\n"


@pytest.mark.parametrize(
    ("rest", "word"),
    [
        (MOUNTED, "already"),
        (f"{MOUNTED}COPY --from=xbuild-twins /bin/bash /bin/\n", "unsure"),
        (f"{MOUNTED}COPY --from=xbuild-native /bin/bash /bin/\n", "unsure"),
        ("COPY --from=xbuild-twins / /.xbuild-7c1f/\n", "unsure"),
        (MOUNTED.replace("target=/.xbuild-7c1f", "target=/mnt"), "unsure"),
    ],
)
def test_a_stage_that_makes_twins_is_known_only_where_nothing_of_it_is_shipped(rest: str, word: str) -> None:
    dockerfile = parse(Source("Dockerfile", WRITTEN + rest))
    found = make_plan(dockerfile, Options(), None, NoContext(), Settings(), Knowledge()).stages[0]
    assert str(found.word) == word
    assert bool(found.reasons) == (word == "unsure")


DOCS = Path(__file__).parents[3] / "docs"


def test_the_reference_has_the_measured_factors() -> None:
    text = (DOCS / "reference/twins.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([^|]*) \|$", text, re.MULTILINE)
    assert dict(rows) == {twin.name: "{:g} to {:g}".format(*twin.factors) for twin in TWINS}
