"""Go on Alpine: pinned on Debian's images, pinned on Alpine's, but for what must have a C compiler."""

from __future__ import annotations

import re

import pytest

from tests.unit.rewrite.test_rewrite_fixtures import CASES, FOLDERS, Case, said, tree
from xbuild.plan.model import Plan
from xbuild.text import Source

_GOLANG = re.compile(r"(golang:\d[\w.]*)(?:-(?:bookworm|bullseye|trixie))?(?=\s)")
# What asks for Debian otherwise than by its base image.
_DEBIANS = re.compile(r"apt|dpkg|/bin/bash|SHELL")
NEEDS = "and no C cross compiler is known for this base image"


def _text(name: str) -> str:
    return (FOLDERS[name] / "before.Dockerfile").read_bytes().decode()


def _plan(case: Case, text: str) -> Plan:
    return case.plan(tree(Source.from_bytes("Dockerfile", text.encode())))


ON_DEBIAN = [name for name in CASES if _GOLANG.search(_text(name)) and not _DEBIANS.search(_text(name))]


@pytest.mark.parametrize("name", ON_DEBIAN)
def test_what_is_pinned_on_debian_is_pinned_on_alpine(name: str) -> None:
    case = Case.read(name)
    before, after = _text(name), _GOLANG.sub(r"\1-alpine", _text(name))
    assert before != after
    verdicts = {verdict.name: verdict for verdict in _plan(case, after).stages}
    for verdict in _plan(case, before).stages:
        there = verdicts[verdict.name]
        if verdict.word == "cross" and there.word != "cross":
            assert (there.word, NEEDS in said(there)["reasons"]) == ("unsure", True)
        elif verdict.word == "cross":
            assert there.is_proved or not verdict.is_proved


def test_that_is_more_than_a_few() -> None:
    assert len(ON_DEBIAN) > 100


COMPILER = "RUN apk add build-base"


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (COMPILER, "unsure"),
        ("RUN echo gcc musl-dev >>/etc/apk/world && apk add --no-cache git", "unsure"),
        ("RUN sed -i s/git/gcc/ /etc/apk/world && apk fix", "unsure"),
        ("RUN cat packages | tee -a /etc/apk/world && apk fix", "unsure"),
        ("WORKDIR /etc/apk\nRUN echo gcc >>world\nRUN apk fix", "unsure"),
        ("COPY world /etc/apk/world\nRUN apk add git", "unsure"),
        ("COPY world /etc/apk/\nRUN apk fix", "unsure"),
        ("ADD world /etc/apk/world\nRUN apk upgrade", "unsure"),
        ("RUN --mount=type=bind,source=world,target=/etc/apk/world apk fix", "unsure"),
        ("RUN wget -O- http://x.example/t.tgz | tar xz -C /opt\nENV PATH=/opt/t/bin:$PATH", "unsure"),
        ("ADD t.tgz /opt\nENV PATH=/opt/t/bin/:$PATH", "unsure"),
        ("COPY --from=x/musl-cross /cross /cross\nENV PATH=/cross/bin:$PATH", "unsure"),
        ("RUN apk add git && git clone http://x.example /opt/t\nENV PATH=$PATH:/opt/t", "unsure"),
        ("ARG MORE\nENV PATH=$MORE:$PATH", "unsure"),
        ("ENV PATH=tools:$PATH", "unsure"),
        ("RUN apk add --no-cache git", "cross"),
        ("RUN wget -O- http://x.example/t.tgz | tar xz -C /opt", "cross"),
        ("RUN wget -O- http://x.example/t.tgz | tar xz -C /opt/a\nENV PATH=/opt/b:$PATH", "cross"),
        ("RUN wget -O /opt/bin/buf http://x.example/buf\nENV PATH=/opt/bin:$PATH", "cross"),
        ("ENV GOBIN=/opt/bin\nENV PATH=/opt/bin:$PATH\nRUN go install example.com/x@v1", "cross"),
        ("ENV PATH=/nowhere:$PATH", "cross"),
        ("RUN echo http://mirror.example/main >>/etc/apk/repositories && apk add --no-cache git", "cross"),
        ("RUN mkdir -p /etc/apk/keys && apk add --no-cache git && rm -rf /var/cache/apk/*", "cross"),
        ("COPY key.rsa.pub /etc/apk/keys/\nRUN apk add --no-cache git", "cross"),
        ("RUN cat /etc/apk/world && apk add --no-cache git", "cross"),
        ("RUN rm /etc/apk/world && apk fix", "cross"),
    ],
)
def test_a_compiler_may_come_otherwise_than_by_its_name(line: str, word: str) -> None:
    """The project imports C: without a compiler that is left out, on every platform. apk installs what its
    list names as well, and Go looks for `gcc` in all folders of PATH.
    """
    text = _text("cgo-seen-on-alpine")
    assert COMPILER in text
    plan = _plan(Case.read("cgo-seen-on-alpine"), text.replace(COMPILER, line))
    assert [v.word for v in plan.stages if v.name == "build"] == [word]
