"""Where everything of one bed lives, and under which names and numbers."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

from .process import BedError

TESTBED = Path(__file__).resolve().parent.parent
CHECKOUT = TESTBED.parent.parent
TOOLS = TESTBED / "tools"

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
HOST_ARCHITECTURE = ARCHITECTURES.get(platform.machine(), platform.machine())

AUTH_USER = "tester"
AUTH_PASSWORD = "testbed-password"  # a throw-away registry on loopback
AUTH_HTPASSWD = f"{AUTH_USER}:$2y$05$abcdefghijklmnopqrstuuLxgU70LtKCiEBnEtnFcgRDLtC680wFe"


@dataclass(frozen=True)
class Bed:
    """One bed. A second one beside the first has another instance number and another cache."""

    cache: Path
    instance: int

    @property
    def name(self) -> str:
        return "xbuild-testbed" if self.instance == 0 else f"xbuild-testbed-{self.instance}"

    @property
    def run(self) -> Path:
        return Path("/run") / self.name

    @property
    def bin(self) -> Path:
        """What `env` puts first on PATH."""
        return self.cache / "bin"

    @property
    def packages(self) -> Path:
        """Debian packages, unpacked here instead of installed on the machine."""
        return self.cache / "packages"

    @property
    def debian_go(self) -> Path:
        """Debian's Go, only where the machine has none."""
        return self.cache / "debian-go"

    @property
    def skopeo(self) -> Path:
        """Debian's skopeo."""
        return self.cache / "skopeo"

    @property
    def make(self) -> Path:
        """Debian's make, only where the machine has none."""
        return self.cache / "make"

    @property
    def store(self) -> Path:
        """The images, as blobs and descriptors."""
        return self.cache / "store"

    @property
    def engine(self) -> Path:
        """The private engine's data root."""
        return self.cache / "engine"

    @property
    def docker_config(self) -> Path:
        return self.cache / "docker"

    @property
    def old_buildx_config(self) -> Path:
        return self.cache / "docker-old-buildx"

    @property
    def buildx_config(self) -> Path:
        return self.cache / "buildx"

    @property
    def socket(self) -> Path:
        return self.run / "docker.sock"

    @property
    def classic_socket(self) -> Path:
        return self.run / "docker-classic.sock"

    @property
    def registry_port(self) -> int:
        return 5601 + 10 * self.instance

    @property
    def registry(self) -> str:
        return f"127.0.0.1:{self.registry_port}"

    @property
    def auth_registry_port(self) -> int:
        return self.registry_port + 1

    @property
    def auth_registry(self) -> str:
        return f"127.0.0.1:{self.auth_registry_port}"

    @property
    def builder(self) -> str:
        """Its container in the engine is named after it, so the name is the bed's own."""
        return self.name

    @property
    def subnet(self) -> str:
        """First three numbers of the network between the machine and the bed's namespace."""
        return f"10.213.{77 + self.instance}"


def current() -> Bed:
    cache_home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    instance = os.environ.get("XBUILD_TESTBED_INSTANCE") or "0"
    if not re.fullmatch(r"\d{1,2}", instance, re.ASCII):
        raise BedError(f"XBUILD_TESTBED_INSTANCE is a number from 0 to 99, not {instance!r}")
    return Bed(cache=Path(cache_home) / "xbuild-testbed", instance=int(instance))
