"""A target that is written out, and what the plan says to write in its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from xbuild import plan

CONTEXT = Path(__file__).parents[4] / "fixtures/toolchains/rust/rust-musl-without-packages/context"
WRITTEN_OUT = """\
FROM rust:1.83-slim-bookworm AS build
RUN rustup target add x86_64-unknown-linux-musl
WORKDIR /src
COPY . .
RUN cargo build --release --locked --target x86_64-unknown-linux-musl
FROM scratch
COPY --from=build /src/target/x86_64-unknown-linux-musl/release/app /app
"""
TAKEN_IN_A_RUN = WRITTEN_OUT.replace(
    "FROM scratch\n", "RUN cp target/x86_64-unknown-linux-musl/release/app /app\nFROM scratch\n"
).replace("=build /src/target/x86_64-unknown-linux-musl/release/app", "=build /app")


@pytest.mark.parametrize("text", [WRITTEN_OUT, TAKEN_IN_A_RUN])
def test_cure(text: str) -> None:
    platforms = ["linux/amd64", "linux/arm64"]
    before = plan(text, context=CONTEXT, platforms=platforms).stages[0]
    reason = next(r for r in before.reasons if "x86_64-unknown-linux-musl, which is that" in r.text)
    name = re.search(r"name (\S+ \S+) in its place", reason.cure or "")
    folder = re.search(r"from (\S+) by COPY --from", reason.cure or "")
    assert before.word == "unsure"
    assert name is not None
    assert folder is not None
    told = re.sub(r"(?m)(?<=^COPY --from=build /src/)target/\S+/", folder[1], text)
    told = told.replace("x86_64-unknown-linux-musl", name[1])
    assert plan(told, context=CONTEXT, platforms=platforms).stages[0].word == "cross"
    assert plan(text, context=CONTEXT, platforms=["linux/amd64"]).stages[0].word == "cross"


def test_one_platform_of_another_machine() -> None:
    assert plan(WRITTEN_OUT, context=CONTEXT, platforms=["linux/arm64"]).stages[0].word == "unsure"
