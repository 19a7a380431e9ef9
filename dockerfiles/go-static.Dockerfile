# syntax=docker/dockerfile:1
#: Go without cgo: the compiler runs on the build machine and makes a static program for each platform.
ARG go=1.24
ARG replaced=library
ARG package=./cmd/server
ARG program=server
ARG entrypoint=["/usr/local/bin/server"]
ARG data=templates
ARG port=8080
ARG repository=https://git.example/team/project
ARG licence=MIT

#: if web
#: include web

#: end
FROM --platform=$BUILDPLATFORM golang:${go}-bookworm AS build
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
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    GOARM=$(case "$TARGETARCH" in (arm) echo "${TARGETVARIANT#v}";; esac) \
    GOAMD64=$(case "$TARGETARCH" in (amd64) echo "$TARGETVARIANT";; esac) \
    go build -trimpath -ldflags="-s -w" -o /out/${program} ${package}

FROM gcr.io/distroless/static-debian12:nonroot
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
