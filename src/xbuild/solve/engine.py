"""What the selected builder and its engine can do, and typed errors when they cannot.

Three client calls at the same time (0.2 to 0.3 s in all): `docker buildx version`, `docker buildx
inspect` and `docker info`. The text of `buildx inspect` is read here: it has no JSON form (buildx 0.38
`commands/inspect.go`), and python-on-whales, which also reads that text, takes longer to import than the
calls take together (docs/decisions/0001-docker-client.md).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from xbuild.errors import EngineError, PlatformError
from xbuild.platforms import Platform
from xbuild.solve.run import Completed, Invocation, run_all

Version = tuple[int, int, int]

# `imagetools create` reads a layout from this version on (facts measured on 0.29 and 0.38; release notes
# of 0.33).
LAYOUT_SOURCE_VERSION: Version = (0, 33, 0)

_TIMEOUT = 90.0  # a builder container that must be started first


# What else a processor of this architecture is, as BuildKit lists it behind the processor's own.
_HARDWARE = {"386": "amd64", "arm": "arm64"}


@dataclass(frozen=True, slots=True)
class BuilderNode:
    """A member of a builder. Platforms marked with `*` were declared by the user when creating it."""

    name: str
    endpoint: str = ""
    status: str = ""
    buildkit_version: str = ""
    platforms: tuple[Platform, ...] = ()
    declared: tuple[Platform, ...] = ()
    error: str = ""

    @property
    def is_running(self) -> bool:
        return self.status in ("running", "") and not self.error

    @property
    def detected(self) -> Platform | None:
        """BuildKit lists its own platform first (`util/archutil`), and declared ones come before that.

        One that is declared and detected counts as declared: then what runs on the same hardware tells.
        """
        found = next((platform for platform in self.platforms if platform not in self.declared), None)
        if found is None:
            return next(iter(self.platforms), None)
        base = Platform("linux", _HARDWARE.get(found.architecture, found.architecture))
        return base if base in self.declared else found


@dataclass(frozen=True, slots=True)
class Builder:
    """A buildx builder."""

    name: str
    driver: str
    nodes: tuple[BuilderNode, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Engine:
    """The builder, and the docker engine beside it when there is one."""

    builder: Builder
    buildx_version: Version
    info: Mapping[str, Any]

    @property
    def server_version(self) -> str | None:
        return self.info.get("ServerVersion") or None

    @property
    def containerd_store(self) -> bool:
        """Whether images are kept by containerd (`docker info`, DriverStatus)."""
        status = self.info.get("DriverStatus") or ()
        return any("io.containerd.snapshotter.v1" in (pair[1] or "") for pair in status if len(pair) == 2)

    @cached_property
    def native(self) -> Platform:
        """The platform that the builder (its first node) runs on."""
        found = (self.native_of(node) for node in self.builder.nodes)
        first = next((native for native in found if native is not None), None)
        return first or Platform.parse(self.info.get("Architecture") or os.uname().machine)

    def native_of(self, node: BuilderNode) -> Platform | None:
        """What a node runs on.

        Platforms that the user declared (`buildx create --platform`) say what the node is to be used for: in
        a farm that is what it runs on, of a lone node it says nothing.
        """
        if not node.declared:
            return next(iter(node.platforms), None)
        if len(self.builder.nodes) > 1:
            return node.declared[0]
        machine = self.info.get("Architecture")
        if machine and self.builder.driver in ("docker", "docker-container"):
            host = Platform.parse(machine)
            if host in node.platforms:
                return host
        return node.detected

    @property
    def natives(self) -> tuple[Platform, ...]:
        """The native platform of every node."""
        found = (self.native_of(node) for node in self.builder.nodes)
        return tuple(dict.fromkeys(native for native in found if native is not None)) or (self.native,)

    def is_native(self, platform: Platform) -> bool:
        """Whether some node runs programs for `platform` on its own hardware."""
        return any(runs_natively(platform, native) for native in self.natives)

    @property
    def can_export_layout(self) -> bool:
        """Whether `type=oci` works: the docker driver needs the containerd store (buildx `driver/docker`)."""
        return self.builder.driver != "docker" or self.containerd_store

    @property
    def can_push_layout(self) -> bool:
        """Whether `imagetools create` takes `oci-layout://`."""
        return self.buildx_version >= LAYOUT_SOURCE_VERSION

    @property
    def is_local(self) -> bool:
        """Whether the engine shares our kernel, so that /proc and its disk can be looked at."""
        same_host = self.info.get("Name") == socket.gethostname()
        return same_host and self.info.get("KernelVersion") == os.uname().release

    @property
    def free_bytes(self) -> int | None:
        """Free space where the engine keeps its data, when it can be read."""
        root = self.info.get("DockerRootDir")
        if not self.is_local or not root or not Path(root).exists():
            return None
        return shutil.disk_usage(root).free

    @property
    def free_temporary_bytes(self) -> int:
        """Free space where layouts are written."""
        return shutil.disk_usage(tempfile.gettempdir()).free

    @cached_property
    def key(self) -> str:
        """A name for this engine in records: the same builder on the same kind of machine."""
        words = (
            self.builder.driver,
            self.builder.name,
            *(f"{node.name} {node.endpoint} {self.native_of(node)}" for node in self.builder.nodes),
            str(self.info.get("Name", "")),
        )
        return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def runs_natively(platform: Platform, native: Platform) -> bool:
    """Whether hardware of `native` runs programs for `platform` without an emulator.

    32-bit x86 runs on every amd64 kernel of a distribution. 32-bit arm on arm64 depends on the processor
    and is taken to be emulated, which is the cautious answer.
    """
    if platform.architecture == native.architecture:
        return True
    return (platform.architecture, native.architecture) == ("386", "amd64")


# The global flags of docker that say which engine is meant; the others are for every call.
_PLACE = frozenset({"--context", "--host", "--tls", "--tlscacert", "--tlscert", "--tlskey", "--tlsverify"})
_handed_on: list[tuple[str, ...]] = []


def hand_on(flags: Iterable[tuple[str, ...]]) -> None:
    """From now on every call of docker has these global flags, each as its words."""
    _handed_on[:] = flags


def docker(*place: str) -> tuple[str, ...]:
    """The client, the one that called us as its plugin or the one on PATH, with the global flags that it was
    called with. `place` are flags that say another engine than those.
    """
    program = os.environ.get("DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND") or "docker"
    kept = (f for f in _handed_on if not (place and f[0].partition("=")[0] in _PLACE))
    return (program, *(word for flag in kept for word in flag), *place)


def inspect_engine(builder: str | None = None, *, bootstrap: bool = True) -> Engine:
    """Look at the selected builder: `builder`, else what buildx selects. Raises EngineError."""
    named = (builder,) if builder else ()
    boot = ("--bootstrap",) if bootstrap else ()
    version, inspected, info = run_all(
        [
            Invocation((*docker(), "buildx", "version")),
            Invocation((*docker(), "buildx", "inspect", *boot, *named)),
            Invocation((*docker(), "info", "--format", "{{json .}}")),
        ],
        timeout=_TIMEOUT,
    )
    return read_engine(version, inspected, info)


def read_engine(version: Completed, inspected: Completed, info: Completed) -> Engine:
    """An Engine from what the three calls said."""
    if not version.ok or is_podman(version):
        raise engine_error(version.error_text or version.text)
    if inspected.timed_out:
        raise EngineError(
            f"the builder did not answer within {_TIMEOUT:.0f} s",
            hint="docker buildx ls shows the builders; docker buildx use NAME selects another",
        )
    details = _read_info(info)
    found = parse_builder(inspected.text)
    if not inspected.ok or not found.name:
        raise engine_error(inspected.error_text or inspected.text)
    errors = [found.error, *(node.error for node in found.nodes)]
    if not any(node.platforms for node in found.nodes) and any(errors):
        raise engine_error(next(filter(None, errors)), builder=found.name)
    if found.driver == "docker" and not details.get("ServerVersion"):
        raise engine_error(info.error_text or "Cannot connect to the Docker daemon")
    return Engine(found, parse_version(version.text), details)


def is_podman(version: Completed) -> bool:
    """Whether `docker buildx version` was answered by Podman, which goes by docker's name."""
    return version.text.lstrip().startswith("buildah ")


