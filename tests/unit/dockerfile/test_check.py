"""What BuildKit refuses after parsing, and what it lets pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from xbuild.dockerfile.check import check, read
from xbuild.dockerfile.frontend import KNOWN, blocks, detect_syntax, is_known
from xbuild.dockerfile.parser import parse
from xbuild.errors import DockerfileSyntaxError
from xbuild.text import Source

FIXTURES = Path(__file__).parents[2] / "fixtures"


def check_line(line: str) -> None:
    check(parse(Source("Dockerfile", f"FROM a\n{line}\n")))


@pytest.mark.parametrize(
    "line",
    [
        "RUN --mount=type=cache,target=/x --mount=type=ssh --network=host --security=insecure --device=a a",
        "RUN --device=name=a,required=true a",
        "RUN",
        "CMD",
        "ENTRYPOINT []",
        "COPY --link --parents=false --exclude=a --exclude=b a b",
        "ADD --keep-git-dir=TRUE --unpack --checksum=a a b",
        "HEALTHCHECK --interval=1m30.5s --timeout=0 --retries=+3 --start-period=1h --start-interval= CMD a",
        "HEALTHCHECK --nonsense NONE",
        "HEALTHCHECK none []",
        "ARG --nonsense A",
        "STOPSIGNAL --nonsense 9",
        "ONBUILD FOO",
        "VOLUME a b",
        "EXPOSE 80",
        "FROM scratch AS a-b.c_d",
        "MAINTAINER a b",
    ],
)
def test_accepted(line: str) -> None:
    check_line(line)


@pytest.mark.parametrize(
    "line",
    [
        "FOO",
        "RUN --mount a",
        "RUN --mount= a",
        "RUN --mount=from=$x a",
        'RUN --mount=a\\"b a',
        "RUN --network=x a",
        "RUN --network=none --network=none a",
        "RUN --security=x a",
        "RUN --device=a,b a",
        "RUN --device=a,name=b a",
        "RUN --device=a,required=x a",
        "RUN --device=a,b=c a",
        "RUN --link a",
        "CMD --x a",
        "COPY a",
        "COPY --link= a b",
        "COPY --link=x a b",
        "COPY --from a b",
        "COPY --link --link a b",
        "COPY a <<EOF\nEOF",
        "HEALTHCHECK",
        "HEALTHCHECK a",
        "HEALTHCHECK CMD",
        "HEALTHCHECK CMD []",
        "HEALTHCHECK NONE a",
        "HEALTHCHECK --interval=x CMD a",
        "HEALTHCHECK --interval=1us CMD a",
        "HEALTHCHECK --interval=-1s CMD a",
        "HEALTHCHECK --retries=-1 CMD a",
        "HEALTHCHECK --retries=1_0 CMD a",
        "FROM",
        "FROM a AS 1",
        "ARG",
        "ARG =a",
        "ENV",
        "ENV =a",
        "LABEL",
        "USER",
        "WORKDIR",
        "VOLUME",
        'VOLUME [""]',
        "EXPOSE",
        "SHELL a",
        "SHELL []",
        "STOPSIGNAL",
        "MAINTAINER",
        "ONBUILD",
        "ONBUILD FROM a",
        "ONBUILD MAINTAINER a",
        "ONBUILD ONBUILD RUN a",
    ],
)
def test_refused_with_its_line(line: str) -> None:
    with pytest.raises(DockerfileSyntaxError) as caught:
        check_line(line)
    assert (caught.value.file, caught.value.line) == ("Dockerfile", 2)
    assert caught.value.expected
    assert caught.value.hint


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("RNU x", "write RUN"),
        ("COPY --form=x a b", "write --from"),
        ("COPY --nope a b", "correct this line; if a newer frontend has it"),
    ],
)
def test_what_was_probably_meant(line: str, hint: str) -> None:
    with pytest.raises(DockerfileSyntaxError) as caught:
        check_line(line)
    assert (caught.value.hint or "").startswith(hint)


@pytest.mark.parametrize(
    ("text", "syntax"),
    [
        ("# syntax=docker/dockerfile:1\n", "docker/dockerfile:1"),
        ("\ufeff# escape=`\n#Syntax = a/b:c with words \n", "a/b:c"),
        ("#!/usr/bin/env x\n# syntax=a\n", "a"),
        ("// syntax=a\n", "a"),
        ('{"syntax": "a"}', "a"),
        ('{"syntax": 1}', None),
        ("{", None),
        ("# comment\n# syntax=a\n", None),
        ("FROM a\n", None),
        ("", None),
    ],
)
def test_the_frontend_is_found_as_buildkit_finds_it(text: str, syntax: str | None) -> None:
    assert detect_syntax(text) == syntax


@pytest.mark.parametrize(
    ("syntax", "known"),
    [
        (None, True),
        ("docker/dockerfile", True),
        ("docker/dockerfile:1", True),
        ("docker.io/docker/dockerfile:1.4.0", True),
        ("docker/dockerfile:1.7-labs", True),
        ("docker/dockerfile:1.4@sha256:ab", True),
        ("docker/dockerfile-upstream:1.10", True),
        (f"docker/dockerfile:1.{KNOWN[1]}", True),
        (f"docker/dockerfile:1.{KNOWN[1] + 1}", False),
        ("docker/dockerfile:2.0", False),
        ("docker/dockerfile-upstream:master", False),
        ("docker/dockerfile@sha256:ab", False),
        ("registry.example/docker/dockerfile:1", False),
        ("mirror.gcr.io/docker/dockerfile:1", True),
        ("index.docker.io/docker/dockerfile:1.4", True),
        ("mirror.gcr.io/docker/dockerfile:99.0", False),
        ("mirror.gcr.io/example/frontend", False),
        ("example/frontend", False),
    ],
)
def test_frontends_whose_rules_are_known(syntax: str | None, known: bool) -> None:
    assert is_known(syntax) is known


@pytest.mark.parametrize(
    ("syntax", "pin", "mount"),
    [
        (None, None, None),
        ("docker/dockerfile:1.2", None, None),
        ("docker/dockerfile-upstream:master", None, None),
        ("docker/dockerfile:experimental", None, None),
        ("mirror.gcr.io/docker/dockerfile:1", None, None),
        ("docker.io/docker/dockerfile:1.1.7", None, "is older than 1.2"),
        ("mirror.gcr.io/docker/dockerfile:1.0", None, "is older than 1.2"),
        ("docker/dockerfile:soon", None, "the version of the frontend"),
        ("registry.example/docker/dockerfile:1", "is not known", "is not known"),
        ("mirror.gcr.io/example/frontend", "is not known", "is not known"),
    ],
)
def test_what_a_frontend_does_not_have(syntax: str | None, pin: str | None, mount: str | None) -> None:
    for feature, why in (("pin", pin), ("mount", mount)):
        said = blocks(syntax, feature)
        assert said is None if why is None else why in (said or "")


def test_a_frontend_that_is_not_known_decides_for_itself() -> None:
    with pytest.raises(DockerfileSyntaxError):
        read(Source("Dockerfile", "# syntax=docker/dockerfile:1\nFROM a\nINCLUDE b\n"))
    for syntax in ("example/frontend", "docker/dockerfile:9.9"):
        assert read(Source("Dockerfile", f"# syntax={syntax}\nFROM a\nINCLUDE b\n")).instructions
    # What is given from outside counts first.
    text = "# syntax=example/frontend\nFROM a\nINCLUDE b\n"
    with pytest.raises(DockerfileSyntaxError):
        read(Source("Dockerfile", text), "docker/dockerfile:1")


def test_nothing_that_is_rewritten_is_refused() -> None:
    paths = [path for name in ("before", "after") for path in FIXTURES.rglob(f"{name}.Dockerfile")]
    assert len(paths) > 600
    for path in paths:
        check(parse(Source.from_bytes(str(path), path.read_bytes())))


def test_only_arg_may_stand_before_from() -> None:
    check(parse(Source("Dockerfile", "ARG A\nFROM a\n")))
    with pytest.raises(DockerfileSyntaxError, match="RUN stands before the first FROM"):
        check(parse(Source("Dockerfile", "ARG A\nRUN a\nFROM a\n")))
