"""`xbuild generate`: what is written, what is kept, and what ends it with nothing written."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.unit.cli.command import Xbuild, unchanged
from xbuild.errors import Exit

SCHEMA = Path(__file__).parents[3] / "src/xbuild/views/schemas/generate.schema.json"


def go(folder: Path, **files: str) -> Path:
    """A program that listens."""
    main = 'package main\n\nimport "net/http"\n\nfunc main() { _ = http.ListenAndServe(":8080", nil) }\n'
    texts = {"go.mod": "module example.com/hello\n\ngo 1.24\n", "main.go": main, **files}
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


def test_both_files_are_written(xbuild: Xbuild, tmp_path: Path) -> None:
    result = xbuild("generate", go(tmp_path))
    assert result.code == Exit.OK
    assert (
        "FROM --platform=$BUILDPLATFORM golang:1.24-bookworm AS build"
        in (tmp_path / "Dockerfile").read_text()
    )
    assert "**/.env" in (tmp_path / ".dockerignore").read_text().splitlines()
    assert not (tmp_path / ".github").exists()
    assert "nothing runs on a foreign platform" in result.err
    assert xbuild("rewrite", "--offline", "--check", tmp_path).code == Exit.OK


def test_the_workflow_is_written_when_it_is_asked_for(xbuild: Xbuild, tmp_path: Path) -> None:
    assert xbuild("generate", "--workflow", go(tmp_path)).code == Exit.OK
    workflow = yaml.safe_load((tmp_path / ".github/workflows/image.yml").read_text())
    (step,) = (s for s in workflow["jobs"]["image"]["steps"] if s["uses"] == "OWNER/xbuild@v1")
    inputs = yaml.safe_load((Path(__file__).parents[3] / "action.yml").read_text("utf-8"))["inputs"]
    assert step["with"].keys() <= inputs.keys()
    assert workflow["permissions"] == {}


def test_stdout_and_diff_write_nothing(xbuild: Xbuild, tmp_path: Path) -> None:
    go(tmp_path, Dockerfile="FROM golang\n")
    with unchanged(tmp_path):
        assert xbuild("generate", "--stdout", tmp_path).out.startswith("# syntax=docker/dockerfile:1\n")
        assert "-FROM golang\n" in xbuild("generate", "--diff", tmp_path).out
        assert xbuild("generate", "--stdout", "--diff", tmp_path).code == Exit.USAGE


def test_an_existing_dockerfile_is_replaced_by_force_alone(xbuild: Xbuild, tmp_path: Path) -> None:
    go(tmp_path, Dockerfile="FROM golang\n")
    with unchanged(tmp_path):
        result = xbuild("generate", tmp_path)
    assert result.code == Exit.USAGE
    assert "--force" in result.err
    assert xbuild("generate", "--force", tmp_path).code == Exit.OK
    assert (tmp_path / "Dockerfile").read_text().startswith("# syntax=")


def test_other_existing_files_are_kept_and_what_they_lack_is_told(xbuild: Xbuild, tmp_path: Path) -> None:
    workflow = {".github/workflows/image.yml": "name: mine\n", ".dockerignore": "**/.git\nnode_modules/\n"}
    go(tmp_path, **workflow)
    result = xbuild("generate", "--workflow", tmp_path)
    assert result.code == Exit.OK
    assert (tmp_path / ".dockerignore").read_text() == "**/.git\nnode_modules/\n"
    assert (tmp_path / ".github/workflows/image.yml").read_text() == "name: mine\n"
    lacking = next(line for line in result.err.splitlines() if "it lacks" in line)
    assert "**/.env" in lacking
    assert "node_modules" not in lacking
    assert "image.yml is kept" in result.err
    assert "image.yml" not in xbuild("generate", "--force", tmp_path).err


def test_json_fits_its_schema(xbuild: Xbuild, tmp_path: Path) -> None:
    with unchanged(go(tmp_path)):
        result = xbuild("generate", "--json", tmp_path)
    data = json.loads(result.out)
    jsonschema.validate(data, json.loads(SCHEMA.read_text("utf-8")))
    assert data["language"] == "go"
    assert {"text": "port 8080", "file": "main.go", "line": 5, "sure": False} in data["seen"]


def test_the_source_is_told_from_git_without_a_login(xbuild: Xbuild, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    address = "https://user:hunter2@git.example/team/hello.git"
    subprocess.run(["git", "-C", tmp_path, "remote", "add", "origin", address], check=True)
    result = xbuild("generate", "--stdout", go(tmp_path))
    assert 'LABEL org.opencontainers.image.source="https://git.example/team/hello"' in result.out
    assert "hunter2" not in result.out + result.err


@pytest.mark.parametrize(
    ("files", "words", "code", "said"),
    [
        ({}, (), Exit.CONTEXT, "the folder is empty"),
        ({"notes.txt": "x"}, (), Exit.CONTEXT, "no known project was recognised"),
        ({"sub/go.mod": "module a\n\ngo 1.24\n"}, (), Exit.USAGE, "xbuild generate sub"),
        ({"go.mod": "module a\n"}, (), Exit.CONTEXT, "there is no program in this module"),
        ({"package.json": "{"}, (), Exit.CONTEXT, "package.json:1: the file is no JSON"),
        ({"package.json": "[]"}, (), Exit.CONTEXT, "the file holds no JSON object"),
        ({"pyproject.toml": "a ="}, (), Exit.CONTEXT, "pyproject.toml: the file is no TOML"),
        ({"go.mod": "module a\n"}, ("--language", "goo"), Exit.USAGE, "is go meant?"),
        ({"go.mod": "module a\n"}, ("--language", "python"), Exit.CONTEXT, "no python project"),
        ({"go.mod": "module a\n"}, ("--entry", "x"), Exit.USAGE, "there is no entry 'x'"),
        (
            {"main.py": "", "requirements.txt": "", ".python-version": "2.7"},
            (),
            Exit.CONTEXT,
            ".python-version:1",
        ),
    ],
)
def test_bad_input(
    files: dict[str, str], words: tuple[str, ...], code: Exit, said: str, xbuild: Xbuild, tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    with unchanged(tmp_path):
        result = xbuild("generate", *words, tmp_path)
    assert result.code == code
    assert said in result.err
    assert "Traceback" not in result.err


def test_a_folder_that_is_not_there(xbuild: Xbuild, tmp_path: Path) -> None:
    assert xbuild("generate", tmp_path / "none").code == Exit.CONTEXT
    assert xbuild("generate", go(tmp_path) / "main.go").code == Exit.CONTEXT


def test_all_or_nothing(xbuild: Xbuild, tmp_path: Path) -> None:
    """`.github` is a file here, so that the last of three files cannot be written."""
    go(tmp_path, **{".github": "a file"})
    with unchanged(tmp_path):
        result = xbuild("generate", "--workflow", tmp_path)
    assert result.code == Exit.CONTEXT
    assert "nothing was written" in result.err


def test_templates_of_ones_own_come_first(xbuild: Xbuild, tmp_path: Path) -> None:
    own = "ARG program=server\n\nFROM scratch\nCOPY ${program} /\n"
    go(tmp_path, **{".xbuild.yaml": "generate:\n  templates: ours\n", "ours/go-static.Dockerfile": own})
    assert xbuild("generate", "--stdout", tmp_path).out == "FROM scratch\nCOPY hello /\n"
    (tmp_path / "ours/go-static.Dockerfile").write_text("FROM ${nothing}\n", "utf-8")
    result = xbuild("generate", "--stdout", tmp_path)
    assert result.code == Exit.CONFIG
    assert "go-static.Dockerfile:1" in result.err
    (tmp_path / ".xbuild.yaml").write_text("generate:\n  templates: none\n", "utf-8")
    assert xbuild("generate", "--stdout", tmp_path).code == Exit.CONFIG


def test_a_build_offers_to_generate(xbuild: Xbuild, tmp_path: Path) -> None:
    go(tmp_path)
    with unchanged(tmp_path):
        result = xbuild("build", "--dry-run", "--platform", "linux/arm64", tmp_path)
        assert result.code == Exit.DOCKERFILE
        assert "xbuild build --generate" in result.err
        generated = xbuild("build", "--generate", "--dry-run", "--platform", "linux/arm64", tmp_path)
    assert generated.code == Exit.OK
    assert "FROM --platform=$BUILDPLATFORM golang:1.24-bookworm AS build" in generated.err
    asked = xbuild("build", "--generate", "--check", "--dry-run", tmp_path)
    assert asked.code == Exit.OK
    assert re.fullmatch(r"\S*docker buildx build --check --file /\S+/generated/Dockerfile \S+\n", asked.out)
    (tmp_path / ".xbuild.yaml").write_text("generate:\n  templates: ours\n", "utf-8")
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours/go-static.Dockerfile").write_text(
        "FROM golang AS b\nWORKDIR /b\nCOPY . .\nRUN CGO_ENABLED=0 go build -o /a .\n\n"
        "FROM scratch\nCOPY --from=b /a /a\n"
    )
    changed = xbuild("build", "--generate", "--dry-run", "--platform", "linux/arm64", tmp_path)
    assert "--- the generated Dockerfile\n" in changed.out
    assert xbuild("build", "--generate", "--dry-run", "-f", "x", tmp_path).code == Exit.USAGE
    assert xbuild("build", "--generate", "--dry-run", "-").code == Exit.USAGE
