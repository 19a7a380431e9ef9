# syntax=docker/dockerfile:1
#: Rust: the compiler runs on the build machine; the linker of each platform is installed beside it.
ARG rust=1.95
ARG markers=library
ARG settings=.cargo
ARG folders=src
ARG stubs=src/main.rs
ARG tools=protobuf-compiler
ARG compiler=gcc
ARG own=--package library --package server
ARG package=server
ARG program=server
ARG features=--features tls
ARG entrypoint=["/usr/local/bin/server"]
ARG port=8080
ARG repository=https://git.example/team/project
ARG licence=MIT

#: if web
#: include web

#: end
FROM --platform=$BUILDPLATFORM rust:${rust}-bookworm AS build
# The image's own toolchain, whatever rust-toolchain.toml says; C libraries that crates bring, not Debian's.
ENV RUSTUP_TOOLCHAIN=$RUST_VERSION PKG_CONFIG=false CARGO_TARGET_DIR=/target
#: if tools
RUN apt-get update && apt-get install -y --no-install-recommends ${tools} && rm -rf /var/lib/apt/lists/*
#: end
WORKDIR /src
#: if fetched
COPY Cargo.toml Cargo.lock ./
COPY ${settings} ./${settings}
COPY ${markers}/Cargo.toml ./${markers}/
# cargo reads no Cargo.toml without the files that it names.
RUN mkdir -p ${folders} && touch ${stubs} && cargo fetch --locked
#: end
ARG TARGETARCH
ARG TARGETVARIANT
# What Rust, Debian's compilers and its packages call the platform.
RUN case "$TARGETARCH$TARGETVARIANT" in \
        amd64*) triple=x86_64-unknown-linux-gnu gnu=x86_64-linux-gnu debian=amd64 ;; \
        arm64*) triple=aarch64-unknown-linux-gnu gnu=aarch64-linux-gnu debian=arm64 ;; \
        armv7) triple=armv7-unknown-linux-gnueabihf gnu=arm-linux-gnueabihf debian=armhf ;; \
        ppc64le) triple=powerpc64le-unknown-linux-gnu gnu=powerpc64le-linux-gnu debian=ppc64el ;; \
        s390x) triple=s390x-unknown-linux-gnu gnu=s390x-linux-gnu debian=s390x ;; \
        *) echo "no compiler for $TARGETARCH$TARGETVARIANT" >&2; exit 1 ;; \
    esac && \
    rustup target add $triple && \
    if ! command -v $gnu-${compiler}; then \
        apt-get update && \
        apt-get install -y --no-install-recommends ${compiler}-$(echo $gnu | tr _ -) libc6-dev-$debian-cross && \
        rm -rf /var/lib/apt/lists/*; \
    fi && \
    name=$(echo $triple | tr - _) && \
    echo "export CARGO_BUILD_TARGET=$triple CC_$name=$gnu-gcc CXX_$name=$gnu-g++ AR_$name=$gnu-ar" \
        "CARGO_TARGET_$(echo $name | tr a-z A-Z)_LINKER=$gnu-gcc" > /etc/target
COPY . .
#: if embedded
COPY --from=web /src/${web_output} ./${web_output}
#: end
# The project's own packages are compiled anew: cargo would go by the times of files, which a checkout changes.
RUN --mount=type=cache,target=/target,sharing=locked \
    . /etc/target && cargo clean --release --locked --target $CARGO_BUILD_TARGET ${own} && \
    cargo build --release --locked --package ${package} --bin ${program}${features} && \
    install -D /target/$CARGO_BUILD_TARGET/release/${program} /out/${program}

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.source="${repository}"
LABEL org.opencontainers.image.licenses="${licence}"
# The folder is the user's, so that the program may write to it; a volume keeps what it writes.
USER 65532:65532
WORKDIR /app
#: if served
COPY --chown=65532:65532 --from=web /src/${web_output} ./${web_output}
#: end
COPY --from=build /out/${program} /usr/local/bin/${program}
EXPOSE ${port}
ENTRYPOINT ${entrypoint}
