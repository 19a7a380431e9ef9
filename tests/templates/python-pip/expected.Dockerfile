# syntax=docker/dockerfile:1

FROM --platform=$BUILDPLATFORM ghcr.io/astral-sh/uv:0.13 AS uv

FROM --platform=$BUILDPLATFORM python:3.13-slim-trixie AS build
COPY --from=uv /uv /bin/uv
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /app
RUN uv venv /app/.venv
ENV VIRTUAL_ENV=/app/.venv
COPY requirements.txt ./
ARG TARGETARCH
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip install --python-platform "$(case $TARGETARCH in (amd64) echo x86_64 ;; (arm64) echo aarch64 ;; esac)-manylinux_2_40" -r requirements.txt

FROM python:3.13-slim-trixie
ENV PATH="/app/.venv/bin:$PATH" PYTHONUNBUFFERED=1
# The folder is the user's, so that the program may write to it; a volume keeps what it writes.
USER 10001:10001
WORKDIR /app
COPY --from=build /app/.venv /app/.venv
COPY --chown=10001:10001 . .
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import socket; socket.create_connection(('127.0.0.1', 8000), 3)"]
CMD ["gunicorn", "--bind", "0.0.0.0:8000", "app:app"]
