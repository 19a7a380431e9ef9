"""Findings on lines that an event has changed come first; git tells them, where its history is there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.solve.gitserver import commit, git, publish, repository, serving
from xbuild.cli.action.asked import Event
from xbuild.cli.action.changed import base_commit, before_event, changed_lines, in_order
from xbuild.pipeline.linting import lint_text
from xbuild.pipeline.wishes import Wanted
from xbuild.platforms import parse_platforms
from xbuild.rules.rule import Level
from xbuild.solve.options import parse_build_arguments

SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("payload", "base"),
    [
        ({"before": SHA, "after": "f" * 40}, SHA),
        ({"pull_request": {"base": {"sha": SHA}}, "before": "f" * 40}, SHA),
        ({"merge_group": {"base_sha": SHA}}, SHA),
        ({"before": "0" * 40}, ""),
        ({"before": "--upload-pack=x"}, ""),
        ({"before": 7, "pull_request": "x"}, ""),
        ({"pull_request": {"base": None}}, ""),
        ({}, ""),
    ],
)
def test_the_commit_before(payload: Mapping[str, Any], base: str) -> None:
    assert base_commit(payload) == base


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("a\nb\nc\n", "a\nb\nc\n", set()),
        ("a\nb\nc\n", "a\nB\nc\n", {2}),
        ("a\nc\n", "a\nb\nc\n", {2}),
        ("a\nb\nc\n", "a\nc\n", set()),
        ("a\r\nb\r\n", "a\nb\n", set()),
        ("", "a\nb\n", {1, 2}),
    ],
)
def test_lines_that_changed(before: str, after: str, lines: set[int]) -> None:
    assert changed_lines(before, after) == lines


# An info, warnings and an error, in lines that are not in that order
TEXT = b"""\
FROM --platform=linux/amd64 debian AS x
FROM debian
RUN apt-get install -y curl
RUN GOARCH=$TARGETARCH true
COPY --from=x /etc /etc
RUN curl -fLo /x https://example.com/x-linux-amd64 && chmod +x /x
ARG TARGETARCH=amd64
"""


def test_errors_then_changed_lines_then_the_rest() -> None:
    told = lint_text("Dockerfile", TEXT, Wanted(parse_platforms(["linux/amd64", "linux/arm64"]))).judged.told
    lines = {level: sorted({t.line for t in told if t.severity is level}) for level in Level}
    assert all(lines.values()), lines
    plain = [(t.severity, t.line) for t in in_order(told, frozenset())]
    assert plain == sorted(plain, key=lambda pair: (pair[0].rank, pair[1]))
    last = max(t.line for t in told if t.severity is Level.INFO)
    ordered = [(t.severity, t.line) for t in in_order(told, frozenset({last}))]
    errors = [pair for pair in plain if pair[0] is Level.ERROR]
    first = [pair for pair in plain if pair[1] == last and pair not in errors]
    assert ordered == [*errors, *first, *(pair for pair in plain if pair not in (*errors, *first))]
    assert ordered != plain


def _before(base: str, folder: Path, git_context: str = "") -> str | None:
    """Asked in the current folder, which is the workspace."""
    place = folder / "place"
    place.mkdir()
    options = parse_build_arguments(["."])
    event = Event(git_context, base=base)
    return before_event(event, "app/Dockerfile", options, place, is_own_context=bool(git_context))


def test_the_workspace_s_history_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = repository(tmp_path / "work")
    first = commit(work, {"app/Dockerfile": "FROM a\n"})
    commit(work, {"app/Dockerfile": "FROM b\n"})
    monkeypatch.chdir(work)
    assert _before(first, tmp_path) == "FROM a\n"


def test_a_new_file_had_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = repository(tmp_path / "work")
    first = commit(work, {"other": ""})
    commit(work, {"app/Dockerfile": "FROM b\n"})
    monkeypatch.chdir(work)
    assert _before(first, tmp_path) == ""


def test_a_shallow_clone_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = repository(tmp_path / "work")
    first = commit(work, {"app/Dockerfile": "FROM a\n"})
    commit(work, {"app/Dockerfile": "FROM b\n"})
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{work}", "clone")
    monkeypatch.chdir(tmp_path / "clone")
    assert _before(first, tmp_path) is None


def test_no_repository_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert _before(SHA, tmp_path) is None


def test_the_server_tells_where_the_context_is_the_event_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = repository(tmp_path / "work")
    first = commit(work, {"app/Dockerfile": "FROM a\n"})
    last = commit(work, {"app/Dockerfile": "FROM b\n"})
    (tmp_path / "workspace").mkdir()
    monkeypatch.chdir(tmp_path / "workspace")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    with serving(tmp_path / "served", "t0k3n") as server:
        publish(work, server, "o/r.git")
        context = f"{server.url}/o/r.git#{last}"
        monkeypatch.setenv("GIT_AUTH_TOKEN", "t0k3n")
        assert _before(first, tmp_path, context) == "FROM a\n"
        (tmp_path / "place").rename(tmp_path / "again")
        assert _before(SHA, tmp_path, context) is None


def test_nothing_of_the_workspace_s_settings_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = repository(tmp_path / "work")
    first = commit(work, {"app/Dockerfile": "FROM a\n", ".gitattributes": "* diff=x filter=x\n"})
    for name in ("diff.x.textconv", "filter.x.smudge", "core.fsmonitor", "diff.external", "core.pager"):
        git(work, "config", name, f"touch {tmp_path}/CANARY;:")
    monkeypatch.chdir(work)
    assert _before(first, tmp_path) == "FROM a\n"
    assert not (tmp_path / "CANARY").exists()
