# syntax=docker/dockerfile:1
#: Files that are served as they are: nothing is built.
ARG repository=https://git.example/team/project
ARG licence=MIT

FROM nginxinc/nginx-unprivileged:1.28
LABEL org.opencontainers.image.source="${repository}"
LABEL org.opencontainers.image.licenses="${licence}"
#: include site
COPY . /usr/share/nginx/html
USER 101:101
EXPOSE 8080
