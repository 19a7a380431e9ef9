# syntax=docker/dockerfile:1
#: A web frontend alone: its files, made once for all platforms, on nginx.
ARG repository=https://git.example/team/project
ARG licence=MIT

#: include web

FROM nginxinc/nginx-unprivileged:1.28
LABEL org.opencontainers.image.source="${repository}"
LABEL org.opencontainers.image.licenses="${licence}"
#: include site
COPY --from=web /src/${web_output} /usr/share/nginx/html${base}
USER 101:101
EXPOSE 8080
