"""Twins on a builder of the driver docker-container: the other tests of the panel use the engine's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.solving import CONTAINER_BUILDER, build, engine, file_in
from tests.integration.test_twins import Said, assisted, helper
from tests.panel.test_twin_node import packed

pytestmark = pytest.mark.panel

GO = """\
FROM golang:1.21-bookworm
WORKDIR /src
COPY go .
RUN go vet . && CGO_ENABLED=0 go build -o /hello . && /hello 2>/said
"""
NODE = """\
FROM node:22-slim
COPY w /w
WORKDIR /npm
RUN npm install --no-audit --no-fund /w/it.tgz && cp node_modules/it/said /said
"""
CASES = {
    "go": (GO, "hello\n", ["go: native", "go: native"]),
    "node": (NODE, "arm64", ["node: native"]),
}


@pytest.mark.parametrize("twin", CASES)
def test_what_it_makes_and_that_it_was_native(twin: str, tmp_path: Path) -> None:
    engine(CONTAINER_BUILDER)
    context = tmp_path / "p"
    for name, content in {
        "Dockerfile": CASES[twin][0].encode(),
        "go/go.mod": b"module example.org/hello\n\ngo 1.21\n",
        "go/main.go": b'package main\n\nfunc main() { println("hello") }\n',
        "w/it.tgz": packed("it", {"install.js": b"require('fs').writeFileSync('said', process.arch);\n"}),
        "w/package.json": json.dumps({"name": "w", "version": "1.0.0"}).encode(),
    }.items():
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_bytes(content)
    text, said, twins = CASES[twin]
    heard = Said()
    whole = helper(text.split()[1], (twin,)) + assisted(text)
    words = ("--platform=linux/arm64", "--no-cache-filter=stage-3", str(context))
    result, _ = build(tmp_path / "b", *words, builder=CONTAINER_BUILDER, text=whole, on_event=heard)
    assert file_in(result, "said", "linux/arm64") == said
    assert heard.lines == twins
