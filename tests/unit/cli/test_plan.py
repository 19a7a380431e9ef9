"""`xbuild plan` and `xbuild rewrite`, without an engine."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path

import jsonschema
import pytest

from tests.unit.cli.command import GO, Xbuild, project, unchanged
from tests.unit.cli.standin import Docker
from xbuild.cli.main import run
from xbuild.errors import Exit
from xbuild.plan.model import SECTION, Question
from xbuild.plan.toolchain import HELPERS

SCHEMAS = Path(__file__).parents[3] / "src/xbuild/views/schemas"
PROJECTS = Path(__file__).parents[2] / "projects"


def schema(name: str) -> dict[str, object]:
    loaded: dict[str, object] = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    return loaded


def test_plan_says_what_and_why(xbuild: Xbuild, tmp_path: Path) -> None:
    folder = project(tmp_path)
    with unchanged(folder):
        result = xbuild("plan", "--offline", folder)
    assert result.code == 0
    assert result.err == ""
    assert "builder, line 1: cross" in result.out
    assert "pin the stage to $BUILDPLATFORM" in result.out
    assert f"{folder}/Dockerfile:4" in result.out


@pytest.mark.parametrize("path", sorted(PROJECTS.glob("*/Dockerfile")), ids=lambda path: path.parent.name)
def test_json_of_every_sample_fits_the_schema(path: Path, xbuild: Xbuild) -> None:
    result = xbuild("plan", "--offline", "--json", path.parent)
    assert result.code == 0
    data = json.loads(result.out)
    jsonschema.validate(data, schema("plan"))
    assert data["stages"]


def test_conditions_stay_conditions_without_an_engine(xbuild: Xbuild, tmp_path: Path) -> None:
    folder = project(tmp_path, GO.replace("CGO_ENABLED=0 ", ""), main__go="package main\n")
    for flags in ((), ("--offline",)):
        result = xbuild("plan", *flags, folder)
        assert result.code == 0
        assert "on a condition" in result.out
        assert ("warning: not asked" in result.err) is not bool(flags)
    assert xbuild("rewrite", "--offline", folder).out == (folder / "Dockerfile").read_text()
    result = xbuild("rewrite", "--offline", "--conditional", folder)
    assert "CGO_ENABLED=0" in result.out
    assert result.err == ""


@pytest.mark.parametrize("flags", [(), ("--check",), ("--diff",), ("--write",)])
@pytest.mark.parametrize("offline", [(), ("--offline",)])
def test_what_is_left_for_a_condition_is_said(
    flags: tuple[str, ...], offline: tuple[str, ...], xbuild: Xbuild, tmp_path: Path
) -> None:
    folder = project(tmp_path, GO.replace("CGO_ENABLED=0 ", ""), main__go="package main\n")
    with unchanged(folder):
        result = xbuild("rewrite", *flags, *offline, folder)
    assert result.code == 0
    assert "warning: line 1: stage builder is not rewritten" in result.err
    assert "no package built on line 4 uses cgo" in result.err
    assert "--conditional" in result.err
    assert xbuild("rewrite", "--check", "--offline", "--conditional", folder).code == Exit.FAILED


def test_a_stage_that_runs_nothing_is_said_to_once(xbuild: Xbuild, tmp_path: Path) -> None:
    shown = xbuild("plan", "--offline", project(tmp_path)).out.partition("(target stage)")[2]
    assert shown.count("it runs nothing") == 1
    assert "as it is: belongs to the target platform" in shown
    assert shown.count("emulated") == 1


def test_rewrite_prints_the_new_text_and_nothing_else(xbuild: Xbuild, tmp_path: Path) -> None:
    folder = project(tmp_path)
    with unchanged(folder):
        first = xbuild("rewrite", "--offline", folder)
    assert first.code == 0
    assert first.err == ""
    assert first.out.startswith("FROM --platform=$BUILDPLATFORM golang:1.21-bookworm AS builder\n")
    (folder / "Dockerfile").write_text(first.out)
    assert xbuild("rewrite", "--offline", folder).out == first.out


def test_rewrite_check_and_diff(xbuild: Xbuild, tmp_path: Path) -> None:
    folder = project(tmp_path)
    with unchanged(folder):
        result = xbuild("rewrite", "--offline", "--check", "--diff", folder)
    assert result.code == Exit.FAILED
    assert "-FROM golang:1.21-bookworm AS builder" in result.out
    assert "would change" in result.err
    assert xbuild("rewrite", "--offline", "--write", folder).code == 0
    again = xbuild("rewrite", "--offline", "--check", "--diff", folder)
    assert (again.code, again.out, again.err) == (0, "", "")


@pytest.mark.parametrize(
    "text",
    [
        GO.encode(),
        GO.replace("\n", "\r\n").encode(),
        GO.replace("COPY . .", "# \f \x85 \u2028 é").encode(),
        GO.encode().replace(b"COPY . .", b"# \xe9 is latin-1"),
        GO.encode().rstrip(b"\n"),
    ],
)
def test_a_diff_that_can_be_applied(
    text: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(project(tmp_path, text))
    printed = []
    for flags in (("--diff",), ()):
        assert run(["rewrite", "--offline", *flags]) == 0
        printed.append(capfdbinary.readouterr().out)
    diff, new = printed
    assert new != text
    subprocess.run(("git", "apply", "-p0"), input=diff, check=True)
    assert Path("Dockerfile").read_bytes() == new


def test_check_and_write_exclude_each_other(xbuild: Xbuild, tmp_path: Path) -> None:
    folder = project(tmp_path)
    with unchanged(folder):
        assert xbuild("rewrite", "--offline", "--check", "--write", folder).code == Exit.USAGE


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_write_keeps_the_owner(xbuild: Xbuild, tmp_path: Path) -> None:
    folder = project(tmp_path)
    os.chown(folder / "Dockerfile", 65534, 65533)
    assert xbuild("rewrite", "--offline", "--write", folder).code == 0
    after = (folder / "Dockerfile").stat()
    assert (after.st_uid, after.st_gid) == (65534, 65533)


def test_write_keeps_mode_link_and_line_endings(xbuild: Xbuild, tmp_path: Path) -> None:
    folder = project(tmp_path / "p", GO.replace("\n", "\r\n"))
    real = tmp_path / "real.Dockerfile"
    (folder / "Dockerfile").rename(real)
    real.chmod(0o640)
    (folder / "Dockerfile").symlink_to(real)
    assert xbuild("rewrite", "--offline", "--write", folder).code == 0
    assert (folder / "Dockerfile").is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    lines = real.read_bytes().split(b"\n")
    assert all(line.endswith(b"\r") for line in lines[:-1])
    assert not list(tmp_path.glob(".real*"))


def test_bytes_that_are_no_text_survive(xbuild: Xbuild, tmp_path: Path) -> None:
    folder = project(tmp_path, GO.encode() + b"# \xff\xfe\n")
    assert xbuild("rewrite", "--offline", "--write", folder).code == 0
    assert (folder / "Dockerfile").read_bytes().endswith(b"# \xff\xfe\n")


def test_a_folder_that_cannot_be_written(
    xbuild: Xbuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project(tmp_path)

    def refuse(path: Path, _data: bytes) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("xbuild.cli.rewrite.write_whole", refuse)
    with unchanged(folder):
        result = xbuild("rewrite", "--offline", "--write", folder)
    assert result.code == Exit.DOCKERFILE
    assert "cannot be written: Permission denied" in result.err


def test_only_rewrite_with_assist_brings_twins_up_to_date(xbuild: Xbuild, tmp_path: Path) -> None:
    """Of a file that an older xbuild has written, with other texts in its helper."""
    folder = project(tmp_path, "FROM debian:bookworm\nRUN apt-get update\n")
    assist = ("rewrite", "--offline", "--assist")
    assert xbuild(*assist, "--write", folder).code == 0
    written = (folder / "Dockerfile").read_text("utf-8")
    older = written.replace("XBUILD-7C1F\n", "XBUILD-7C1F\n# as it once was\n", 1)
    assert older != written
    (folder / "Dockerfile").write_text(older, "utf-8")
    assert xbuild("rewrite", "--offline", "--check", folder).code == 0
    assert "assisted" in xbuild("plan", "--offline", folder).out
    assert xbuild(*assist, "--check", folder).code == Exit.FAILED
    assert xbuild(*assist, "--write", folder).code == 0
    assert (folder / "Dockerfile").read_text("utf-8") == written
    assert xbuild(*assist, "--check", folder).code == 0


def test_twins_that_somebody_has_changed_stay(xbuild: Xbuild, tmp_path: Path) -> None:
    """What is not of the form that xbuild writes is the author's."""
    folder = project(tmp_path, "FROM debian:bookworm\nRUN apt-get update\n")
    assert xbuild("rewrite", "--offline", "--assist", "--write", folder).code == 0
    file = folder / "Dockerfile"
    file.write_text(
        file.read_text("utf-8").replace("env; apt-get", "env; true; . /.xbuild-7c1f/env; apt-get")
    )
    before = file.read_text("utf-8")
    result = xbuild("rewrite", "--offline", "--assist", "--write", folder)
    assert result.code == 0
    assert file.read_text("utf-8") == before
    assert "its twins stay as they are" in result.err


