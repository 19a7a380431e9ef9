"""Images that bring Node or Bun.

Sources: nodejs/docker-node `Dockerfile-debian.template` and `Dockerfile-alpine.template` (bin, include, lib
and share of /usr/local, yarn in a folder of its own in /opt, no WORKDIR); oven-sh/bun
`dockerhub/debian/Dockerfile` (bun in /usr/local/bin, WORKDIR /home/bun/app).
"""

from __future__ import annotations

from xbuild.plan.facts.images import ImageRow

IMAGES = (
    ImageRow("node", "/", other=()),
    ImageRow("oven/bun", "/home/bun/app", other=("distroless",)),
)
