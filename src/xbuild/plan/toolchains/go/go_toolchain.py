"""What the planner knows of Go."""

from __future__ import annotations

from xbuild.plan.toolchain import EqualCache, SourceFiles, Toolchain
from xbuild.plan.toolchains.go import WORK
from xbuild.plan.toolchains.go.caches import finish
from xbuild.plan.toolchains.go.cgo import CGO
from xbuild.plan.toolchains.go.commands import RELEASE, TARGETED, judge
from xbuild.plan.toolchains.go.official import IMAGES
from xbuild.plan.toolchains.go.programs import PROGRAMS

TOOLCHAIN = Toolchain(
    name="go",
    judge=judge,
    finish=finish,
    programs=PROGRAMS,
    images=IMAGES,
    # `go help environment` (CC, CXX, AR, PKG_CONFIG), `go help modules` (git and the like).
    started=("gcc", "g++", "cc", "c++", "clang", "ar", "as", "ld", "pkg-config", "git"),
    folders=("/go/bin", "/usr/local/go", "/usr/local/go/bin", "/usr/lib/go/bin", "/root/go/bin"),
    caches=("/go/pkg", "/usr/local/go"),
    cache_variables=("GOCACHE", "GOMODCACHE"),
    # `go help cache`: found by the sums of all that goes into a result, the compiler and the target included
    # (cmd/go/internal/cache); modules by name and version, against go.sum (`go help mod-cache`).
    equal_caches=(
        EqualCache(r".*/\.cache/go-build", "results by the sums of what goes into them"),
        EqualCache(r".*/go/pkg(/mod(/.*)?)?", "modules by version and sum"),
    ),
    equal_variables=("GOCACHE", "GOMODCACHE"),
    same=(RELEASE,),
    target=(("GOOS", "$TARGETOS"), ("GOARCH", "$TARGETARCH")),
    variables=("CGO_ENABLED", "CC", "CXX", "PKG_CONFIG", *TARGETED),
    settings=(CGO,),
    work=WORK,
    sources=(SourceFiles(".go", 'var xbuildBench = "{}"', start="func main()", tests="_test.go"),),
)
