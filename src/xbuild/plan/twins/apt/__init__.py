"""apt-get, apt and dpkg of Debian and Ubuntu: native apt, its methods and dpkg, on the target's own files."""

from __future__ import annotations

from xbuild.plan.twins.twin import SharedCache, Twin

TWIN = Twin(
    "apt",
    ("apt-get", "apt", "dpkg"),
    ("debian",),
    (2.4, 9.8),
    caches=(
        SharedCache(
            r"/var/cache/apt(/archives)?",
            "packages as they were downloaded, and an index of them that apt makes anew",
        ),
        SharedCache(r"/var/lib/apt(/lists)?", "lists of packages as they were downloaded"),
    ),
    by_default=True,
)
