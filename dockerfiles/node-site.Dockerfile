# syntax=docker/dockerfile:1
#: A web frontend alone: its files, made once for all platforms, on nginx.
#: include web

#: include site
COPY --from=web /src/${web_output} /usr/share/nginx/html
USER 101:101
EXPOSE 8080
