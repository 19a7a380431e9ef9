"""Package managers in official images of Node.js: the build machine's node runs the container's scripts."""

from __future__ import annotations

from xbuild.plan.twins.twin import Twin

TWIN = Twin(
    "node",
    ("npm", "npx", "yarn", "yarnpkg", "pnpm", "corepack"),
    ("debian", "alpine"),
    (5.2, 9.8),
    by_default=True,
)
