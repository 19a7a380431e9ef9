"""The settings of `xbuild lint`: where they are found, what they say, and mistakes in them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.unit.cli.command import Xbuild

WRONG = 'FROM --platform=$BUILDPLATFORM debian:bookworm-slim\nRUN make\nCMD ["/app"]\n'
INFO = "FROM --platform=$TARGETPLATFORM debian:bookworm-slim\nRUN apt-get update\n"
GO = """\
FROM golang:1.21-bookworm AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -o /out/app .
FROM scratch
COPY --from=build /out/app /app
ENTRYPOINT ["/app"]
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, text: str) -> None:
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def rules(xbuild: Xbuild, *arguments: str) -> dict[str, list[str]]:
    """By file what was found."""
    files = json.loads(xbuild("lint", "--format", "json", *arguments).out)["files"]
    return {file["path"]: [found["rule"] for found in file["findings"]] for file in files}


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".xbuild.yaml", "lint:\n  ignore: [final-stage-pinned]\n"),
        ("pyproject.toml", "[tool.xbuild.lint]\nignore = ['final-stage-pinned']\n"),
    ],
)
def test_the_nearest_upwards_counts(name: str, text: str, xbuild: Xbuild) -> None:
    write("a/b/Dockerfile", WRONG)
    assert rules(xbuild)["a/b/Dockerfile"] == ["final-stage-pinned"]
    write(name, text)
    assert rules(xbuild)["a/b/Dockerfile"] == []
    write("a/pyproject.toml", "[project]\nname = 'xbuild'\n")
    assert rules(xbuild)["a/b/Dockerfile"] == []
    write("a/.xbuild.yaml", "lint: {}\n")
    assert rules(xbuild)["a/b/Dockerfile"] == ["final-stage-pinned"]


def test_nothing_outside_the_repository_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, xbuild: Xbuild
) -> None:
    (tmp_path / ".xbuild.yaml").write_text("lint:\n  ignore: [final-stage-pinned]\n")
    (tmp_path / "inner/.git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "inner")
    write("Dockerfile", WRONG)
    assert rules(xbuild) == {"Dockerfile": ["final-stage-pinned"]}
    (tmp_path / "inner/.git").rmdir()
    assert rules(xbuild) == {"Dockerfile": ["final-stage-pinned"]}


@pytest.mark.usefixtures("here")
def test_two_in_one_folder(xbuild: Xbuild) -> None:
    write("Dockerfile", WRONG)
    write("ok/Dockerfile", WRONG)
    write("ok/.xbuild.yaml", "")
    write(".xbuild.yaml", "")
    write("pyproject.toml", "[tool.xbuild]\n")
    done = xbuild("lint")
    assert done.code == 2
    assert done.out.count("there are settings in .xbuild.yaml too") == 1
    assert done.out.count("final-stage-pinned") == 1
    assert "2 files: 1 error, 1 not linted" in done.out


ITEMS = (
    "[project]\nname = 'a'\n\n[tool.xbuild.lint]\n# here\nseverity = 'info'\nignore = [\n  'nothing',\n]\n"
)
ENTRIES = "[[tool.xbuild.lint.files]]\nglob = 'a'\n\n[[tool.xbuild.lint.files]]\nglob = 3\n"
INLINE = "[tool.xbuild]\nplatforms = ['linux/amd64']\nlint = {exclude = 'a'}\n"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("name", "text", "line", "said"),
    [
        (
            ".xbuild.yaml",
            "lint:\n  ignore:\n    - final-stage-pined\n",
            3,
            "try: write 'final-stage-pinned'",
        ),
        (".xbuild.yaml", "lint:\n  fail_no: info\n", 2, "try: write 'fail_on'"),
        (".xbuild.yaml", "lint:\n  files:\n    - context: .\n", 3, "lint.files[0] has no glob"),
        (".xbuild.yaml", "lint:\n  severity: warn\n", 2, "lint.severity: 'warn' is not known"),
        ("pyproject.toml", ITEMS, 7, "lint.ignore[0]: 'nothing' is not known"),
        ("pyproject.toml", ENTRIES, 5, "lint.files[1].glob must be text"),
        ("pyproject.toml", INLINE, 3, "lint.exclude must be a list"),
        ("pyproject.toml", "[tool.xbuild]\nplatforms =\ncache_mounts = true\n", 2, "Invalid value"),
        ("pyproject.toml", "[tool.xbuild]\nplatforms = ['linux/foo']\n", 2, "linux/foo"),
    ],
)
def test_mistakes(name: str, text: str, line: int, said: str, xbuild: Xbuild) -> None:
    """One message with file and line; the files under it are not looked at, all others are."""
    for folder in ("bad", "bad/inner", "good"):
        write(f"{folder}/Dockerfile", WRONG)
    write(f"bad/{name}", text)
    for paths in (["."], ["bad/Dockerfile", "bad/inner/Dockerfile", "good/Dockerfile"]):
        done = xbuild("lint", *paths)
        assert done.code == 2
        assert done.out.count("not linted: ") == 1
        assert f"bad/{name}:{line}: not linted: " in done.out
        assert said in done.out
        assert "good/Dockerfile:1:6: error final-stage-pinned" in done.out
    assert xbuild("lint", "bad/Dockerfile", "--fix", "--unsafe-fixes").code == 2
    assert Path("bad/Dockerfile").read_text() == WRONG


