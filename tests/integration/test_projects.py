"""The sample projects for real: built from their naive Dockerfiles by a real Go, Python, Node and Rust, and
run.

What each program prints about itself is looked at on both platforms (the foreign one under QEMU), besides
what `xbuild verify` says of the image that was pulled.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.integration.commands import Done, report, xbuild
from tests.integration.solving import BOTH, CONTAINER_BUILDER, REGISTRY, docker, engine

PROJECTS = Path(__file__).parents[1] / "projects"


@dataclass(frozen=True)
class Sample:
    """A run of a project's image: the arguments, the exit code, what the output must hold; another program
    than the entrypoint where one is named.
    """

    name: str
    arguments: tuple[str, ...]
    prints: tuple[str, ...]
    code: int = 0
    program: str | None = None


PLUGINS = "/usr/lib/monitoring-plugins"
SAMPLES = (
    Sample("go-server", ("--version",), ("{architecture}",)),
    Sample("go-server", ("--check",), ("trace_id", "span_id")),
    Sample("go-check-plugin", ("--version",), ("{architecture}",)),
    Sample("go-check-plugin", ("--warning", "1000000"), ("LOAD OK", "load1="), 0),
    Sample("go-check-plugin", ("--warning", "1000000:"), ("LOAD WARNING",), 1),
    Sample("go-check-plugin", ("--critical", "1000000:"), ("LOAD CRITICAL",), 2),
    Sample("go-check-plugin", ("--url", "http://127.0.0.1:9/"), ("UNKNOWN",), 3, f"{PLUGINS}/check-http"),
    Sample("go-check-plugin", ("--version",), ("{architecture}",), 0, f"{PLUGINS}/check-disk"),
    Sample("go-cgo-sqlite", ("first", "second"), ("{architecture}", "first", "second")),
    Sample("go-generate", (), ("linux/{architecture}", "Debug", "Error")),
    Sample("go-make", ("--version",), ("{architecture}", "1.0.0")),
    Sample("go-kubebuilder", ("--version",), ("{architecture}",)),
    Sample("go-vendor-cgo-free", ("-about",), ("{architecture}",)),
    Sample("go-alpine", (), ("linux/{architecture} for clock, certificates: true", "Berlin 14:00 CEST")),
    Sample("go-alpine", ("Asia/Tokyo", "No/Where"), ("Asia/Tokyo 21:00 JST", "unknown time zone"), 1),
    Sample("python-target", ("world",), ("{architecture}: &lt;world&gt;, 42, marked: ",)),
    Sample("python-venv", ("about",), ("{architecture}: psycopg binary, 24, jpg True",)),
    Sample("python-uv", ("--check",), ("{architecture} 3 391 ", "pydantic_core", "uvloop")),
    Sample("python-poetry", ("--check",), ("{architecture} To: &lt;Ada&gt; 3fe6627ef17de193 ours True",), 0),
    Sample("node-site", ("--check",), ("{architecture} 4 files ",)),
)
# What is made once for all platforms, and compiles nothing for any.
ONCE = ("node-site",)
# The program of each project, and whether cgo is in it.
CGO = {
    "go-server": ("/server", "0"),
    "go-check-plugin": (f"{PLUGINS}/check-load", "0"),
    "go-cgo-sqlite": ("/usr/bin/notes", "1"),
    "go-generate": ("/levels", "0"),
    "go-make": ("/greet", "0"),
    "go-kubebuilder": ("/manager", "0"),
    "go-vendor-cgo-free": ("/wrap", "0"),
    "go-alpine": ("/usr/local/bin/clock", "0"),
}
NAMES = tuple(dict.fromkeys(sample.name for sample in SAMPLES))


@dataclass(frozen=True)
class Built:
    reference: str
    plan: Any
    outcome: Any
    done: Done


def built_project(project: Path, folder: Path) -> Built:
    """A project, built and pushed."""
    reference = f"{REGISTRY}/projects-{project.name}:{uuid.uuid4().hex[:8]}"
    done = xbuild("build", *BOTH, "--tag", reference, "--push", "--report", folder / "report.json", project)
    assert done.code == 0, f"{project.name}: {done.err}"
    planned = xbuild("plan", *BOTH, "--json", project)
    return Built(reference, json.loads(planned.out), report(folder / "report.json"), done)


def check_run(reference: str, sample: Sample, platform: str) -> None:
    """The pulled image of a platform prints what it should, and which platform it is for."""
    docker("image", "rm", "--force", reference, check=False)
    options = ["run", "--rm", "--pull", "always", "--quiet", "--platform", platform]
    if sample.program is not None:
        options += ["--entrypoint", sample.program]
    ran = docker(*options, reference, *sample.arguments, check=False)
    output = ran.stdout + ran.stderr
    assert ran.returncode == sample.code, output
    for text in sample.prints:
        assert text.format(architecture=platform.removeprefix("linux/")) in output


def check_plan(built: Built, *, once: bool) -> None:
    """Every builder stage is proved to make its output once for all platforms, or for the target."""
    verdicts = {stage["word"] for stage in built.plan["stages"] if not stage["is_target"]}
    assert ("portable" if once else "cross") in verdicts <= {"cross", "portable"}
    assert all(stage["is_proved"] for stage in built.plan["stages"])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Built]]:
    """Every project once, pushed."""
    engine()
    found: dict[str, Built] = {}
    for name in NAMES:
        found[name] = built_project(PROJECTS / name, tmp_path_factory.mktemp(name))
    yield found
    for one in found.values():
        docker("image", "rm", "--force", one.reference, check=False)


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: "-".join((s.name, *s.arguments)))
def test_a_pulled_image_runs_and_names_its_platform(
    built: dict[str, Built], sample: Sample, platform: str
) -> None:
    check_run(built[sample.name].reference, sample, platform)


@pytest.mark.parametrize("name", NAMES)
def test_the_builder_is_cross_and_proved(built: dict[str, Built], name: str) -> None:
    check_plan(built[name], once=name in ONCE)


@pytest.mark.parametrize("name", ONCE)
def test_what_is_made_once_is_the_same_on_every_platform(built: dict[str, Built], name: str) -> None:
    told = {platform: _checked(built[name].reference, platform) for platform in ("amd64", "arm64")}
    assert {text.split()[0] for text in told.values()} == {"amd64", "arm64"}
    assert len({text.split(maxsplit=1)[1] for text in told.values()}) == 1, told


def _checked(reference: str, architecture: str) -> str:
    options = ("run", "--rm", "--pull", "always", "--quiet", "--platform", f"linux/{architecture}")
    docker("image", "rm", "--force", reference, check=False)
    return docker(*options, reference, "--check").stdout.strip()


@pytest.mark.parametrize("name", CGO)
def test_go_programs_are_alike_in_cgo_on_every_platform(
    built: dict[str, Built], name: str, tmp_path: Path
) -> None:
    reference = built[name].reference
    done = xbuild("verify", "--json", reference)
    assert done.code == 0, done.err + done.out
    data = json.loads(done.out)
    assert {p["platform"] for p in data["platforms"]} == {"linux/amd64", "linux/arm64"}
    assert not [c for p in data["platforms"] for c in p["checks"] if c["severity"] == "failure"]
    program, cgo = CGO[name]
    for platform in ("linux/amd64", "linux/arm64"):
        settings = _go_settings(reference, program, platform, tmp_path)
        assert (settings["GOARCH"], settings["CGO_ENABLED"]) == (platform.removeprefix("linux/"), cgo)


def test_a_build_that_cannot_be_proved_is_left_alone_and_right() -> None:
    """go-embed-download: what is downloaded and embedded is the build machine's; it has to stay on the target
    platform, where it has native twins.
    """
    project = PROJECTS / "go-embed-download"
    shown = xbuild("rewrite", *BOTH, project)
    assert shown.out == (project / "Dockerfile").read_text()
    for more, word in ((["--no-assist"], "unsure"), ([], "assisted")):
        plan = json.loads(xbuild("plan", *BOTH, *more, "--json", project).out)
        builder = next(stage for stage in plan["stages"] if not stage["is_target"])
        assert builder["word"] == word
        assert any("line 11" in reason["text"] for reason in builder["reasons"])
    reference = f"{REGISTRY}/projects-embed:{uuid.uuid4().hex[:8]}"
    done = xbuild("build", *BOTH, "--tag", reference, "--push", project)
    assert done.code == 0, done.err
    for platform in ("linux/amd64", "linux/arm64"):
        options = ("run", "--rm", "--pull", "always", "--quiet", "--platform", platform)
        ran = docker(*options, reference, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert f"program {platform.removeprefix('linux/')}" in ran.stdout
    docker("image", "rm", "--force", reference, check=False)


def test_variants_of_one_build_under_go_1_21(tmp_path: Path) -> None:
    """amd64/v3, arm/v7 and arm64 at once: GOARM and GOAMD64 each for its own architecture only."""
    reference = f"{REGISTRY}/projects-variants:{uuid.uuid4().hex[:8]}"
    platforms = "linux/amd64/v3,linux/arm/v7,linux/arm64"
    done = xbuild("build", "--platform", platforms, "-t", reference, "--push", PROJECTS / "go-kubebuilder")
    assert done.code == 0, done.err
    expected = {"linux/arm64": "arm64", "linux/arm/v7": "arm"}
    for platform, architecture in expected.items():
        ran = docker(
            "run", "--rm", "--pull", "always", "--quiet", "--platform", platform, reference, "--version"
        )
        assert architecture in ran.stdout + ran.stderr
    assert _go_settings(reference, "/manager", "linux/amd64/v3", tmp_path)["GOAMD64"] == "v3"
    assert _go_settings(reference, "/manager", "linux/arm/v7", tmp_path)["GOARM"].startswith("7")


def _go_settings(reference: str, program: str, platform: str, folder: Path) -> dict[str, str]:
    """The build settings of the image's program, by the Go of a builder image: `go version -m`."""
    target = folder / platform.replace("/", "-")
    target.mkdir()
    dockerfile = (
        f"FROM --platform={platform} {reference} AS app\nFROM golang:1.21-bookworm\nCOPY "
        f"--from=app {program} /m\n"
    )
    done = docker("buildx", "build", "-q", "--load", "-f-", str(target), input=dockerfile)
    listed = docker("run", "--rm", done.stdout.strip(), "go", "version", "-m", "/m").stdout
    pairs = (
        line.split("\t")[2].partition("=") for line in listed.splitlines() if line.startswith("\tbuild\t")
    )
    return {name: value for name, _, value in pairs}


def test_the_module_download_runs_once_for_all_platforms(tmp_path: Path) -> None:
    folder = tmp_path / "report.json"
    reference = f"{REGISTRY}/projects-once:{uuid.uuid4().hex[:8]}"
    builder = ("--builder", CONTAINER_BUILDER)
    done = xbuild(
        "build",
        *BOTH,
        *builder,
        "--no-cache",
        "-t",
        reference,
        "--push",
        "--report",
        folder,
        PROJECTS / "go-server",
    )
    assert done.code == 0, done.err
    steps = [s for s in report(folder)["steps"] if "go mod download" in s["text"]]
    assert len(steps) == 1
    compiled = [s for s in report(folder)["steps"] if "go build" in s["text"]]
    assert len(compiled) == 2
    assert not any(s["how"] == "emulated" for s in compiled)
