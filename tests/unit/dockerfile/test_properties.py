"""Properties that hold for any input."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from xbuild.dockerfile.check import check
from xbuild.dockerfile.edit import assert_edited, edit_script, edited_script
from xbuild.dockerfile.model import Run
from xbuild.dockerfile.offsets import Offsets
from xbuild.dockerfile.parser import parse
from xbuild.dockerfile.shell import parse_script
from xbuild.errors import DockerfileSyntaxError, EditError
from xbuild.text import Edit, Source, apply_edits

TOKENS = (
    *("FROM a", "RUN ", "COPY ", "ENV ", "ARG ", "LABEL ", "ONBUILD ", "HEALTHCHECK CMD ", "SHELL ", " AS b"),
    *(
        "# escape=`\n",
        "# syntax=x\n",
        "#",
        "\\",
        "\\\n",
        "`\n",
        "\n",
        "\r\n",
        " ",
        "\t",
        "\v",
        "\ufeff",
        "\xa0",
        "é",
    ),
    *(
        "<<EOF",
        "<<-'X'",
        "\nEOF\n",
        "\n\tX\n",
        '"',
        "'",
        "$a",
        "${a:-b}",
        "${",
        "[",
        "]",
        '["a"]',
        "[1]",
        "=",
        "a",
        "b",
    ),
    *("--mount=type=ssh ", "--from=x ", "-- ", "&& ", "| ", "; ", "(", ")", "{", "}", "go build"),
)
LIKELY = st.lists(st.sampled_from(TOKENS), max_size=25).map("".join)


@given(st.one_of(st.binary(max_size=200), LIKELY.map(lambda text: ("FROM a\n" + text).encode())))
@settings(max_examples=400, deadline=None)
def test_any_bytes_come_back_or_give_one_typed_error(data: bytes) -> None:
    source = Source.from_bytes("Dockerfile", data)
    assert source.to_bytes() == data
    error = None
    try:
        tree = parse(source)
    except DockerfileSyntaxError as refused:
        error = refused
    else:
        assert "".join(source[node.span] for node in tree.nodes) == source.text
        for instruction in tree.instructions:
            for logical in (instruction.logical, instruction.arguments):
                assert "".join(source.text[at] for at in logical.offsets[:-1]) == logical.text
        try:
            check(tree)
        except DockerfileSyntaxError as refused:
            error = refused
    assert error is None or (error.line and error.expected)


@given(LIKELY)
@settings(max_examples=300, deadline=None)
def test_scripts_never_raise_and_keep_their_spans(text: str) -> None:
    script = parse_script(text)
    for command in script.commands:
        assert 0 <= command.span.start <= command.span.end <= len(text)
        for word in command.words:
            assert text[word.span.start : word.span.end] == word.raw


@given(LIKELY, st.data())
@settings(max_examples=300, deadline=None)
def test_an_insertion_has_its_effect_or_is_refused(text: str, data: st.DataObject) -> None:
    try:
        tree = parse(Source("Dockerfile", "FROM a\nRUN x " + text))
    except DockerfileSyntaxError:
        return
    run = tree.instructions[1]
    if not isinstance(run, Run) or run.script is None:
        return
    at = data.draw(st.integers(0, len(run.script.text)))
    edits = [Edit.insert(at, "GOARCH=arm64 ")]
    expected = edited_script(run, edits)
    try:
        new = Source("Dockerfile", apply_edits(tree.source.text, edit_script(tree, run, edits)))
        changed = assert_edited(tree, new, {1: expected})
    except EditError:
        return
    again = changed.instructions[1]
    assert isinstance(again, Run)
    assert again.script is not None
    assert again.script.text == expected


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=6), st.data())
def test_offsets_behave_like_a_tuple(pieces: list[tuple[int, int]], data: st.DataObject) -> None:
    starts: list[int] = []
    sources: list[int] = []
    expected: list[int] = []
    joined = at = 0
    for gap, size in pieces:
        at += gap
        starts.append(joined)
        sources.append(at)
        expected.extend(range(at, at + size))
        joined += size
        at += size
    expected.append(at)
    offsets = Offsets(starts, sources, 0, joined + 1)
    assert list(offsets) == expected
    assert [offsets[index] for index in range(-len(expected), len(expected))] == expected * 2
    start, stop = sorted((data.draw(st.integers(0, len(expected))), data.draw(st.integers(0, len(expected)))))
    part = offsets[start:stop]
    assert (list(part), len(part), tuple(part[1:])) == (
        expected[start:stop],
        stop - start,
        tuple(expected[start:stop][1:]),
    )
    assert part == expected[start:stop]
    assert hash(part) == hash(tuple(expected[start:stop]))
