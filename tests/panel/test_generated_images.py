"""The other templates: each generated for a small project, built, verified, run on both platforms, asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.generating import Served, answers, build, health, leaked, prepare, prints
from tests.integration.solving import docker, engine
from tests.integration.test_generated import MACHINES

pytestmark = pytest.mark.panel

SERVED = (
    Served("python-uv", 8000, {"/openapi.json": "/price"}, "src/parcels/main.py", "uv sync"),
    Served("python-poetry", 8000, {"/label/Ada": "Ada"}, "labels/__main__.py", "uv pip install"),
    Served("node-next", 3000, {"/": "<p>{node}</p>", "/robots.txt": "User-agent"}, "app/page.js", "npm ci"),
    Served("node-site", 8080, {"/": "<title>A site</title>", "/any/page": "<title>"}, "main.js", "npm ci"),
)
# The base images of each: without them there is nothing to build on here.
NEEDED = {"node-site": "nginxinc/nginx-unprivileged:1.28"}


@pytest.mark.parametrize("sample", SERVED, ids=lambda sample: sample.name)
def test_served(sample: Served, tmp_path: Path) -> None:
    engine()
    _needs(sample.name)
    image = build(sample.name, prepare(sample.name, tmp_path / sample.name))
    for platform, words in MACHINES.items():
        for path, text in sample.prints.items():
            assert text.format(**words) in answers(image.reference, platform, sample.port, path)
        assert health(image.reference, platform) in ("healthy", "")
        assert leaked(image.reference, platform) == []


def test_a_program_with_cgo(tmp_path: Path) -> None:
    engine()
    image = build("go-cgo", prepare("go-cgo", tmp_path / "go-cgo"))
    for platform, words in MACHINES.items():
        told = prints(image.reference, platform, "first", "second")
        assert words["go"] in told
        assert "second" in told


def _needs(name: str) -> None:
    image = NEEDED.get(name)
    if image is not None and docker("image", "inspect", image, check=False).returncode != 0:
        pytest.skip(f"there is no {image} here: tests/testbed/run images {image}")
