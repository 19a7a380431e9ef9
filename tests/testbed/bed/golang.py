"""Any Go release for any architecture, as the tree that belongs in /usr/local/go."""

from __future__ import annotations

import shutil
from pathlib import Path

from . import gotools
from .process import BedError, run, step
from .settings import HOST_ARCHITECTURE, Bed


def go_tree(bed: Bed, go: Path, version: str, architecture: str, target: Path) -> None:
    """From the module proxy, or compiled from the release for this machine where the proxy has none."""
    source = gotools.toolchain(bed, go, version, architecture)
    if source:
        _copy(source, target, architecture)
        return
    native = gotools.toolchain(bed, go, version)
    if native is None:
        raise BedError(f"the Go module proxy has no Go {version} for {HOST_ARCHITECTURE}")
    _copy(native, target, HOST_ARCHITECTURE)
    with step(f"compiled Go {version} for {architecture}"):
        _compile(bed, target, architecture)


def _copy(source: Path, target: Path, architecture: str) -> None:
    """Module zips carry neither writable files nor executable ones."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, target, symlinks=True)
    run("chmod", "-R", "u+w", target)
    run("chmod", "-R", "+x", target / "bin", target / "pkg/tool" / f"linux_{architecture}")


def _compile(bed: Bed, target: Path, architecture: str) -> None:
    tools = target / "pkg/tool"
    native = tools / f"linux_{HOST_ARCHITECTURE}"
    packages = ["cmd/go", "cmd/gofmt", *(f"cmd/{tool.name}" for tool in sorted(native.iterdir()))]
    env = {
        "GOROOT": str(target), "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off", "GOENV": "off",
        "CGO_ENABLED": "0", "GOARCH": architecture,
        "GOCACHE": str(bed.cache / "go-build"), "GOPATH": str(bed.cache / "gopath"),
    }  # fmt: skip
    run(target / "bin/go", "install", "-trimpath", "-ldflags=-s -w", *packages, env=env, cwd=target / "src")
    for program in (target / f"bin/linux_{architecture}").iterdir():
        program.replace(target / "bin" / program.name)
    (target / f"bin/linux_{architecture}").rmdir()
    shutil.rmtree(native)
