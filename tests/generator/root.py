"""The root file system in which lines run: Debian packages, unpacked, never this machine's own `/`."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from tests.testbed.bed import rootfs
from tests.testbed.bed.debian import Apt, find_archive
from tests.testbed.bed.process import run, say, step
from tests.testbed.bed.settings import HOST_ARCHITECTURE
from xbuild.plan.table import words

SUITE = "bookworm"
# Another number makes it anew.
_EDITION = 2
# What brings the programs that are described.
PACKAGES = words(
    "adduser binutils bzip2 ca-certificates curl file gawk gcc gettext-base git gnupg busybox hostname jq "
    "libc6-dev libcap2-bin lsb-release "
    "openssh-client openssl passwd perl pigz procps rsync tree unzip util-linux wget xz-utils zip zstd"
)
_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9)}


def cache() -> Path:
    """Where root file systems are kept: beside those of the test bed."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "xbuild-testbed" / "generator"


def root() -> Path:
    """The root file system, made at the first call and kept."""
    key = hashlib.sha256(" ".join((SUITE, str(_EDITION), *PACKAGES)).encode()).hexdigest()[:12]
    found = cache() / key
    if not found.exists():
        made = found.with_name(f"{key}.{os.getpid()}")
        shutil.rmtree(made, ignore_errors=True)
        with step("root file system for the generator from Debian packages"):
            _fill(made, PACKAGES)
        if found.exists():  # another run was faster
            shutil.rmtree(made)
        else:
            made.rename(found)
    return found


def _fill(made: Path, packages: Sequence[str]) -> None:
    work = made.with_name(f"{made.name}-apt")
    (work / "archives").mkdir(parents=True)
    (work / "status").touch()
    archive = find_archive(work / "machine")
    apt = Apt(work, HOST_ARCHITECTURE, archive.sources(SUITE), status=work / "status")
    apt.update()
    say(f"fetching {len(packages)} packages and what they need")
    names = [*apt.required(), "apt", "tzdata", *packages]
    debs = apt.download(names, work / "archives")
    made.mkdir(parents=True)
    rootfs.install(debs, made, HOST_ARCHITECTURE, "")
    rootfs.finish_base(made, "")
    rootfs.add_certificates(made)
    for name, (major, minor) in _DEVICES.items():
        os.mknod(made / "dev" / name, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
        (made / "dev" / name).chmod(0o666)
    for name, target in {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}.items():
        (made / "dev" / name).symlink_to(f"/proc/self/fd{target}")
    for unwanted in ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info"):
        shutil.rmtree(made / unwanted, ignore_errors=True)
    (made / "opt/busybox").mkdir()
    for line in ("/sbin/ldconfig", "/bin/busybox --install -s /opt/busybox"):
        run("chroot", made, "/bin/sh", "-c", line)
    shutil.rmtree(work)
