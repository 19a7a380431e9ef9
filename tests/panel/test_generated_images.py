"""The other templates: each generated for a small project, built, verified, run on both platforms, asked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.integration import test_no_qemu
from tests.integration.generating import (
    GeneratedImage,
    Served,
    answers,
    build,
    health,
    leaked,
    prepare,
    prints,
    rebuilt,
)
from tests.integration.solving import docker, engine
from tests.integration.test_generated import MACHINES

pytestmark = pytest.mark.panel
builder = test_no_qemu.builder

SERVED = (
    Served(
        "python-uv",
        8000,
        {"/openapi.json": "/price"},
        "src/parcels/main.py",
        ("uv sync --frozen --no-dev --no-install",),
    ),
    Served(
        "python-poetry", 8000, {"/label/Ada": "Ada"}, "labels/__main__.py", ("poetry export", "-r /tmp/req")
    ),
    Served(
        "node-next", 3000, {"/": "<p>{node} png</p>", "/robots.txt": "User-agent"}, "app/page.js", ("npm ci",)
    ),
    Served("node-site", 8080, {"/": "<title>A site</title>", "/any/page": "<title>"}, "main.js", ("npm ci",)),
    Served(
        "java-maven",
        8080,
        {"/visits": '"machine":"{java}"', "/": "<title>Visits</title>"},
        "src/main/java/visits/Visits.java",
        ("dependency:go-offline", "npm ci", "npm run build"),
    ),
    Served(
        "java-boot",
        8080,
        {"/": "greetings from {java}"},
        "src/main/java/greeting/GreetingApplication.java",
        ("dependency:go-offline",),
    ),
    Served(
        "rust",
        8080,
        {"/small": "bytes on {uname}", "/": "<title>Visits</title>"},
        "src/main.rs",
        ("cargo fetch", "RUN case ", "npm ci", "npm run build"),
    ),
    Served("cmake", 8080, {"/": "36 kg on {uname}"}, "src/main.cpp", ("apt-get install",)),
    Served("hugo-site", 8080, {"/": "<title>Pages</title>", "/first/": "<em>first</em>"}, "", ()),
    Served("mkdocs-site", 8080, {"/sending/": "Weigh it first"}, "docs/sending.md", ("uv pip install",)),
    Served("html-site", 8080, {"/": "<title>Parcels</title>", "/images/parcel.svg": "<svg"}, "", ()),
)
# Beside those that are built by default: what has a step for what it depends on.
KEPT = (
    *(sample for sample in SERVED if sample.again),
    Served("go-cgo", 0, {}, "cmd/notes/main.go", ("go mod download",)),
)
NAMES = ("go-static", "go-cgo", "python-pip", "node-service", *(sample.name for sample in SERVED))
# The base images of each: without them there is nothing to build on here.
_NGINX = "nginxinc/nginx-unprivileged:1.28"
_JAVA = ("maven:3.9-eclipse-temurin-17", "eclipse-temurin:17-jre-noble")
_CC = "gcr.io/distroless/cc-debian12:nonroot"
NEEDED = {
    "node-site": (_NGINX,),
    "java-maven": _JAVA,
    "java-boot": _JAVA,
    "rust": ("rust:1.95-bookworm", _CC),
    "cmake": (_CC,),
    "hugo-site": ("ghcr.io/gohugoio/hugo:v0.167.0", _NGINX),
    "mkdocs-site": (_NGINX,),
    "html-site": (_NGINX,),
}


@pytest.fixture(scope="module")
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Served, GeneratedImage]:
    engine()
    sample = request.param
    _needs(sample.name)
    folder = prepare(sample.name, tmp_path_factory.mktemp("generated") / sample.name)
    return sample, build(sample.name, folder)


@pytest.mark.parametrize("made", SERVED, ids=lambda sample: sample.name, indirect=True)
def test_served(made: tuple[Served, GeneratedImage]) -> None:
    sample, image = made
    for platform, words in MACHINES.items():
        for path, text in sample.prints.items():
            assert text.format(**words) in answers(image.reference, platform, sample.port, path)
        assert health(image.reference, platform) in ("healthy", "")
        assert leaked(image.reference, platform) == []


@pytest.mark.parametrize("made", KEPT, ids=lambda sample: sample.name, indirect=True)
def test_a_changed_line_leaves_what_it_depends_on(made: tuple[Served, GeneratedImage]) -> None:
    assert rebuilt(*made) == []


def test_a_program_with_cgo(tmp_path: Path) -> None:
    engine()
    image = build("go-cgo", prepare("go-cgo", tmp_path / "go-cgo"))
    for platform, words in MACHINES.items():
        told = prints(image.reference, platform, "first", "second")
        assert words["go"] in told
        assert "second" in told


@pytest.mark.skipif(bool(test_no_qemu.why_not()), reason=test_no_qemu.why_not() or "-")
@pytest.mark.parametrize("name", NAMES)
def test_built_without_qemu(name: str, builder: str, tmp_path: Path) -> None:
    """On a machine of its own, which has no handler for foreign programs."""
    _needs(name)
    build(name, prepare(name, tmp_path / name), "--builder", builder)


def _needs(name: str) -> None:
    if name == "rust" and shutil.which("cargo") is None:
        pytest.skip("there is no cargo here to make a lock file with")
    for image in NEEDED.get(name, ()):
        if docker("image", "inspect", image, check=False).returncode != 0:
            pytest.skip(f"there is no {image} here: tests/testbed/run images {image}")
