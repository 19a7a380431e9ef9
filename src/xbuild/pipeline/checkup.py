"""The machine examined: engine, buildx, builder, image store, emulators, logins; what to do about each."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from xbuild.errors import EngineError, XbuildError
from xbuild.pipeline.watching import Watcher
from xbuild.platforms import Platform
from xbuild.solve.builders import create_builder, start_builder
from xbuild.solve.engine import (
    LAYOUT_SOURCE_VERSION,
    Engine,
    docker,
    engine_error,
    inspect_engine,
    is_podman,
)
from xbuild.solve.run import Completed, run
from xbuild.views.findings import Diagnosed, State
from xbuild.views.terminal import listed

_BUILDER = "xbuild"
_BINFMT = "tonistiigi/binfmt"
_LOW_BYTES = 5 << 30
_NO_BYTES = 500 << 20


@dataclass(frozen=True)
class Patient:
    """What is examined; asked for once, however many checks look at it."""

    builder: str | None
    platforms: tuple[Platform, ...]
    registries: tuple[str, ...]

    @cached_property
    def buildx(self) -> Completed:
        return run((*docker(), "buildx", "version"), timeout=30)

    @cached_property
    def found(self) -> Engine | EngineError:
        try:
            return inspect_engine(self.builder, bootstrap=False)  # looking starts nothing
        except EngineError as error:
            return error

    @property
    def engine(self) -> Engine:
        if isinstance(self.found, EngineError):
            raise self.found
        return self.found


def examine(names: Sequence[str], patient: Patient) -> tuple[Diagnosed, ...]:
    """The findings of these checks; where docker is not docker that is the only one, as the others would be
    about something else.
    """
    if any(name != "login" for name in names) and _is_podman(patient):
        error = engine_error(patient.buildx.text)
        name = "client" if "client" in names else names[0]
        return (Diagnosed(name, State.CRITICAL, error.message, error.hint or ""),)
    return tuple(finding for name in names for finding in _run(name, patient))


def _run(name: str, patient: Patient) -> Iterator[Diagnosed]:
    """A check that cannot look says so, and does not stop the others."""
    try:
        for finding in CHECKS[name](patient):
            yield replace(finding, name=name if finding.name == "" else f"{name} {finding.name}")
    except XbuildError as error:
        blocked = name not in ("client", "buildx", "engine", "builder")
        state = State.UNKNOWN if blocked else State.CRITICAL
        text = "cannot be looked at without a builder" if blocked else error.message
        yield Diagnosed(name, state, text, "" if blocked else error.hint or "")


def _client(_patient: Patient) -> Iterator[Diagnosed]:
    answer = run((*docker(), "version", "--format", "{{.Client.Version}}"), timeout=30)
    version = answer.text.strip().splitlines()
    if not version:
        yield Diagnosed(
            "", State.CRITICAL, answer.error_text or "docker says nothing", "reinstall docker-cli"
        )
    else:
        yield Diagnosed("", State.OK, f"docker {version[0]}")


def _is_podman(patient: Patient) -> bool:
    try:
        return is_podman(patient.buildx)
    except EngineError:
        return False  # no docker at all: the checks say so


def _buildx(patient: Patient) -> Iterator[Diagnosed]:
    from xbuild.solve.engine import parse_version

    answer = patient.buildx
    version = parse_version(answer.text)
    if not answer.ok or version == (0, 0, 0):
        yield Diagnosed(
            "",
            State.CRITICAL,
            "the docker client has no buildx plugin",
            "install docker-buildx-plugin (https://docs.docker.com/go/buildx/)",
        )
        return
    text = "buildx " + ".".join(map(str, version))
    if version >= LAYOUT_SOURCE_VERSION:
        yield Diagnosed("", State.OK, text)
        return
    wanted = ".".join(map(str, LAYOUT_SOURCE_VERSION))
    yield Diagnosed(
        "",
        State.WARNING,
        f"{text}: verified images are pushed by skopeo, or through the engine's store",
        f"update buildx to {wanted} or later",
    )


def _engine(patient: Patient) -> Iterator[Diagnosed]:
    engine = patient.engine
    if engine.server_version:
        where = "this machine" if engine.is_local else str(engine.info.get("Name", "another machine"))
        yield Diagnosed("", State.OK, f"docker {engine.server_version} on {where}, {engine.native}")
    elif engine.builder.driver in ("remote", "kubernetes"):
        yield Diagnosed("", State.OK, f"none: the {engine.builder.driver} builder needs none (--load would)")
    else:
        yield Diagnosed("", State.CRITICAL, "no docker engine answers", "sudo systemctl start docker")


def _builder(patient: Patient) -> Iterator[Diagnosed]:
    builder = patient.engine.builder
    for node in builder.nodes:
        version = node.buildkit_version or ("the engine's own" if builder.driver == "docker" else "unknown")
        text = f"{builder.name}/{node.name} ({builder.driver}), BuildKit {version}"
        if not node.is_running:
            yield Diagnosed(
                "",
                State.CRITICAL if node.error else State.WARNING,
                f"{text}: {node.error or f'{node.status}; the next build has to start it'}",
                f"docker buildx inspect --bootstrap {builder.name}",
                f"bootstrap {builder.name}",
            )
        else:
            yield Diagnosed("", State.OK, f"{text}, {listed([str(p) for p in node.platforms[:4]])}")


def _store(patient: Patient) -> Iterator[Diagnosed]:
    engine = patient.engine
    if engine.builder.driver != "docker":
        yield Diagnosed("", State.OK, f"the {engine.builder.driver} driver: images for several platforms")
    elif engine.containerd_store:
        yield Diagnosed("", State.OK, "containerd: images for several platforms")
    else:
        yield Diagnosed(
            "",
            State.WARNING,
            "classic: one platform per build",
            'set {"features": {"containerd-snapshotter": true}} in /etc/docker/daemon.json; or'
            " docker buildx create --name xbuild --driver docker-container, then --builder xbuild",
            f"create {_BUILDER}",
        )


def _emulation(patient: Patient) -> Iterator[Diagnosed]:
    from xbuild.solve.emulation import probe_platforms, qemu_version

    engine = patient.engine
    version = qemu_version(engine)
    is_running = all(node.is_running for node in engine.builder.nodes)
    probes = probe_platforms(engine, patient.platforms, may_solve=is_running)
    for platform in patient.platforms:
        probe = probes.get(platform)
        if probe is None:
            text = "cannot be looked at while the builder is not running"
            yield Diagnosed(str(platform), State.UNKNOWN, text, "start the builder, or xbuild doctor --fix")
        elif probe.ok:
            emulated = f"emulated by QEMU {version}" if version else "emulated"
            yield Diagnosed(str(platform), State.OK, "native" if engine.is_native(platform) else emulated)
        else:
            yield Diagnosed(
                str(platform),
                State.WARNING,
                f"cannot be run: {probe.reason}; only stages that run on {platform} need it",
                f"docker run --privileged --rm {_BINFMT} --install {platform.architecture}",
                f"binfmt {platform.architecture}",
            )


def _login(patient: Patient) -> Iterator[Diagnosed]:
    logins = _logins()
    missing = [host for host in patient.registries if _host(host) not in logins]
    for host in missing:
        yield Diagnosed(host, State.WARNING, "no login", f"docker login {host}")
    for host in patient.registries:
        if host not in missing:
            yield Diagnosed(host, State.OK, "login found")
    if not patient.registries:
        text = f"logins for {listed(sorted(logins))}" if logins else "none (private registries need one)"
        yield Diagnosed("", State.OK, text)


def _logins() -> frozenset[str]:
    """Hosts in docker's configuration, credential helpers included; no secret is read."""
    try:
        folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
        config: Any = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError, RuntimeError):  # the last for a user without a home
        return frozenset()
    tables = [config.get(key) for key in ("auths", "credHelpers")] if isinstance(config, dict) else []
    return frozenset(_host(name) for table in tables if isinstance(table, dict) for name in table)


