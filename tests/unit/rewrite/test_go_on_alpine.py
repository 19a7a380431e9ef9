"""Go on Alpine: pinned on Debian's images, pinned on Alpine's, but for what must have a C compiler."""

from __future__ import annotations

import re

import pytest

from tests.unit.rewrite.test_rewrite_fixtures import CASES, FOLDERS, Case, said, tree
from xbuild.plan.model import Plan
from xbuild.text import Source

_GOLANG = re.compile(r"(golang:\d[\w.]*)(?:-(?:bookworm|bullseye|trixie))?(?=\s)")
# What asks for Debian otherwise than by its base image.
_DEBIANS = re.compile(r"apt|dpkg|/bin/bash|SHELL")
NEEDS = "and no C cross compiler is known for this base image"


def _text(name: str) -> str:
    return (FOLDERS[name] / "before.Dockerfile").read_bytes().decode()


def _plan(case: Case, text: str) -> Plan:
    return case.plan(tree(Source.from_bytes("Dockerfile", text.encode())))


ON_DEBIAN = [name for name in CASES if _GOLANG.search(_text(name)) and not _DEBIANS.search(_text(name))]


@pytest.mark.parametrize("name", ON_DEBIAN)
def test_what_is_pinned_on_debian_is_pinned_on_alpine(name: str) -> None:
    case = Case.read(name)
    before, after = _text(name), _GOLANG.sub(r"\1-alpine", _text(name))
    assert before != after
    verdicts = {verdict.name: verdict for verdict in _plan(case, after).stages}
    for verdict in _plan(case, before).stages:
        there = verdicts[verdict.name]
        if verdict.word == "cross" and there.word != "cross":
            assert (there.word, NEEDS in said(there)["reasons"]) == ("unsure", True)
        elif verdict.word == "cross":
            assert there.is_proved or not verdict.is_proved


def test_that_is_more_than_a_few() -> None:
    assert len(ON_DEBIAN) > 100
