# syntax=docker/dockerfile:1
#: Go with cgo: the C compiler of each platform is installed once, on the build machine, and takes its turn.
ARG go=1.24
ARG replaced=library
ARG package=./cmd/server
ARG program=server
ARG entrypoint=["/usr/local/bin/server"]
ARG data=templates
ARG runtime=base
ARG port=8080
ARG repository=https://git.example/team/project
ARG licence=MIT

#: if web
#: include web

#: end
FROM --platform=$BUILDPLATFORM golang:${go}-bookworm AS build
RUN set -e; native=$(dpkg --print-architecture); packages=; \
    lists=$(find /var/lib/apt/lists -name '*Release' 2>/dev/null || :); \
    if [ "$native" != amd64 ]; then packages="$packages gcc-x86-64-linux-gnu libc6-dev-amd64-cross"; fi; \
    if [ "$native" != arm64 ]; then packages="$packages gcc-aarch64-linux-gnu libc6-dev-arm64-cross"; fi; \
    if [ "$native" != armhf ]; then packages="$packages gcc-arm-linux-gnueabihf libc6-dev-armhf-cross"; fi; \
    if [ "$native" != i386 ]; then packages="$packages gcc-i686-linux-gnu libc6-dev-i386-cross"; fi; \
    if [ "$native" != ppc64el ]; then packages="$packages gcc-powerpc64le-linux-gnu libc6-dev-ppc64el-cross"; fi; \
    if [ "$native" != s390x ]; then packages="$packages gcc-s390x-linux-gnu libc6-dev-s390x-cross"; fi; \
    apt-get update; apt-get install -y --no-install-recommends $packages; if [ -z "$lists" ]; then rm -rf /var/lib/apt/lists/*; fi; \
    mkdir -p /usr/local/bin; printf '%s\n' '#!/bin/sh' 'case "$TARGETARCH${TARGETVARIANT#v[1234]}" in amd64) t=x86_64-linux-gnu l=x86_64-linux-gnu;; arm64) t=aarch64-linux-gnu l=aarch64-linux-gnu;; armv7) t=arm-linux-gnueabihf l=arm-linux-gnueabihf;; 386) t=i686-linux-gnu l=i386-linux-gnu;; ppc64le) t=powerpc64le-linux-gnu l=powerpc64le-linux-gnu;; s390x) t=s390x-linux-gnu l=s390x-linux-gnu;; *) echo "no C compiler for $TARGETARCH" >&2; exit 1;; esac' 'case "$0" in *-cc) exec "$t-gcc" "$@";; *-cxx) exec "$t-g++" "$@";; esac' 'PKG_CONFIG_LIBDIR="/usr/lib/$l/pkgconfig:/usr/share/pkgconfig" exec pkg-config "$@"' > /usr/local/bin/xbuild-cc; \
    chmod 755 /usr/local/bin/xbuild-cc; \
    ln -sf xbuild-cc /usr/local/bin/xbuild-cxx; ln -sf xbuild-cc /usr/local/bin/xbuild-pkg-config
WORKDIR /src
#: if modules
COPY go.mod go.sum ./
COPY ${replaced}/go.mod ${replaced}/go.sum* ./${replaced}/
RUN go mod download
#: end
COPY . .
#: if embedded
COPY --from=web /src/${web_output} ./${web_output}
#: end
ARG TARGETOS
ARG TARGETARCH
ARG TARGETVARIANT
RUN --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=1 CC=xbuild-cc CXX=xbuild-cxx GOOS=$TARGETOS GOARCH=$TARGETARCH \
    GOARM=$(case "$TARGETARCH" in (arm) echo "${TARGETVARIANT#v}";; esac) \
    GOAMD64=$(case "$TARGETARCH" in (amd64) echo "$TARGETVARIANT";; esac) \
    go build -trimpath -ldflags="-s -w" -o /out/${program} ${package}

FROM gcr.io/distroless/${runtime}-debian12:nonroot
LABEL org.opencontainers.image.source="${repository}"
LABEL org.opencontainers.image.licenses="${licence}"
# The folder is the user's, so that the program may write to it; a volume keeps what it writes.
USER 65532:65532
WORKDIR /app
COPY --chown=65532:65532 ${data} ./${data}
#: if served
COPY --chown=65532:65532 --from=web /src/${web_output} ./${web_output}
#: end
COPY --from=build /out/${program} /usr/local/bin/${program}
EXPOSE ${port}
ENTRYPOINT ${entrypoint}
