"""Today's buildx, BuildKit and Dockerfile frontend, built from their Go modules, and the parser oracle."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from . import files
from .process import BedError, run, step
from .settings import HOST_ARCHITECTURE, TOOLS, Bed

OLDEST_GO = (1, 21)  # the first that fetches the Go a go.mod asks for

PROGRAMS = {
    "dockerfile-frontend": "github.com/moby/buildkit/frontend/dockerfile/cmd/dockerfile-frontend",
    "oracle": "./oracle",
    "buildx": "github.com/docker/buildx/cmd/buildx",
    "buildctl": "github.com/moby/buildkit/cmd/buildctl",
    "buildkitd": "github.com/moby/buildkit/cmd/buildkitd",
}


def folder(bed: Bed) -> Path:
    return bed.cache / "tools"


def environment(bed: Bed) -> dict[str, str]:
    """Go's own caches stay inside the bed's; the user's settings do not reach in."""
    return {
        "GOPATH": str(bed.cache / "gopath"),
        "GOCACHE": str(bed.cache / "go-build"),
        "GOTOOLCHAIN": "auto",
        "GOFLAGS": "-buildvcs=false",
        "CGO_ENABLED": "0",
        "GOWORK": "off",
        "GOROOT": "",
    }


def find_go(bed: Bed, fetch: Callable[[], None]) -> Path:
    """The machine's Go if it is new enough, else Debian's, which `fetch` unpacks."""
    machines = shutil.which("go")
    if machines and _version(machines) >= OLDEST_GO:
        return Path(machines)
    if not (found := _unpacked(bed)):
        fetch()
        found = _unpacked(bed)
    if not found:
        raise BedError("no Go 1.21 or later on this machine, nor among its Debian packages: install one")
    return found[-1]


def build(bed: Bed, go: Path, names: tuple[str, ...] = tuple(PROGRAMS)) -> None:
    """Build what is not there yet for these very sources."""
    for name in names:
        if is_built(bed, name):
            continue
        with step(f"building {name}"), files.draft(folder(bed)) as made:
            _build(bed, go, name, made)
            _stamp(bed, name).unlink(missing_ok=True)
            files.keep(made, folder(bed) / name, mode=0o755)
        files.write(_stamp(bed, name), _fingerprint(name))


def is_built(bed: Bed, name: str) -> bool:
    """Whether that tool is there, from these very sources."""
    stamp = _stamp(bed, name)
    return stamp.exists() and stamp.read_text() == _fingerprint(name)


def _stamp(bed: Bed, name: str) -> Path:
    return folder(bed) / f"{name}.built-from"


def _build(bed: Bed, go: Path, name: str, made: Path) -> None:
    package = PROGRAMS[name]
    flags = ["-s", "-w"]
    if name != "oracle":
        module, version = _module(bed, go, package)
        flags += ["-X", f"{module}/version.Version=v{version.lstrip('v')}"]
    run(
        go, "build", "-trimpath", "-ldflags", " ".join(flags), "-o", made, package,
        env=environment(bed), cwd=TOOLS,
    )  # fmt: skip


def _module(bed: Bed, go: Path, package: str) -> tuple[str, str]:
    words = run(
        go, "list", "-f", "{{.Module.Path}} {{.Module.Version}}", package, env=environment(bed), cwd=TOOLS
    )
    module, version = words.split()
    return module, version


def _fingerprint(name: str) -> str:
    """Changes whenever this tool has to be built again."""
    sources = [TOOLS / "go.mod", TOOLS / "go.sum", *sorted((TOOLS / name).glob("*.go"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def _version(go: str) -> tuple[int, int]:
    try:
        found = re.search(r"go(\d+)\.(\d+)", run(go, "version"))
    except BedError:
        found = None
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _unpacked(bed: Bed) -> list[Path]:
    return sorted((bed.debian_go / "usr/lib").glob("go-*/bin/go"), key=lambda path: _version(str(path)))


def toolchain(bed: Bed, go: Path, version: str, architecture: str = HOST_ARCHITECTURE) -> Path | None:
    """A whole Go release as a folder, from the Go module proxy; None if it has none for that architecture."""
    module = f"golang.org/toolchain@v0.0.1-go{version}.linux-{architecture}"
    try:
        answer = run(go, "mod", "download", "-json", module, env=environment(bed), cwd=TOOLS)
    except BedError:
        return None
    return Path(json.loads(answer)["Dir"])


def releases(bed: Bed, go: Path) -> list[str]:
    """Every Go release that the module proxy lists, oldest first."""
    listed = run(go, "list", "-m", "-versions", "golang.org/toolchain", env=environment(bed), cwd=TOOLS)
    found = set(re.findall(r"v0\.0\.1-go(\d+\.\d+(?:\.\d+)?)\.linux-amd64", listed))
    return sorted(found, key=lambda version: tuple(int(part) for part in version.split(".")))
