"""Images that bring Node or Bun.

Sources: nodejs/docker-node `Dockerfile-debian.template` and `Dockerfile-alpine.template` (all in /usr/local
and /opt, no WORKDIR); oven-sh/bun `dockerhub/debian/Dockerfile` (bun in /usr/local/bin, WORKDIR
/home/bun/app).
"""

from __future__ import annotations

from xbuild.plan.facts.images import ImageRow

IMAGES = (
    ImageRow("node", "/", own_folders=("/opt", "/usr/local"), other=()),
    ImageRow("oven/bun", "/home/bun/app", own_folders=("/usr/local",), other=("distroless",)),
)
