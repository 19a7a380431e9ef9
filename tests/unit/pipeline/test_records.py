"""Records between runs: kept whole, without secrets, and never in the way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from xbuild.pipeline.records import Records, Subject, state_folder

SUBJECT = Subject(
    project="/home/me/p",
    dockerfile="abc",
    platforms=("linux/amd64", "linux/arm64"),
    target=None,
    build_args=(("TOKEN", "hunter2"),),
    builder="default",
    engine="e1",
)


def test_the_folder_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder() == tmp_path / "xbuild"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state_folder() == tmp_path / ".local/state/xbuild"


def test_without_a_home_there_are_no_records(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    records = Records()
    records.keep_baseline(SUBJECT, 12.5, {3: 10.0})
    records.learn("e1", {("go build", "arm64"): 5.0})
    records.keep_build(SUBJECT, {})
    assert records.baseline(SUBJECT) is None
    assert not records.factors("e1").values


def test_a_baseline_counts_only_for_the_same_subject(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.keep_baseline(SUBJECT, 12.5, {3: 10.0, 5: 1.25})
    found = records.baseline(SUBJECT)
    assert found is not None
    assert (found.total, dict(found.lines)) == (12.5, {3: 10.0, 5: 1.25})
    others = [
        replace(SUBJECT, project="/x"),
        replace(SUBJECT, dockerfile="x"),
        replace(SUBJECT, platforms=("linux/arm64",)),
        replace(SUBJECT, target="debug"),
        replace(SUBJECT, build_args=(("TOKEN", "other"),)),
        replace(SUBJECT, builder="x"),
        replace(SUBJECT, engine="x"),
    ]
    assert [records.baseline(other) for other in others] == [None] * 7
    assert records.baseline(replace(SUBJECT, platforms=SUBJECT.platforms[::-1])) is not None


def test_no_secret_is_written(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.keep_baseline(SUBJECT, 1.0, {1: 1.0})
    records.keep_build(SUBJECT, {"kind": "report"})
    records.learn("e1", {("go build", "arm64"): 8.0})
    for path in tmp_path.rglob("*"):
        assert "hunter2" not in path.name
        assert path.is_dir() or b"hunter2" not in path.read_bytes()
        assert path.is_dir() or path.stat().st_mode & 0o077 == 0 or path.name == "lock"


def test_factors_are_learnt_by_engine_and_kind(tmp_path: Path) -> None:
    records = Records(tmp_path)
    for value in range(1, 12):
        records.learn("e1", {("go build", "arm64"): float(value)})
    records.learn("e1", {("go test", "arm64"): 3.0})
    records.learn("e2", {("go build", "arm64"): 99.0})
    learnt = records.factors("e1")
    assert learnt.values == {
        ("go build", "arm64"): tuple(float(value) for value in range(3, 12)),
        ("go test", "arm64"): (3.0,),
    }
    assert learnt.date is not None
    assert records.factors("e3").values == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"format": 1, "engines": 3}',
        '{"format": 2}',
        '{"format": 1, "engines": {"e1": [{}]}}',
    ],
)
def test_damaged_records_are_as_none(tmp_path: Path, text: str) -> None:
    records = Records(tmp_path)
    records.keep_baseline(SUBJECT, 1.0, {1: 1.0})
    for path in (tmp_path / "baselines").iterdir():
        path.write_text(text)
    (tmp_path / "factors.json").write_text(text)
    assert records.baseline(SUBJECT) is None
    assert records.factors("e1").values == {}
    records.learn("e1", {("go build", "arm64"): 2.0})
    assert records.factors("e1").values == {("go build", "arm64"): (2.0,)}


def test_a_folder_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    records = Records(blocked / "xbuild")
    records.keep_baseline(SUBJECT, 1.0, {1: 1.0})
    records.learn("e1", {("go build", "arm64"): 2.0})
    assert records.baseline(SUBJECT) is None


def test_files_are_written_whole(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.keep_build(SUBJECT, {"kind": "report"})
    (file,) = (tmp_path / "builds").iterdir()
    assert json.loads(file.read_text())["kind"] == "report"


def test_layers_without_a_text(tmp_path: Path) -> None:
    """By the text that was looked for; the newest are kept, and a broken file is none."""
    records = Records(tmp_path)
    assert records.clean_layers(b"a") == frozenset()
    records.keep_clean_layers(b"a", ("sha256:1", "sha256:2"))
    records.keep_clean_layers(b"a", ("sha256:3", "sha256:1"))
    assert records.clean_layers(b"a") == {"sha256:1", "sha256:2", "sha256:3"}
    assert records.clean_layers(b"b") == frozenset()
    for file in (tmp_path / "layers").iterdir():
        file.write_text("{")
    assert records.clean_layers(b"a") == frozenset()
