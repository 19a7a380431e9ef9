"""A machine with an engine and an image hub of its own: only registries and a builder are added."""

from __future__ import annotations

from . import clients, environment, gotools, packages
from .choice import Choice, place
from .process import BedError, run, say, step, succeeds
from .settings import AUTH_HTPASSWD, Bed

SMALL_IMAGE = "busybox:latest"  # asked for by name only, to learn whether a hub answers
PATIENCE = 20  # seconds for a question to the engine or the hub


def find_engine() -> Choice:
    """A running engine with buildx and the containerd image store; a BedError says what is missing."""
    if not succeeds("docker", "version", timeout=PATIENCE):
        raise BedError("no container engine answers `docker version`")
    if not succeeds("docker", "buildx", "version", timeout=PATIENCE):
        raise BedError("docker has no buildx plugin")
    told = run("docker", "info", "--format", "{{.DriverStatus}}", timeout=PATIENCE)
    if "io.containerd.snapshotter.v1" not in told:
        raise BedError(
            "the engine does not use the containerd image store: "
            'set "features": {"containerd-snapshotter": true} in its daemon.json'
        )
    # buildx's `default` is always what DOCKER_HOST says, also where another context is the current one.
    host = run("docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}", timeout=PATIENCE)
    return Choice("engine", host.strip())


def has_hub() -> bool:
    return succeeds("docker", "buildx", "imagetools", "inspect", SMALL_IMAGE, timeout=PATIENCE)


def start(bed: Bed, choice: Choice, whole: bool = True) -> None:
    """Registries on loopback, QEMU, a builder in a BUILDX_CONFIG of the bed's; nothing else changes.

    Builder and parser oracle are for tests: without them it is not the whole.
    """
    env = _environment(bed, choice)
    _check_answer(bed, choice, env)
    with step("preparing the machine's own engine"):
        for name, port in _registries(bed):
            if not _exists(name, env):
                publish = f"127.0.0.1:{port}:5000"
                created = ("docker", "create", "--name", name, "--publish", publish, *_what_to_run(name))
                run(*created, env=env)
            run("docker", "start", name, env=env)
        if not succeeds("docker", "run", "--rm", "--platform", "linux/arm64", SMALL_IMAGE, "true", env=env):
            run("docker", "run", "--rm", "--privileged", "tonistiigi/binfmt", "--install", "all", env=env)
        if whole:
            clients.create_builder(bed, env, "registry", mirrored=False)
    if whole:
        _build_oracle(bed)


def is_up(bed: Bed, choice: Choice) -> bool:
    state = ("docker", "container", "inspect", "--format", "{{.State.Running}}")
    try:
        told = run(*state, *_containers(bed), env=_environment(bed, choice), timeout=PATIENCE)
    except BedError:
        return False
    return set(told.split()) == {"true"}


def stop(bed: Bed, choice: Choice) -> None:
    """Take away what `start` added to a user's engine, however far it came."""
    env = _environment(bed, choice)
    _check_answer(bed, choice, env)
    clients.remove_builder(bed, env)
    for name in _containers(bed):
        if _exists(name, env):
            run("docker", "rm", "--force", "--volumes", name, env=env)


def _check_answer(bed: Bed, choice: Choice, env: dict[str, str]) -> None:
    if not succeeds("docker", "version", env=env, timeout=PATIENCE):
        raise BedError(
            f"the engine at {choice.address}, which holds the bed's containers, does not answer: "
            f"start it, or delete {place(bed)} if it is gone for good"
        )


def _environment(bed: Bed, choice: Choice) -> dict[str, str]:
    return environment.apply(environment.variables(bed, choice))


def _containers(bed: Bed) -> list[str]:
    return [name for name, _ in _registries(bed)]


def _exists(container: str, env: dict[str, str]) -> bool:
    return succeeds("docker", "container", "inspect", container, env=env)


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
