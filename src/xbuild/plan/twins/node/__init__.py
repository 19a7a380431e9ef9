"""npm and yarn of Node.js in official images: the build machine's node runs the image's own package managers."""

from __future__ import annotations

from xbuild.plan.twins.twin import Twin

TWIN = Twin("node", ("npm", "yarn", "yarnpkg"), ("debian",), (7.0, 7.0))
