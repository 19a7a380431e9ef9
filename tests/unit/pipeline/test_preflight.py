"""Files of the context that this user may not read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.unit.cli.command import project
from xbuild.dockerfile.parser import parse
from xbuild.errors import ContextError
from xbuild.graph.build import build_graph
from xbuild.graph.model import Options
from xbuild.pipeline.preflight import check_readable
from xbuild.solve.directory import DirectoryContext
from xbuild.text import Source


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everyone may enter: pytest's own is closed to others."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def _not_root() -> Iterator[None]:
    """Root may read all files."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def _check(folder: Path, text: str, *, ignored: str = "") -> None:
    project(folder, other="y", secret__key="x", __dockerignore=ignored)
    (folder / "secret.key").chmod(0)
    (folder / "link").symlink_to("nowhere")
    graph = build_graph(parse(Source("Dockerfile", f"FROM scratch\n{text}\nCMD x\n")), Options())
    context = DirectoryContext(folder)
    assert len(context.files()) >= 3
    with _not_root():
        check_readable(context, graph, lambda line: line)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("COPY . .", 2),
        ("COPY ./ /app/", 2),
        ("COPY other /secret.key ./", 2),
        ("ADD se*.key ./", 2),
        ("ARG NAME\nCOPY s$NAME ./", 3),
        ("ARG NAME\nCOPY $NAME ./", 3),
        ("RUN --mount=type=bind,target=/src true", 2),
        ("RUN --mount=type=bind,source=secret.key,target=/src true", 2),
        ("COPY . /x/\nFROM scratch\nCOPY --from=0 /x /x", 2),
    ],
)
def test_a_file_that_is_taken(text: str, line: int, folder: Path) -> None:
    with pytest.raises(ContextError) as raised:
        _check(folder, text)
    assert raised.value.file == f"{folder}/secret.key"
    assert f"cannot be read, and would arrive in the image as an empty file (line {line}: " in str(
        raised.value
    )


@pytest.mark.parametrize(
    "text",
    [
        "COPY other ./",
        "COPY --from=alpine /secret.key ./",
        "COPY secret ./",
        "COPY o* ./",
        "ADD https://example.com/secret.key ./",
        "WORKDIR /secret.key",
        "RUN --mount=type=bind,from=alpine,target=/src true",
        "RUN --mount=type=cache,target=/src true",
        "COPY . .\nFROM scratch",
    ],
)
def test_a_file_that_is_not_taken(text: str, folder: Path) -> None:
    _check(folder, text)


def test_a_file_that_is_not_sent(folder: Path) -> None:
    _check(folder, "COPY . .", ignored="*.key\n")
