"""A machine with an engine and an image hub of its own: only a registry and a builder are added."""

from __future__ import annotations

import json

from . import clients, environment, gotools, packages
from .process import BedError, run, say, step, succeeds
from .settings import AUTH_HTPASSWD, Bed

SMALL_IMAGE = "busybox:latest"  # asked for by name only, to learn whether a hub answers


def has_engine_and_hub() -> bool:
    """A running engine with the containerd image store, buildx, and a hub that knows a common image."""
    try:
        told = json.loads(run("docker", "info", "--format", "{{json .DriverStatus}}"))
        run("docker", "buildx", "version")
    except (BedError, FileNotFoundError, ValueError):
        return False
    containerd_store = ["driver-type", "io.containerd.snapshotter.v1"] in (told or [])
    return containerd_store and succeeds("docker", "buildx", "imagetools", "inspect", SMALL_IMAGE)


def start(bed: Bed) -> None:
    """A registry on loopback, QEMU, a builder in a BUILDX_CONFIG of the bed's; nothing else changes."""
    env = environment.apply(environment.variables(bed, "engine"))
    with step("prepared the machine's own engine"):
        for name, port in _registries(bed):
            if not succeeds("docker", "container", "inspect", name):
                publish = f"127.0.0.1:{port}:5000"
                run("docker", "run", "--detach", "--name", name, "--publish", publish, *_what_to_run(name))
            run("docker", "start", name)
        if not succeeds("docker", "run", "--rm", "--platform", "linux/arm64", SMALL_IMAGE, "true"):
            run("docker", "run", "--rm", "--privileged", "tonistiigi/binfmt", "--install", "all")
        clients.create_builder(bed, env, "registry", mirrored=False)
    _build_oracle(bed)


def is_up(bed: Bed) -> bool:
    return all(succeeds("docker", "container", "inspect", name) for name, _ in _registries(bed))


def stop(bed: Bed) -> None:
    """Take away what `start` added to a user's engine, if it did."""
    noted = bed.buildx_config / "made-from"
    if not noted.exists() or noted.read_text() != "registry":
        return
    clients.remove_builder(bed, environment.apply(environment.variables(bed, "engine")))
    for name, _ in _registries(bed):
        succeeds("docker", "rm", "--force", "--volumes", name)
    noted.unlink()


def _registries(bed: Bed) -> list[tuple[str, int]]:
    return [
        (f"{bed.name}-registry", bed.registry_port),
        (f"{bed.name}-auth-registry", bed.auth_registry_port),
    ]


def _what_to_run(name: str) -> list[str]:
    if not name.endswith("-auth-registry"):
        return ["registry:2"]
    variables = {"REGISTRY_AUTH": "htpasswd", "REGISTRY_AUTH_HTPASSWD_REALM": "testbed",
                 "REGISTRY_AUTH_HTPASSWD_PATH": "/htpasswd"}  # fmt: skip
    words = [word for key, value in variables.items() for word in ("--env", f"{key}={value}")]
    write = f"echo '{AUTH_HTPASSWD}' > /htpasswd; exec /entrypoint.sh /etc/docker/registry/config.yml"
    return [*words, "--entrypoint", "sh", "registry:2", "-c", write]


def _build_oracle(bed: Bed) -> None:
    """Nice to have here: the tests that compare with BuildKit's parser are skipped without it."""
    try:
        gotools.build(bed, gotools.find_go(bed, lambda: packages.unpack_go(bed)), ("oracle",))
    except BedError as error:
        say(f"no parser oracle: {error}")
