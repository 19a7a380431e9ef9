"""What the tests of the command line share: `xbuild` as a process, and a Go that compiles in no time.

The stand-in for Go is a script: `go build -o FILE` writes what it was told and where it ran, and takes longer
under emulation; `go list` names no package that uses cgo, `go version` is an official Go's. So whole builds
take seconds, and what they did can be read in the image.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.integration.solving import BOTH, REGISTRY, docker

GO_IMAGE = f"{REGISTRY}/cli-golang:1.21"

_GO = """\
#!/bin/sh
case "$1" in
env) [ "$2" = GOEXPERIMENT ] || echo "${GOARCH:-$(uname -m)}"; exit;;
list) exit;;
version) echo "go version go1.21.13 linux/amd64"; exit;;
mod) sleep 0.2; exit;;
build) ;;
*) echo "go: unknown command $1" >&2; exit 2;;
esac
[ ! -e broken.go ] || { echo "broken.go:1:1: expected 'package'" >&2; exit 1; }
[ "$(uname -m)" = x86_64 ] || sleep 2
sleep 0.5
while [ $# -gt 1 ]; do [ "$1" = -o ] && out=$2; shift; done
mkdir -p "$(dirname "$out")"
lines="$(cat main.go | wc -l)"
echo "for ${GOARCH:-$(uname -m)} on $(uname -m), cgo ${CGO_ENABLED:-unset}, $lines lines" > "$out"
"""

NAIVE = f"""\
FROM {GO_IMAGE} AS builder
WORKDIR /src
COPY go.mod ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -o /out/app .

FROM busybox
COPY --from=builder /out/app /app
CMD ["cat", "/app"]
"""

# Whether modules use cgo cannot be told from the context alone.
WITH_MODULES = "module app\n\ngo 1.21\n\nrequire example.com/unknown v1.0.0\n"


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


def xbuild(*arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None, **environment: str) -> Done:
    """One command line, to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "xbuild", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        cwd=cwd,
        env={**os.environ, **environment},
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


@cache
def go_image() -> str:
    """The stand-in for `golang`, for two platforms, in the registry. Nothing runs when it is made."""
    dockerfile = "FROM busybox\nCOPY --chmod=0755 <<'EOF' /usr/local/go/bin/go\n" + _GO + "EOF\n"
    dockerfile += "ENV PATH=/usr/local/go/bin:/bin:/usr/bin GOPATH=/go GOTOOLCHAIN=local\n"
    docker(
        "buildx",
        "build",
        *BOTH,
        "--tag",
        GO_IMAGE,
        "--push",
        "--provenance=false",
        "-f-",
        ".",
        input=dockerfile,
    )
    return GO_IMAGE


def go_project(folder: Path, dockerfile: str = NAIVE, **files: str) -> Path:
    """A context with a naive Dockerfile."""
    go_image()
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "Dockerfile": dockerfile,
        "go.mod": "module app\n",
        "main.go": "package main\n\nfunc main() {}\n",
    }
    for name, text in {**contents, **files}.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def run_image(reference: str, platform: str) -> str:
    """What a container of the image prints, pulled anew."""
    docker("image", "rm", "--force", reference, check=False)
    return docker(
        "run", "--rm", "--pull", "always", "--quiet", "--platform", platform, reference
    ).stdout.strip()


def report(path: Path) -> Any:
    return json.loads(path.read_text())
