"""Go: the compiler targets every platform by itself; cgo brings a C compiler along."""

from __future__ import annotations

from xbuild.plan.toolchain import Toolchain
from xbuild.plan.toolchains.go.caches import finish
from xbuild.plan.toolchains.go.cgo import CGO
from xbuild.plan.toolchains.go.commands import TARGETED, judge
from xbuild.plan.toolchains.go.programs import PROGRAMS

TOOLCHAIN = Toolchain(
    name="go",
    judge=judge,
    finish=finish,
    programs=PROGRAMS,
    target=(("GOOS", "$TARGETOS"), ("GOARCH", "$TARGETARCH")),
    variables=("CGO_ENABLED", "CC", "CXX", "PKG_CONFIG", *TARGETED),
    settings=(CGO,),
)
