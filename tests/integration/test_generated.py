"""Three projects without a Dockerfile: generated, built, run on both platforms; the rest is in the panel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from tests.integration.commands import xbuild
from tests.integration.generating import (
    TEMPLATES,
    GeneratedImage,
    Served,
    answers,
    build,
    health,
    leaked,
    prepare,
    rebuilt,
)
from tests.integration.solving import BOTH, REGISTRY, docker, engine, served_digest

from xbuild.generate.drawing import DOCKERFILE
from xbuild.pipeline.generating import Order, generate_files

FIXTURES = Path(__file__).parents[1] / "fixtures/generate"
SAMPLES = (
    Served(
        "go-static",
        8080,
        {"/visitor": "{go} 36\n", "/": "<title>Visitors</title>", "/kept": "kept"},
        "main.go",
        ("go mod download", "npm ci", "npm run build"),
    ),
    Served(
        "python-pip",
        8000,
        {"/": "{uname} markupsafe._speedups", "/kept": "kept in a folder and hello, changed"},
        "app.py",
        ("uv pip install",),
    ),
    Served("node-service", 3000, {"/": "{node} ", "/kept": "kept"}, "src/server.ts", ("npm ci",)),
)
MACHINES = {
    "linux/amd64": {"go": "amd64", "uname": "x86_64", "node": "x64", "java": "amd64"},
    "linux/arm64": {"go": "arm64", "uname": "aarch64", "node": "arm64", "java": "aarch64"},
}


@pytest.fixture(scope="module", params=SAMPLES, ids=lambda sample: sample.name)
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Served, GeneratedImage]:
    engine()
    sample = request.param
    folder = prepare(sample.name, tmp_path_factory.mktemp("generated") / sample.name)
    return sample, build(sample.name, folder)


@pytest.mark.parametrize("platform", MACHINES)
def test_it_answers_on_both_platforms(made: tuple[Served, GeneratedImage], platform: str) -> None:
    sample, image = made
    for path, text in sample.prints.items():
        assert text.format(**MACHINES[platform]) in answers(image.reference, platform, sample.port, path)
    assert health(image.reference, platform) in ("healthy", "")


def test_no_secret_is_in_it(made: tuple[Served, GeneratedImage]) -> None:
    _, image = made
    for platform in MACHINES:
        assert leaked(image.reference, platform) == []


def test_a_changed_line_leaves_the_packages_where_they_are(made: tuple[Served, GeneratedImage]) -> None:
    assert rebuilt(*made) == []


def cases() -> Iterator[Path]:
    """One case of each template with each of its runtime images."""
    seen: set[tuple[str, str]] = set()
    for case in sorted(FIXTURES.iterdir()):
        said = case / "said.txt"
        if not said.exists():
            continue
        template = said.read_text("utf-8").split("\n")[0].rpartition(" ")[2]
        runtime = re.findall(r"(?m)^FROM (?:--\S+ )*([^:\s]+)", (case / "Dockerfile").read_text("utf-8"))[-1]
        if (template, runtime) not in seen:
            seen.add((template, runtime))
            yield case


@cache
def stand_in(name: str) -> str:
    """An image with the variables that a base image of that name sets and that templates use."""
    if name != "rust":
        return "busybox"
    reference = f"{REGISTRY}/stand-in-{name}"
    text = "FROM busybox\nENV RUST_VERSION=1.2.3\n"
    docker("buildx", "build", *BOTH, "--tag", reference, "--push", "-f-", ".", input=text)
    return reference


@pytest.mark.parametrize("case", tuple(cases()), ids=lambda case: case.name)
def test_buildkit_checks_find_nothing(case: Path, tmp_path: Path) -> None:
    """Whatever base images there are: what others would stand on is replaced."""
    engine()
    text = (case / "Dockerfile").read_text("utf-8")
    (tmp_path / "Dockerfile").write_text(text)
    stages = set(re.findall(r"(?m)^FROM .* AS (\S+)$", text))
    images = set(re.findall(r"(?m)^FROM (?:--\S+ )*(\S+)|COPY --from=(\S+)", text))
    bases = {name for pair in images for name in pair if name} - stages - {"scratch"}
    contexts = [
        word
        for base in sorted(bases)
        for word in ("--build-context", f"{base}=docker-image://{stand_in(base.partition(':')[0])}")
    ]
    done = docker("buildx", "build", "--check", *BOTH, *contexts, str(tmp_path), check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no warnings found" in done.stdout + done.stderr


def test_base_images_by_digest(tmp_path: Path) -> None:
    """By a template of one's own, whose images are where they can be asked for."""
    engine()
    folder = prepare("python-pip", tmp_path / "p", planted=False)
    image = f"{REGISTRY}/library/busybox:latest"
    (folder / ".xbuild.yaml").write_text("generate:\n  templates: own\n")
    (folder / "own").mkdir()
    text = f"FROM --platform=$BUILDPLATFORM {image} AS build\n\nFROM {image}\nCOPY --from=build / /\n"
    (folder / "own/python-pip.Dockerfile").write_text(text)
    written = xbuild("generate", "--online", "--stdout", folder)
    assert written.code == 0, written.err
    digest = served_digest(image)
    assert digest is not None
    assert written.out == text.replace(image, f"{image}@{digest}")


def test_a_failure_names_the_generated_file(tmp_path: Path) -> None:
    """And no folder that is gone when it is read."""
    engine()
    folder = prepare("python-pip", tmp_path / "p", planted=False)
    (folder / ".xbuild.yaml").write_text("generate:\n  templates: own\n")
    (folder / "own").mkdir()
    (folder / "own/python-pip.Dockerfile").write_text("FROM busybox\nRUN exit 3\n")
    done = xbuild("build", "--generate", "--platform", "linux/amd64", folder)
    assert done.code != 0
    assert "the generated Dockerfile:2: " in done.err
    assert "generated/Dockerfile" not in done.err


@pytest.mark.parametrize("name", [sample.name for sample in SAMPLES])
def test_what_is_generated_is_written_down(name: str, tmp_path: Path) -> None:
    """The test bed makes the images that these files name."""
    made = generate_files(Order(prepare(name, tmp_path / name, planted=False)))
    assert made.files[DOCKERFILE] == (TEMPLATES / name / "expected.Dockerfile").read_text("utf-8")
