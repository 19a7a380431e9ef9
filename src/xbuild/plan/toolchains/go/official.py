"""The official image of Go.

Source: docker-library/golang `Dockerfile-linux.template` (WORKDIR /go, GOPATH=/go, GOTOOLCHAIN=local since
1.21, PATH; Debian variants are made from buildpack-deps:scm and install g++, gcc, libc6-dev, make and
pkg-config, Alpine variants have no C compiler). Up to 1.15 it is made from Debian buster or older by default,
from 1.20 on from bookworm, and from 1.25 on from trixie; 1.24 was made from both.
"""

from __future__ import annotations

from xbuild.plan.facts.images import ImageRow

PATH = "/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

IMAGES = (
    ImageRow(
        "golang",
        "/go",
        (("GOPATH", "/go", (1, 0)), ("GOTOOLCHAIN", "local", (1, 21)), ("PATH", PATH, (1, 0))),
        other=("windows", "nanoserver", "tip"),
        with_compiler=("debian",),
        same_folders=("/go", "/usr/local/go/lib/time"),
        own_folders=("/usr/local/go", "/go/bin", "/go/src"),
        archived=(1, 15),
        releases=(((1, 20), "bookworm"), ((1, 24), ""), ((1, 25), "trixie")),
    ),
)
