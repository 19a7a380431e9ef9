"""Package managers in official images of Node.js: the build machine's node runs the container's scripts."""

from __future__ import annotations

from xbuild.plan.twins.twin import Twin

TWIN = Twin(
    "node",
    ("npm", "npx", "yarn", "yarnpkg", "pnpm", "corepack"),
    ("debian",),
    (5.2, 9.8),
    absent=(("alpine", "of the builds of Node.js for Alpine it was proved for none"),),
    by_default=True,
)
