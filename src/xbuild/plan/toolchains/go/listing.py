"""Which packages of a Go build use cgo: what `go list -deps` is asked in the builder, and what it says.

Fields: Go `cmd/go/internal/list` (`CgoFiles`, `CXXFiles`, `Standard`).
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from xbuild.plan.model import Probe, sections
from xbuild.platforms import Platform
from xbuild.text import expression, value

_USES = "{{if .CgoFiles}}{{.ImportPath}} {{.Standard}} {{len .CXXFiles}}{{end}}"
# The files of a package differ with and without cgo where a build tag says so, with no import "C" in any.
_FILES = '{{if and (not .Standard) .GoFiles}}files%d {{.ImportPath}} {{join .GoFiles ","}}{{end}}'
_LISTS = ((1, "-deps", _USES), (1, "-deps", _FILES % 1), (0, "-deps -e", _FILES % 0))
_ANY = ("linux/amd64", "linux/arm64")
_OFFICIAL = expression(r"go version go\d+(\.\d+)*((rc|beta)\d+)? linux/\w+")


@value()
class Listing:
    """Import paths that use cgo, over all asked platforms: outside and inside the standard library; C++
    among them. `toolchain` is the version of a Go that is not the official one, else "".
    """

    packages: tuple[str, ...] = ()
    standard: tuple[str, ...] = ()
    has_cxx: bool = False
    toolchain: str = ""


def listing_probe(
    directory: str,
    arguments: Sequence[str],
    variables: Sequence[tuple[str, str]],
    platforms: Sequence[Platform] | None,
) -> Probe:
    """`arguments` are the flags that change the answer (-tags, -mod, -modfile) and the packages; `variables`
    what is set for the command alone.
    """
    words = " ".join(shlex.quote(a) for a in arguments)
    prefix = "".join(f"{name}={shlex.quote(text)} " for name, text in variables)
    listed = " && ".join(
        f"{prefix}CGO_ENABLED={is_on} GOOS=linux GOARCH=$TARGETARCH"
        f" go list {flags} -f {shlex.quote(template)} {words}".rstrip()
        for is_on, flags, template in _LISTS
    )
    told = f'echo "toolchain $({prefix}go version) $({prefix}go env GOEXPERIMENT)"'
    by_architecture = {p.architecture: str(p) for p in reversed(platforms or ())}
    asked = tuple(reversed(by_architecture.values())) if platforms else _ANY
    return Probe(f"cd {shlex.quote(directory)} && {told} && {listed}", asked)


def read_listing(answer: str) -> Listing:
    """What the probe printed."""
    rows: list[list[str]] = []
    tagged: list[str] = []
    for text in sections(answer).values():
        own = [line.rstrip().split(" ", 2) for line in text.splitlines()]
        files = [{(r[1], r[2]) for r in own if r[0] == name and len(r) == 3} for name in ("files1", "files0")]
        tagged += sorted(package for package, _ in files[0] - files[1])
        rows += own
    told = [" ".join(r[1:]) for r in rows if r[0] == "toolchain"]
    uses = [r for r in rows if len(r) == 3 and r[0] not in ("toolchain", "files0", "files1")]
    own = [r for r in uses if r[1] == "false"]
    packages = tuple(dict.fromkeys((*(r[0] for r in own), *tagged)))
    standard = tuple(dict.fromkeys(r[0] for r in uses if r[1] == "true" and r[0] != "runtime/cgo"))
    other = next((t for t in told if not _OFFICIAL.fullmatch(t)), "")
    return Listing(packages, standard, any(r[2] != "0" for r in own), other)
