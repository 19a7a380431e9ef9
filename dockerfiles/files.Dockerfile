# syntax=docker/dockerfile:1
#: What was not recognised: the files alone, and what is left to be told.
ARG missing=How the program is built.
ARG repository=https://git.example/team/project
ARG licence=MIT

FROM debian:bookworm-slim
LABEL org.opencontainers.image.source="${repository}"
LABEL org.opencontainers.image.licenses="${licence}"
# The folder is the user's, so that the program may write to it; a volume keeps what it writes.
USER 10001:10001
WORKDIR /app
COPY --chown=10001:10001 . .
# What could not be told, and is to be added:
# ${missing}
