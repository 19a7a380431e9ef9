"""apt's twin on a real engine: what a RUN may do to apt and dpkg themselves, and somebody else's repository.

The packages of the distribution come from its own index, so that the two builds have to see the same one.
"""

from __future__ import annotations

import re
import time
import uuid
from pathlib import Path

import pytest

from tests.integration.solving import build, engine
from tests.integration.test_twins import MOUNT, SOURCE, Said, config, helper, member, package
from xbuild.verify.trees import compare_layouts

pytestmark = pytest.mark.panel

PACKAGE = package(
    "tools",
    member("./usr/share/tools/", b"", 0o755),
    member("./usr/share/tools/data", b"2\n1\n3\n" * 2000),
    postinst="#!/bin/sh\nset -e\nsort -u /usr/share/tools/data | tee /tools.sorted | sha256sum > /tools.sum\n"
    "chown nobody:nogroup /tools.sum\ndpkg --print-architecture > /tools.architecture\n",
)
BASES = ("debian:bookworm", "python:3.13-slim-trixie")
REPOSITORY = """\
FROM --platform=$BUILDPLATFORM debian:bookworm AS repository
RUN apt-get update && apt-get install -y --no-install-recommends gnupg apt-utils
WORKDIR /repository
COPY tools.deb .
RUN gpg --batch --passphrase '' --quick-gen-key somebody@example.org rsa2048 default never \\
 && apt-ftparchive packages . >Packages && apt-ftparchive release . >Release \\
 && gpg --batch --clearsign -o InRelease Release && gpg --export >/key.gpg
"""
# As they stand in the file: a key of its own, a cache, dpkg installed again, everything brought up to date.
STEPS = """\
FROM {base} AS app
COPY --from=repository /repository /repository
COPY --from=repository /key.gpg /usr/share/keyrings/x.gpg
RUN echo 'deb [signed-by=/usr/share/keyrings/x.gpg] file:/repository ./' >/etc/apt/sources.list.d/x.list
RUN --mount=type=cache,target=/var/cache/apt,id={cache} apt-get update && apt-get install -y tools
RUN --mount=type=cache,target=/var/cache/apt,id={cache} apt-get install -y --reinstall dpkg \\
 && dpkg --get-selections >/after.dpkg
RUN --mount=type=cache,target=/var/cache/apt,id={cache} apt-get -y dist-upgrade
RUN apt-get -y --allow-downgrades install tools=1 && apt-get purge -y tools && apt-get -y autoremove
"""


@pytest.mark.parametrize("base", BASES)
def test_the_same_tree(base: str, tmp_path: Path) -> None:
    engine()
    (tmp_path / "tools.deb").write_bytes(PACKAGE)
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    began = time.time() - 3600
    own, shared = (STEPS.format(base=base, cache=uuid.uuid4().hex) for _ in range(2))
    words = ("--no-cache-filter=app", "--platform=linux/arm64", str(tmp_path))
    said = Said()
    assisted = re.sub(r"^RUN (--mount\S+ )?", rf"RUN {MOUNT} \1{SOURCE} ", shared, flags=re.MULTILINE)
    text = REPOSITORY + helper(base) + assisted
    twins, _ = build(tmp_path / "twins", *words, text=text, on_event=said)
    plain, _ = build(tmp_path / "plain", *words, text=REPOSITORY + own)
    assert plain.layout is not None
    assert twins.layout is not None
    (compared,) = compare_layouts(plain.layout.path, twins.layout.path, since=began)
    assert compared.differences == ()
    assert config(plain) == config(twins)
    assert set(said.lines) == {"apt: native"}, said.lines
