"""Faults planted in what leaves a stage of the build machine: each is named, and nothing is pushed.

Both platforms' images take the same files, as they do where a stage is built once for all. What node made is
made by node in the build. The other files are for the build machine by their first bytes;
`tests/panel/test_planted_real_files.py` has what compilers and package managers make.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.integration.commands import Done, report, xbuild
from tests.integration.solving import BOTH, REGISTRY, docker, engine, project, served_digest
from tests.unit.verify.languages.java_trees import archive, library

from xbuild.errors import Exit

OTHER = {"amd64": "arm64", "arm64": "amd64"}
HOTSPOT = {"amd64": "amd64", "arm64": "aarch64"}
NODE = {"amd64": "x64", "arm64": "arm64"}

DOCKERFILE = """\
FROM --platform=$BUILDPLATFORM node:22-slim AS made
WORKDIR /src
COPY . .
RUN node bytecode.js dist/server.jsc && node --snapshot-blob dist/start.blob --build-snapshot entry.js
RUN cp dist/server.jsc dist/bundle
RUN mkdir -p target/release && cp /bin/true target/release/app && cp /bin/true _site/search

FROM debian:bookworm-slim
COPY --from=made /src/dist /srv/dist
COPY --from=made /src/jars /srv/jars
COPY --from=made /src/_site /srv/_site
COPY --from=made /src/target/release/app /usr/local/bin/app
"""
BYTECODE = """\
const { Script } = require('node:vm')
require('node:v8').setFlagsFromString('--no-lazy')
const made = new Script('(function (a) { return a + 1 })', { filename: 'server.js' }).createCachedData()
require('node:fs').writeFileSync(process.argv[2], made)
"""
ENTRY = "require('node:v8').startupSnapshot.setDeserializeMainFunction(() => console.log('started'))\n"


class Built(NamedTuple):
    done: Done
    reference: str
    failures: str
    """What the other platform's image is told of, a line each."""
    right: bool
    """Whether the build machine's own platform has nothing of it, but for what it shares with the other."""


def machine() -> str:
    """The engine's architecture, as Docker calls it."""
    return docker("version", "--format", "{{.Server.Arch}}").stdout.strip()


def class_data(architecture: str) -> bytes:
    """The beginning of an archive of class data as JDK 25 writes it."""
    text = f"OpenJDK 64-Bit Server VM (25+9-LTS) for linux-{HOTSPOT[architecture]} JRE (25+9-LTS)"
    return b"\xa2\xab\x0b\xf0" + bytes(600) + text.encode() + bytes(5000)


def context(folder: Path, files: Mapping[str, bytes], dockerfile: str = DOCKERFILE) -> Path:
    """A project with the scripts that the Dockerfile runs, and with these files."""
    page = {"_site/index.html": "<p>text</p>\n", "dist/index.js": "0\n", "jars/README": "text\n"}
    made = project(folder, {"bytecode.js": BYTECODE, "entry.js": ENTRY, **page}, dockerfile)
    for name, data in files.items():
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return made


def build(folder: Path, files: Mapping[str, bytes], dockerfile: str = DOCKERFILE) -> Built:
    engine()
    reference = f"{REGISTRY}/planted/{uuid.uuid4().hex[:8]}:1"
    file = folder / "report.json"
    made = context(folder / "p", files, dockerfile)
    done = xbuild("build", *BOTH, "-t", reference, "--push", "--report", file, made)
    verified = {each["platform"]: each for each in report(file)["verified"]}
    own, other = (verified[f"linux/{each}"] for each in (machine(), OTHER[machine()]))
    return Built(done, reference, "\n".join(other["findings"]), own["ok"])


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Built:
    engine()
    own = library(machine())
    jar = archive({"BOOT-INF/lib/hello-1.0.jar": archive({"META-INF/native/libhello.so": own})}, "org.own")
    files = {"dist/addon.node": own, "jars/app.jar": jar, "jars/app.jsa": class_data(machine())}
    return build(tmp_path_factory.mktemp("planted"), files)


def test_nothing_of_it_is_pushed(planted: Built) -> None:
    assert planted.done.code == Exit.WRONG_ARCHITECTURE, planted.done.err
    assert served_digest(planted.reference) is None


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/srv/dist/addon.node", "is for"),
        ("/srv/dist/server.jsc", "is a code cache of V8, and the same for"),
        ("/srv/dist/bundle", "is a code cache of V8, and the same for"),
        ("/srv/dist/start.blob", "is a snapshot of node for"),
        ("/srv/jars/app.jar", "BOOT-INF/lib/hello-1.0.jar!/META-INF/native/libhello.so"),
        ("/srv/jars/app.jsa", "is class data of a virtual machine for another architecture"),
        ("/usr/local/bin/app", "is for"),
        ("/srv/_site/search", "is for"),
    ],
)
def test_each_is_named(path: str, said: str, planted: Built) -> None:
    told = [line for line in planted.failures.splitlines() if path in line]
    assert told, planted.failures
    assert any(said in line for line in told), told
    assert path in planted.done.err


def test_what_is_right_is_pushed(tmp_path: Path) -> None:
    """The platform's own addon, snapshot and class data, jars with both natives, and WebAssembly."""
    files = {
        "jars/app.jar": archive(
            {
                "BOOT-INF/lib/hello-1.0.jar": archive(
                    {f"native/linux-{each}/libhello.so": library(each) for each in OTHER}
                )
            }
        ),
        "dist/module.wasm": b"\0asm\x01\0\0\0",
    }
    for each in OTHER:
        files[f"{each}/addon.node"] = library(each)
        files[f"{each}/app.jsa"] = class_data(each)
    dockerfile = """\
FROM --platform=$BUILDPLATFORM node:22-slim AS made
WORKDIR /src
COPY . .
RUN node bytecode.js /tmp/server.jsc && node --snapshot-blob /tmp/start.blob --build-snapshot entry.js

FROM node:22-slim
ARG TARGETARCH
COPY --from=made /src/dist /srv/dist
COPY --from=made /src/jars /srv/jars
COPY --from=made /src/_site /srv/_site
COPY $TARGETARCH /srv/dist
"""
    made = build(tmp_path, files, dockerfile)
    assert made.done.code == 0, made.done.err
    assert (made.failures, made.right) == ("", True)
    assert served_digest(made.reference) is not None
