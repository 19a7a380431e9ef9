"""Edits of scripts, mapped to the source and proved."""

from __future__ import annotations

import pytest

from xbuild.dockerfile.edit import assert_edited, edit_script, edited_script
from xbuild.dockerfile.model import Dockerfile, Run
from xbuild.dockerfile.parser import parse
from xbuild.dockerfile.shell import parse_script
from xbuild.errors import EditError
from xbuild.text import Edit, Source, Span, apply_edits


def read(text: str) -> Dockerfile:
    return parse(Source("Dockerfile", text))


def run_of(tree: Dockerfile, index: int = 1) -> Run:
    run = tree.instructions[index]
    assert isinstance(run, Run)
    return run


def insert_before(tree: Dockerfile, name: str, text: str, index: int = 1) -> str:
    """The source with `text` in front of the command called `name`, proved."""
    run = run_of(tree, index)
    assert run.script is not None
    script = parse_script(run.script.text)
    edits = [Edit.insert(command.span.start, text) for command in script.commands if command.name == name]
    assert edits
    new = apply_edits(tree.source.text, edit_script(tree, run, edits))
    assert_edited(tree, Source("Dockerfile", new), {index: edited_script(run, edits)})
    return new


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a\nRUN go build\n", "FROM a\nRUN X=1 go build\n"),
        ("FROM a\nRUN go build", "FROM a\nRUN X=1 go build"),
        ("FROM a\r\nRUN a && \\\r\n    go build\r\n", "FROM a\r\nRUN a && \\\r\n    X=1 go build\r\n"),
        ("FROM a\nRUN a && \\\ngo build\n", "FROM a\nRUN a && \\\nX=1 go build\n"),
        ("FROM a\nRUN a \\\n # go\n\n && go build\n", "FROM a\nRUN a \\\n # go\n\n && X=1 go build\n"),
        ("# escape=`\nFROM a\nRUN a && `\n go build\n", "# escape=`\nFROM a\nRUN a && `\n X=1 go build\n"),
        ("FROM a\nRUN <<EOF\na\n\tgo build\nEOF\n", "FROM a\nRUN <<EOF\na\n\tX=1 go build\nEOF\n"),
        ("FROM a\nRUN <<-EOF\n\t\tgo build\n\tEOF\n", "FROM a\nRUN <<-EOF\n\t\tX=1 go build\n\tEOF\n"),
        ("FROM a\nRUN go build <<EOF\nx\nEOF\n", "FROM a\nRUN X=1 go build <<EOF\nx\nEOF\n"),
        ("FROM a\nRUN --mount=type=ssh é; go build\n", "FROM a\nRUN --mount=type=ssh é; X=1 go build\n"),
    ],
)
def test_insertion(text: str, expected: str) -> None:
    assert insert_before(read(text), "go", "X=1 ") == expected


@pytest.mark.parametrize(
    ("text", "old", "new", "expected"),
    [
        ("FROM a\nRUN a \\\n  b c\n", "a   b", "a   d", "FROM a\nRUN a \\\n  d c\n"),
        ("FROM a\nRUN a \\\n  b c\n", "a   b", "x", "FROM a\nRUN x c\n"),
        ("FROM a\nRUN ab\\\ncd e\n", "abcd", "abxcd", "FROM a\nRUN abx\\\ncd e\n"),
        ("FROM a\nRUN a \\\n  b c\n", " c", " c d", "FROM a\nRUN a \\\n  b c d\n"),
        ("FROM a\nRUN a \\\n  b c\n", "b ", "", "FROM a\nRUN a \\\n  c\n"),
    ],
)
def test_replacement(text: str, old: str, new: str, expected: str) -> None:
    tree = read(text)
    run = run_of(tree)
    assert run.script is not None
    at = run.script.text.index(old)
    edits = [Edit(Span(at, at + len(old)), new)]
    changed = apply_edits(text, edit_script(tree, run, edits))
    assert changed == expected
    assert_edited(tree, Source("Dockerfile", changed), {1: edited_script(run, edits)})


def test_comment_inside_a_replaced_span_is_refused() -> None:
    tree = read("FROM a\nRUN a \\\n # keep me\n  b c\n")
    with pytest.raises(EditError, match="comment") as caught:
        edit_script(tree, run_of(tree), [Edit(Span(0, 5), "x")])
    assert caught.value.line == 2


def test_line_breaks_only_in_heredocs() -> None:
    tree = read("FROM a\nRUN a\nRUN <<EOF\na\nEOF\n")
    with pytest.raises(EditError, match="line break"):
        edit_script(tree, run_of(tree), [Edit.insert(0, "b\n")])
    edits = [Edit.insert(0, "b\n")]
    changed = apply_edits(tree.source.text, edit_script(tree, run_of(tree, 2), edits))
    assert_edited(tree, Source("Dockerfile", changed), {2: "b\na\n"})


def test_exec_form_has_no_script() -> None:
    tree = read('FROM a\nRUN ["a"]\n')
    with pytest.raises(EditError, match="not a shell script"):
        edit_script(tree, run_of(tree), [Edit.insert(0, "b ")])


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        ("FROM a\nRUN c\nRUN b\n", "RUN did not come out"),
        ("FROM a\nRUN x\nRUN c\n", "RUN did not come out"),
        ("FROM b\nRUN x\nRUN b\n", "FROM did not come out"),
        ("FROM a\nRUN x\n", "removed RUN"),
        ("FROM a\nRUN x\nRUN b\nRUN c\n", "added an instruction"),
        ("FROM a\nRUN x \\\nRUN b\n", "RUN did not come out"),
        ("FROM a\nRUN --mount=type=ssh x\nRUN b\n", "RUN did not come out"),
        ("FROM a\nRUN <<x\nRUN b\n", "cannot be parsed"),
        ("# escape=`\nFROM a\nRUN x\nRUN b\n", "directives"),
    ],
)
def test_anything_else_that_changes_is_an_error(new: str, reason: str) -> None:
    tree = read("FROM a\nRUN a\nRUN b\n")
    with pytest.raises(EditError, match=reason):
        assert_edited(tree, Source("Dockerfile", new), {1: "x"})


def test_announced_changes() -> None:
    tree = read("FROM a\nRUN a\nCMD b")
    new = "FROM --platform=$BUILDPLATFORM a\nARG X\nRUN --mount=type=ssh x\nCMD b\nUSER c\n"
    changed = assert_edited(
        tree,
        Source("Dockerfile", new),
        {1: "x"},
        replaced={0: "FROM --platform=$BUILDPLATFORM a"},
        inserted={1: ["ARG X"], 3: ["USER c"]},
        flags={1: ["--mount=type=ssh"]},
    )
    assert len(changed.instructions) == 5
    with pytest.raises(EditError, match="expected the new instruction 'ARG Y'"):
        assert_edited(
            tree,
            Source("Dockerfile", new),
            {1: "x"},
            inserted={1: ["ARG Y"]},
            replaced={0: new.splitlines()[0]},
        )
