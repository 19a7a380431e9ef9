"""A stage on Alpine with apk's twin and the same without, in every form of a RUN; and how its shell ends."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.integration.solving import build, docker, engine, file_in
from tests.integration.test_twins import MOUNT, SOURCE, Said, assisted, config, helper

from xbuild.verify.trees import compare_layouts

BASE = "alpine:3.23"
STEPS = f"""\
FROM {BASE}
RUN apk add --no-cache --virtual .deps make jq && apk del .deps
RUN ["apk", "add", "zip"]
RUN <<EOF
set -e
apk add nosuch || echo "$?" >/ended
apk info | sort >/installed
EOF
USER nobody
RUN apk info -e musl; ! apk add tini
"""
ENDS = f"""\
FROM {BASE}
RUN {MOUNT} sh -c '{SOURCE} : >/dev/shm/.xbuild-7c1f-mark; apk info -e musl'; echo $? >/one; rm /dev/shm/.x*
RUN {MOUNT} sh -c '{SOURCE} set -e; apk info -e nosuch; :' ; echo $? >/two
RUN {MOUNT} sh -c '{SOURCE} exit 5'; echo $? >/three
"""


@pytest.fixture(autouse=True)
def _needs_alpine() -> None:
    engine()
    if docker("image", "inspect", BASE, check=False).returncode != 0:
        pytest.skip(f"there is no {BASE} here: tests/testbed/run images {BASE}")


def test_the_same_tree(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(STEPS)
    began, words = time.time() - 3600, ("--no-cache", "--platform=linux/arm64", str(tmp_path))
    said = Said()
    plain, _ = build(tmp_path / "plain", *words)
    twins, _ = build(tmp_path / "twins", *words, text=helper(BASE, ("apk",)) + assisted(STEPS), on_event=said)
    assert plain.layout is not None
    assert twins.layout is not None
    (compared,) = compare_layouts(plain.layout.path, twins.layout.path, since=began)
    assert compared.differences == ()
    assert config(plain) == config(twins)
    assert said.lines == ["apk: native"] * 7
    assert file_in(twins, "ended", "linux/arm64") == "1\n"


def test_how_busybox_s_shell_ends(tmp_path: Path) -> None:
    """With a mark the step fails, whatever its last command was."""
    (tmp_path / "Dockerfile").write_text(ENDS)
    text = helper(BASE, ("apk",)) + ENDS
    result, _ = build(tmp_path / "b", "--platform=linux/arm64", str(tmp_path), text=text)
    ended = [file_in(result, name, "linux/arm64") for name in ("one", "two", "three")]
    assert ended == ["97\n", "1\n", "5\n"]
