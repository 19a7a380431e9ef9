"""apk of Alpine: the native apk works on the target's own files, as it would on another root."""

from __future__ import annotations

from xbuild.plan.twins.twin import SharedCache, Twin

TWIN = Twin(
    "apk",
    ("apk",),
    ("alpine",),
    (1.3, 4.0),
    caches=(
        SharedCache(
            r"/var/cache/apk|/etc/apk/cache",
            "packages and indexes as they were downloaded",
        ),
    ),
    by_default=True,
    refused=(
        (
            r"(2|3\.(\d|1\d|2[012]))(\.\d+)?",
            "releases before Alpine 3.23 have apk-tools 2, and only for 3 was it proved",
        ),
        ("edge", "edge has other packages every day, and they may differ between the two platforms' images"),
    ),
)