def _read_info(info: Completed) -> dict[str, Any]:
    """`docker info` prints JSON also when no engine answers; remote and kubernetes builders need none."""
    try:
        details = json.loads(info.text)
    except ValueError:
        return {}
    return details if isinstance(details, dict) and details.get("ServerVersion") else {}


def parse_version(text: str) -> Version:
    """`github.com/docker/buildx v0.38.2 1234abc`; distributions leave the `v` out."""
    match = re.search(r"\bv?(\d+)\.(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else (0, 0, 0)


def parse_builder(text: str) -> Builder:
    """The text of `docker buildx inspect`: `Key: value` lines, the nodes below `Nodes:`."""
    head, _, tail = text.partition("\nNodes:\n")
    top = _fields(head.splitlines())
    nodes = tuple(
        _node(part.splitlines()) for part in re.split(r"\n(?=Name:)", tail) if part.startswith("Name:")
    )
    return Builder(top.get("Name", ""), top.get("Driver", ""), nodes, top.get("Error", ""))


def _fields(lines: Iterable[str]) -> dict[str, str]:
    """Keys at the left margin; the first of a name counts."""
    found: dict[str, str] = {}
    for line in lines:
        key, colon, value = line.partition(":")
        if colon and key and not key[0].isspace():
            found.setdefault(key, value.strip())
    return found


def _node(lines: Sequence[str]) -> BuilderNode:
    fields = _fields(lines)
    names = [name.strip() for name in fields.get("Platforms", "").split(",") if name.strip()]
    return BuilderNode(
        name=fields.get("Name", ""),
        endpoint=fields.get("Endpoint", ""),
        status=fields.get("Status", ""),
        buildkit_version=_version(fields),
        platforms=_platforms(name.rstrip("*") for name in names),
        declared=_platforms(name.rstrip("*") for name in names if name.endswith("*")),
        error=fields.get("Error", ""),
    )


def _version(fields: Mapping[str, str]) -> str:
    """Empty where BuildKit does not tell, as an engine's own often (`v0.0.0+unknown`)."""
    found = fields.get("BuildKit version", fields.get("Buildkit", ""))
    return "" if found.endswith("+unknown") else found


def _platforms(names: Iterable[str]) -> tuple[Platform, ...]:
    """Those that are known here; windows and the like are left out."""
    found: dict[Platform, None] = {}
    for name in names:
        try:
            found[Platform.parse(name)] = None
        except PlatformError:
            continue
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Trouble:
    pattern: str
    message: str
    expected: str
    hint: str


_TROUBLES = (
    # What Podman says in docker's name (podman `cmd/podman/images/buildx.go`).
    _Trouble(
        r"\A\s*buildah \S+",
        "docker is Podman here, which builds without BuildKit and buildx, and `xbuild build` needs both",
        "docker's own client with the buildx plugin, and an engine or a builder",
        "install docker-cli and docker-buildx (https://docs.docker.com/engine/install/), first on PATH;"
        " xbuild plan and rewrite work without",
    ),
    _Trouble(
        r"unknown command: docker buildx|'buildx' is not a docker command|unknown flag: --bootstrap",
        "the docker client has no buildx plugin",
        "docker buildx 0.13 or later",
        "install docker-buildx-plugin (https://docs.docker.com/go/buildx/)",
    ),
    _Trouble(
        r"permission denied while trying to connect|dial unix .*permission denied",
        "the docker engine's socket may not be used by this user",
        "read and write permission on the socket",
        "sudo usermod -aG docker $USER, then log in again",
    ),
    _Trouble(
        r"no builder .* found|builder .* (?:not found|does not exist)",
        "there is no such builder",
        "a name that `docker buildx ls` shows",
        "docker buildx create --name NAME --driver docker-container, or another --builder",
    ),
    _Trouble(
        r"context .* (?:not found|does not exist)",
        "there is no such docker context",
        "a name that `docker context ls` shows",
        "docker context use default, or unset DOCKER_CONTEXT",
    ),
    _Trouble(
        r"Cannot connect to the Docker daemon|connection refused|no such host|connect: no such file"
        r"|error during connect|dial (?:tcp|unix)",
        "no docker engine answers",
        "a running engine",
        "start it (sudo systemctl start docker), or set DOCKER_HOST or the docker context",
    ),
    _Trouble(
        r"no space left on device",
        "the disk is full",
        "free space for layers",
        "docker buildx prune, docker image prune, or a larger disk",
    ),
)


def is_engine_trouble(text: str) -> bool:
    """Whether this is what docker or buildx says when the engine or the builder is to blame."""
    return any(re.search(trouble.pattern, text, re.IGNORECASE) for trouble in _TROUBLES)


def engine_error(text: str, builder: str | None = None) -> EngineError:
    """The typed form of what the client said."""
    said = " ".join(text.split())[:400]
    for trouble in _TROUBLES:
        if re.search(trouble.pattern, text, re.IGNORECASE):
            return EngineError(f"{trouble.message}: {said}", expected=trouble.expected, hint=trouble.hint)
    where = f"builder {builder} " if builder else "the builder "
    return EngineError(
        f"{where}cannot be used: {said or 'no answer'}",
        hint="docker buildx inspect --bootstrap shows more",
    )


def check_platforms(engine: Engine, platforms: Sequence[Platform]) -> None:
    """Raise EngineError when the image store cannot hold an image for several platforms."""
    if len(platforms) > 1 and not engine.can_export_layout:
        raise EngineError(
            "the docker driver with the classic image store builds for one platform at a time, and "
            f"{len(platforms)} are asked for",
            expected="the containerd image store, or a docker-container builder",
            hint='{"features": {"containerd-snapshotter": true}} in /etc/docker/daemon.json, restart docker,'
            " or: docker buildx create --use --driver docker-container",
        )
