"""Helpers of native twins that cannot be made, and those that come from a cache, on a real builder."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.integration.commands import report, xbuild
from tests.integration.solving import CONTAINER_BUILDER, build, docker, engine, file_in, project
from tests.integration.test_twins import helper
from xbuild.architectures import ARCHITECTURES
from xbuild.dockerfile.parser import parse
from xbuild.graph.model import Options
from xbuild.pipeline.helper import twin_files
from xbuild.plan.context import NoContext
from xbuild.plan.deciding.planner import make_plan
from xbuild.plan.model import Knowledge, Settings
from xbuild.plan.twins.twin import MOUNT
from xbuild.rewrite.render import rewrite
from xbuild.solve.build import SolveRequest, SolveResult, solve
from xbuild.solve.export import merged
from xbuild.solve.history import Vertex
from xbuild.solve.inputs import read_inputs
from xbuild.solve.marks import HelperLine, helper_lines, mark_in, twin_lines
from xbuild.solve.options import parse_build_arguments
from xbuild.solve.progress import Progress
from xbuild.solve.stall import StalledError
from xbuild.text import Source
from xbuild.verify.elf import ElfFile, facts_of, is_elf, open_elf

pytestmark = pytest.mark.panel

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


def never_built() -> str:
    """The text, with a RUN that no cache has: what a helper makes may well be the same again."""
    return TEXT.replace("RUN ", f"RUN : {uuid.uuid4()}; ")


def step(result: SolveResult, stage: str) -> Vertex:
    """The one RUN of a stage."""
    return next(v for v in result.vertices if v.instruction == "RUN" and v.stage == stage)


def test_a_helper_that_fails_says_so_and_is_made_anew(tmp_path: Path) -> None:
    """In its own step, and in front of the RUN: that ends as without twins. What it makes is the same again,
    so that the RUN comes from the cache then.
    """
    context = project(tmp_path / "p", dockerfile=TEXT)
    text = assisted(never_built(), {"apt/prepare.sh": f"echo 'no network' >&2\nfalse # {uuid.uuid4()}\n"})
    said = (HelperLine("apt", "no network", is_failed=True),)
    first, _ = build(tmp_path / "one", *ARM, str(context), text=text)
    assert helper_lines(step(first, "xbuild-native").log) == said
    assert helper_lines(step(first, "stage-3").log) == said
    again, _ = build(tmp_path / "two", *ARM, "--no-cache-filter=xbuild-native", str(context), text=text)
    assert step(again, "xbuild-native").executed
    assert helper_lines(step(again, "xbuild-native").log) == said
    assert step(again, "stage-3").cached


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("COPY Dockerfile /.xbuild-7c1f/env", "the base image has a folder where twins would be mounted"),
        ("RUN echo >> /etc/os-release", "the base image is not of the same release on both platforms"),
        ("RUN rm /etc/os-release", "the base image is not of the same release on both platforms"),
    ],
)
def test_base_images_that_do_not_fit(tmp_path: Path, change: str, why: str) -> None:
    """No twins, and the RUN ends as without."""
    context = project(tmp_path / "p", dockerfile=TEXT)
    text = assisted(never_built(), {}).replace(
        "FROM debian:bookworm AS xbuild-target", "FROM odd AS xbuild-target"
    )
    text = text.replace("FROM debian:bookworm\nRUN", "FROM odd\nRUN")
    result, _ = build(
        tmp_path / "w", *ARM, str(context), text=f"FROM debian:bookworm AS odd\n{change}\n{text}"
    )
    run = step(result, "stage-4")
    assert helper_lines(step(result, "xbuild-native").log) in ((HelperLine("all", why),), ())
    assert helper_lines(run.log) == (HelperLine("all", why),)
    assert not twin_lines(run.log)
    assert file_in(result, "architecture", "linux/arm64") == "arm64\n"


HOSTILE = """\
FROM debian:bookworm
ENV PATH=
RUN dpkg --print-architecture > /1 2>&1; echo "$?" >> /1
ENV PATH=":/no where:./x:/usr/sbin:/usr/bin:/sbin:/bin:"
RUN dpkg --print-architecture > /2; apt-get clean; apt-get nosuch 2>> /2 || echo "$?" >> /2
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUN --mount=type=tmpfs,target=/tmp --mount=type=tmpfs,target=/var/cache/apt apt-get clean; dpkg --audit > /3
RUN --mount=type=bind,target=/var/lib/apt/lists apt-get install -y nosuch > /4 2>&1; echo "$?" >> /4
RUN --network=none apt-get clean; dpkg --get-selections | wc -l > /5
RUN mkdir -m 777 /said
USER nobody
RUN dpkg --get-selections > /said/6; apt-get clean > /said/7 2>&1; echo "$?" >> /said/7
USER 12345:54321
RUN dpkg --get-selections > /said/8; apt-get install -y nosuch > /said/9 2>&1; echo "$?" >> /said/9
"""


def test_hostile_surroundings(tmp_path: Path) -> None:
    """Odd and empty search paths, mounts, no network, users without rights: the same files as without."""
    context = project(tmp_path / "p", dockerfile=HOSTILE)
    plain, _ = build(tmp_path / "plain", *ARM, str(context))
    text = assisted(HOSTILE, {})
    twins, _ = build(tmp_path / "twins", "--no-cache", *ARM, str(context), text=text)
    for name in (*"12345", "said/6", "said/7", "said/8", "said/9"):
        assert file_in(twins, name, "linux/arm64") == file_in(plain, name, "linux/arm64"), name
    runs = [v for v in twins.vertices if v.instruction == "RUN" and v.stage == "stage-3"]
    assert [mark_in(v.log) for v in runs] == [None] * len(runs)
    assert {line.word for v in runs for line in twin_lines(v.log)} == {"native", "own"}


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


HELPERS = {
    "apk": "alpine:3.23",
    "apt": "debian:bookworm",
    "pip": "python:3.11-slim-bookworm",
    "node": "node:22-slim",
    "go": "golang:1.21-bookworm",
    "gcc": "python:3.13",
}
# Names in which a build machine or a target is named: its loader's, and the target's own compiler's. Those
# that are as long as a path of the build machine's end in noughts.
NAMES = "|".join(
    re.escape(name)
    for each in ARCHITECTURES
    for name in (each.gnu, each.multiarch, *(loader.rpartition("/")[2] for loader in each.loaders))
    if name
)
PLACES = re.compile(rf"{NAMES}|(?<=^[dl])0+$|(?<=^l/)0+$|(?<=ld-musl-)\w+(?=\.path)|(?<=-)a(md|rm)64(?=\.so)")
# What OpenSSL has for one kind of processors, and what the assembler for one kind of targets needs.
OF_ONE_KIND = re.compile(r"lib/(engines-\d+/padlock|libopcodes-.*)\.so")


def made(folder: Path, twin: str, native: str, target: str) -> dict[str, ElfFile | None]:
    """The files of a helper for a build machine, by name; what its ELF files are."""
    text = helper(HELPERS[twin], (twin,)).replace("--platform=$BUILDPLATFORM", f"--platform=linux/{native}")
    text = text.replace("ARG BUILDARCH", f"ARG BUILDARCH={native}") + "FROM xbuild-twins\n"
    context = project(folder / "p", dockerfile=text)
    result, _ = build(folder / "b", "--platform", f"linux/{target}", str(context))
    assert result.layout is not None
    assert helper_lines(step(result, "xbuild-native").log) == ()
    found: dict[str, ElfFile | None] = {}
    for info, content in merged(result.layout, result.layout.images[0]):
        data = b"" if content is None else content.read()
        elf = open_elf(data) if is_elf(data) else None
        assert elf is None or isinstance(elf, ElfFile), info.name
        found[PLACES.sub("NAME", info.name)] = elf
    return found


@pytest.mark.parametrize("twin", HELPERS)
def test_the_helper_of_an_arm64_build_machine(twin: str, tmp_path: Path) -> None:
    """Made under emulation: the files are those of an amd64 one, and programs start by their own loader."""
    one, other = made(tmp_path / "1", twin, "amd64", "arm64"), made(tmp_path / "2", twin, "arm64", "amd64")
    only = one.keys() ^ other.keys()
    assert {name for name in only if not OF_ONE_KIND.fullmatch(name)} == set()
    arm = next(each for each in ARCHITECTURES if each.goarch == "arm64")
    programs = {name: elf for name, elf in other.items() if elf is not None}
    assert {elf.machine for elf in programs.values()} == {arm.machine.number}
    start = f"{MOUNT}/l/" if twin == "apk" else f"{MOUNT}/l"
    loaders = {start + "0" * (len(loader) - len(start)) for loader in arm.loaders}
    assert {facts_of(elf).interpreter for elf in programs.values()} - loaders == {None}
    assert start.removeprefix(f"{MOUNT}/") + "NAME" in other
    kinds = {name: elf is None for name, elf in one.items() if name not in only}
    assert kinds == {name: elf is None for name, elf in other.items() if name not in only}
