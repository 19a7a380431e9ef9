#: How nginx serves files: on port 8080, nothing that is hidden. The template copies the files.
ARG fallback=/index.html
ARG base=/shop

COPY <<'SITE' /etc/nginx/conf.d/default.conf
server {
    listen 8080;
    listen [::]:8080;
    root /usr/share/nginx/html;
    location ~ /\.(?!well-known/) {
        return 404;
    }
#: if below
    location = / {
        absolute_redirect off;
        return 302 ${base}/;
    }
#: end
    location / {
        try_files $uri $uri/ $uri.html ${fallback};
    }
}
SITE