def _host(name: str) -> str:
    host = name.removeprefix("https://").removeprefix("http://").partition("/")[0]
    # docker's own client keeps a login for docker.io under a name below it.
    return "docker.io" if host.endswith(".docker.io") else host


def _disk(patient: Patient) -> Iterator[Diagnosed]:
    engine = patient.engine
    places = (("engine", engine.free_bytes), ("temporary files", engine.free_temporary_bytes))
    for name, free in places:
        if free is None:
            yield Diagnosed(name, State.OK, "on another machine, not looked at")
            continue
        state = State.CRITICAL if free < _NO_BYTES else State.WARNING if free < _LOW_BYTES else State.OK
        text = f"{free / (1 << 30):.1f} GiB free"
        yield Diagnosed(name, state, text, "docker buildx prune, docker image prune")


CHECKS: dict[str, Callable[[Patient], Iterator[Diagnosed]]] = {
    "client": _client,
    "buildx": _buildx,
    "engine": _engine,
    "builder": _builder,
    "store": _store,
    "emulation": _emulation,
    "login": _login,
    "disk": _disk,
}


def repair(findings: Sequence[Diagnosed], watcher: Watcher) -> None:
    """Each kind of repair once; what it comes to is seen by examining again."""
    fixes = dict.fromkeys(finding.fix for finding in findings if finding.fix)
    architectures = [fix.split()[1] for fix in fixes if fix.startswith("binfmt ")]
    for fix in fixes:
        word, _, name = fix.partition(" ")
        if word == "bootstrap":
            _try(f"starting builder {name}", partial(start_builder, name), watcher)
        elif word == "create" and _try(f"creating builder {name}", partial(create_builder, name), watcher):
            watcher.note(f"builder {name} is there: use it with --builder {name}")
    if architectures:
        from xbuild.solve.emulation import install_handlers

        names = ",".join(architectures)
        wanted = [Platform("linux", name) for name in architectures]
        _try(
            f"installing QEMU for {names} with {_BINFMT}", partial(install_handlers, _BINFMT, wanted), watcher
        )


def _try(what: str, action: Callable[[], None], watcher: Watcher) -> bool:
    """One repair; a failure is said, and the others go on."""
    watcher.note(what)
    try:
        action()
    except EngineError as error:
        watcher.note(f"that failed: {error}")
        return False
    return True
