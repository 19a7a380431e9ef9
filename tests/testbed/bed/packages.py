"""The programs of the private engine: Debian's, unpacked into the cache instead of installed."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from . import files
from .debian import PRIVATE_TRIPLETS, Apt, find_archive, host_suite, unpack
from .process import BedError, say, step, succeeds
from .settings import HOST_ARCHITECTURE, Bed

NEWER_SUITES = (("trixie", 100), ("sid", 50))  # only where a package asks for them

SMALL = ("docker-registry", "iptables", "iproute2", "socat")
ENGINE = ("docker.io", "docker-cli", "containerd")  # not runc: a newer one wants a newer libc
# Newest first. The second is what worked in 2025, the last is the machine's own.
CHOICES: dict[str, tuple[str, ...]] = {
    "sid": (
        *(f"{name}/sid" for name in ENGINE),
        "docker-buildx/sid",
        "qemu-user/trixie",
        "qemu-user-binfmt/trixie",
    ),
    "trixie": (*(f"{name}/trixie" for name in ENGINE), "docker-buildx/sid", "qemu-user-static"),
    "own": ("docker.io", "docker-buildx", "qemu-user-static"),
}


def unpack_engine(bed: Bed, choices: tuple[str, ...] = tuple(CHOICES)) -> str:
    """Unpack the first choice that this machine's libraries carry, unless one is there already."""
    stamp = bed.packages / "choice"
    if stamp.exists() and stamp.read_text() in choices:
        return stamp.read_text()
    apt = _apt(bed)
    for choice in choices:
        if _fits(apt, wanted := (*CHOICES[choice], *SMALL)):
            with step(f"fetching and unpacking the engine's packages ({choice})"):
                _unpack(apt, wanted, bed.packages)
                _link_iptables(bed)
            files.write(stamp, choice)
            return choice
        say(f"the engine's packages from {choice} do not fit this machine")
    raise BedError(f"none of Debian's docker.io packages fits this machine (tried {', '.join(choices)})")


def unpack_go(bed: Bed) -> None:
    """Debian's newest Go; it fetches the exact one that tools/go.mod asks for."""
    apt = _apt(bed)
    for name in sorted(
        apt.names(r"golang-1\.\d+-go"), key=lambda name: int(re.findall(r"\d+", name)[1]), reverse=True
    ):
        if _fits(apt, (name,)):
            with step(f"fetching and unpacking {name}"):
                _unpack(apt, (name,), bed.debian_go)
            return


def unpack_skopeo(bed: Bed) -> Path | None:
    """A program that runs Debian's skopeo with libraries and policy of its own; None where it does not fit.

    The tests of what an older buildx cannot do go through it.
    """
    wrapper = bed.skopeo / "skopeo"
    if not wrapper.exists():
        apt = _apt(bed)
        if not _fits(apt, ("skopeo",)):
            say("Debian's skopeo does not fit this machine: tests that need it are skipped")
            return None
        with step("fetching and unpacking skopeo"):
            _unpack(apt, ("skopeo",), bed.skopeo)
        libraries = bed.skopeo / "usr/lib" / PRIVATE_TRIPLETS[HOST_ARCHITECTURE]
        files.write(
            wrapper,
            "#!/bin/sh\n"
            f"LD_LIBRARY_PATH='{libraries}' exec '{bed.skopeo}/usr/bin/skopeo' "
            f"--policy '{bed.skopeo}/etc/containers/policy.json' \"$@\"\n",
            mode=0o755,
        )
    return wrapper


def unpack_make(bed: Bed) -> None:
    """Debian's make, where this machine has none: what it says it would run is tested without a container."""
    if bed.make.exists() or shutil.which("make"):
        return
    try:
        if _fits(apt := _apt(bed), ("make",)):
            with step("fetching and unpacking make"):
                _unpack(apt, ("make",), bed.make)
            return
        reason = "Debian's does not fit this machine"
    except BedError as error:
        reason = str(error)
    say(f"no make: {reason}; tests that need it are skipped")


