"""Docker clients and builders: folders of the bed's own, a user's `~/.docker` is never looked at."""

from __future__ import annotations

from pathlib import Path

from . import files, gotools, packages
from .process import BedError, run, step, succeeds
from .settings import Bed

MIRRORS = """\
[registry."docker.io"]
  mirrors = ["{registry}"]
[registry."gcr.io"]
  mirrors = ["{registry}"]
[registry."ghcr.io"]
  mirrors = ["{registry}"]
"""
REGISTRIES = """\
[registry."{registry}"]
  http = true
[registry."{auth}"]
  http = true
"""


def link_clients(bed: Bed) -> None:
    """docker, with today's buildx where that has been built, else with Debian's."""
    _link(bed.bin / "docker", packages.program(bed, "docker"))
    built = gotools.is_built(bed, "buildx")
    _link_buildx(bed.docker_config, gotools.folder(bed) / "buildx" if built else _older_buildx(bed))


def link_programs(bed: Bed) -> None:
    """What the tests use besides: Debian's buildx in a configuration of its own, for those of fallbacks."""
    _link_buildx(bed.old_buildx_config, _older_buildx(bed))
    for name in ("buildctl", "oracle"):
        _link(bed.bin / name, gotools.folder(bed) / name)
    skopeo = packages.unpack_skopeo(bed)
    if skopeo is not None:
        _link(bed.bin / "skopeo", skopeo)


def _older_buildx(bed: Bed) -> Path:
    return bed.packages / "usr/libexec/docker/cli-plugins/docker-buildx"


def _link_buildx(config: Path, program: Path) -> None:
    _link(config / "cli-plugins/docker-buildx", program)


def create_builder(bed: Bed, env: dict[str, str], marker: str, mirrored: bool) -> None:
    """The docker-container builder, made anew when its image (`marker`) or its configuration has changed."""
    noted = bed.buildx_config / "made-from"
    config = (MIRRORS if mirrored else "") + REGISTRIES
    config = config.format(registry=bed.registry, auth=bed.auth_registry)
    made_from = f"{marker}\n{config}"
    known = succeeds("docker", "buildx", "inspect", bed.builder, env=env)
    if not known or not noted.exists() or noted.read_text() != made_from:
        noted.unlink(missing_ok=True)
        _create(bed, env, config)
        files.write(noted, made_from)
    with step(f"starting builder {bed.builder}"):
        run("docker", "buildx", "inspect", "--bootstrap", bed.builder, env=env)
    run("docker", "buildx", "use", "default", env=env)


def remove_builder(bed: Bed, env: dict[str, str]) -> None:
    if succeeds("docker", "buildx", "inspect", bed.builder, env=env):
        run("docker", "buildx", "rm", "--force", bed.builder, env=env)


def _create(bed: Bed, env: dict[str, str], text: str) -> None:
    remove_builder(bed, env)
    bed.buildx_config.mkdir(parents=True, exist_ok=True)
    config = bed.buildx_config / "buildkitd.toml"
    files.write(config, text)
    run(
        "docker", "buildx", "create", "--name", bed.builder, "--driver", "docker-container",
        "--driver-opt", "network=host", "--buildkitd-config", config, env=env,
    )  # fmt: skip


def _link(path: Path, target: Path) -> None:
    if not target.exists():
        raise BedError(f"{target} is missing: remove {target.parent} and start again")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() and path.readlink() == target:
        return
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def docker(bed: Bed) -> list[str | Path]:
    return [packages.program(bed, "docker"), "--host", f"unix://{bed.socket}"]


def image_names(bed: Bed) -> frozenset[str]:
    """Full names of what the engine holds: somebody may have pruned it."""
    shown = run(*docker(bed), "images", "--format", "{{.Repository}}:{{.Tag}}").split()
    return frozenset(name if "/" in name else f"docker.io/library/{name}" for name in shown) | frozenset(
        f"docker.io/{name}" for name in shown if "." not in name.partition("/")[0]
    )
