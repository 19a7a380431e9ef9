"""The parser against today's BuildKit parser: same instruction list, same verdict.

Needs the oracle of the test bed (`tests/testbed/tools/oracle`), named by XBUILD_TESTBED_ORACLE: paths on
stdin, one JSON line per file on stdout. `--dockerfiles DIR` adds folders of real files.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from xbuild.dockerfile.check import check
from xbuild.dockerfile.model import Dockerfile
from xbuild.dockerfile.parser import parse
from xbuild.dockerfile.words import to_runes
from xbuild.errors import DockerfileSyntaxError
from xbuild.text import Source

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture(scope="module")
def oracle() -> str:
    path = os.environ.get("XBUILD_TESTBED_ORACLE")
    if not path:
        pytest.skip("XBUILD_TESTBED_ORACLE names no oracle")
    return path


def ask(oracle: str, paths: Sequence[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The oracle's answer for each file."""
    done = subprocess.run(
        [oracle],
        input="\0".join(map(str, paths)).encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    for line in done.stdout.decode("utf-8").split("\n"):
        if line:
            answer = json.loads(line)
            yield Path(answer["path"]), answer


def read(path: Path) -> Dockerfile | None:
    try:
        return parse(Source.from_bytes(str(path), path.read_bytes()))
    except DockerfileSyntaxError:
        return None


def differences(oracle: str, paths: Sequence[Path]) -> list[str]:
    found = []
    for path, answer in ask(oracle, paths):
        tree = read(path)
        if tree is None or answer.get("error"):
            if (tree is None) != bool(answer.get("error")):
                found.append(f"{path}: {answer.get('error') or 'accepted'}")
            continue
        assert (
            "".join(tree.source[node.span] for node in tree.nodes).encode("utf-8", "surrogateescape")
            == path.read_bytes()
        )
        ours = [(to_runes(i.keyword).casefold(), i.first_line, i.last_line) for i in tree.instructions]
        theirs = [(i["name"].casefold(), i["start"], i["end"]) for i in answer["instructions"]]
        if ours != theirs:
            found.append(f"{path}: {set(ours) ^ set(theirs)}")
        is_refused = any(i.get("invalid") for i in answer["instructions"]) or _starts_before_from(theirs)
        if is_refused != _is_refused(tree):
            found.append(f"{path}: refused by one alone")
    return found


def _starts_before_from(instructions: Sequence[tuple[str, int, int]]) -> bool:
    first = next((name for name, _, _ in instructions if name != "arg"), "from")
    return first != "from"


def _is_refused(tree: Dockerfile) -> bool:
    try:
        check(tree)
    except DockerfileSyntaxError:
        return True
    return False


def test_fixtures(oracle: str) -> None:
    assert differences(oracle, sorted(FIXTURES.rglob("*Dockerfile"))) == []


def test_recorded_lists_are_what_the_oracle_says(oracle: str) -> None:
    for path, answer in ask(oracle, sorted((FIXTURES / "roundtrip").glob("*.Dockerfile"))):
        recorded = json.loads(path.with_suffix(".json").read_text("utf-8"))
        assert recorded["escape"] == answer["escape"]
        assert [(i["name"], i["start"], i["end"]) for i in recorded["instructions"]] == [
            (i["name"], i["start"], i["end"]) for i in answer["instructions"]
        ]


def test_real_files(oracle: str, pytestconfig: pytest.Config) -> None:
    folders: list[Path] = pytestconfig.getoption("--dockerfiles")
    paths = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    if not paths:
        pytest.skip("no --dockerfiles given")
    found = differences(oracle, paths)
    assert found == [], f"{len(found)} of {len(paths)} files differ"
