# syntax=docker/dockerfile:1
#: Python with requirements for pip, installed by uv: for the target's machine, on the build machine.
ARG python=3.13
ARG suite=trixie
ARG files=requirements.txt
ARG headers=gcc libc6-dev libpq-dev
ARG libraries=libpq5
ARG reason=psycopg2
ARG for_target=--python-platform "$(case $TARGETARCH in (amd64) echo x86_64 ;; (arm64) echo aarch64 ;; esac)-manylinux_2_40"
ARG source=/app/src
ARG source_path=:/app/src
ARG distroless=debian13
ARG distroless_check=["/usr/bin/python3", "-c", "pass"]
ARG module=["-m", "uvicorn", "main:app"]
ARG folder=/app/backend
ARG command=["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]
ARG port=8000
ARG check=["python", "-c", "pass"]
ARG repository=https://git.example/team/project
ARG licence=MIT

#: if web
#: include web

#: end
#: if not compiled
FROM --platform=$BUILDPLATFORM ghcr.io/astral-sh/uv:0.13 AS uv
#: end

#: if not compiled
FROM --platform=$BUILDPLATFORM python:${python}-slim-${suite} AS build
#: end
#: if compiled
# xbuild ignore=emulated-install on the target platform, because of ${reason}; xbuild build assists it
FROM python:${python}-slim-${suite} AS build
RUN apt-get update && apt-get install -y --no-install-recommends ${headers} && rm -rf /var/lib/apt/lists/*
#: end
#: if compiled
COPY --from=ghcr.io/astral-sh/uv:0.13 /uv /bin/uv
#: end
#: if not compiled
COPY --from=uv /uv /bin/uv
#: end
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /app
RUN uv venv /app/.venv
ENV VIRTUAL_ENV=/app/.venv
COPY ${files} ./
#: if not compiled
ARG TARGETARCH
#: end
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip install${for_target} -r requirements.txt
#: if package
COPY . .
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip install${for_target} --no-deps .
#: end

#: if distroless
FROM gcr.io/distroless/python3-${distroless}:nonroot
#: end
#: if not distroless
#: if libraries
# xbuild ignore=emulated-install a library that ${reason} needs; xbuild build assists it
#: end
FROM python:${python}-slim-${suite}
#: end
LABEL org.opencontainers.image.source="${repository}"
LABEL org.opencontainers.image.licenses="${licence}"
#: if libraries
RUN apt-get update && apt-get install -y --no-install-recommends ${libraries} && rm -rf /var/lib/apt/lists/*
#: end
#: if distroless
# The interpreter is the image's own, of the same minor version: it finds the packages by this path.
ENV PYTHONPATH=/opt/packages${source_path} PYTHONUNBUFFERED=1
#: end
#: if not distroless
ENV PATH="/app/.venv/bin:$PATH" PYTHONUNBUFFERED=1
ENV PYTHONPATH=${source}
#: end
# The folder is the user's, so that the program may write to it; a volume keeps what it writes.
#: if distroless
USER 65532:65532
#: end
#: if not distroless
USER 10001:10001
#: end
WORKDIR /app
#: if distroless
COPY --from=build /app/.venv/lib/python${python}/site-packages /opt/packages
#: end
#: if not distroless
COPY --from=build /app/.venv /app/.venv
#: end
#: if code
#: if distroless
COPY --chown=65532:65532 . .
#: end
#: if not distroless
COPY --chown=10001:10001 . .
#: end
#: end
#: if served
#: if distroless
COPY --chown=65532:65532 --from=web /src/${web_output} ./${web_output}
#: end
#: if not distroless
COPY --chown=10001:10001 --from=web /src/${web_output} ./${web_output}
#: end
#: end
WORKDIR ${folder}
#: if distroless
EXPOSE ${port}
HEALTHCHECK CMD ${distroless_check}
ENTRYPOINT ["/usr/bin/python3"]
CMD ${module}
#: end
#: if not distroless
EXPOSE ${port}
HEALTHCHECK CMD ${check}
CMD ${command}
#: end
