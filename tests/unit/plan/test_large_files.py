"""A file of the build context that is too large to be read is not taken for one that is not there."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.rewrite.test_rewrite_fixtures import Case, read, said
from xbuild.plan.context import LARGEST, Context, UnreadError, WholeContext
from xbuild.plan.model import Knowledge, StageVerdict
from xbuild.solve.directory import DirectoryContext


@dataclass(frozen=True)
class Elsewhere(Case):
    """A case whose build context is somewhere else."""

    place: Path = Path()

    @property
    def context(self) -> Context:
        return DirectoryContext(self.place)


def planned(name: str, place: Path, large: str = "") -> StageVerdict:
    """The verdict on the first stage of a case, without an engine; with a file of that path that is large."""
    case = Case.read(name)
    shutil.copytree(case.folder / "context", place)
    if large:
        (place / large).parent.mkdir(parents=True, exist_ok=True)
        with (place / large).open("wb") as file:
            file.truncate(LARGEST + 1)
    elsewhere = Elsewhere(case.folder, case.options, place)
    return elsewhere.plan_with(read(case.folder / "before.Dockerfile"), Knowledge()).stages[0]


CASES = [
    ("node-npm-ci-and-vite", "vite.config.ts"),
    ("node-npm-ci-and-vite", "postcss.config.js"),
    ("node-npm-ci-and-vite", "package.json"),
    ("node-npm-ci-and-vite", "package-lock.json"),
    ("node-npm-ci-and-vite", ".npmrc"),
    ("node-npm-ci-and-vite", ".env"),
    ("maven-one-file", "pom.xml"),
    ("maven-one-file", ".mvn/jvm.config"),
    ("gradle-kotlin", "build.gradle.kts"),
    ("gradle-kotlin", "gradle.properties"),
    ("gradle-kotlin", "gradle/libs.versions.toml"),
    ("rust-nothing-from-elsewhere", "Cargo.lock"),
    ("rust-nothing-from-elsewhere", "Cargo.toml"),
    ("rust-nothing-from-elsewhere", "build.rs"),
    ("rust-nothing-from-elsewhere", ".cargo/config.toml"),
    ("rust-nothing-from-elsewhere", "src/main.rs"),
    ("mkdocs-by-pip", "mkdocs.yml"),
]


@pytest.mark.parametrize(("name", "large"), CASES)
def test_it_keeps_the_stage(name: str, large: str, tmp_path: Path) -> None:
    assert str(planned(name, tmp_path / "as-it-is").word) in ("portable", "cross")
    assert str(planned(name, tmp_path / "large", large).word) == "unsure"


@pytest.mark.parametrize("large", ["vite.config.ts", ".npmrc", "package-lock.json"])
def test_it_is_named(large: str, tmp_path: Path) -> None:
    reasons = said(planned("node-npm-ci-and-vite", tmp_path / "p", large))["reasons"]
    assert f"{large} is larger than 16 MiB, and is not read" in reasons


def test_one_beside_does_not_matter(tmp_path: Path) -> None:
    assert str(planned("node-npm-ci-and-vite", tmp_path / "p", "src/film.mp4").word) == "portable"


def test_what_is_there_and_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "small").write_text("text")
    (tmp_path / "folder").mkdir()
    with (tmp_path / "large").open("wb") as file:
        file.truncate(LARGEST + 1)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "out").symlink_to("/etc/hostname")
    (tmp_path / ".dockerignore").write_text("ignored\n")
    (tmp_path / "ignored").write_text("text")
    context = DirectoryContext(tmp_path)
    names = ("small", "large", "folder", "pipe", "out", "ignored", "none", "../x")
    assert [name for name in names if context.is_file(name)] == ["small", "large"]
    assert [name for name in names if context.read(name) is not None] == ["small"]
    whole = WholeContext(context)
    with pytest.raises(UnreadError, match="large is larger than 16 MiB, and is not read"):
        whole.read("large")
    assert [name for name in names if name != "large" and whole.read(name) is not None] == ["small"]
