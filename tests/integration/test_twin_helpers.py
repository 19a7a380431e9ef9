"""Helpers of native twins that cannot be made, and those that come from a cache, on a real builder."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.integration.commands import report, xbuild
from tests.integration.solving import CONTAINER_BUILDER, build, docker, engine, project

from xbuild.dockerfile.parser import parse
from xbuild.graph.model import Options
from xbuild.pipeline.helper import twin_files
from xbuild.plan.context import NoContext
from xbuild.plan.deciding.planner import make_plan
from xbuild.plan.model import Knowledge, Settings
from xbuild.rewrite.render import rewrite
from xbuild.solve.build import SolveRequest, SolveResult, solve
from xbuild.solve.history import Vertex
from xbuild.solve.inputs import read_inputs
from xbuild.solve.marks import HelperLine, helper_lines
from xbuild.solve.options import parse_build_arguments
from xbuild.solve.progress import Progress
from xbuild.solve.stall import StalledError
from xbuild.text import Source

TEXT = "FROM debian:bookworm\nRUN apt-get clean; dpkg --print-architecture > /architecture\n"
ARM = ("--platform", "linux/arm64")


@pytest.fixture(autouse=True)
def _needs_an_engine() -> None:
    engine()


def assisted(text: str, files: Mapping[str, str]) -> str:
    """The text with native twins, with other files for some of theirs."""
    dockerfile = parse(Source("Dockerfile", text))
    plan = make_plan(dockerfile, Options(), None, NoContext(), Settings(assist=True), Knowledge())
    return rewrite(dockerfile, plan, twins={**twin_files(), **files}).text.text


def step(result: SolveResult, stage: str) -> Vertex:
    """The one RUN of a stage."""
    return next(v for v in result.vertices if v.instruction == "RUN" and v.stage == stage)


def test_a_helper_that_fails_says_so_and_is_made_anew(tmp_path: Path) -> None:
    """In its own step, and in front of the RUN: that ends as without twins. What it makes is the same again,
    so that the RUN comes from the cache then.
    """
    context = project(tmp_path / "p", dockerfile=TEXT)
    # Of this run alone, so that no builder has it.
    files = {"apt/prepare.sh": f"echo 'no network' >&2\nfalse # {uuid.uuid4()}\n"}
    text = assisted(TEXT, files)
    said = (HelperLine("apt", "no network", is_failed=True),)
    first, _ = build(tmp_path / "one", *ARM, str(context), text=text)
    assert helper_lines(step(first, "xbuild-native").log) == said
    assert helper_lines(step(first, "stage-3").log) == said
    again, _ = build(tmp_path / "two", *ARM, "--no-cache-filter=xbuild-native", str(context), text=text)
    assert step(again, "xbuild-native").executed
    assert helper_lines(step(again, "xbuild-native").log) == said
    assert step(again, "stage-3").cached


@pytest.fixture
def fresh_builder() -> Iterator[str]:
    """A builder that has nothing in its cache."""
    engine(CONTAINER_BUILDER)
    name = f"fresh-{uuid.uuid4().hex[:6]}"
    config = Path(os.environ["BUILDX_CONFIG"]) / "buildkitd.toml"
    options = ("--driver-opt", "network=host", "--buildkitd-config", str(config), "--bootstrap")
    try:
        docker("buildx", "create", "--name", name, "--driver", "docker-container", *options)
        yield name
    finally:
        docker("buildx", "rm", "--force", name, check=False)


@pytest.mark.parametrize("mode", ["min", "max"])
def test_steps_with_twins_are_found_in_an_exported_cache(
    fresh_builder: str, tmp_path: Path, mode: str
) -> None:
    """By a builder that has never made the helper: neither the RUN nor the helper is run there."""
    folder, cache = project(tmp_path / "p", dockerfile=TEXT), tmp_path / "cache"
    words = ("build", *ARM, "--assist=auto", "--baseline=none", folder)
    exported = ("--builder", CONTAINER_BUILDER, "--cache-to", f"type=local,dest={cache},mode={mode}")
    first = xbuild(*words, *exported, "-o", f"type=oci,dest={tmp_path}/first.tar")
    assert first.code == 0, first.err
    taken = ("--builder", fresh_builder, "--cache-from", f"type=local,src={cache}")
    told = tmp_path / "report.json"
    second = xbuild(*words, *taken, "-o", f"type=oci,dest={tmp_path}/second.tar", "--report", told)
    assert second.code == 0, second.err
    steps = [each for each in report(told)["steps"] if each["text"].startswith(("RUN", "COPY"))]
    assert {each["text"].split()[0] for each in steps} == {"RUN", "COPY"}
    assert [each["text"] for each in steps if not each["cached"]] == []


def test_a_step_that_does_nothing_any_more_is_given_up(fresh_builder: str, tmp_path: Path) -> None:
    """On a builder of its own: what others do there would be CPU time as well."""
    text = "FROM debian:bookworm AS app\nRUN apt-get clean\nRUN sleep 3600; apt-get clean\n"
    context = project(tmp_path / "p", dockerfile=text)
    options = parse_build_arguments(["--builder", fresh_builder, *ARM, str(context)])
    inputs = read_inputs(options, None, tmp_path)
    request = SolveRequest(
        options, inputs, engine(fresh_builder), tmp_path / "w", assisted(text, {}), silence=20
    )
    progress = Progress()
    with pytest.raises(StalledError) as error:
        solve(request, progress.update)
    assert error.value.stages == {"app"}
    broken = [v.step.text for v in progress.vertices.values() if v.error and v.step.stage == "app"]
    assert [text.partition("; ")[2] for text in broken] == ["sleep 3600; apt-get clean"]
