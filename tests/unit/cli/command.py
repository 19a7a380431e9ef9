"""Runs a command line in this process, as `xbuild` would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from xbuild.cli.main import run

GO = """\
FROM golang:1.21-bookworm AS builder
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -o /out/app ./cmd/app

FROM scratch
COPY --from=builder /out/app /app
ENTRYPOINT ["/app"]
"""


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


class Xbuild:
    """`xbuild(...)` runs a command line."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd

    def __call__(self, *argv: str | Path) -> Result:
        self._capfd.readouterr()
        code = run([str(word) for word in argv])
        captured = self._capfd.readouterr()
        return Result(code, captured.out, captured.err)


def project(folder: Path, text: str | bytes = GO, **files: str) -> Path:
    """A context with a Dockerfile."""
    folder.mkdir(parents=True, exist_ok=True)
    data = text.encode() if isinstance(text, str) else text
    (folder / "Dockerfile").write_bytes(data)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content, "utf-8")
    return folder


@contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    """Nothing below `folder` appears, goes or changes."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    yield
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
