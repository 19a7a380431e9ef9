"""The private engine: containerd and dockerd of the bed's own, with the containerd image store.

Beside it a second dockerd with the classic image store, for the tests of what that one cannot do. Its
containers reach nothing outside.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from . import binfmt, files, network, packages, registry
from .process import BedError, daemon, end, running, say, step, succeeds, wait_until
from .settings import Bed

CLASSIC_BRIDGE, CLASSIC_ADDRESS = "classic0", "172.30.77.1/24"


class DaemonEndedError(BedError):
    """A program of the engine ended by itself: these packages may not be for this machine."""


def start(bed: Bed, classic: bool = True) -> None:
    """Bring everything up that is not; packages that never worked here give way to older ones.

    The second engine, which only tests use, comes up if `classic`.
    """
    bed.run.mkdir(parents=True, exist_ok=True)
    has_worked = bed.engine / "has-worked"
    choices = tuple(packages.CHOICES)
    while True:
        choice = packages.unpack_engine(bed, choices)
        try:
            _start(bed, classic)
        except DaemonEndedError as error:
            stop(bed)
            choices = choices[choices.index(choice) + 1 :]
            if not choices or has_worked.exists():
                raise
            say(f"the engine from {choice} does not start here, trying an older one: {error}")
            shutil.rmtree(bed.engine, ignore_errors=True)  # nothing was ever built with it
        else:
            files.write(has_worked, choice)
            return


def stop(bed: Bed) -> None:
    if not (bed.packages / "choice").exists():
        return
    end("dockerd-classic", bed.run, patience=40)
    end("dockerd", bed.run, patience=40)
    end("containerd", bed.run)
    for mounted in (bed.run / "docker/netns").glob("*"):
        succeeds("umount", mounted)  # or the folder could not be removed
    registry.stop(bed)
    network.down(bed)
    if bed.run.exists():
        binfmt.unregister(bed)


def is_up(bed: Bed, classic: bool = True) -> bool:
    """Whether the engine answers, and the second one beside it if `classic`."""
    daemons = [("dockerd", bed.socket), *([("dockerd-classic", bed.classic_socket)] if classic else [])]
    return all(running(name, bed.run) is not None and _answers(bed, socket) for name, socket in daemons)


def _start(bed: Bed, classic: bool) -> None:
    if is_up(bed, classic) and registry.is_up(bed):
        return
    with step("starting the private engine"):
        network.up(bed)
        binfmt.register(bed)
        registry.start(bed)
        _start_containerd(bed)
        _start_dockerd(bed)
        if classic:
            _start_classic(bed)


def _start_containerd(bed: Bed) -> None:
    socket = bed.run / "containerd.sock"
    if running("containerd", bed.run) is None:
        config = bed.run / "containerd.toml"
        files.write(
            config,
            "version = 2\n"
            'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
            f'root = "{bed.engine}/containerd"\n'
            f'state = "{bed.run}/containerd"\n'
            f'[grpc]\naddress = "{socket}"\n',
        )
        command = network.inside(bed, packages.program(bed, "containerd"), "--config", config)
        daemon("containerd", bed.run, command, packages.environment(bed))
    _wait("containerd", bed, lambda: socket.exists())


def _start_dockerd(bed: Bed) -> None:
    if running("dockerd", bed.run) is None:
        (bed.run / "dockerd.pid.own").unlink(missing_ok=True)
        command = network.inside(bed, packages.program(bed, "dockerd"), "--config-file", _configure(bed))
        daemon("dockerd", bed.run, command, packages.environment(bed))
    _wait("dockerd", bed, lambda: _answers(bed, bed.socket))


def _start_classic(bed: Bed) -> None:
    if running("dockerd-classic", bed.run) is None:
        (bed.run / "dockerd-classic.pid.own").unlink(missing_ok=True)
        network.add_bridge(bed, CLASSIC_BRIDGE, CLASSIC_ADDRESS)
        command = network.inside(
            bed, packages.program(bed, "dockerd"), "--config-file", _configure_classic(bed)
        )
        daemon("dockerd-classic", bed.run, command, packages.environment(bed))
    _wait("dockerd-classic", bed, lambda: _answers(bed, bed.classic_socket))


def _configure(bed: Bed) -> Path:
    return _write(
        bed.run / "daemon.json",
        {
            "data-root": str(bed.engine / "docker"),
            "exec-root": str(bed.run / "docker"),
            "pidfile": str(bed.run / "dockerd.pid.own"),
            "hosts": [f"unix://{bed.socket}"],
            "containerd": str(bed.run / "containerd.sock"),
            "features": {"containerd-snapshotter": True},
            "mtu": network.mtu_outside(),
            "registry-mirrors": [f"http://{bed.registry}"],
        },
    )


def _configure_classic(bed: Bed) -> Path:
    return _write(
        bed.run / "daemon-classic.json",
        {
            "data-root": str(bed.engine / "classic"),
            "exec-root": str(bed.run / "classic"),
            "pidfile": str(bed.run / "dockerd-classic.pid.own"),
            "hosts": [f"unix://{bed.classic_socket}"],
            "containerd": str(bed.run / "containerd.sock"),
            "containerd-namespace": "classic",
            "containerd-plugins-namespace": "classic-plugins",
            "features": {"containerd-snapshotter": False},
            "bridge": CLASSIC_BRIDGE,
            "iptables": False,
            "ip6tables": False,
            "registry-mirrors": [f"http://{bed.registry}"],
        },
    )


def _write(config: Path, settings: dict[str, object]) -> Path:
    files.write(config, json.dumps(settings, indent=2))
    return config


def _answers(bed: Bed, socket: Path) -> bool:
    client = packages.program(bed, "docker")
    return socket.exists() and succeeds(client, "-H", f"unix://{socket}", "version", timeout=10)


def _wait(name: str, bed: Bed, ready: Callable[[], bool]) -> None:
    wait_until(lambda: ready() or running(name, bed.run) is None, 120)
    log = bed.run / f"{name}.log"
    if running(name, bed.run) is None:
        words = log.read_text(errors="replace").splitlines()[-5:]
        raise DaemonEndedError(f"{name} does not start; its last words: {' | '.join(words)}")
    if not ready():
        raise BedError(f"{name} runs but does not answer: see {log}")
