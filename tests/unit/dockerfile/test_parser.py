"""Typed instructions: each rule of BuildKit's grammar as a case."""

from __future__ import annotations

from typing import TypeVar

import pytest

from xbuild.dockerfile.model import (
    Arg,
    Copy,
    Directive,
    Dockerfile,
    Env,
    From,
    ImageCommand,
    Instruction,
    Label,
    Onbuild,
    Other,
    Run,
    Shell,
    Trivia,
    User,
    Workdir,
)
from xbuild.dockerfile.parser import parse
from xbuild.text import Source

AnInstruction = TypeVar("AnInstruction", bound=Instruction)


def read(text: str) -> Dockerfile:
    return parse(Source("Dockerfile", text))


def one(text: str, kind: type[AnInstruction]) -> AnInstruction:
    """The instruction that `text` holds after a FROM."""
    found = read("FROM a\n" + text).instructions[1]
    assert type(found) is kind
    return found


def script_of(text: str) -> str | None:
    script = one(text, Run).script
    return None if script is None else script.text


def test_nodes_by_kind() -> None:
    tree = read("# escape=`\n# a comment\n\nFROM a\n")
    assert [type(node) for node in tree.nodes] == [Directive, Trivia, Trivia, From]
    assert tree.escape == "`"


@pytest.mark.parametrize(
    ("line", "script"),
    [
        ("RUN a \\\n b\n", "a  b"),
        ("RUN a \\ \t\n b\n", "a  b"),
        ("RUN a \\\\\n", "a \\\\"),
        ("RUN a \\\n # c\n\n b\n", "a  b"),
        ("RUN a \\\n # c \\\n b\n", "a  b"),
        ("RUN a \\\n", "a"),
        ("RUN a \\\r\n b\r\n", "a  b"),
        ("RUN \\\n a\n", "a"),
        ("  RUN a\n", "a"),
        ("R\\\nUN a\n", "a"),
        ("RUN\n", ""),
        ("RUN --mount=type=ssh --network=none a\n", "a"),
        ("RUN -- --a\n", "--a"),
        ("RUN [ 'a' ]\n", "[ 'a' ]"),
        ('RUN ["a"] b\n', '["a"] b'),
        ("RUN [NaN]\n", "[NaN]"),
        ("RUN [1e999]\n", "[1e999]"),
        ('RUN ["a", "b"]\n', None),
    ],
)
def test_script_is_what_the_shell_sees(line: str, script: str | None) -> None:
    assert script_of(line) == script


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("RUN <<EOF\na\n b\nEOF\n", "a\n b\n"),
        ("RUN <<'EOF'\n$a\nEOF\n", "$a\n"),
        ("RUN <<-EOF\n\ta\n\t\tb \n\n\tEOF\n", "a\nb \n\n"),
        ("RUN cat <<-EOF > x\n\ta\n\tEOF\n", "cat <<-EOF > x\n\ta\nEOF"),
        ("RUN a <<X && b <<Y\nx\nX\ny\nY\n", "a <<X && b <<Y\nx\nX\ny\nY"),
        ("RUN <<EOF\n#!/bin/sh -e\na\nEOF\n", "#!/bin/sh -e\na\n"),
        ("RUN <<EOF\n#!/usr/bin/env bash\na\nEOF\n", "#!/usr/bin/env bash\na\n"),
        ("RUN <<EOF\n#!/usr/bin/env python3\na\nEOF\n", None),
        ("RUN <<EOF\n#!/usr/bin/fish\na\nEOF\n", None),
        ("RUN python3 <<EOF\nprint()\nEOF\n", "python3 <<EOF\nprint()\nEOF"),
        ("RUN a \\\n <<EOF\nb\nEOF\n", "a  <<EOF\nb\nEOF"),
    ],
)
def test_heredoc_scripts(text: str, script: str | None) -> None:
    assert script_of(text) == script


@pytest.mark.parametrize(
    "line",
    [
        "RUN '<<EOF'",
        "RUN x=$((1<<2))",
        'RUN ["<<EOF"]',
        "RUN a <<< b",
        "RUN it's <<EOF",
        "ENV A=<<EOF",
        "RUN ${a^^} <<EOF",
    ],
)
def test_no_heredoc(line: str) -> None:
    assert len(read(f"FROM a\n{line}\nRUN EOF\n").instructions) == 3


def test_heredoc_fields() -> None:
    first, second = one('RUN 3<<-"A B" <<B\n\tx\n\tA B\ny\nB\n', Run).heredocs
    assert (first.name, first.fd, first.expand, first.chomp, first.content) == ("A B", 3, False, True, "x\n")
    assert (second.name, second.fd, second.expand, second.chomp, second.content) == (
        "B",
        0,
        True,
        False,
        "y\n",
    )


def test_from() -> None:
    tree = read("from --platform=$BUILDPLATFORM Golang:1 as Build\n")
    stage = tree.instructions[0]
    assert isinstance(stage, From)
    assert (stage.image, stage.name) == ("Golang:1", "build")
    assert tree.source[stage.image_span] == "Golang:1"
    assert stage.name_span is not None
    assert tree.source[stage.name_span] == "Build"
    assert stage.platform is not None
    assert stage.platform.value == "$BUILDPLATFORM"


