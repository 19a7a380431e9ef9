"""pip and venv of CPython in official images: the build machine's interpreter runs the container's pip."""

from __future__ import annotations

from xbuild.plan.twins.twin import SharedCache, Twin

TWIN = Twin(
    "pip",
    ("pip", "pip3"),
    ("debian", "alpine"),
    (2.9, 27.0),
    modules=("pip", "venv"),
    interpreters=r"(?:/?(?:[\w.+-]+/)+bin/)?python3?(?:\.\d+)?",
    paths=r"/?(?:[\w.+-]+/)+bin/pip3?(?:\.\d+)?",
    variable="xbuild_python",
    environment="venv",
    caches=(
        SharedCache(
            r"(/[^/]+)*/\.cache/pip",
            "downloads by their sums, and wheels that backends of the target's have made",
            has_built=True,
        ),
    ),
    by_default=True,
)
