"""Merging: what is named, what is refused, and what becomes of manifests, attestations and annotations."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.cli.standin import Docker
from tests.unit.solve.images import make_layout
from xbuild.errors import UsageError
from xbuild.pipeline import merging
from xbuild.pipeline.merging import merge, sources_of
from xbuild.solve.emulation import tiny_elf
from xbuild.solve.engine import inspect_engine
from xbuild.solve.layout import Layout

A, B = "a" * 64, "b" * 64
TAG = "r.example/o/app:1"


@pytest.mark.parametrize(
    ("word", "source"),
    [
        (f"sha256:{A}", f"r.example/o/app@sha256:{A}"),
        (A, f"r.example/o/app@sha256:{A}"),
        (f"other.example/x@sha256:{B}", f"other.example/x@sha256:{B}"),
        (f"other.example/x:tag@sha256:{B}", f"other.example/x@sha256:{B}"),
    ],
)
def test_sources(word: str, source: str) -> None:
    assert sources_of([word], [TAG, "elsewhere/y"]) == (source,)


@pytest.mark.parametrize(
    ("words", "tags"),
    [
        ([A], []),
        (["r.example/o/app:1"], [TAG]),
        (["sha256:abc"], [TAG]),
        ([A], [f"r.example/o/app@sha256:{A}"]),
        (["--tag"], [TAG]),
    ],
)
def test_what_is_refused(words: list[str], tags: list[str]) -> None:
    with pytest.raises(UsageError):
        sources_of(words, tags)


def _image(folder: Path, platform: str, machine: str = "") -> str:
    """A layout of one platform with an attestation; its digest."""
    program = tiny_elf(machine or platform.rpartition("/")[2])
    make_layout(folder, {platform: [{"usr/bin/app": program}]}, attested=True)
    return Layout(folder).digest


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is pulled is a copy of a layout here, by its digest."""

    @contextmanager
    def pulled(reference: str) -> Iterator[Path]:
        found = next(
            p for p in (tmp_path / "images").iterdir() if Layout(p).digest == reference.rpartition("@")[2]
        )
        copy = tmp_path / f"pulled-{found.name}"
        shutil.copytree(found, copy)
        yield copy

    monkeypatch.setattr(merging, "pulled", pulled)
    return tmp_path / "images"


def test_joined_and_pushed(registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker = Docker(tmp_path / "docker", monkeypatch)
    digests = [_image(registry / name, f"linux/{name}") for name in ("amd64", "arm64")]
    merged = merge(sources_of(digests, [TAG]), [TAG], tmp_path, inspect_engine())
    assert [str(platform) for platform in merged.platforms] == ["linux/amd64", "linux/arm64"]
    assert merged.attestations == 2
    assert merged.is_right
    assert [outcome.reference for outcome in merged.pushed] == [TAG]
    index = json.loads(
        (tmp_path / "merged/blobs/sha256" / merged.digest.removeprefix("sha256:")).read_bytes()
    )
    before = [Layout(registry / name).manifests for name in ("amd64", "arm64")]
    assert index["manifests"] == [found.raw for manifests in before for found in manifests]
    assert docker.calls("imagetools", "create", "--tag", TAG)


def test_a_wrong_binary_stops_it(registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker = Docker(tmp_path / "docker", monkeypatch)
    digests = [_image(registry / "a", "linux/amd64"), _image(registry / "b", "linux/arm64", "amd64")]
    merged = merge(sources_of(digests, [TAG]), [TAG], tmp_path, inspect_engine())
    assert not merged.is_right
    assert merged.pushed == ()
    assert not docker.calls("imagetools", "create")


def test_a_platform_twice(registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker = Docker(tmp_path / "docker", monkeypatch)
    first = _image(registry / "a", "linux/arm64")
    make_layout(registry / "b", {"linux/arm64": [{"other": b"x"}]}, attested=False)
    with pytest.raises(UsageError, match="both for linux/arm64"):
        merge(sources_of([first, Layout(registry / "b").digest], [TAG]), [TAG], tmp_path, inspect_engine())
    assert not docker.calls("imagetools", "create")
