"""Which base images there are, and how each is put together."""

from __future__ import annotations

import ast
import functools
import hashlib
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from . import binfmt, files, gotools, linker, maven, node, python, rootfs, uv
from .debian import (
    KEYRING,
    PRIVATE_TRIPLETS,
    Apt,
    Archive,
    ArchiveError,
    find_archive,
    merge_usr,
    unpack,
    unpack_one,
)
from .golang import go_tree
from .oci import Descriptor, Layer, Platform, Store, make_manifest
from .process import BedError, run, say, step
from .settings import HOST_ARCHITECTURE, TESTBED, Bed

AMD64, ARM64 = Platform("linux/amd64", "amd64"), Platform("linux/arm64", "arm64")
ARM7 = Platform("linux/arm/v7", "armhf")
OTHERS = (
    Platform("linux/386", "i386"),
    Platform("linux/s390x", "s390x"),
    Platform("linux/ppc64le", "ppc64el"),
    Platform("linux/riscv64", "riscv64", "trixie"),  # which it joined Debian with
)
RUNTIME = (AMD64, ARM64, ARM7, *OTHERS)
Recipe = Callable[["Kitchen"], list[str]]
COMPILERS = (AMD64, ARM64)
HOST = (Platform(f"linux/{HOST_ARCHITECTURE}", HOST_ARCHITECTURE),)

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
GO_PATH = "PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
GO_PACKAGES = (
    "g++",
    "gcc",
    "libc6-dev",
    "make",
    "pkg-config",
    "git",
    "ca-certificates",
    "curl",
    "wget",
    "gnupg",
    "netbase",
    "openssh-client",
    "procps",
    "tzdata",
)
# The code that makes a layer of Python.
PYTHON_CODE = ("python.py", "linker.py", "maven.py")
# On top of these, what Python packages with C in them are most often built with.
PYTHON_PATH = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
PYTHON_PACKAGES = (
    *GO_PACKAGES,
    "libbz2-dev",
    "libffi-dev",
    "liblzma-dev",
    "libpq-dev",
    "libsqlite3-dev",
    "libssl-dev",
    "libxml2-dev",
    "libxslt1-dev",
    "zlib1g-dev",
)
# What uv's images start: the bare one the program itself, the others nothing by themselves.
UV_SETTINGS: dict[bool, dict[str, object]] = {
    False: {"Entrypoint": ["/uv"], "WorkingDir": "/io"},
    True: {"Cmd": ["/usr/local/bin/uv"]},
}
NODE_PACKAGES = (*GO_PACKAGES, "python3", "libsqlite3-dev", "libssl-dev", "zlib1g-dev")
# Where certificates and package registries are: passed on only where this machine sets them.
CERTIFICATE_VARIABLES = (
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "CARGO_HTTP_CAINFO",
)
REGISTRY_VARIABLES = (
    "GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOPROXY", "GOPRIVATE", "PIP_INDEX_URL", "UV_DEFAULT_INDEX",
    "UV_INDEX_URL", "NPM_CONFIG_REGISTRY",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip


@dataclass
class Kitchen:
    """What every recipe needs: the store, and one apt per architecture, made when first asked for.

    Only one at a time: what an earlier one left half done is cleared away.
    """

    bed: Bed
    go: Path
    runtime: tuple[Platform, ...] = RUNTIME
    compilers: tuple[Platform, ...] = COMPILERS

    def __post_init__(self) -> None:
        self.store = Store(self.bed.store)
        self.store.sweep()
        shutil.rmtree(self.bed.cache / "work", ignore_errors=True)
        self._absent: dict[str, ArchiveError] = {}

    @functools.cached_property
    def archive(self) -> Archive:
        return find_archive(self.bed.cache / "apt/machine")

    def apt(self, platform: Platform, status: str = "") -> Apt:
        folder = self.bed.cache / "apt" / platform.key
        files.write(folder / "status", status)
        sources = self.archive.sources(platform.suite)
        apt = Apt(folder, platform.debian, sources, status=folder / "status")
        if platform.key in self._absent:
            raise self._absent[platform.key]
        try:
            apt.update()
        except ArchiveError as error:
            self._absent[platform.key] = error
            raise
        return apt

    def tree(self, name: str) -> Path:
        """An empty folder to put a layer together in."""
        path = self.bed.cache / "work" / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def layer(self, name: str, title: str, fill: Callable[[Path], None], *made_by: str) -> Layer:
        """The layer of that name, made unless the same code (`rootfs.py` and others) has made it before."""
        key = f"{name}-{_fingerprint(title, made_by or ('rootfs.py',))}"
        if known := self.store.known_layer(key):
            return known
        with step(f"making image layer {name}"):
            root = self.tree(key)
            fill(root)
            root.chmod(0o755)
            layer = self.store.add_layer(key, root, title)
            shutil.rmtree(root)
        return layer


def host_variables() -> list[str]:
    certificates = [f"{name}={CERTIFICATES}" for name in CERTIFICATE_VARIABLES if name in os.environ]
    return certificates + [f"{name}={os.environ[name]}" for name in REGISTRY_VARIABLES if name in os.environ]


def _fingerprint(title: str, made_by: Iterable[str]) -> str:
    """Changes when the way a layer is made changes, or this machine's own certificates."""
    code = "".join(map(_code, made_by))
    sources: list[Path] = []
    if "rootfs.py" in made_by:
        sources += sorted(rootfs.HOST_CERTIFICATES.glob("**/*.crt"))
    return hashlib.sha256(
        f"{title}\n{code}".encode() + b"".join(path.read_bytes() for path in sources)
    ).hexdigest()[:12]


# Python 3.11's compiler counts its depth for all threads together: `ast.parse` in two at once may fail with
# "AST constructor recursion depth mismatch" (python/cpython#106905, mended in 3.11.8).
_PARSING = threading.Lock()


@functools.cache
def _code(name: str) -> str:
    """A module of the bed's, without its layout and comments."""
    with _PARSING:
        return ast.dump(ast.parse((TESTBED / "bed" / name).read_text()))


# Layers


def debian_layer(kitchen: Kitchen, platform: Platform) -> Layer:
    def fill(root: Path) -> None:
        apt = kitchen.apt(platform)
        archives = kitchen.tree(f"archives-debian-{platform.key}")
        names = [*apt.required(), "apt", "tzdata", "debian-archive-keyring"]
        status = rootfs.install(apt.download(names, archives), root, platform.debian, "")
        rootfs.finish_base(root, _sources(apt))
        rootfs.add_certificates(root)
        files.write(_status_file(kitchen, platform.key), status)
        shutil.rmtree(archives)

    return kitchen.layer(f"debian-{platform.key}", f"debian {platform.suite} from its packages", fill)


def packages_layer(
    kitchen: Kitchen, platform: Platform, key: str, names: Iterable[str], on: str = "", *made_by: str
) -> Layer:
    """Packages, certificates included, on Debian's layer or on the one named `on`, which that code makes."""
    wanted = tuple(names)

    def fill(root: Path) -> None:
        below = _status_file(kitchen, on or platform.key).read_text()
        archives = kitchen.tree(f"archives-{key}-{platform.key}")
        debs = kitchen.apt(platform, below).download(wanted, archives)
        rootfs.install(debs, root, platform.debian, below)
        rootfs.add_certificates(root)
        shutil.rmtree(archives)

    title = f"apt-get install {' '.join(wanted)}"
    return kitchen.layer(f"{key}-{platform.key}", title, fill, "rootfs.py", *made_by)


def go_layer(kitchen: Kitchen, platform: Platform, version: str) -> Layer:
    def fill(root: Path) -> None:
        go_tree(kitchen.bed, kitchen.go, version, platform.fields["architecture"], root / "usr/local/go")
        for name in ("go", "go/src", "go/bin"):
            (root / name).mkdir()
            (root / name).chmod(0o1777)

    return kitchen.layer(f"go-{version}-{platform.key}", f"go {version} in /usr/local/go", fill, "golang.py")


def python_layer(kitchen: Kitchen, platform: Platform, version: str) -> Layer:
    """Python and the libraries that it needs, on top of Debian's layer."""
    name = _python_key(version, platform)
    architecture = platform.fields["architecture"]

    def fill(root: Path) -> None:
        below = _status_file(kitchen, platform.key).read_text()
        archives = kitchen.tree(f"archives-{name}")
        debs = kitchen.apt(platform, below).download(python.packages(version), archives)
        own = [deb for deb in debs if python.is_own(deb)]
        status = rootfs.install([deb for deb in debs if deb not in own], root, platform.debian, below)
        rootfs.add_certificates(root)
        if build := python.RELEASES[version].build:
            jar = maven.jar(kitchen.bed, *python.JAVACPP, build, python.CLASSIFIERS[architecture])
            release = python.from_javacpp(jar, version, architecture, root)
        else:
            link = functools.partial(_link, kitchen, platform)
            spare = kitchen.tree(f"spare-{name}")
            release = python.from_debian(own, version, architecture, spare, root, link)
        files.write(_status_file(kitchen, name), status)
        files.write(_python_note(kitchen, name), release)
        shutil.rmtree(archives)

    return kitchen.layer(name, f"python {version} in /usr/local", fill, "rootfs.py", *PYTHON_CODE)


def _link(kitchen: Kitchen, platform: Platform, objects: list[Path], program: Path) -> None:
    """With the C library of that platform, of which a program needs some parts."""
    key = f"libc-{platform.key}"
    archives, spare = kitchen.tree(f"archives-{key}"), kitchen.tree(key)
    unpack(kitchen.apt(platform).download(["libc6-dev"], archives), spare)
    folder = spare / "usr/lib" / PRIVATE_TRIPLETS[platform.debian]
    first, last = [folder / "Scrt1.o", folder / "crti.o"], [folder / "libc.so.6", folder / "crtn.o"]
    linker.link(
        kitchen.bed, kitchen.archive, platform.fields["architecture"], [*first, *objects, *last], program
    )
    for each in (archives, spare):
        shutil.rmtree(each)


def _python_note(kitchen: Kitchen, layer: str) -> Path:
    """The exact release that was found for that layer."""
    return kitchen.store.folder / "python-releases" / layer


def _python_key(version: str, platform: Platform) -> str:
    return f"python-{version}-{platform.key}"


def node_layer(kitchen: Kitchen, platform: Platform, asked: str) -> Layer:
    """Node.js, npm, corepack and yarn in /usr/local and /opt, and the user `node`."""
    found = node.release(asked)
    below = kitchen.store.blob(debian_layer(kitchen, platform).digest)

    def fill(root: Path) -> None:
        node.install(kitchen.bed, found, platform.fields["architecture"], below, root)

    name = f"node-{found.version}-{platform.key}"
    return kitchen.layer(name, f"node {found.version}, npm {found.npm}", fill, "node.py")


def uv_layer(kitchen: Kitchen, platform: Platform, version: str, folder: str) -> Layer:
    """uv and uvx in that folder: the root of the bare image, /usr/local/bin of those with a system."""
    architecture = platform.fields["architecture"]

    def fill(root: Path) -> None:
        uv.install(kitchen.bed, version, architecture, root / folder)
        if not folder:
            (root / "io").mkdir()

    name = f"uv-{version}-{architecture}{'' if folder else '-bare'}"
    return kitchen.layer(name, f"uv {version} in /{folder}", fill, "uv.py")


def busybox_layer(kitchen: Kitchen, platform: Platform) -> Layer:
    def fill(root: Path) -> None:
        archives = kitchen.tree(f"archives-busybox-{platform.key}")
        debs = kitchen.apt(platform).download(["busybox-static"], archives)
        _fill_busybox(root, next(deb for deb in debs if deb.name.startswith("busybox-static_")))
        shutil.rmtree(archives)

    return kitchen.layer(f"busybox-{platform.key}", "busybox", fill)


DISTROLESS = {
    "static": ("base-files", "netbase", "tzdata", "ca-certificates", "media-types"),
    "base": ("libc6", "libssl3"),
    "cc": ("libgcc-s1", "libgomp1", "libstdc++6"),
}


def distroless_layer(kitchen: Kitchen, platform: Platform, kind: str) -> Layer:
    names = DISTROLESS[kind]
    if platform.suite == "trixie":
        names = tuple(name.replace("libssl3", "libssl3t64") for name in names)

    def fill(root: Path) -> None:
        archives = kitchen.tree(f"archives-distroless-{kind}-{platform.key}")
        debs = {re.split("_", deb.name)[0]: deb for deb in kitchen.apt(platform).download(names, archives)}
        merge_usr(root, rootfs.LIBRARY_LINKS.get(platform.debian, ()))
        for name in names:
            _unpack_distroless(debs[name], root, name)
        if kind == "static":
            _finish_distroless(root)
        shutil.rmtree(archives)

    return kitchen.layer(f"distroless-{kind}-{platform.key}", f"distroless {kind}", fill)


def _unpack_distroless(deb: Path, root: Path, name: str) -> None:
    unpack_one(deb, root)
    (root / "var/lib/dpkg/status.d").mkdir(parents=True, exist_ok=True)
    (root / "var/lib/dpkg/status.d" / name).write_text(run("dpkg-deb", "-f", deb))
    for unwanted in ("usr/share/doc", "usr/share/man", "usr/share/lintian", "usr/share/bug", "usr/sbin"):
        shutil.rmtree(root / unwanted, ignore_errors=True)
    (root / "usr/sbin").mkdir(exist_ok=True)


def _finish_distroless(root: Path) -> None:
    users = (
        "root:x:0:0:root:/root:/sbin/nologin",
        "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin",
        "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin",
    )
    groups = ("root:x:0:", "nobody:x:65534:", "tty:x:5:", "staff:x:50:", "nonroot:x:65532:")
    (root / "etc/passwd").write_text("".join(f"{line}\n" for line in users))
    (root / "etc/group").write_text("".join(f"{line}\n" for line in groups))
    (root / "etc/nsswitch.conf").write_text("hosts: files dns\n")
    rootfs.make_places(root)
    rootfs.add_certificates(root)
    home = root / "home/nonroot"
    home.mkdir(parents=True)
    home.chmod(0o700)
    os.chown(home, 65532, 65532)


# Images


def debian(kitchen: Kitchen) -> list[str]:
    def manifest(platform: Platform) -> Descriptor:
        settings = {"Env": [PATH, *host_variables()], "Cmd": ["bash"]}
        return make_manifest(kitchen.store, platform, [debian_layer(kitchen, platform)], settings)

    tags = ("bookworm", "bookworm-slim", "12", "12-slim", "latest", "stable-slim")
    return _image(kitchen, [f"docker.io/library/debian:{tag}" for tag in tags], kitchen.runtime, manifest)


def golang(kitchen: Kitchen, tag: str) -> list[str]:
    asked = _release(tag)
    version = _go_version(kitchen, asked)

    def manifest(platform: Platform) -> Descriptor:
        layers = [
            debian_layer(kitchen, platform),
            packages_layer(kitchen, platform, "golang", GO_PACKAGES),
            go_layer(kitchen, platform, version),
        ]
        env = [GO_PATH, f"GOLANG_VERSION={version}", "GOTOOLCHAIN=local", "GOPATH=/go", *host_variables()]
        return make_manifest(
            kitchen.store, platform, layers, {"Env": env, "Cmd": ["bash"], "WorkingDir": "/go"}
        )

    tags = {asked, version} | ({version.rpartition(".")[0]} if _is_newest(kitchen, version) else set())
    names = [f"docker.io/library/golang:{tag}{more}" for tag in sorted(tags) for more in ("", "-bookworm")]
    return _image(kitchen, names, kitchen.compilers, manifest)


def python_images(kitchen: Kitchen, tag: str) -> list[str]:
    """The full image, with compilers, and the slim one, on the suite that the tag names, or the usual one."""
    version, *words = tag.split("-")
    named = next((word for word in words if word != "slim"), "")
    found = _python_release(version, named)
    suite = named or found.suites[0]
    return [
        name
        for slim in ("-slim", "")
        for name in _python(
            kitchen,
            version,
            suite,
            bool(slim),
            (*([f"{version}{slim}"] if suite == found.suites[0] else []), f"{version}{slim}-{suite}"),
        )
    ]


def _python_release(asked: str, suite: str = "") -> python.Release:
    """That release, if there is a recipe for it, and on that suite, if one is named."""
    found = python.RELEASES.get(asked)
    if found is None or suite not in ("", *found.suites):
        known = [f"{name}-{suite}" for name, each in python.RELEASES.items() for suite in each.suites]
        raise BedError(f"no recipe for python:{asked}{suite and f'-{suite}'}: there are {', '.join(known)}")
    return found


def _python(kitchen: Kitchen, version: str, suite: str, slim: bool, tags: tuple[str, ...]) -> list[str]:
    def manifest(native: Platform) -> Descriptor:
        layers, env = _python_base(kitchen, replace(native, suite=suite), version, slim)
        return make_manifest(kitchen.store, native, layers, {"Env": env, "Cmd": ["python3"]})

    return _image(kitchen, [f"docker.io/library/python:{tag}" for tag in tags], kitchen.compilers, manifest)


def _python_base(
    kitchen: Kitchen, platform: Platform, version: str, slim: bool
) -> tuple[list[Layer], list[str]]:
    """Layers and variables of such an image."""
    key = _python_key(version, platform)
    layers = [debian_layer(kitchen, platform), python_layer(kitchen, platform, version)]
    if not slim:
        name = f"python-{version}-full"
        layers.append(packages_layer(kitchen, platform, name, PYTHON_PACKAGES, key, *PYTHON_CODE))
    release = _python_note(kitchen, key).read_text()
    return layers, [PYTHON_PATH, *python.variables(version, release), *host_variables()]


def uv_images(kitchen: Kitchen, tag: str) -> list[str]:
    """The bare image, with nothing but its programs, or one on Debian or on one of Python's images."""
    found = uv.image(tag)
    if found.python:
        _python_release(found.python, found.suite)

    def manifest(native: Platform) -> Descriptor:
        platform = replace(native, suite=found.suite or native.suite)
        layers, env = _uv_base(kitchen, platform, found)
        folder = "usr/local/bin" if found.suite else ""
        settings = {"Env": [*env, *found.variables], **UV_SETTINGS[bool(found.suite)]}
        layers.append(uv_layer(kitchen, platform, found.version, folder))
        return make_manifest(kitchen.store, platform, layers, settings)

    return _image(kitchen, [f"{uv.HUB}:{each}" for each in found.tags], kitchen.compilers, manifest)


def _uv_base(kitchen: Kitchen, platform: Platform, found: uv.Image) -> tuple[list[Layer], list[str]]:
    if found.python:
        return _python_base(kitchen, platform, found.python, found.slim)
    if not found.suite:
        return [], [PATH]
    layers = [debian_layer(kitchen, platform)]
    if not found.slim:
        layers.append(packages_layer(kitchen, platform, "buildpack-deps", PYTHON_PACKAGES))
    return layers, [PATH, *host_variables()]


def node_images(kitchen: Kitchen, tag: str) -> list[str]:
    """The full image, with compilers and Python, and the slim one; both on bookworm."""
    asked = _release(tag)
    version = node.release(asked).version
    named = (version.partition(".")[0], version.rpartition(".")[0], version)
    return [
        name
        for slim in ("-slim", "")
        for name in _node(
            kitchen,
            asked,
            bool(slim),
            tuple(f"{each}{more}{slim}" for each in named for more in ("", "-bookworm")),
        )
    ]


def _node(kitchen: Kitchen, asked: str, slim: bool, tags: tuple[str, ...]) -> list[str]:
    found = node.release(asked)

    def manifest(platform: Platform) -> Descriptor:
        packages = ("ca-certificates", "netbase", "tzdata") if slim else NODE_PACKAGES
        layers = [
            debian_layer(kitchen, platform),
            packages_layer(kitchen, platform, "node-slim" if slim else "node-full", packages),
            node_layer(kitchen, platform, asked),
        ]
        env = [PATH, f"NODE_VERSION={found.version}", f"YARN_VERSION={found.yarn}", *host_variables()]
        return make_manifest(kitchen.store, platform, layers, {"Env": env, "Cmd": ["node"]})

    return _image(kitchen, [f"docker.io/library/node:{tag}" for tag in tags], kitchen.compilers, manifest)


def distroless(kitchen: Kitchen) -> list[str]:
    names = []
    for kind in ("static", "base"):
        for user, workdir, tags in (("0", "/", ("latest",)), ("65532", "/home/nonroot", ("nonroot",))):
            names += _distroless(kitchen, kind, tags, {"User": user, "WorkingDir": workdir})
    return names


def _distroless(kitchen: Kitchen, kind: str, tags: tuple[str, ...], user: dict[str, str]) -> list[str]:
    def manifest(platform: Platform) -> Descriptor:
        kinds = {"static": ("static",), "base": ("static", "base")}.get(kind, ("static", "base", "cc"))
        layers = [distroless_layer(kitchen, platform, name) for name in kinds]
        settings = {"Env": [PATH, f"SSL_CERT_FILE={CERTIFICATES}"], **user}
        return make_manifest(kitchen.store, platform, layers, settings)

    hub = "gcr.io/distroless"
    names = [f"{hub}/{kind}{more}:{tag}" for more in ("-debian12", "") for tag in tags]
    return _image(kitchen, names, kitchen.runtime, manifest)


def busybox(kitchen: Kitchen) -> list[str]:
    def manifest(platform: Platform) -> Descriptor:
        layer = busybox_layer(kitchen, platform)
        return make_manifest(kitchen.store, platform, [layer], {"Env": [PATH], "Cmd": ["sh"]})

    return _image(kitchen, ["docker.io/library/busybox:latest"], kitchen.runtime, manifest)


BUSYBOX = (
    "sh ash cat cp mv rm ls ln mkdir rmdir chmod chown touch echo printf test true false sleep env id "
    "whoami pwd  uname date head tail cut sort uniq wc tr grep egrep fgrep sed awk find xargs tar "
    "gzip gunzip zcat wget ps kill  du df stat sha256sum md5sum od hexdump basename dirname readlink "
    "realpath which tee expr seq adduser addgroup"
)


def _fill_busybox(root: Path, deb: Path) -> None:
    spare = root.with_name(f"{root.name}-deb")
    merge_usr(spare)
    unpack_one(deb, spare)
    (root / "bin").mkdir()
    shutil.copy2(spare / "usr/bin/busybox", root / "bin/busybox")
    shutil.rmtree(spare)
    for name in BUSYBOX.split():
        (root / "bin" / name).symlink_to("busybox")
    rootfs.make_places(root)
    (root / "etc").mkdir()
    (root / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n"
    )
    (root / "etc/group").write_text("root:x:0:\nnobody:x:65534:\n")


def buildkit(kitchen: Kitchen) -> list[str]:
    """What `buildx create --driver docker-container` asks for, with today's BuildKit in it."""
    tools = gotools.folder(kitchen.bed)

    def fill(root: Path) -> None:
        (root / "usr/bin").mkdir(parents=True)
        for name in ("buildkitd", "buildctl"):
            shutil.copy2(tools / name, root / "usr/bin" / name)

    def manifest(platform: Platform) -> Descriptor:
        layers = [
            debian_layer(kitchen, platform),
            packages_layer(
                kitchen, platform, "buildkit", ("runc", "git", "ca-certificates", "openssh-client", "pigz")
            ),
            kitchen.layer(
                f"buildkit-{_digest(tools / 'buildkitd')}-{platform.key}", "buildkitd, buildctl", fill
            ),
        ]
        settings = {
            "Env": [PATH, *host_variables()],
            "Entrypoint": ["buildkitd"],
            "Volumes": {"/var/lib/buildkit": {}},
        }
        return make_manifest(kitchen.store, platform, layers, settings)

    return _image(kitchen, ["docker.io/moby/buildkit:buildx-stable-1"], HOST, manifest)


def qemu(kitchen: Kitchen) -> list[str]:
    """What `docker run --privileged --rm tonistiigi/binfmt --install arm64` asks for."""

    def manifest(platform: Platform) -> Descriptor:
        below = busybox_layer(kitchen, platform)
        qemu_packages = (kitchen.bed.packages / "choice").read_text()
        layer = kitchen.layer(
            f"binfmt-{platform.key}",
            f"Debian's QEMU ({qemu_packages})",
            lambda root: binfmt.fill_image(kitchen.bed, root),
            "binfmt.py",
        )
        settings = {"Env": [PATH], "Entrypoint": ["/usr/bin/binfmt"]}
        return make_manifest(kitchen.store, platform, [below, layer], settings)

    return _image(kitchen, ["docker.io/tonistiigi/binfmt:latest"], HOST, manifest)


def frontend(kitchen: Kitchen) -> list[str]:
    """What a `# syntax=docker/dockerfile:1` line asks for."""
    program = gotools.folder(kitchen.bed) / "dockerfile-frontend"
    capabilities = ("inputs", "subrequests", "contexts", "gitquerystring")
    labels = {
        "moby.buildkit.frontend.network.none": "true",
        "moby.buildkit.frontend.caps": ",".join(f"moby.buildkit.frontend.{name}" for name in capabilities),
    }

    def fill(root: Path) -> None:
        (root / "bin").mkdir()
        shutil.copy2(program, root / "bin/dockerfile-frontend")

    def manifest(platform: Platform) -> Descriptor:
        layer = kitchen.layer(f"frontend-{_digest(program)}", "dockerfile-frontend", fill)
        settings = {
            "Env": [PATH],
            "WorkingDir": "/",
            "Entrypoint": ["/bin/dockerfile-frontend"],
            "Labels": labels,
        }
        return make_manifest(kitchen.store, platform, [layer], settings)

    tags = ("1", "latest", "1-labs", *(f"1.{minor}" for minor in range(2, 25)))
    return _image(kitchen, [f"docker.io/docker/dockerfile:{tag}" for tag in tags], HOST, manifest)


# Parts


def _unless_absent(manifest: Callable[[Platform], Descriptor], platform: Platform) -> Descriptor | None:
    """Without the packages of a further platform the images are made for the others."""
    try:
        return manifest(platform)
    except ArchiveError as error:
        if platform not in OTHERS:
            raise
        say(f"{platform.name} is left out: {error}")
        return None


def _image(
    kitchen: Kitchen,
    names: list[str],
    platforms: Iterable[Platform],
    manifest: Callable[[Platform], Descriptor],
) -> list[str]:
    """Made for these platforms; what it has for others from an earlier time, it keeps."""
    with ThreadPoolExecutor(2) as pool:
        made = pool.map(lambda platform: _unless_absent(manifest, platform), platforms)
    fresh = [each for each in made if each is not None]
    known = [each["platform"] for each in fresh]
    kept = [each for each in kitchen.store.manifests(names[0]) if each["platform"] not in known]
    kitchen.store.add_image(names, [*fresh, *kept])
    return names


def _release(tag: str) -> str:
    """The release that a tag names, whatever Debian it is to stand on."""
    return re.sub(r"-(slim|bookworm|bullseye|trixie)\b", "", tag)


def _go_version(kitchen: Kitchen, asked: str) -> str:
    """`1.21.5` is itself, `1.21` its newest release that need not be compiled. Noted, so that it stays."""
    note = kitchen.store.folder / "go-releases" / asked
    if not note.exists():
        files.write(note, _find_go_version(kitchen, asked))
    return note.read_text()


def _find_go_version(kitchen: Kitchen, asked: str) -> str:
    listed = reversed(gotools.releases(kitchen.bed, kitchen.go))
    found = [version for version in listed if version == asked or version.startswith(f"{asked}.")]
    if not found:
        raise BedError(f"no Go release {asked}: the module proxy lists none")
    return next((version for version in found if _is_served(kitchen, version)), found[0])


def _is_served(kitchen: Kitchen, version: str) -> bool:
    """Whether the module proxy has that release for every platform the images are made for."""
    foreign = {platform.fields["architecture"] for platform in kitchen.compilers} - {HOST_ARCHITECTURE}
    return all(gotools.toolchain(kitchen.bed, kitchen.go, version, name) for name in foreign)


def _is_newest(kitchen: Kitchen, version: str) -> bool:
    return version.count(".") == 2 and _go_version(kitchen, version.rpartition(".")[0]) == version


def _status_file(kitchen: Kitchen, layer: str) -> Path:
    """What dpkg knows when that layer is the topmost; Debian's own goes by its platform alone."""
    return kitchen.store.folder / "status" / layer


def _sources(apt: Apt) -> str:
    """The image's own package sources: those that exist for its architecture."""
    text = "Types: deb\nURIs: {}\nSuites: {}\nComponents: main\nSigned-By: " + KEYRING + "\n"
    return "\n".join(text.format(address, name) for address, name in apt.answering())


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
