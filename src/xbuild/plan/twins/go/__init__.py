"""Go's compiler, assembler, linker, cgo, cover and vet of official images; `go` itself stays the target's."""

from __future__ import annotations

from xbuild.plan.twins.twin import Twin

TWIN = Twin(
    "go",
    ("go",),
    ("debian", "alpine"),
    (3.7, 14.6),
    paths="/usr/local/go/bin/go",
    variable="xbuild_go",
    images=("golang",),
    is_called_by_others=True,
    by_default=True,
)
