"""A network namespace for the private engine: its docker0 and rules cannot meet a user's."""

from __future__ import annotations

import re
from pathlib import Path

from . import files, packages
from .process import BedError, run, running, succeeds
from .settings import Bed


def up(bed: Bed) -> None:
    """A pair of virtual cards, a route out, and address translation on the machine's side."""
    noted = bed.run / "network"
    if _namespace(bed).exists():
        if noted.exists() or running("dockerd", bed.run) is not None:
            return
        down(bed)  # a kill left half of it
    outer, inner = _cards(bed)
    mtu = mtu_outside()
    _ip(bed, "netns", "add", bed.name)
    try:
        _ip(
            bed, "link", "add", outer, "mtu", str(mtu), "type", "veth", "peer", "name", inner, "mtu", str(mtu)
        )
        _ip(bed, "link", "set", inner, "netns", bed.name)
        _ip(bed, "addr", "add", f"{bed.subnet}.1/30", "dev", outer)
        _ip(bed, "link", "set", outer, "up")
        _ip(bed, "-n", bed.name, "addr", "add", f"{bed.subnet}.2/30", "dev", inner)
        for card in ("lo", inner):
            _ip(bed, "-n", bed.name, "link", "set", card, "up")
        _ip(bed, "-n", bed.name, "route", "add", "default", "via", f"{bed.subnet}.1")
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        for table, chain, rule in _rules(bed):
            _iptables(bed, table, "-I", chain, *rule)
        files.write(noted, "whole\n")
    except BaseException:  # also an interrupt
        down(bed)
        raise


def add_bridge(bed: Bed, name: str, address: str) -> None:
    """A bridge of the second engine's own: two engines on docker0 would give out the same addresses, and one
    that is told to have none takes docker0 away from the other.
    """
    inside_it = ("-n", bed.name)
    if not succeeds(
        packages.program(bed, "ip"), *inside_it, "link", "show", name, env=packages.environment(bed)
    ):
        _ip(bed, *inside_it, "link", "add", name, "type", "bridge")
        _ip(bed, *inside_it, "addr", "add", address, "dev", name)
        _ip(bed, *inside_it, "link", "set", name, "up")


def down(bed: Bed) -> None:
    """Take everything away again; what is not there is no trouble."""
    (bed.run / "network").unlink(missing_ok=True)
    for table, chain, rule in _rules(bed):
        while _try_iptables(bed, table, "-D", chain, *rule):
            pass
    ip = packages.program(bed, "ip")
    succeeds(ip, "link", "del", _cards(bed)[0], env=packages.environment(bed))
    succeeds(ip, "netns", "del", bed.name, env=packages.environment(bed))


def inside(bed: Bed, *command: str | Path) -> list[str | Path]:
    """The same command, in the namespace (`ip netns exec` would hide the cgroups)."""
    return ["nsenter", f"--net={_namespace(bed)}", *command]


def mtu_outside() -> int:
    """What the way out carries: a larger packet would vanish in the middle of a download."""
    routes = [line.split() for line in Path("/proc/net/route").read_text().splitlines()[1:]]
    cards = [fields[0] for fields in routes if fields[1] == "00000000"]
    sizes = [int(Path(f"/sys/class/net/{card}/mtu").read_text()) for card in cards]
    return min([1500, *sizes])


def _namespace(bed: Bed) -> Path:
    return Path("/run/netns") / bed.name


def _cards(bed: Bed) -> tuple[str, str]:
    return f"xbt{bed.instance}-out", f"xbt{bed.instance}-in"


def _rules(bed: Bed) -> list[tuple[str, str, list[str]]]:
    mark = ["-m", "comment", "--comment", bed.name]
    network = f"{bed.subnet}.0/30"
    return [
        ("nat", "POSTROUTING", ["-s", network, "!", "-d", network, *mark, "-j", "MASQUERADE"]),
        ("filter", "FORWARD", ["-s", network, *mark, "-j", "ACCEPT"]),
        ("filter", "FORWARD", ["-d", network, *mark, "-j", "ACCEPT"]),
    ]


def _ip(bed: Bed, *words: str) -> None:
    run(packages.program(bed, "ip"), *words, env=packages.environment(bed))


def _iptables(bed: Bed, table: str, *words: str) -> None:
    run(packages.program(bed, "iptables"), "-w", "-t", table, *words, env=packages.environment(bed))


def _try_iptables(bed: Bed, table: str, *words: str) -> bool:
    try:
        _iptables(bed, table, *words)
    except BedError as error:
        if re.search(r"permission|not permitted", str(error), re.IGNORECASE):
            raise
        return False
    return True
