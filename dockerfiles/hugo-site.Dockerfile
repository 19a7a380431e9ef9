# syntax=docker/dockerfile:1
#: Pages by Hugo: the same for every platform, so they are made once, on the build machine.
ARG hugo=v0.167.0
ARG packages=package.json package-lock.json
ARG repository=https://git.example/team/project
ARG licence=MIT

FROM --platform=$BUILDPLATFORM ghcr.io/gohugoio/hugo:${hugo} AS pages
# The image's own user may write to its home alone.
USER root
ENV HUGO_CACHEDIR=/cache
WORKDIR /src
#: if npm
COPY ${packages} ./
RUN --mount=type=cache,target=/root/.npm npm ci
#: end
COPY . .
RUN --mount=type=cache,target=/cache hugo --destination /pages

FROM nginxinc/nginx-unprivileged:1.28
LABEL org.opencontainers.image.source="${repository}"
LABEL org.opencontainers.image.licenses="${licence}"
#: include site
COPY --from=pages /pages /usr/share/nginx/html
USER 101:101
EXPOSE 8080
