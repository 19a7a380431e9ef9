"""GitHub's side: files with delimiters nobody can foresee, lines, and what a build prints in between."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from xbuild.cli.action.workflow import Workflow


def test_values_hold_no_other_values(tmp_path: Path) -> None:
    file = tmp_path / "out"
    workflow = Workflow({"GITHUB_OUTPUT": str(file)})
    workflow.output("a", "x\nEOF\nb=y")
    workflow.output("a", "z")
    first, second = re.findall(r"^a<<(xbuild-[0-9a-f-]{36})$", file.read_text(), re.MULTILINE)
    assert first != second
    assert file.read_text() == f"a<<{first}\nx\nEOF\nb=y\n{first}\na<<{second}\nz\n{second}\n"


def test_an_annotation_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Workflow({}).annotate("error", "a\n::b%", file="x,y:z", line=3)
    assert capsys.readouterr().out == "::error file=x%2Cy%3Az,line=3,title=xbuild::a%0A::b%25\n"


def _fail(workflow: Workflow) -> None:
    with workflow.quiet():
        print("::error::not ours")
        workflow.annotate("warning", "ours")
        print("::error::not ours")
        raise ValueError("x")


def test_what_is_printed_meanwhile_is_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    workflow = Workflow({})
    with pytest.raises(ValueError, match="x"):
        _fail(workflow)
    lines = capsys.readouterr().out.splitlines()
    words = [line.removeprefix("::stop-commands::") for line in lines if line.startswith("::stop-commands::")]
    assert len(set(words)) == 2
    assert lines == [
        f"::stop-commands::{words[0]}",
        "::error::not ours",
        f"::{words[0]}::",
        "::warning title=xbuild::ours",
        f"::stop-commands::{words[1]}",
        "::error::not ours",
        f"::{words[1]}::",
    ]


HEAD = {"DOCKER_DEFAULT_GIT_CONTEXT_PR_HEAD_REF": "true"}


@pytest.mark.parametrize(
    ("variables", "payload", "context"),
    [
        ({"GITHUB_REF": "refs/heads/main", "GITHUB_SHA": "abc"}, {}, "https://s/o/r.git#abc"),
        ({"GITHUB_REF": "refs/tags/v1", "GITHUB_SHA": "abc"}, {}, "https://s/o/r.git#abc"),
        ({"GITHUB_REF": "refs/heads/main"}, {}, "https://s/o/r.git#refs/heads/main"),
        ({"GITHUB_REF": "refs/pull/7/merge", "GITHUB_SHA": "abc"}, {}, "https://s/o/r.git#abc"),
        (
            {"GITHUB_REF": "refs/pull/7/merge", "GITHUB_SHA": "abc", **HEAD},
            {"pull_request": {"head": {"sha": "def"}}},
            "https://s/o/r.git#def",
        ),
        (
            {"GITHUB_REF": "refs/pull/7/merge", "GITHUB_SHA": "abc", **HEAD},
            {"pull_request": None},
            "https://s/o/r.git#refs/pull/7/head",
        ),
        ({"GITHUB_REF": "refs/heads/main", "GITHUB_SHA": "abc", **HEAD}, {}, "https://s/o/r.git#abc"),
    ],
)
def test_the_event_s_context(
    variables: dict[str, str], payload: dict[str, Any], context: str, tmp_path: Path
) -> None:
    (tmp_path / "event").write_text(json.dumps({"repository": {"private": True}, **payload}))
    given = {
        "GITHUB_SERVER_URL": "https://s",
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_EVENT_PATH": str(tmp_path / "event"),
    }
    event = Workflow({**given, **variables}).event()
    assert (event.git_context, event.is_private) == (context, True)
