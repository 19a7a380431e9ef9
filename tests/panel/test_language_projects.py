"""Sample projects of languages whose images take long to make: built from their own Dockerfiles, and run."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.solving import docker, engine
from tests.integration.test_projects import (
    PROJECTS,
    Built,
    Sample,
    built_project,
    check_plan,
    check_run,
)

pytestmark = pytest.mark.panel


@dataclass(frozen=True)
class Language:
    """A sample, and whether its output is made once for all platforms."""

    sample: Sample
    once: bool


LANGUAGES = (
    Language(Sample("java-maven", ("first", "second"), ("{architecture}", "notes 1.2.0", "second: 6")), True),
    Language(
        Sample("rust-workspace", ("a" * 1000,), ('"compiled_for":"{architecture}"', '"greeting":"HELLO"')),
        False,
    ),
)


@pytest.fixture(scope="module", params=LANGUAGES, ids=lambda one: one.sample.name)
def language(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Language, Built]]:
    engine()
    one: Language = request.param
    folder = tmp_path_factory.mktemp(one.sample.name)
    built = built_project(with_lock(PROJECTS / one.sample.name, folder / one.sample.name), folder)
    yield one, built
    docker("image", "rm", "--force", built.reference, check=False)


def with_lock(project: Path, folder: Path) -> Path:
    """A project as it is; one of cargo's as a copy with the lock file, which names hosts and is made here."""
    if not (project / "Cargo.toml").exists():
        return project
    shutil.copytree(project, folder)
    command = ["cargo", "generate-lockfile", "--quiet", "--manifest-path", str(folder / "Cargo.toml")]
    subprocess.run(command, cwd=folder.parent, check=True)
    return folder


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_a_pulled_image_runs_and_names_its_platform(language: tuple[Language, Built], platform: str) -> None:
    one, built = language
    check_run(built.reference, one.sample, platform)


def test_the_builder_is_proved(language: tuple[Language, Built]) -> None:
    one, built = language
    check_plan(built, once=one.once)
