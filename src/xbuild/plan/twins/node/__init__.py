"""Package managers in official images of Node.js: the build machine's node runs the container's scripts."""

from __future__ import annotations

from xbuild.plan.twins.twin import Twin

TWIN = Twin(
    "node",
    ("npm", "npx", "yarn", "yarnpkg", "pnpm", "corepack"),
    ("debian",),
    (5.2, 9.8),
    absent=(("alpine", "its twin is for images of Debian's family so far"),),
    by_default=True,
)