@pytest.mark.parametrize(
    "line",
    [
        "FROM",
        "FROM a b",
        "FROM a AS 1b",
        "FROM a AS b c",
        "COPY a",
        "COPY a <<EOF\nEOF",
        "ARG",
        "ARG =a",
        "ENV",
        "USER",
        "WORKDIR",
        "SHELL a",
        "SHELL []",
        "ONBUILD",
        "ONBUILD FROM a",
        "ONBUILD ONBUILD RUN a",
        'RUN --mount=a\\"b c',
    ],
)
def test_malformed_arguments_are_other(line: str) -> None:
    assert type(read(f"FROM a\n{line}\n").instructions[1]) is Other


def test_arg_env_label() -> None:
    arg = one("ARG A B=c D=\"e f\" G='h'i\n", Arg)
    assert [(pair.key, pair.value) for pair in arg.pairs] == [
        ("A", None),
        ("B", "c"),
        ("D", '"e f"'),
        ("G", "'h'i"),
    ]
    env = one("ENV A=b\\ c D= E=f=g\n", Env)
    assert [(pair.key, pair.value) for pair in env.pairs] == [("A", "b\\ c"), ("D", ""), ("E", "f=g")]
    assert not env.legacy
    legacy = one("ENV A  b c=d\n", Env)
    assert legacy.legacy
    assert [(pair.key, pair.value) for pair in legacy.pairs] == [("A", "b c=d")]
    label = one('LABEL "a b"=c\n', Label)
    assert label.pairs[0].key == '"a b"'


def test_pair_spans_over_a_continuation() -> None:
    text = "FROM a\nENV A=b \\\n    # comment\n    C=d\n"
    tree = read(text)
    env = tree.instructions[1]
    assert isinstance(env, Env)
    spans = [pair.value_span for pair in env.pairs]
    assert [tree.source[span] for span in spans if span] == ["b", "d"]


def test_copy() -> None:
    copy = one("COPY --from=build --chown=1:2 'a b' c\\ d \"/e\" ./\n", Copy)
    assert copy.sources == ("'a", "b'", "c", "d", "/e")
    assert copy.destination == "./"
    assert copy.from_ == "build"
    exec_form = one('ADD ["a b", "/c"]\n', Copy)
    assert (exec_form.keyword, exec_form.sources, exec_form.destination) == ("ADD", ("a b",), "/c")
    inline = one("COPY <<EOF x /y\nbody\nEOF\n", Copy)
    assert (inline.sources, inline.destination) == (("x",), "/y")


def test_mounts() -> None:
    run = one('RUN --mount=type=Cache,dst=/a,ro --mount=from=b,src=/c,target=/d --mount="type=ssh" x\n', Run)
    assert [mount.type for mount in run.mounts] == ["cache", "bind", "ssh"]
    assert run.mounts[0].options == {"type": "Cache", "target": "/a", "readonly": ""}
    assert run.mounts[1].get("source") == "/c"
    assert run.mounts[1].get("id") is None


def test_flags_are_unquoted_and_keep_their_spans() -> None:
    tree = read('FROM a\nCOPY --ch\\own="1 2" --link b \\\n c\n')
    copy = tree.instructions[1]
    assert [(flag.name, flag.value) for flag in copy.flags] == [("chown", "1 2"), ("link", None)]
    assert [tree.source[flag.span] for flag in copy.flags] == ['--ch\\own="1 2"', "--link"]
    assert copy.flags[0].value_span is not None
    assert tree.source[copy.flags[0].value_span] == '"1 2"'


def test_flags_are_read_byte_by_byte() -> None:
    # The second byte of à is 0xA0, which BuildKit takes for a space there.
    copy = one("COPY --chown=à b c\n", Copy)
    assert copy.flags[0].value == "\u00c3"
    assert copy.arguments.text == "b c"


def test_onbuild() -> None:
    onbuild = one("ONBUILD RUN --mount=type=ssh <<EOF\nx\nEOF\n", Onbuild)
    inner = onbuild.inner
    assert isinstance(inner, Run)
    assert inner.script is not None
    assert inner.script.text == "x\n"
    assert inner.heredocs == onbuild.heredocs
    assert (inner.first_line, inner.last_line) == (2, 4)


def test_words() -> None:
    assert one('SHELL ["/bin/bash", "-c"]\n', Shell).words == ("/bin/bash", "-c")
    assert one('CMD ["a", "\\ud800"]\n', ImageCommand).words == ("a", "\ufffd")
    assert one("ENTRYPOINT a b\n", ImageCommand).words is None
    assert one('WORKDIR "/a b"\n', Workdir).path == "/a b"
    assert one("USER a:$b\n", User).user == "a:$b"
    assert one('HEALTHCHECK --interval=5s CMD ["a"]\n', Other).words == ("a",)


def test_keywords_as_go_lowers_them() -> None:
    tree = read("FROM a\nwor\u212adir /x\nonbu\u0130ld RUN b\nu\u017fer c\nFOO d\n")
    assert [i.keyword for i in tree.instructions[1:3]] == ["WORKDIR", "ONBUILD"]
    assert [type(i) for i in tree.instructions[1:]] == [Workdir, Onbuild, Other, Other]
    assert tree.instructions[4].keyword == "FOO"
