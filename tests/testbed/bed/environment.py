"""The variables under which tests and people use the bed."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from . import gotools
from .choice import Choice
from .settings import AUTH_PASSWORD, AUTH_USER, Bed

# They would lead elsewhere than DOCKER_HOST does, or to what another bed had and this one has not.
UNSET = (
    "DOCKER_CONTEXT",
    "BUILDX_BUILDER",
    "XBUILD_TESTBED_ORACLE",
    "XBUILD_TESTBED_OLD_BUILDX",
    "XBUILD_TESTBED_CLASSIC",
)


def variables(bed: Bed, choice: Choice) -> dict[str, str]:
    found = {
        "XBUILD_TESTBED": choice.kind,
        "XBUILD_TESTBED_REGISTRY": bed.registry,
        "XBUILD_TESTBED_CONTAINER_BUILDER": bed.builder,
        "XBUILD_TESTBED_AUTH_REGISTRY": bed.auth_registry,
        "XBUILD_TESTBED_AUTH_USER": AUTH_USER,
        "XBUILD_TESTBED_AUTH_PASSWORD": AUTH_PASSWORD,
        "BUILDX_CONFIG": str(bed.buildx_config),
    }
    oracle = gotools.folder(bed) / "oracle"
    if oracle.exists():
        found["XBUILD_TESTBED_ORACLE"] = str(oracle)
    if choice.kind == "private":
        if bed.old_buildx_config.exists():
            found["XBUILD_TESTBED_OLD_BUILDX"] = str(bed.old_buildx_config)
        found["DOCKER_HOST"] = f"unix://{bed.socket}"
        if bed.classic_socket.exists():
            found["XBUILD_TESTBED_CLASSIC"] = f"unix://{bed.classic_socket}"
        found["DOCKER_CONFIG"] = str(bed.docker_config)
    elif choice.address:
        found["DOCKER_HOST"] = choice.address
    folders = [bed.bin] if choice.kind == "private" else []
    if bed.make.exists():
        folders.append(bed.make / "usr/bin")
    if folders:
        found["PATH"] = path_with(*folders)
    return found


def path_with(*folders: Path) -> str:
    """PATH with those folders first, and once."""
    first = [str(folder) for folder in folders]
    rest = [part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if part not in first]
    return os.pathsep.join([*first, *rest])


def exports(values: dict[str, str]) -> str:
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in values.items()]
    return f"unset {' '.join(UNSET)}\n" + "".join(lines)


def apply(values: dict[str, str]) -> dict[str, str]:
    """The whole environment of a program that is to use the bed."""
    return {**{name: value for name, value in os.environ.items() if name not in UNSET}, **values}
