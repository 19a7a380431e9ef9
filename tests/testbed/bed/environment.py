"""The variables under which tests and people use the bed."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from . import gotools
from .settings import AUTH_PASSWORD, AUTH_USER, Bed


def variables(bed: Bed, kind: str) -> dict[str, str]:
    found = {
        "XBUILD_TESTBED": kind,
        "XBUILD_TESTBED_REGISTRY": bed.registry,
        "XBUILD_TESTBED_CONTAINER_BUILDER": bed.builder,
        "XBUILD_TESTBED_AUTH_REGISTRY": bed.auth_registry,
        "XBUILD_TESTBED_AUTH_USER": AUTH_USER,
        "XBUILD_TESTBED_AUTH_PASSWORD": AUTH_PASSWORD,
        "XBUILD_TESTBED_ORACLE": str(gotools.folder(bed) / "oracle"),
        "XBUILD_TESTBED_OLD_BUILDX": str(bed.old_buildx_config),
        "BUILDX_CONFIG": str(bed.buildx_config),
    }
    if kind == "private":
        found["DOCKER_HOST"] = f"unix://{bed.socket}"
        found["DOCKER_CONFIG"] = str(bed.docker_config)
        found["PATH"] = path_with(bed.bin)
    return found


def path_with(folder: Path) -> str:
    """PATH with that folder first, and once."""
    rest = [part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if part != str(folder)]
    return os.pathsep.join([str(folder), *rest])


def exports(values: dict[str, str]) -> str:
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in values.items()]
    # They would lead elsewhere than DOCKER_HOST does.
    return "unset DOCKER_CONTEXT BUILDX_BUILDER\n" + "".join(lines)


def apply(values: dict[str, str]) -> dict[str, str]:
    """The whole environment of a program that is to use the bed."""
    rest = {
        name: value for name, value in os.environ.items() if name not in ("DOCKER_CONTEXT", "BUILDX_BUILDER")
    }
    return {**rest, **values}
