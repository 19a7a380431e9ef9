"""`.pre-commit-hooks.yaml`: the files that it names are those that the command finds."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.cli.command import Xbuild
from xbuild.pipeline.lintees import FILES, find
from xbuild.pipeline.wishes import Configs, Wanted
from xbuild.rules import RULES

HOOKS: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[3] / ".pre-commit-hooks.yaml").read_text("utf-8")
)
IS = (
    "Dockerfile", "dockerfile", "DOCKERFILE", "Containerfile", "web.Dockerfile", "web.dockerfile",
    "Dockerfile.web", "Dockerfile-web", "Dockerfile_web", "web-Dockerfile", "a.b.containerfile",
    "Dockerfile.arm64", "Dockerfile.txt.old",
)  # fmt: skip
IS_NOT = (
    "Dockerfile.dockerignore", ".dockerignore", "dockerfile.md", "Dockerfile.j2", "dockerfile.py",
    "dockerfile_test.go", "Dockerfile.tmpl", "mydockerfile", "Dockerfiles", "docker", "Dockerfile.d/readme",
    "make.dockerfile.sh",
)  # fmt: skip


def test_the_hooks_name_the_files_that_the_command_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("", "a/", "A.Dockerfile.d/b/"):
        for name in (*IS, *IS_NOT):
            file = tmp_path / folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("FROM scratch\n")
    found = {str(each) for each in find(["."], Wanted(), Configs(Wanted()))}
    assert found == {folder + name for folder in ("", "a/", "A.Dockerfile.d/b/") for name in IS}
    everything = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    for hook in HOOKS:
        assert hook["files"] == FILES
        assert {path for path in everything if re.search(hook["files"], path)} == found


def test_their_command_lines(tmp_path: Path, xbuild: Xbuild, monkeypatch: pytest.MonkeyPatch) -> None:
    """One reports, one writes what `xbuild rewrite` does."""
    monkeypatch.chdir(tmp_path)
    text = 'FROM golang:1.21 AS build\nRUN go env > /x\nFROM scratch\nCOPY --from=build /x /x\nCMD ["/x"]\n'
    wrong = "FROM --platform=$TARGETPLATFORM debian:bookworm-slim\nRUN apt-get update\n"
    Path("Dockerfile").write_text(text.replace("go env", "echo x | sort"))
    Path("other.Dockerfile").write_text(wrong)
    lint, rewrite = (shlex.split(hook["entry"])[1:] for hook in HOOKS)
    assert xbuild(*lint, "Dockerfile", "other.Dockerfile").code == 1
    assert xbuild(*rewrite, "Dockerfile", "other.Dockerfile").code == 0
    assert "--platform=$BUILDPLATFORM" in Path("Dockerfile").read_text()
    assert Path("other.Dockerfile").read_text() == wrong
    assert rewrite[-1].split(",") == [rule.name for rule in RULES if rule.from_plan]


def test_the_error_formats_of_the_page(tmp_path: Path, xbuild: Xbuild) -> None:
    """As efm reads them: `%.%#` is anything, `%t` the first letter of the word that follows it."""
    page = (Path(__file__).parents[3] / "docs/how-to/lint-in-an-editor.md").read_text("utf-8")
    formats = re.findall(r'- "(%\.%#:.+)"', page)
    parts = {"%.%#": ".*", "%l": r"(\d+)", "%c": r"(\d+)", "%t": "(.)", "%m": "(.+)"}
    patterns = ["".join(parts.get(p, re.escape(p)) for p in re.split(r"(%\.%#|%\w)", f)) for f in formats]
    file = tmp_path / "a folder" / "Dockerfile"
    file.parent.mkdir()
    file.write_text(
        "FROM --platform=$BUILDPLATFORM golang:1.24 AS build\nARG TARGETARCH=amd64\n"
        "RUN GOARCH=$TARGETARCH go build -o /app .\nFROM debian:bookworm\nRUN apt-get install -y curl\n"
        "COPY --from=build /app /app\n"
    )
    lines = xbuild("lint", file).out.splitlines()
    found = [m.groups()[:3] for line in lines for p in patterns if (m := re.fullmatch(p, line))]
    assert found == [("2", "5", "e"), ("3", "24", "w"), ("4", "6", "i")]


def test_the_problem_matcher_of_the_page(tmp_path: Path, xbuild: Xbuild) -> None:
    page = (Path(__file__).parents[3] / "docs/how-to/lint-in-an-editor.md").read_text("utf-8")
    block = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert block is not None
    pattern = json.loads(block[1])["problemMatcher"]["pattern"]
    file = tmp_path / "Dockerfile"
    file.write_text("FROM --platform=$TARGETPLATFORM debian:bookworm-slim\nRUN apt-get update\n")
    (line,) = [line for line in xbuild("lint", file).out.splitlines() if line.startswith(str(file))]
    found = re.fullmatch(pattern["regexp"], line)
    assert found is not None
    assert found.group(*(pattern[name] for name in ("file", "line", "column", "severity", "code"))) == (
        str(file),
        "1",
        "6",
        "info",
        "redundant-target-platform",
    )
