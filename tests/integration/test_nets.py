"""The leak check and the comparison of trees on images that were built."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from tests.integration.commands import xbuild
from tests.integration.solving import BOTH, BUILDERS, build, engine, project

from xbuild.errors import Exit
from xbuild.verify.leaks import Where, find_leaks

SCHEMA = Path(__file__).parents[2] / "src/xbuild/views/schemas/bench.schema.json"

LEAKING = """\
FROM busybox
COPY main.txt /kept
RUN echo /.xbuild-7c1f/bin > /tmp/a && gzip -c /tmp/a > /packed.gz && tar -cf /b.tar /tmp/a && rm /tmp/a \\
 && ln -s /.xbuild-7c1f/sh /link && chmod 600 /kept
"""


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_leaks_of_a_build(tmp_path: Path) -> None:
    folder = project(tmp_path / "p", {"main.txt": "in /.xbuild-7c1f from the start"}, LEAKING)
    result, _ = build(folder, *BOTH, str(folder))
    assert result.layout is not None
    found = find_leaks(result.layout.path, b"/.xbuild-7c1f", 2)
    assert {str(leak.platform) for leak in found.leaks} == {"linux/amd64", "linux/arm64"}
    assert {(leak.path, leak.where, leak.layer.index) for leak in found.leaks} == {
        ("packed.gz", Where.MEMBER, 2),
        ("b.tar", Where.MEMBER, 2),
        ("link", Where.LINK, 2),
    }
    assert "ln -s" in found.leaks[0].layer.created_by
    assert not found.unseen
    above_base = find_leaks(result.layout.path, b"/.xbuild-7c1f", 1)
    assert ("kept", Where.CONTENT, 1) in {
        (each.path, each.where, each.layer.index) for each in above_base.leaks
    }


SAME = """\
FROM busybox
COPY main.txt /
RUN mkdir -p /var/log \\
 && date -d "@$(tr -dc 1-9 < /dev/urandom | head -c 9)" '+%F %T startup archives' > /var/log/dpkg.log \\
 && touch -d '2001-01-01 00:00:00' /old
"""


@pytest.mark.parametrize("builder", BUILDERS)
def test_trees_of_one_text_built_twice(builder: str, tmp_path: Path) -> None:
    folder = project(tmp_path / "p", dockerfile=SAME)
    words = ("bench", "--builder", builder, *BOTH, "-n", "1", "--cold-only", "--compare", "pins")
    done = xbuild(*words, "--json", folder)
    assert done.code == Exit.OK, done.err
    data = json.loads(done.out)
    jsonschema.validate(data, json.loads(SCHEMA.read_text("utf-8")))
    assert [each["platform"] for each in data["trees"]["platforms"]] == ["linux/amd64", "linux/arm64"]
    for each in data["trees"]["platforms"]:
        assert each["paths"] > 50
        assert each["has_times"]
        assert [row["paths"] for row in each["excused"]] == [["/var/log/dpkg.log"]]


def test_trees_that_differ(tmp_path: Path) -> None:
    folder = project(tmp_path / "p", dockerfile="FROM busybox\nRUN head -c 9 /dev/urandom > /random\n")
    done = xbuild("bench", "--platform", "linux/amd64", "-n", "1", "--cold-only", "--compare", "pins", folder)
    assert done.code == Exit.FAILED
    assert "  /random: content: 9 bytes / 9 bytes, first at byte " in done.out
