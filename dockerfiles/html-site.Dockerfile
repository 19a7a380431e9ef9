# syntax=docker/dockerfile:1
#: Files that are served as they are: nothing is built.
#: include site
COPY . /usr/share/nginx/html
USER 101:101
EXPOSE 8080
