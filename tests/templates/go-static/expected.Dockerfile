# syntax=docker/dockerfile:1

FROM --platform=$BUILDPLATFORM node:22.23-bookworm AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY web .
RUN npm run build

FROM --platform=$BUILDPLATFORM golang:1.21-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=web /src/web/dist ./web/dist
ARG TARGETOS
ARG TARGETARCH
ARG TARGETVARIANT
RUN --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    GOARM=$(case "$TARGETARCH" in (arm) echo "${TARGETVARIANT#v}";; esac) \
    GOAMD64=$(case "$TARGETARCH" in (amd64) echo "$TARGETVARIANT";; esac) \
    go build -trimpath -ldflags="-s -w" -o /out/visitors .

FROM gcr.io/distroless/static-debian12:nonroot
# The folder is the user's, so that the program may write to it; a volume keeps what it writes.
USER 65532:65532
WORKDIR /app
COPY --from=build /out/visitors /usr/local/bin/visitors
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/visitors"]
