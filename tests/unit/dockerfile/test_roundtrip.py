"""Fixture files come out as they went in, with the instruction list that BuildKit's parser gives.

The `.json` beside each `.Dockerfile` was recorded from moby/buildkit 0.34.2;
`tests/integration/test_parser_oracle.py` compares it with the oracle again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xbuild.dockerfile.check import check
from xbuild.dockerfile.model import Dockerfile, Instruction, Onbuild
from xbuild.dockerfile.parser import parse
from xbuild.dockerfile.words import to_runes
from xbuild.errors import DockerfileSyntaxError, Exit
from xbuild.text import Source, Span

FIXTURES = Path(__file__).parents[2] / "fixtures"
ROUNDTRIP = sorted((FIXTURES / "roundtrip").glob("*.Dockerfile"))
REFUSED = sorted((FIXTURES / "refused").glob("*.Dockerfile"))


def read(path: Path) -> Dockerfile:
    return parse(Source.from_bytes(path.name, path.read_bytes()))


def expected_of(path: Path) -> dict[str, Any]:
    expected: dict[str, Any] = json.loads(path.with_suffix(".json").read_text("utf-8"))
    return expected


def case_name(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", ROUNDTRIP, ids=case_name)
def test_every_byte_belongs_to_one_node(path: Path) -> None:
    tree = read(path)
    assert "".join(tree.source[node.span] for node in tree.nodes) == tree.source.text
    assert tree.source.to_bytes() == path.read_bytes()
    at, line = 0, 1
    for node in tree.nodes:
        assert (node.span.start, node.first_line) == (at, line)
        at, line = node.span.end, node.last_line + 1
    assert at == len(tree.source.text)


@pytest.mark.parametrize("path", ROUNDTRIP, ids=case_name)
def test_instruction_list_is_buildkits(path: Path) -> None:
    tree = read(path)
    expected = expected_of(path)
    assert tree.escape == expected["escape"]
    assert [(to_runes(i.keyword), i.first_line, i.last_line) for i in tree.instructions] == [
        (i["name"], i["start"], i["end"]) for i in expected["instructions"]
    ]
    for found, wanted in zip(tree.instructions, expected["instructions"], strict=True):
        flags = ["--" + flag.name + ("" if flag.value is None else f"={flag.value}") for flag in found.flags]
        assert [to_runes(flag) for flag in flags] == wanted.get("flags", [])
        if not isinstance(found, Onbuild):
            assert (found.words is not None) == wanted.get("json", False)
        if found.words is not None and found.keyword != "HEALTHCHECK":
            assert list(found.words) == wanted.get("values", [])
        assert [heredoc.name for heredoc in found.heredocs] == wanted.get("heredocs", [])


@pytest.mark.parametrize("path", ROUNDTRIP, ids=case_name)
def test_offsets_lead_back_to_the_source(path: Path) -> None:
    tree = read(path)
    text = tree.source.text

    def follow(instruction: Instruction) -> None:
        script = getattr(instruction, "script", None)
        for logical in (instruction.logical, instruction.arguments, *([script] if script else [])):
            assert len(logical.offsets) == len(logical.text) + 1
            assert "".join(text[at] for at in logical.offsets[:-1]) == logical.text
            assert list(logical.offsets) == sorted(logical.offsets)
        for heredoc in instruction.heredocs:
            assert tree.source[heredoc.terminator_span] == heredoc.name
            assert heredoc.chomp or tree.source[heredoc.content_span] == heredoc.content
        if isinstance(instruction, Onbuild):
            follow(instruction.inner)

    for instruction in tree.instructions:
        follow(instruction)
        assert instruction.keyword_span in instruction.span


@pytest.mark.parametrize("path", ROUNDTRIP, ids=case_name)
def test_check_refuses_what_buildkit_refuses_later(path: Path) -> None:
    tree = read(path)
    lines = [i["start"] for i in expected_of(path)["instructions"] if i.get("invalid")]
    first_stage = next((i.first_line for i in tree.instructions if i.keyword == "FROM"), 10**9)
    lines += [i.first_line for i in tree.instructions if i.keyword != "ARG" and i.first_line < first_stage]
    if not lines:
        check(tree)
        return
    with pytest.raises(DockerfileSyntaxError) as caught:
        check(tree)
    assert caught.value.line == min(lines)
    assert caught.value.expected


@pytest.mark.parametrize("path", REFUSED, ids=case_name)
def test_refused_with_place_and_what_was_expected(path: Path) -> None:
    with pytest.raises(DockerfileSyntaxError) as caught:
        read(path)
    error = caught.value
    assert error.file == path.name
    assert error.line is not None
    assert 1 <= error.line <= max(1, len(path.read_bytes().splitlines()))
    assert error.expected
    assert error.exit_code == Exit.DOCKERFILE


@pytest.mark.parametrize(
    ("text", "is_refused"),
    [
        ("FROM a\nRUN " + "x" * 65531 + "\n", False),
        ("FROM a\nRUN " + "x" * 65532 + "\n", True),
        ("FROM a\nRUN " + "x" * 65531, False),
        ("FROM a\nRUN " + "x" * 65532, True),
        ("FROM a\nRUN " + "é" * 32766 + "\n", True),
        ("FROM a\n#" + "x" * 65600 + "\n", True),
        ("FROM a\nRUN x \\\n" * 6000 + "FROM b\n", False),
    ],
)
def test_line_limit_counts_bytes(text: str, is_refused: bool) -> None:
    if is_refused:
        with pytest.raises(DockerfileSyntaxError, match="65536 bytes"):
            parse(Source("Dockerfile", text))
    else:
        assert parse(Source("Dockerfile", text)).nodes[-1].span.end == len(text)


def test_spans_of_a_stage() -> None:
    tree = read(FIXTURES / "roundtrip" / "multi-stage.Dockerfile")
    source = tree.source
    stage = tree.instructions[1]
    assert source[stage.keyword_span] == "FROM"
    assert source[stage.flags[0].span] == "--platform=$BUILDPLATFORM"
    value_span = stage.flags[0].value_span
    assert isinstance(value_span, Span)
    assert source[value_span] == "$BUILDPLATFORM"
    assert tree.syntax == "docker/dockerfile:1"
    assert source[tree.directives[0].value_span] == "docker/dockerfile:1"