@pytest.mark.usefixtures("here")
def test_levels_and_reasons(xbuild: Xbuild) -> None:
    write("Dockerfile", INFO)
    assert xbuild("lint").code == 0
    write(".xbuild.yaml", "lint:\n  fail-on: info\n")
    assert xbuild("lint").code == 1
    assert xbuild("lint", "--fail-on", "warning").code == 0
    write(".xbuild.yaml", "lint:\n  severity: warning\n")
    assert rules(xbuild) == {"Dockerfile": []}
    assert rules(xbuild, "--severity", "info") == {"Dockerfile": ["redundant-target-platform"]}
    write("Dockerfile", f"# xbuild ignore=redundant-target-platform\n{INFO}")
    write(".xbuild.yaml", "lint:\n  require_reason: true\n")
    assert rules(xbuild) == {"Dockerfile": ["ignore-without-reason"]}
    write(".xbuild.yaml", "")
    assert rules(xbuild) == {"Dockerfile": []}
    assert rules(xbuild, "--require-reason") == {"Dockerfile": ["ignore-without-reason"]}


@pytest.mark.usefixtures("here")
def test_rules_of_options_go_first(xbuild: Xbuild) -> None:
    write("Dockerfile", WRONG)
    write(".xbuild.yaml", "lint:\n  ignore: [final-stage-pinned]\n")
    assert rules(xbuild, "--select", "final-stage-pinned") == {"Dockerfile": ["final-stage-pinned"]}
    assert rules(xbuild, "--ignore", "unused-ignore") == {"Dockerfile": ["final-stage-pinned"]}
    write(".xbuild.yaml", "lint:\n  select: [redundant-target-platform]\n")
    assert rules(xbuild) == {"Dockerfile": []}
    write("other.yaml", "")
    assert rules(xbuild, "--config", "other.yaml") == {"Dockerfile": ["final-stage-pinned"]}
    assert "missing.yaml: not linted: there is no such file" in xbuild("lint", "--config", "missing.yaml").out


@pytest.mark.usefixtures("here")
def test_exclude(xbuild: Xbuild) -> None:
    for name in ("Dockerfile", "old/Dockerfile", "a/old/Dockerfile", "a/x.Dockerfile"):
        write(name, INFO)
    write(".xbuild.yaml", "lint:\n  exclude: [old, a/*.Dockerfile]\n")
    assert set(rules(xbuild)) == {"Dockerfile"}
    assert set(rules(xbuild, "a")) == set()
    assert set(rules(xbuild, "a/x.Dockerfile")) == {"a/x.Dockerfile"}
    assert set(rules(xbuild, "a/x.Dockerfile", "--force-exclude")) == set()
    assert set(rules(xbuild, "--exclude", "a")) == {"Dockerfile", "old/Dockerfile"}


@pytest.mark.usefixtures("here")
def test_platforms_and_files(xbuild: Xbuild) -> None:
    """One platform: rules about several are silent; the first entry that names a file counts."""
    write("Dockerfile", WRONG)
    write("images/web.Dockerfile", WRONG.replace("slim", "slim AS wanted") + "FROM debian AS other\n")
    write(".xbuild.yaml", "platforms: [linux/arm64]\n")
    assert rules(xbuild) == {"Dockerfile": [], "images/web.Dockerfile": []}
    write(
        ".xbuild.yaml",
        "platforms: [linux/arm64]\n"
        "lint:\n"
        "  files:\n"
        "    - glob: images/*\n"
        "      target: wanted\n"
        "      platforms: [linux/amd64, linux/riscv64]\n"
        "    - glob: '*'\n",
    )
    found = {"Dockerfile": [], "images/web.Dockerfile": ["final-stage-pinned"]}
    assert rules(xbuild) == found
    assert rules(xbuild, "--target", "other", "images")["images/web.Dockerfile"] == []
    assert rules(xbuild, "--platform", "linux/arm64") == {"Dockerfile": [], "images/web.Dockerfile": []}


@pytest.mark.usefixtures("here")
def test_settings_of_the_plan_and_the_context_reach_the_fix(xbuild: Xbuild) -> None:
    """So that `xbuild rewrite` writes the same."""
    write("images/app/Dockerfile", GO)
    write("app/main.go", "package main\nfunc main() {}\n")
    write("app/go.mod", "module example.com/app\ngo 1.21\n")
    write(
        ".xbuild.yaml",
        "platforms: [linux/amd64, linux/arm64]\n"
        "cache_mounts: false\n"
        "lint:\n  files:\n    - {glob: images/app/Dockerfile, context: app}\n",
    )
    diff = xbuild("lint", "--diff", "images").out
    assert "+RUN GOOS=$TARGETOS GOARCH=$TARGETARCH CGO_ENABLED=0 go build" in diff
    assert diff == xbuild("rewrite", "--offline", "--diff", "-f", "images/app/Dockerfile", "app").out


@pytest.mark.usefixtures("here")
def test_a_context_that_is_not_there(xbuild: Xbuild) -> None:
    write("Dockerfile", GO)
    done = xbuild("lint", "--context", "nowhere")
    assert (done.code, "Dockerfile: not linted: its context nowhere is no folder" in done.out) == (2, True)


@pytest.mark.usefixtures("here")
def test_a_text_has_the_settings_of_its_name(xbuild: Xbuild, monkeypatch: pytest.MonkeyPatch) -> None:
    class Standard:
        buffer = io.BytesIO(WRONG.encode())

    write("a/.xbuild.yaml", "lint:\n  ignore: [final-stage-pinned]\n  exclude: [x.Dockerfile]\n")
    for name, code in (("a/Dockerfile", 0), ("b/Dockerfile", 1), ("a/x.Dockerfile", 0)):
        Standard.buffer.seek(0)
        monkeypatch.setattr(sys, "stdin", Standard)
        assert xbuild("lint", "-", "--stdin-filename", name, "--force-exclude").code == code