def debugfs(bed: Bed) -> list[str | Path]:
    """What reads a file system of ext4 without mounting it; Debian's, where the machine has none."""
    if found := shutil.which("debugfs", path=f"{os.environ.get('PATH', os.defpath)}:/sbin:/usr/sbin"):
        return [found]
    folder = bed.cache / "e2fsprogs"
    if not folder.exists():
        apt = _apt(bed)
        if not _fits(apt, ("e2fsprogs",)):
            raise BedError("unpacking Alpine needs debugfs, and Debian's e2fsprogs do not fit this machine")
        with step("fetching and unpacking e2fsprogs"):
            _unpack(apt, ("e2fsprogs",), folder)
    libraries = folder / "usr/lib" / PRIVATE_TRIPLETS[HOST_ARCHITECTURE]
    return ["env", f"LD_LIBRARY_PATH={libraries}", folder / "usr/sbin/debugfs"]


def program(bed: Bed, name: str) -> Path:
    for folder in ("usr/bin", "usr/sbin"):
        if (found := bed.packages / folder / name).exists():
            return found
    if machines := shutil.which(name):
        return Path(machines)
    raise BedError(f"{name} is missing: remove {bed.packages} and start again")


def environment(bed: Bed) -> dict[str, str]:
    """So that the unpacked programs find each other and the libraries the machine lacks."""
    here = bed.packages / "usr"
    libraries = here / "lib" / PRIVATE_TRIPLETS[HOST_ARCHITECTURE]
    return {
        "PATH": f"{here}/sbin:{here}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LD_LIBRARY_PATH": str(libraries),
        "XTABLES_LIBDIR": f"{libraries}/xtables",
    }


def _apt(bed: Bed) -> Apt:
    """For programs of this machine, from its own release and newer ones."""
    archive = find_archive(bed.cache / "apt/machine")
    suites = [host_suite(), *(suite for suite, _ in NEWER_SUITES if suite != host_suite())]
    pins = [
        (name, number)
        for suite, number in NEWER_SUITES
        if suite != host_suite()
        for name in (suite, f"{suite}-updates", f"{suite}-security")
    ]
    apt = Apt(
        folder=bed.cache / "apt/engine",
        architecture=HOST_ARCHITECTURE,
        sources=[line for suite in suites for line in archive.sources(suite)],
        pins=pins,
        status=Path("/var/lib/dpkg/status"),
    )
    apt.update()
    return apt


def _fits(apt: Apt, wanted: tuple[str, ...]) -> bool:
    """Only if no library of the machine would have to be newer than it is."""
    changes = apt.simulate("--reinstall", *wanted)
    named = {name.split("/")[0] for name in wanted}
    return changes is not None and all(name in named for name, replaces in changes if replaces)


def _unpack(apt: Apt, wanted: tuple[str, ...], target: Path) -> None:
    """Beside the target first: what an interrupt leaves must not pass for the whole."""
    archives, fresh, old = apt.folder / "archives", _beside(target, "new"), _beside(target, "old")
    for folder in (archives, fresh, old):
        shutil.rmtree(folder, ignore_errors=True)
    unpack(apt.download(("--reinstall", *wanted), archives), fresh)
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    for folder in (archives, old):
        shutil.rmtree(folder, ignore_errors=True)


def _beside(target: Path, word: str) -> Path:
    return target.with_name(f"{target.name}.{word}")


def _link_iptables(bed: Bed) -> None:
    """The names that the package's installation script would have made."""
    folder = bed.packages / "usr/sbin"
    nft = succeeds(folder / "xtables-nft-multi", "iptables", "-t", "nat", "-S", env=environment(bed))
    kind = "nft" if nft else "legacy"
    for family in ("iptables", "ip6tables"):
        for action in ("", "-save", "-restore"):
            link = folder / f"{family}{action}"
            if not link.exists() and (folder / f"xtables-{kind}-multi").exists():
                link.symlink_to(f"{family}-{kind}{action}")
