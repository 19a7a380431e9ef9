"""Go: the compiler targets every platform by itself; cgo brings a C compiler along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xbuild.plan.table import Work

if TYPE_CHECKING:
    from xbuild.plan.toolchains.go.go_toolchain import TOOLCHAIN as TOOLCHAIN

WORK = (
    Work("go build", "go build, go install, go test -c, xx-go", is_compiler=True),
    Work("go test", "go test, go vet", is_compiler=True),
    Work("go mod download", "go mod download, go mod tidy, go mod vendor, go mod verify"),
    Work("go generate", "go generate, go run", is_compiler=True),
)


def __getattr__(name: str) -> Any:
    if name == "TOOLCHAIN":
        from xbuild.plan.toolchains.go.go_toolchain import TOOLCHAIN

        return TOOLCHAIN
    raise AttributeError(name)
