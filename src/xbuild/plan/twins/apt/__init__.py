"""apt-get, apt and dpkg of Debian and Ubuntu: native apt, its methods and dpkg, on the target's own files."""

from __future__ import annotations

from xbuild.plan.twins.twin import Twin

TWIN = Twin("apt", ("apt-get", "apt", "dpkg"), ("debian",), (5.8, 9.8), by_default=True)
