# syntax=docker/dockerfile:1
#: Pages by MkDocs: the same for every platform, so they are made once, on the build machine.
ARG python=3.13
ARG suite=trixie
ARG files=requirements.txt
ARG requirements=-r requirements.txt
ARG repository=https://git.example/team/project
ARG licence=MIT

FROM --platform=$BUILDPLATFORM ghcr.io/astral-sh/uv:0.13 AS uv

FROM --platform=$BUILDPLATFORM python:${python}-slim-${suite} AS pages
COPY --from=uv /uv /bin/uv
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /src
COPY ${files} ./
RUN --mount=type=cache,target=/root/.cache/uv uv pip install --system ${requirements}
COPY . .
RUN mkdocs build --site-dir /pages

FROM nginxinc/nginx-unprivileged:1.28
LABEL org.opencontainers.image.source="${repository}"
LABEL org.opencontainers.image.licenses="${licence}"
#: include site
COPY --from=pages /pages /usr/share/nginx/html
USER 101:101
EXPOSE 8080
