"""What BuildKit refuses after parsing, and what it lets pass."""

from __future__ import annotations

import pytest

from xbuild.dockerfile.check import check
from xbuild.dockerfile.parser import parse
from xbuild.errors import DockerfileSyntaxError
from xbuild.text import Source


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


def test_only_arg_may_stand_before_from() -> None:
    check(parse(Source("Dockerfile", "ARG A\nFROM a\n")))
    with pytest.raises(DockerfileSyntaxError, match="RUN before any FROM"):
        check(parse(Source("Dockerfile", "ARG A\nRUN a\nFROM a\n")))
