"""The private engine: containerd and dockerd of the bed's own, with the containerd image store."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from . import binfmt, network, packages, registry
from .process import BedError, daemon, end, running, say, step, succeeds, wait_until
from .settings import Bed


def start(bed: Bed) -> None:
    """Bring everything up that is not; packages that do not work here give way to older ones."""
    bed.run.mkdir(parents=True, exist_ok=True)
    choices = tuple(packages.CHOICES)
    while True:
        choice = packages.unpack_engine(bed, choices)
        try:
            _start(bed)
            return
        except BedError as error:
            stop(bed)
            choices = choices[choices.index(choice) + 1 :]
            if not choices:
                raise
            say(f"the engine from {choice} does not start here, trying an older one: {error}")
            shutil.rmtree(bed.engine, ignore_errors=True)


def stop(bed: Bed) -> None:
    if not (bed.packages / "choice").exists():
        return
    end("dockerd", bed.run, patience=40)
    end("containerd", bed.run)
    for mounted in (bed.run / "docker/netns").glob("*"):
        succeeds("umount", mounted)  # or the folder could not be removed
    registry.stop(bed)
    network.down(bed)
    if bed.run.exists():
        binfmt.unregister(bed)


def is_up(bed: Bed) -> bool:
    return running("dockerd", bed.run) is not None and _answers(bed)


def _start(bed: Bed) -> None:
    if is_up(bed) and registry.is_up(bed):
        return
    with step("started the private engine"):
        network.up(bed)
        binfmt.register(bed)
        registry.start(bed)
        _start_containerd(bed)
        _start_dockerd(bed)


def _start_containerd(bed: Bed) -> None:
    socket = bed.run / "containerd.sock"
    if running("containerd", bed.run) is None:
        config = bed.run / "containerd.toml"
        config.write_text(
            "version = 2\n"
            'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
            f'root = "{bed.engine}/containerd"\n'
            f'state = "{bed.run}/containerd"\n'
            f'[grpc]\naddress = "{socket}"\n'
        )
        command = network.inside(bed, packages.program(bed, "containerd"), "--config", config)
        daemon("containerd", bed.run, command, packages.environment(bed))
    _wait("containerd", bed, lambda: socket.exists())


def _start_dockerd(bed: Bed) -> None:
    if running("dockerd", bed.run) is None:
        (bed.run / "dockerd.pid.own").unlink(missing_ok=True)
        command = network.inside(bed, packages.program(bed, "dockerd"), "--config-file", _configure(bed))
        daemon("dockerd", bed.run, command, packages.environment(bed))
    _wait("dockerd", bed, lambda: _answers(bed))


def _configure(bed: Bed) -> Path:
    config = bed.run / "daemon.json"
    settings = {
        "data-root": str(bed.engine / "docker"),
        "exec-root": str(bed.run / "docker"),
        "pidfile": str(bed.run / "dockerd.pid.own"),
        "hosts": [f"unix://{bed.socket}"],
        "containerd": str(bed.run / "containerd.sock"),
        "features": {"containerd-snapshotter": True},
        "mtu": network.mtu_outside(),
        "registry-mirrors": [f"http://{bed.registry}"],
    }
    config.write_text(json.dumps(settings, indent=2))
    return config


def _answers(bed: Bed) -> bool:
    client = packages.program(bed, "docker")
    return bed.socket.exists() and succeeds(client, "-H", f"unix://{bed.socket}", "version")


def _wait(name: str, bed: Bed, ready: Callable[[], bool]) -> None:
    wait_until(lambda: ready() or running(name, bed.run) is None, 60)
    if running(name, bed.run) is None or not ready():
        log = (bed.run / f"{name}.log").read_text(errors="replace").splitlines()
        raise BedError(f"{name} does not start; its last words: {' | '.join(log[-5:])}")
