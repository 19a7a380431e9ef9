"""`from xbuild import plan, rewrite`: on text and a folder, without Docker."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from xbuild import plan, rewrite
from xbuild.errors import DockerfileError, UsageError
from xbuild.plan.model import Plan, VerdictWord

GO = (
    "FROM golang:1.21 AS b\nCOPY . .\nRUN CGO_ENABLED=0 go build -o /x .\nFROM scratch\nCOPY --from=b /x /x\n"
)


def test_plan_and_rewrite_work_on_text(tmp_path: Path) -> None:
    found = plan(GO, tmp_path, platforms=["linux/amd64", "linux/arm64"])
    assert isinstance(found, Plan)
    assert found.stages[0].word is VerdictWord.CROSS
    new = rewrite(GO, tmp_path, platforms=["linux/amd64", "linux/arm64"])
    assert new.changed
    assert new.text.text.startswith("FROM --platform=$BUILDPLATFORM golang:1.21 AS b\n")
    assert rewrite(GO, plan=found).text == new.text
    assert rewrite(GO.encode(), tmp_path, platforms=["linux/amd64", "linux/arm64"]).text == new.text
    again = rewrite(new.text.text, tmp_path, platforms=["linux/amd64", "linux/arm64"])
    assert not again.changed


def test_the_example_of_the_readme_runs_as_printed(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("cross\nFROM --platform=$BUILDPLATFORM golang:1.24 AS builder\n")


def test_what_buildkit_refuses_is_refused() -> None:
    for call in (plan, rewrite):
        with pytest.raises(DockerfileError) as caught:
            call("FROM a\nCOPY --nope a b\n", path="D")
        assert (caught.value.place, caught.value.hint is not None) == ("D:2", True)
    plan("FROM a\nCOPY --nope a b\n", build_args={"BUILDKIT_SYNTAX": "example/frontend"})
    rewrite("FROM a\nCOPY --nope a b\n", build_args={"BUILDKIT_SYNTAX": "example/frontend"})


def test_an_unknown_frontend_is_told_as_by_the_command_line() -> None:
    for call in (plan, rewrite):
        with pytest.raises(DockerfileError, match="the frontend example/frontend is not known") as caught:
            call("# syntax=example/frontend\nINCLUDE b\nFROM a\n")
        assert caught.value.hint == "xbuild build hands the file to its frontend as it is"


def test_errors_are_typed(tmp_path: Path) -> None:
    with pytest.raises(DockerfileError):
        plan("RUN x\n")
    made = plan(GO)
    for wrong in (
        lambda: plan(GO, cgo="Keep"),
        lambda: plan(GO, cog="keep"),
        lambda: rewrite(GO, cog="keep"),
        lambda: rewrite(GO, cgo="off", plan=made),
        lambda: rewrite(GO, tmp_path, plan=made),
        lambda: rewrite(GO + "USER x\n", plan=made),
        lambda: plan(GO, platforms="linux/amd63"),
    ):
        with pytest.raises(UsageError):
            wrong()


def test_settings_of_languages_are_keywords() -> None:
    assert plan(GO, cache_mounts=False) != plan(GO)
    without = "FROM golang:1.21 AS b\nCOPY . .\nRUN go build -o /x .\nFROM scratch\nCOPY --from=b /x /x\n"
    assert "CGO_ENABLED=0" in rewrite(without, cgo="off").text.text
    assert "CGO_ENABLED=0" not in rewrite(without).text.text
    with pytest.raises(UsageError, match="keyword 'cog' is not known") as caught:
        plan(GO, cog="off")
    assert (
        caught.value.expected == "platforms, target, build_args, build_contexts, cache_mounts, path, ask, cgo"
    )
    assert caught.value.hint == "write 'cgo'"
    with pytest.raises(UsageError, match="cgo='Keep' is not known") as caught:
        plan(GO, cgo="Keep")
    assert caught.value.expected == "auto, keep, off"


def test_one_platform_needs_no_list() -> None:
    assert plan(GO, platforms="linux/arm64,linux/amd64") == plan(GO, platforms=["linux/arm64", "linux/amd64"])


@pytest.mark.parametrize(
    "code",
    [
        "import xbuild.plan.model; from xbuild import plan; plan('FROM a')",
        "from xbuild import plan; import xbuild.plan.model; plan('FROM a'); xbuild.plan.model.Plan",
        "import xbuild.plan.model as m; m.Plan; import xbuild; xbuild.plan('FROM a')",
        "import xbuild.rewrite.render; xbuild.rewrite('FROM a'); xbuild.rewrite.render.rewrite",
        "from xbuild.plan import model; from xbuild.plan.model import Plan; model.Plan is Plan or 1/0",
        "from unittest.mock import patch\nwith patch('xbuild.plan.deciding.planner.make_plan'): pass",
        "import xbuild, pickle, importlib; importlib.reload(xbuild); xbuild.plan('FROM a')",
    ],
)
def test_functions_and_packages_of_one_name_live_together(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