def test_rewrite_tells_pip_of_the_target_with_assist_alone(
    xbuild: Xbuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain `rewrite` writes what an engineer would; the plan names what does more."""
    Docker(tmp_path / "docker", monkeypatch)
    said = "".join(f"{SECTION}linux/{name}\nxbuild: exit code 0\n" for name in ("amd64", "arm64"))

    def probe(_self: object, _plan: object, questions: Sequence[Question], *_more: object) -> dict[str, str]:
        return {q.key: said for q in questions}

    monkeypatch.setattr("xbuild.pipeline.questions._Answerer.probe", probe)
    text = (PROJECTS / "python-venv/Dockerfile").read_text("utf-8")
    both = ("--platform", "linux/amd64,linux/arm64")
    folder = project(
        tmp_path / "p", text, **dict.fromkeys(("requirements.txt", "constraints.txt"), "django\n")
    )
    assert xbuild("rewrite", *both, folder).out == text
    assert "build, line 1: cross" in xbuild("plan", *both, folder).out
    assert xbuild("rewrite", "--assist", "--write", *both, folder).code == 0
    written = (folder / "Dockerfile").read_text("utf-8")
    assert f"python {HELPERS}/pip.py pip install" in written
    for more in ((), ("--assist",)):
        assert xbuild("rewrite", *more, *both, folder).out == written


BOTH = ("--platform", "linux/amd64,linux/arm64")
FETCHED = """\
FROM debian:trixie-slim AS site
RUN apt-get update && apt-get install -y curl
RUN curl -fsSL https://example.org/hugo_linux-{}.tar.gz | tar -C /usr/local/bin -xz hugo
WORKDIR /src
COPY . .
RUN hugo

FROM debian:trixie-slim
COPY --from=site /src/public /srv/www
"""


def test_the_machine_that_builds_is_known_from_the_engine(
    xbuild: Xbuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program for one machine runs where that builds. `rewrite` writes for whichever does."""
    docker = Docker(tmp_path / "docker", monkeypatch)
    folders = {
        name: project(tmp_path / name, FETCHED.format(name), hugo__toml="") for name in ("amd64", "arm64")
    }
    said = {name: xbuild("plan", *BOTH, folder).out for name, folder in folders.items()}
    assert "site, line 1: portable" in said["amd64"]
    assert "fetched for one machine alone" in said["arm64"]
    json_ = xbuild("plan", "--offline", "--json", *BOTH, folders["amd64"]).out
    questions = json.loads(json_)["stages"][0]["questions"]
    assert [q["how"] for q in questions] == [{"kind": "machines"}]
    assert xbuild("rewrite", *BOTH, folders["amd64"]).out == FETCHED.format("amd64")
    docker.builder("linux/amd64*", "linux/arm64*")
    assert "fetched for one machine alone" in xbuild("plan", *BOTH, folders["amd64"]).out
