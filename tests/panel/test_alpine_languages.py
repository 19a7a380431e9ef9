"""Node.js and Python on Alpine: sample projects with Alpine in Debian's place, pinned, verified and run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.integration.solving import docker, engine
from tests.integration.test_projects import (
    PROJECTS,
    SAMPLES,
    Built,
    Sample,
    built_project,
    check_plan,
    check_run,
)

pytestmark = pytest.mark.panel


@dataclass(frozen=True)
class OnAlpine:
    """A project, what is put in the place of Debian's images, and what the plan has to change: each image is
    to be pinned with these words.
    """

    name: str
    image: str
    told: str

    @property
    def samples(self) -> tuple[Sample, ...]:
        return tuple(
            sample for sample in (*SAMPLES, UV) if sample.name == self.name and sample != WITH_SQLITE
        )


# The test bed's Python for musl has no sqlite3, which the check of that project uses.
WITH_SQLITE = next(sample for sample in SAMPLES if sample.name == "python-uv")
UV = Sample(
    "python-uv",
    (
        "-c",
        "import httptools, orjson, platform, pydantic_core, uvloop.loop as u; "
        "print({'x86_64': 'amd64', 'aarch64': 'arm64'}[platform.machine()], u.__file__)",
    ),
    ("{architecture} /app/.venv/lib/python3.13/site-packages/uvloop/loop", "-linux-musl.so"),
    program="/app/.venv/bin/python",
)
LANGUAGES = (
    OnAlpine("node-site", "node:22-alpine", ""),
    OnAlpine("python-target", "python:3.13-alpine", "tells pip of the target"),
    OnAlpine("python-venv", "python:3.13-alpine", "tells pip of the target"),
    OnAlpine("python-uv", "python:3.13-alpine", "unknown-linux-musl"),
    OnAlpine("python-poetry", "python:3.13-alpine", "tells pip of the target"),
)
# What Debian's images and Alpine's have by other names.
_SLIM = re.compile(r"(?:node|python):[\d.]+-slim(?:-\w+)?")
_USER = re.compile(r"useradd --uid (\d+) (\w+)")


def on_alpine(text: str, image: str) -> str:
    """A Dockerfile with another image in the place of every one of Debian's."""
    text, images = _SLIM.subn(image, text)
    assert images
    return _USER.sub(r"adduser -D -u \1 \2", text)


@pytest.fixture(scope="module", params=LANGUAGES, ids=lambda one: one.name)
def language(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[OnAlpine, Built]]:
    engine()
    one: OnAlpine = request.param
    if docker("image", "inspect", one.image, check=False).returncode != 0:
        pytest.skip(f"there is no {one.image} here: tests/testbed/run images {one.image}")
    folder = tmp_path_factory.mktemp(one.name)
    project = folder / one.name
    shutil.copytree(PROJECTS / one.name, project)
    (project / "Dockerfile").write_text(on_alpine((project / "Dockerfile").read_text(), one.image))
    built = built_project(project, folder)
    yield one, built
    docker("image", "rm", "--force", built.reference, check=False)


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_a_pulled_image_runs_and_names_its_platform(language: tuple[OnAlpine, Built], platform: str) -> None:
    one, built = language
    for sample in one.samples:
        check_run(built.reference, sample, platform)


def test_the_builder_is_proved(language: tuple[OnAlpine, Built]) -> None:
    one, built = language
    check_plan(built, once=not one.told)
    changes = [str(change) for stage in built.plan["stages"] for change in stage["changes"]]
    assert any(one.told in text for text in changes), changes
