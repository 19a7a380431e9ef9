# syntax=docker/dockerfile:1
#: C and C++ by CMake: the cross compiler of each platform runs on the build machine.
ARG packages=cmake ninja-build ccache g++
ARG program=server
ARG entrypoint=["/usr/local/bin/server"]
ARG port=8080
ARG repository=https://git.example/team/project
ARG licence=MIT

FROM --platform=$BUILDPLATFORM debian:bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends ${packages} && rm -rf /var/lib/apt/lists/*
ARG TARGETARCH
ARG TARGETVARIANT
# What Debian's compilers and its packages call the platform, and CMake its processor.
RUN case "$TARGETARCH$TARGETVARIANT" in \
        amd64*) gnu=x86_64-linux-gnu debian=amd64 processor=x86_64 ;; \
        arm64*) gnu=aarch64-linux-gnu debian=arm64 processor=aarch64 ;; \
        armv7) gnu=arm-linux-gnueabihf debian=armhf processor=armv7l ;; \
        ppc64le) gnu=powerpc64le-linux-gnu debian=ppc64el processor=ppc64le ;; \
        s390x) gnu=s390x-linux-gnu debian=s390x processor=s390x ;; \
        *) echo "no compiler for $TARGETARCH$TARGETVARIANT" >&2; exit 1 ;; \
    esac && \
    if ! command -v $gnu-g++; then \
        apt-get update && \
        apt-get install -y --no-install-recommends g++-$(echo $gnu | tr _ -) libc6-dev-$debian-cross && \
        rm -rf /var/lib/apt/lists/*; \
    fi && \
    printf '%s\n' "set(CMAKE_SYSTEM_NAME Linux)" "set(CMAKE_SYSTEM_PROCESSOR $processor)" \
        "set(CMAKE_C_COMPILER $gnu-gcc)" "set(CMAKE_CXX_COMPILER $gnu-g++)" > /etc/target.cmake
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.cache/ccache \
    cmake -S . -B /build -G Ninja -DCMAKE_TOOLCHAIN_FILE=/etc/target.cmake -DCMAKE_BUILD_TYPE=Release \
        -DBUILD_SHARED_LIBS=OFF -DBUILD_TESTING=OFF -DCMAKE_EXE_LINKER_FLAGS=-s \
        -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache && \
    cmake --build /build --target ${program} && \
    mkdir /out && cp $(find /build /src -type f -name ${program} -perm /111) /out/${program}

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.source="${repository}"
LABEL org.opencontainers.image.licenses="${licence}"
# The folder is the user's, so that the program may write to it; a volume keeps what it writes.
USER 65532:65532
WORKDIR /app
COPY --from=build /out/${program} /usr/local/bin/${program}
EXPOSE ${port}
ENTRYPOINT ${entrypoint}
