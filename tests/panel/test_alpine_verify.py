"""What verify says of images on Alpine: nothing of those that are right, each planted fault by its name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.commands import xbuild
from tests.integration.solving import docker, engine

pytestmark = pytest.mark.panel

ALPINE, NODE, DEBIANS_NODE = "alpine:3.23", "node:24-alpine", "node:24-bookworm-slim"
SHARP = "sharp@0.34.5"


@dataclass(frozen=True)
class Image:
    """A Dockerfile, and the failure that it has to have: kind of check and end of the path."""

    name: str
    dockerfile: str
    fault: tuple[str, str] | None = None


RIGHT = (
    Image("alpine", f"FROM {ALPINE}\n"),
    Image("golang", "FROM golang:1.21-alpine\n"),
    Image("node", f"FROM {NODE}\n"),
    Image("older-node", "FROM node:22-alpine\n"),
    Image(
        "packages",
        f"FROM {ALPINE}\nRUN apk add --no-cache curl sudo openrc dhcpcd e2fsprogs-extra tzdata libstdc++\n"
        'ENTRYPOINT ["curl"]\n',
    ),
    Image(
        "static-glibc",
        f'FROM {ALPINE}\nRUN apk add --no-cache bash tini\nENTRYPOINT ["tini", "--", "bash"]\n',
    ),
    Image(
        "static-pie",
        "FROM golang:1.21-alpine AS b\nWORKDIR /s\n"
        "RUN printf 'package main\\nfunc main() {}\\n' > m.go\n"
        "RUN CGO_ENABLED=0 go build -buildmode=pie -o /m m.go\n"
        f'FROM {ALPINE}\nCOPY --from=b /m /m\nENTRYPOINT ["/m"]\n',
    ),
    Image("uv", f'FROM {ALPINE}\nCOPY --from=ghcr.io/astral-sh/uv:latest /uv /uvx /bin/\nCMD ["uv"]\n'),
    Image("sharp", f"FROM {NODE}\nWORKDIR /a\nRUN npm install {SHARP} esbuild@0.25.12\n"),
    Image(
        "both-sharps",
        f"FROM {NODE}\nWORKDIR /a\nRUN npm install {SHARP} && "
        "npm install --force --no-save --libc=glibc --libc=musl @img/sharp-linux-x64@0.34.5\n",
    ),
    Image(
        "python", "FROM python:3.13-alpine\nRUN pip install --no-cache-dir numpy markupsafe cryptography\n"
    ),
    Image("prebuilds", f"FROM {NODE}\nWORKDIR /a\nRUN npm install bcrypt@6 bufferutil utf-8-validate\n"),
)
FAULTS = (
    Image(
        "program-for-glibc",
        f"FROM debian:bookworm-slim AS d\nFROM {ALPINE}\nCOPY --from=d /bin/date /usr/local/bin/date\n"
        'ENTRYPOINT ["date"]\n',
        ("interpreter", "/usr/local/bin/date"),
    ),
    Image(
        "library-of-glibc",
        f"FROM debian:bookworm-slim AS d\nFROM {ALPINE}\nCOPY --from=d /usr/bin/dpkg /usr/bin/\n"
        "RUN mkdir /lib64 && ln -s /lib/libc.musl-x86_64.so.1 /lib64/ld-linux-x86-64.so.2\n"
        'ENTRYPOINT ["dpkg"]\n',
        ("library", "/usr/bin/dpkg"),
    ),
    Image(
        "addon-for-glibc",
        f"FROM {DEBIANS_NODE} AS d\nWORKDIR /a\nRUN npm install {SHARP}\nFROM {NODE}\nCOPY --from=d /a /a\n",
        ("abi", "/a/node_modules/@img/sharp-linux-x64/lib/sharp-linux-x64.node"),
    ),
    Image(
        "addon-for-musl",
        f"FROM {NODE} AS d\nWORKDIR /a\nRUN npm install {SHARP}\nFROM {DEBIANS_NODE}\nCOPY --from=d /a /a\n",
        ("abi", "/a/node_modules/@img/sharp-linuxmusl-x64/lib/sharp-linuxmusl-x64.node"),
    ),
    Image(
        "another-machine",
        f"FROM --platform=linux/arm64 {ALPINE} AS d\nFROM {ALPINE}\nCOPY --from=d /sbin/apk /sbin/apk\n",
        ("machine", "/sbin/apk"),
    ),
)


def _failures(image: Image, folder: Path) -> list[dict[str, Any]]:
    """Of one platform, as it is built without xbuild."""
    engine()
    context = folder / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(image.dockerfile)
    layout = folder / "layout"
    output = ("--output", f"type=oci,tar=false,dest={layout}")
    docker("buildx", "build", "--quiet", "--platform", "linux/amd64", *output, str(context))
    told = json.loads(xbuild("verify", "--json", layout).out)
    checks = [check for platform in told["platforms"] for check in platform["checks"]]
    return [check for check in checks if check["severity"] == "failure"]


@pytest.mark.parametrize("image", RIGHT, ids=lambda image: image.name)
def test_no_false_alarm(image: Image, tmp_path: Path) -> None:
    assert _failures(image, tmp_path) == []


@pytest.mark.parametrize("image", FAULTS, ids=lambda image: image.name)
def test_a_planted_fault_is_named(image: Image, tmp_path: Path) -> None:
    found = [(check["kind"], check.get("needed_by") or check["path"]) for check in _failures(image, tmp_path)]
    assert image.fault is not None
    assert any(kind == image.fault[0] and path.endswith(image.fault[1]) for kind, path in found), found
