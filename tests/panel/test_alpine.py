"""Go on Alpine: shapes that are pinned on Debian, built on `golang:*-alpine`, run on Alpine and scratch."""

from __future__ import annotations

import json
import re
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.commands import xbuild
from tests.integration.solving import BOTH, REGISTRY, docker, engine
from tests.integration.test_projects import PROJECTS

pytestmark = pytest.mark.panel

BUILDER, BASES = "golang:1.21-alpine", ("alpine:3.23", "scratch")


@dataclass(frozen=True)
class Shape:
    """A project that is pinned on Debian: how it is run, the exit code, and what it must say."""

    name: str
    arguments: tuple[str, ...]
    prints: str
    code: int = 0


SHAPES = (
    Shape("go-server", ("--version",), "{architecture}"),
    Shape("go-server", ("--check",), "span_id"),
    Shape("go-check-plugin", ("--critical", "1000000:"), "LOAD CRITICAL", 2),
    Shape("go-generate", (), "linux/{architecture}"),
    Shape("go-kubebuilder", ("--version",), "{architecture}"),
    Shape("go-vendor-cgo-free", ("-about",), "{architecture}"),
)
NAMES = tuple(dict.fromkeys(shape.name for shape in SHAPES))


def on_alpine(text: str, base: str) -> str:
    """A Dockerfile with Alpine's builder, and another base, without users of its own, for what is shipped."""
    text = re.sub(r"golang:1\.21-bookworm", BUILDER, text)
    head, found, tail = text.rpartition("\nFROM ")
    assert found
    tail = re.sub(r"^\S+", base, tail)
    tail = re.sub(r"--chown=\S+ ", "", tail)
    tail = re.sub(r"^USER .*$", "USER 65532:65532", tail, flags=re.MULTILINE)
    return head + found + tail


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("name", NAMES)
def test_pinned_and_run(name: str, base: str, tmp_path: Path) -> None:
    engine()
    for image in (BUILDER, BASES[0]):
        if docker("image", "inspect", image, check=False).returncode != 0:
            pytest.skip(f"there is no {image} here: tests/testbed/run images {image}")
    folder = tmp_path / name
    shutil.copytree(PROJECTS / name, folder)
    text = (folder / "Dockerfile").read_text()
    (folder / "Dockerfile").write_text(on_alpine(text, base))
    planned = json.loads(xbuild("plan", *BOTH, "--json", folder).out)
    assert [stage["word"] for stage in planned["stages"] if not stage["is_target"]] == ["cross"]
    reference = f"{REGISTRY}/alpine-{name}:{uuid.uuid4().hex[:8]}"
    done = xbuild("build", *BOTH, "--tag", reference, "--push", folder)
    assert done.code == 0, done.err
    try:
        for shape in SHAPES:
            if shape.name == name:
                _runs(shape, reference)
    finally:
        docker("image", "rm", "--force", reference, check=False)


def _runs(shape: Shape, reference: str) -> None:
    for platform in ("linux/amd64", "linux/arm64"):
        options = ("run", "--rm", "--pull", "always", "--quiet", "--platform", platform)
        ran = docker(*options, reference, *shape.arguments, check=False)
        output = ran.stdout + ran.stderr
        assert ran.returncode == shape.code, output
        assert shape.prints.format(architecture=platform.removeprefix("linux/")) in output
