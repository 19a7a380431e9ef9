"""Images that bring a generator, or PHP's Composer.

Sources: gohugoio/hugo `Dockerfile` (site in /project, programs in /var/hugo), hugomods/docker
`docker/hugo/snippets/common`, klakegg/docker-hugo `Dockerfile-base` (site in /src), floryn90/docker-hugo
`src/docker` (its successor), peaceiris/docker-mdbook `Dockerfile`, squidfunk/mkdocs-material `Dockerfile`
(site in /docs), composer/docker `latest/Dockerfile` (project in /app, configuration in /tmp),
dart-lang/dart-docker `Dockerfile-debian`, envygeeks/jekyll-docker `repos/jekyll/Dockerfile` (site in
/srv/jekyll), sphinx-doc/sphinx-docker-images `base/Dockerfile` (/docs).
"""

from __future__ import annotations

from xbuild.plan.facts.images import ImageRow

IMAGES = (
    ImageRow("hugomods/hugo", "/src", family=""),
    ImageRow("ghcr.io/gohugoio/hugo", "/project", family="alpine", own_folders=("/cache",)),
    ImageRow("klakegg/hugo", "/src", family="", own_folders=("/target",)),
    ImageRow("floryn90/hugo", "/src", family="", own_folders=("/target",)),
    ImageRow("peaceiris/hugo", "/src", family=""),
    ImageRow("peaceiris/mdbook", "/book", family="alpine"),
    ImageRow("squidfunk/mkdocs-material", "/docs", family="alpine"),
    ImageRow("jekyll/jekyll", "/srv/jekyll", family="alpine"),
    ImageRow("jekyll/builder", "/srv/jekyll", family="alpine"),
    ImageRow("jekyll/minimal", "/srv/jekyll", family="alpine"),
    ImageRow("sphinxdoc/sphinx", "/docs"),
    ImageRow("composer", "/app", family="alpine"),
    ImageRow("composer/composer", "/app", family="alpine"),
    ImageRow("dart", "/root", own_folders=("/runtime",)),
)
