"""The registry: one on a socket, reached under one loopback name from every network namespace.

A second one wants a user name and a password, for the tests of logins.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from . import files, packages
from .network import inside
from .process import BedError, daemon, end, running, wait_until
from .settings import AUTH_HTPASSWD, Bed

CONFIG = """\
version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {data}}}
  delete: {{enabled: true}}
http: {{net: unix, addr: {socket}, secret: testbed}}
"""
AUTH = "auth: {{htpasswd: {{realm: testbed, path: {htpasswd}}}}}\n"


def start(bed: Bed, namespaced: bool = True) -> None:
    for name, port in _registries(bed):
        socket = bed.run / f"{name}.sock"
        if running(name, bed.run) is None:
            socket.unlink(missing_ok=True)
            program = packages.program(bed, "docker-registry")
            daemon(name, bed.run, [program, "serve", _configure(bed, name)], packages.environment(bed))
        if not wait_until(socket.exists, 15):
            raise BedError(f"the registry does not start: see {bed.run / name}.log")
        _forward(bed, f"{name}-outside", socket, port, [])
        if namespaced:
            _forward(bed, f"{name}-inside", socket, port, inside(bed))


def stop(bed: Bed) -> None:
    for name, _ in _registries(bed):
        for part in (f"{name}-inside", f"{name}-outside", name):
            end(part, bed.run)


def is_up(bed: Bed) -> bool:
    return all(running(name, bed.run) is not None for name, _ in _registries(bed))


def _registries(bed: Bed) -> Iterator[tuple[str, int]]:
    yield "registry", bed.registry_port
    yield "auth-registry", bed.auth_registry_port


def _configure(bed: Bed, name: str) -> Path:
    data, config = bed.cache / name, bed.run / f"{name}.yml"
    data.mkdir(parents=True, exist_ok=True)
    text = CONFIG.format(data=data, socket=bed.run / f"{name}.sock")
    if name == "auth-registry":
        files.write(bed.run / "htpasswd", f"{AUTH_HTPASSWD}\n")
        text += AUTH.format(htpasswd=bed.run / "htpasswd")
    files.write(config, text)
    return config


def _forward(bed: Bed, name: str, socket: Path, port: int, prefix: list[str | Path]) -> None:
    if running(name, bed.run) is None:
        listen = f"TCP4-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,backlog=64"
        command = [*prefix, packages.program(bed, "socat"), listen, f"UNIX-CONNECT:{socket}"]
        daemon(name, bed.run, command, packages.environment(bed))
    wait_until(lambda: _listens(bed, name, port) or running(name, bed.run) is None, 10)
    if not _listens(bed, name, port):
        raise BedError(
            f"port {port} on 127.0.0.1 cannot be used (see {bed.run / name}.log): free it, "
            "or have another bed, with XBUILD_TESTBED_INSTANCE=1 and an XDG_CACHE_HOME of its own"
        )


def _listens(bed: Bed, name: str, port: int) -> bool:
    number = running(name, bed.run)
    if number is None:
        return False
    # Until it is socat that runs, the process is still in the machine's namespace, where another one listens.
    if Path(f"/proc/{number}/comm").read_text().strip() != "socat":
        return False
    table = Path(f"/proc/{number}/net/tcp").read_text()
    return f"0100007F:{port:04X} 00000000:0000 0A" in table
