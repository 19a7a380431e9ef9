"""pip and venv of CPython in official images: the build machine's interpreter runs the container's pip."""

from __future__ import annotations

from xbuild.plan.twins.twin import Twin

TWIN = Twin(
    "pip",
    ("pip", "pip3"),
    ("debian",),
    (2.9, 27.0),
    modules=("pip", "venv"),
    interpreters=r"(?:/usr/local/bin/)?python3?(?:\.\d+)?",
    paths=r"/(?:[\w.+-]+/)+bin/pip3?(?:\.\d+)?",
    variable="xbuild_python",
    by_default=True,
)
