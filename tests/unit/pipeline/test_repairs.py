"""What a failed verification says of downloads that are for one architecture, and what follows that."""

from __future__ import annotations

import re
from pathlib import Path

from tests.unit.cli.command import project
from xbuild.library import plan, rewrite
from xbuild.pipeline.checking import repairs
from xbuild.pipeline.project import open_project
from xbuild.solve.options import parse_build_arguments

BOTH = "linux/amd64,linux/arm64"
BUF = "https://github.com/bufbuild/buf/releases/download/v1.30.0/buf-Linux-x86_64"
FETCHED = f"""\
FROM debian:trixie-slim AS tools
RUN apt-get update && apt-get install -y curl
RUN curl -fsSLo /opt/buf {BUF}

FROM debian:trixie-slim
COPY --from=tools /opt/buf /opt/buf
"""


def said(folder: Path, text: str, platforms: str = BOTH) -> list[str]:
    options = parse_build_arguments(["--platform", platforms, str(project(folder, text))])
    return repairs(open_project(options, folder, None))


def test_the_line_and_what_to_write_there(tmp_path: Path) -> None:
    (told,) = said(tmp_path / "a", FETCHED)
    found = re.fullmatch(
        r"repair line 3: buf-Linux-x86_64 is for amd64, whatever platform the image is for; "
        r"write (.+) in place of (.+), behind ARG TARGETARCH",
        told,
    )
    assert found is not None
    name = FETCHED.replace(found[2], found[1]).replace("RUN curl", "ARG TARGETARCH\nRUN curl")
    assert said(tmp_path / "b", name) == []
    made = plan(name, platforms=BOTH)
    assert made.stages[0].is_pinned
    assert found[1] in rewrite(name, plan=made).text.text


def test_nothing_is_changed_by_itself(tmp_path: Path) -> None:
    """Only the pin: what ships is the author's choice until verification calls it wrong."""
    made = rewrite(FETCHED, platforms=BOTH)
    assert made.text.text == FETCHED.replace(
        "FROM debian:trixie-slim AS", "FROM --platform=$BUILDPLATFORM debian:trixie-slim AS"
    )
    assert said(tmp_path / "one", FETCHED, "linux/amd64") == []
    (told,) = said(tmp_path / "b", FETCHED.replace(BUF, "https://example.org/tool-amd64"))
    assert told == "repair line 3: tool-amd64 is for amd64, whatever platform the image is for"
