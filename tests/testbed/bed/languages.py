"""Base images of further languages, made only when they are asked for: stand-ins from Debian's packages.

What they are called is what Dockerfiles ask for; what is in them are Debian 12's own versions (nginx 1.22,
Hugo 0.111, Maven 3.8), but for Rust, which is the release that was named, by this machine's rustup.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from . import files
from .oci import Descriptor, Layer, Platform, make_manifest
from .process import BedError, run
from .recipes import (
    COMPILERS,
    GO_PACKAGES,
    HOST,
    PATH,
    Kitchen,
    _distroless,
    _image,
    debian_layer,
    host_variables,
    packages_layer,
)

NGINX, HUGO, TEMURIN = "nginxinc/nginx-unprivileged", "ghcr.io/gohugoio/hugo", "eclipse-temurin"
CC = "gcr.io/distroless/cc-debian12"
# Release → the Debian that has it.
JAVAS = {"17": "bookworm", "21": "trixie", "25": "trixie"}
RUST_TRIPLES = {"amd64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}
# This machine's own certificates for Java, which no package has.
STORE = Path("/etc/ssl/certs/java/cacerts")
NGINX_CONF = """\
worker_processes auto;
error_log /dev/stderr notice;
pid /tmp/nginx.pid;
events { worker_connections 1024; }
http {
    proxy_temp_path /tmp/proxy_temp;
    client_body_temp_path /tmp/client_temp;
    fastcgi_temp_path /tmp/fastcgi_temp;
    uwsgi_temp_path /tmp/uwsgi_temp;
    scgi_temp_path /tmp/scgi_temp;
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /dev/stdout;
    sendfile on;
    include /etc/nginx/conf.d/*.conf;
}
"""


def nginx(kitchen: Kitchen, tag: str) -> list[str]:
    """nginx as a user without rights: what it writes is in /tmp."""

    def fill(root: Path) -> None:
        files.write(root / "etc/nginx/nginx.conf", NGINX_CONF)
        for name in ("etc/nginx/conf.d", "usr/share/nginx/html"):
            (root / name).mkdir(parents=True)

    def manifest(platform: Platform) -> Descriptor:
        layers = [
            debian_layer(kitchen, platform),
            packages_layer(kitchen, platform, "nginx", ("nginx", "ca-certificates", "curl")),
            kitchen.layer(f"nginx-settings-{platform.key}", "nginx.conf", fill, "languages.py"),
        ]
        settings = {
            "Env": [PATH, *host_variables()],
            "Cmd": ["nginx", "-g", "daemon off;"],
            "User": "101",
            "ExposedPorts": {"8080/tcp": {}},
            "StopSignal": "SIGQUIT",
        }
        return make_manifest(kitchen.store, platform, layers, settings)

    return _image(kitchen, [f"docker.io/{NGINX}:{tag}"], kitchen.compilers, manifest)


def hugo(kitchen: Kitchen, tag: str) -> list[str]:
    """Hugo, under whatever version is asked for."""

    def manifest(platform: Platform) -> Descriptor:
        packages = ("hugo", "git", "ca-certificates")
        layers = [debian_layer(kitchen, platform), packages_layer(kitchen, platform, "hugo", packages)]
        settings = {
            "Env": [PATH, "HUGO_CACHEDIR=/cache", *host_variables()],
            "Entrypoint": ["hugo"],
            "User": "1000:1000",
            "WorkingDir": "/project",
        }
        return make_manifest(kitchen.store, platform, layers, settings)

    return _image(kitchen, [f"{HUGO}:{tag}"], kitchen.compilers, manifest)


def temurin(kitchen: Kitchen, tag: str) -> list[str]:
    """`17-jre-noble`, `17-jdk-noble`: Debian's OpenJDK of that release."""
    found = re.fullmatch(r"(\d+)-(jre|jdk)(?:-noble)?", tag)
    if found is None:
        raise BedError(f"no recipe for {TEMURIN}:{tag}: there are 17-jre-noble, 17-jdk-noble and the like")
    release, kind = found.groups()

    def manifest(platform: Platform) -> Descriptor:
        layers, env = _java(kitchen, platform, release, kind)
        return make_manifest(kitchen.store, platform, layers, {"Env": env})

    names = [f"docker.io/library/{TEMURIN}:{release}-{kind}{more}" for more in ("-noble", "")]
    return _image(kitchen, names, kitchen.compilers, manifest)


def maven(kitchen: Kitchen, tag: str) -> list[str]:
    """`3.9-eclipse-temurin-17`, `3.9.4-eclipse-temurin-17`: Debian's Maven on its JDK."""
    found = re.fullmatch(rf"3\.9(?:\.\d+)?-{TEMURIN}-(\d+)", tag)
    if found is None:
        raise BedError(f"no recipe for maven:{tag}: there is 3.9-{TEMURIN}-17")

    def fill(root: Path) -> None:
        (root / "usr/local/bin").mkdir(parents=True)
        (root / "usr/local/bin/mvn").symlink_to("/usr/share/maven/bin/mvn")

    def manifest(platform: Platform) -> Descriptor:
        layers, env = _java(kitchen, platform, found[1], "jdk", ("maven",))
        layers.append(kitchen.layer(f"maven-{platform.key}", "mvn", fill, "languages.py"))
        settings = {"Env": [*env, "MAVEN_HOME=/usr/share/maven"], "Cmd": ["mvn"]}
        return make_manifest(kitchen.store, platform, layers, settings)

    return _image(kitchen, [f"docker.io/library/maven:{tag}"], kitchen.compilers, manifest)


def _java(
    kitchen: Kitchen, native: Platform, release: str, kind: str, more: Iterable[str] = ()
) -> tuple[list[Layer], list[str]]:
    """Layers and variables: Java where the public images have it, and this machine's certificates for it."""
    if release not in JAVAS:
        raise BedError(f"no recipe for Java {release}: there are {', '.join(JAVAS)}")
    platform = replace(native, suite=JAVAS[release])

    def fill(root: Path) -> None:
        (root / "opt/java").mkdir(parents=True)
        (root / "opt/java/openjdk").symlink_to(f"/usr/lib/jvm/java-{release}-openjdk-{platform.debian}")
        if STORE.exists():
            store = root / str(STORE)[1:]
            store.parent.mkdir(parents=True)
            shutil.copy2(STORE, store)

    packages = (f"openjdk-{release}-{kind}-headless", "ca-certificates", *more)
    layers = [
        debian_layer(kitchen, platform),
        packages_layer(kitchen, platform, f"java-{release}-{'-'.join((kind, *more))}", packages),
        kitchen.layer(f"java-{release}-home-{platform.key}", "/opt/java/openjdk", fill, "languages.py"),
    ]
    path = PATH.replace("PATH=", "PATH=/opt/java/openjdk/bin:")
    return layers, [path, "JAVA_HOME=/opt/java/openjdk", "LANG=C.UTF-8", *host_variables()]


def rust(kitchen: Kitchen, tag: str) -> list[str]:
    """`1.95-bookworm`: that release by this machine's rustup, on Debian with compilers.

    rustup itself is there for this machine alone: for another one its compiler is called without.
    """
    release = tag.removesuffix("-bookworm")
    if re.fullmatch(r"1\.\d+(?:\.\d+)?", release) is None:
        raise BedError(f"no recipe for rust:{tag}: there are releases such as 1.95 and 1.95-bookworm")
    rustup = shutil.which("rustup")
    if rustup is None:
        raise BedError(f"rust:{tag} is made with rustup, which this machine does not have")

    def fill(platform: Platform, root: Path) -> None:
        home, cargo = root / "usr/local/rustup", root / "usr/local/cargo"
        native = platform in HOST
        toolchain = release if native else f"{release}-{RUST_TRIPLES[platform.debian]}"
        words = ["toolchain", "install", toolchain, "--profile", "minimal", "--no-self-update"]
        run(
            rustup, *words, *([] if native else ["--force-non-host"]),
            env={**os.environ, "RUSTUP_HOME": str(home)},
        )  # fmt: skip
        (cargo / "bin").mkdir(parents=True)
        installed = next((home / "toolchains").iterdir()).name
        if native:
            shutil.copy2(Path(rustup).resolve(), cargo / "bin/rustup")
        for name in ("cargo", "rustc", "rustdoc"):
            own = f"../../rustup/toolchains/{installed}/bin/{name}"
            (cargo / "bin" / name).symlink_to("rustup" if native else own)

    def manifest(platform: Platform) -> Descriptor:
        layers = [
            debian_layer(kitchen, platform),
            packages_layer(kitchen, platform, "golang", GO_PACKAGES),
            kitchen.layer(
                f"rust-{release}-{platform.key}",
                f"rust {release}",
                functools.partial(fill, platform),
                "languages.py",
            ),
        ]
        homes = ("RUSTUP_HOME=/usr/local/rustup", "CARGO_HOME=/usr/local/cargo", f"RUST_VERSION={release}")
        path = PATH.replace("PATH=", "PATH=/usr/local/cargo/bin:")
        return make_manifest(kitchen.store, platform, layers, {"Env": [path, *homes, *host_variables()]})

    names = [f"docker.io/library/rust:{release}{more}" for more in ("-bookworm", "")]
    return _image(kitchen, names, kitchen.compilers, manifest)


def distroless_cc(kitchen: Kitchen, tag: str) -> list[str]:
    """What programs in C++ and Rust need besides."""
    users = {"latest": ("0", "/"), "nonroot": ("65532", "/home/nonroot")}
    if tag not in users:
        raise BedError(f"no recipe for {CC}:{tag}: there are {', '.join(users)}")
    user, workdir = users[tag]
    some = replace(kitchen, runtime=COMPILERS)
    return _distroless(some, "cc", (tag,), {"User": user, "WorkingDir": workdir})


RECIPES = {
    NGINX: nginx,
    HUGO: hugo,
    TEMURIN: temurin,
    "maven": maven,
    "rust": rust,
    CC: distroless_cc,
}
