#: What serves files: nginx, as a user without rights, on port 8080. The template copies the files.
ARG fallback=/index.html
ARG labels=org.opencontainers.image.licenses="MIT"

FROM nginxinc/nginx-unprivileged:1.28
LABEL ${labels}
COPY <<'SITE' /etc/nginx/conf.d/default.conf
server {
    listen 8080;
    listen [::]:8080;
    root /usr/share/nginx/html;
    location ~ /\.(?!well-known/) {
        return 404;
    }
    location / {
        try_files $uri $uri/ $uri.html ${fallback};
    }
}
SITE
